"""blob: counts, areas, places, outlines."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from analyticlens.engine.blobs.drawn import MAX_OUTLINES
from tests.engine.drawing import boxes, look, measured, plain, rect


def blob(**params: Any) -> dict[str, Any]:
    return {"type": "blob", "params": {"th_min": 120} | params}


def test_areas_are_pixel_counts() -> None:
    features = measured(boxes((10, 10, 20, 5), (50, 40, 7, 9), (100, 80, 1, 1)), blob())
    assert features["blob_count"] == 3
    assert features["total_area"] == 100 + 63 + 1
    assert (features["smallest_area"], features["largest_area"]) == (1, 100)
    assert features["mean_area"] == pytest.approx(164 / 3)
    assert features["roi_area"] == 120 * 160


def test_place_and_box_are_in_image_coordinates() -> None:
    picture = boxes((52, 43, 7, 9))
    details = look(picture, blob() | {"region": rect(40, 30, 50, 50)}).details[1]
    (found,) = details["blobs"]
    assert found["centroid"] == [55, 47]
    assert found["bounding_box"] == [52, 43, 7, 9]
    assert {tuple(point) for point in found["contour"]} == {(52, 43), (58, 43), (58, 51), (52, 51)}


def test_touching_at_a_corner_is_one_blob() -> None:
    assert measured(boxes((10, 10, 5, 5), (15, 15, 5, 5)), blob())["blob_count"] == 1


@pytest.mark.parametrize("level", [99, 100, 180, 181])
def test_both_levels_count(level: int) -> None:
    picture = boxes((10, 10, 4, 4), high=level)
    inside = measured(picture, blob(th_min=100, th_max=180))["blob_count"]
    assert inside == (1 if 100 <= level <= 180 else 0)


def test_levels_between_two_grey_values_are_exact() -> None:
    picture = boxes((10, 10, 4, 4), high=100)
    assert measured(picture, blob(th_min=99.5, th_max=100.5))["blob_count"] == 1
    assert measured(picture, blob(th_min=100.2, th_max=100.8))["blob_count"] == 0


def test_without_the_upper_level_everything_bright_counts() -> None:
    picture = boxes((10, 10, 4, 4), high=250)
    assert measured(picture, blob(th_max=200, use_range_threshold=False))["blob_count"] == 1
    assert measured(picture, blob(th_max=200))["blob_count"] == 0


def test_the_area_gate_includes_its_ends() -> None:
    picture = boxes((10, 10, 3, 3), (30, 10, 4, 4), (50, 10, 5, 5))
    features = measured(picture, blob(area_min=9, area_max=16))
    assert (features["blob_count"], features["total_area"]) == (2, 25)


def test_only_the_regions_own_pixels_count() -> None:
    features = measured(boxes((0, 0, 160, 120)), blob() | {"region": {"shape": "circle", "cx": 60, "cy": 60, "r": 20}})
    rows, columns = np.mgrid[:120, :160]
    assert features["total_area"] == features["roi_area"] == np.count_nonzero(np.hypot(columns - 60, rows - 60) <= 20)


def test_otsu_finds_the_level_between_two_classes() -> None:
    assert measured(boxes((10, 10, 30, 30), low=100, high=118), blob(use_otsu=True))["total_area"] == 900


def test_otsu_finds_nothing_on_one_grey() -> None:
    assert measured(plain(level=200), blob(use_otsu=True))["blob_count"] == 0


def test_opening_removes_specks_and_closing_closes_gaps() -> None:
    picture = boxes((10, 10, 20, 20), (60, 60, 1, 1), (100, 20, 9, 20), (110, 20, 9, 20))
    assert measured(picture, blob())["blob_count"] == 4
    assert measured(picture, blob(morph_open=1))["blob_count"] == 3
    assert measured(picture, blob(morph_close=1))["blob_count"] == 3


def test_smoothing_first_removes_a_speck() -> None:
    picture = boxes((60, 60, 1, 1))
    assert measured(picture, blob(pre_blur="median", pre_blur_ksize=3))["blob_count"] == 0


def test_the_edge_picture_shows_rims() -> None:
    picture = boxes((40, 40, 30, 30))
    features = measured(picture, blob(picture="edge", th_min=60))
    assert features["blob_count"] == 1
    # Two pixels to either side of each rim, corners cut where the light rises on two sides.
    assert features["total_area"] == pytest.approx(32 * 32 - 28 * 28, abs=8)


def test_a_blob_in_the_hole_of_another_is_outlined_too() -> None:
    picture = boxes((20, 20, 60, 60))
    picture[35:65, 35:65] = 60
    picture[45:55, 45:55] = 180
    found = look(picture, blob()).details[1]["blobs"]
    assert sorted(len(b["contour"]) >= 4 for b in found) == [True, True]
    assert sorted(b["area"] for b in found) == [100, 60 * 60 - 900]


def test_an_outline_keeps_no_more_points_than_asked() -> None:
    picture = plain()
    cv2.circle(picture, (80, 60), 40, 180, -1)
    inspection = look(picture, blob(contour_chain="NONE", approx_epsilon_ratio=0, polygon_max_points=10))
    assert len(inspection.details[1]["blobs"][0]["contour"]) == 10


@pytest.mark.parametrize("chain", ["SIMPLE", "NONE", "TC89_L1", "TC89_KCOS"])
def test_every_chain_outlines_blobs_down_to_a_pixel(chain: str) -> None:
    picture = boxes((10, 10, 1, 1), (30, 10, 2, 1), (50, 10, 9, 9))
    found = look(picture, blob(contour_chain=chain)).details[1]["blobs"]
    assert [len(b["contour"]) > 0 for b in found] == [True] * 3


def test_many_blobs_are_counted_and_listed_up_to_the_most(rng: np.random.Generator) -> None:
    picture = np.where(rng.random((480, 752)) < 0.1, 180, 60).astype(np.uint8)
    inspection = look(picture, blob(max_blobs=30))
    count, _ = cv2.connectedComponents((picture > 120).astype(np.uint8), connectivity=8)
    assert inspection.tools[0].features["blob_count"] == count - 1
    assert len(inspection.details[1]["blobs"]) == 30
    assert inspection.details[1]["truncated"] == count - 1 - 30


def test_outlines_are_capped() -> None:
    picture = boxes(*((x, y, 2, 2) for x in range(5, 150, 6) for y in range(5, 110, 6)))
    inspection = look(picture, blob())
    assert sum(shape.role == "found" for shape in inspection.overlay) == MAX_OUTLINES


def test_areas_and_places_are_those_of_one_plain_labelling(rng: np.random.Generator) -> None:
    for _ in range(20):
        places = [
            (int(x), int(y), int(w), int(h)) for x, y, w, h in rng.integers((0, 0, 1, 1), (120, 100, 40, 20), (6, 4))
        ]
        picture = boxes(*places)
        found = look(picture, blob()).details[1]["blobs"]
        _, _, stats, centres = cv2.connectedComponentsWithStats((picture > 120).astype(np.uint8), connectivity=8)
        expected = sorted((*row, *np.rint(centre)) for row, centre in zip(stats[1:].tolist(), centres[1:], strict=True))
        assert sorted((*b["bounding_box"], b["area"], *b["centroid"]) for b in found) == expected
