"""The part of `analyticlens up` that needs Django, in a process of its own: it prepares the data folder, then follows the line's start.

Its one argument is JSON: {"data": folder, "url": address of the pages, "demo": with the demonstration line or not}. It speaks in lines of
JSON on its standard output: {"say": text} for the person, {"machines": {id: code or null}} when everything is prepared. After a line on
its standard input (the pages answer) it lets new machines run, tells of the first verdicts, and says {"followed": true}.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyticlens.demo.station import DemoStation
from analyticlens.machine import clock
from analyticlens.up.folder import Folder

if TYPE_CHECKING:
    from audit import Actor

ORCHESTRATOR = Path(__file__).parent.parent / "orchestrator"
PICTURES = 48
FOLLOW_SECONDS = 120.0
LOOK_EVERY = 0.3
DOOR_TOKEN = "door_token"
WORDS = {"ok": "OK", "nok": "NOK", "undecided": "undecided", "error": "error"}


def emit(**event: Any) -> None:
    """Tell the supervisor something."""
    print(json.dumps(event), flush=True)


def main(arguments: Sequence[str]) -> int:
    """Prepare, then follow."""
    job = json.loads(arguments[0])
    folder = Folder(Path(job["data"]))
    sys.path.insert(0, str(ORCHESTRATOR))
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ["AL_DATA"] = str(folder.root)
    import django

    django.setup()
    database(folder)
    line = demonstration(folder, job["url"]) if job["demo"] else {}
    emit(machines={machine_id: code_for(folder, machine_id) for machine_id in line})
    if sys.stdin.readline():
        follow(folder, line)
        emit(followed=True)
    return 0


def database(folder: Folder) -> None:
    """Bring the database up to date and see that there is an administrator."""
    from django.core.management import call_command

    emit(say="Preparing the database")
    call_command("migrate", verbosity=0, interactive=False)
    told = io.StringIO()
    call_command("ensure_admin", password_file=folder.password, stdout=told)
    if "Password" in told.getvalue():
        emit(say=told.getvalue().strip())


def _actor() -> Actor:
    from audit import Actor

    return Actor("system", "analyticlens up")


def demonstration(folder: Folder, url: str) -> dict[str, Any]:
    """Return the line's machines that are to run; what of them was never made, or not to its end, is made first."""
    from analyticlens.demo.line import STATIONS
    from api.models import VirtualMachine

    known = VirtualMachine.objects.filter(machine_id__in=[station.machine_id for station in STATIONS])
    existing = set(known.values_list("machine_id", flat=True))
    line = folder.line()
    if line is None:
        # Noted before the first is made, so that a start that was cut short is finished by the next one.
        line = {s.machine_id: {"made": False, "run": True} for s in STATIONS if s.machine_id not in existing}
        for taken in sorted(existing):
            emit(say=f"There is a machine {taken} already; the demonstration leaves it alone")
        folder.remember(line)
    seed = secrets.randbelow(2**32)
    for station in STATIONS:
        if station.machine_id in line and not line[station.machine_id]["made"]:
            if station.machine_id not in existing:
                make_machine(station, folder, url, seed)
            line[station.machine_id]["made"] = True
            folder.remember(line)
    active = set(known.filter(is_active=True).values_list("machine_id", flat=True))
    return {machine_id: kept for machine_id, kept in line.items() if machine_id in active}


def make_machine(station: DemoStation, folder: Folder, url: str, seed: int) -> None:
    """Draw one station's pictures into its machine's data folder, and make the machine with its recipe published."""
    from analyticlens.demo.line import draw_station
    from edge.management.commands.add_machine import add_machine
    from user.models import Role, User

    emit(
        say=f"{station.machine_id} ({station.name}): drawing {PICTURES} pictures (seed {seed}) and publishing the recipe"
    )
    draw_station(station, folder.machine(station.machine_id) / station.folder, seed, PICTURES)
    add_machine(
        station.machine_id,
        name=station.name,
        description=station.description,
        owner=User.objects.filter(role=Role.ADMIN, is_active=True).earliest("id"),
        django_url=url,
        by=_actor(),
        reason="demonstration line",
        configuration=station.configuration,
        recipe=station.recipe,
        mode="PRODUCAO",
    )


def code_for(folder: Folder, machine_id: str) -> str | None:
    """Return a one-time code for a machine that has no good token; None for one that has."""
    from api.models import VirtualMachine
    from edge.models import MachineToken, issue_code

    path = folder.machine(machine_id) / DOOR_TOKEN
    if path.exists() and MachineToken.find(path.read_text(encoding="ascii").strip()) is not None:
        return None
    # One that was revoked, or is of another database: the machine would go on trying it.
    path.unlink(missing_ok=True)
    return issue_code(VirtualMachine.objects.get(machine_id=machine_id), _actor())


def follow(folder: Folder, line: dict[str, Any]) -> None:
    """Let new machines run once they are there, and tell of each one's first verdict of this start."""
    from api.models import VirtualMachine
    from results.models import InspectionResult

    newest = InspectionResult.objects.order_by("-id").values_list("id", flat=True).first() or 0
    waiting = set(line)
    never = threading.Event()
    deadline = clock.mono() + FOLLOW_SECONDS
    while waiting and clock.mono() < deadline:
        for machine in VirtualMachine.objects.filter(machine_id__in=waiting):
            let_run(folder, machine, line)
            first = InspectionResult.objects.filter(machine=machine, id__gt=newest).order_by("id").first()
            asked = machine.desired()
            if first is not None:
                emit(say=f"{machine.machine_id} ({machine.name}): first verdict {WORDS[first.verdict]}")
            elif asked is None or asked.asked.run_state == "running":
                continue
            elif machine.is_connected():
                emit(say=f"{machine.machine_id} ({machine.name}): connected; it was stopped and stays so")
            else:
                continue
            waiting.discard(machine.machine_id)
        clock.wait(never, LOOK_EVERY)
    for machine_id in sorted(waiting):
        emit(say=f"{machine_id}: no verdict yet; see {folder.logs / machine_id}.log")


def let_run(folder: Folder, machine: Any, line: dict[str, Any]) -> None:
    """Ask a machine that was just made to run, once, as soon as it is connected."""
    if not line[machine.machine_id]["run"] or not machine.is_connected():
        return
    machine.want(by=_actor(), reason="demonstration line", run_state="running")
    line[machine.machine_id]["run"] = False
    folder.remember({**(folder.line() or {}), machine.machine_id: line[machine.machine_id]})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
