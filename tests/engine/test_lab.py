"""CIELAB and CIEDE2000 against scikit-image and against the pairs its authors published."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from skimage import color

from analyticlens.bench.accuracy.colour_pairs import PAIRS
from analyticlens.engine.buffers import Buffers
from analyticlens.engine.lab import ciede2000, to_lab

difference: Any = color.deltaE_ciede2000


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lab_is_that_of_exact_arithmetic(dtype: Any, rng: np.random.Generator) -> None:
    full = np.iinfo(dtype).max
    picture = rng.integers(0, full, (60, 300, 3), endpoint=True).astype(dtype)
    picture[:20] //= 40
    expected = color.rgb2lab(picture[:, :, ::-1] / full)
    assert np.abs(to_lab(picture, np.iinfo(picture.dtype).max, Buffers()) - expected).max() < 0.02


def test_white_is_white_and_greys_have_no_colour() -> None:
    greys = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    lab = to_lab(greys, 255, Buffers())[0]
    assert lab[255] == pytest.approx([100, 0, 0], abs=1e-3)
    assert lab[0] == pytest.approx([0, 0, 0], abs=1e-3)
    assert np.abs(lab[:, 1:]).max() < 1e-3
    assert (np.diff(lab[:, 0]) > 0).all()


@pytest.mark.parametrize(("dtype", "error"), [(np.float64, 0.5001e-4), (np.float32, 2e-4)])
def test_differences_are_those_of_the_published_pairs(dtype: Any, error: float) -> None:
    one, other, expected = PAIRS[:, :3].T, PAIRS[:, 3:6].T, PAIRS[:, 6]
    assert np.abs(ciede2000(one.astype(dtype), other.astype(dtype)) - expected).max() < error


def test_differences_are_those_of_scikit_image(rng: np.random.Generator) -> None:
    one = rng.uniform((0, -100, -100), (100, 100, 100), (20_000, 3))
    other = np.where(rng.random((20_000, 1)) < 0.5, one + rng.normal(0, 3, one.shape), rng.permutation(one))
    differences = ciede2000(one.T, other.T)
    assert np.abs(differences - difference(one, other)).max() < 1e-3
    assert np.abs(ciede2000(other.T, one.T) - differences).max() < 1e-9


def test_neutral_and_equal_colours_have_a_difference() -> None:
    lab = np.array([[50.0, 0, 0], [50, 0, 0], [0, 0, 0], [50, 20, -30]]).T
    other = np.array([[50.0, 0, 0], [60, 0, 0], [0, 0, 0], [50, 20, -30]]).T
    for dtype in (np.float32, np.float64):
        differences = ciede2000(lab.astype(dtype), other.astype(dtype))
        assert differences.dtype == dtype
        assert differences[[0, 2, 3]] == pytest.approx([0, 0, 0], abs=1e-3)
        assert differences[1] == pytest.approx(float(difference(lab[:, 1], other[:, 1])), abs=1e-4)
