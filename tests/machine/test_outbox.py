"""The outbox: numbers without holes, marks that are believed, counters that only grow, one process at a time."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyticlens.machine.ledger import SEQ_SPAN, OutboxBusy
from analyticlens.machine.outbox import Batch, Outbox
from analyticlens.protocol.canonical import canonical_json
from analyticlens.protocol.records import BatchEnvelope, Picture
from tests.machine.helpers import event, verdict


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path)
    yield opened
    opened.close()


def reopen(outbox: Outbox) -> Outbox:
    outbox.close()
    return Outbox(outbox.path.parent)


def batch(outbox: Outbox, most: int = 500, most_bytes: int = 1_000_000) -> Batch:
    found = outbox.next_batch(most, most_bytes)
    assert found is not None
    return found


def seqs(found: Batch) -> list[int]:
    return [seq for seq, _, _ in found.records]


def test_numbers_are_one_two_three(outbox: Outbox) -> None:
    assert [outbox.append("verdict", verdict(cycle)) for cycle in (1, 2, 3)] == [1, 2, 3]


def test_numbers_have_no_holes_under_many_threads(outbox: Outbox) -> None:
    def write() -> None:
        for _ in range(25):
            outbox.append("event", event())

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outbox.born(outbox.epoch)
    assert seqs(batch(outbox)) == list(range(1, 201))


def test_each_opening_is_an_epoch_above_the_last(outbox: Outbox) -> None:
    first = outbox.epoch
    outbox.append("event", event())
    again = reopen(outbox)
    assert again.epoch.epoch != first.epoch
    assert again.epoch.epoch_no == first.epoch_no + 1
    assert again.append("event", event()) == 1
    again.close()


def test_a_second_process_is_kept_out(outbox: Outbox) -> None:
    with pytest.raises(OutboxBusy, match="in use"):
        Outbox(outbox.path.parent)


def test_it_is_committed_when_append_returns(tmp_path: Path, until: object) -> None:
    """A process killed right after it said so has lost nothing."""
    script = (
        "import sys, os, signal; from pathlib import Path\n"
        "from analyticlens.machine.outbox import Outbox; from tests.machine.helpers import verdict\n"
        "outbox = Outbox(Path(sys.argv[1]))\n"
        "for cycle in range(1, 40): outbox.append('verdict', verdict(cycle)); os.write(1, b'%d\\n' % cycle)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    ran = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, env=environment, check=False, timeout=60
    )
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    said = [int(line) for line in ran.stdout.split()]
    outbox = Outbox(tmp_path)
    outbox.born(outbox.epoch)
    assert [json.loads(body)["cycle"] for _, _, body in batch(outbox).records] == said == list(range(1, 40))
    assert outbox.counters().inspected == 39
    outbox.close()


def test_the_batch_is_what_the_door_takes(outbox: Outbox) -> None:
    body = verdict(7, "nok", message="ç\n\u2028")
    outbox.append("verdict", body)
    outbox.born(outbox.epoch)
    envelope = BatchEnvelope.model_validate_json(batch(outbox).to_json())
    assert envelope.epoch_no == outbox.epoch.epoch_no
    ((record),) = envelope.records
    assert (record["seq"], record["kind"]) == (1, "verdict")
    assert canonical_json(record["body"]) == canonical_json(body)


def test_nothing_is_sent_before_the_birth(outbox: Outbox) -> None:
    outbox.append("event", event())
    assert outbox.next_batch(500, 1_000_000) is None
    outbox.born(outbox.epoch)
    assert seqs(batch(outbox)) == [1]


def test_the_oldest_epoch_goes_first(outbox: Outbox) -> None:
    old = outbox.epoch
    outbox.append("event", event())
    again = reopen(outbox)
    again.append("event", event())
    again.born(again.epoch)
    assert batch(again).epoch == old.epoch
    again.acknowledge(old.epoch, 1)
    assert batch(again).epoch == again.epoch.epoch
    again.close()


def test_a_batch_keeps_within_count_and_bytes_but_never_below_one(outbox: Outbox) -> None:
    for _ in range(5):
        outbox.append("event", event("x" * 1000))
    outbox.born(outbox.epoch)
    assert seqs(batch(outbox, most=2)) == [1, 2]
    assert seqs(batch(outbox, most_bytes=3500)) == [1, 2, 3]
    assert seqs(batch(outbox, most_bytes=10)) == [1]


def test_a_mark_acknowledges_and_the_rest_waits(outbox: Outbox) -> None:
    for _ in range(5):
        outbox.append("event", event())
    outbox.born(outbox.epoch)
    assert outbox.acknowledge(outbox.epoch.epoch, 3) == 0
    assert outbox.depth() == 2
    assert seqs(batch(outbox)) == [4, 5]


def test_a_mark_that_went_down_is_believed(outbox: Outbox) -> None:
    for _ in range(5):
        outbox.append("event", event())
    outbox.born(outbox.epoch)
    outbox.acknowledge(outbox.epoch.epoch, 5)
    assert outbox.acknowledge(outbox.epoch.epoch, 2) == 3
    assert seqs(batch(outbox)) == [3, 4, 5]


def test_a_lower_mark_that_was_asked_for_before_the_newest_came_is_old_news(outbox: Outbox) -> None:
    """An answer to a heartbeat that was overtaken by the answer to a batch: what is acknowledged stays so."""
    epoch = outbox.epoch.epoch
    for _ in range(5):
        outbox.append("event", event())
    asked = outbox.heard[epoch]
    outbox.acknowledge(epoch, 4)
    assert outbox.acknowledge(epoch, 2, heard=asked) == 0
    assert outbox.depth() == 1
    assert outbox.acknowledge(epoch, 2, heard=outbox.heard[epoch]) == 2
    assert outbox.depth() == 3


def test_a_mark_beyond_the_last_number_is_cut_to_it(outbox: Outbox) -> None:
    outbox.append("event", event())
    outbox.born(outbox.epoch)
    outbox.acknowledge(outbox.epoch.epoch, 99)
    outbox.append("event", event())
    assert seqs(batch(outbox)) == [2]


def test_a_mark_of_an_unknown_epoch_changes_nothing(outbox: Outbox) -> None:
    outbox.append("event", event())
    assert outbox.acknowledge("0" * 32, 7) == 0
    assert outbox.depth() == 1


def test_it_opens_above_what_the_orchestrator_knows_and_keeps_its_records(outbox: Outbox) -> None:
    outbox.append("event", event("kept"))
    before = outbox.epoch
    outbox.open_above(41)
    assert outbox.epoch.epoch_no == 42
    assert outbox.epoch.epoch != before.epoch
    outbox.born(outbox.epoch)
    assert (batch(outbox).epoch_no, seqs(batch(outbox))) == (42, [1])
    again = reopen(outbox)
    assert again.epoch.epoch_no == 43
    again.close()


def test_epochs_the_orchestrator_never_took_keep_their_order_when_they_move_up(outbox: Outbox) -> None:
    outbox.append("event", event("older"))
    again = reopen(outbox)
    again.append("event", event("newer"))
    again.open_above(10)
    assert [mark.epoch_no for mark in again.marks()] == [11, 12]
    again.born(again.epoch)
    assert b"older" in batch(again).records[0][2]
    again.close()


def test_an_epoch_the_orchestrator_took_keeps_its_name(outbox: Outbox) -> None:
    taken = outbox.epoch
    outbox.append("event", event())
    outbox.born(taken)
    again = reopen(outbox)
    again.open_above(10)
    assert batch(again).epoch == taken.epoch
    again.close()


def test_the_turn_of_the_month_begins_an_epoch_once(outbox: Outbox) -> None:
    first = outbox.epoch
    assert not outbox.turn_month(first.month)
    assert outbox.turn_month("2199-01")
    assert outbox.epoch.epoch_no == first.epoch_no + 1
    assert not outbox.turn_month("2199-01")
    assert outbox.append("event", event()) == 1


def test_counters_only_grow_over_restarts(outbox: Outbox) -> None:
    outbox.append("verdict", verdict(outbox.grow("cycle"), "nok"))
    outbox.grow("triggered", durable=True)
    again = reopen(outbox)
    assert again.grow("cycle") == 2
    counters = again.counters()
    assert (counters.inspected, counters.nok, counters.triggered) == (1, 1, 1)
    again.close()


def test_a_trigger_whose_inspection_a_crash_cut_off_is_missed(outbox: Outbox) -> None:
    for _ in range(3):
        outbox.grow("triggered", durable=True)
    outbox.append("verdict", verdict(1))
    again = reopen(outbox)
    assert (again.counters().triggered, again.counters().inspected, again.counters().missed) == (3, 1, 2)
    again.close()


def test_a_verdict_that_could_not_be_kept_is_not_counted(outbox: Outbox) -> None:
    outbox._db.execute("DROP TABLE records")
    with pytest.raises(sqlite3.OperationalError):
        outbox.append("verdict", verdict())
    assert outbox.counters().inspected == 0


def picture_of(outbox: Outbox, cycle: int, word: str, content: bytes) -> str:
    import hashlib

    sha256 = hashlib.sha256(content).hexdigest()
    body = verdict(cycle, word, picture=Picture(sha256=sha256, size=len(content)))  # type: ignore[arg-type]
    outbox.append("verdict", body, content)
    return sha256


def test_pictures_follow_their_verdicts_and_not_ok_goes_first(outbox: Outbox) -> None:
    good = picture_of(outbox, 1, "ok", b"good")
    bad = picture_of(outbox, 2, "nok", b"bad")
    assert outbox.next_picture() is None
    outbox.acknowledge(outbox.epoch.epoch, 1)
    assert outbox.next_picture() == good
    outbox.acknowledge(outbox.epoch.epoch, 2)
    assert outbox.next_picture() == bad
    outbox.picture_sent(bad)
    assert outbox.next_picture() == good
    assert outbox.pictures_waiting() == 1


def test_a_picture_is_sent_again_when_its_verdict_has_to_be(outbox: Outbox) -> None:
    sha256 = picture_of(outbox, 1, "nok", b"bad")
    outbox.acknowledge(outbox.epoch.epoch, 1)
    outbox.picture_sent(sha256)
    outbox.acknowledge(outbox.epoch.epoch, 0)
    outbox.acknowledge(outbox.epoch.epoch, 1)
    assert outbox.next_picture() == sha256


def test_a_damaged_picture_file_is_noticed(outbox: Outbox) -> None:
    sha256 = picture_of(outbox, 1, "nok", b"bad")
    assert outbox.files.read(sha256) == b"bad"
    outbox.files.path(sha256).write_bytes(b"torn")
    assert outbox.files.read(sha256) is None


def test_the_oldest_waiting_record_has_an_age(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from analyticlens.machine import clock

    assert outbox.oldest_seconds() == 0
    outbox.append("event", event())
    later = clock.mono() + 100
    monkeypatch.setattr(clock, "mono", lambda: later)
    assert 99 < outbox.oldest_seconds() < 101


def test_a_broken_file_is_set_aside_and_the_machine_begins_anew(outbox: Outbox) -> None:
    outbox.append("event", event())
    outbox.close()
    outbox.path.write_bytes(b"this was a database once" * 100)
    again = Outbox(outbox.path.parent)
    assert again.was_broken
    assert again.append("event", event()) == 1
    assert list(outbox.path.parent.glob("outbox.db.broken-*"))
    again.close()


def test_a_full_disk_takes_nothing_and_says_so(outbox: Outbox) -> None:
    (pages,) = outbox._db.execute("PRAGMA page_count").fetchone()
    outbox._db.execute(f"PRAGMA max_page_count = {pages + 3}")
    kept = 0

    def fill() -> None:
        nonlocal kept
        for _ in range(1000):
            outbox.append("event", event("x" * 500))
            kept += 1

    with pytest.raises(sqlite3.OperationalError, match="full"):
        fill()
    assert outbox.depth() == kept
    assert outbox._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_records_of_one_epoch_stay_in_its_span(outbox: Outbox) -> None:
    outbox.append("event", event())
    (key,) = outbox._db.execute("SELECT key FROM records").fetchone()
    assert divmod(key, SEQ_SPAN) == (outbox.epoch.n, 1)
