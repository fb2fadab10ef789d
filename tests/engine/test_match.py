"""match: a taught picture found again by place, angle and size, against drawn truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from analyticlens.bench.accuracy import rows_match
from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.render import Layer, half_plane, render_pattern
from analyticlens.bench.accuracy.rows_match import clutter, pattern
from analyticlens.engine import Prepared, RecipeRefused, inspect, prepare
from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.pattern.teach import teach_match
from analyticlens.protocol.overlay import Cross
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.records import ToolOutcome
from analyticlens.protocol.regions import Circle, Polygon, Rect
from analyticlens.protocol.seedrows import row_from_tool, tool_from_row
from analyticlens.protocol.strict import plain
from tests.engine.drawing import Picture, colour
from tests.engine.drawing import half_plane as edge
from tests.timing import within

SIZE = (240, 200)
PLACE = Rect(x=44, y=32, w=73, h=57)
MARKS = pattern(np.random.default_rng(11))


def drawn(
    x: float,
    y: float,
    angle: float = 0.0,
    scale: float = 1.0,
    *,
    rng: np.random.Generator,
    snr: float | None = 40,
    bits: int = 8,
    over: list[Layer] | None = None,
    crowd: bool = False,
    shading: float = 0.0,
) -> Picture:
    """Return a picture (200, 240) of the marks with their middle at (x, y)."""
    around = clutter(rng, SIZE) if crowd else []
    layers = [*MARKS, *(over or [])]
    exact = render_pattern(layers, SIZE, x=x, y=y, angle_deg=angle, scale=scale, clutter=around)
    return expose(exact, rng, snr=snr, bits=bits, shading=shading)


def taught(rng: np.random.Generator, bits: int = 8, **params: Any) -> Prepared:
    """Return a recipe of a match tool taught where the marks' middle is (80, 60)."""
    tool, blobs = teach_match(drawn(80, 60, rng=rng, snr=100, bits=bits), PLACE, **params)
    return prepare(Recipe(tools=(tool,)), blobs)


def looked(picture: Picture, prepared: Prepared) -> ToolOutcome:
    return inspect(picture, prepared).tools[0]


def near(found: dict[str, float], x: float, y: float, within: float = 0.05) -> bool:
    return math.hypot(found["x"] - x, found["y"] - y) < within


def test_a_shifted_part_is_found_to_a_hundredth_of_a_pixel(rng: np.random.Generator) -> None:
    prepared = taught(rng, angle_min=0, angle_max=0)
    wrong = []
    for _ in range(12):
        x, y = rng.uniform(70, 170), rng.uniform(60, 140)
        found = looked(drawn(x, y, rng=rng), prepared).features
        wrong += [found["x"] - x, found["y"] - y]
        assert found["angle_deg"] == 0
        assert found["scale"] == 1
    assert np.std(wrong) < 0.012
    assert abs(np.mean(wrong)) < 0.01


@pytest.mark.parametrize(("low", "high"), [(-15, 15), (-180, 180), (20, 90)])
def test_a_turned_part_is_found_with_its_angle(rng: np.random.Generator, low: float, high: float) -> None:
    prepared = taught(rng, angle_min=low, angle_max=high)
    for _ in range(5):
        x, y, angle = rng.uniform(80, 160), rng.uniform(70, 130), rng.uniform(low, high)
        found = looked(drawn(x, y, angle, rng=rng, crowd=True), prepared).features
        assert near(found, x, y)
        assert math.remainder(found["angle_deg"] - angle, 360) == pytest.approx(0, abs=0.06)
        assert found["score"] > 0.9


def test_size_is_searched_where_it_is_asked(rng: np.random.Generator) -> None:
    prepared = taught(rng, angle_min=-20, angle_max=20, scale_min=0.85, scale_max=1.15)
    for scale in (0.86, 0.97, 1.13):
        found = looked(drawn(120.3, 100.4, 7, scale, rng=rng), prepared).features
        assert near(found, 120.3, 100.4)
        assert found["scale"] == pytest.approx(scale, abs=0.002)


