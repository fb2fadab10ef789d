"""onnx: a model is asked what it was described to answer, and refused in words where it does not."""

from __future__ import annotations

import sys
from contextlib import suppress
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from analyticlens.engine import Inspection, RecipeRefused, inspect, prepare
from analyticlens.engine.onnxfile import NoModel, refers_outside
from analyticlens.protocol.tools import OnnxParams
from tests.engine.drawing import boxes, colour, limit, plain, recipe, rect
from tests.engine.small_models import (
    brightness,
    divides,
    elsewhere,
    elsewhere_inside,
    itself,
    model,
    one_number,
    says,
    slow,
    two_maps,
)


def prepared(data: bytes, limits: Any = (), region: Any = None, **params: Any) -> Any:
    small = {"model": sha256(data).hexdigest(), "width": 32, "height": 32, "channels": "grey"}
    tool = {"type": "onnx", "params": small | params, "limits": list(limits), "region": region}
    return prepare(recipe(tool), {sha256(data).hexdigest(): data})


def asked(picture: Any, data: bytes, *args: Any, **params: Any) -> Inspection:
    return inspect(picture, prepared(data, *args, **params))


def test_a_class_has_its_share_its_lead_and_its_name() -> None:
    bright = asked(plain(level=255), brightness(), [limit("class_index", 1, 1)], labels=["dark", "bright"])
    dark = asked(plain(level=0), brightness(), [limit("class_index", 1, 1)], labels=["dark", "bright"])
    share = 1 / (1 + np.exp(-5))
    assert (bright.verdict, dark.verdict) == ("ok", "nok")
    assert bright.tools[0].texts == {"class": "bright"}
    assert bright.tools[0].features == pytest.approx(
        {"class_index": 1, "score": share, "margin": 2 * share - 1}, abs=1e-6
    )
    assert dark.tools[0].texts == {"class": "dark"}


@pytest.mark.parametrize("picture", [plain(level=51), plain(level=51 * 257, dtype=np.uint16), colour(plain(level=51))])
def test_levels_count_as_shares_of_the_full_scale_whatever_the_depth(picture: Any) -> None:
    outcome = asked(picture, brightness(), activation="none").tools[0]
    assert outcome.features["score"] == pytest.approx(5)
    assert outcome.features["margin"] == pytest.approx(3, abs=1e-4)


def test_scale_mean_and_spread_are_those_described() -> None:
    scaled = asked(plain(level=100), itself(), kind="anomaly", scale=255, mean=[60], spread=[8]).tools[0]
    assert scaled.features["anomaly_score"] == pytest.approx(5)


@pytest.mark.parametrize(("channels", "expected"), [("rgb", 200 / 255), ("bgr", 10 / 255)])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_channels_and_layout_are_those_described(channels: str, expected: float, layout: str) -> None:
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[:] = (10, 90, 200)
    shape = (1, 3, 16, 16)
    data = one_number(shape)
    if layout == "nhwc":
        turn = helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2])
        first = helper.make_node("Slice", ["t", "s", "e", "a"], ["r"])
        mean = helper.make_node("ReduceMean", ["r"], ["y"], axes=[1, 2, 3], keepdims=0)
        ints = {name: np.array([value], np.int64) for name, value in (("s", 0), ("e", 1), ("a", 1))}
        data = model([turn, first, mean], [1, 16, 16, 3], [1], ints)
    told = asked(picture, data, kind="anomaly", width=16, height=16, channels=channels, layout=layout)
    assert told.tools[0].features["anomaly_score"] == pytest.approx(expected, abs=1e-6)


def test_one_number_alone_is_the_share_of_the_second_class() -> None:
    outcome = asked(
        colour(plain(level=204)), one_number(), width=16, height=16, channels="rgb", activation="none"
    ).tools[0]
    assert outcome.features == pytest.approx({"class_index": 1, "score": 0.8, "margin": 0.6}, abs=1e-6)


