"""blob: what is measured of each, gates on it, order, lists for formulas, holes, borders, dark blobs."""

from __future__ import annotations

import json
import math
from typing import Any

import cv2
import numpy as np
import pytest
from skimage.measure import label

from analyticlens.engine import RecipeRefused, inspect, prepare
from analyticlens.engine.blobs.table import MOST_RUNS
from analyticlens.engine.tools.blob import cost
from analyticlens.protocol.tools import BlobTool
from analyticlens.protocol.tools.blob import BY_GREY, OF_EACH
from tests.engine.drawing import boxes, limit, look, measured, plain, recipe, rect
from tests.timing import within

BY_PIXELS = [feature.name for feature in OF_EACH if feature.name not in BY_GREY]


def blob(**params: Any) -> dict[str, Any]:
    return {"type": "blob", "params": {"th_min": 120} | params}


def measures(picture: np.ndarray[Any, Any], *names: str, **params: Any) -> dict[str, float]:
    return measured(picture, blob(measure=list(names), **params))


def disc(
    radius: float, shape: tuple[int, int] = (160, 160), at: tuple[float, float] = (80, 80)
) -> np.ndarray[Any, Any]:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.where(np.hypot(columns - at[0], rows - at[1]) <= radius, 180, 60).astype(np.uint8)


def test_nothing_is_measured_that_nobody_asks_for() -> None:
    assert set(measured(boxes((10, 10, 9, 9)), blob())) == {
        *("blob_count", "total_area", "roi_area", "largest_area", "smallest_area", "mean_area", "truncated")
    }


@pytest.mark.parametrize("name", BY_PIXELS)
def test_every_measure_is_one_of_the_tools(name: str) -> None:
    assert name in measures(disc(20), name)
    picture = look(disc(20), blob() | {"limits": [limit(name, -1000, 100_000)]})
    assert name in picture.tools[0].features
    assert picture.verdict == "ok"


def test_a_rectangle_is_measured_exactly() -> None:
    found = measures(boxes((30, 40, 60, 20)), *BY_PIXELS)
    assert (found["area"], found["x"], found["y"]) == (1200, 59.5, 49.5)
    assert (found["left"], found["top"], found["width"], found["height"]) == (30, 40, 60, 20)
    assert found["elongation"] == pytest.approx(3)
    assert found["orientation_deg"] == pytest.approx(0)
    assert found["length"] == pytest.approx(60, abs=0.3)
    assert found["breadth"] == pytest.approx(20, abs=0.3)
    assert found["convexity"] == pytest.approx(1, abs=0.01)
    assert found["rectangularity"] == pytest.approx(1, abs=0.02)
    assert found["perimeter"] == pytest.approx(160, rel=0.04)


@pytest.mark.parametrize("radius", [8.3, 20.2, 50.7])
def test_a_disc_is_round(radius: float) -> None:
    found = measures(disc(radius), "circularity", "perimeter", "elongation", "convexity", "length", "breadth")
    assert found["circularity"] == pytest.approx(1, abs=0.03)
    assert found["perimeter"] == pytest.approx(2 * math.pi * radius, rel=0.015)
    assert found["elongation"] == pytest.approx(1, abs=0.02)
    assert found["convexity"] == pytest.approx(1, abs=0.01)
    assert found["length"] == pytest.approx(2 * radius, abs=1)


@pytest.mark.parametrize("angle", [-60, -20, 0, 35, 80])
def test_the_orientation_turns_from_x_towards_y(angle: int) -> None:
    picture = plain(200, 200)
    cv2.ellipse(picture, (100, 100), (70, 25), angle, 0, 360, 180, -1)
    found = measures(picture, "orientation_deg", "box_angle_deg", "elongation")
    assert found["orientation_deg"] == pytest.approx(angle, abs=0.5)
    assert found["box_angle_deg"] == pytest.approx(angle, abs=4)
    assert found["elongation"] == pytest.approx(70 / 25, rel=0.03)


def test_holes_are_counted_and_measured() -> None:
    picture = boxes((20, 20, 80, 80))
    picture[30:40, 30:40] = picture[60:70, 30:35] = 60
    picture[62:66, 31:33] = 180
    found = measures(picture, "hole_count", "hole_area", area_min=100)
    assert (found["hole_count"], found["hole_area"]) == (2, 150)
    # A blob in a hole is no hole.
    assert measures(picture, "hole_area")["hole_area"] == 142


