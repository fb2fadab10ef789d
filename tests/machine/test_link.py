"""The link against a door that fails on purpose: nothing is lost, nothing doubled, nothing invented."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analyticlens.machine import changes, clock, keeping, login
from analyticlens.machine.ledger import SEQ_SPAN
from analyticlens.machine.link import heart, logins, worker
from analyticlens.machine.login import Login
from analyticlens.machine.outbox import Outbox
from analyticlens.machine.station import Station
from analyticlens.protocol.desired import CommandReport, DesiredBody, DesiredDocument
from analyticlens.protocol.heartbeat import Heartbeat
from tests.machine.conftest import MakeStation
from tests.machine.door import TOKEN, FakeDoor, answers, cut, portal
from tests.machine.helpers import FOUR, THREE, configuration, event, fill, verdict
from tests.machine.test_station import BY, MANUAL, events, ready, verdicts

Until = Callable[..., Any]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back off briefly."""
    monkeypatch.setattr(worker, "FIRST_BACKOFF", 0.02)
    monkeypatch.setattr(worker, "CREDENTIAL_SECONDS", 0.3)


@pytest.fixture
def linked(make_station: MakeStation, door: FakeDoor, tmp_path: Path) -> Callable[..., Station]:
    """Return a maker of stations that have their token already."""

    def make(**more: Any) -> Station:
        (tmp_path / "door_token").write_text(TOKEN)
        return make_station(django_url=door.url, **more)

    return make


def delivered(door: FakeDoor, station: Station) -> bool:
    return station.outbox.depth() == 0


def tell(station: Station, count: int) -> None:
    """Put verdicts into the outbox, as an inspection would."""
    for cycle in range(1, count + 1):
        station.outbox.append("verdict", verdict(cycle))


def heartbeats(door: FakeDoor) -> list[Heartbeat]:
    return [Heartbeat.model_validate_json(call.body) for call in door.called("heartbeat")]


# --- who it is ---------------------------------------------------------------------------------------------------------


