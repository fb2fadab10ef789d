"""blob: touching parts are told apart, single parts are not cut, and real coins are counted."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.render import disc, render, union
from tests.engine.drawing import look, measured, plain


def blob(**params: Any) -> dict[str, Any]:
    return {"type": "blob", "params": {"th_min": 120, "split": True, "area_min": 50} | params}


def discs(rng: np.random.Generator, share: float, noise: float, turn: float) -> tuple[np.ndarray[Any, Any], float]:
    """Return a picture of eight discs in two rows, neighbours `share` radii apart, and their radius."""
    radius = rng.uniform(18, 40)
    picture = np.full((480, 752), 60.0)
    y, x = np.mgrid[:480, :752]
    for i in range(8):
        u, v = (i % 4 - 1.5) * radius * share, (i // 4 - 0.5) * radius * share
        at = (376 + u * math.cos(turn) - v * math.sin(turn), 240 + u * math.sin(turn) + v * math.cos(turn))
        picture[np.hypot(x - at[0], y - at[1]) < radius] = 180
    blurred = cv2.GaussianBlur(picture, (0, 0), 1.0)
    return np.clip(np.rint(blurred + rng.normal(0, noise, picture.shape)), 0, 255).astype(np.uint8), radius


@pytest.mark.parametrize("noise", [0, 3, 12])
def test_eight_touching_discs_are_eight(noise: float, rng: np.random.Generator) -> None:
    for _ in range(4):
        picture, radius = discs(rng, rng.uniform(1.78, 2.0), noise, rng.uniform(0, 0.6))
        assert measured(picture, blob(split=False))["blob_count"] < 8
        found = measured(picture, blob())
        assert found["blob_count"] == 8
        assert found["smallest_area"] > 0.88 * math.pi * radius**2
        assert found["largest_area"] < 1.05 * math.pi * radius**2


def test_splitting_loses_no_pixel_and_makes_whole_parts(rng: np.random.Generator) -> None:
    picture, _ = discs(rng, 1.9, 3, 0.3)
    whole, parts = measured(picture, blob(split=False)), look(picture, blob(measure=["hole_count"]))
    assert parts.tools[0].features["total_area"] == whole["total_area"]
    assert len([shape for shape in parts.overlay if shape.role == "found"]) == 8


def test_touching_discs_are_measured_below_a_pixel_too(rng: np.random.Generator) -> None:
    picture, radius = discs(rng, 1.97, 3, 0.0)
    found = look(picture, blob(subpixel=True, measure=["circularity"])).details[1]["blobs"]
    assert len(found) == 8
    assert [b["area"] for b in found] == pytest.approx([math.pi * radius**2] * 8, rel=0.02)
    assert min(b["circularity"] for b in found) > 0.95


@pytest.mark.parametrize("noise", [0, 25])
def test_a_single_part_is_not_cut(noise: float, rng: np.random.Generator) -> None:
    picture = plain(300, 400).astype(np.float64)
    cv2.rectangle(picture, (20, 20), (200, 60), 180, -1)
    cv2.ellipse(picture, (100, 150), (80, 30), 20, 0, 360, 180, -1)
    cv2.rectangle(picture, (250, 100), (280, 280), 180, -1)
    cv2.rectangle(picture, (250, 250), (380, 280), 180, -1)
    noisy = np.clip(picture + rng.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)
    assert measured(noisy, blob())["blob_count"] == 3


def test_the_neck_says_where_to_cut() -> None:
    picture = plain(120, 200)
    cv2.circle(picture, (60, 60), 30, 180, -1)
    cv2.circle(picture, (130, 60), 30, 180, -1)
    picture[42:79, 60:130] = 180
    assert measured(picture, blob(split_neck=0.4))["blob_count"] == 1
    assert measured(picture, blob(split_neck=0.8))["blob_count"] == 2


def test_a_large_and_a_small_part_are_cut_at_their_neck() -> None:
    picture = plain(140, 220)
    cv2.circle(picture, (80, 70), 50, 180, -1)
    cv2.circle(picture, (146, 70), 20, 180, -1)
    areas = sorted(b["area"] for b in look(picture, blob()).details[1]["blobs"])
    assert areas == pytest.approx([math.pi * 400, math.pi * 2500], rel=0.06)


def test_24_coins_are_24_under_their_uneven_light() -> None:
    tools = [
        {"type": "threshold", "params": {"mode": "adaptive_mean", "window": 101, "offset": 5}},
        blob(th_min=128, fill_holes=True, area_min=700, measure=["circularity"]),
    ]
    coins: np.ndarray[Any, Any] = data.coins()  # type: ignore[no-untyped-call]
    found = look(coins, *tools).details[2]["blobs"]
    assert len(found) == 24
    assert {b["area"] > 900 for b in found} == {True}


@pytest.mark.parametrize("turn", [0.0, 0.5, math.pi / 4])
@pytest.mark.parametrize("share", [0.5, 0.7])
def test_a_neck_is_as_broad_as_it_is_at_any_angle(share: float, turn: float, rng: np.random.Generator) -> None:
    radius = 20.3
    for off, parts in ((-3.0, 2.0), (3.0, 1.0)):
        # A neck 3 px narrower, and one 3 px broader, than the share of the discs' breadth.
        half = share * radius + off / 2
        apart = math.sqrt(radius**2 - half**2)
        dx, dy = apart * math.cos(turn), apart * math.sin(turn)
        pair = union(disc(60.3 - dx, 60.2 - dy, radius), disc(60.3 + dx, 60.2 + dy, radius))
        picture = expose(render(pair, (120, 120)), rng, snr=100)
        assert measured(picture, blob(split_neck=share))["blob_count"] == parts
