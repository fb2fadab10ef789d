"""One-shot commands: at most once. `started` is on the disk before a command acts; after a crash in between it is `unknown`."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING

from analyticlens.machine import clock, log
from analyticlens.machine.inspector import Inspector
from analyticlens.machine.link.door import Door, DoorRefused
from analyticlens.machine.refusals import NotNow
from analyticlens.protocol.desired import Command, CommandReport

if TYPE_CHECKING:
    from analyticlens.machine.station import Station

SNAPSHOT_SECONDS = 10.0
IDLE_SECONDS = 1.0


class Commands:
    """Takes commands from the poll, carries each out on its own thread, and reports until the orchestrator knows."""

    def __init__(self, station: Station) -> None:
        """Carry out station's commands."""
        self._station = station
        self._mutex = threading.Lock()
        self._queue: deque[tuple[Command, float]] = deque()
        self.news = threading.Event()
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
            queued = {command.id for command, _ in self._queue}
            for command in commands:
                if command.id not in queued and self._station.outbox.command_state(command.id) is None:
                    self._queue.append((command, since + command.ttl_ms_left / 1000))
        self.news.set()

    def step(self, door: Door) -> float:
        """Carry out the oldest command and report what waits to be reported; return the seconds until the next look."""
        with self._mutex:
            following = self._queue.popleft() if self._queue else None
        if following is not None:
            self._carry_out(*following)
        for command, report in self._station.outbox.command_reports():
            self._report(door, command, CommandReport.model_validate_json(report))
        return 0.0 if following is not None else IDLE_SECONDS

    def _carry_out(self, command: Command, deadline: float) -> None:
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
            report = self._act(command)
        log.event("command", report.message, id=command.id, kind=command.kind, state=report.state)
        outbox.set_command(command.id, report.model_dump_json())

    def _act(self, command: Command) -> CommandReport:
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
                    return self._snapshot()
        except NotNow as refused:
            return CommandReport(state="refused", message=refused.sentence)

    def _snapshot(self) -> CommandReport:
        """Have the child grab one picture between two frames and put it into the live view."""
        taken: Future[CommandReport] = Future()
        quality = self._station.kept.pipeline.configuration.pictures.jpeg_quality

        def errand(child: Inspector) -> None:
            child.send({"do": "snapshot", "quality": quality})
            answer, blobs = child.receive(SNAPSHOT_SECONDS)
            if "picture" in blobs:
                self._station.live.offer(blobs["picture"], None)
                result = {"name": answer["name"], "resolution": answer["resolution"]}
                taken.set_result(CommandReport(state="done", result=result))
            else:
                sentence = str(answer.get("sentence") or answer.get("message") or "no picture could be had")
                taken.set_result(CommandReport(state="failed", message=sentence[:2000]))

        self._station.loop.errand(errand)
        try:
            return taken.result(SNAPSHOT_SECONDS + 5)
        except TimeoutError:
            return CommandReport(state="failed", message="the picture source did not answer in time")

    def _report(self, door: Door, command: str, report: CommandReport) -> None:
        try:
            door.call("POST", f"commands/{command}", report)
        except DoorRefused as refused:
            if refused.credential:
                raise
            log.event("report_refused", refused.message, id=command)
        self._station.outbox.set_command(command, "reported")