def test_a_code_becomes_a_token_that_only_the_owner_reads(
    make_station: MakeStation, door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    station = make_station(django_url=door.url, enrol_code="good-code")
    until(lambda: station.status().connection_status == "connected")
    assert (tmp_path / "door_token").read_text().strip() == TOKEN
    assert (tmp_path / "door_token").stat().st_mode & 0o777 == 0o600


def test_a_new_code_buys_a_new_token_and_the_same_code_is_used_once(
    make_station: MakeStation, door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    (tmp_path / "door_token").write_text("alm_revoked")
    for _ in range(2):
        station = make_station(django_url=door.url, enrol_code="good-code")
        until(lambda station=station: station.status().connection_status == "connected")
        station.close()
    assert (tmp_path / "door_token").read_text().strip() == TOKEN
    assert len(door.called("enrol")) == 1


def test_a_used_code_beside_a_good_token_does_no_harm(
    make_station: MakeStation, door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    (tmp_path / "door_token").write_text(TOKEN)
    station = make_station(django_url=door.url, enrol_code="used-up")
    until(lambda: station.status().connection_status == "connected")


def test_a_machine_set_up_before_it_had_an_orchestrator_tells_what_it_is(
    make_station: MakeStation, linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3])
    alone = ready(make_station())
    alone.close()
    linked()
    until(lambda: door.document.version == 1)
    assert door.document.body is not None
    assert door.document.body.recipe_sha256 == THREE.sha256
    assert door.document.author == "local:file"


def test_a_bad_code_is_told_and_the_machine_inspects_all_the_same(
    make_station: MakeStation, door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3])
    station = ready(make_station(django_url=door.url, enrol_code="bad"))
    station.start(BY)
    until(lambda: station.status().connection_status == "error")
    assert "refuses to enrol" in station.status().warnings[0]
    until(lambda: station.status().counters.ok > 2)


def test_the_token_may_come_from_a_file(
    make_station: MakeStation, door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    path = tmp_path / "given"
    path.write_text(TOKEN + "\n")
    station = make_station(django_url=door.url, token_file=path)
    until(lambda: station.status().connection_status == "connected")


def test_a_refused_token_keeps_everything_and_is_tried_again(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    door.faults.add("heartbeat", answers(401, "bad_token"), answers(403, "retired"))
    station = linked()
    tell(station, 3)
    until(lambda: station.status().connection_status == "error")
    assert "refuses this machine's token" in station.status().warnings[0]
    until(lambda: delivered(door, station))
    assert len(door.verdicts()) == 3


# --- signs of life -----------------------------------------------------------------------------------------------------


def test_the_first_heartbeat_is_a_birth_with_the_marks_of_all_epochs(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    before = Outbox(tmp_path)
    before.append("event", event())
    before.close()
    station = linked()
    until(lambda: heartbeats(door))
    birth = heartbeats(door)[0]
    assert (birth.birth, birth.hb_seq, birth.epoch) == (True, 1, station.outbox.epoch.epoch)
    assert [mark.epoch_no for mark in birth.marks] == [before.epoch.epoch_no, station.outbox.epoch.epoch_no]
    until(lambda: delivered(door, station))


def test_a_birth_below_what_is_known_opens_above_it(
    linked: Callable[..., Station], door: FakeDoor, until: Until
) -> None:
    door.highest = 41
    station = linked()
    tell(station, 2)
    until(lambda: delivered(door, station))
    assert station.outbox.epoch.epoch_no == 42
    assert [body["cycle"] for body in door.verdicts()] == [1, 2]


def test_a_change_of_state_is_told_at_once(
    linked: Callable[..., Station], door: FakeDoor, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with the next regular heartbeat: that is an hour away here."""
    monkeypatch.setattr(heart, "HEARTBEAT_SECONDS", 3600)
    station = linked()
    until(lambda: heartbeats(door))
    station.set_error("the light is broken", BY)
    until(lambda: heartbeats(door)[-1].error_message == "the light is broken")
    assert heartbeats(door)[-1].status == "error"


def test_another_instance_is_sent_all_marks(linked: Callable[..., Station], door: FakeDoor, until: Until) -> None:
    station = linked()
    tell(station, 3)
    until(lambda: delivered(door, station))
    known = len(heartbeats(door))
    door.instance = "two"
    station.changes.heartbeat_soon.set()
    until(lambda: len(heartbeats(door)) >= known + 2)
    assert heartbeats(door)[-1].marks or heartbeats(door)[-2].marks
    until(lambda: station.outbox.word("instance_id") == "two")


def test_an_orchestrator_restored_from_a_backup_gets_what_it_forgot(
    linked: Callable[..., Station], door: FakeDoor, until: Until
) -> None:
    station = linked()
    tell(station, 6)
    until(lambda: delivered(door, station))
    with door.mutex:
        (epoch,) = door.records
        for seq in [seq for seq in door.records[epoch] if seq > 2]:
            del door.records[epoch][seq]
        door.marks[epoch] = 2
        door.instance = "restored"
    station.changes.heartbeat_soon.set()
    until(lambda: len(door.verdicts()) == 6)
    assert "server_rewound" in events(station)


def test_goodbye_is_said(linked: Callable[..., Station], door: FakeDoor, until: Until) -> None:
    station = linked()
    until(lambda: heartbeats(door))
    station.close("stopped by a person")
    (said,) = door.called("goodbye")
    assert said.json()["epoch"] == station.outbox.epoch.epoch
    assert said.json()["hb_seq"] > heartbeats(door)[-1].hb_seq


def test_the_orchestrators_month_begins_a_new_epoch(
    linked: Callable[..., Station], door: FakeDoor, until: Until
) -> None:
    station = linked()
    first = station.outbox.epoch
    door.server_time = "2199-02-03T04:05:06+00:00"
    station.changes.heartbeat_soon.set()
    until(lambda: station.outbox.epoch.month == "2199-02")
    until(lambda: heartbeats(door)[-1].birth and heartbeats(door)[-1].epoch_no == first.epoch_no + 1)


def test_the_clocks_month_begins_a_new_epoch_while_nobody_answers(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The inspecting goes on over the turn, and both epochs arrive whole and in order."""
    monkeypatch.setattr(keeping, "EVERY_SECONDS", 0.05)
    monkeypatch.setattr(keeping, "LOOK_SECONDS", 0.05)
    shift = tmp_path / "shift"
    shift.write_text("0")
    monkeypatch.setenv("AL_CLOCK_FILE", str(shift))
    fill(tmp_path / "pictures", [3])
    door.down = True
    station = ready(linked(), trigger={"type": "continuous", "interval_ms": 100})
    station.start(BY)
    until(lambda: station.status().counters.ok > 2)
    first = station.outbox.epoch
    shift.write_text(str(40 * 86_400))
    until(lambda: station.outbox.epoch.epoch_no == first.epoch_no + 1)
    assert station.outbox.epoch.month == clock.month() != first.month
    before = station.status().counters.ok
    until(lambda: station.status().counters.ok > before + 2)
    station.stop(BY)
    door.down = False
    until(lambda: delivered(door, station))
    assert list(door.records) == [first.epoch, station.outbox.epoch.epoch]
    cycles = [body["cycle"] for body in door.verdicts()]
    assert cycles == list(range(1, station.status().counters.inspected + 1))


# --- delivery ----------------------------------------------------------------------------------------------------------


def test_an_orchestrator_that_is_down_at_the_start_changes_nothing_for_the_inspecting(
    make_station: MakeStation, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3])
    (tmp_path / "door_token").write_text(TOKEN)
    station = ready(make_station(django_url="http://127.0.0.1:9"))
    station.start(BY)
    until(lambda: station.status().counters.ok > 5)
    until(lambda: station.status().connection_status == "disconnected")
    assert station.outbox.depth() >= 5


@pytest.mark.parametrize(
    "faults",
    [
        [answers(500)],
        [answers(503)] * 3,
        [answers(429)],
        [cut],
        [cut, cut, cut],
        [portal],
        [answers(401), answers(200)],
        [answers(409)],
    ],
    ids=["500", "503", "429", "lost reply", "lost replies", "portal", "401", "409"],
)
def test_whatever_answers_each_record_arrives_once(
    linked: Callable[..., Station], door: FakeDoor, until: Until, faults: list[Any]
) -> None:
    door.faults.add("batches", *faults)
    station = linked()
    tell(station, 20)
    until(lambda: delivered(door, station))
    assert [body["cycle"] for body in door.verdicts()] == list(range(1, 21))


def test_a_success_without_a_mark_acknowledges_nothing(
    linked: Callable[..., Station], door: FakeDoor, until: Until
) -> None:
    door.faults.add(
        "batches", *[lambda answer: (200, {"status": "ok"})] * 3, lambda answer: (200, {"high_water_mark": -4})
    )
    station = linked()
    tell(station, 2)
    until(lambda: len(door.called("batches")) >= 4)
    until(lambda: delivered(door, station))


@pytest.mark.parametrize("status", [400, 422])
def test_a_refused_batch_is_halved_until_the_bad_record_stands_alone(
    linked: Callable[..., Station], door: FakeDoor, until: Until, status: int
) -> None:
    station = linked()
    until(lambda: station.outbox.epoch.born)
    with station.outbox.transaction() as db:
        poison(db, station, [b"{not json}"])
    until(lambda: delivered(door, station))
    assert len(door.verdicts()) == 9
    ((_, raw),) = door.quarantined.items()
    assert raw == b"{not json}"


POISON = {
    "broken": b"{not json",
    "nan": b'{"verdict":NaN}',
    "bad utf-8": b'{"verdict":"\xff\xfe"}',
    "deep": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "five megabytes": b'{"a":"' + b"x" * 5_000_000 + b'"}',
    "doubled key": b'{"a":1,"a":2}',
}


def poison(db: sqlite3.Connection, station: Station, bodies: list[bytes]) -> None:
    """Write nine good records and the bad ones in their midst, past every check."""
    rows = [json.dumps(verdict(cycle).model_dump(mode="json")).encode() for cycle in range(1, 10)]
    rows[5:5] = bodies
    (last,) = db.execute("SELECT last FROM epochs WHERE n = ?", (station.outbox.epoch.n,)).fetchone()
    for index, body in enumerate(rows):
        key = station.outbox.epoch.n * SEQ_SPAN + last + 1 + index
        db.execute("INSERT INTO records VALUES (?, 'verdict', ?, 0, 0)", (key, body))
    db.execute("UPDATE epochs SET last = last + ? WHERE n = ?", (len(rows), station.outbox.epoch.n))


@pytest.mark.parametrize("kind", POISON)
def test_a_poisoned_record_blocks_nobody(
    linked: Callable[..., Station], door: FakeDoor, until: Until, kind: str
) -> None:
    station = linked()
    until(lambda: station.outbox.epoch.born)
    with station.outbox.transaction() as db:
        poison(db, station, [POISON[kind]])
    until(lambda: delivered(door, station))
    assert [body["cycle"] for body in door.verdicts()] == list(range(1, 10))
    ((_, raw),) = door.quarantined.items()
    assert raw == POISON[kind]
    assert "record_quarantined" in events(station)


def test_records_too_many_for_one_call_are_sent_in_halves(
    linked: Callable[..., Station], door: FakeDoor, until: Until
) -> None:
    door.faults.add("batches", answers(413, "too_large"), answers(413, "too_large"))
    station = linked()
    tell(station, 40)
    until(lambda: delivered(door, station))
    assert len(door.verdicts()) == 40
    assert not door.quarantined


def test_pictures_follow_their_verdicts_the_bad_ones_first(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3, 2, 1])
    # Nothing is taken before all three are inspected, so that all three verdicts go in one batch.
    door.down = True
    station = ready(linked(), pictures={"ok_every": 1}, trigger=MANUAL)
    station.start(BY)
    until(lambda: station.status().waiting_for_trigger)
    for _ in range(3):
        station.trigger(BY)
    until(lambda: station.status().counters.inspected == 3)
    door.faults.add("images", cut, answers(503))
    door.down = False
    until(lambda: len(door.images) == 3 and not station.outbox.pictures_waiting())
    first_sent = list(dict.fromkeys(call.path.split("/")[1] for call in door.calls if call.path.startswith("images")))
    by_hash = {body["picture"]["sha256"]: body["verdict"] for body in verdicts(station)}
    assert [by_hash[sha256] for sha256 in first_sent] == ["nok", "nok", "ok"]


def test_the_live_picture_is_sent_only_while_somebody_looks(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [2])
    station = ready(linked(), trigger={"type": "continuous", "interval_ms": 100})
    station.start(BY)
    until(lambda: station.status().counters.inspected > 3)
    assert not door.called("live")
    door.watched = True
    station.changes.heartbeat_soon.set()
    until(lambda: len(door.called("live")) >= 2)
    body = door.called("live")[0].body
    assert b"\xff\xd8\xff" in body
    assert b'"verdict": "nok"' in body
    door.watched = False
    station.changes.heartbeat_soon.set()
    until(lambda: not station.live.watched)


# --- what is asked -----------------------------------------------------------------------------------------------------


def asked(version: int, recipe: Any = THREE, **body: Any) -> DesiredDocument:
    body = {"configuration": configuration(), "run_state": "running", "mode": "PRODUCAO", **body}
    sha256 = recipe.sha256 if recipe else None
    wanted = DesiredBody(recipe_sha256=sha256, **body)
    return DesiredDocument(version=version, sha256=wanted.sha256, body=wanted, recipe=recipe)


def test_what_is_asked_runs_and_is_reported(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3])
    station = linked()
    door.ask(asked(7))
    until(lambda: station.status().counters.ok > 2)
    status = station.status()
    assert (status.mode, status.config_version, status.applied.state) == ("PRODUCAO", 7, "applied")
    until(lambda: heartbeats(door)[-1].applied.running_version == 7)
    assert {(body["simulated"], body["config_version"]) for body in verdicts(station)} == {(False, 7)}


def test_a_run_generation_higher_is_a_restart(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3])
    station = linked()
    door.ask(asked(1))
    until(lambda: station.status().counters.ok > 2)
    rebuilds, generation = station._rebuilds, station.status().generation
    door.ask(asked(2, run_generation=1))
    until(lambda: station.status().config_version == 2 and station.status().generation > generation)
    assert station._rebuilds == rebuilds + 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"configuration": configuration(trigger={"type": "external", "signal": {"type": "hardware"}})},
            "cannot be triggered by a line of the camera",
        ),
        ({"configuration": configuration("/etc")}, "outside the folders"),
        ({"configuration": configuration("nowhere")}, "does not exist"),
        ({"recipe_sha256": "0" * 64}, "did not come with it"),
        ({"configuration": configuration(source={"type": "genicam"})}, "genicam are not available"),
    ],
    ids=["trigger", "outside", "missing", "no recipe", "source"],
)
def test_what_cannot_be_had_is_rejected_in_words_and_the_old_runs_on(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until, change: dict[str, Any], words: str
) -> None:
    fill(tmp_path / "pictures", [3])
    station = linked()
    door.ask(asked(1))
    until(lambda: station.status().counters.ok > 2)
    good = asked(2)
    assert good.body is not None
    door.ask(good.model_copy(update={"body": good.body.model_copy(update=change)}))
    until(lambda: station.status().applied.state == "rejected")
    applied = station.status().applied
    assert words in applied.error
    assert (applied.version, applied.running_version, station.status().status) == (2, 1, "running")
    inspected = station.status().counters.inspected
    until(lambda: station.status().counters.inspected > inspected + 2)