def test_sigma_is_what_places_spread_by(rng: np.random.Generator) -> None:
    prepared = taught(rng, angle_min=-5, angle_max=5)
    wrong, sigmas = [], []
    for _ in range(25):
        found = looked(drawn(120.2, 99.7, 2, rng=rng, snr=15), prepared).features
        wrong += [found["x"] - 120.2, found["y"] - 99.7]
        sigmas.append(found["sigma"])
    assert 0.5 < np.std(wrong) / np.mean(sigmas) < 2
    assert found["angle_deg_sigma"] > 0


def test_light_may_change_even_across_the_template(rng: np.random.Generator) -> None:
    prepared = taught(rng)
    for _ in range(4):
        found = looked(drawn(110.4, 95.6, 5, rng=rng, shading=0.3), prepared).features
        assert near(found, 110.4, 95.6)
        dim = (drawn(110.4, 95.6, 5, rng=rng) * 0.4 + 20).astype(np.uint8)
        assert near(looked(dim, prepared).features, 110.4, 95.6)


def test_a_covered_part_is_found_and_says_so(rng: np.random.Generator) -> None:
    prepared = taught(rng, min_score=0.6)
    for angle in (0, 90, 180, 270):
        side = 73 if angle % 180 == 0 else 57
        far = 0.27 * side * math.cos(math.radians(angle)), 0.27 * side * math.sin(math.radians(angle))
        cover = Layer(half_plane(-far[0], -far[1], angle), 200.0)
        found = looked(drawn(120.3, 100.2, 4, rng=rng, over=[cover]), prepared).features
        assert near(found, 120.3, 100.2, 0.1)
        assert 0.5 < found["visible"] < 0.95
        assert found["score"] < 0.9


