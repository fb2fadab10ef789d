"""Regions as pixels."""

from __future__ import annotations

import math
from time import process_time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.masks import holds
from analyticlens.engine.pose import Pose
from analyticlens.engine.regions import arrow_inside, moved, window
from analyticlens.protocol.regions import Arrow, Circle, Ellipse, Point, Polygon, Rect, Ring
from tests.engine.drawing import arrow, boxes, limit, look, measured, plain, rect

quick = settings(max_examples=60, deadline=None, database=None)


def pixels(region: Any, height: int = 120, width: int = 160) -> np.ndarray[Any, Any] | None:
    """Return the region's pixels as a boolean picture, or None when it leaves the picture."""
    found = window(region, height, width, Buffers(), "test")
    if found is None:
        return None
    picture = np.zeros((height, width), bool)
    found.of(picture)[...] = True if found.mask is None else found.mask > 0
    assert picture.sum() == found.area
    return picture


def test_a_rectangle_covers_its_columns_and_rows() -> None:
    picture = pixels(Rect(x=10, y=20, w=30, h=5))
    assert picture is not None
    assert picture[20:25, 10:40].all()
    assert picture.sum() == 150


@quick
@given(st.floats(0, 100), st.floats(0, 80), st.integers(1, 40), st.integers(1, 30))
def test_a_moved_rectangle_keeps_its_number_of_pixels(x: float, y: float, w: int, h: int) -> None:
    picture = pixels(Rect(x=x, y=y, w=w, h=h))
    assert picture is not None
    assert picture.sum() == w * h


@quick
@given(st.floats(30, 70), st.floats(30, 70), st.floats(0.8, 25))
def test_a_disc_is_every_centre_within_its_radius(cx: float, cy: float, r: float) -> None:
    picture = pixels(Circle(cx=cx, cy=cy, r=r))
    assert picture is not None
    rows, columns = np.mgrid[:120, :160]
    distance = np.hypot(columns - cx, rows - cy)
    assert picture[distance < r - 1e-5].all()
    assert not picture[distance > r + 1e-5].any()


@quick
@given(st.floats(-180, 180), st.floats(4, 30), st.floats(4, 20))
def test_a_turned_ellipse_is_an_ellipse_in_its_own_axes(angle: float, rx: float, ry: float) -> None:
    picture = pixels(Ellipse(cx=70, cy=60, rx=rx, ry=ry, angle=angle))
    assert picture is not None
    rows, columns = np.mgrid[:120, :160]
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    u, v = (columns - 70) * cos + (rows - 60) * sin, (rows - 60) * cos - (columns - 70) * sin
    size = np.hypot(u / rx, v / ry)
    assert picture[size < 1 - 1e-4].all()
    assert not picture[size > 1 + 1e-4].any()


def test_a_quarter_turn_swaps_a_rectangles_sides() -> None:
    picture = pixels(Rect(x=40, y=40, w=21, h=11, angle=90))
    assert picture is not None
    assert picture[35:56, 45:56].all()
    assert picture.sum() == 21 * 11


def test_a_full_turn_is_no_turn() -> None:
    found = window(Rect(x=4, y=4, w=10, h=10, angle=360), 50, 50, Buffers(), "test")
    assert found is not None
    assert found.mask is None


@pytest.mark.parametrize(
    "region",
    [
        Rect(x=-1, y=0, w=5, h=5),
        Rect(x=156, y=0, w=5, h=5),
        Rect(x=0, y=116, w=5, h=5),
        Circle(cx=5, cy=50, r=6),
        Ellipse(cx=50, cy=5, rx=3, ry=6),
        Rect(x=0, y=0, w=20, h=10, angle=30),
    ],
)
def test_what_leaves_the_picture_is_outside(region: Rect | Circle | Ellipse) -> None:
    assert pixels(region) is None


def test_what_touches_the_border_is_inside() -> None:
    assert pixels(Rect(x=0, y=0, w=160, h=120)) is not None
    assert pixels(Circle(cx=5, cy=5, r=5)) is not None


def test_a_speck_between_pixels_covers_none() -> None:
    found = window(Circle(cx=10.5, cy=10.5, r=0.2), 50, 50, Buffers(), "test")
    assert found is not None
    assert found.area == 0