@pytest.mark.parametrize("away", [True, False], ids=["while it was away", "while it listened"])
def test_a_number_used_anew_for_something_else_is_another_version(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until, away: bool
) -> None:
    """As after a restored database: the hash says that it is not what runs here."""
    fill(tmp_path / "pictures", [3])
    station = linked()
    door.ask(asked(3))
    until(lambda: station.status().counters.ok > 2)
    if away:
        station.close()
    door.ask(asked(3, FOUR))
    again = linked() if away else station
    until(lambda: again.status().recipe == FOUR)
    until(lambda: again.status().counters.nok > 2)
    assert again.status().config_version == 3


@pytest.mark.parametrize("restarted", [False, True])
def test_a_version_refused_for_want_of_its_folder_is_taken_when_the_folder_is_there(
    linked: Callable[..., Station],
    door: FakeDoor,
    tmp_path: Path,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
    restarted: bool,
) -> None:
    monkeypatch.setattr(keeping, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(changes, "RETRY_SECONDS", 0.1)
    fill(tmp_path / "pictures", [3])
    station = linked()
    door.ask(asked(1))
    until(lambda: station.status().counters.ok > 2)
    door.ask(asked(2, configuration=configuration("later")))
    until(lambda: station.status().applied.state == "rejected")
    if restarted:
        station.close()
        station = linked()
        until(lambda: station.status().counters.inspected)
    fill(tmp_path / "later", [4])
    until(lambda: station.status().config_version == 2)
    assert station.status().applied.state == "applied"
    assert events(station).count("version_rejected") == 1


def test_a_folder_that_is_not_there_yet_is_waited_for_when_nothing_else_works(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    station = linked()
    door.ask(asked(1))
    until(lambda: station.status().status == "error")
    assert "does not exist" in station.status().error_message
    fill(tmp_path / "pictures", [3])
    until(lambda: station.status().counters.ok > 2)
    assert station.status().status == "running"


def test_a_pipeline_that_breaks_three_times_is_rolled_back(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    from tests.machine import strange_child
    from tests.machine.helpers import camera

    fill(tmp_path / "pictures", [3])
    station = linked(strange=True)
    door.ask(asked(1))
    until(lambda: station.status().counters.ok > 2)
    door.ask(asked(2, configuration=camera(strange_child.DIES)))
    until(lambda: station.status().applied.state == "rolled_back", 90)
    ok = station.status().counters.ok
    until(lambda: station.status().counters.ok > ok)
    applied = station.status().applied
    assert (applied.version, applied.running_version) == (2, 1)
    assert "broke 3 times" in applied.error


def test_a_local_change_becomes_the_next_version(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3])
    station = linked()
    door.ask(asked(1))
    until(lambda: station.status().counters.ok > 2)
    station.set_recipe(FOUR, BY)
    until(lambda: door.document.version == 2)
    assert door.document.body is not None
    assert (door.document.body.recipe_sha256, door.document.author, door.document.recipe) == (FOUR.sha256, BY, FOUR)
    until(lambda: station.status().config_version == 2 and station.kept.pending is None)
    assert station.status().recipe == FOUR


def test_a_change_registered_as_something_else_makes_the_machine_what_was_registered(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3])
    station = linked()
    door.ask(asked(1, FOUR, mode="TESTE"))
    until(lambda: station.status().config_version == 1)
    door.settle = lambda change: (change.body.model_copy(update={"recipe_sha256": THREE.sha256}), THREE)
    station.set_mode("PRODUCAO", BY)
    until(lambda: station.status().config_version == 2 and station.kept.pending is None)
    until(lambda: station.status().recipe == THREE)
    assert any("gave way to version 2" in warning for warning in station.status().warnings)
    station.start(BY)
    until(lambda: verdicts(station) and verdicts(station)[-1]["mode"] == "PRODUCAO")
    counted = [body for body in verdicts(station) if body["mode"] == "PRODUCAO"]
    assert {body["recipe_sha256"] for body in counted} == {THREE.sha256}


def test_a_draft_does_not_follow_the_machine_into_production_while_it_is_alone(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3])
    station = linked()
    door.ask(asked(1, mode="DESENVOLVIMENTO").model_copy(update={"recipe_origin": "draft"}))
    until(lambda: station.status().counters.ok > 2)
    door.down = True
    station.set_mode("PRODUCAO", BY)
    station.start(BY)
    until(lambda: verdicts(station)[-1]["mode"] == "PRODUCAO")
    counted = [body for body in verdicts(station) if body["mode"] == "PRODUCAO"]
    assert {(body["verdict"], body.get("recipe_sha256")) for body in counted} == {("undecided", None)}


