"""Filters and statistics on pictures nobody would choose: a status or a refusal, the same one each time, never an exception."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from analyticlens.engine import inspect, prepare
from analyticlens.engine.stored import as_png
from analyticlens.engine.tools import TOOLS
from analyticlens.protocol.tools import TOOL_CLASSES
from tests.engine.drawing import limit, recipe, rect
from tests.timing import within

FULL = {np.uint8: 255, np.uint16: 65535}
TAUGHT = as_png(np.full((40, 60), 100, np.uint8))
COLOURS = [{"name": "one", "l": 40, "a": 20, "b": -30}, {"name": "two", "l": 60, "a": 0, "b": 0}]
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("grayscale", {"method": "hue"}),
    ("grayscale", {"method": "lab_b", "normalize": True}),
    ("grayscale", {"method": "green"}),
    ("blur", {"method": "median", "ksize": 15}),
    ("blur", {"method": "bilateral", "ksize": 5, "sigma_grey": 300}),
    ("blur", {"method": "mean", "ksize": 99}),
    ("threshold", {"mode": "otsu", "offset": -65535}),
    ("threshold", {"mode": "adaptive_mean", "window": 499}),
    ("threshold", {"mode": "adaptive_gaussian", "window": 31, "offset": 65535}),
    ("morphology", {"operation": "top_hat", "kernel": 15, "shape": "rect"}),
    ("morphology", {"operation": "gradient", "kernel": 1}),
    ("normalize", {"mode": "min_max"}),
    ("normalize", {"mode": "percentile", "low_percent": 50, "high_percent": 50}),
    ("normalize", {"mode": "mean_std"}),
    ("normalize", {"mode": "local", "window": 3}),
    ("background", {"method": "gaussian", "size": 99}),
    ("background", {"method": "median", "size": 99, "reduce": 16}),
    ("background", {"method": "opening", "size": 499, "keep": "bright"}),
    ("background", {"method": "taught", "picture": TAUGHT[0]}),
    ("flat_field", {"bright": TAUGHT[0]}),
    ("intensity", {"percentiles": True}),
    ("histogram", {}),
    ("histogram", {"low": 300, "high": 65535}),
    ("focus", {"method": "tenengrad", "ksize": 99}),
    ("focus", {"method": "laplacian", "ksize": 1}),
    ("edge", {}),
    ("edge", {"method": "gradient", "min_length": 0}),
    ("edge", {"threshold_mode": "fixed", "low": 0, "high": 256, "min_length": 0}),
    ("edge", {"threshold_mode": "fixed", "method": "gradient", "low": 0, "high": 65535}),
    ("colour", {}),
    ("colour", {"colours": COLOURS, "expected": 2, "step": 16, "tolerance": 200}),
]
each_variant = pytest.mark.parametrize(("kind", "params"), VARIANTS, ids=lambda value: str(value)[:60])


def pictures(dtype: Any, channels: int, rng: np.random.Generator) -> list[np.ndarray[Any, Any]]:
    """Return pictures of the smallest sizes, of one level, saturated, all noise, and turned in memory."""
    full = FULL[dtype]
    sizes = [(1, 1), (1, 60), (40, 1), (2, 2), (3, 5), (40, 60)]
    shapes = [size if channels == 1 else (*size, channels) for size in sizes]
    drawn = [rng.integers(0, full, shape, endpoint=True).astype(dtype) for shape in shapes]
    flat = [np.full(shapes[-1], level, dtype) for level in (0, 1, full // 2, full)]
    saturated = np.where(rng.random(shapes[-1]) < 0.5, 0, full).astype(dtype)
    turned = np.swapaxes(rng.integers(0, full, (60, 40, *shapes[-1][2:])).astype(dtype), 0, 1)
    return [*drawn, *flat, saturated, turned, drawn[-1][::-1, ::-1]]


@each_variant
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_picture_has_an_answer(
    kind: str, params: dict[str, Any], channels: int, dtype: Any, rng: np.random.Generator
) -> None:
    tool = {"type": kind, "params": params}
    prepared, other = (prepare(recipe(tool), dict([TAUGHT]), tool_ms=1e6) for _ in range(2))
    known = {feature.name for feature in TOOL_CLASSES[kind].features}
    for picture in pictures(dtype, channels, rng):
        inspection, again = inspect(picture, prepared), inspect(picture, other)
        outcome = inspection.tools[0]
        assert outcome.status in ("ok", "not_found", "error")
        assert outcome.status == "ok" or outcome.message
        assert outcome.reason != "tool_broke", outcome.message
        assert outcome.features.keys() <= known
        assert all(map(math.isfinite, outcome.features.values()))
        assert (outcome.features, inspection.overlay) == (again.tools[0].features, again.overlay)
        assert inspection.image is not None
        assert inspection.image.shape[:2] == picture.shape[:2]
        assert inspection.image.dtype == picture.dtype


@each_variant
@pytest.mark.parametrize(
    "region",
    [rect(0, 0, 1, 1), rect(59, 39, 1, 1), rect(0, 0, 60, 40), {"shape": "circle", "cx": 3, "cy": 3, "r": 3}],
    ids=["corner", "far corner", "all", "rim"],
)
def test_regions_at_the_border_have_an_answer(
    kind: str, params: dict[str, Any], region: dict[str, Any], rng: np.random.Generator
) -> None:
    picture = rng.integers(0, 255, (40, 60, 3)).astype(np.uint8)
    prepared = prepare(recipe({"type": kind, "params": params, "region": region}), dict([TAUGHT]), tool_ms=1e6)
    outcome = inspect(picture, prepared).tools[0]
    assert outcome.reason != "tool_broke", outcome.message


@pytest.mark.parametrize("kind", ["edge", "focus", "normalize", "colour"])
@pytest.mark.parametrize("level", [0, 255])
def test_nothing_to_see_is_never_good(kind: str, level: int) -> None:
    """A covered lens and a blinded one: what asks for something in the picture does not find it."""
    asked = {
        "edge": limit("contour_count", 1),
        "focus": limit("sharpness", 1e-6),
        "normalize": limit("gain", 0.5),
        "colour": limit("chroma", 5),
    }[kind]
    picture = np.full((40, 60, 3), level, np.uint8)
    inspection = inspect(picture, prepare(recipe({"type": kind, "limits": [asked]})))
    assert inspection.verdict in ("nok", "undecided")


@each_variant
def test_a_tool_keeps_to_the_time_it_said(kind: str, params: dict[str, Any], rng: np.random.Generator) -> None:
    """Each on noise in 16 bits, which is the slowest: the bound holds with a factor for a busy computer."""
    bound = TOOLS[kind].cost
    if bound is None or "picture" in params or kind == "flat_field":
        return
    colourful = kind == "colour" or params.get("method") in ("hue", "lab_b")
    picture = rng.integers(20000, 40000, (240, 320, 3) if colourful else (240, 320)).astype(np.uint16)
    whole = recipe({"type": kind, "params": params})
    prepared = prepare(whole, tool_ms=1e6)
    allowed = bound(whole.tools[0], 240, 320)
    # A wide median of 16 bits is bounded by the time that is left, not by its parameters.
    factor = 40 if params.get("method") == "median" else 4
    within(factor * allowed, lambda: inspect(picture, prepared))


@pytest.mark.parametrize("kind", ["blur", "morphology"])
def test_three_channels_cost_three_times_as_much(kind: str) -> None:
    """What fits into its time on a grey picture may not on a colour one of the same size: then it is refused, not begun."""
    whole = recipe({"type": kind, "params": {"blur": {"ksize": 5}, "morphology": {"open": 1}}[kind]})
    grey = prepare(whole)
    bound = grey.cost(grey.steps[0], 60, 80)
    assert grey.cost(grey.steps[0], 60, 80, 3) == 3 * bound
    tight = prepare(whole, tool_ms=2 * bound)
    assert inspect(np.full((60, 80), 90, np.uint8), tight).tools[0].status == "ok"
    outcome = inspect(np.full((60, 80, 3), 90, np.uint8), tight).tools[0]
    assert (outcome.status, outcome.reason) == ("error", "too_costly")
