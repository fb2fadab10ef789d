"""The accuracy bench itself: its pictures are true to closed forms, its camera and its table do what they say."""

from __future__ import annotations

import math
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from analyticlens.bench import accuracy
from analyticlens.bench.accuracy import crb
from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.render import (
    analytic_edge,
    disc,
    ellipse,
    half_plane,
    marks,
    minus,
    rectangle,
    render,
    render_pattern,
    union,
)
from analyticlens.bench.accuracy.table import Tally, row_of


@pytest.mark.parametrize("psf", [0.5, 1.0, 2.0])
def test_an_edge_stands_where_it_is_said_to_2e_5_px(psf: float, rng: np.random.Generator) -> None:
    steepest = 1 / math.sqrt(2 * math.pi * (psf**2 + 1 / 12))
    for angle in [*rng.uniform(1, 359, 8), 45.0, 225.0, 0.5, 91.0]:
        at = (rng.uniform(18, 22), rng.uniform(18, 22))
        wrong = render(half_plane(*at, angle), (41, 37), psf=psf, low=0, high=1) - analytic_edge(
            (41, 37), at, angle, psf
        )
        slope = np.hypot(*np.gradient(analytic_edge((41, 37), at, angle, psf)))
        assert abs((wrong * slope).sum() / (slope**2).sum()) < 2e-5
        assert np.abs(wrong).max() / steepest < 5e-5


def test_an_upright_edge_is_the_integral_of_the_normal_distribution() -> None:
    drawn = render(half_plane(10.3, 0, 0), (21, 3), low=0, high=1)
    fine = np.linspace(-0.5, 0.5, 2001)
    exact = [np.trapezoid([math.erfc((x + f - 10.3) / math.sqrt(2)) / 2 for f in fine], fine) for x in range(21)]
    assert np.abs(drawn[1] - exact).max() < 1e-5


@pytest.mark.parametrize("r", [3.0, 8.0, 20.0])
def test_a_disc_has_its_area_and_its_centre(r: float, rng: np.random.Generator) -> None:
    cx, cy = 40 + rng.uniform(-1, 1, 2)
    drawn = render(disc(cx, cy, r), (81, 81), low=0, high=1)
    y, x = np.mgrid[:81, :81]
    assert drawn.sum() / (math.pi * r * r) == pytest.approx(1, abs=5e-5)
    assert ((drawn * x).sum() / drawn.sum(), (drawn * y).sum() / drawn.sum()) == pytest.approx((cx, cy), abs=2e-5)


def test_other_shapes_have_their_areas(rng: np.random.Generator) -> None:
    angle = float(rng.uniform(0, 180))
    for sdf, area in [
        (ellipse(40, 40, 25, 10, angle), math.pi * 250),
        (rectangle(40, 40, 30, 17, angle), 510),
        (minus(disc(40, 40, 20), disc(45, 38, 6)), math.pi * (400 - 36)),
        (union(disc(25, 25, 8), rectangle(55, 55, 20, 10, angle)), math.pi * 64 + 200),
    ]:
        assert render(sdf, (81, 81), low=0, high=1).sum() == pytest.approx(area, rel=5e-5)


def test_a_pattern_turns_about_its_origin(rng: np.random.Generator) -> None:
    pattern = marks(rng)
    still = render_pattern(pattern, (121, 121), x=60, y=60)
    turned = render_pattern(pattern, (121, 121), x=60, y=60, angle_deg=90)
    assert np.abs(np.rot90(turned) - still).max() < 1e-3
    twice = render_pattern(pattern, (241, 241), x=120, y=120, scale=2.0, psf=2.0)
    assert np.abs(twice[::2, ::2] - still).mean() < 1.0


def test_a_large_picture_is_the_small_one_with_more_round_it() -> None:
    small = render(disc(30, 30, 11), (61, 61))
    large = render(disc(130, 80, 11), (233, 141))
    np.testing.assert_allclose(large[50:111, 100:161], small, atol=1e-9)


def test_the_camera_keeps_levels_noise_and_bits(rng: np.random.Generator) -> None:
    flat = np.full((200, 200), 100.0)
    assert expose(flat, rng).dtype == np.uint8
    assert expose(flat, rng, snr=20).std() == pytest.approx(6, rel=0.05)
    assert expose(flat, rng, bits=12).max() == 1600
    assert expose(flat, rng, bits=16).max() == 25700
    assert expose(np.full((4, 4), 300.0), rng, bits=12).max() == 4095
    shaded = expose(flat, rng, shading=0.2)
    assert 80 <= shaded.min() < 90
    assert 110 < shaded.max() <= 120
    assert expose(flat, rng, snr=40, jpeg=75).shape == (200, 200)


def test_bounds_agree_with_the_numerical_ones() -> None:
    def edge(offset: float) -> np.ndarray:
        return render(half_plane(20 + offset, 0, 0), (41, 20))

    assert crb.fisher(edge, [0.3], [0.01], 3.0)[0] == pytest.approx(crb.edge_place(20, 1.0, 40), rel=0.02)

    def circle(x: float, y: float, r: float) -> np.ndarray:
        return render(disc(40 + x, 40 + y, r), (81, 81))

    bounds = crb.fisher(circle, [0, 0, 20], [0.01, 0.01, 0.01], 3.0)
    centre, radius = crb.circle_centre(20, 1.0, 40), crb.circle_radius(20, 1.0, 40)
    assert bounds == pytest.approx([centre, centre, radius], rel=0.03)


def test_a_row_says_which_goals_it_misses() -> None:
    row = row_of("tool", "any", "x", "px", [0.1, -0.1, 0.1, -0.1], 1, 0.5, 0.05, sd=0.05, bias=0.01, fails=0.1, cpu=1)
    assert (row.n, row.bias, row.missed) == (5, 0, ("sd", "fails"))
    assert "MISSED sd fails" in str(row)
    assert row_of("tool", "any", "x", "px", [0.0] * 9, 0, fails=0).met
    assert not row_of("tool", "any", "x", "px", [], 0, sd=1.0).met


def test_a_bias_counts_when_it_is_more_than_chance() -> None:
    spread = np.tile([-1.0, 1.0], 50)
    assert row_of("tool", "any", "x", "px", list(spread + 0.2), bias=0.05).met
    assert not row_of("tool", "any", "x", "px", list(spread + 0.5), bias=0.05).met


def test_a_tally_makes_rows() -> None:
    tally = Tally()
    assert tally.timed(max, 3, 4) == 4
    tally.add(x=0.1, y=0.2)
    tally.fail()
    row = tally.row("tool", "any", "y", "px", worst=0.3)
    assert (row.n, row.worst, row.failures, row.met) == (2, 0.2, 1, True)


def test_a_family_measured_alone_leaves_the_others_as_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "benchmarks.md"

    def measure(family: str, tool: str) -> None:
        row = row_of(tool, "c", "m", "px", [0.0])
        monkeypatch.setattr(accuracy, "rows_of", lambda name, seed, n: iter([row]))
        accuracy.run(Namespace(only=family, seed=1, count=1, jobs=1, write=page, check=False), ["--only", family])

    measure("blob", "first")
    measure("code", "second")
    measure("blob", "third")
    text = page.read_text(encoding="utf-8")
    assert "### first" not in text
    assert text.index("### third") < text.index("### second") < text.index("### Missed goals")
    assert text.count("analyticlens bench --only blob") == text.count("analyticlens bench --only code") == 1