@pytest.mark.parametrize(
    "region",
    [Rect(x=20, y=30, w=41, h=21, angle=10), Ellipse(cx=50, cy=40, rx=20, ry=9, angle=-30), Circle(cx=50, cy=40, r=9)],
)
def test_moving_there_and_back_is_staying(region: Rect | Circle | Ellipse) -> None:
    pose, back = Pose.carry((5, 6), (40, 50), 33), Pose.carry((40, 50), (5, 6), -33)
    again = moved(moved(region, pose), back)
    values = [value for value in again.model_dump().values() if isinstance(value, float)]
    assert values == pytest.approx([value for value in region.model_dump().values() if isinstance(value, float)])


def test_a_rectangle_turns_about_the_datum() -> None:
    turned = moved(Rect(x=90, y=100, w=21, h=11), Pose.carry((0, 0), (0, 0), 90))
    centre = (turned.x + (turned.w - 1) / 2, turned.y + (turned.h - 1) / 2)
    assert centre == pytest.approx((-105, 100))
    assert turned.angle == pytest.approx(90)


def test_an_arrows_whole_band_must_lie_inside() -> None:
    narrow = Arrow(p0=Point(x=0, y=3), p1=Point(x=20, y=3), width=7)
    wide = Arrow(p0=Point(x=0, y=3), p1=Point(x=20, y=3), width=9)
    assert arrow_inside(narrow, 50, 50)
    assert not arrow_inside(wide, 50, 50)


@quick
@given(
    st.floats(30, 70), st.floats(30, 70), st.floats(0, 12), st.floats(0.8, 15), st.floats(-360, 360), st.floats(1, 360)
)
def test_a_ring_is_every_centre_between_its_radii_within_its_sweep(
    cx: float, cy: float, inner: float, wide: float, start: float, sweep: float
) -> None:
    picture = pixels(Ring(cx=cx, cy=cy, inner=inner, outer=inner + wide, start=start, sweep=sweep))
    assert picture is not None
    rows, columns = np.mgrid[:120, :160]
    distance = np.hypot(columns - cx, rows - cy)
    around = (np.degrees(np.arctan2(rows - cy, columns - cx)) - start) % 360
    # How far a pixel lies from the two straight ends, along the circle through it.
    from_ends = np.minimum(np.minimum(around, 360 - around), np.abs(around - sweep)) * np.radians(1) * distance
    sure = (np.abs(distance - inner) > 1e-5) & (np.abs(distance - inner - wide) > 1e-5)
    sure &= (from_ends > 1e-5) | (sweep == 360)
    expected = (distance > inner) & (distance < inner + wide) & ((around < sweep) | (sweep == 360))
    assert np.array_equal(picture[sure], expected[sure])


def test_a_whole_ring_and_its_hole_are_a_disc() -> None:
    ring, hole, disc = (
        pixels(region)
        for region in (
            Ring(cx=80, cy=60, inner=10.42, outer=30),
            Circle(cx=80, cy=60, r=10.41),
            Circle(cx=80, cy=60, r=30),
        )
    )
    assert ring is not None
    assert hole is not None
    assert disc is not None
    assert not (ring & hole).any()
    assert np.array_equal(ring | hole, disc)


def test_the_parts_of_a_ring_are_the_ring() -> None:
    parts = [pixels(Ring(cx=80.3, cy=60.7, inner=10, outer=30, start=20 + 90 * k, sweep=90)) for k in range(4)]
    whole = pixels(Ring(cx=80.3, cy=60.7, inner=10, outer=30))
    assert whole is not None
    assert np.array_equal(sum(part.astype(int) for part in parts if part is not None), whole)


corner = st.tuples(st.integers(5, 150), st.integers(5, 110))


@quick
@given(st.lists(corner, min_size=3, max_size=9))
def test_a_polygon_is_what_its_outline_goes_round_oddly(points: list[tuple[int, int]]) -> None:
    # Off the pixel centres, so that no centre lies on an edge.
    places = tuple((x + 0.37, y + 0.43) for x, y in points)
    picture = pixels(Polygon(points=places))
    assert picture is not None
    columns, rows = np.meshgrid(np.arange(160.0), np.arange(120.0))
    odd, sure = np.zeros((120, 160), bool), np.ones((120, 160), bool)
    for (xa, ya), (xb, yb) in zip(places, places[1:] + places[:1], strict=True):
        if ya != yb:
            passed = (ya > rows) != (yb > rows)
            beyond = columns - xa - (rows - ya) * (xb - xa) / (yb - ya)
            odd ^= passed & (beyond > 0)
            sure &= ~passed | (np.abs(beyond) > 1e-5)
    assert np.array_equal(picture[sure], odd[sure])