def plate(covered: float = 0.0, light: int = 0, side: int = 1) -> Picture:
    """Return a bright plate of 90 x 60 px about (140, 110) on dark, holes in it, a share of 105 px covered from one end."""
    fine, exact = 8, np.full((220 * 8, 280 * 8), 60, np.uint8)

    def area(cx: float, cy: float, w: float, h: float, angle: float, grey: int) -> None:
        corners = cv2.boxPoints((((cx + 0.5) * fine, (cy + 0.5) * fine), (w * fine, h * fine), angle))
        cv2.fillPoly(exact, [np.rint(corners).astype(np.int32)], grey)

    area(140, 110, 90, 60, 0, 180)
    cv2.circle(exact, (int(115.5 * fine), int(100.5 * fine)), 9 * fine, 60, -1)
    area(160, 122, 30, 10, 15, 60)
    area(165, 92, 8, 12, 0, 60)
    image = cv2.GaussianBlur(cv2.resize(exact, (280, 220), interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    if covered:
        width = 7.5 + 105 * covered
        ends = sorted((140 + side * (60 - width), 140 + side * 60))
        image[65:156, round(ends[0]) : round(ends[1])] = light
    noise = np.random.default_rng(3).normal(0, 2, image.shape)
    return np.asarray(np.clip(np.rint(cv2.GaussianBlur(image, (0, 0), 0.3) + noise), 0, 255), np.uint8)


@pytest.mark.parametrize("light", [0, 120, 220, 250])
def test_what_covers_a_part_may_be_brighter_than_all_of_it(light: int) -> None:
    tool, blobs = teach_match(plate(), Rect(x=88, y=73, w=105, h=75), angle_min=-15, angle_max=15, min_score=0.6)
    prepared = prepare(Recipe(tools=(tool,)), blobs)
    for covered in (0.1, 0.15, 0.2, 0.25):
        for side in (-1, 1):
            found = looked(plate(covered, light, side), prepared).features
            assert near(found, 140, 110, 0.05)
            assert found["visible"] < 1.05 - covered


def test_what_is_not_there_is_not_found_and_has_no_place(rng: np.random.Generator) -> None:
    prepared = taught(rng, angle_min=-180, angle_max=180)
    for number in range(6):
        other = pattern(np.random.default_rng(100 + number))
        picture = expose(render_pattern(other, SIZE, x=120, y=100, clutter=clutter(rng, SIZE)), rng, snr=40)
        outcome = looked(picture, prepared)
        assert (outcome.status, outcome.features) == ("not_found", {"count": 0})


@pytest.mark.parametrize("kind", ["noise", "flat", "saturated", "half black"])
def test_empty_pictures_hold_nothing(rng: np.random.Generator, kind: str) -> None:
    pictures = {
        "noise": rng.integers(0, 256, (200, 240)).astype(np.uint8),
        "flat": np.full((200, 240), 80, np.uint8),
        "saturated": np.full((200, 240), 255, np.uint8),
        "half black": np.repeat(np.where(np.arange(240) < 120, 0, 255).astype(np.uint8)[None], 200, axis=0),
    }
    assert looked(pictures[kind], taught(rng, angle_min=-180, angle_max=180)).status == "not_found"


def test_a_picture_smaller_than_the_template_holds_nothing(rng: np.random.Generator) -> None:
    prepared = taught(rng)
    for shape in ((1, 1), (8, 300), (56, 72), (60, 60)):
        assert looked(rng.integers(0, 256, shape).astype(np.uint8), prepared).status == "not_found"


def several(places: Sequence[tuple[float, float, float]], rng: np.random.Generator) -> Picture:
    """Return a picture (300, 400) with the marks at each of the places x, y, angle."""
    picture = np.full((300, 400), 60.0)
    for x, y, angle in places:
        one = render_pattern(MARKS, (400, 300), x=x, y=y, angle_deg=angle)
        picture = np.maximum(picture, one)
    return expose(picture, rng, snr=40)


def test_several_instances_are_found_the_best_first(rng: np.random.Generator) -> None:
    places = [(80.3, 70.2, 3), (210.6, 90.4, -8), (320.2, 200.9, 12), (120.5, 220.5, 0)]
    tool, blobs = teach_match(drawn(80, 60, rng=rng, snr=100), PLACE, max_matches=10)
    prepared = prepare(Recipe(tools=(tool,)), blobs)
    inspection = inspect(several(places, rng), prepared)
    matches = inspection.details[1]["matches"]
    assert inspection.tools[0].features["count"] == 4
    assert [match["score"] for match in matches] == sorted((match["score"] for match in matches), reverse=True)
    for x, y, angle in places:
        (match,) = [m for m in matches if near(m, x, y)]
        assert match["angle_deg"] == pytest.approx(angle, abs=0.06)


def test_no_more_than_asked_are_found(rng: np.random.Generator) -> None:
    tool, blobs = teach_match(drawn(80, 60, rng=rng, snr=100), PLACE, max_matches=2)
    picture = several([(80, 70, 3), (210, 90, -8), (320, 200, 12)], rng)
    assert looked(picture, prepare(Recipe(tools=(tool,)), blobs)).features["count"] == 2


def test_polarity(rng: np.random.Generator) -> None:
    bright = drawn(120.3, 100.2, 4, rng=rng)
    dark = (240 - bright.astype(int)).clip(0, 255).astype(np.uint8)
    for polarity, sees in (("same", (True, False)), ("reversed", (False, True)), ("any", (True, True))):
        prepared = taught(rng, polarity=polarity)
        for picture, seen in zip((bright, dark), sees, strict=True):
            outcome = looked(picture, prepared)
            assert (outcome.status == "ok") == seen, polarity
            assert not seen or near(outcome.features, 120.3, 100.2)


@pytest.mark.parametrize("bits", [12, 16])
def test_deep_pictures_are_measured_in_their_own_levels(rng: np.random.Generator, bits: int) -> None:
    prepared = taught(rng, bits)
    found = looked(drawn(120.3, 100.2, 4, rng=rng, snr=200, bits=bits), prepared).features
    assert near(found, 120.3, 100.2, 0.02)


def test_colour_is_searched_by_its_luminance(rng: np.random.Generator) -> None:
    assert near(looked(colour(drawn(120.3, 100.2, 4, rng=rng)), taught(rng)).features, 120.3, 100.2)


def test_a_mask_leaves_out_what_differs(rng: np.random.Generator) -> None:
    mask = np.full((57, 73), 255, np.uint8)
    mask[:, :30] = 0
    cover = Layer(half_plane(-10, 0, 0), 180.0)
    tool, blobs = teach_match(drawn(80, 60, rng=rng, snr=100), PLACE, mask)
    found = looked(drawn(120.3, 100.2, rng=rng, over=[cover]), prepare(Recipe(tools=(tool,)), blobs)).features
    assert near(found, 120.3, 100.2)
    assert found["score"] > 0.9


def test_a_round_region_teaches_its_own_mask(rng: np.random.Generator) -> None:
    tool, blobs = teach_match(drawn(80, 60, rng=rng, snr=100), Circle(cx=80, cy=60, r=27))
    assert tool.params.mask is not None
    assert tool.blobs == (tool.params.template, tool.params.mask)
    assert near(looked(drawn(120.3, 100.2, rng=rng), prepare(Recipe(tools=(tool,)), blobs)).features, 120.3, 100.2)


def test_only_the_region_is_searched(rng: np.random.Generator) -> None:
    picture = drawn(80.4, 70.3, rng=rng)
    for place, seen in (((30, 30, 100, 90), True), ((100, 80, 130, 110), False), ((48, 46, 60, 60), False)):
        x, y, w, h = place
        prepared = taught(rng, search=Rect(x=x, y=y, w=w, h=h))
        assert (looked(picture, prepared).status == "ok") == seen, place


def test_at_the_pictures_border_only_whole_parts_are_found(rng: np.random.Generator) -> None:
    prepared = taught(rng, angle_min=0, angle_max=0)
    assert near(looked(drawn(36.3, 28.4, rng=rng), prepared).features, 36.3, 28.4)
    assert looked(drawn(25, 60, rng=rng), prepared).status == "not_found"


def test_offsets_are_measured_from_the_reference(rng: np.random.Generator) -> None:
    found = looked(drawn(91.5, 53.25, 6, rng=rng), taught(rng)).features
    assert (found["offset_x"], found["offset_y"]) == pytest.approx((11.5, -6.75), abs=0.03)
    assert found["offset_angle_deg"] == pytest.approx(6, abs=0.06)
    assert looked(drawn(91.5, 53.25, 6, rng=rng), taught(rng, reference=None)).features["offset_x"] == 0


def test_the_origin_is_where_it_was_set(rng: np.random.Generator) -> None:
    # The lower right corner of the marks' own middle: 10 px right of the template's centre, 5 below.
    prepared = taught(rng, origin={"x": 46, "y": 33})
    found = looked(drawn(120.3, 100.2, 10, rng=rng), prepared).features
    c, s = math.cos(math.radians(10)), math.sin(math.radians(10))
    assert near(found, 120.3 + 10 * c - 5 * s, 100.2 + 10 * s + 5 * c)


@pytest.mark.parametrize("rotate", [True, False])
def test_later_regions_follow(rng: np.random.Generator, rotate: bool) -> None:
    tool, blobs = teach_match(drawn(80, 60, rng=rng, snr=100), PLACE, apply_transform=True, rotate=rotate)
    later = {"id": 2, "name": "later", "type": "intensity", "region": plain(Rect(x=90, y=55, w=11, h=11))}
    recipe = Recipe.model_validate({"tools": [plain(tool), later]})
    inspection = inspect(drawn(130, 100, 12, rng=rng), prepare(recipe, blobs))
    used = inspection.details[2]["ROI"]["rect"]
    angle = math.radians(12 if rotate else 0)
    x, y = 15 * math.cos(angle), 15 * math.sin(angle)
    assert (used["x"] + 5, used["y"] + 5) == pytest.approx((130 + x, 100 + y), abs=0.1)
    assert used.get("angle", 0) == pytest.approx(12 if rotate else 0, abs=0.1)


def test_a_match_may_follow_another(rng: np.random.Generator) -> None:
    """The second looks where the first has brought its region, turned with it, in a narrow range of its own."""
    good = drawn(80, 60, rng=rng, snr=100)
    first, blobs = teach_match(good, PLACE, angle_min=-60, angle_max=60, apply_transform=True)
    second, more = teach_match(
        good,
        Rect(x=50, y=40, w=30, h=36),
        id=2,
        name="part",
        search=Rect(x=42, y=32, w=46, h=52),
        angle_min=-2,
        angle_max=2,
    )
    prepared = prepare(Recipe(tools=(first, second)), blobs | more)
    for angle in (0.0, 33.0, -48.0):
        found = inspect(drawn(130.2, 99.6, angle, rng=rng), prepared).tools[1]
        assert found.status == "ok", angle
        assert math.hypot(found.features["offset_x"], found.features["offset_y"]) < 0.1
        assert found.features["offset_angle_deg"] == pytest.approx(0, abs=0.2)
        assert found.features["angle_deg"] == pytest.approx(angle, abs=0.2)


def test_each_instance_is_outlined(rng: np.random.Generator) -> None:
    inspection = inspect(drawn(120, 100, rng=rng), taught(rng))
    outline, cross = [shape.shape for shape in inspection.overlay if shape.role == "found"]
    assert isinstance(outline, Polygon)
    assert isinstance(cross, Cross)
    xs, ys = zip(*outline.points, strict=True)
    assert (min(xs), max(xs)) == pytest.approx((83.5, 156.5), abs=0.1)
    assert (min(ys), max(ys)) == pytest.approx((71.5, 128.5), abs=0.1)
    assert (cross.at.x, cross.at.y) == pytest.approx((120, 100), abs=0.1)


def test_the_same_picture_gives_the_same_numbers(rng: np.random.Generator) -> None:
    picture, prepared = drawn(120.3, 100.2, 9, rng=rng, crowd=True), taught(rng, angle_min=-180, angle_max=180)
    once = looked(picture, prepared).features
    assert looked(picture, prepared).features == once
    inspect(drawn(100, 90, 40, rng=rng), prepared)
    assert looked(picture, prepared).features == once


@pytest.mark.parametrize(
    ("picture", "params", "why"),
    [
        (np.full((60, 60), 100, np.uint8), {}, "nearly one grey"),
        (edge((30, 30), 20, shape=(60, 60)), {}, "along one direction"),
        (np.zeros((6, 60), np.uint8), {}, "8 to 4096"),
    ],
)
def test_a_template_without_structure_is_refused(picture: Picture, params: dict[str, Any], why: str) -> None:
    with pytest.raises(CannotBuild, match=why):
        teach_match(picture, **params)


def test_a_disc_has_no_angle() -> None:
    disc: Picture = np.full((61, 61), 60, np.uint8)
    cv2.circle(disc, (30, 30), 18, 180, -1)
    disc = cv2.GaussianBlur(disc, (0, 0), 1.0)
    with pytest.raises(CannotBuild, match="however it is turned"):
        teach_match(disc)
    tool, _ = teach_match(disc, angle_min=0, angle_max=0)
    assert tool.params.angle_max == 0


def test_noise_alone_is_no_structure(rng: np.random.Generator) -> None:
    noise = np.clip(np.rint(rng.normal(100, 3, (60, 60))), 0, 255).astype(np.uint8)
    with pytest.raises(CannotBuild):
        teach_match(noise)


def test_bad_recipes_are_refused_in_words(rng: np.random.Generator) -> None:
    tool, blobs = teach_match(drawn(80, 60, rng=rng), PLACE)
    with pytest.raises(RecipeRefused, match="not here"):
        prepare(Recipe(tools=(tool,)), {})
    with pytest.raises(RecipeRefused, match="damaged"):
        prepare(Recipe(tools=(tool,)), {name: data + b"x" for name, data in blobs.items()})
    long: Picture = np.clip(np.rint(rng.normal(100, 40, (16, 900))), 0, 255).astype(np.uint8)
    long = cv2.GaussianBlur(long, (0, 0), 1.5)
    with pytest.raises(CannotBuild, match="narrow their ranges"):
        teach_match(long, angle_min=-180, angle_max=180)


def test_what_could_take_too_long_is_refused(rng: np.random.Generator) -> None:
    tool, blobs = teach_match(
        drawn(80, 60, rng=rng), PLACE, angle_min=-180, angle_max=180, scale_min=0.5, scale_max=2.0
    )
    with pytest.raises(RecipeRefused, match="a tool has"):
        prepare(Recipe(tools=(tool,)), blobs, size=(3000, 4000))
    prepare(Recipe(tools=(tool.model_copy(update={"region": Rect(x=0, y=0, w=150, h=120)}),)), blobs, tool_ms=400)


def test_a_quarter_may_be_covered_whatever_covers_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of these are lost at the coarsest level and found by the second look, one level finer."""
    covered = next(condition for condition in rows_match.CONDITIONS if condition.occluded)

    def lost() -> int:
        return sum(next(rows_match.measured(covered, np.random.default_rng(seed), 5)).failures for seed in (3, 37))

    assert lost() == 0
    monkeypatch.setattr("analyticlens.engine.pattern.matcher.SECOND_MS", 0)
    assert lost() > 0


@pytest.mark.parametrize("params", [{"angle_min": -180, "angle_max": 180}, {"max_matches": 8}, {"angle_max": 60}])
def test_it_keeps_to_its_cost(rng: np.random.Generator, params: dict[str, Any]) -> None:
    """Counted in this process's own time, with a generous factor: other processes share caches with it."""
    tool, blobs = teach_match(drawn(80, 60, rng=rng, snr=100), PLACE, **params)
    recipe = Recipe(tools=(tool,))
    prepared = prepare(recipe, blobs, tool_ms=1e9)
    pictures = [
        drawn(120, 100, 5, rng=rng, crowd=True),
        rng.integers(0, 256, (200, 240)).astype(np.uint8),
        several([(80, 70, 3), (150, 130, -8)], rng)[:200, :240].copy(),
    ]
    bound = prepared.cost(prepared.steps[0], 200, 240)
    within(2 * bound * len(pictures), lambda: [inspect(picture, prepared) for picture in pictures])


def test_a_row_of_the_seed_is_a_match_tool(rng: np.random.Generator) -> None:
    tool, blobs = teach_match(drawn(80, 60, rng=rng, snr=100), PLACE)
    row: dict[str, Any] = {
        "name": "label",
        "tool_type": "custom",
        "method": "pattern_matching",
        "tool_config": {"template": tool.params.template, "angle_min": -30, "angle_max": 30},
        "roi_config": {},
        "inspec_pass_fail": True,
        "normalize": False,
        "order": 1,
        "id": 1,
    }
    from_row = tool_from_row(**row)
    assert from_row.type == "match"
    assert near(
        looked(drawn(120.3, 100.2, 25, rng=rng), prepare(Recipe(tools=(from_row,)), blobs)).features, 120.3, 100.2
    )
    again = tool_from_row(**row_from_tool(from_row), order=1, id=1)
    assert again == from_row


def test_a_template_told_by_its_rim_alone_is_refused(rng: np.random.Generator) -> None:
    picture = np.full((120, 120), 90, np.uint8)
    picture[70:, 40:] = 160
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.0), np.uint8)
    part = Rect(x=20, y=39, w=60, h=31)
    with pytest.raises(CannotBuild, match="at the very rim: teach more"):
        teach_match(picture, part, angle_min=0, angle_max=0)
    teach_match(picture, Rect(x=20, y=50, w=60, h=32), angle_min=0, angle_max=0)