@pytest.mark.parametrize("connectivity", ["8", "4"])
def test_counts_holes_and_areas_are_those_of_a_plain_labelling(connectivity: str, rng: np.random.Generator) -> None:
    ways = (2, 1) if connectivity == "8" else (1, 2)
    for _ in range(30):
        mask = rng.random((40, 53)) < rng.uniform(0.05, 0.95)
        picture = np.where(mask, 180, 60).astype(np.uint8)
        names = ["hole_count", "hole_area", "touches_border"]
        found = look(picture, blob(connectivity=connectivity, measure=names, max_blobs=5000)).details[1]["blobs"]
        labels = label(mask, connectivity=ways[0])  # type: ignore[no-untyped-call]
        ground = label(~mask, connectivity=ways[1])  # type: ignore[no-untyped-call]
        open_ones = set(np.concatenate((ground[0], ground[-1], ground[:, 0], ground[:, -1])).tolist())
        enclosed = [i for i in range(1, int(ground.max()) + 1) if i not in open_ones]
        assert sorted(b["area"] for b in found) == sorted(np.bincount(labels.ravel())[1:].tolist())
        assert sum(b["hole_count"] for b in found) == len(enclosed)
        assert sum(b["hole_area"] for b in found) == sum(int((ground == i).sum()) for i in enclosed)
        edges = set(np.concatenate((labels[0], labels[-1], labels[:, 0], labels[:, -1])).tolist()) - {0}
        assert sum(b["touches_border"] for b in found) == len(edges)


def test_filled_holes_belong_to_the_blob() -> None:
    picture = boxes((20, 20, 50, 50))
    picture[30:40, 30:40] = 60
    picture[33:36, 33:36] = 180
    assert measured(picture, blob())["blob_count"] == 2
    found = measures(picture, "hole_count", fill_holes=True)
    assert (found["blob_count"], found["total_area"], found["hole_count"]) == (1, 2500, 0)


def test_grey_values_are_those_of_the_blobs_pixels(rng: np.random.Generator) -> None:
    picture = boxes((10, 10, 20, 10), (60, 60, 5, 5))
    picture[10:20, 10:30] = rng.integers(130, 250, (10, 20))
    found = measures(picture, "mean_grey", "min_grey", "max_grey", "std_grey")
    inside = picture[10:20, 10:30].astype(float)
    assert found["mean_grey"] == pytest.approx(inside.mean())
    assert (found["min_grey"], found["max_grey"]) == (inside.min(), inside.max())
    assert found["std_grey"] == pytest.approx(inside.std())


def test_what_touches_the_border_of_the_region_is_left_out() -> None:
    picture = boxes((10, 10, 20, 20), (38, 10, 10, 10), (60, 60, 10, 10))
    region = {"region": rect(5, 5, 35, 80)}
    assert measured(picture, blob() | region)["blob_count"] == 2
    assert measured(picture, blob(exclude_border=True) | region)["blob_count"] == 1
    ring = {"region": {"shape": "circle", "cx": 20, "cy": 20, "r": 20}}
    assert measured(picture, blob(exclude_border=True) | ring)["blob_count"] == 1
    assert (
        measured(picture, blob(measure=["touches_border"]) | region | {"region": rect(38, 5, 20, 80)})["touches_border"]
        == 1
    )


def test_dark_blobs_are_what_the_levels_leave_out() -> None:
    picture = 240 - boxes((10, 10, 20, 20), (60, 60, 10, 10))
    found = measured(picture, blob(polarity="dark"))
    assert (found["blob_count"], found["total_area"]) == (2, 500)
    assert measured(picture, blob(polarity="dark", use_otsu=True))["total_area"] == 500
    window = {"region": {"shape": "circle", "cx": 20, "cy": 20, "r": 5}}
    assert measured(picture, blob(polarity="dark") | window)["total_area"] == 81


@pytest.mark.parametrize(
    ("gate", "left"),
    [
        ({"feature": "circularity", "min": 0.9}, [1]),
        ({"feature": "elongation", "min": 2}, [2]),
        ({"feature": "left", "max": 20}, [0]),
        ({"feature": "hole_count", "min": 1}, [0]),
        ({"feature": "area", "min": 500, "max": 700}, [1]),
        ({"feature": "convexity", "max": 0.9}, []),
    ],
)
def test_a_gate_on_any_measure_holds(gate: dict[str, Any], left: list[int]) -> None:
    picture = boxes((10, 10, 30, 30), (30, 80, 80, 10))
    picture[20:30, 20:30] = 60
    cv2.circle(picture, (110, 30), 14, 180, -1)
    whole = look(picture, blob()).details[1]["blobs"]
    found = look(picture, blob(gates=[gate])).details[1]["blobs"]
    order = sorted(whole, key=lambda b: (b["bounding_box"][1], b["bounding_box"][0]))
    assert [order.index({k: b[k] for k in order[0]}) for b in found] == left


