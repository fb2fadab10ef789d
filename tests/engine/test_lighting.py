"""background and flat_field: uneven light taken away."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from scipy import ndimage

from analyticlens.engine import Inspection, RecipeRefused, inspect, prepare
from analyticlens.engine.stored import as_png
from tests.engine.drawing import boxes, colour, look, measured, recipe

DTYPES = pytest.mark.parametrize(("dtype", "unit"), [(np.uint8, 1), (np.uint16, 250)])
FIELD = np.add.outer(np.linspace(0.6, 1, 120), np.linspace(0, 0.3, 160))


def under(picture: Any, field: Any, dtype: Any = np.uint8, unit: int = 1) -> Any:
    """Return a picture under uneven light."""
    return np.clip(np.rint(picture * (field if picture.ndim == 2 else field[:, :, None]) * unit), 0, 65535).astype(
        dtype
    )


def seen(picture: Any, tool: dict[str, Any], *taught: Any) -> Inspection:
    """Return what a tool makes of a picture with taught pictures beside the recipe."""
    return inspect(picture, prepare(recipe(tool), dict(as_png(each) for each in taught)))


@pytest.mark.parametrize("keep", ["bright", "dark", "both"])
@DTYPES
@pytest.mark.parametrize("method", ["mean", "gaussian", "median", "opening", "closing"])
def test_the_difference_to_the_background_is_kept(
    method: str, dtype: Any, unit: int, keep: str, rng: np.random.Generator
) -> None:
    picture = under(boxes((40, 40, 8, 8)), FIELD, dtype, unit)
    image = look(picture, {"type": "background", "params": {"method": method, "size": 21, "keep": keep}}).image
    exact = picture.astype(float)
    background = {
        "mean": lambda: ndimage.uniform_filter(exact, 21, mode="mirror"),
        "gaussian": lambda: ndimage.gaussian_filter(exact, 3.5, mode="mirror", radius=10),
        "median": lambda: ndimage.median_filter(exact, 21, mode="nearest"),
        "opening": lambda: ndimage.grey_opening(exact, (21, 21), mode="nearest"),
        "closing": lambda: ndimage.grey_closing(exact, (21, 21), mode="nearest"),
    }[method]()
    full = int(np.iinfo(dtype).max)
    expected = {"bright": exact - background, "dark": background - exact, "both": exact - background + full // 2}[keep]
    assert image is not None
    inner = (slice(25, 95), slice(25, 135))
    assert np.abs(image - np.clip(expected, 0, full))[inner].max() <= 1 + unit / 100


@pytest.mark.parametrize("method", ["mean", "gaussian", "median", "opening"])
def test_a_reduced_background_is_nearly_the_same(method: str) -> None:
    picture = under(boxes((40, 40, 8, 8), (100, 70, 5, 9)), FIELD)
    fine, coarse = (
        look(picture, {"type": "background", "params": {"method": method, "size": 41, "reduce": reduce}}).image
        for reduce in (1, 4)
    )
    assert fine is not None
    assert coarse is not None
    error = np.abs(fine.astype(int) - coarse)
    assert np.percentile(error, 99) <= 4
    assert error.mean() < 1.5


def test_parts_under_uneven_light_are_found_after_the_background_is_gone() -> None:
    picture = under(boxes((20, 20, 9, 9), (130, 90, 9, 9), low=150, high=190), FIELD - 0.2)
    tools = [
        {"type": "background", "params": {"method": "median", "size": 41, "keep": "bright"}},
        {"type": "blob", "params": {"th_min": 15}},
    ]
    features = measured(picture, *tools)
    assert (features["blob_count"], features["total_area"]) == (2, 162)


@DTYPES
@pytest.mark.parametrize("channels", [1, 3])
def test_a_taught_picture_is_taken_away(dtype: Any, unit: int, channels: int) -> None:
    empty, full_of = (under(boxes(*places), FIELD, dtype, unit) for places in ((), ((40, 40, 8, 8),)))
    picture = full_of if channels == 1 else colour(full_of)
    name, _ = as_png(empty)
    tool = {"type": "background", "params": {"method": "taught", "picture": name, "keep": "bright"}}
    inspection = seen(picture, tool, empty)
    assert inspection.image is not None
    assert inspection.tools[0].status == "ok"
    assert np.array_equal(inspection.image.reshape(120, 160, -1)[:, :, 0], full_of - empty)


@DTYPES
@pytest.mark.parametrize("channels", [1, 3])
def test_an_even_surface_looks_even(dtype: Any, unit: int, channels: int, rng: np.random.Generator) -> None:
    dark = np.full((120, 160), 8.0)
    white, grey = (level * FIELD + dark for level in (190.0, 95.0))
    taught = [(each * unit).astype(dtype) for each in (white, dark)]
    picture = (grey * unit).astype(dtype)
    names = [as_png(each)[0] for each in taught]
    tool = {"type": "flat_field", "params": {"bright": names[0], "dark": names[1]}}
    inspection = seen(picture if channels == 1 else colour(picture), tool, *taught)
    assert inspection.tools[0].status == "ok"
    assert inspection.image is not None
    image = inspection.image.astype(float)
    assert image.std() / image.mean() < (0.012 if dtype == np.uint8 else 0.0002)
    assert image.mean() == pytest.approx((white - dark).mean() / 2 * unit, rel=0.01)
    features = inspection.tools[0].features
    assert features["gain_max"] == pytest.approx((white - dark).mean() / (white - dark).min(), rel=0.02)
    assert (features["limited"], features["clipped"]) == (0, 0)


def test_dead_pixels_are_not_lifted_without_end_and_told() -> None:
    bright = np.full((120, 160), 100, np.uint8)
    bright[10:13, 10:14] = 1
    tool = {"type": "flat_field", "params": {"bright": as_png(bright)[0], "max_gain": 5}}
    inspection = seen(np.full((120, 160), 40, np.uint8), tool, bright)
    features = inspection.tools[0].features
    assert features["gain_max"] == 5
    assert features["limited"] == pytest.approx(12 / 19200)
    assert inspection.image is not None
    assert inspection.image[11, 11] == 200


def test_what_becomes_too_bright_is_told() -> None:
    bright = under(np.full((120, 160), 180.0), FIELD)
    inspection = seen(
        np.full((120, 160), 240, np.uint8), {"type": "flat_field", "params": {"bright": as_png(bright)[0]}}, bright
    )
    assert inspection.tools[0].features["clipped"] > 0.1
    assert inspection.image is not None
    assert inspection.image.max() == 255


def test_what_becomes_too_dark_is_told() -> None:
    bright, dark = np.full((120, 160), 180, np.uint8), np.full((120, 160), 8, np.uint8)
    names = [as_png(each)[0] for each in (bright, dark)]
    picture = np.full((120, 160), 100, np.uint8)
    picture[:30] = 0
    inspection = seen(picture, {"type": "flat_field", "params": {"bright": names[0], "dark": names[1]}}, bright, dark)
    assert inspection.tools[0].features["clipped"] == pytest.approx(0.25)


def test_the_defaults_are_quick_enough_and_as_right_on_usual_cameras(rng: np.random.Generator) -> None:
    for size in ((1080, 1920), (3000, 4000)):
        prepare(recipe({"type": "background"}), size=size)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (301, 407), dtype=np.uint8), (0, 0), 2)
    picture[100:140, 100:150] += 60
    image = look(picture, {"type": "background"}).image
    assert image is not None
    exact = np.clip(picture - cv2.GaussianBlur(picture.astype(np.float32), (99, 99), 0) + 127, 0, 255)
    assert np.abs(image - exact).max() < 2.55


@pytest.mark.parametrize(("method", "times"), [("gaussian", 8), ("mean", 3.2), ("median", 1.5), ("opening", 1.05)])
def test_a_window_so_many_times_as_wide_keeps_a_part(method: str, times: float) -> None:
    picture = np.full((400, 400), 90, np.uint8)
    picture[190:210, 190:210] += 40
    params = {"method": method, "size": round(20 * times) | 1, "keep": "bright"}
    image = look(picture, {"type": "background", "params": params}).image
    assert image is not None
    assert image[200, 200] >= 36


def test_the_taught_light_stands_still_when_the_region_moves() -> None:
    bright = under(np.full((120, 160), 180.0), FIELD)
    picture = under(np.full((120, 160), 90.0), FIELD)
    name, content = as_png(bright)
    region = {"shape": "rect", "x": 30, "y": 40, "w": 60, "h": 50, "angle": 12}
    tool = {"type": "flat_field", "params": {"bright": name}, "region": region}
    tools = [tool, {"type": "intensity", "region": {**region, "x": 35, "w": 50, "y": 45, "h": 40}}]
    inspection = inspect(picture, prepare(recipe(*tools), {name: content}))
    assert inspection.tools[1].features["std"] < 1
    assert inspection.image is not None
    assert np.array_equal(inspection.image[:20], picture[:20])


@pytest.mark.parametrize("kind", ["background", "flat_field"])
@pytest.mark.parametrize(
    "taught",
    [np.full((60, 80), 99, np.uint8), np.full((120, 160), 9999, np.uint16), np.full((120, 160, 3), 99, np.uint8)],
)
def test_a_taught_picture_of_another_kind_is_an_error(kind: str, taught: Any) -> None:
    name, _ = as_png(taught)
    params = {"method": "taught", "picture": name} if kind == "background" else {"bright": name}
    inspection = seen(boxes(), {"type": kind, "params": params}, taught)
    assert (inspection.verdict, inspection.reason) == ("error", "tool_error")


@pytest.mark.parametrize(
    ("kind", "params", "reason"),
    [
        ("background", {"method": "taught"}, "not taught"),
        ("background", {"method": "taught", "picture": "0" * 64}, "is not here"),
        ("background", {"method": "median", "size": 499}, "too wide"),
        ("flat_field", {}, "not taught"),
        ("flat_field", {"bright": "0" * 64}, "is not here"),
    ],
)
def test_what_is_not_taught_is_refused(kind: str, params: dict[str, Any], reason: str) -> None:
    with pytest.raises(RecipeRefused, match=reason):
        prepare(recipe({"type": kind, "params": params}))


def test_a_bright_picture_darker_than_the_dark_one_is_refused() -> None:
    bright, dark = np.full((20, 30), 10, np.uint8), np.full((20, 30), 20, np.uint8)
    params = {"bright": as_png(bright)[0], "dark": as_png(dark)[0]}
    with pytest.raises(RecipeRefused, match="no brighter"):
        prepare(recipe({"type": "flat_field", "params": params}), dict([as_png(bright), as_png(dark)]))
