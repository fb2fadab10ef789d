"""Filters: grayscale, blur, threshold, morphology."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from scipy import ndimage
from skimage import color

from analyticlens.engine import inspect, prepare
from tests.engine.drawing import boxes, colour, look, measured, plain, recipe, rect

DTYPES = pytest.mark.parametrize("dtype", [np.uint8, np.uint16])


def pixel(blue: int, green: int, red: int, dtype: Any = np.uint8) -> np.ndarray[Any, Any]:
    return np.full((6, 8, 3), (blue, green, red), dtype)


@DTYPES
@pytest.mark.parametrize(
    ("method", "share"),
    [("luminance", (0.114, 0.587, 0.299)), ("average", (1 / 3, 1 / 3, 1 / 3)), ("weighted", (0.0722, 0.7152, 0.2126))],
)
def test_each_method_has_its_shares(
    method: str, share: tuple[float, ...], dtype: Any, rng: np.random.Generator
) -> None:
    picture = rng.integers(0, np.iinfo(dtype).max, (40, 50, 3), endpoint=True).astype(dtype)
    image = look(picture, {"type": "grayscale", "params": {"method": method}}).image
    assert image is not None
    assert image.dtype == dtype
    # OpenCV's shares have 14 bits: of 65535 levels it may miss one.
    assert np.abs(image - picture @ np.array(share)).max() <= (1 if dtype == np.uint8 else 2)


@DTYPES
@pytest.mark.parametrize(("method", "index"), [("red", 2), ("green", 1), ("blue", 0)])
def test_one_channel_is_that_channel(method: str, index: int, dtype: Any, rng: np.random.Generator) -> None:
    picture = rng.integers(0, np.iinfo(dtype).max, (40, 50, 3), endpoint=True).astype(dtype)
    image = look(picture, {"type": "grayscale", "params": {"method": method}}).image
    assert image is not None
    assert np.array_equal(image, picture[:, :, index])


def test_weights_count_by_their_share() -> None:
    params = {"method": "weighted", "weight_red": 0.5, "weight_green": 0, "weight_blue": 0.5}
    image = look(pixel(100, 7, 200), {"type": "grayscale", "params": params}).image
    assert image is not None
    assert np.unique(image).tolist() == [150]


@DTYPES
@pytest.mark.parametrize(("method", "index"), [("hue", 0), ("saturation", 1), ("value", 2)])
def test_parts_of_hsv_fill_the_scale(method: str, index: int, dtype: Any, rng: np.random.Generator) -> None:
    full = np.iinfo(dtype).max
    picture = rng.integers(0, full, (130, 300, 3), endpoint=True).astype(dtype)
    image = look(picture, {"type": "grayscale", "params": {"method": method}}).image
    part = color.rgb2hsv(picture[:, :, ::-1] / full)[:, :, index]
    assert image is not None
    assert image.dtype == dtype
    error = image - part * (full + 1 if method == "hue" else full)
    if method == "hue":
        error = (error + (full + 1) / 2) % (full + 1) - (full + 1) / 2
    assert np.abs(error).max() <= (0.51 if dtype == np.uint8 else 1.5)


@DTYPES
@pytest.mark.parametrize(("method", "index"), [("lab_l", 0), ("lab_a", 1), ("lab_b", 2)])
def test_parts_of_lab_fill_the_scale(method: str, index: int, dtype: Any, rng: np.random.Generator) -> None:
    full = int(np.iinfo(dtype).max)
    picture = rng.integers(0, full, (130, 300, 3), endpoint=True).astype(dtype)
    image = look(picture, {"type": "grayscale", "params": {"method": method}}).image
    part = color.rgb2lab(picture[:, :, ::-1] / full)[:, :, index]
    expected = part * full / 100 if method == "lab_l" else (part + 128) * full / 255
    assert image is not None
    assert np.abs(image - np.clip(expected, 0, full)).max() <= 0.51 + 0.006 * full / 255


@pytest.mark.parametrize("method", ["hue", "saturation", "lab_a", "lab_b"])
def test_a_grey_picture_has_no_colour(method: str) -> None:
    inspection = look(plain(), {"type": "grayscale", "params": {"method": method}})
    assert (inspection.verdict, inspection.reason) == ("error", "tool_error")


@pytest.mark.parametrize("method", ["average", "red", "value", "lab_l"])
def test_a_grey_picture_is_its_own_channel(method: str, rng: np.random.Generator) -> None:
    picture = rng.integers(0, 255, (60, 80)).astype(np.uint8)
    tool = {"type": "grayscale", "params": {"method": method}}
    grey, coloured = look(picture, tool).image, look(colour(picture), tool).image
    assert grey is not None
    assert coloured is not None
    assert np.array_equal(grey, coloured)
    assert method == "lab_l" or np.array_equal(grey, picture)


@DTYPES
def test_stretching_reaches_from_nothing_to_full_scale(dtype: Any) -> None:
    picture = np.array([[50, 100, 150]], dtype)
    image = look(picture, {"type": "grayscale", "params": {"normalize": True}}).image
    full = np.iinfo(dtype).max
    assert image is not None
    assert image.ravel().tolist() == pytest.approx([0, full / 2, full], abs=0.51)


def test_stretching_one_grey_changes_nothing() -> None:
    image = look(plain(level=70), {"type": "grayscale", "params": {"normalize": True}}).image
    assert image is not None
    assert np.array_equal(image, plain(level=70))


def test_grey_tells_mean_and_bright_share() -> None:
    features = measured(colour(boxes((0, 0, 80, 120))), {"type": "grayscale", "params": {"threshold": 60}})
    assert features == pytest.approx({"mean": 120, "share_above": 0.5})


def test_grey_in_a_region_leaves_the_rest_in_colour() -> None:
    image = look(pixel(200, 0, 0), {"type": "grayscale", "region": rect(0, 0, 4, 6)}).image
    assert image is not None
    assert image[0, 0].tolist() == [23, 23, 23]
    assert image[0, 7].tolist() == [200, 0, 0]


@pytest.mark.parametrize("tool", ["grayscale", "blur", "threshold", "morphology"])
@pytest.mark.parametrize("region", [None, rect(10, 10, 60, 50), rect(20, 20, 60, 40, 20)])
@pytest.mark.parametrize("channels", [1, 3])
@DTYPES
def test_the_callers_frame_is_never_written(
    tool: str, region: Any, channels: int, dtype: Any, rng: np.random.Generator
) -> None:
    shape = (120, 160) if channels == 1 else (120, 160, 3)
    picture = rng.integers(0, 255, shape).astype(dtype)
    before = picture.copy()
    params = {"morphology": {"open": 1}, "threshold": {"th_min": np.iinfo(dtype).max // 2}}.get(tool, {})
    inspection = look(picture, {"type": tool, "region": region, "params": params})
    assert inspection.tools[0].status == "ok"
    assert np.array_equal(picture, before)


@pytest.mark.parametrize("tool", ["blur", "threshold", "morphology"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_turned_region_changes_its_own_pixels_only(tool: str, channels: int, rng: np.random.Generator) -> None:
    shape = (120, 160) if channels == 1 else (120, 160, 3)
    picture = rng.integers(0, 255, shape).astype(np.uint8)
    circle = {"shape": "circle", "cx": 80, "cy": 60, "r": 30}
    params = {"open": 2} if tool == "morphology" else {}
    image = look(picture, {"type": tool, "region": circle, "params": params}).image
    rows, columns = np.mgrid[:120, :160]
    outside = np.hypot(columns - 80, rows - 60) > 30
    assert image is not None
    assert np.array_equal(image[outside], picture[outside])
    assert not np.array_equal(image[~outside], picture[~outside])


@DTYPES
def test_a_median_removes_a_speck(dtype: Any) -> None:
    picture = plain(dtype=dtype)
    picture[50, 50] = 250
    image = look(picture, {"type": "blur", "params": {"method": "median", "ksize": 3}}).image
    assert image is not None
    assert np.array_equal(image, plain(dtype=dtype))


@pytest.mark.parametrize("size", [7, 15])
@pytest.mark.parametrize("spread", [3, 400, 20000])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_wide_median_of_sixteen_bits_is_exact(
    size: int, spread: float, channels: int, rng: np.random.Generator
) -> None:
    shape = (70, 150) if channels == 1 else (40, 60, 3)
    picture = np.clip(rng.normal(30000, spread, shape), 0, 65535).astype(np.uint16)
    picture[20:30, 10:40] //= 3
    tool = {"type": "blur", "params": {"method": "median", "ksize": size}}
    image = inspect(picture, prepare(recipe(tool), tool_ms=1e5)).image
    window = (size, size) if channels == 1 else (size, size, 1)
    assert image is not None
    assert np.array_equal(image, ndimage.median_filter(picture, window, mode="nearest"))


def test_a_median_that_takes_too_long_is_an_error_and_not_a_reduced_picture(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 65535, (300, 400)).astype(np.uint16)
    prepared = prepare(recipe({"type": "blur", "params": {"method": "median", "ksize": 99}}), tool_ms=0.01)
    inspection = inspect(picture, prepared)
    assert inspection.verdict == "error"


@DTYPES
def test_a_plain_mean_is_the_mean_of_its_window(dtype: Any, rng: np.random.Generator) -> None:
    picture = rng.integers(0, np.iinfo(dtype).max, (60, 80)).astype(dtype)
    image = look(picture, {"type": "blur", "params": {"method": "mean", "ksize": 5}}).image
    assert image is not None
    assert image[20, 30] == round(picture[18:23, 28:33].mean())


@pytest.mark.parametrize(("dtype", "unit"), [(np.uint8, 1), (np.uint16, 257)])
def test_a_bilateral_filter_keeps_the_edge_that_a_gaussian_smears(
    dtype: Any, unit: int, rng: np.random.Generator
) -> None:
    picture = boxes((40, 0, 120, 120)).astype(dtype) * dtype(unit)
    noisy = (picture + rng.normal(0, 4 * unit, picture.shape)).astype(dtype)
    params = {"method": "bilateral", "ksize": 9, "sigma": 3, "sigma_grey": 40 * unit}
    image = look(noisy, {"type": "blur", "params": params}).image
    assert image is not None
    error = image.astype(float) - picture
    assert np.abs(error[:, 36:44]).max() < 12 * unit
    assert error[:, 5:35].std() < 0.5 * 4 * unit


def test_a_bilateral_filter_set_for_eight_bits_is_an_error_in_sixteen() -> None:
    inspection = look(plain(dtype=np.uint16), {"type": "blur", "params": {"method": "bilateral"}})
    assert (inspection.verdict, inspection.reason) == ("error", "tool_error")


def test_a_gaussian_keeps_the_mean_and_lowers_the_spread(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 255, (120, 160)).astype(np.uint8)
    image = look(picture, {"type": "blur", "params": {"ksize": 9, "sigma": 2}}).image
    assert image is not None
    assert image.mean() == pytest.approx(picture.mean(), abs=1)
    assert image.std() < picture.std() / 4


@DTYPES
def test_a_threshold_makes_black_and_full_scale_white(dtype: Any) -> None:
    full = int(np.iinfo(dtype).max)
    unit = full // 255
    picture = np.array([[100 * unit - 1, 100 * unit, 150 * unit, 200 * unit, 200 * unit + 1]], dtype)
    levels = {"th_min": 100 * unit, "th_max": 200 * unit}
    binary = look(picture, {"type": "threshold", "params": levels})
    between = look(picture, {"type": "threshold", "params": {"mode": "range", **levels}})
    assert binary.image is not None
    assert between.image is not None
    assert binary.image.tolist() == [[0, full, full, full, full]]
    assert between.image.tolist() == [[0, full, full, full, 0]]
    assert between.tools[0].features["share_on"] == 0.6


@pytest.mark.parametrize(("dtype", "factor"), [(np.uint8, 1), (np.uint16, 250)])
def test_otsu_tells_the_level_it_found(dtype: Any, factor: int) -> None:
    picture = boxes((0, 0, 40, 120)).astype(dtype) * dtype(factor)
    features = measured(picture, {"type": "threshold", "params": {"mode": "otsu"}})
    assert features["share_on"] == 0.25
    assert 60 * factor < features["level"] <= 180 * factor


def test_otsu_is_that_of_opencv(rng: np.random.Generator) -> None:
    for _ in range(20):
        low, high = sorted(rng.integers(20, 230, 2).tolist())
        picture = np.clip(rng.normal(np.where(rng.random((60, 80)) < 0.3, high, low), 12), 0, 255).astype(np.uint8)
        level, _ = cv2.threshold(picture, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        assert measured(picture, {"type": "threshold", "params": {"mode": "otsu"}})["level"] == level + 1


def test_an_offset_moves_the_level_of_otsu() -> None:
    levels = [
        measured(boxes((0, 0, 40, 120)), {"type": "threshold", "params": {"mode": "otsu", "offset": offset}})["level"]
        for offset in (0, -5.5)
    ]
    assert levels[1] == levels[0] - 5.5


@pytest.mark.parametrize("mode", ["binary", "otsu", "adaptive_mean"])
def test_inverted_white_is_what_was_black(mode: str, rng: np.random.Generator) -> None:
    picture = rng.integers(0, 255, (60, 80)).astype(np.uint8)
    shares = [
        measured(picture, {"type": "threshold", "params": {"mode": mode, "invert": invert}})["share_on"]
        for invert in (False, True)
    ]
    assert sum(shares) == pytest.approx(1)


@pytest.mark.parametrize("mode", ["adaptive_mean", "adaptive_gaussian"])
@pytest.mark.parametrize(("dtype", "unit"), [(np.uint8, 1), (np.uint16, 200)])
def test_an_adaptive_threshold_finds_parts_under_uneven_light(mode: str, dtype: Any, unit: int) -> None:
    light = np.linspace(20, 200, 160)[None, :] * np.ones((120, 1))
    places = [(10, 20, 12, 12), (70, 60, 12, 12), (130, 90, 12, 12)]
    for x, y, w, h in places:
        light[y : y + h, x : x + w] += 25
    picture = (np.minimum(light, 255) * unit).astype(dtype)
    params = {"mode": mode, "window": 51, "offset": 10 * unit}
    image = look(picture, {"type": "threshold", "params": params}).image
    assert image is not None
    white = np.zeros(image.shape, bool)
    for x, y, w, h in places:
        white[y : y + h, x : x + w] = True
    assert np.array_equal(image > 0, white)
    assert image.max() == np.iinfo(dtype).max


@pytest.mark.parametrize("mode", ["adaptive_mean", "adaptive_gaussian"])
@DTYPES
def test_a_flat_part_is_not_brighter_than_itself(mode: str, dtype: Any, rng: np.random.Generator) -> None:
    for level in rng.integers(0, np.iinfo(dtype).max, 20, endpoint=True).tolist():
        features = measured(plain(level=level, dtype=dtype), {"type": "threshold", "params": {"mode": mode}})
        assert features == {"share_on": 0}


def test_the_adaptive_mean_is_exact(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 255, (90, 110)).astype(np.uint8)
    image = look(picture, {"type": "threshold", "params": {"mode": "adaptive_mean", "window": 21, "offset": 7}}).image
    local = ndimage.uniform_filter(picture.astype(float), 21, mode="nearest")
    assert image is not None
    # A multiple of 1/441 is never nearer to another than this.
    assert np.array_equal(image, np.where(picture - local > 7.001, 255, 0))


@DTYPES
@pytest.mark.parametrize("shape", ["rect", "cross"])
@pytest.mark.parametrize("operation", ["erode", "dilate", "top_hat", "black_hat", "gradient"])
def test_each_operation_is_the_textbooks(operation: str, shape: str, dtype: Any, rng: np.random.Generator) -> None:
    picture = rng.integers(0, np.iinfo(dtype).max, (50, 60)).astype(dtype)
    element = np.ones((5, 5), bool) if shape == "rect" else np.add.outer(np.arange(5) == 2, np.arange(5) == 2)
    darkest = ndimage.grey_erosion(picture, footprint=element).astype(float)
    brightest = ndimage.grey_dilation(picture, footprint=element).astype(float)
    expected = {
        "erode": darkest,
        "dilate": brightest,
        "top_hat": picture - ndimage.grey_dilation(darkest, footprint=element),
        "black_hat": ndimage.grey_erosion(brightest, footprint=element) - picture,
        "gradient": brightest - darkest,
    }[operation]
    params = {"operation": operation, "kernel": 5, "shape": shape}
    image = look(picture, {"type": "morphology", "params": params}).image
    assert image is not None
    assert np.array_equal(image[8:-8, 8:-8], expected[8:-8, 8:-8])


def test_shrinking_twice_is_shrinking_further() -> None:
    picture = boxes((20, 20, 30, 30))
    image = look(
        picture, {"type": "morphology", "params": {"operation": "erode", "iterations": 3, "shape": "rect"}}
    ).image
    assert image is not None
    assert np.array_equal(image, boxes((23, 23, 24, 24)))


def test_opening_removes_a_speck_and_closing_a_hole() -> None:
    picture = boxes((20, 20, 30, 30), (100, 60, 1, 1))
    picture[35, 35] = 60
    opened = look(picture, {"type": "morphology", "params": {"open": 1, "shape": "rect"}}).image
    closed = look(picture, {"type": "morphology", "params": {"close": 1, "shape": "rect"}}).image
    assert opened is not None
    assert closed is not None
    assert (opened[60, 100], closed[60, 100]) == (60, 180)
    assert closed[35, 35] == 180


def test_later_tools_see_what_filters_made() -> None:
    picture = boxes((10, 10, 20, 20), (60, 60, 1, 1))
    features = measured(
        picture,
        {"type": "blur", "params": {"method": "median", "ksize": 3}},
        {"type": "blob", "params": {"th_min": 120}},
    )
    assert features["blob_count"] == 1


def test_a_filter_in_a_region_is_seen_by_a_measure_on_colour() -> None:
    picture = colour(boxes((0, 0, 160, 120)))
    features = measured(
        picture,
        {"type": "intensity"},
        {"type": "threshold", "params": {"th_min": 200}, "region": rect(0, 0, 80, 120)},
        {"type": "intensity"},
    )
    assert features["mean"] == pytest.approx(90)
