"""The loop under trouble: blocked and dying children, and hands that start and stop at once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from analyticlens.machine import backoff, clock
from analyticlens.machine import loop as looping
from analyticlens.machine import station as stationing
from analyticlens.machine.station import NotNow, ResultEvent, SourceRefused, Station
from tests.machine import strange_child
from tests.machine.conftest import MakeStation
from tests.machine.helpers import THREE, camera, configuration, fill
from tests.machine.test_station import BY, MANUAL, events, ready, verdicts

Until = Callable[..., Any]


def strange(make: MakeStation, number: int, **more: Any) -> Station:
    """Return a station whose camera is strange."""
    station = make(strange=True)
    station.set_configuration(camera(number, **more), BY)
    station.set_recipe(THREE, BY)
    return station


def children(station: Station) -> set[int]:
    """Return the process ids of the station's children that are not mere spares."""
    return {child.process.pid for child in station.cradle._living if child.work is not None and child.alive}


def test_a_frame_that_blocks_is_an_error_by_time_out_and_the_next_is_judged(
    make_station: MakeStation, until: Until
) -> None:
    station = strange(make_station, strange_child.BLOCKS_ONCE, inspection_timeout_ms=2000)
    station.start(BY)
    until(lambda: station.status().counters.inspected >= 5)
    found = verdicts(station)[:5]
    assert [body["verdict"] for body in found] == ["ok", "ok", "error", "ok", "ok"]
    assert found[2]["reason"] == "timeout"
    assert [body["cycle"] for body in found] == [1, 2, 3, 4, 5]


def test_a_child_that_dies_at_every_frame_is_rebuilt_for_ever_with_growing_pauses(
    make_station: MakeStation, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "BACKOFF", (0.05, 0.1))
    station = strange(make_station, strange_child.DIES)
    station.start(BY)
    until(lambda: station.status().counters.error >= 4, 90)
    assert {(body["verdict"], body["reason"]) for body in verdicts(station)} == {("error", "child_died")}
    # Between two deaths a new child is there, and nothing is wrong for that moment.
    until(lambda: "ended" in station.status().error_message)
    assert events(station).count("child_lost") >= 4


def test_a_camera_that_is_lost_is_opened_again(make_station: MakeStation, until: Until) -> None:
    station = strange(make_station, strange_child.LOST_ONCE)
    station.start(BY)
    until(lambda: station.status().counters.inspected >= 5)
    assert [body["reason"] for body in verdicts(station)[:4]] == [None, None, "source_lost", None]
    assert station.status().status == "running"


