"""locate: places of edges against drawn truth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from analyticlens.engine import RecipeRefused, prepare
from analyticlens.protocol.records import ToolOutcome
from tests.engine.drawing import Picture, arrow, boxes, half_plane, look, plain, recipe


def locate(p0: tuple[float, float], p1: tuple[float, float], width: float = 1, **params: Any) -> dict[str, Any]:
    return {"type": "locate", "region": arrow(p0, p1, width), "params": params}


def across(
    at: tuple[float, float], angle_deg: float, length: float = 40
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the ends of an arrow in a direction with its middle at a point."""
    dx, dy = (length / 2 * f(math.radians(angle_deg)) for f in (math.cos, math.sin))
    return (at[0] - dx, at[1] - dy), (at[0] + dx, at[1] + dy)


def errors(
    rng: np.random.Generator, count: int, width: float, turn: float, tilt: float, noise: float = 0, blur: float = 1.0
) -> Picture:
    """Return, for edges at random places, how far along the arrow each is found from its truth, and how wrong its angle is."""
    wrong = []
    for _ in range(count):
        direction = rng.uniform(0, 360) if turn else rng.choice([0, 90, 180, 270])
        normal = direction + rng.uniform(-tilt, tilt)
        at = tuple(48 + rng.uniform(-3, 3, 2))
        along = rng.uniform(-8, 8)
        middle = tuple(at[i] - along * f(math.radians(direction)) for i, f in enumerate((math.cos, math.sin)))
        picture = half_plane(at, normal, noise=noise, rng=rng, blur=blur)
        found = look(picture, locate(*across(middle, direction), width)).tools[0].features
        offset = (found["x"] - at[0]) * math.cos(math.radians(direction)) + (found["y"] - at[1]) * math.sin(
            math.radians(direction)
        )
        wrong.append((offset, math.remainder(found["angle_deg"] - normal, 360)))
    return np.array(wrong)


@pytest.mark.parametrize("width", [1, 5, 20])
@pytest.mark.parametrize("turn", [0, 1])
@pytest.mark.parametrize("blur", [0.5, 1.0])
def test_an_edge_without_noise_is_found_to_a_twentieth_of_a_pixel(
    rng: np.random.Generator, width: int, turn: int, blur: float
) -> None:
    offsets = errors(rng, 25, width, turn, tilt=0, blur=blur)[:, 0]
    assert np.abs(offsets).max() < 0.05
    assert abs(offsets.mean()) < 0.01


def test_a_hard_step_between_two_pixels_is_found_between_them() -> None:
    for first in range(60, 66):
        picture = boxes((first, 0, 160 - first, 120))
        found = look(picture, locate((30, 50), (90, 50))).tools[0].features
        assert found["x"] == pytest.approx(first - 0.5, abs=0.01)


def test_a_tilted_edge_is_found_with_its_angle(rng: np.random.Generator) -> None:
    wrong = np.abs(errors(rng, 25, 20, 1, tilt=20))
    assert wrong[:, 0].max() < 0.05
    assert wrong[:, 1].max() < 0.2


@pytest.mark.parametrize(("noise", "most"), [(3, 0.030), (6, 0.050), (12, 0.100)])
def test_noise_spreads_places_no_more_than_it_must(rng: np.random.Generator, noise: float, most: float) -> None:
    wrong = errors(rng, 40, 20, 1, tilt=3, noise=noise)
    assert wrong[:, 0].std() < most
    assert abs(wrong[:, 0].mean()) < most / 2


def test_a_narrow_band_gives_the_arrows_own_direction() -> None:
    picture = half_plane((48, 48), 10)
    found = look(picture, locate((20, 48), (76, 48), 3)).tools[0].features
    assert found["angle_deg"] == 0


@pytest.mark.parametrize("width", [1, 9, 20])
@pytest.mark.parametrize("length", [24, 60])
def test_an_empty_noisy_field_has_no_edge(rng: np.random.Generator, width: int, length: int) -> None:
    found = 0
    for _ in range(60):
        picture = np.clip(np.rint(rng.normal(120, 8, (97, 97))), 0, 255).astype(np.uint8)
        found += look(picture, locate(*across((48, 48), rng.uniform(0, 360), length), width)).tools[0].status == "ok"
    assert found <= 1


def test_a_slope_of_light_is_no_edge(rng: np.random.Generator) -> None:
    picture = np.clip(np.rint(np.arange(160) * 1.4 + rng.normal(0, 2, (120, 160))), 0, 255).astype(np.uint8)
    assert look(picture, locate((20, 60), (140, 60), 9)).tools[0].status == "not_found"