def test_a_polygon_of_pixel_centres_covers_as_a_rectangle_does() -> None:
    polygon, rectangle = (
        pixels(Polygon(points=((10, 20), (40, 20), (40, 25), (10, 25)))),
        pixels(Rect(x=10, y=20, w=30, h=5)),
    )
    assert polygon is not None
    assert rectangle is not None
    # Half open like a rectangle: what lies side by side shares no pixel.
    assert np.array_equal(polygon, rectangle)


def test_a_crossed_outline_leaves_its_middle_out() -> None:
    star = [(80 + 50 * math.sin(math.radians(144 * k)), 60 - 50 * math.cos(math.radians(144 * k))) for k in range(5)]
    picture = pixels(Polygon(points=tuple(star)))
    assert picture is not None
    assert not picture[60, 80]
    assert picture[20, 80]


def test_a_polygon_turned_and_moved_is_that_of_its_corners() -> None:
    region = Polygon(points=((60, 40), (100, 45), (90, 80), (55, 70)))
    pose = Pose.carry((70, 60), (75, 55), 30)
    turned = moved(region, pose)
    assert turned.points == tuple(pose.apply(x, y) for x, y in region.points)
    before, after = pixels(region), pixels(turned)
    assert before is not None
    assert after is not None
    assert abs(int(before.sum()) - int(after.sum())) < 40


@pytest.mark.parametrize("exclude", [Circle(cx=80, cy=60, r=7), Rect(x=70, y=50, w=9, h=9, angle=20)])
@pytest.mark.parametrize(
    "region",
    [
        Rect(x=40, y=30, w=80, h=60),
        Circle(cx=80, cy=60, r=30),
        Ring(cx=80, cy=60, inner=4, outer=30),
        Polygon(points=((40, 30), (120, 35), (90, 90))),
    ],
)
def test_what_is_left_out_does_not_belong_to_the_region(region: Any, exclude: Any) -> None:
    found = window(region, 120, 160, Buffers(), "test", [exclude])
    whole, hole = pixels(region), pixels(exclude)
    assert found is not None
    assert found.mask is not None
    assert whole is not None
    assert hole is not None
    picture = np.zeros((120, 160), bool)
    found.of(picture)[...] = found.mask > 0
    assert np.array_equal(picture, whole & ~hole)
    assert found.area == picture.sum()
    assert found.coverage == 1


@quick
@given(st.integers(-40, 150), st.integers(-40, 110), st.integers(5, 60), st.integers(5, 60))
def test_coverage_is_the_share_of_the_pixels_inside(x: int, y: int, w: int, h: int) -> None:
    found = window(Rect(x=x, y=y, w=w, h=h), 120, 160, Buffers(), "test", (), 0.0)
    inside = max(0, min(x + w, 160) - max(x, 0)) * max(0, min(y + h, 120) - max(y, 0))
    assert (0 if found is None else found.area) == inside
    assert found is None or found.coverage == pytest.approx(inside / (w * h))


@pytest.mark.parametrize("exclude", [(), (Circle(cx=0, cy=60, r=10),)])
def test_half_a_disc_covers_half(exclude: tuple[Circle, ...]) -> None:
    disc = Circle(cx=-0.5, cy=60, r=30)
    found = window(disc, 120, 160, Buffers(), "test", exclude, 0.3)
    assert found is not None
    assert found.coverage == pytest.approx(0.5, abs=0.02)
    assert found.x0 == 0
    assert window(disc, 120, 160, Buffers(), "test", exclude, 0.6) is None


def test_a_huge_region_is_counted_in_a_bounded_grid() -> None:
    found = window(Circle(cx=80, cy=60, r=5000), 120, 160, Buffers(), "test", (), 0.0)
    assert found is not None
    assert found.coverage == pytest.approx(120 * 160 / (math.pi * 5000**2), rel=0.01)


