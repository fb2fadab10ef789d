"""A camera of 12 bits fills the lower ones of uint16: white is then 4095, and everything that depends on white is as in 8 bits."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from analyticlens.engine import inspect, prepare
from analyticlens.engine.prepared import Prepared
from analyticlens.engine.teach import Teacher, rect
from analyticlens.machine.child import encode_jpeg
from analyticlens.protocol.records import ToolOutcome
from tests.engine.drawing import recipe

FULL = {8: 255, 10: 1023, 12: 4095, 14: 16383, 16: 65535}
DEEP = [10, 12, 14, 16]


def deep(levels: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return levels of 8 bits in another depth, black black and white white."""
    exact = np.rint(levels.astype(np.float64) * FULL[bits] / 255)
    return exact.astype(np.uint8 if bits == 8 else np.uint16)


def recipe_of(*tools: dict[str, Any]) -> Prepared:
    """Return a recipe ready to inspect."""
    return prepare(recipe(*tools))


def measured(frame: NDArray[Any], bits: int | None, *tools: dict[str, Any]) -> ToolOutcome:
    """Return what the last tool says of a frame."""
    return inspect(frame, recipe_of(*tools), bits=bits).tools[-1]


@pytest.fixture
def colours(rng: np.random.Generator) -> NDArray[Any]:
    """A picture of large patches, black and white among them."""
    small = rng.integers(0, 256, (6, 8, 3))
    small[0, :4], small[1, :4] = 0, 255
    return np.kron(small, np.ones((10, 10, 1))).astype(np.uint8)


@pytest.mark.parametrize("bits", DEEP)
def test_white_is_full_scale(bits: int, colours: NDArray[Any]) -> None:
    grey = cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY)
    tool = {"type": "histogram"}
    expected, seen = measured(grey, None, tool).features, measured(deep(grey, bits), bits, tool).features
    assert expected["share_white"] >= 400 / 4800
    for name in ("share_white", "share_black", "entropy", "level_count"):
        assert seen[name] == pytest.approx(expected[name])


@pytest.mark.parametrize("bits", DEEP)
def test_a_colour_is_the_same_colour_in_every_depth(bits: int, colours: NDArray[Any]) -> None:
    tool = {"type": "colour"}
    expected, seen = measured(colours, None, tool).features, measured(deep(colours, bits), bits, tool).features
    assert {name: seen[name] for name in "lab"} == pytest.approx({name: expected[name] for name in "lab"}, abs=0.05)


@pytest.mark.parametrize("bits", DEEP)
def test_colours_are_taught_in_every_depth(bits: int, colours: NDArray[Any]) -> None:
    patch = rect(0, 20, 10, 10)
    teacher = Teacher(deep(colours, bits), bits=bits).colour(taught={"one": patch}, region=patch)
    assert teacher.inspect().tools[0].features["delta_e"] < 1e-3
    (taught,) = teacher.recipe.tools[0].params.colours  # type: ignore[union-attr]
    assert taught.l == pytest.approx(
        measured(colours[20:30, :10].copy(), None, {"type": "colour"}).features["l"], abs=0.05
    )


@pytest.mark.parametrize("bits", DEEP)
@pytest.mark.parametrize("method", ["luminance", "hue", "saturation", "value", "lab_l", "lab_a", "lab_b", "weighted"])
def test_channels_fill_the_scale_as_in_8_bits(method: str, bits: int, colours: NDArray[Any]) -> None:
    tool = {"type": "grayscale", "params": {"method": method}}
    expected = inspect(colours, recipe_of(tool)).image
    seen = inspect(deep(colours, bits), recipe_of(tool), bits=bits).image
    assert expected is not None
    assert seen is not None
    shares, wanted = seen / FULL[bits], expected / 255
    if method == "hue":
        # Full turns are one level more than full scale, and 0 lies beside the highest level.
        turns = np.abs(seen / (FULL[bits] + 1) - expected / 256)
        assert np.minimum(turns, 1 - turns).max() < 0.01
    else:
        assert np.abs(shares - wanted).max() < 0.01