@pytest.mark.parametrize(("left", "top", "dx", "dy"), [(18, 41, 2, 6), (32, 14, 10, 6), (65, 58, 6, 11)])
def test_among_bricks_that_look_alike_the_right_one_is_found(
    left: int, top: int, dx: int, dy: int, rng: np.random.Generator
) -> None:
    """Where the picture is halved the fine grain that tells them apart is gone."""
    bricks = np.asarray(data.brick(), np.float64)  # type: ignore[no-untyped-call]
    frames = [
        np.clip(np.rint(small + rng.normal(0, 2, small.shape)), 0, 255).astype(np.uint8)
        for small in (rows_match._quartered(bricks, *shift) for shift in ((0, 0), (dx, dy)))
    ]
    tool, blobs = teach_match(frames[0], Rect(x=left, y=top, w=40, h=32), angle_min=0, angle_max=0)
    found = inspect(frames[1], prepare(Recipe(tools=(tool,)), blobs)).tools[0].features
    assert (found["offset_x"], found["offset_y"]) == pytest.approx((-dx / 4, -dy / 4), abs=0.12)


def test_two_looks_find_each_instance_once(rng: np.random.Generator) -> None:
    picture = drawn(80, 60, rng=rng, snr=4)
    for most_overlap in (0.3, 1.0):
        prepared = taught(rng, max_matches=5, max_overlap=most_overlap, min_score=0.4)
        found = inspect(picture, prepared).details[1]["matches"]
        places = [(round(one["x"]), round(one["y"])) for one in found]
        assert len(set(places)) == len(places)
