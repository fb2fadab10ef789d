"""The error-function model against edges in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analyticlens.engine.edgefit import EdgesFit, Pixels, fit_edges, gauss


def pixels(
    rng: np.random.Generator,
    *edges: tuple[float, float],
    blur: float = 1.1,
    tilt: float = 0.0,
    noise: float = 1.0,
    light: tuple[float, float] = (0.0, 0.0),
) -> Pixels:
    """Return a band 20 px wide of edges (place, step) on a ground of 60, at u from -15 to 15."""
    u, v = (grid.ravel() for grid in np.meshgrid(np.arange(-15.0, 16.0), np.arange(-9.5, 10.0)))
    grey = np.full(u.shape, 60.0)
    for place, step in edges:
        grey += step * gauss((u - place - tilt * v) / blur)[0]
    grey *= 1 + light[0] * u + light[1] * v
    return Pixels(u, v, grey + rng.normal(0, noise, u.shape))


def fitted(seen: Pixels, *rough: float, **options: object) -> EdgesFit:
    fit = fit_edges(seen, np.array(rough), 1.3, np.zeros(len(rough)), **options)  # type: ignore[arg-type]
    assert fit is not None
    return fit


def test_the_integral_of_the_normal_distribution_is_right_to_seven_digits() -> None:
    z = np.linspace(-9, 9, 2001)
    exact = np.array([math.erfc(-one / math.sqrt(2)) / 2 for one in z])
    assert np.abs(gauss(z)[0] - exact).max() < 1e-7


def test_one_edge_is_found_with_all_it_has(rng: np.random.Generator) -> None:
    fit = fitted(pixels(rng, (0.37, 120.0), tilt=0.08, noise=0.01, light=(0.004, -0.003)), 0.0)
    assert fit.places[0] == pytest.approx(0.37, abs=1e-3)
    assert fit.tilts[0] == pytest.approx(0.08, abs=1e-3)
    assert fit.blur == pytest.approx(1.1, abs=1e-3)
    assert fit.contrasts[0] == pytest.approx(120, rel=0.01)
    assert fit.score > 0.999


def test_two_edges_three_pixels_apart_do_not_pull_one_another(rng: np.random.Generator) -> None:
    fit = fitted(pixels(rng, (-1.5, 120.0), (1.5, -120.0), noise=0.01), -1.8, 1.8)
    assert fit.places.tolist() == pytest.approx([-1.5, 1.5], abs=2e-3)


def test_its_standard_deviation_is_the_one_it_has(rng: np.random.Generator) -> None:
    places, sigmas = [], []
    for _ in range(150):
        fit = fitted(pixels(rng, (0.0, 120.0), noise=6.0), 0.3)
        places.append(fit.places[0])
        sigmas.append(math.sqrt(fit.cov[0, 0]))
    assert np.std(places) == pytest.approx(np.mean(sigmas), rel=0.3)


def test_dirt_loses_its_weight(rng: np.random.Generator) -> None:
    seen = pixels(rng, (0.0, 120.0))
    seen.grey[np.hypot(seen.u - 1, seen.v - 5) < 3] = 10
    assert fitted(seen, 0.2, wary=True).places[0] == pytest.approx(0, abs=0.03)


def test_without_rounds_the_rough_geometry_stays(rng: np.random.Generator) -> None:
    fit = fitted(pixels(rng, (0.0, 120.0)), 0.5, rounds=0)
    assert fit.places[0] == 0.5
    assert fit.contrasts[0] == pytest.approx(120, rel=0.1)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_too_few_pixels_give_nothing(count: int, rng: np.random.Generator) -> None:
    seen = Pixels(*(column[:count] for column in pixels(rng, (0.0, 120.0))))
    assert fit_edges(seen, np.array([0.0]), 1.0, np.zeros(1)) is None


def test_pixels_of_one_grey_give_nothing(rng: np.random.Generator) -> None:
    seen = pixels(rng, noise=0)
    assert fit_edges(seen, np.array([0.0]), 1.0, np.zeros(1)) is None
    assert fit_edges(seen._replace(grey=np.zeros_like(seen.grey)), np.array([0.0]), 1.0) is None


def test_the_same_pixels_give_the_same_bits(rng: np.random.Generator) -> None:
    seen = pixels(rng, (0.0, 120.0), noise=5)
    one, other = fitted(seen, 0.4), fitted(Pixels(*(column.copy() for column in seen)), 0.4)
    assert one.places.tobytes() == other.places.tobytes()
    assert one.cov.tobytes() == other.cov.tobytes()
