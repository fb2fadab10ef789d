"""Two sites that must not know of each other, with everything a machine can have; whatever is of the other one says `FOREIGN`."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from typing import Any

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from analyticlens.protocol.live import LiveFrame
from api.models import Command, Shift, VirtualMachine, VMInspectionTool
from audit import Actor
from config.access import permission_of
from edge import live
from edge.models import MachineToken, issue_code
from recipes.publishing import publish
from results.models import InspectionResult
from results.pictures import store_picture
from tests.dashboard.results_rows import deliver, hear
from tests.rows import make_machine, make_tool, make_user
from user.models import ApiToken, Line, Site, User

# Nothing that comes from the other site may hold this word: each of its texts does.
FOREIGN = "zyx_foreign"
JSON = "application/json"
PLACE = re.compile(r"<(?:\w+:)?(\w+)>")
GROUP = re.compile(r"\(\?P<(\w+)>[^)]*\)")


@dataclass
class Yard:
    """A site with a line, and a machine that has everything."""

    word: str
    line: Line
    machine: VirtualMachine
    tool: VMInspectionTool
    result: InspectionResult
    picture: str
    command: Command
    shift: Shift
    token: str
    code: str

    @property
    def values(self) -> dict[str, str]:
        """What stands in the places of addresses that are about this site."""
        return {
            "machine_id": self.machine.machine_id,
            "number": str(self.tool.number),
            "version": "1",
            "sha256": self.picture,
            "code": self.line.site.code,
            "command_id": str(self.command.id),
            "prefix": MachineToken.objects.filter(machine=self.machine)[0].prefix,
        }


def yard(word: str) -> Yard:
    """Return a new site. Its machine runs, shows itself, and has tools, versions, results with a picture, a command, tokens and a code."""
    site = Site.objects.create(code=word, name=f"Site {word}")
    line = Line.objects.create(site=site, code=f"line_{word}", name=f"Line {word}")
    machine = make_machine(f"vm_{word}", name=f"Name {word}", description=f"About {word}", line=line)
    machine.set_tags([f"tag_{word}"])
    machine.save()
    by = Actor("user", f"author_{word}")
    tool = make_tool(machine, f"Tool {word}")
    hear(machine, error_message=f"fault {word}")
    publish(machine, by, f"reason {word}")
    jpeg = b"\xff\xd8\xff\xe0" + word.encode() * 20
    sha256 = hashlib.sha256(jpeg).hexdigest()
    picture = {"sha256": sha256, "mime": "image/jpeg", "size": len(jpeg)}
    said: dict[str, Any] = {"part_id": f"part_{word}", "message": f"said {word}", "picture": picture}
    rows = deliver(machine, "ok", "nok", **said)
    store_picture(machine, sha256, [jpeg])
    live.put(machine, jpeg, LiveFrame())
    return Yard(
        word=word,
        line=line,
        machine=machine,
        tool=tool,
        result=rows[0],
        picture=sha256,
        command=machine.command("trigger", by, {}, 600),
        shift=Shift.objects.create(site=site, name=f"Shift {word}", begins=time(6), ends=time(14)),
        token=MachineToken.issue(machine).text,
        code=issue_code(machine, by),
    )


def person_at(line: Line, role: str) -> User:
    """Return somebody of that role who is bound to a line."""
    user = make_user(role, bounded=True)
    user.lines.add(line)
    return user


def session(user: User, **options: Any) -> Client:
    """Return the browser of somebody who signed in."""
    client = Client(headers={"Accept-Language": "en"}, **options)
    client.force_login(user)
    return client


def program(user: User, role: str = "") -> Client:
    """Return a program with a token of a person's."""
    token = ApiToken.issue(user, "test", role or user.role)[1]
    return Client(headers={"Authorization": f"Bearer {token.text}", "Accept-Language": "en"})


@dataclass(frozen=True)
class Route:
    """A route of the real table: its name and its address with places to fill."""

    name: str
    address: str

    @property
    def places(self) -> list[str]:
        """The names of what is to be filled in."""
        return PLACE.findall(self.address)

    def at(self, **values: str) -> str:
        """Return an address; what is not named stands for nothing that is there."""
        nothing = {"pk": "987654", "uuid": str(uuid.UUID(int=7)), "command_id": str(uuid.UUID(int=7))}
        nothing |= {"sha256": "0" * 64, "number": "1", "version": "1", "object_id": "1", "content_type_id": "1"}
        return PLACE.sub(lambda place: {**nothing, **values}.get(place[1], "nothing"), self.address)

    def asks(self, method: str) -> str:
        """Return what the table asks of whoever calls it so."""
        return permission_of(self.name, method) or ""


def routes(resolver: URLResolver | None = None, space: str = "", before: str = "/") -> Iterator[Route]:
    """Yield every route there is, those of Django's admin too."""
    for entry in (resolver or get_resolver("config.urls")).url_patterns:
        pattern = GROUP.sub(r"<\1>", str(entry.pattern)).strip("^$").replace("\\Z", "")
        if isinstance(entry, URLPattern):
            yield Route(f"{space}{entry.name or ''}", f"{before}{pattern}".replace("//", "/"))
        else:
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from routes(entry, inner, f"{before}{pattern}")


ROUTES = list(routes())


def said(answer: Any) -> bytes:
    """Return everything that came, headers and body; a file is let go of at its end."""
    body = b"".join(answer) if answer.streaming else answer.content
    return str(answer.headers).encode() + bytes(body)
