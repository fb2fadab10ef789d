"""Teaching a golden tool: the mean and spread of good pictures, aligned with one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.masks import AreaRegion
from analyticlens.engine.pattern.frame import Frame, frame_of, inverse
from analyticlens.engine.pattern.golden import ROUNDING, Golden, aligner, sampled
from analyticlens.engine.pattern.noise import fine_detail, noise_of
from analyticlens.engine.pattern.similarity import Similarity
from analyticlens.engine.picture import Picture
from analyticlens.engine.pose import Pose
from analyticlens.engine.stored import as_png
from analyticlens.protocol.tools import GoldenTool

# What one picture's noise counts for beside the spread of several, in pictures.
PRIOR = 4
# Of what is finer than pixels can follow this share is different at another place; what the noise makes of it by chance, in its own
# standard deviations, is none.
UNSAMPLED, MARGIN = 0.45, 1.4
# Pixels across the neighbourhood whose variance a pixel has at least.
AROUND = 5
# The mean is made, the pictures are aligned with it, and it is made anew.
PASSES = 2
FARTHEST = 5.0


def teach_golden(
    pictures: Sequence[NDArray[Any]],
    region: AreaRegion | None = None,
    *,
    id: int = 1,
    name: str = "golden",
    exclude: Sequence[AreaRegion] = (),
    poses: Sequence[Pose] | None = None,
    **params: Any,
) -> tuple[GoldenTool, dict[str, bytes]]:
    """Return a golden tool taught from good pictures, and the bytes of what it names by their SHA-256.

    `pictures` are (H, W) grey or (H, W, 3) blue, green, red, all uint8 or all uint16; one is enough unless it is
    sharp texture everywhere: its noise and what is too fine to be sampled are then the spread. `region`
    is where the part lies on the first (None: everywhere). The part may lie a few pixels off on the others; `poses` are the motions of the
    region on each, where a datum found them. Raises ValueError for no pictures, for pictures that differ in size or kind, for a region
    outside them, and for one on which the part does not lie near its place.
    """
    greys = _greys(pictures)
    frame = _frame(greys[0], region, exclude)
    stack = _aligned(greys, frame, poses or [Pose()] * len(greys))
    mean, spread = stack.mean(axis=0), _spread(stack)
    steps = 256 if greys[0].dtype == np.uint8 else 1
    said: dict[str, Any] = {"steps": steps, **params}
    named = {}
    for word, values in (("mean", mean), ("spread", spread)):
        said[word], content = as_png(np.clip(np.rint(values * steps), 0, 65535).astype(np.uint16))
        named[said[word]] = content
    tool = GoldenTool.model_validate(
        {"id": id, "name": name, "region": region, "exclude": tuple(exclude), "params": said}
    )
    return tool, named


def _greys(pictures: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    if not len(pictures):
        raise ValueError("there is no picture to teach from")
    greys = [Picture(np.ascontiguousarray(picture), Buffers()).grey() for picture in pictures]
    if len({(grey.shape, grey.dtype) for grey in greys}) > 1:
        raise ValueError("the pictures differ in size or in depth")
    if greys[0].dtype not in (np.uint8, np.uint16):
        raise ValueError(f"pictures of {greys[0].dtype} cannot be taught from")
    return greys


def _frame(grey: NDArray[Any], region: AreaRegion | None, exclude: Sequence[AreaRegion]) -> Frame:
    height, width = grey.shape
    if region is None:
        return Frame(Pose(), width, height)
    frame = frame_of(region, exclude)
    ends = [frame.pose.apply(x, y) for x in (0, frame.width - 1) for y in (0, frame.height - 1)]
    if not all(-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5 for x, y in ends):
        raise ValueError("the region does not lie inside the pictures")
    return frame


def _aligned(greys: list[NDArray[Any]], frame: Frame, poses: Sequence[Pose]) -> NDArray[np.float32]:
    """Return the pictures' values (n, h, w) in the frame, each part brought to the first one's place and light."""
    shape = (frame.height, frame.width)
    starts = [frame.pose.then(pose) for pose in poses]
    places = starts
    stack = np.repeat(sampled(greys[0], starts[0], shape, Buffers())[None], len(greys), axis=0)
    for _ in range(PASSES if len(greys) > 1 else 0):
        mean = stack.mean(axis=0)
        places = _places(mean, greys, frame, starts, places)
        golden = Golden(mean, np.full_like(mean, noise_of(mean)), frame.mask)
        seen = [sampled(grey, place, shape, Buffers()) for grey, place in zip(greys, places, strict=True)]
        first = golden.light(seen[0])
        for i, values in enumerate(seen):
            light = golden.light(values)
            stack[i] = (values - light.offset) * (first.gain / max(light.gain, 1e-3)) + first.offset
    return stack


def _places(
    mean: NDArray[np.float32], greys: list[NDArray[Any]], frame: Frame, starts: list[Pose], places: list[Pose]
) -> list[Pose]:
    """Return where the mean lies on each picture, moved so that on the first it lies where its region is."""
    align = aligner(mean, frame.mask, True)
    if align is None:
        return starts
    found = []
    for number, (grey, start, place) in enumerate(zip(greys, starts, places, strict=True), 1):
        found.append(_near(align.align(grey, _similar(place, frame)), start, frame, number))
    anchor = starts[0].then(inverse(found[0]))
    return [anchor.then(pose) for pose in found]


def _similar(start: Pose, frame: Frame) -> Similarity:
    x, y = start.apply(*frame.centre)
    return Similarity(x, y, float(np.arctan2(start.sin, start.cos)))


def _near(found: Similarity | None, start: Pose, frame: Frame, number: int) -> Pose:
    x, y = start.apply(*frame.centre)
    if found is None or np.hypot(found.x - x, found.y - y) > FARTHEST:
        raise ValueError(f"on picture {number} the part does not lie near its place")
    return Pose.carry(frame.centre, (found.x, found.y), float(np.degrees(found.angle)))


def _spread(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what a further good picture may differ from the mean by, a standard deviation for each pixel (h, w).

    The variance of few pictures is drawn towards what is usual over the whole part, as if PRIOR more had shown that; a new picture differs
    by its own spread and by that of the mean.
    """
    count = len(stack)
    details = [fine_detail(values) for values in stack]
    own = max(ROUNDING / np.sqrt(2), float(np.median([noise for _, noise in details])))
    # What is too fine to be sampled between pixels looks another way wherever the part lies.
    fine = np.mean([np.maximum(detail**2 - (MARGIN * noise) ** 2, 0) for detail, noise in details], axis=0)
    expected = own**2 + UNSAMPLED**2 * fine
    if count == 1:
        return np.asarray(np.sqrt(2 * own**2 + UNSAMPLED**2 * fine), np.float32)
    seen = stack.var(axis=0, ddof=1)
    # The median of a variance with few degrees of freedom lies below its mean (Wilson and Hilferty 1931).
    usual = np.maximum(expected, float(np.median(seen / expected)) / (1 - 2 / (9 * (count - 1))) ** 3 * expected)
    pooled = (PRIOR * usual + (count - 1) * seen) / (PRIOR + count - 1)
    # Few pictures understate a pixel's variance now and then; that of its neighbourhood is known better.
    pooled = np.maximum(pooled, cv2.blur(seen, (AROUND, AROUND), borderType=cv2.BORDER_REFLECT_101))
    return np.asarray(np.sqrt(pooled * (1 + 1 / count)), np.float32)