def test_a_weak_edge_over_noise_is_found(rng: np.random.Generator) -> None:
    for _ in range(20):
        picture = half_plane((48.3, 48), 0, levels=(60, 75), noise=1.5, rng=rng)
        assert look(picture, locate((20, 48), (76, 48), 20)).tools[0].features["x"] == pytest.approx(48.3, abs=0.4)


def stripes() -> Picture:
    """Edges at 39.5 (up 60), 59.5 (down 60), 89.5 (up 120) and 119.5 (down 120)."""
    picture = plain()
    picture[:, 40:60] = 120
    picture[:, 90:120] = 180
    return picture


@pytest.mark.parametrize(
    ("select", "polarity", "place"),
    [
        ("first", "any", 39.5),
        ("first", "light_to_dark", 59.5),
        ("strongest", "dark_to_light", 89.5),
        ("strongest", "light_to_dark", 119.5),
        ("closest_to_mid", "any", 89.5),
        ("closest_to_mid", "light_to_dark", 59.5),
    ],
)
def test_the_edge_is_chosen_as_asked(select: str, polarity: str, place: float) -> None:
    inspection = look(stripes(), locate((10, 60), (150, 60), edge_select=select, polarity=polarity))
    assert inspection.tools[0].features["x"] == pytest.approx(place, abs=0.02)
    assert len(inspection.details[1]["edges"]) == (4 if polarity == "any" else 2)


def test_polarity_goes_along_the_arrow() -> None:
    inspection = look(stripes(), locate((150, 60), (10, 60), edge_select="first"))
    (first, *_) = inspection.details[1]["edges"]
    assert first["polarity"] == "dark_to_light"
    assert first["x"] == pytest.approx(119.5, abs=0.02)
    assert first["t"] == pytest.approx(30.5, abs=0.02)


def test_a_fixed_threshold_is_a_gradient_in_grey_levels_a_pixel() -> None:
    ramp = np.clip(60 + 10 * (np.arange(160) - 60), 60, 180).astype(np.uint8)
    picture = np.repeat(ramp[None, :], 120, axis=0)

    def outcome(threshold: float) -> ToolOutcome:
        return look(picture, locate((30, 60), (110, 60), threshold_mode="fixed", threshold=threshold)).tools[0]

    assert outcome(9.5).features["strength"] == pytest.approx(10, abs=0.05)
    assert outcome(10.5).status == "not_found"


def test_nothing_found_gives_no_place() -> None:
    outcome = look(plain(), locate((20, 60), (140, 60))).tools[0]
    assert outcome.status == "not_found"
    assert outcome.features == {"edge_count": 0}


def test_offsets_are_measured_from_the_reference() -> None:
    reference = {"x": 80, "y": 60, "angle_deg": 0}
    inspection = look(stripes(), locate((70, 60), (110, 60), reference=reference))
    features = inspection.tools[0].features
    assert (features["offset_x"], features["offset_y"]) == pytest.approx((9.5, 0), abs=0.02)
    assert features["offset_angle_deg"] == pytest.approx(0, abs=0.02)
    assert inspection.details[1]["reference"] == reference


def test_without_a_reference_there_is_no_offset() -> None:
    inspection = look(stripes(), locate((70, 60), (110, 60)))
    assert inspection.tools[0].features["offset_x"] == 0
    assert inspection.details[1]["reference"] is None


def test_sixteen_bits_are_measured_in_their_own_levels() -> None:
    picture = (half_plane((48.3, 48), 0).astype(np.uint16)) * 200
    features = look(picture, locate((20, 48), (76, 48))).tools[0].features
    assert features["x"] == pytest.approx(48.3, abs=0.02)
    assert features["strength"] > 255


@pytest.mark.parametrize("length", [2, 3, 5, 8])
def test_the_shortest_arrows_give_an_answer(length: float) -> None:
    outcome = look(half_plane((48, 48), 0), locate(*across((48, 48), 0, length), 5)).tools[0]
    assert outcome.status in {"ok", "not_found"}


def test_too_large_an_arrow_is_refused_by_its_cost() -> None:
    large = recipe(locate((20, 1500), (3980, 1500), 2000, threshold_mode="fixed", threshold=0))
    with pytest.raises(RecipeRefused, match="ms"):
        prepare(large, size=(3000, 4000))
    prepare(recipe(locate((20, 1500), (3980, 1500), 100)), size=(3000, 4000))
