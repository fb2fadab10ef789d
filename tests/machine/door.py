"""An orchestrator's door small enough to break on purpose: it keeps what it is given, and fails when and how a test says."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from analyticlens.machine import clock
from analyticlens.protocol.canonical import strict_loads
from analyticlens.protocol.desired import DesiredBody, DesiredDocument, LocalChange
from analyticlens.protocol.errors import error_answer
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.records import BODIES
from analyticlens.protocol.strict import plain

Answer = tuple[int, dict[str, Any]]
Fault = Callable[[Answer | bytes], Answer | bytes | None]
TOKEN = "alm_test"


@dataclass
class Call:
    """One call that came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return its body."""
        return json.loads(self.body)


@dataclass
class Faults:
    """What goes wrong with the next calls of a path: a fault makes another answer, raw bytes, or None for a cut line."""

    waiting: dict[str, deque[Fault]] = field(default_factory=dict)

    def add(self, path: str, *faults: Fault) -> None:
        """Let the next calls whose path begins so fail."""
        self.waiting.setdefault(path, deque()).extend(faults)

    def take(self, path: str) -> Fault | None:
        """Take the fault of a call, if one waits."""
        # The longest first: heartbeat is the beginning of heartbeats.
        for prefix, faults in sorted(self.waiting.items(), reverse=True):
            if path.startswith(prefix) and faults:
                return faults.popleft()
        return None


def answers(status: int, code: str = "refused", **details: Any) -> Fault:
    """Return a fault that answers a refusal in the door's shape, after the call had its effect."""
    return lambda answer: (status, error_answer(code, "told so by the test", **details))


def cut(answer: Answer | bytes) -> None:
    """The reply is lost on its way; what was asked has happened."""


def portal(answer: Answer | bytes) -> bytes:
    """Somebody else answers 200."""
    return b"<html>Welcome to the airport</html>"


