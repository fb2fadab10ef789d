"""Thresholds, filters, statistics, edges and colours, against other arithmetic than the engine's and against drawn truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.colour_pairs import PAIRS
from analyticlens.bench.accuracy.render import disc, render, union
from analyticlens.bench.accuracy.table import RARE, Row, Tally, row_of
from analyticlens.engine import Inspection, Prepared, inspect, prepare
from analyticlens.engine.lab import ciede2000
from analyticlens.protocol.recipe import Recipe

Floats = NDArray[np.float64]
# Rows and columns; the renderer takes columns first.
SIZE = (120, 160)


def rows(seed: int, n: int) -> Iterator[Row]:
    """Yield the rows of this family, each condition drawn from a seed of its own."""
    kinds: tuple[Callable[[np.random.Generator, int], Iterator[Row]], ...] = (
        _otsu,
        _adaptive,
        _intensity,
        _medians,
        _flat_field,
        _lengths,
        _false_edges,
        _focus,
        _pairs,
        _colours,
    )
    for number, kind in enumerate(kinds):
        yield from kind(np.random.default_rng([seed, 77, number]), n)


def _prepared(kind: str, **fields: Any) -> Prepared:
    tool = {"id": 1, "name": kind, "type": kind, **fields}
    return prepare(Recipe.model_validate({"tools": [tool]}), fields.pop("blobs", None), tool_ms=1e5)


def _measured(tally: Tally, picture: NDArray[Any], prepared: Prepared) -> Inspection:
    inspection: Inspection = tally.timed(inspect, picture, prepared)
    return inspection


def _two_levels(rng: np.random.Generator, dtype: Any) -> NDArray[Any]:
    """Return a noisy picture of two levels, anywhere on the scale, one rarer than the other."""
    full = int(np.iinfo(dtype).max)
    low, high = np.sort(rng.uniform(0.05, 0.95, 2)) * full
    picture = rng.normal(
        np.where(rng.random(SIZE) < rng.uniform(0.05, 0.5), high, low), rng.uniform(0.005, 0.06) * full
    )
    rounded: NDArray[Any] = np.clip(np.rint(picture), 0, full).astype(dtype)
    return rounded


def _best_cut(picture: NDArray[Any]) -> int:
    """Return the lowest level of the brighter class that leaves the least variance within both, by trying every level there is."""
    own = np.sort(picture.ravel().astype(np.float64))
    levels = np.unique(own)[1:]
    split = np.searchsorted(own, levels)
    sums = np.concatenate([[0], np.cumsum(own)])[split]
    count = len(own)
    between = split * (count - split) * (sums / split - (own.sum() - sums) / (count - split)) ** 2
    # The engine's level is the first of the gap below the brighter class.
    best = int(np.argmax(between))
    return int(own[split[best] - 1]) + 1


def _otsu(rng: np.random.Generator, n: int) -> Iterator[Row]:
    for dtype in (np.uint8, np.uint16):
        tally, prepared = Tally(), _prepared("threshold", params={"mode": "otsu"})
        for _ in range(n):
            picture = _two_levels(rng, dtype)
            level = _measured(tally, picture, prepared).tools[0].features["level"]
            tally.add(level=level - _best_cut(picture))
        yield tally.row("threshold", f"Otsu, {np.dtype(dtype).name}", "level", "DN", worst=0)


def _adaptive(rng: np.random.Generator, n: int) -> Iterator[Row]:
    window, offset = 21, 7
    for dtype in (np.uint8, np.uint16):
        params = {"mode": "adaptive_mean", "window": window, "offset": offset}
        tally, prepared = Tally(), _prepared("threshold", params=params)
        for _ in range(n):
            picture = _two_levels(rng, dtype)
            image = _measured(tally, picture, prepared).image
            assert image is not None
            # In whole numbers: window² times the pixel less the sum about it.
            sums = _box_sums(picture, window)
            white = picture.astype(np.int64) * window**2 - sums > offset * window**2
            tally.add(wrong=float(((image > 0) != white).mean()))
        yield tally.row("threshold", f"adaptive mean, {np.dtype(dtype).name}", "wrong", "share", worst=0)


def _box_sums(picture: NDArray[Any], side: int) -> NDArray[np.int64]:
    """Return the sums of side x side windows, the border continued by its own pixels."""
    half = side // 2
    padded = np.pad(picture.astype(np.int64), half, mode="edge")
    total = np.pad(padded.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    result: NDArray[np.int64] = (
        total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    )
    return result


def _intensity(rng: np.random.Generator, n: int) -> Iterator[Row]:
    for dtype in (np.uint8, np.uint16):
        tally = Tally()
        for _ in range(n):
            picture = rng.integers(0, np.iinfo(dtype).max, SIZE, endpoint=True).astype(dtype)
            cx, cy, r = rng.uniform(50, 110), rng.uniform(45, 75), rng.uniform(3, 40)
            region = {"shape": "circle", "cx": cx, "cy": cy, "r": r}
            found = _measured(tally, picture, _prepared("intensity", region=region, params={"percentiles": True}))
            features = found.tools[0].features
            rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
            own = np.sort(picture[np.hypot(columns - cx, rows - cy) <= r]).tolist()
            tally.add(mean=features["mean"] - sum(own) / len(own), area=features["area"] - len(own))
            tally.add(p95=features["p95"] - own[math.ceil(0.95 * len(own)) - 1])
        name = np.dtype(dtype).name
        yield tally.row("intensity", f"discs, {name}", "mean", "DN", worst=1e-9 * np.iinfo(dtype).max)
        yield tally.row("intensity", f"discs, {name}", "p95", "DN", worst=0)
        yield tally.row("intensity", f"discs, {name}", "area", "px²", worst=0)


def _medians(rng: np.random.Generator, n: int) -> Iterator[Row]:
    tally = Tally()
    for _ in range(max(3, n // 10)):
        side = int(rng.integers(3, 12)) * 2 + 1
        picture = np.clip(rng.normal(20000, 10 ** rng.uniform(0, 3.5), (50, 70)), 0, 65535).astype(np.uint16)
        image = _measured(tally, picture, _prepared("blur", params={"method": "median", "ksize": side})).image
        padded = np.pad(picture, side // 2, mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side)).reshape(*picture.shape, -1)
        assert image is not None
        tally.add(level=float(np.abs(image - np.median(windows, axis=2)).max()))
    yield tally.row("blur", "median 7 to 23, uint16", "level", "DN", worst=0)


def _flat_field(rng: np.random.Generator, n: int) -> Iterator[Row]:
    from analyticlens.engine.tools.flat_field import teach_flat_field

    tally = Tally()
    for _ in range(n):
        light = (
            1
            - rng.uniform(0.1, 0.5) * np.hypot(*np.meshgrid(np.linspace(-1, 1, 160), np.linspace(-1, 1, 120))) ** 2 / 2
        )
        pixels = rng.normal(1, 0.02, SIZE)
        white, grey = (np.rint(level * light * pixels * 256 + 1000).astype(np.uint16) for level in (220, 100))
        dark = np.full(SIZE, 1000, np.uint16)
        tool, blobs = teach_flat_field(white, dark)
        image = tally.timed(inspect, grey, prepare(Recipe(tools=(tool,)), blobs)).image
        assert image is not None
        tally.add(uneven=100 * float(image.std() / image.mean()))
    yield tally.row("flat_field", "vignette, pixels +-2 %", "uneven", "%", worst=0.01)


def _lengths(rng: np.random.Generator, n: int) -> Iterator[Row]:
    prepared = _prepared("edge")
    for snr in (None, 40, 20, 10):
        tally = Tally()
        for _ in range(n):
            r = rng.uniform(15, 45)
            exact = render(disc(rng.uniform(75, 85), rng.uniform(55, 65), r), SIZE[::-1], psf=rng.uniform(0.6, 1.5))
            features = _measured(tally, expose(exact, rng, snr=snr), prepared).tools[0].features
            if features["contour_count"] != 1:
                tally.fail()
                continue
            tally.add(length=100 * (features["longest_contour"] / (2 * math.pi * r) - 1))
        condition = "rim of a disc, " + ("no noise" if snr is None else f"SNR {snr}")
        yield tally.row("edge", condition, "length", "%", bias=1, sd=2, fails=0.02)


def _false_edges(rng: np.random.Generator, n: int) -> Iterator[Row]:
    prepared = _prepared("edge")
    tally = Tally()
    for _ in range(RARE * n):
        # Where part of a picture is cut off at black or white, its noise is not that of the rest.
        level = np.full((240, 320), rng.uniform(90, 160))
        picture = expose(level, rng, snr=10 ** rng.uniform(0.7, 2), shading=0.2)
        if _measured(tally, picture, prepared).tools[0].features["contour_count"]:
            tally.fail()
        else:
            tally.add(false=0)
    yield tally.row("edge", "empty field, SNR 5 to 100", "false", "", fails=0.02)


def _focus(rng: np.random.Generator, n: int) -> Iterator[Row]:
    for method in ("tenengrad", "laplacian"):
        prepared = _prepared("focus", params={"method": method})
        tally = Tally()
        for _ in range(max(3, n // 4)):
            shape = union(*(disc(rng.uniform(10, 150), rng.uniform(10, 110), rng.uniform(2, 9)) for _ in range(12)))
            gain = rng.uniform(0.4, 1)
            sharp = []
            for psf in (0.5, 0.8, 1.2, 1.8, 2.7, 4.0):
                frame = expose(render(shape, SIZE[::-1], psf=psf) * gain, rng, snr=100)
                sharp.append(_measured(tally, frame, prepared).tools[0].features["sharpness"])
            if all(more > less for more, less in pairwise(sharp)):
                tally.add(order=0)
            else:
                tally.fail()
        yield tally.row("focus", f"{method}, PSF 0.5 to 4", "order", "", fails=0)


def _pairs(rng: np.random.Generator, n: int) -> Iterator[Row]:
    for dtype, goal in ((np.float64, 0.00005), (np.float32, 0.0002)):
        one, other = PAIRS[:, :3].T.astype(dtype), PAIRS[:, 3:6].T.astype(dtype)
        errors = ciede2000(one, other).astype(np.float64) - PAIRS[:, 6]
        # The published figures are rounded to four decimals.
        condition = f"CIEDE2000, {len(PAIRS)} pairs, {np.dtype(dtype).name}"
        yield row_of("colour", condition, "delta_e", "", errors.tolist(), worst=goal * 1.001)


def _colours(rng: np.random.Generator, n: int) -> Iterator[Row]:
    """Noisy patches of known colours: the mean in Lab, and which of the taught ones it is."""
    for noise in (0.0, 3.0, 10.0):
        tally = Tally()
        for _ in range(n):
            colours = rng.uniform(40, 215, (4, 3))
            taught = [_lab(colour) for colour in colours]
            chosen = int(rng.integers(4))
            picture = np.clip(np.rint(colours[chosen] + rng.normal(0, noise, (60, 80, 3))), 0, 255).astype(np.uint8)
            places = [{"name": str(i), "l": lab[0], "a": lab[1], "b": lab[2]} for i, lab in enumerate(taught)]
            features = _measured(tally, picture, _prepared("colour", params={"colours": places})).tools[0].features
            apart = sorted(float(ciede2000(np.array(taught[chosen]), np.array(lab))) for lab in taught)[1]
            if features["nearest"] != chosen + 1 and apart > 2:
                tally.fail()
                continue
            mean = np.mean([_lab(pixel) for pixel in picture.reshape(-1, 3)[::60].astype(float)], axis=0)
            tally.add(delta_e=features["delta_e"])
            if not noise:
                tally.add(lab=float(np.abs(np.array([features[name] for name in "lab"]) - mean).max()))
        yield tally.row("colour", f"patch, noise {noise:g} DN", "delta_e", "", p95=0.5, fails=0)
        if not noise:
            yield tally.row("colour", "patch, no noise", "lab", "", worst=0.02)


def _lab(bgr: Floats) -> tuple[float, float, float]:
    """Return CIELAB of one sRGB colour (blue, green, red, 0 to 255) under D65, in plain double precision."""
    light = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (float(v) / 255 for v in bgr[::-1])]
    to_xyz = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
    xyz = [sum(m * v for m, v in zip(line, light, strict=True)) / sum(line) for line in to_xyz]
    x, y, z = (v ** (1 / 3) if v > (6 / 29) ** 3 else v * 841 / 108 + 4 / 29 for v in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)
