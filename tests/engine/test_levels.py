"""Grey levels and depth: a recipe taught on 8-bit pictures never passes a part in 16 bits."""

from __future__ import annotations

import numpy as np
import pytest

from analyticlens.engine import Inspection, inspect, prepare
from analyticlens.protocol.recipe import Recipe


def judged(picture: np.ndarray, kind: str, params: dict[str, object], limit: dict[str, object]) -> Inspection:
    tool = {"id": 1, "name": "stain", "type": kind, "params": params, "limits": [limit]}
    return inspect(picture, prepare(Recipe.model_validate({"tools": [tool]})))


@pytest.fixture
def stained() -> np.ndarray:
    """Return a dark 8-bit picture with one bright stain."""
    picture = np.full((60, 80), 20, np.uint8)
    picture[20:30, 30:45] = 240
    return picture


LEVELS_OF_8_BIT = pytest.mark.parametrize(
    ("kind", "params", "limit"),
    [
        ("blob", {}, {"feature": "blob_count", "max": 0}),
        ("blob", {"use_range_threshold": False}, {"feature": "blob_count", "max": 1}),
        ("blob", {"use_otsu": True}, {"feature": "blob_count", "max": 0}),
        ("threshold", {"mode": "binary"}, {"feature": "share_on", "max": 1}),
        ("threshold", {"mode": "range"}, {"feature": "share_on", "max": 0}),
        ("intensity", {"threshold": 100}, {"feature": "share_above", "min": 0.5}),
        ("grayscale", {"threshold": 100}, {"feature": "share_above", "min": 0.5}),
    ],
)


@LEVELS_OF_8_BIT
def test_levels_of_8_bit_pictures_are_refused_in_16_bits(
    stained: np.ndarray, kind: str, params: dict[str, object], limit: dict[str, object]
) -> None:
    assert judged(stained, kind, params, limit).verdict != "error"
    deep = judged(stained.astype(np.uint16) * 257, kind, params, limit)
    assert (deep.verdict, deep.tools[0].status) == ("error", "error")
    assert "16 bits" in deep.tools[0].message


@pytest.mark.parametrize(
    "params", [{"th_min": 30_000, "th_max": 65_535}, {"use_otsu": True, "use_range_threshold": False}]
)
def test_levels_of_16_bits_judge_16_bits(stained: np.ndarray, params: dict[str, object]) -> None:
    deep = stained.astype(np.uint16) * 257
    assert judged(deep, "blob", params, {"feature": "blob_count", "max": 0}).verdict == "nok"
    assert judged(deep, "blob", params, {"feature": "blob_count", "min": 1, "max": 1}).verdict == "ok"