def covered(region: dict[str, Any], **more: Any) -> Any:
    """Return what an intensity tool says of a region in a picture of 160 x 120."""
    return look(plain(), {"type": "intensity", "region": region, **more}).tools[0]


def test_a_region_that_leaves_the_picture_is_outside_unless_less_is_enough() -> None:
    circle = {"shape": "circle", "cx": 0, "cy": 60, "r": 20}
    strict, easy, hard = covered(circle), covered(circle, min_coverage=0.4), covered(circle, min_coverage=0.6)
    assert (strict.status, strict.reason) == ("roi_outside", "roi_outside")
    assert (hard.status, hard.features) == ("roi_outside", {})
    assert easy.status == "ok"
    assert 0.5 < easy.features["coverage"] < 0.54


@pytest.mark.parametrize(("least", "verdict"), [(0.4, "ok"), (0.6, "nok")])
def test_coverage_can_have_a_limit(least: float, verdict: str) -> None:
    circle = {"shape": "circle", "cx": 0, "cy": 60, "r": 20}
    outcome = covered(circle, min_coverage=0.1, limits=[limit("coverage", least)])
    assert outcome.verdict == verdict


def test_a_whole_region_covers_itself() -> None:
    outcome = covered(rect(10, 10, 30, 30), limits=[limit("coverage", 1)])
    assert (outcome.verdict, outcome.features["coverage"]) == ("ok", 1)


def test_a_region_all_left_out_covers_no_pixel() -> None:
    outcome = covered(rect(10, 10, 30, 30), exclude=[rect(5, 5, 50, 50)])
    assert (outcome.status, outcome.reason) == ("roi_outside", "roi_empty")


def test_what_is_left_out_moves_with_the_region() -> None:
    picture = boxes((60, 0, 100, 120))
    locate = {
        "type": "locate",
        "region": arrow((20, 60), (120, 60), 9),
        "params": {"reference": {"x": 39.5, "y": 60}, "apply_transform": True},
    }
    picture[50:70, 90:110] = 255
    tool = {"type": "intensity", "region": rect(55, 35, 50, 50), "exclude": [rect(70, 50, 20, 20)]}
    assert measured(picture, locate, tool)["max"] == 180


@pytest.mark.parametrize(
    "region",
    [
        {"shape": "ring", "cx": 80, "cy": 60, "inner": 10, "outer": 25, "start": 30, "sweep": 200},
        {"shape": "polygon", "points": [[60, 40], [110, 50], [90, 90]]},
    ],
)
def test_a_tool_measures_in_rings_and_polygons(region: dict[str, Any], rng: np.random.Generator) -> None:
    picture = rng.integers(0, 255, (120, 160)).astype(np.uint8)
    own = pixels(Ring(**region) if region["shape"] == "ring" else Polygon(points=tuple(map(tuple, region["points"]))))
    assert own is not None
    features = measured(picture, {"type": "intensity", "region": region})
    assert features["mean"] == pytest.approx(picture[own].mean())
    assert features["area"] == own.sum()


def test_a_sector_holds_its_own_centre() -> None:
    for start in (0, 38.5, 90, 261):
        picture = pixels(Ring(cx=80, cy=60, inner=0, outer=20, start=start, sweep=45))
        assert picture is not None
        assert picture[60, 80]


def test_a_mask_of_a_large_picture_costs_no_more_than_a_few_passes_over_it() -> None:
    """Where rows enter and leave a shape is computed, not asked of every pixel."""
    x, y = np.arange(2000.0), np.arange(1500.0)
    shapes = [
        Rect(x=400, y=300, w=900, h=700, angle=30),
        Ellipse(cx=1000, cy=700, rx=800, ry=500, angle=20),
        Polygon(points=tuple((1000 + 600 * math.cos(k), 700 + 600 * math.sin(k)) for k in range(40))),
    ]

    def spent(act: Any) -> float:
        begun = process_time()
        act()
        return process_time() - begun

    root = min(spent(lambda: np.sqrt(x**2 + y[:, None] ** 2)) for _ in range(3))
    for shape in shapes:
        assert min(spent(lambda shape=shape: holds(shape, x, y)) for _ in range(3)) < 4 * root
