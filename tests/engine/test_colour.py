"""colour: the mean in CIELAB, the nearest taught colour, the share near one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from skimage import color

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.regions import window
from analyticlens.engine.tools.colour import cost, teach_colour
from analyticlens.protocol.regions import Circle, Rect
from analyticlens.protocol.tools import ColourTool
from tests.engine.drawing import colour, limit, look, measured, plain, rect

difference: Any = color.deltaE_ciede2000
RED, GREEN, BLUE = (40, 40, 200), (60, 160, 50), (180, 70, 40)


def painted(*colours: tuple[int, int, int], noise: float = 0, rng: np.random.Generator | None = None) -> Any:
    """Return vertical stripes of 40 columns, one a colour (blue, green, red)."""
    picture = np.repeat(np.array(colours, float), 40, axis=0)[None].repeat(100, axis=0)
    if rng is not None:
        picture = picture + rng.normal(0, noise, picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def taught(**colours: tuple[int, int, int]) -> list[dict[str, Any]]:
    return [teach_colour(painted(bgr), name=name).model_dump() for name, bgr in colours.items()]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_mean_is_that_of_the_regions_pixels(dtype: Any, rng: np.random.Generator) -> None:
    full = int(np.iinfo(dtype).max)
    picture = rng.integers(full // 4, full // 2, (120, 160, 3)).astype(dtype)
    circle = {"shape": "circle", "cx": 70, "cy": 60, "r": 31.5}
    features = measured(picture, {"type": "colour", "region": circle})
    area = window(Circle(cx=70, cy=60, r=31.5), 120, 160, Buffers(), "test")
    assert area is not None
    assert area.mask is not None
    lab = color.rgb2lab(area.of(picture)[area.mask > 0][:, ::-1] / full)
    mean = lab.mean(axis=0)
    assert [features[name] for name in "lab"] == pytest.approx(mean, abs=0.02)
    assert features["spread"] == pytest.approx(np.sqrt(((lab - mean) ** 2).sum(axis=1).mean()), rel=1e-3)
    assert features["chroma"] == pytest.approx(np.hypot(mean[1], mean[2]), abs=0.02)
    assert features["area"] == area.area


@pytest.mark.parametrize(("bgr", "number"), [(RED, 1), (GREEN, 2), (BLUE, 3)])
def test_the_nearest_taught_colour_is_told_by_its_number(
    bgr: tuple[int, int, int], number: int, rng: np.random.Generator
) -> None:
    params = {"colours": taught(red=RED, green=GREEN, blue=BLUE)}
    features = measured(painted(bgr, noise=5, rng=rng), {"type": "colour", "params": params})
    assert features["nearest"] == number
    assert features["delta_e"] < 1
    assert features["margin"] > 30
    assert features["share"] > 0.8


def test_differences_and_margin_are_ciede2000() -> None:
    params = {"colours": taught(red=RED, green=GREEN), "expected": 2}
    features = measured(painted((45, 50, 190)), {"type": "colour", "params": params})
    own = color.rgb2lab(np.array([[190, 50, 45]]) / 255)[0]
    red, green = (difference(own, color.rgb2lab(np.array([bgr[::-1]]) / 255)[0]) for bgr in (RED, GREEN))
    assert features["delta_e"] == pytest.approx(red, abs=0.02)
    assert features["margin"] == pytest.approx(green - red, abs=0.04)
    assert features["delta_e_expected"] == pytest.approx(green, abs=0.02)
    assert features["share"] == 0


def test_the_share_is_of_the_expected_colour_within_its_tolerance(rng: np.random.Generator) -> None:
    picture = painted(RED, RED, GREEN, noise=4, rng=rng)
    params = {"colours": taught(red=RED, green=GREEN), "expected": 2, "tolerance": 6}
    features = measured(picture, {"type": "colour", "params": params})
    lab = color.rgb2lab(picture[:, :, ::-1])
    expected = difference(lab, np.broadcast_to(color.rgb2lab(np.array([GREEN[::-1]]) / 255)[0], lab.shape)) <= 6
    assert features["share"] == pytest.approx(expected.mean(), abs=1e-3)
    assert features["nearest"] == 1


def test_steps_look_at_fewer_pixels_and_see_the_same_colour(rng: np.random.Generator) -> None:
    picture = painted(RED, noise=5, rng=rng)
    fine, coarse = (measured(picture, {"type": "colour", "params": {"step": step}}) for step in (1, 4))
    assert [coarse[name] for name in "lab"] == pytest.approx([fine[name] for name in "lab"], abs=1)
    assert coarse["area"] == fine["area"]


def test_a_step_that_misses_a_small_region_looks_at_all_of_it() -> None:
    region = {"shape": "ring", "cx": 20, "cy": 20, "inner": 2.5, "outer": 3.4}
    features = measured(painted(RED), {"type": "colour", "region": region, "params": {"step": 16}})
    assert features["l"] > 0


def test_a_wrong_colour_is_bad_by_its_limit() -> None:
    params = {"colours": taught(red=RED)}
    tool = {"type": "colour", "params": params, "limits": [limit("delta_e", None, 5)]}
    assert look(painted(RED), tool).verdict == "ok"
    assert look(painted(GREEN), tool).verdict == "nok"


def test_one_taught_colour_has_no_margin() -> None:
    params = {"colours": taught(red=RED)}
    inspection = look(painted(RED), {"type": "colour", "params": params, "limits": [limit("margin", 3)]})
    assert (inspection.verdict, inspection.reason) == ("undecided", "value_missing")


def test_without_taught_colours_it_measures() -> None:
    features = measured(colour(plain(level=128)), {"type": "colour"})
    assert features["l"] == pytest.approx(53.585, abs=0.01)
    assert features["chroma"] < 0.01
    assert "hue_deg" not in features
    assert "nearest" not in features


def test_a_grey_picture_has_no_colour() -> None:
    inspection = look(plain(), {"type": "colour"})
    assert (inspection.verdict, inspection.reason) == ("error", "tool_error")


def test_teaching_takes_the_regions_mean() -> None:
    picture = painted(RED, GREEN)
    place = teach_colour(picture, Rect(x=45, y=10, w=20, h=20), name="verde")
    assert place.name == "verde"
    assert [place.l, place.a, place.b] == pytest.approx(color.rgb2lab(np.array([GREEN[::-1]]) / 255)[0], abs=0.02)


@pytest.mark.parametrize(
    ("picture", "region"), [(plain(), None), (painted(RED), Rect(x=100, y=0, w=90, h=9))], ids=["grey", "outside"]
)
def test_what_cannot_be_taught_is_refused(picture: Any, region: Any) -> None:
    with pytest.raises(ValueError, match=r"colour|region"):
        teach_colour(picture, region)


def test_an_expected_colour_must_be_taught() -> None:
    with pytest.raises(ValueError, match="no taught colour number 2"):
        ColourTool.model_validate({"id": 1, "name": "x", "params": {"colours": taught(red=RED), "expected": 2}})


def test_a_large_region_costs_less_by_steps() -> None:
    params = {"colours": taught(red=RED)}
    costs = [
        cost(ColourTool.model_validate({"id": 1, "name": "x", "params": {**params, "step": step}}), 3000, 4000)
        for step in (1, 4)
    ]
    assert costs[0] > 200 > costs[1]


def test_a_region_in_a_picture_measures_only_itself() -> None:
    features = measured(painted(RED, GREEN), {"type": "colour", "region": rect(0, 0, 40, 100)})
    assert features["a"] > 20
