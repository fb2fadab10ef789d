"""Memory that is used again: the same answers, and no growth."""

from __future__ import annotations

import resource
from typing import Any

import numpy as np
import pytest

from analyticlens.engine import inspect, prepare
from analyticlens.engine.buffers import Buffers
from tests.engine.drawing import arrow, boxes, colour, limit, recipe, rect

TOOLS: list[dict[str, Any]] = [
    {"type": "grayscale"},
    {"type": "blur", "region": rect(5, 5, 60, 60, 15)},
    {
        "type": "locate",
        "region": arrow((2, 20), (40, 20), 7),
        "params": {"reference": {"x": 10, "y": 20}, "apply_transform": True},
    },
    {"type": "blob", "region": rect(5, 5, 100, 90), "params": {"th_min": 120}, "limits": [limit("blob_count", 1, 9)]},
    {"type": "math"},
    {"type": "intensity", "region": {"shape": "circle", "cx": 60, "cy": 60, "r": 30}},
]


def drawn(rng: np.random.Generator, shape: tuple[int, int] = (120, 160)) -> np.ndarray[Any, Any]:
    picture = boxes((10, 10, 40, 40), *((int(x), int(y), 6, 6) for x, y in rng.integers(50, 100, (5, 2))), shape=shape)
    return colour(np.clip(picture + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8))


def test_a_prepared_recipe_answers_like_a_fresh_one_whatever_came_before(rng: np.random.Generator) -> None:
    """Pictures of changing sizes, depths and contents leave nothing behind."""
    whole = recipe(*TOOLS)
    prepared = prepare(whole)
    for turn in range(40):
        picture = drawn(rng, [(120, 160), (121, 203), (200, 160)][turn % 3])
        picture = picture.astype(np.uint16) * 3 if turn % 5 == 4 else picture
        one, other = inspect(picture, prepared), inspect(picture, prepare(whole))
        assert [tool.features for tool in one.tools] == [tool.features for tool in other.tools]
        assert (one.verdict, one.overlay, one.details) == (other.verdict, other.overlay, other.details)
        assert one.image is not None
        assert other.image is not None
        assert np.array_equal(one.image, other.image)


def test_what_was_found_stays_when_the_next_picture_comes(rng: np.random.Generator) -> None:
    prepared = prepare(recipe(*TOOLS))
    first = inspect(drawn(rng), prepared)
    before = ([tool.model_dump() for tool in first.tools], repr(first.details), repr(first.overlay))
    inspect(drawn(rng), prepared)
    assert ([tool.model_dump() for tool in first.tools], repr(first.details), repr(first.overlay)) == before


def test_memory_is_taken_once() -> None:
    buffers = Buffers()
    large = buffers.take("mask", (40, 50), np.uint8)
    assert np.shares_memory(large, buffers.take("mask", (10, 20), np.uint8))
    assert not np.shares_memory(large, buffers.take("other", (10, 20), np.uint8))
    assert not np.shares_memory(large, buffers.take("mask", (10, 20), np.uint16))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64, np.bool_])
def test_all_memory_begins_alike(dtype: Any) -> None:
    """OpenCV's floating point rounds by where an array begins; answers shall not depend on that."""
    buffers = Buffers()
    for size in (1, 7, 1000, 100_000):
        assert buffers.take("mask", (size,), dtype).ctypes.data % 64 == 0


def test_frames_after_the_first_ones_make_no_page_faults(rng: np.random.Generator) -> None:
    prepared = prepare(recipe(*TOOLS))
    pictures = [drawn(rng, (480, 752)) for _ in range(4)]

    def faults(frames: int) -> int:
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        for turn in range(frames):
            inspect(pictures[turn % 4], prepared)
        return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before

    # The interpreter's own heap settles after some hundred frames; one frame's picture is 90 pages.
    assert any(faults(20) <= 1 for _ in range(60))
