"""Batches become rows exactly once; what is bad, doubled, late or in another order spoils nothing."""

from __future__ import annotations

import random
from typing import Any

import pytest

from analyticlens.protocol.canonical import sha256_of
from analyticlens.protocol.records import BatchAnswer, BatchEnvelope
from api.models import LiveEvent, VirtualMachine
from audit.models import AuditEntry
from results.ingest import OtherNumber, TooManyHoles, ingest
from results.models import IngestConflict, InspectionResult, MachineEpoch, MachineEvent, Quarantined, RecentResults
from results.records import NoNumber
from tests.results.records import EPOCH, event, gap, run, verdict


def send(machine: VirtualMachine, *records: dict[str, Any], epoch: str = EPOCH, epoch_no: int = 1) -> BatchAnswer:
    """Ingest one batch."""
    return ingest(machine, BatchEnvelope(epoch=epoch, epoch_no=epoch_no, records=list(records)))


def state(machine: VirtualMachine) -> str:
    """Return the hash of everything a machine's records left, but for when they arrived and in which order rows were made."""
    results = InspectionResult.objects.filter(machine=machine).order_by("epoch_no", "seq")
    events = MachineEvent.objects.filter(machine=machine).order_by("epoch_no", "seq")
    epochs = MachineEpoch.objects.filter(machine=machine).order_by("epoch_no")
    strip = [mark[:3] for mark in RecentResults.objects.get(machine=machine).strip]
    counts = [row.verdict for row in results]
    return sha256_of(
        {
            "results": list(results.values_list("epoch_no", "seq", "sha256", "verdict", "tools")),
            "events": list(events.values_list("epoch_no", "seq", "sha256", "code")),
            "epochs": list(epochs.values_list("epoch", "received", "mark")),
            "strip": strip,
            "counts": {word: counts.count(word) for word in sorted(set(counts))},
            "aside": [Quarantined.objects.filter(machine=machine).count(), IngestConflict.objects.count()],
        }
    )


def test_a_batch_is_stored_and_its_mark_answered(machine: VirtualMachine) -> None:
    answer = send(machine, verdict(1), verdict(2, "nok", reason="limit"), event(3))
    assert (answer.high_water_mark, answer.refusals, answer.missing) == (3, [], [])
    assert list(InspectionResult.objects.values_list("seq", "verdict", "reason")) == [
        (1, "ok", ""),
        (2, "nok", "limit"),
    ]
    assert MachineEvent.objects.get().code == "source_lost"


def test_everything_a_verdict_says_is_kept(machine: VirtualMachine) -> None:
    picture = {"sha256": "cd" * 32, "size": 4711, "weight": 10}
    frame = {"number": 5, "name": "plate.png", "width": 752, "height": 480, "captured_at": "2026-01-01T00:00:00Z"}
    overlay = [{"tool_id": 1, "role": "found", "shape": {"shape": "cross", "at": {"x": 3.5, "y": 4}}}]
    more: dict[str, Any] = {
        "picture": picture,
        "frame": frame,
        "overlay": overlay,
        "part_id": "P-1",
        "recipe_sha256": "ef" * 32,
    }
    send(machine, verdict(1, durations_ms={"capture": 1, "inspect": 2.5, "total": 4}, config_version=7, **more))
    row = InspectionResult.objects.get()
    assert (row.picture_sha256, row.picture_size, row.picture_weight) == ("cd" * 32, 4711, 10)
    assert (row.frame_name, row.frame_width, row.inspect_ms, row.config_version) == ("plate.png", 752, 2.5, 7)
    assert (row.part_id, row.recipe_sha256, row.overlay[0]["shape"]["at"]) == ("P-1", "ef" * 32, {"x": 3.5, "y": 4.0})
    assert row.tools[0]["features"] == {"blob_count": 3.0}


def test_a_hole_holds_the_mark_and_is_named(machine: VirtualMachine) -> None:
    answer = send(machine, verdict(1), verdict(4), verdict(6))
    assert (answer.high_water_mark, answer.missing) == (1, [(2, 3), (5, 5)])


def test_a_gap_fills_its_numbers(machine: VirtualMachine) -> None:
    answer = send(machine, verdict(1), gap(5, 2, 4))
    assert (answer.high_water_mark, answer.missing) == (5, [])


def test_a_record_inside_a_gap_is_stored_all_the_same(machine: VirtualMachine) -> None:
    send(machine, gap(5, 2, 4))
    send(machine, verdict(3))
    assert InspectionResult.objects.get().seq == 3


def test_more_than_a_chunk_is_one_batch(machine: VirtualMachine) -> None:
    assert send(machine, *[verdict(seq) for seq in range(1, 351)]).high_water_mark == 350
    assert InspectionResult.objects.count() == 350


@pytest.mark.parametrize("_round", range(5))
def test_any_order_and_any_number_of_replays_leave_the_same(
    machine: VirtualMachine, make: Any, seed: int, _round: int
) -> None:
    draw = random.Random(seed)
    records = run(draw, 60)
    send(machine, *records)
    other = make("vm_002")
    parcels = [draw.sample(records, draw.randint(1, 20)) for _ in range(15)]
    parcels += [records[i : i + 7] for i in range(0, len(records), 7)]
    draw.shuffle(parcels)
    for parcel in parcels:
        send(other, *parcel)
    assert state(other) == state(machine)