def test_a_recipe_says_where_it_came_from(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3])
    station = linked()
    door.ask(asked(1, mode="DESENVOLVIMENTO").model_copy(update={"recipe_origin": "draft"}))
    until(lambda: station.status().config_version == 1)
    station.stop(BY)
    until(lambda: door.document.version == 2)
    station.set_recipe(FOUR, BY)
    until(lambda: door.document.version >= 3 and station.kept.pending is None)
    sent = [call.json()["recipe_origin"] for call in door.called("desired")]
    assert (sent[0], sent[-1]) == ("draft", "local")


def test_a_local_change_made_offline_survives_a_restart_and_is_registered(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3])
    station = linked()
    door.ask(asked(1))
    until(lambda: station.status().counters.ok > 2)
    door.down = True
    station.stop(BY)
    station.close()
    assert door.document.version == 1
    door.down = False
    again = linked()
    assert again.status().status == "stopped"
    until(lambda: door.document.version == 2)
    assert door.document.body is not None
    assert door.document.body.run_state == "stopped"


def test_a_local_change_gives_way_when_somebody_was_quicker(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3])
    station = linked()
    door.ask(asked(1))
    until(lambda: station.status().counters.ok > 2)
    with door.mutex:
        door.document = asked(2, FOUR)
        station.stop(BY)
    until(lambda: station.status().config_version == 2 and station.kept.pending is None)
    until(lambda: station.status().status == "running")
    assert station.status().recipe == FOUR
    assert any("gave way" in warning for warning in station.status().warnings)
    assert door.document.version == 2