class FakeDoor:
    """The door, its memory and its faults."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.secrets_told = 0
        self.tokens = [TOKEN]
        self.calls: list[Call] = []
        self.faults = Faults()
        self.records: dict[str, dict[int, bytes]] = {}
        self.quarantined: dict[tuple[str, int], bytes] = {}
        self.marks: dict[str, int] = {}
        self.images: dict[str, bytes] = {}
        self.blobs: dict[str, bytes] = {}
        self.late: list[dict[str, Any]] = []
        self.reports: list[tuple[str, str]] = []
        self.instance = "one"
        self.document = DesiredDocument()
        self.commands: list[dict[str, Any]] = []
        self.handed: list[dict[str, Any]] = []
        self.watched = False
        self.highest = 0
        self.heard_fence = -1
        self.known: set[str] = set()
        self.settle: Callable[[LocalChange], tuple[DesiredBody, Recipe | None]] = lambda change: (
            change.body,
            change.recipe,
        )
        self.server_time = ""
        self.mutex = threading.Lock()
        self.news = threading.Event()
        self.closing = False
        self.down = False
        handler = type("Handler", (_Handler,), {"door": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing = True
        self.news.set()
        self._server.shutdown()
        self._server.server_close()

    def called(self, path: str) -> list[Call]:
        """Return the calls of a path so far."""
        with self.mutex:
            return [call for call in self.calls if call.path == path]

    def verdicts(self) -> list[dict[str, Any]]:
        """Return the bodies of all verdicts it holds, in order of their numbers."""
        with self.mutex:
            rows = [json.loads(raw) for epoch in self.records.values() for _, raw in sorted(epoch.items())]
        return [row["body"] for row in rows if row["kind"] == "verdict"]

    def ask(self, document: DesiredDocument) -> None:
        """Ask something of the machine."""
        self.document = document
        self.news.set()

    def command(self, **command: Any) -> None:
        """Give the machine a command."""
        self.commands.append(command)
        self.news.set()

    # --- what it answers -------------------------------------------------------------------------------------------

    def answer(self, call: Call) -> Answer | bytes:
        """Return the honest answer."""
        if self.down:
            return 503, error_answer("down", "told so by the test")
        if call.path != "enrol" and not self._opens(call):
            return 401, error_answer("bad_token", "this token is not known here")
        name = call.path.split("/")[0]
        return getattr(self, f"_{call.method.lower()}_{name}")(call)  # type: ignore[no-any-return]

    def _opens(self, call: Call) -> bool:
        """Whether a call's token is good; a newer one's first use ends those before it."""
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return False
        del self.tokens[: self.tokens.index(token)]
        return True

    def _post_token(self, call: Call) -> Answer:
        token = f"alm_fresh_{len(self.calls)}"
        self.tokens[1:] = [token]
        return 200, {"machine_id": "vm_001", "token": token, "instance_id": self.instance}

    def _post_enrol(self, call: Call) -> Answer:
        asked = call.json()
        if asked["code"] != "good-code":
            return 403, error_answer("code_refused", "this code is not good")
        return 200, {"machine_id": asked["machine_id"], "token": TOKEN, "instance_id": self.instance}

    def _post_heartbeat(self, call: Call) -> Answer:
        said = call.json()
        if said["epoch"] not in self.known and said["epoch_no"] <= self.highest:
            return 409, error_answer("epoch_not_above", "open one above", highest=self.highest)
        self.known.add(said["epoch"])
        self.highest = max(self.highest, said["epoch_no"])
        marks = [
            {"epoch": mark["epoch"], "epoch_no": mark["epoch_no"], "mark": self.marks.get(mark["epoch"], 0)}
            for mark in said["marks"]
            if self.marks.get(mark["epoch"], 0) != mark["mark"]
        ]
        return 200, {
            "server_time": self.server_time or clock.wall_text(),
            "instance_id": self.instance,
            "desired_version": self.document.version,
            "watched": self.watched,
            "marks": marks,
            "want_marks": said["instance_id"] != self.instance and not said["marks"],
        }

    def _post_heartbeats(self, call: Call) -> Answer:
        said = call.json()["heartbeats"]
        fresh = [beat for beat in said if beat not in self.late]
        self.late += fresh
        return 200, {"stored": len(fresh), "known": len(said) - len(fresh)}

    def _post_goodbye(self, call: Call) -> Answer:
        return 200, {"stale": False}

    def _get_secrets(self, call: Call) -> Answer:
        self.secrets_told += 1
        return 200, {"secrets": self.secrets}

    def _get_desired(self, call: Call) -> Answer:
        self.heard_fence = int(call.query["fence"])
        deadline = clock.mono() + float(call.query["wait"])
        while not self.closing and clock.mono() < deadline:
            if self.commands or self.document.version != int(call.query["after"]):
                break
            if call.query.get("sha256", self.document.sha256) != self.document.sha256:
                break
            if self.heard_fence != self.document.fence:
                break
            clock.wait(self.news, 0.05)
            self.news.clear()
        self.handed += self.commands
        # A poll that waits hands a command out once; one that does not is told of all that nobody reported on.
        commands, self.commands = self.commands if float(call.query["wait"]) else self.handed, []
        return 200, {**plain(self.document), "commands": list(commands), "watched": self.watched}

    def _put_desired(self, call: Call) -> Answer:
        change = LocalChange.model_validate(call.json())
        if int(call.headers["if-match"].strip('"')) != self.document.version:
            return 412, error_answer("stale_version", "somebody was quicker", current=plain(self.document))
        body, recipe = self.settle(change)
        self.document = DesiredDocument(
            version=self.document.version + 1,
            sha256=body.sha256,
            body=body,
            recipe=recipe,
            author=change.author,
            reason=change.reason,
        )
        return 200, plain(self.document)

    def _post_batches(self, call: Call) -> Answer:
        try:
            envelope = strict_loads(call.body)
        except ValueError as error:
            return 400, error_answer("not_json", str(error))
        if len(call.body) > 1024 * 1024:
            return 413, error_answer("too_large", "at most 1 MiB")
        for record in envelope["records"]:
            BODIES[record["kind"]].model_validate(record["body"])
            self._keep(envelope["epoch"], record)
        return 200, self._mark(envelope["epoch"])

    def _keep(self, epoch: str, record: dict[str, Any]) -> None:
        raw = json.dumps(record, sort_keys=True).encode()
        kept = self.records.setdefault(epoch, {}).setdefault(record["seq"], raw)
        assert kept == raw, f"number {record['seq']} came with two bodies"

    def _mark(self, epoch: str) -> dict[str, Any]:
        filled = set(self.records.get(epoch, {})) | {seq for key, seq in self.quarantined if key == epoch}
        for raw in self.records.get(epoch, {}).values():
            record = json.loads(raw)
            if record["kind"] == "gap":
                filled.update(range(record["body"]["first"], record["body"]["last"] + 1))
        mark = 0
        while mark + 1 in filled:
            mark += 1
        self.marks[epoch] = mark
        return {"high_water_mark": mark, "server_time": clock.wall_text()}

    def _post_quarantine(self, call: Call) -> Answer:
        self.quarantined[call.query["epoch"], int(call.query["seq"])] = call.body
        return 200, self._mark(call.query["epoch"])

    def _put_images(self, call: Call) -> Answer:
        sha256 = call.path.split("/")[1]
        if hashlib.sha256(call.body).hexdigest() != sha256:
            return 422, error_answer("wrong_hash", "these bytes are another picture")
        self.images[sha256] = call.body
        return 201, {"sha256": sha256}

    def _get_blobs(self, call: Call) -> Answer | bytes:
        known = self.blobs.get(call.path.split("/")[1])
        return known if known is not None else (404, error_answer("unknown_blob", "no recipe names it"))

    def _put_live(self, call: Call) -> Answer:
        return 200, {"watched": self.watched}

    def _post_commands(self, call: Call) -> Answer:
        self.handed = [command for command in self.handed if command["id"] != call.path.split("/")[1]]
        self.reports.append((call.path.split("/")[1], call.json()["state"]))
        return 200, {"taken": True}


class _Handler(BaseHTTPRequestHandler):
    door: FakeDoor
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = parts.path.removeprefix("/edge/v1/")
        call = Call(self.command, path, dict(parse_qsl(parts.query)), headers, body)
        if self.command == "GET":
            answer = self.door.answer(call)
        else:
            with self.door.mutex:
                self.door.calls.append(call)
                answer = self.door.answer(call)
        fault = self.door.faults.take(path)
        self._send(answer if fault is None else fault(answer))

    def _send(self, answer: Answer | bytes | None) -> None:
        if answer is None:
            self.close_connection = True
            return
        status, content = (200, answer) if isinstance(answer, bytes) else (answer[0], json.dumps(answer[1]).encode())
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST = do_PUT = _serve  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""