def test_a_map_of_classes_is_measured_in_the_pictures_pixels() -> None:
    picture = boxes((40, 20, 60, 40), low=0, high=255, shape=(96, 128))
    inspection = asked(picture, two_maps(), [limit("area", 2000, 2800)], kind="segmentation")
    features = inspection.tools[0].features
    assert inspection.verdict == "ok"
    assert (features["x"], features["y"]) == pytest.approx((69.5, 39.5), abs=1)
    assert features["area"] == pytest.approx(2400, rel=0.06)
    assert features["share"] == pytest.approx(features["area"] / (96 * 128))
    assert features["count"] == 1
    assert [o.shape.shape for o in inspection.overlay] == ["polygon"]


def test_nothing_of_the_class_is_an_area_of_nothing() -> None:
    features = asked(plain(level=0), two_maps(), kind="segmentation").tools[0].features
    assert features == {"area": 0, "share": 0, "count": 0}
    other = asked(plain(level=0), two_maps(), kind="segmentation", target=0).tools[0].features
    assert other["share"] == 1


def test_small_pieces_do_not_count() -> None:
    picture = boxes((40, 20, 60, 40), (4, 4, 12, 12), low=0, high=255, shape=(96, 128))
    assert asked(picture, two_maps(), kind="segmentation").tools[0].features["count"] == 2
    assert asked(picture, two_maps(), kind="segmentation", min_area=500).tools[0].features["count"] == 1


def test_a_map_of_scores_has_its_highest_place() -> None:
    picture = boxes((80, 48, 8, 8), low=20, high=250, shape=(96, 128))
    inspection = asked(picture, itself(), [limit("anomaly_score", high=0.5)], kind="anomaly", threshold=0.5)
    features = inspection.tools[0].features
    assert inspection.verdict == "nok"
    assert features["anomaly_score"] == pytest.approx(250 / 255, abs=0.01)
    assert (features["x"], features["y"]) == pytest.approx((83.5, 51.5), abs=4)
    assert features["area"] == pytest.approx(64, rel=0.5)


@pytest.mark.parametrize(("side", "region"), [(64, 32), (64, 31), (224, 100), (224, 112), (32, 75)])
@pytest.mark.parametrize("where", ["first column", "last column", "first row", "last row"])
def test_no_cell_of_a_map_is_lost_however_large_the_region(side: int, region: int, where: str) -> None:
    values = np.zeros((side, side), np.float32)
    line = 0 if where.startswith("first") else side - 1
    values[line if where.endswith("row") else slice(None), line if where.endswith("column") else slice(None)] = 9
    small = {"kind": "anomaly", "threshold": 0.5, "width": side, "height": side}
    features = asked(plain(region, region), says(values), (), None, **small).tools[0].features
    assert (features["anomaly_score"], features["count"]) == (9, 1)
    assert features["share"] == pytest.approx(1 / min(side, region), rel=0.9)
    assert features["area"] == pytest.approx(features["share"] * region**2)


