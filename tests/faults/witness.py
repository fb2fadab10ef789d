"""The machine, started from its own command line, with a witness: a file outside every database.

    AL_WITNESS=file [AL_CHILD_MODULE=module] [AL_HOLD=file] python -m tests.faults.witness --machine-id vm_001 …

A line is written after the outbox's commit returned and before anything else of the machine hears of it, in one write, at the end of the
file; so a line is a record the machine counts as safe, and a process killed in between leaves a record without a line. A second kind of
line is written for what subscribers were shown, and one for each act that was asked for, as it begins and as it ends. AL_CHILD_MODULE
puts other cameras into the machine's child. AL_HOLD names a file that holds an act still at a place, for the machine to be killed there.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from analyticlens.machine import cli, serve, station
from analyticlens.machine.link import link
from analyticlens.machine.link.commands import Commands
from analyticlens.machine.link.door import Door
from analyticlens.machine.outbox import Body, Outbox
from analyticlens.machine.station import ResultEvent, Station, StationSettings
from analyticlens.protocol.desired import Command, CommandReport
from analyticlens.protocol.records import RecordKind, VerdictBody


def write_line(*words: object) -> None:
    """Add one line to the witness's file, in one write."""
    line = " ".join(map(str, words)) + "\n"
    descriptor = os.open(os.environ["AL_WITNESS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        assert os.write(descriptor, line.encode()) == len(line)
    finally:
        os.close(descriptor)


class WitnessedOutbox(Outbox):
    """The outbox, and a line for each of its commits. The hash is that of kind and body as they lie in the outbox."""

    _written = b""

    def append(self, kind: RecordKind, body: Body, picture: bytes | None = None) -> int:
        """Commit, then write the line. One record at a time, so that bytes and epoch are this one's."""
        with self._mutex:
            seq = super().append(kind, body, picture)
            epoch, raw = self.epoch, self._written
        said = (body.verdict, body.cycle, body.generation) if isinstance(body, VerdictBody) else ("-", 0, 0)
        sha256 = hashlib.sha256(b'{"body":%s,"kind":"%s"}' % (raw, kind.encode())).hexdigest()
        write_line("kept", time.monotonic_ns(), epoch.epoch, epoch.epoch_no, seq, kind, *said, sha256)
        return seq

    def _insert(self, kind: RecordKind, raw: bytes, body: Body) -> int:
        self._written = raw
        return super()._insert(kind, raw, body)


class WitnessedStation(Station):
    """The station, and a line for each result it shows."""

    def open(self) -> None:
        """Subscribe, then open."""
        self.subscribe(_shown, wants=lambda: False)
        super().open()


def _shown(event: ResultEvent) -> None:
    if event.body.reason != "outbox_failed":
        write_line("shown", event.body.cycle, event.body.verdict)


class WitnessedCommands(Commands):
    """The machine's hand for one-shot acts, and a line before and after each; `started` is on the disk before the first."""

    def _act(self, command: Command, door: Door) -> CommandReport:
        if command.ttl_ms_left > 1000:
            _lasting.add(command.id)
        write_line("begun", command.id)
        _hold("begun", command.id)
        report = super()._act(command, door)
        write_line("over", command.id, report.state, report.result.get("trigger_count", 0))
        _hold("over", command.id)
        return report

    def _report(self, door: Door, command: str, report: CommandReport) -> None:
        _hold("kept", command)
        super()._report(door, command, report)


# The acts with time enough for a machine to come back: at the others none is held still.
_lasting: set[str] = set()
_passed: Counter[str] = Counter()


def _hold(place: str, command: str) -> None:
    """Stand still for ever, told by a line, where the file that holds says this place, after so many acts that passed it."""
    held = Path(os.environ.get("AL_HOLD", os.devnull))
    said = held.read_text().split() if held.exists() else []
    if said[:1] != [place] or command not in _lasting:
        return
    _passed[place] += 1
    if _passed[place] > int(said[1]):
        write_line("held", command, place)
        threading.Event().wait()


def _with_child(module: str) -> Callable[[StationSettings], None]:
    """Return a `serve` whose station runs its inspections in another child module."""

    def serve_with(settings: StationSettings) -> None:
        serve.serve(replace(settings, child_module=module))

    return serve_with


def main() -> int:
    """Run the machine's own command line."""
    assert Path(os.environ["AL_WITNESS"]).is_absolute()
    # The one seam: which classes the machine's own modules take. Everything they do is the machine's own code.
    vars(station)["Outbox"] = WitnessedOutbox
    vars(serve)["Station"] = WitnessedStation
    vars(link)["Commands"] = WitnessedCommands
    if module := os.environ.get("AL_CHILD_MODULE"):
        vars(cli)["serve"] = _with_child(module)
    return cli.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
