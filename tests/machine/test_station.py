"""A station with its real child: it inspects a folder, does what people say, and comes back as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analyticlens.engine import RecipeRefused
from analyticlens.machine import station as stationing
from analyticlens.machine.station import NotNow, ResultEvent, SourceRefused, Station
from analyticlens.protocol.recipe import Recipe
from tests.machine.conftest import MakeStation
from tests.machine.helpers import FOUR, THREE, broken, configuration, discs, encode, fill, settings

BY = "local:test"
MANUAL = {"type": "manual"}
Until = Callable[..., Any]


def ready(station: Station, recipe: Recipe = THREE, **more: Any) -> Station:
    """Configure a station that reads pictures/."""
    station.set_configuration(configuration(**more), BY)
    station.set_recipe(recipe, BY)
    return station


def verdicts(station: Station) -> list[dict[str, Any]]:
    """Return the committed verdicts in order."""
    rows = station.outbox._read("SELECT body FROM records WHERE kind = 'verdict' ORDER BY key")
    return [json.loads(body) for (body,) in rows]


def events(station: Station) -> list[str]:
    rows = station.outbox._read("SELECT body FROM records WHERE kind = 'event' ORDER BY key")
    return [json.loads(body)["code"] for (body,) in rows]


def test_it_judges_each_picture_as_it_is(make_station: MakeStation, tmp_path: Path, until: Until) -> None:
    folder = fill(tmp_path / "pictures", [3, 2, 3, 4])
    broken(folder / "04.png", encode(discs(3))[:100])
    station = ready(make_station())
    station.start(BY)
    until(lambda: station.status().counters.inspected >= 12)
    truth = {"00.png": "ok", "01.png": "nok", "02.png": "ok", "03.png": "nok", "04.png": "error"}
    found = verdicts(station)
    assert all(body["verdict"] == truth[body["frame"]["name"]] for body in found)
    assert {body["frame"]["name"] for body in found} == set(truth)


def test_a_verdict_carries_what_cannot_be_recomputed(make_station: MakeStation, tmp_path: Path, until: Until) -> None:
    fill(tmp_path / "pictures", [2])
    station = ready(make_station(), trigger=MANUAL)
    station.start(BY)
    until(lambda: station.status().waiting_for_trigger)
    assert station.trigger(BY, "part 7") == 1
    until(lambda: station.status().counters.inspected)
    (body,) = verdicts(station)
    assert (body["cycle"], body["trigger_count"], body["part_id"]) == (1, 1, "part 7")
    assert (body["recipe_sha256"], body["simulated"], body["mode"]) == (THREE.sha256, True, "TESTE")
    assert body["tools"][0]["features"]["blob_count"] == 2
    assert body["tools"][0]["limits"][0]["min"] == 3
    assert body["durations_ms"]["total"] >= body["durations_ms"]["inspect"] > 0
    assert station.outbox.files.read(body["picture"]["sha256"]) is not None


def test_pictures_are_kept_by_the_rule(make_station: MakeStation, tmp_path: Path, until: Until) -> None:
    fill(tmp_path / "pictures", [3, 3, 2])
    station = ready(make_station(), pictures={"ok_every": 3, "keep_not_ok": True})
    station.start(BY)
    until(lambda: station.status().counters.inspected >= 18)
    found = verdicts(station)[:18]
    assert all("picture" in body and body["picture"] for body in found if body["verdict"] == "nok")
    kept = [body["picture"] for body in found if body["verdict"] == "ok"]
    assert [bool(picture) for picture in kept] == [index % 3 == 0 for index in range(12)]
    assert {picture["weight"] for picture in kept if picture} == {3}


def test_nothing_judges_without_a_recipe(make_station: MakeStation, tmp_path: Path, until: Until) -> None:
    fill(tmp_path / "pictures", [3])
    station = make_station()
    station.set_configuration(configuration(), BY)
    station.start(BY)
    until(lambda: station.status().counters.inspected)
    assert {(body["verdict"], body["reason"]) for body in verdicts(station)} == {("undecided", "nothing_judges")}


def test_viewers_hear_after_the_commit_and_in_order(make_station: MakeStation, tmp_path: Path, until: Until) -> None:
    fill(tmp_path / "pictures", [3, 2])
    station = ready(make_station())
    heard: list[tuple[ResultEvent, int]] = []
    station.subscribe(lambda event: heard.append((event, station.outbox.counters().inspected)))
    station.start(BY)
    until(lambda: len(heard) >= 6)
    station.stop(BY)
    assert [event.body.cycle for event, _ in heard[:6]] == [1, 2, 3, 4, 5, 6]
    assert all(committed >= event.body.cycle for event, committed in heard)
    first = heard[0][0]
    assert first.processed_jpeg is not None
    assert first.processed_jpeg.startswith(b"\xff\xd8\xff")
    assert first.resolution == (320, 200)
    assert (first.aprovados, first.reprovados, first.frame) == (1, 0, 1)


def test_a_viewer_that_breaks_hurts_nobody(make_station: MakeStation, tmp_path: Path, until: Until) -> None:
    fill(tmp_path / "pictures", [3])
    station = ready(make_station())
    heard: list[int] = []

    def breaks(event: ResultEvent) -> None:
        raise RuntimeError("a viewer's bug")

    station.subscribe(breaks)
    station.subscribe(lambda event: heard.append(event.body.cycle))
    station.start(BY)
    until(lambda: len(heard) >= 5)
    assert station.status().status == "running"


def test_no_verdict_comes_after_stop_returned(
    make_station: MakeStation, tmp_path: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stationing, "STOP_SECONDS", 60)
    fill(tmp_path / "pictures", [3])
    station = ready(make_station())
    for _ in range(5):
        before = station.status().counters.inspected
        station.start(BY)
        until(lambda before=before: station.status().counters.inspected > before)
        station.stop(BY)
        after = station.status().counters.inspected
        station.loop.errand(lambda child: None)
        until(lambda: not station.loop._errands)
        assert station.status().counters.inspected == after
        assert station.status().status == "stopped"


def test_start_says_whether_it_ran_already(make_station: MakeStation, tmp_path: Path) -> None:
    fill(tmp_path / "pictures", [3])
    station = ready(make_station())
    assert station.start(BY) is True
    assert station.start(BY) is False


@pytest.mark.parametrize("run", ["running", "stopped"])
@pytest.mark.parametrize("mode", ["TESTE", "PRODUCAO"])
def test_it_comes_back_as_it_was(make_station: MakeStation, tmp_path: Path, until: Until, run: str, mode: Any) -> None:
    fill(tmp_path / "pictures", [3])
    station = ready(make_station(), trigger={"type": "continuous", "interval_ms": 100})
    station.set_mode(mode, BY)
    if run == "running":
        station.start(BY)
        until(lambda: station.status().counters.inspected)
    inspected = station.status().counters.inspected
    station.close()
    again = make_station()
    if run == "running":
        until(lambda: again.status().counters.inspected > inspected)
        assert verdicts(again)[-1]["simulated"] is (mode != "PRODUCAO")
        assert [body["cycle"] for body in verdicts(again)] == list(range(1, len(verdicts(again)) + 1))
    status = again.status()
    assert (status.status, status.mode, status.recipe) == (run, mode, THREE)


def test_a_new_recipe_is_swapped_in_between_two_frames(make_station: MakeStation, tmp_path: Path, until: Until) -> None:
    fill(tmp_path / "pictures", [3, 3])
    station = ready(make_station())
    station.start(BY)
    until(lambda: station.status().counters.inspected > 3)
    station.set_recipe(FOUR, BY)
    until(lambda: station.status().counters.nok > 3)
    found = verdicts(station)
    assert all(body["verdict"] == {THREE.sha256: "ok", FOUR.sha256: "nok"}[body["recipe_sha256"]] for body in found)
    assert all(body["verdict"] != "error" for body in found)
    assert station.status().counters.missed == 0


def test_a_recipe_that_cannot_be_built_is_refused_whole(
    make_station: MakeStation, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3])
    station = ready(make_station())
    station.start(BY)
    formula = {"operation": "custom_formula", "custom_formula": "__import__('os')"}
    blob = {"id": 1, "name": "b", "type": "blob"}
    bad = Recipe.model_validate({"tools": [blob, {"id": 2, "name": "m", "type": "math", "params": formula}]})
    with pytest.raises(RecipeRefused):
        station.set_recipe(bad, BY)
    assert station.status().recipe == THREE
    inspected = station.status().counters.inspected
    until(lambda: station.status().counters.inspected > inspected + 2)


def test_a_manual_trigger_is_refused_where_it_means_nothing(make_station: MakeStation, tmp_path: Path) -> None:
    fill(tmp_path / "pictures", [3])
    station = ready(make_station())
    with pytest.raises(NotNow, match="continuous"):
        station.trigger(BY)
    station.set_configuration(configuration(trigger=MANUAL), BY)
    with pytest.raises(NotNow, match="not running"):
        station.trigger(BY)


def test_a_trigger_that_is_not_built_is_refused_and_the_old_one_stays(
    make_station: MakeStation, tmp_path: Path
) -> None:
    fill(tmp_path / "pictures", [3])
    station = ready(make_station())
    with pytest.raises(NotNow, match="cannot be triggered by a line of the camera"):
        station.set_configuration(configuration(trigger={"type": "external", "signal": {"type": "hardware"}}), BY)
    assert station.status().configuration.trigger.type == "continuous"


def test_a_source_that_does_not_open_is_an_error_that_heals_by_itself(
    make_station: MakeStation, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3])
    station = ready(make_station())
    station.start(BY)
    with pytest.raises(SourceRefused, match="does not exist"):
        station.set_configuration(configuration("later"), BY)
    assert station.status().status == "error"
    assert "later" in station.status().error_message
    until(lambda: not station.status().source_available)
    fill(tmp_path / "later", [3])
    before = station.status().counters.inspected
    until(lambda: station.status().counters.inspected > before)
    assert (station.status().status, station.status().error_message) == ("running", "")


def test_a_folder_that_vanishes_is_told_once_and_inspected_again_when_it_is_back(
    make_station: MakeStation, tmp_path: Path, until: Until
) -> None:
    folder = fill(tmp_path / "pictures", [3])
    station = ready(make_station())
    station.start(BY)
    until(lambda: station.status().counters.inspected > 2)
    folder.rename(tmp_path / "away")
    until(lambda: station.status().status == "error")
    lost = [body for body in verdicts(station) if body["verdict"] == "error"]
    assert [body["reason"] for body in lost] == ["source_lost"]
    (tmp_path / "away").rename(folder)
    until(lambda: station.status().status == "running")
    before = station.status().counters.inspected
    until(lambda: station.status().counters.inspected > before)
    assert events(station).count("source_lost") == 1
    assert events(station).count("recovered") == 1


def test_a_start_is_refused_while_an_error_is_active(make_station: MakeStation, tmp_path: Path) -> None:
    fill(tmp_path / "pictures", [3])
    station = ready(make_station())
    station.set_error("the light is broken", BY)
    assert (station.status().status, station.status().error_message) == ("error", "the light is broken")
    with pytest.raises(NotNow, match="the light is broken"):
        station.start(BY)
    assert station.clear_error(BY) is True
    assert station.status().status == "stopped"
    assert station.clear_error(BY) is False


def test_an_error_somebody_set_survives_a_restart(make_station: MakeStation, tmp_path: Path) -> None:
    station = make_station()
    station.set_error("the light is broken", BY)
    station.close()
    assert make_station().status().error_message == "the light is broken"


def test_a_source_error_somebody_cleared_stays_quiet(make_station: MakeStation, tmp_path: Path, until: Until) -> None:
    station = make_station()
    with pytest.raises(SourceRefused):
        station.set_configuration(configuration("nowhere"), BY)
    assert station.clear_error(BY) is True
    until(lambda: station.loop._seen >= station._revision)
    assert station.status().status == "stopped"


def test_a_change_of_mode_stops_and_clears(make_station: MakeStation, tmp_path: Path) -> None:
    fill(tmp_path / "pictures", [3])
    station = ready(make_station())
    station.start(BY)
    station.set_error("x", BY)
    station.set_mode("PRODUCAO", BY)
    assert (station.status().status, station.status().mode) == ("stopped", "PRODUCAO")


def test_a_restart_is_a_new_generation(make_station: MakeStation, tmp_path: Path, until: Until) -> None:
    fill(tmp_path / "pictures", [3])
    station = ready(make_station())
    with pytest.raises(NotNow):
        station.restart(BY)
    station.start(BY)
    until(lambda: station.status().counters.inspected > 2)
    before = station.status().generation
    station.restart(BY)
    until(lambda: verdicts(station)[-1]["generation"] > before)
    generations = [body["generation"] for body in verdicts(station)]
    assert generations == sorted(generations)


def test_a_result_that_cannot_be_stored_is_an_error_until_it_can(
    make_station: MakeStation, tmp_path: Path, until: Until
) -> None:
    """The outbox may not grow: nothing goes out as ok, and the machine heals when there is room."""
    fill(tmp_path / "pictures", [3])
    station = ready(make_station())
    heard: list[ResultEvent] = []
    station.subscribe(heard.append)
    with station.outbox.transaction() as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}")
    station.start(BY)
    until(lambda: station.status().status == "error")
    assert "could not be stored" in station.status().error_message
    with station.outbox._mutex:
        station.outbox._db.execute("PRAGMA max_page_count = 1000000")
    until(lambda: station.status().status == "running")
    failed = [event.body for event in heard if event.body.reason == "outbox_failed"]
    assert failed
    assert {body.verdict for body in failed} == {"error"}
    stored = {body["cycle"] for body in verdicts(station)}
    assert not stored & {body.cycle for body in failed}


def test_two_stations_cannot_share_a_data_folder(make_station: MakeStation, tmp_path: Path) -> None:
    from analyticlens.machine.station import OutboxBusy

    make_station()
    with pytest.raises(OutboxBusy):
        Station(settings(tmp_path))


def test_a_recipe_for_colour_runs_and_what_is_grey_is_its_error(
    make_station: MakeStation, tmp_path: Path, until: Callable[..., Any]
) -> None:
    """What a tool says of a drawn picture is no reason to refuse it; only one that breaks is."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "00.png").write_bytes(encode(np.full((48, 64, 3), (40, 60, 200), np.uint8)))
    (pictures / "01.png").write_bytes(encode(np.full((48, 64), 90, np.uint8)))
    station = make_station()
    station.set_configuration(configuration(), BY)
    tool = {"id": 1, "name": "red", "type": "colour", "limits": [{"feature": "a", "min": 20}]}
    station.set_recipe(Recipe.model_validate({"tools": [tool]}), BY)
    station.start(BY)
    until(lambda: station.status().counters.inspected >= 2)
    assert [body["verdict"] for body in verdicts(station)[:2]] == ["ok", "error"]