def test_the_first_blob_in_the_order_is_the_tools() -> None:
    picture = boxes((10, 10, 5, 5), (30, 30, 20, 20), (80, 80, 10, 10))
    assert measures(picture, "x", "area")["area"] == 25
    assert measures(picture, "x", "area", sort_by="area")["area"] == 400
    assert measures(picture, "area", sort_by="area", sort_order="ascending")["area"] == 25
    assert measures(picture, "area", sort_by="x")["area"] == 100
    found = look(picture, blob(sort_by="area")).details[1]["blobs"]
    assert [b["area"] for b in found] == [400, 100, 25]


def test_at_most_so_many_are_listed_and_the_rest_is_said() -> None:
    picture = boxes(*((x, y, 2, 2) for x in range(5, 150, 6) for y in range(5, 110, 6)))
    inspection = look(picture, blob(max_blobs=7, sort_by="y"))
    count = inspection.tools[0].features["blob_count"]
    assert inspection.tools[0].features["truncated"] == count - 7
    assert len(inspection.details[1]["blobs"]) == 7


def test_extremes_can_have_limits() -> None:
    picture = boxes((10, 10, 40, 8))
    cv2.circle(picture, (100, 60), 20, 180, -1)
    tool = blob() | {"limits": [limit("smallest_circularity", 0.9), limit("largest_elongation", None, 3)]}
    inspection = look(picture, tool)
    assert inspection.verdict == "nok"
    assert inspection.tools[0].features["smallest_circularity"] < 0.6
    assert inspection.tools[0].features["largest_elongation"] == pytest.approx(5)


def test_nothing_found_has_no_measures() -> None:
    found = measured(plain(), blob(measure=["circularity"], subpixel=True))
    assert found == {"blob_count": 0, "total_area": 0, "roi_area": 120 * 160, "truncated": 0}
    outcome = look(plain(), blob() | {"limits": [limit("circularity", 0.9)]}).tools[0]
    assert (outcome.verdict, outcome.reason) == ("undecided", "value_missing")


def test_measures_of_each_are_in_the_details_and_leave_the_old_words_alone() -> None:
    (found,) = look(boxes((10, 10, 8, 4)), blob(measure=["circularity", "x"])).details[1]["blobs"]
    assert list(found) == ["area", "centroid", "bounding_box", "contour", "contours", "x", "circularity"]
    assert json.loads(json.dumps(found))["x"] == 13.5


def test_formulas_know_the_measures_they_name() -> None:
    picture = boxes((10, 10, 40, 8), (60, 60, 20, 20))
    formula = {
        "operation": "custom_formula",
        "custom_formula": "max(blob_elongation) - min(blob_elongation) + hole_count",
    }
    result = look(picture, blob(), {"type": "math", "params": formula}).tools[1]
    assert result.features["result"] == pytest.approx(4)
    named = {
        "operation": "custom_formula",
        "custom_formula": "2 * e",
        "measures": [{"name": "e", "tool": 1, "feature": "elongation"}],
    }
    result = look(picture, blob(), {"type": "math", "params": named}).tools[1]
    assert result.features["result"] == pytest.approx(10)


def test_a_measure_of_weighing_needs_it() -> None:
    with pytest.raises(RecipeRefused, match="weighed"):
        prepare(recipe(blob(measure=["blur"])))
    with pytest.raises(RecipeRefused, match="edges"):
        prepare(recipe(blob(subpixel=True, picture="edge")))


# Many blobs


def crowd(rng: np.random.Generator, share: float) -> np.ndarray[Any, Any]:
    return np.where(rng.random((1944, 2592)) < share, 200, 60).astype(np.uint8)