def test_a_replayed_day_changes_nothing(machine: VirtualMachine, seed: int) -> None:
    records = run(random.Random(seed), 200)
    send(machine, *records)
    before = state(machine), LiveEvent.objects.count()
    answer = send(machine, *records)
    assert (answer.high_water_mark, answer.refusals) == (200, [])
    assert (state(machine), LiveEvent.objects.count()) == before


def test_the_same_number_with_another_body_is_kept_aside(machine: VirtualMachine) -> None:
    send(machine, verdict(1, "nok"))
    for _ in range(2):
        answer = send(machine, verdict(1, "ok"))
        assert [(refusal.seq, refusal.code) for refusal in answer.refusals] == [(1, "conflict")]
    assert InspectionResult.objects.get().verdict == "nok"
    assert b'"verdict":"ok"' in bytes(IngestConflict.objects.get().raw)
    assert AuditEntry.objects.filter(verb="deliver", refused=True).count() == 1


def test_a_conflict_inside_one_batch_keeps_the_first(machine: VirtualMachine) -> None:
    answer = send(machine, verdict(1, "nok"), verdict(1, "ok"), verdict(2))
    assert [refusal.code for refusal in answer.refusals] == ["conflict"]
    assert answer.high_water_mark == 2
    assert InspectionResult.objects.get(seq=1).verdict == "nok"


POISON: dict[str, Any] = {
    "an unknown verdict": {"verdict": "maybe"},
    "an unknown key": {"colour": "red"},
    "a number out of bounds": {"cycle": 2**70},
    "a negative count": {"trigger_count": -1},
    "a text where a number belongs": {"generation": "many"},
    "a NUL in a text": {"message": "a\x00b"},
    "a text too long": {"message": "x" * 5000},
    "a picture that is none": {"picture": {"sha256": "short", "size": 1}},
    "an overlay of an unknown shape": {"overlay": [{"tool_id": 1, "role": "found", "shape": {"shape": "star"}}]},
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON.keys())
def test_a_poison_record_is_kept_aside_and_its_neighbours_stored(
    machine: VirtualMachine, poison: dict[str, Any], seed: int
) -> None:
    place = random.Random(seed).randint(1, 100)
    records = [verdict(seq, **(poison if seq == place else {})) for seq in range(1, 101)]
    for _ in range(2):
        answer = send(machine, *records)
        assert answer.high_water_mark == 100
        assert [(refusal.seq, refusal.code) for refusal in answer.refusals] == [(place, "quarantined")]
    assert InspectionResult.objects.count() == 99
    aside = Quarantined.objects.get()
    assert (aside.seq, aside.cut) == (place, False)
    assert aside.reason


@pytest.mark.parametrize("bad", [{"kind": "rumour"}, {"body": []}, {"extra": 1}])
def test_a_record_with_a_bad_head_is_kept_aside(machine: VirtualMachine, bad: dict[str, Any]) -> None:
    answer = send(machine, {**verdict(1), **bad}, verdict(2))
    assert answer.high_water_mark == 2
    assert Quarantined.objects.get().seq == 1


@pytest.mark.parametrize("number", [None, 0, -3, "7", 1.5, True, 2**60])
def test_a_record_without_a_number_refuses_the_batch(machine: VirtualMachine, number: Any) -> None:
    with pytest.raises(NoNumber):
        send(machine, verdict(1), {**verdict(2), "seq": number})
    assert InspectionResult.objects.count() == 0


def test_a_gap_that_is_none_is_kept_aside(machine: VirtualMachine) -> None:
    answer = send(machine, gap(1, 9, 3), gap(2, 1, 10**12))
    assert (answer.high_water_mark, len(answer.refusals)) == (2, 2)


def test_numbers_scattered_without_end_are_refused(machine: VirtualMachine) -> None:
    odd = [event(number) for number in range(1, 5000, 2)]
    for start in range(0, 2000, 500):
        send(machine, *odd[start : start + 500])
    with pytest.raises(TooManyHoles):
        send(machine, *odd[2000:2500])


def test_epochs_do_not_mix(machine: VirtualMachine) -> None:
    send(machine, verdict(1))
    answer = send(machine, verdict(1, "nok"), epoch="cd" * 16, epoch_no=2)
    assert (answer.high_water_mark, answer.refusals) == (1, [])
    assert InspectionResult.objects.count() == 2


def test_machines_do_not_mix(machine: VirtualMachine, make: Any) -> None:
    send(machine, verdict(1))
    assert send(make("vm_002"), verdict(1, "nok")).refusals == []


def test_a_machine_with_results_cannot_be_deleted(machine: VirtualMachine) -> None:
    from django.db.models import ProtectedError

    send(machine, verdict(1))
    with pytest.raises(ProtectedError):
        machine.delete()


def test_an_epoch_keeps_its_number(machine: VirtualMachine) -> None:
    send(machine, verdict(1), epoch_no=2)
    with pytest.raises(OtherNumber, match="has the number 2, not 7"):
        send(machine, verdict(2), epoch_no=7)
    assert list(InspectionResult.objects.values_list("epoch_no", "seq")) == [(2, 1)]


def test_two_epochs_do_not_share_a_number(machine: VirtualMachine) -> None:
    send(machine, verdict(1), epoch_no=2)
    with pytest.raises(OtherNumber, match="another epoch"):
        send(machine, verdict(1), epoch="cd" * 16, epoch_no=2)
    assert MachineEpoch.objects.count() == 1
