"""golden: parts compared with the mean and spread of good ones, against planted defects."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from skimage import data

from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.render import Layer, disc, render_pattern
from analyticlens.bench.accuracy.rows_golden import part
from analyticlens.engine import Prepared, RecipeRefused, inspect, prepare
from analyticlens.engine.pattern.frame import frame_of, inverse
from analyticlens.engine.pattern.noise import noise_of
from analyticlens.engine.pattern.teach import teach_match
from analyticlens.engine.pattern.teach_golden import teach_golden
from analyticlens.engine.pose import Pose
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.records import ToolOutcome
from analyticlens.protocol.regions import Circle, Polygon, Rect
from analyticlens.protocol.strict import plain
from tests.engine.drawing import Picture, colour

SIZE = (240, 200)
REGION = Rect(x=25, y=25, w=190, h=150)
PART = part(np.random.default_rng(7))


def drawn(
    rng: np.random.Generator,
    x: float = 120.0,
    y: float = 100.0,
    angle: float = 0.0,
    *,
    spot: tuple[float, float, float, float] | None = None,
    snr: float = 40,
    bits: int = 8,
    gain: float = 1.0,
    offset: float = 0.0,
) -> Picture:
    """Return a picture (200, 240) of the part with its middle at (x, y); `spot` is a place on it, a radius and levels more."""
    exact = render_pattern(PART, SIZE, x=x, y=y, angle_deg=angle)
    if spot is not None:
        at_x, at_y, radius, levels = spot
        exact = exact + levels * render_pattern(
            [Layer(disc(at_x, at_y, radius), 1.0)], SIZE, x=x, y=y, angle_deg=angle, ground=0.0
        )
    return expose(exact * gain + offset, rng, snr=snr, bits=bits)


def taught(rng: np.random.Generator, goods: int = 3, region: Any = REGION, bits: int = 8, **params: Any) -> Prepared:
    pictures = [drawn(rng, bits=bits)]
    pictures += [drawn(rng, *np.add(rng.uniform(-0.3, 0.3, 2), (120, 100)), bits=bits) for _ in range(goods - 1)]
    tool, blobs = teach_golden(pictures, region, **params)
    return prepare(Recipe(tools=(tool,)), blobs)


def looked(picture: Picture, prepared: Prepared) -> ToolOutcome:
    return inspect(picture, prepared).tools[0]


@pytest.mark.parametrize("goods", [1, 4])
def test_good_parts_have_no_defect_wherever_they_lie(rng: np.random.Generator, goods: int) -> None:
    prepared = taught(rng, goods)
    for _ in range(8):
        dx, dy = rng.uniform(-1, 1, 2)
        found = looked(drawn(rng, 120 + dx, 100 + dy, rng.uniform(-0.3, 0.3)), prepared).features
        assert found["defect_count"] == 0, found
        assert found["defect_area"] == 0
        assert (found["offset_x"], found["offset_y"]) == pytest.approx((dx, dy), abs=0.05)


@pytest.mark.parametrize(("radius", "levels"), [(1.0, 120.0), (1.5, -60.0), (2.5, 30.0), (4.0, -15.0)])
def test_planted_defects_are_found_where_they_are(rng: np.random.Generator, radius: float, levels: float) -> None:
    prepared = taught(rng)
    for _ in range(4):
        at = rng.uniform(-60, 60), rng.uniform(-45, 45)
        inspection = inspect(drawn(rng, 120.4, 99.7, spot=(*at, radius, levels)), prepared)
        assert inspection.tools[0].features["defect_count"] >= 1, at
        outlines = [shape.shape for shape in inspection.overlay if shape.role == "found"]
        places = [np.mean(shape.points, axis=0) for shape in outlines if isinstance(shape, Polygon)]
        assert min(math.hypot(x - 120.4 - at[0], y - 99.7 - at[1]) for x, y in places) < radius + 1


def test_area_and_the_largest_are_told(rng: np.random.Generator) -> None:
    found = looked(drawn(rng, spot=(-20, 10, 6, 70)), taught(rng)).features
    assert found["defect_area"] >= found["largest_defect"] > math.pi * 5**2
    assert found["largest_defect"] < math.pi * 8.5**2
    assert found["peak_z"] > 8


def test_other_light_is_no_defect(rng: np.random.Generator) -> None:
    prepared = taught(rng)
    for gain, offset in ((0.8, 12), (1.15, -10), (1, 20)):
        found = looked(drawn(rng, 120.3, 100.2, gain=gain, offset=offset), prepared).features
        assert found["defect_count"] == 0
        assert found["gain"] == pytest.approx(gain, abs=0.02)


def test_noise_is_no_defect(rng: np.random.Generator) -> None:
    assert looked(drawn(rng, snr=12), taught(rng)).features["defect_count"] == 0


@pytest.mark.parametrize("goods", [2, 3, 10])
def test_a_noisier_picture_of_a_good_part_is_good_and_defects_are_still_found(
    rng: np.random.Generator, goods: int
) -> None:
    prepared = taught(rng, goods)
    places = [(118.8, 99.9, 0.14), (121.1, 100.6, -0.5), (119.4, 101.0, 0.7)]
    for snr in (30, 20, 15, 10):
        for at in places:
            found = looked(drawn(rng, *at, snr=snr), prepared).features
            assert found["defect_count"] == 0, (snr, at, found)
            assert found["peak_z"] < 6.5
        assert looked(drawn(rng, *places[0], snr=snr, spot=(20, -9, 3.0, 50)), prepared).features["defect_count"]


def test_what_varies_among_good_parts_is_allowed(rng: np.random.Generator) -> None:
    spot = (10.0, -12.0, 5.0)
    goods = [drawn(rng, spot=(*spot, levels)) for levels in (-40.0, -25, -10, 10, 25, 40, 0, 30)]
    tool, blobs = teach_golden(goods, REGION)
    prepared = prepare(Recipe(tools=(tool,)), blobs)
    assert looked(drawn(rng, spot=(*spot, 35.0)), prepared).features["defect_count"] == 0
    assert looked(drawn(rng, spot=(-40.0, 30.0, 5.0, 35.0)), prepared).features["defect_count"] >= 1


def test_a_part_too_far_off_is_not_compared(rng: np.random.Generator) -> None:
    prepared = taught(rng, max_shift=2)
    assert looked(drawn(rng, 121.6, 100), prepared).status == "ok"
    outcome = looked(drawn(rng, 125, 100), prepared)
    assert (outcome.status, outcome.features) == ("not_found", {})
    assert looked(drawn(rng, 120, 100, 2.5), prepared).status == "not_found"


def test_sixteen_bits_and_colour(rng: np.random.Generator) -> None:
    deep = taught(rng, bits=16)
    assert looked(drawn(rng, 120.4, 100, bits=16), deep).features["defect_count"] == 0
    assert looked(drawn(rng, spot=(0, 0, 3, 50), bits=16), deep).features["defect_count"] >= 1
    assert looked(colour(drawn(rng, 120.4, 100)), taught(rng)).features["defect_count"] == 0


def test_it_follows_a_datum_turned_and_between_pixels(rng: np.random.Generator) -> None:
    good = drawn(rng)
    match, blobs = teach_match(good, Rect(x=60, y=50, w=80, h=70), angle_min=-30, angle_max=30, apply_transform=True)
    golden, more = teach_golden([good], Rect(x=70, y=60, w=90, h=70), id=2)
    prepared = prepare(Recipe(tools=(match, golden)), blobs | more)
    for angle, at in ((11.0, (123.4, 97.3)), (-20.0, (117.8, 101.6))):
        whole = inspect(drawn(rng, *at, angle), prepared).tools[1]
        assert whole.status == "ok"
        assert whole.features["defect_count"] == 0, whole.features
        assert math.hypot(whole.features["offset_x"], whole.features["offset_y"]) < 0.1
        hurt = inspect(drawn(rng, *at, angle, spot=(-10, -5, 3, 60)), prepared).tools[1]
        assert hurt.features["defect_count"] >= 1


@pytest.mark.parametrize(
    "region",
    [
        Rect(x=50, y=50, w=120, h=80, angle=25),
        Circle(cx=118.4, cy=97.7, r=55),
        Polygon(points=((40, 60), (190, 50), (180, 150), (60, 140))),
        None,
    ],
)
def test_regions_of_any_shape(rng: np.random.Generator, region: Any) -> None:
    prepared = taught(rng, 2, region)
    assert looked(drawn(rng, 120.6, 99.6), prepared).features["defect_count"] == 0
    assert looked(drawn(rng, 120.6, 99.6, spot=(0, 0, 3, 60)), prepared).features["defect_count"] >= 1


def test_outside_its_region_nothing_is_a_defect(rng: np.random.Generator) -> None:
    prepared = taught(rng, 2, Circle(cx=120, cy=100, r=40))
    assert looked(drawn(rng, spot=(45, 0, 3, 60)), prepared).features["defect_count"] == 0
    hole = taught(rng, 2, exclude=[Circle(cx=120, cy=100, r=12)])
    assert looked(drawn(rng, spot=(0, 0, 4, 60)), hole).features["defect_count"] == 0


def test_a_blank_surface_is_compared_where_it_lies(rng: np.random.Generator) -> None:
    def blank() -> Picture:
        return np.clip(np.rint(rng.normal(120, 2, (120, 160))), 0, 255).astype(np.uint8)

    tool, blobs = teach_golden([blank(), blank()], Rect(x=20, y=20, w=120, h=80))
    prepared = prepare(Recipe(tools=(tool,)), blobs)
    found = looked(blank(), prepared).features
    assert (found["defect_count"], found["offset_x"], found["gain"]) == (0, 0, 1)
    scratched = blank()
    scratched[60:63, 60:80] += 25
    assert looked(scratched, prepared).features["defect_count"] == 1


@pytest.mark.parametrize("level", [0, 128, 255])
def test_something_else_is_never_good(rng: np.random.Generator, level: int) -> None:
    outcome = looked(np.full((200, 240), level, np.uint8), taught(rng))
    assert outcome.status != "ok" or outcome.features["defect_count"] > 0


def test_bad_recipes_are_refused_in_words(rng: np.random.Generator) -> None:
    tool, blobs = teach_golden([drawn(rng)], REGION)
    with pytest.raises(RecipeRefused, match="not here"):
        prepare(Recipe(tools=(tool,)), {})
    other = tool.model_copy(update={"region": Rect(x=0, y=0, w=50, h=50)})
    with pytest.raises(RecipeRefused, match="teach it again"):
        prepare(Recipe(tools=(other,)), blobs)
    nothing = {"tools": [{"id": 1, "name": "golden", "type": "golden"}]}
    with pytest.raises(RecipeRefused, match="taught"):
        prepare(Recipe.model_validate(nothing), blobs)


def test_what_cannot_be_taught_is_refused_in_words(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="no picture"):
        teach_golden([])
    with pytest.raises(ValueError, match="differ"):
        teach_golden([drawn(rng), drawn(rng)[:100]])
    with pytest.raises(ValueError, match="inside"):
        teach_golden([drawn(rng)], Rect(x=100, y=100, w=190, h=150))
    with pytest.raises(ValueError, match="picture 2"):
        teach_golden([drawn(rng), drawn(rng, 140, 80)], REGION)


def test_a_whole_picture_of_another_size_is_an_error(rng: np.random.Generator) -> None:
    outcome = looked(drawn(rng)[:150].copy(), taught(rng, 1, None))
    assert outcome.status == "error"
    assert "240x200" in outcome.message


def test_the_same_picture_gives_the_same_numbers(rng: np.random.Generator) -> None:
    prepared, picture = taught(rng), drawn(rng, 120.3, 100.4, spot=(5, 5, 3, 50))
    once = looked(picture, prepared).features
    inspect(drawn(rng), prepared)
    assert looked(picture, prepared).features == once


def test_the_noise_of_one_picture_is_told(rng: np.random.Generator) -> None:
    for sigma in (1.0, 3.0, 8.0):
        picture = render_pattern(PART, SIZE, x=120, y=100) + rng.normal(0, sigma, (SIZE[1], SIZE[0]))
        assert noise_of(picture.astype(np.float32)) == pytest.approx(sigma, rel=0.15)


def test_a_frame_brings_its_pixels_into_the_picture() -> None:
    frame = frame_of(Rect(x=50, y=60, w=40, h=20, angle=90))
    assert frame.pose.apply(*frame.centre) == pytest.approx((69.5, 69.5))
    assert frame.pose.apply(0, 0) == pytest.approx((79, 50))
    assert inverse(frame.pose).apply(79, 50) == pytest.approx((0, 0))
    assert frame.pose.then(inverse(frame.pose)) == pytest.approx(Pose())
    assert frame.mask is None
    assert plain(Rect(x=0, y=0, w=1, h=1))["shape"] == "rect"


@pytest.mark.parametrize("count", [1, 5])
def test_a_sharp_part_a_quarter_of_a_pixel_off_is_good(count: int, rng: np.random.Generator) -> None:
    """Edges without blur cannot be sampled between pixels: what they look like there is no defect."""
    large: Picture = data.brick()  # type: ignore[no-untyped-call]

    def seen() -> Picture:
        down, across = rng.integers(-1, 2, 2).tolist()
        own = np.roll(large, (down, across), (0, 1)).reshape(128, 4, 128, 4).mean(axis=(1, 3))
        noisy: Picture = np.clip(np.rint(own + rng.normal(0, 2, own.shape)), 0, 255).astype(np.uint8)
        return noisy

    tool, blobs = teach_golden([seen() for _ in range(count)], Rect(x=12, y=12, w=104, h=104))
    judged = {**plain(tool), "limits": [{"feature": "defect_count", "max": 0}]}
    prepared = prepare(Recipe.model_validate({"tools": [judged]}), blobs)
    verdicts = [inspect(seen(), prepared).verdict for _ in range(12)]
    assert verdicts.count("ok") >= 11
    found = 0
    for _ in range(8):
        spotted = seen()
        x, y = rng.integers(25, 100, 2).tolist()
        spotted[y - 1 : y + 2, x - 1 : x + 2] = np.where(spotted[y, x] > 128, 40, 215)
        found += inspect(spotted, prepared).verdict == "nok"
    assert found == 8
