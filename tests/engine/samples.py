"""One plain tool of every kind, with what it names, and pictures of every sort to try them on."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import cv2
import numpy as np
from pydantic import BaseModel

from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.tools import TOOL_CLASSES
from tests.engine.drawing import arrow, boxes, colour, half_plane, rect
from tests.schemas import checked

SHAPE = (120, 160)
# Regions in such a picture: the first that a kind of tool takes is its own.
REGIONS: tuple[dict[str, Any] | None, ...] = (
    None,
    arrow((20, 60), (140, 60), 15),
    {"shape": "ring", "cx": 80, "cy": 60, "inner": 15, "outer": 45},
    {"shape": "circle", "cx": 80, "cy": 60, "r": 40},
    rect(20, 20, 120, 80),
)


def png(picture: np.ndarray[Any, Any]) -> bytes:
    """Return a picture as a PNG file's bytes."""
    done, data = cv2.imencode(".png", picture)
    assert done
    return data.tobytes()


def _contents() -> dict[str, bytes]:
    """Return, by what it is, what a recipe may name: pictures good and bad, and bytes that are none."""
    rng = np.random.default_rng(3)
    rough = cv2.GaussianBlur(rng.integers(0, 256, (24, 32)).astype(np.uint8), (0, 0), 1.5)
    flat = np.full(SHAPE, 128, np.uint8)
    return {
        "rough": png(cv2.normalize(rough, rough, 0, 255, cv2.NORM_MINMAX)),
        "flat": png(flat),
        "deep": png(flat.astype(np.uint16) * 200),
        "tiny": png(np.ones((1, 1), np.uint8)),
        "nonsense": b"no picture at all",
        "empty": b"",
    }


NAMES = {what: sha256(content).hexdigest() for what, content in _contents().items()}
NAMED: Mapping[str, bytes] = {NAMES[what]: content for what, content in _contents().items()}

# Tools that others refer to: a blob with limits, points, a line and a circle.
BEFORE: tuple[dict[str, Any], ...] = (
    {
        "id": 101,
        "name": "specks",
        "type": "blob",
        "params": {"th_min": 120},
        "limits": [{"feature": "blob_count", "min": 0}],
    },
    {"id": 102, "name": "point", "type": "caliper", "region": arrow((5, 35), (40, 35), 15)},
    {"id": 103, "name": "line", "type": "line", "region": arrow((5, 35), (40, 35), 20)},
    {
        "id": 104,
        "name": "circle",
        "type": "circle",
        "region": {"shape": "ring", "cx": 80, "cy": 60, "inner": 15, "outer": 45},
    },
    {"id": 105, "name": "other point", "type": "caliper", "region": arrow((120, 60), (150, 60), 15)},
)
# Kinds that need a program or data beside Python: where these are missing they are refused.
OUTSIDE = {"ocr"}
EARLIER = tuple(tool["id"] for tool in BEFORE)
# What a tool that is nothing without being taught is taught.
TAUGHT: dict[str, dict[str, Any]] = {
    "calibration": {"mm_per_px": 0.1},
    "datum": {"first": 102},
    "flat_field": {"bright": NAMES["flat"]},
    "match": {"template": NAMES["rough"]},
    "math": {"reference_tool_id": 101},
    "measure": {"kind": "point_point", "first": 102, "second": 105},
    "logic": {"tools": [101]},
    "golden": {"mean": NAMES["deep"], "spread": NAMES["deep"]},
}


