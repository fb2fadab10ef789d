"""One-shot commands: at most once. `started` is on the disk before a command acts; after a crash in between it is `unknown`."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from analyticlens.machine import clock, log
from analyticlens.machine.link.door import Door, DoorDown, DoorRefused
from analyticlens.machine.link.finding import ask_camera, find_cameras
from analyticlens.machine.link.looking import snapshot, try_source
from analyticlens.machine.refusals import NotNow
from analyticlens.protocol.desired import Command, CommandReport

if TYPE_CHECKING:
    from analyticlens.machine.station import Station

IDLE_SECONDS = 1.0
# What waits for cameras. A trigger lives ten seconds and does not wait behind one of these.
SLOW = frozenset({"snapshot", "test_source", "discover", "camera_lookup"})


class Commands:
    """Takes commands from the poll, carries them out, quick ones and slow ones each in their order, and reports until they are known.

    `step` and `step_slow` are called by a thread of their own each.
    """

    def __init__(self, station: Station) -> None:
        """Carry out station's commands."""
        self._station = station
        self._mutex = threading.Lock()
        self._reporting = threading.Lock()
        self._quick: deque[tuple[Command, float]] = deque()
        self._slow: deque[tuple[Command, float]] = deque()
        self.news = threading.Event()
        self.slow_news = threading.Event()
        # The newest taking of control the orchestrator told of.
        self.fence = 0

    def recover(self) -> None:
        """Report `unknown` what a crash cut off between start and result."""
        outbox = self._station.outbox
        for command in outbox.commands_in("started"):
            report = CommandReport(state="unknown", message="the machine stopped while it carried this out")
            outbox.set_command(command, report.model_dump_json())

    def take(self, commands: list[Command], since: float) -> None:
        """Queue commands that were not seen yet; each is good for its time to live from `since`, by the monotonic clock."""
        with self._mutex:
            queued = {command.id for command, _ in (*self._quick, *self._slow)}
            for command in commands:
                if command.id not in queued and self._station.outbox.command_state(command.id) is None:
                    queue = self._slow if command.kind in SLOW else self._quick
                    queue.append((command, since + command.ttl_ms_left / 1000))
        self.news.set()
        self.slow_news.set()

    def step(self, door: Door) -> float:
        """Carry out the oldest quick command and report what waits to be reported; return the seconds until the next look."""
        return self._next(self._quick, door)

    def step_slow(self, door: Door) -> float:
        """Do the same with the oldest command that waits for cameras."""
        return self._next(self._slow, door)

    def _next(self, queue: deque[tuple[Command, float]], door: Door) -> float:
        with self._mutex:
            following = queue.popleft() if queue else None
        if following is not None:
            self._carry_out(*following, door)
        with self._reporting:
            for command, report in self._station.outbox.command_reports():
                self._report(door, command, CommandReport.model_validate_json(report))
        return 0.0 if following is not None else IDLE_SECONDS

    def _carry_out(self, command: Command, deadline: float, door: Door) -> None:
        outbox = self._station.outbox
        if outbox.command_state(command.id) is not None:
            return  # Handed out again while it was being carried out.
        if clock.mono() >= deadline:
            report = CommandReport(state="expired", message="it came too late")
        elif command.fence < self.fence:
            sentence = "somebody else took control before this was carried out"
            report = CommandReport(state="refused", message=sentence)
        else:
            outbox.set_command(command.id, "started")
            report = self._act(command, door)
        log.event("command", report.message, id=command.id, kind=command.kind, state=report.state)
        outbox.set_command(command.id, report.model_dump_json())

    def _act(self, command: Command, door: Door) -> CommandReport:
        station = self._station
        try:
            match command.kind:
                case "trigger":
                    part = command.args.get("part_id")
                    count = station.trigger("orchestrator", str(part)[:200] if part is not None else None)
                    return CommandReport(state="done", result={"trigger_count": count})
                case "clear_error":
                    cleared = station.clear_error("orchestrator")
                    return CommandReport(state="done", message="" if cleared else "there was no error")
                case "snapshot":
                    return snapshot(station, door)
                case "test_source":
                    return try_source(station, command.args.get("source"), door)
                case "discover":
                    return find_cameras(command.args)
                case "camera_lookup":
                    return ask_camera(station, command.args, door)
        except NotNow as refused:
            return CommandReport(state="refused", message=refused.sentence)
        except (DoorDown, DoorRefused) as problem:
            what = (
                "the camera's user could not be asked for"
                if command.kind == "camera_lookup"
                else "the picture could not be sent"
            )
            return CommandReport(state="failed", message=f"{what}: {problem}"[:2000])

    def _report(self, door: Door, command: str, report: CommandReport) -> None:
        try:
            door.call("POST", f"commands/{command}", report)
        except DoorRefused as refused:
            if refused.credential:
                raise
            log.event("report_refused", refused.message, id=command)
        self._station.outbox.set_command(command, "reported")