def test_a_change_made_offline_gives_way_to_what_was_asked_meanwhile(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    """Registered too late: the door says 412 with its own version, and that is what runs, after a restart as well."""
    fill(tmp_path / "pictures", [3])
    station = linked()
    door.ask(asked(1))
    until(lambda: station.status().counters.ok > 2)
    door.down = True
    station.set_recipe(FOUR, BY)
    station.stop(BY)
    station.close()
    door.ask(asked(2, configuration=configuration(pictures={"jpeg_quality": 55})))
    again = linked()
    assert again.status().recipe == FOUR
    door.down = False
    until(lambda: again.status().config_version == 2 and again.kept.pending is None)
    until(lambda: again.status().counters.ok > 2)
    assert again.status().recipe == THREE
    assert again.status().configuration.pictures.jpeg_quality == 55
    assert door.document.version == 2
    assert "local_change_overruled" in events(again)
    assert any("gave way to version 2" in warning for warning in again.status().warnings)


def test_what_is_asked_after_the_end_is_for_the_next_start(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    """A long poll outlives its station by a moment."""
    fill(tmp_path / "pictures", [3])
    station = linked()
    door.ask(asked(1))
    until(lambda: station.status().counters.ok > 2)
    station.close()
    before = station.kept
    station.apply(asked(2, FOUR))
    assert station.kept == before
    door.down = True
    assert linked().status().config_version == 1


# --- commands ----------------------------------------------------------------------------------------------------------


def command(number: int, kind: str, ttl: int = 10_000) -> dict[str, Any]:
    return {"id": f"{number:032x}", "kind": kind, "args": {}, "ttl_ms_left": ttl}


def test_commands_are_carried_out_once_and_reported(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3])
    station = linked()
    door.ask(asked(1, configuration=configuration(trigger=MANUAL)))
    until(lambda: station.status().waiting_for_trigger)
    for _ in range(3):
        door.command(**command(1, "trigger"))
    door.command(**command(2, "snapshot"))
    door.command(**command(3, "clear_error"))
    until(lambda: len(door.reports) == 3)
    assert dict(door.reports) == {f"{n:032x}": "done" for n in (1, 2, 3)}
    until(lambda: station.status().counters.inspected == 1)
    assert station.status().counters.triggered == 1
    assert len(door.reports) == 3


def test_a_trigger_does_not_wait_behind_a_search(
    linked: Callable[..., Station],
    door: FakeDoor,
    tmp_path: Path,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searching, found = threading.Event(), threading.Event()

    def search(args: object) -> CommandReport:
        searching.set()
        assert found.wait(45)
        return CommandReport(state="done")

    monkeypatch.setattr("analyticlens.machine.link.commands.find_cameras", search)
    fill(tmp_path / "pictures", [3])
    station = linked()
    door.ask(asked(1, configuration=configuration(trigger=MANUAL), run_state="running"))
    until(lambda: station.status().waiting_for_trigger)
    door.command(**command(1, "discover"))
    until(searching.is_set)
    door.command(**command(2, "trigger"))
    until(lambda: (f"{2:032x}", "done") in door.reports)
    assert f"{1:032x}" not in dict(door.reports)
    found.set()
    until(lambda: (f"{1:032x}", "done") in door.reports)


def test_a_command_that_cannot_be_done_is_refused(linked: Callable[..., Station], door: FakeDoor, until: Until) -> None:
    linked()
    door.command(**command(1, "trigger"))
    door.command(**command(2, "snapshot"))
    until(lambda: len(door.reports) == 2)
    assert {state for _, state in door.reports} == {"refused"}


def test_a_command_that_came_too_late_is_not_done(linked: Callable[..., Station], door: FakeDoor, until: Until) -> None:
    linked()
    door.command(**command(1, "clear_error", ttl=0))
    until(lambda: door.reports)
    assert door.reports == [(f"{1:032x}", "expired")]


def test_what_an_earlier_holder_of_control_asked_is_not_done_under_the_next(
    linked: Callable[..., Station], door: FakeDoor, until: Until
) -> None:
    linked()
    door.ask(DesiredDocument(fence=2))
    until(lambda: door.heard_fence == 2)
    for number, fence in ((1, 1), (2, 2), (3, 3)):
        door.command(**command(number, "clear_error"), fence=fence)
    until(lambda: len(door.reports) == 3)
    assert dict(door.reports) == {f"{1:032x}": "refused", f"{2:032x}": "done", f"{3:032x}": "done"}


def test_a_restored_orchestrator_counts_takings_from_where_its_backup_was(
    linked: Callable[..., Station], door: FakeDoor, until: Until
) -> None:
    linked()
    for fence in (7, 2):
        door.ask(DesiredDocument(fence=fence))
        until(lambda fence=fence: door.heard_fence == fence)
    door.command(**command(1, "clear_error"), fence=2)
    until(lambda: door.reports)
    assert door.reports == [(f"{1:032x}", "done")]


def test_a_command_cut_off_by_a_crash_is_unknown_and_not_repeated(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until
) -> None:
    before = Outbox(tmp_path)
    before.set_command(f"{1:032x}", "started")
    before.close()
    station = linked()
    door.command(**command(1, "clear_error"))
    until(lambda: door.reports)
    until(lambda: station.outbox.command_state(f"{1:032x}") == "reported")
    assert door.reports == [(f"{1:032x}", "unknown")]


def test_a_report_that_got_lost_is_sent_again_and_the_act_is_not(
    linked: Callable[..., Station], door: FakeDoor, until: Until
) -> None:
    station = linked()
    door.faults.add("commands", cut, answers(503))
    station.set_error("x", BY)
    door.command(**command(1, "clear_error"))
    until(lambda: station.outbox.command_state(f"{1:032x}") == "reported")
    assert station.status().error_message == ""
    assert {state for _, state in door.reports} == {"done"}


# --- who its camera is asked as ----------------------------------------------------------------------------------------


def test_the_cameras_login_is_fetched_kept_and_taken_away_again(
    linked: Callable[..., Station], door: FakeDoor, tmp_path: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "LOOK_AGAIN_SECONDS", 0.05)
    login.keep(tmp_path, Login("set", "here"))
    linked()
    until(lambda: door.secrets_told >= 2)
    assert login.read(tmp_path) == Login("set", "here")
    door.secrets = {"source_user": "bob", "source_password": "s3cret"}
    until(lambda: login.read(tmp_path) == Login("bob", "s3cret"))
    assert (tmp_path / login.FILE).stat().st_mode & 0o777 == 0o600
    door.secrets = {}
    until(lambda: login.read(tmp_path) == Login())