@pytest.mark.parametrize("bits", DEEP)
@pytest.mark.parametrize(
    "tool",
    [
        {"type": "normalize", "params": {"mode": "mean_std"}},
        {"type": "normalize", "params": {"mode": "min_max"}},
        {"type": "normalize", "params": {"mode": "percentile"}},
        {"type": "normalize", "params": {"mode": "local", "window": 15}},
        {"type": "grayscale", "params": {"normalize": True}},
        {"type": "threshold", "params": {"mode": "otsu"}},
        {"type": "background", "params": {"method": "opening", "size": 21, "keep": "both"}},
    ],
    ids=lambda tool: "-".join([tool["type"], *map(str, tool["params"].values())]),
)
def test_filters_end_at_full_scale_as_in_8_bits(tool: dict[str, Any], bits: int, colours: NDArray[Any]) -> None:
    grey = cv2.GaussianBlur(cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY), (0, 0), 3)
    expected = inspect(grey, recipe_of(tool)).image
    seen = inspect(deep(grey, bits), recipe_of(tool), bits=bits).image
    assert expected is not None
    assert seen is not None
    assert seen.max() <= FULL[bits]
    assert (seen.max() == FULL[bits]) == (expected.max() == 255)
    assert np.abs(seen / FULL[bits] - expected / 255).max() < 0.03


def test_edges_end_at_full_scale() -> None:
    corner = np.zeros((40, 40), np.uint16)
    corner[20:, 20:] = 4095
    corner[:20, :20] = 4095
    params = {"picture": "edge", "th_min": 4095, "th_max": 4095, "area_min": 1}
    assert measured(corner, 12, {"type": "blob", "params": params}).features["blob_count"] >= 1


@pytest.mark.parametrize("bits", [12, 16])
def test_levels_are_taken_as_meant_where_the_depth_is_stated(bits: int, colours: NDArray[Any]) -> None:
    dim = (deep(colours, bits)[:, :, 0] // 20).astype(np.uint16)
    tool = {"type": "intensity", "params": {"threshold": 100}}
    assert measured(dim, None, tool).status == "error"
    assert measured(dim, bits, tool).features["share_above"] == np.mean(dim > 100)
    slopes = {"type": "edge", "params": {"threshold_mode": "fixed", "low": 50, "high": 100}}
    assert measured(dim, None, slopes).status == "error"
    assert measured(dim, bits, slopes).status == "ok"


def test_levels_above_full_scale_are_no_verdict() -> None:
    outcome = measured(np.full((30, 40), 4095, np.uint16), 12, {"type": "threshold", "params": {"th_min": 5000}})
    assert outcome.status == "error"
    assert "12 bits" in outcome.message


def test_a_picture_that_has_more_bits_than_was_stated_is_refused() -> None:
    frame = np.full((30, 40), 4096, np.uint16)
    found = inspect(frame, recipe_of({"type": "intensity"}), bits=12)
    assert (found.verdict, found.reason) == ("error", "frame_refused")
    assert "4096" in found.message
    assert inspect(frame, recipe_of({"type": "intensity"}), bits=13).tools[0].status == "ok"
    assert inspect(frame, recipe_of({"type": "intensity"}), bits=17).reason == "frame_refused"


def test_bits_say_nothing_of_8_bit_pictures(colours: NDArray[Any]) -> None:
    tool = {"type": "colour"}
    assert measured(colours, 12, tool).features == measured(colours, None, tool).features


def test_people_see_deep_pictures_as_bright_as_they_are(colours: NDArray[Any]) -> None:
    def shown(frame: NDArray[Any], bits: int | None) -> NDArray[Any]:
        picture = cv2.imdecode(np.frombuffer(encode_jpeg(frame, 95, bits), np.uint8), cv2.IMREAD_UNCHANGED)
        assert picture is not None
        return np.asarray(picture)

    expected = shown(colours, None).astype(int)
    assert np.abs(shown(deep(colours, 12), 12) - expected).mean() < 2
    too_bright = np.full((16, 16), 60000, np.uint16)
    assert shown(too_bright, 12).min() > 250