def named(value: Any, pick: int = 0) -> Any:
    """Return JSON-ready data with every SHA-256 in it replaced by one of NAMED's."""
    if isinstance(value, dict):
        return {key: named(item, pick) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [named(item, pick) for item in value]
    is_name = isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")
    return list(NAMED)[pick % len(NAMED)] if is_name else value


def params_of(kind: str) -> type[BaseModel]:
    """Return the model of a kind's parameters."""
    model = TOOL_CLASSES[kind].model_fields["params"].annotation
    assert isinstance(model, type)
    return model


def plain_tool(kind: str, number: int = 200) -> dict[str, Any]:
    """Return the plainest tool of a kind: only what it cannot do without, and a region that suits it."""
    base = {"id": number, "name": kind, "type": kind, "params": TAUGHT.get(kind, {})}
    for region in REGIONS:
        if checked(TOOL_CLASSES[kind], base | {"region": region}) is not None:
            return base | {"region": region}
    raise AssertionError(f"the {kind} tool needs more than its defaults: teach it in {__file__}")


def recipe_with(tool: dict[str, Any]) -> Recipe | None:
    """Return a recipe of a tool behind those of BEFORE that it refers to; None where it is refused."""
    model = checked(TOOL_CLASSES[tool["type"]], tool)
    if model is None:
        return None
    before = [one for one in BEFORE if one["id"] in (*model.refers, *(model.follow or ()))]
    return checked(Recipe, {"tools": [*before, tool]})


def pictures(seed: int) -> dict[str, np.ndarray[Any, Any]]:
    """Return pictures of every sort that is inspected, by what they are."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, SHAPE).astype(np.uint8)
    scene = boxes((20, 20, 40, 30), (90, 40, 40, 50), (60, 80, 9, 9), shape=SHAPE)
    lively = np.clip(cv2.GaussianBlur(scene, (0, 0), 1.0) + rng.normal(0, 3, SHAPE), 0, 255).astype(np.uint8)
    deep = rng.integers(0, 65536, SHAPE).astype(np.uint16)
    return {
        "scene": lively,
        "scene in colour": colour(lively),
        "scene in 16 bits": lively.astype(np.uint16) * 257,
        "scene in 12 bits": lively.astype(np.uint16) * 16,
        "edge": half_plane((80, 60), 30, shape=SHAPE, noise=2, rng=rng),
        "noise": noise,
        "noise in 16 bits": deep,
        "noise in colour": rng.integers(0, 256, (*SHAPE, 3)).astype(np.uint8),
        "noise in deep colour": rng.integers(0, 65536, (*SHAPE, 3)).astype(np.uint16),
        "specks": np.where(rng.random(SHAPE) < 0.3, 200, 20).astype(np.uint8),
        "transposed": np.ascontiguousarray(lively.T).T,
        "upside down": lively[::-1, ::-1],
        "every other pixel": noise[::2, ::2],
        "one pixel": noise[:1, :1],
        "one pixel in colour": colour(noise[:1, :1]),
        "one row": noise[:1],
        "one column": noise[:, :1],
        "two by two": noise[:2, :2],
        **flat(),
    }


def flat() -> dict[str, np.ndarray[Any, Any]]:
    """Return pictures on which there is nothing to find."""
    return {
        "black": np.zeros(SHAPE, np.uint8),
        "grey": np.full(SHAPE, 130, np.uint8),
        "saturated": np.full(SHAPE, 255, np.uint8),
        "saturated in 16 bits": np.full(SHAPE, 65535, np.uint16),
        "saturated in colour": np.full((*SHAPE, 3), 255, np.uint8),
    }


def no_pictures() -> dict[str, Any]:
    """Return what is no picture to inspect."""
    good = np.full(SHAPE, 130, np.uint8)
    return {
        "nothing": None,
        "a list": [[1, 2], [3, 4]],
        "no rows": np.zeros((0, 160), np.uint8),
        "no columns": np.zeros((120, 0), np.uint8),
        "no pixels in colour": np.zeros((0, 0, 3), np.uint8),
        "not a number": np.full(SHAPE, np.nan, np.float32),
        "float": good.astype(np.float64),
        "signed": good.astype(np.int32),
        "short": good.astype(np.int16),
        "flags": good > 3,
        "complex": good.astype(np.complex64),
        "objects": good.astype(object),
        "one channel apart": good[:, :, None],
        "two channels": np.stack([good, good], axis=2),
        "four channels": np.stack([good] * 4, axis=2),
        "one dimension": good[0],
        "a scalar": np.uint8(3),
        "four dimensions": good[None, :, :, None],
    }
