"""Retention: the order in which things go, and the gap that stands where something was lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyticlens.machine.outbox import Outbox
from analyticlens.machine.retention import live_on, prune, used_bytes
from analyticlens.protocol.records import GapBody, Picture
from analyticlens.protocol.words import Verdict
from tests.machine.helpers import event, verdict


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path)
    opened.born(opened.epoch)
    yield opened
    opened.close()


def kinds(outbox: Outbox) -> list[tuple[int, str]]:
    found = outbox.next_batch(100_000, 10**9)
    return [(seq, kind) for seq, kind, _ in found.records] if found else []


def keep(outbox: Outbox, cycle: int, word: Verdict, size: int = 200_000) -> str:
    content = f"{cycle}{word}".encode().ljust(size, b"x")
    sha256 = hashlib.sha256(content).hexdigest()
    outbox.append("verdict", verdict(cycle, word, picture=Picture(sha256=sha256, size=size)), content)
    return sha256


def room_for(outbox: Outbox, pictures: int) -> int:
    """Return the quota under which so many pictures of 200 kB stay."""
    with_pictures = used_bytes(outbox)
    total = int(outbox._db.execute("SELECT sum(size) FROM pictures").fetchone()[0])
    return int((with_pictures - total + pictures * 200_000 + 1000) / 0.7) + 1


def test_what_is_acknowledged_and_old_goes(outbox: Outbox) -> None:
    for _ in range(3):
        outbox.append("event", event())
    outbox.acknowledge(outbox.epoch.epoch, 2)
    assert prune(outbox, keep_seconds=-1).records == 2
    assert kinds(outbox) == [(3, "event")]


def test_what_waits_is_kept_however_old(outbox: Outbox) -> None:
    outbox.append("event", event())
    assert prune(outbox, keep_seconds=-1).records == 0
    assert outbox.depth() == 1


def test_what_is_acknowledged_and_young_is_kept(outbox: Outbox) -> None:
    outbox.append("event", event())
    outbox.acknowledge(outbox.epoch.epoch, 1)
    prune(outbox)
    assert outbox.acknowledge(outbox.epoch.epoch, 0) == 1
    assert kinds(outbox) == [(1, "event")]


def test_a_clock_that_jumps_a_year_removes_nothing(
    outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(outbox, 1, "nok")
    outbox.acknowledge(outbox.epoch.epoch, 1)
    shift = tmp_path / "shift"
    monkeypatch.setenv("AL_CLOCK_FILE", str(shift))
    year, told = 365 * 86_400, []
    for seconds, ran in ((0, 0.0), (year, 60.0), (year, 60.0), (year, 0.0)):
        shift.write_text(str(seconds))
        lived, doubted = live_on(outbox, ran)
        told.append(doubted)
        assert prune(outbox, now=lived.until).records == 0
    # Told once, a restart among it.
    assert told == [False, True, False, False]
    # After a week of running in that time it is believed.
    lived, _ = live_on(outbox, 8 * 86_400)
    assert prune(outbox, now=lived.until).records == 1


def test_a_mark_that_goes_below_what_is_kept_leaves_a_gap_that_says_so(outbox: Outbox) -> None:
    for _ in range(5):
        outbox.append("event", event())
    outbox.acknowledge(outbox.epoch.epoch, 4)
    prune(outbox, keep_seconds=-1)
    outbox.acknowledge(outbox.epoch.epoch, 1)
    assert kinds(outbox) == [(2, "gap"), (5, "event")]
    found = outbox.next_batch(10, 10**6)
    assert found is not None
    gap = GapBody.model_validate_json(found.records[0][2])
    assert (gap.first, gap.last, gap.reason) == (2, 4, "retention")


def test_sent_pictures_go_first(outbox: Outbox) -> None:
    sent, waiting = keep(outbox, 1, "nok"), keep(outbox, 2, "ok")
    outbox.acknowledge(outbox.epoch.epoch, 2)
    outbox.picture_sent(sent)
    prune(outbox, quota_bytes=room_for(outbox, 1))
    assert outbox.files.read(sent) is None
    assert outbox.files.read(waiting) is not None


def test_waiting_ok_pictures_go_before_the_others(outbox: Outbox) -> None:
    bad, good = keep(outbox, 1, "nok"), keep(outbox, 2, "ok")
    prune(outbox, quota_bytes=room_for(outbox, 1))
    assert outbox.files.read(bad) is not None
    assert outbox.files.read(good) is None


def test_verdicts_stay_when_all_pictures_had_to_go(outbox: Outbox) -> None:
    for cycle in range(1, 4):
        keep(outbox, cycle, "nok")
    pruned = prune(outbox, quota_bytes=room_for(outbox, 0))
    assert (pruned.pictures, pruned.lost) == (3, 0)
    assert outbox.depth() == 3


def test_at_last_the_oldest_waiting_records_become_a_gap_that_fills_their_numbers(outbox: Outbox) -> None:
    for _ in range(1200):
        outbox.append("event", event("x" * 900))
    pruned = prune(outbox, quota_bytes=800_000)
    first, *rest = kinds(outbox)
    found = outbox.next_batch(1, 10**6)
    assert found is not None
    gap = json.loads(found.records[0][2])
    assert first == (1, "gap")
    assert pruned.lost == gap["last"] - gap["first"] + 1
    assert [seq for seq, _ in rest] == list(range(gap["last"] + 1, 1201))


def test_a_gap_grows_instead_of_many_gaps(outbox: Outbox) -> None:
    for _ in range(1200):
        outbox.append("event", event("x" * 900))
    prune(outbox, quota_bytes=1_000_000)
    prune(outbox, quota_bytes=600_000)
    assert [kind for _, kind in kinds(outbox)].count("gap") == 1


def test_epochs_of_which_nothing_is_left_are_forgotten(outbox: Outbox) -> None:
    old = outbox.epoch
    outbox.append("event", event())
    outbox.turn_month("2199-01")
    outbox.acknowledge(old.epoch, 1)
    prune(outbox, keep_seconds=-1)
    assert [mark.epoch for mark in outbox.marks()] == [outbox.epoch.epoch]