def test_stop_ends_a_frame_that_blocks(
    make_station: MakeStation, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In much less time than the frame itself was given."""
    monkeypatch.setattr(stationing, "STOP_SECONDS", 60)
    station = strange(make_station, strange_child.BLOCKS, inspection_timeout_ms=60_000)
    station.start(BY)
    until(lambda: station.status().counters.triggered == 1)
    began = clock.mono()
    station.stop(BY)
    assert clock.mono() - began < 20
    counters = station.status().counters
    assert (counters.inspected, counters.triggered, counters.missed) == (0, 1, 1)


def test_a_camera_that_blocks_while_it_opens_refuses_the_start(
    make_station: MakeStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analyticlens.machine.inspector.OPEN_SECONDS", 0.3)
    station = make_station(strange=True)
    with pytest.raises(SourceRefused, match="did not open"):
        station.set_configuration(camera(strange_child.BLOCKS_OPENING), BY)
    with pytest.raises(NotNow):
        station.start(BY)


def test_a_stop_does_not_wait_for_a_source_that_does_not_open(
    make_station: MakeStation, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analyticlens.machine.inspector.OPEN_SECONDS", 120)
    station = strange(make_station, strange_child.GOOD)
    station.start(BY)
    until(lambda: station.status().counters.inspected > 2)
    refused: list[SourceRefused] = []

    def configure() -> None:
        try:
            station.set_configuration(camera(strange_child.BLOCKS_OPENING), BY)
        except SourceRefused as problem:
            refused.append(problem)

    hand = threading.Thread(target=configure)
    hand.start()
    until(lambda: station.cradle._building)
    began = clock.mono()
    station.stop(BY)
    assert clock.mono() - began < 30
    assert station.kept.run_state == "stopped"
    hand.join(30)
    assert refused


def test_a_child_killed_from_outside_is_replaced(make_station: MakeStation, tmp_path: Path, until: Until) -> None:
    fill(tmp_path / "pictures", [3])
    station = ready(make_station(), trigger={"type": "continuous", "interval_ms": 100})
    station.start(BY)
    until(lambda: station.status().counters.inspected > 1)
    (first,) = children(station)
    psutil.Process(first).kill()
    before = station.status().counters.ok
    until(lambda: station.status().counters.ok > before)
    assert children(station) != {first}


def test_sixteen_triggers_become_sixteen_results(make_station: MakeStation, tmp_path: Path, until: Until) -> None:
    fill(tmp_path / "pictures", [3])
    station = ready(make_station(), trigger=MANUAL)
    station.start(BY)
    until(lambda: station.status().waiting_for_trigger)
    accepted = []
    for index in range(40):
        with suppress(NotNow):
            accepted.append(station.trigger(BY, f"part {index}"))
    until(lambda: station.status().counters.inspected == len(accepted))
    counters = station.status().counters
    assert (counters.triggered, counters.refused) == (40, 40 - len(accepted))
    assert len(accepted) >= 16
    assert [body["trigger_count"] for body in verdicts(station)] == accepted


def test_triggers_that_wait_when_it_stops_are_missed(
    make_station: MakeStation, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stationing, "STOP_SECONDS", 60)
    station = strange(make_station, strange_child.BLOCKS, trigger=MANUAL, inspection_timeout_ms=60_000)
    station.start(BY)
    until(lambda: station.status().waiting_for_trigger)
    for _ in range(5):
        station.trigger(BY)
    station.stop(BY)
    counters = station.status().counters
    assert (counters.triggered, counters.missed, counters.inspected) == (5, 5, 0)


def test_every_trigger_is_inspected_or_missed(make_station: MakeStation, tmp_path: Path, until: Until) -> None:
    fill(tmp_path / "pictures", [3])
    station = ready(make_station(), trigger={"type": "continuous", "interval_ms": 100})
    for _ in range(4):
        before = station.status().counters.inspected
        station.start(BY)
        until(lambda before=before: station.status().counters.inspected > before + 1)
        station.stop(BY)
    counters = station.status().counters
    assert counters.triggered == counters.inspected + counters.missed


@pytest.mark.parametrize("number", [strange_child.BLOCKS, strange_child.GOOD], ids=["blocked camera", "good camera"])
def test_twenty_hands_at_once_never_make_two_loops(
    make_station: MakeStation, monkeypatch: pytest.MonkeyPatch, seed: int, number: int
) -> None:
    """At most one session inspects at any moment, and generations only grow."""
    monkeypatch.setattr(looping, "GRACE_SECONDS", 0.05)
    monkeypatch.setattr(stationing, "STOP_SECONDS", 60)
    live, most = [0], [0]
    real = looping.Loop._session

    def session(self: looping.Loop, plan: looping.Plan) -> None:
        live[0] += 1
        most[0] = max(most[0], live[0])
        real(self, plan)
        live[0] -= 1

    monkeypatch.setattr(looping.Loop, "_session", session)
    blocks = number == strange_child.BLOCKS
    # A good frame has all the time a busy computer may need: only what blocks may come to nothing.
    station = strange(make_station, number, inspection_timeout_ms=200 if blocks else 60_000)

    def hammer(hand: int) -> None:
        chance = random.Random(seed + hand)
        acts = (station.start, station.stop, station.restart)
        for act in chance.choices(acts, (8, 8, 1), k=2 if blocks else 4):
            try:
                act(BY)
            except (NotNow, SourceRefused):
                continue

    hands = [threading.Thread(target=hammer, args=(index,)) for index in range(20)]
    for thread in hands:
        thread.start()
    for thread in hands:
        thread.join(100)
    assert not any(thread.is_alive() for thread in hands)
    station.stop(BY)
    assert (most[0], live[0]) == (1, 0)
    assert_sound(station, {"error"} if blocks else {"ok"})


def assert_sound(station: Station, words: set[str]) -> None:
    """Check that what a hammered station committed is in order and complete."""
    found = verdicts(station)
    generations, cycles = [body["generation"] for body in found], [body["cycle"] for body in found]
    assert generations == sorted(generations)
    assert cycles == sorted(set(cycles))
    assert {body["verdict"] for body in found} <= words
    counters = station.status().counters
    assert counters.triggered == counters.inspected + counters.missed


def test_the_guard_keeps_the_loop_alive(make_station: MakeStation, tmp_path: Path, until: Until) -> None:
    """Whatever breaks inside a step, the loop says so and begins again."""
    fill(tmp_path / "pictures", [3])
    station = ready(make_station())
    broken = [True, True]

    def wishes(plan: Any) -> Any:
        if broken:
            broken.pop()
            raise ZeroDivisionError("a bug")
        return original(plan)

    original, station.recorder.wishes = station.recorder.wishes, wishes  # type: ignore[method-assign]
    station.start(BY)
    until(lambda: station.status().counters.ok > 2)
    assert station.status().error_message == ""


def test_a_slow_viewer_does_not_slow_the_loop(make_station: MakeStation, tmp_path: Path, until: Until) -> None:
    fill(tmp_path / "pictures", [3])
    station = ready(make_station())
    release = threading.Event()

    def slow(event: ResultEvent) -> None:
        clock.wait(release, 120)

    station.subscribe(slow)
    station.start(BY)
    until(lambda: station.status().counters.inspected > 300, 90)
    release.set()


def test_a_change_of_pictures_or_logging_needs_no_new_child(
    make_station: MakeStation, tmp_path: Path, until: Until
) -> None:
    fill(tmp_path / "pictures", [3])
    station = ready(make_station())
    station.start(BY)
    until(lambda: station.status().counters.inspected)
    before = children(station)
    station.set_configuration(configuration(logging={"enabled": True}), BY)
    inspected = station.status().counters.inspected
    until(lambda: station.status().counters.inspected > inspected)
    assert children(station) == before
