"""The demonstration line: what the engine says of every picture is what the parameters that drew it say."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from analyticlens.demo import coins
from analyticlens.demo.line import STATIONS, draw_line, draw_station, read_truth
from analyticlens.demo.station import DemoStation
from analyticlens.engine import Inspection, inspect, prepare
from analyticlens.machine.decode import Undecodable, decode

# A located edge lies within this of where it was drawn, in pixels; counts are exact.
TOLERANCE = {"offset_x": 0.2, "offset_y": 0.2}


def judged(station: DemoStation, folder: Path) -> dict[str, Inspection | Undecodable]:
    """Return file name -> what the real decoder and the real engine make of it."""
    prepared = prepare(station.recipe)
    found: dict[str, Inspection | Undecodable] = {}
    for path in sorted(folder.glob("*.jpg")):
        try:
            frame: NDArray[Any] = decode(path.read_bytes())
        except Undecodable as refused:
            found[path.name] = refused
        else:
            found[path.name] = inspect(frame, prepared)
    return found


def said(outcome: Inspection | Undecodable) -> tuple[str, str | None]:
    """Return verdict and reason of an outcome; a file that cannot be decoded is an error."""
    if isinstance(outcome, Undecodable):
        return "error", outcome.reason
    return outcome.verdict, outcome.reason


@pytest.mark.parametrize("station", STATIONS, ids=lambda s: s.machine_id)
def test_every_verdict_equals_its_truth(station: DemoStation, tmp_path: Path, fresh_seed: int) -> None:
    """Nothing but the parameters says what is right; the engine sees the files alone."""
    truth = read_truth(draw_station(station, tmp_path, fresh_seed, n=32))
    found = {name: said(outcome) for name, outcome in judged(station, tmp_path).items()}
    assert found == {name: (frame["verdict"], frame["reason"]) for name, frame in truth.items()}


@pytest.mark.parametrize("station", STATIONS, ids=lambda s: s.machine_id)
def test_counts_and_offsets_equal_what_was_drawn(station: DemoStation, tmp_path: Path, fresh_seed: int) -> None:
    """A right verdict for a wrong reason would not pass: the measured values are compared as well."""
    truth = read_truth(draw_station(station, tmp_path, fresh_seed, n=32))
    compared = 0
    for name, outcome in judged(station, tmp_path).items():
        for tool_name, features in truth[name]["features"].items():
            assert isinstance(outcome, Inspection)
            measured = next(tool.features for tool in outcome.tools if tool.name == tool_name)
            for feature, exact in features.items():
                assert measured[feature] == pytest.approx(exact, abs=TOLERANCE.get(feature, 0)), (name, tool_name)
                compared += 1
    assert compared >= 32


# Tool -> feature -> what it measures on a good picture, far inside what its recipe lets pass.
WIDE = {
    "vm_001": {"Moedas": {"smallest_area": (900, 3300), "largest_area": (900, 3300)}},
    "vm_002": {"Furos": {"smallest_area": (450, 900), "largest_area": (450, 900)}, "Luz": {"min": (158, 255)}},
    "vm_003": {
        "Discos": {"smallest_area": (1950, 2300), "largest_area": (1950, 2300)},
        "Área média dos discos": {"result": (2000, 2220)},
    },
}


@pytest.mark.parametrize("station", STATIONS, ids=lambda s: s.machine_id)
def test_no_good_picture_comes_near_a_limit(station: DemoStation, tmp_path: Path, fresh_seed: int) -> None:
    """So that no seed draws one that surprises."""
    truth = read_truth(draw_station(station, tmp_path, fresh_seed, n=16))
    near = []
    for name, outcome in judged(station, tmp_path).items():
        if truth[name]["kind"] not in ("good", "whole"):
            continue
        assert isinstance(outcome, Inspection)
        measured = {tool.name: tool.features for tool in outcome.tools}
        for tool, features in WIDE[station.machine_id].items():
            near += [(name, tool, f) for f, (low, high) in features.items() if not low <= measured[tool][f] <= high]
    assert near == []


def test_the_line_shows_every_kind_of_verdict(tmp_path: Path, fresh_seed: int) -> None:
    """At least a quarter is not ok; undecided and error occur."""
    paths = draw_line(tmp_path, fresh_seed, n=24)
    verdicts = Counter(frame["verdict"] for path in paths.values() for frame in read_truth(path).values())
    assert verdicts.total() == 24 * len(STATIONS)
    assert verdicts["ok"] <= 0.75 * verdicts.total()
    assert verdicts["undecided"] >= 3
    assert verdicts["error"] >= 1
    assert verdicts["nok"] >= 10


def test_the_same_seed_draws_the_same_pictures(tmp_path: Path, fresh_seed: int) -> None:
    """A picture that surprises can be drawn again."""
    for run in ("one", "two"):
        draw_line(tmp_path / run, fresh_seed, n=8)
    first = {path.relative_to(tmp_path / "one"): path.read_bytes() for path in (tmp_path / "one").rglob("*.*")}
    second = {path.relative_to(tmp_path / "two"): path.read_bytes() for path in (tmp_path / "two").rglob("*.*")}
    assert first == second
    assert len(first) == 27


def test_pictures_that_are_there_are_left_alone(tmp_path: Path, fresh_seed: int) -> None:
    """A second start draws nothing."""
    station = STATIONS[1]
    before = draw_station(station, tmp_path, fresh_seed, n=4).read_bytes()
    (tmp_path / f"{station.machine_id}_000.jpg").unlink()
    assert draw_station(station, tmp_path, fresh_seed + 1, n=4).read_bytes() == before
    assert not (tmp_path / f"{station.machine_id}_000.jpg").exists()


def test_a_truth_file_says_how_each_picture_was_drawn(tmp_path: Path) -> None:
    """Seed and parameters are enough to draw it again."""
    data = json.loads(draw_station(STATIONS[2], tmp_path, 5, n=16).read_text(encoding="utf-8"))
    assert data["seed"] == 5
    assert all(
        {"kind", "verdict", "reason", "parameters", "features"} == set(frame) for frame in data["frames"].values()
    )


def test_the_photograph_holds_24_coins_and_no_crop_cuts_one(rng: np.random.Generator) -> None:
    """The boxes were made by hand on the photograph."""
    assert coins.photograph().shape == (coins.HEIGHT, coins.WIDTH)
    assert coins.coins_in((0, 0, coins.WIDTH, coins.HEIGHT)) == 24
    cut = coins.COINS[7]
    assert coins.coins_in((cut[0] + 5, 76, coins.WIDTH, coins.HEIGHT)) is None
    for drawn in coins.draw(rng, 16):
        left, top, right, bottom = drawn.truth.parameters["crop"]
        assert coins.coins_in((left, top, right, bottom)) == drawn.truth.parameters["coins"]