@pytest.mark.parametrize("region", [100, 112, 150, 224, 300])
def test_area_and_place_are_those_of_the_picture_whatever_the_size_of_the_map(region: int) -> None:
    y, x = np.mgrid[:region, :region]
    disc = np.clip(20.5 - np.hypot(x - region // 2, y - region // 2), 0, 1) * 255
    features = (
        asked(disc.astype(np.uint8), itself((1, 1, 224, 224)), kind="anomaly", threshold=0.5, width=224, height=224)
        .tools[0]
        .features
    )
    assert features["area"] == pytest.approx(np.pi * 20**2, rel=0.02)


@pytest.mark.parametrize("region", [100, 150, 300])
def test_the_place_of_a_segment_is_its_middle(region: int) -> None:
    picture = boxes((30, 40, 31, 21), low=0, high=255, shape=(region, region))
    params = {"kind": "segmentation", "width": 224, "height": 224}
    features = asked(picture, two_maps((1, 1, 224, 224)), (), None, **params).tools[0].features
    assert (features["x"], features["y"]) == pytest.approx((45, 50), abs=0.25)
    assert features["area"] == pytest.approx(31 * 21, rel=0.03)


def test_only_the_region_counts() -> None:
    picture = boxes((80, 48, 8, 8), low=20, high=250, shape=(96, 128))
    region = {"shape": "circle", "cx": 40, "cy": 40, "r": 30}
    features = asked(picture, itself(), (), region, kind="anomaly").tools[0].features
    assert features["anomaly_score"] == pytest.approx(20 / 255, abs=1e-6)
    boxed = asked(picture, itself(), (), rect(64, 32, 40, 40), kind="anomaly").tools[0].features
    assert (boxed["x"], boxed["y"]) == pytest.approx((83.5, 51.5), abs=3)


def test_a_model_may_leave_its_size_open() -> None:
    data = itself([1, 1, "height", "width"])
    assert asked(plain(level=51), data, kind="anomaly", width=20, height=10).tools[0].features[
        "anomaly_score"
    ] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("data", "params", "sentence"),
    [
        (b"", {}, "model"),
        (b"no model", {}, "no ONNX model"),
        (brightness()[:200], {}, "no ONNX model|cannot be loaded"),
        (brightness(), {"width": 64}, "takes 1 x 1 x 32 x 32, and 1 x 1 x 32 x 64 is described"),
        (brightness(), {"channels": "rgb"}, "takes 1 x 1 x 32 x 32, and 1 x 3 x 32 x 32 is described"),
        (brightness(), {"layout": "nhwc"}, "is described"),
        (brightness(), {"output": 1}, "1 outputs, none of number 1"),
        (brightness(), {"labels": ["a"]}, "2 classes, and 1 have names"),
        (brightness(), {"kind": "segmentation"}, "not one for each class and pixel"),
        (itself(), {}, "not one for each class"),
        (two_maps(), {"kind": "segmentation", "target": 2}, "none of number 2"),
        (two_maps(), {"kind": "anomaly"}, "neither one score nor a map"),
        (elsewhere(), {"kind": "anomaly"}, "in another file"),
        (elsewhere_inside(), {"kind": "anomaly"}, "in another file"),
        (model([helper.make_node("Identity", ["x"], ["y"])], [1], [1], kind=TensorProto.INT64), {}, r"tensor\(int64\)"),
        (model([helper.make_node("Nonsense", ["x"], ["y"])], [1, 1, 32, 32], [1]), {}, "cannot be loaded"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_in_words(data: bytes, params: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecipeRefused, match=sentence):
        prepared(data, **params)


def test_a_model_slower_than_a_tool_may_be_is_refused_in_words() -> None:
    with pytest.raises(RecipeRefused, match=r"its model takes .* ms, and a tool has"):
        prepared(slow(), kind="anomaly")


def test_a_model_that_is_not_here_is_refused_in_words() -> None:
    tool = {"type": "onnx", "params": {"model": "0" * 64}}
    with pytest.raises(RecipeRefused, match="its model 000000000000… is not here"):
        prepare(recipe(tool))


def test_without_the_library_it_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(RecipeRefused, match=r"onnxruntime: install analyticlens\[ai\]"):
        prepared(brightness())


def test_numbers_that_are_not_finite_are_an_error_and_never_ok() -> None:
    inspection = asked(plain(level=0), divides(), [limit("anomaly_score", 0)], kind="anomaly")
    assert (inspection.verdict, inspection.reason) == ("error", "tool_error")
    assert "not finite" in inspection.message


def test_the_same_picture_gives_the_same_numbers(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, (97, 131)).astype(np.uint8)
    ready = prepared(itself(), kind="anomaly")
    first = inspect(picture, ready).tools[0].features
    inspect(plain(), ready)
    assert (
        inspect(picture, ready).tools[0].features == first == asked(picture, itself(), kind="anomaly").tools[0].features
    )


def test_means_for_channels_that_are_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="one a channel"):
        OnnxParams(model="0" * 64, channels="grey", mean=(1, 2, 3))


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_model_or_are_refused(data: bytes) -> None:
    with suppress(NoModel):
        refers_outside(data)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_model_is_refused_or_asked(data: st.DataObject) -> None:
    raw = bytearray(brightness())
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        inspection = asked(plain(level=9), bytes(raw))
    except RecipeRefused:
        return
    assert inspection.tools[0].status in ("ok", "error")