def test_specks_are_counted_exactly_whichever_way_they_are_labelled(rng: np.random.Generator) -> None:
    for share in (0.002, 0.01, 0.08):
        picture = crowd(rng, share)[:600, :801]
        _, _, stats, _ = cv2.connectedComponentsWithStats((picture > 120).astype(np.uint8), connectivity=8)
        found = look(picture, blob(max_blobs=10, area_min=2))
        gated = stats[1:][stats[1:, cv2.CC_STAT_AREA] >= 2]
        assert found.tools[0].features["blob_count"] == len(gated)
        assert found.tools[0].features["total_area"] == gated[:, cv2.CC_STAT_AREA].sum()
        tops = [b["bounding_box"][1] for b in found.details[1]["blobs"]]
        assert tops == sorted(gated[:, cv2.CC_STAT_TOP].tolist())[:10]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"measure": ["hole_count", "elongation"]},
        {"gates": [{"feature": "circularity", "min": 0.5}]},
        {"area_min": 3},
    ],
)
def test_48000_specks_are_measured_without_a_loop(params: dict[str, Any], rng: np.random.Generator) -> None:
    prepared = prepare(recipe(blob(**params)), tool_ms=1e6)
    picture = crowd(rng, 0.0097)
    # Two tenths of a second are the budget; a loop over labels in Python takes seconds.
    inspection = within(1000, lambda: inspect(picture, prepared))
    assert inspection.tools[0].status == "ok"


def test_noise_too_dense_to_measure_is_refused_and_not_measured_for_ever(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, (1944, 2592), dtype=np.uint8)
    for params in ({"measure": ["perimeter"]}, {"split": True}, {"subpixel": True}, {"fill_holes": True}):
        outcome = inspect(picture, prepare(recipe(blob(**params)), tool_ms=1e6)).tools[0]
        assert (outcome.status, outcome.reason) == ("error", "too_costly")
    assert MOST_RUNS < 1944 * 2592 / 5


def test_the_cost_grows_with_what_is_asked() -> None:
    def bound(height: int, width: int, **params: Any) -> float:
        return cost(BlobTool.model_validate({"id": 1, "name": "b", **blob(**params)}), height, width)

    assert bound(3000, 4000) < 200
    assert bound(480, 752, subpixel=True, split=True, measure=["convexity"]) < 200
    assert bound(1944, 2592, subpixel=True) < 200
    assert bound(3000, 4000, measure=["convexity"]) < 200
    assert bound(1080, 1920, subpixel=True, split=True) < 200
    assert bound(3000, 4000, subpixel=True, split=True) > 200
    assert bound(480, 752) < bound(480, 752, measure=["perimeter"]) < bound(480, 752, measure=["convexity"])
    with pytest.raises(RecipeRefused, match="can take"):
        prepare(recipe(blob(subpixel=True, split=True)), size=(3000, 4000))


# Pictures nobody expects


@pytest.mark.parametrize("subpixel", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3), (5, 5)])
@pytest.mark.parametrize("level", [0, 120, 255])
def test_small_and_flat_pictures_are_measured_or_empty(shape: tuple[int, int], level: int, subpixel: bool) -> None:
    names = [feature.name for feature in OF_EACH] if subpixel else BY_PIXELS
    tool = blob(measure=names, subpixel=subpixel, fill_holes=True, split=True)
    outcome = look(np.full(shape, level, np.uint8), tool).tools[0]
    assert outcome.status == "ok", outcome
    assert outcome.features["blob_count"] == (level >= 120)


@pytest.mark.parametrize("subpixel", [False, True])
def test_any_noise_is_measured_finitely(subpixel: bool, rng: np.random.Generator) -> None:
    names = [feature.name for feature in OF_EACH] if subpixel else BY_PIXELS
    for _ in range(40):
        shape = rng.integers(1, 60, 2)
        picture = cv2.GaussianBlur(rng.integers(0, 256, shape).astype(np.uint8), (0, 0), rng.uniform(0.3, 4))
        picture = picture.reshape(shape)
        tool = blob(
            measure=names, subpixel=subpixel, split=bool(rng.integers(2)), connectivity=str(rng.choice(["4", "8"]))
        )
        outcome = look(picture, tool).tools[0]
        assert outcome.status == "ok" or outcome.reason == "too_costly", outcome


def test_16_bits_are_measured_in_their_own_levels() -> None:
    picture = boxes((10, 10, 20, 20)).astype(np.uint16) * 257
    found = measured(picture, blob(th_min=120 * 257, th_max=65535, measure=["mean_grey", "area"], subpixel=True))
    assert found["mean_grey"] == 180 * 257
    assert found["area"] == pytest.approx(400, rel=0.01)
