"""Colours as people see them: CIELAB of sRGB pixels under the white D65, and CIEDE2000, the difference of two of them.

Sources: IEC 61966-2-1 (sRGB), CIE 15 (CIELAB), and G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 Color-Difference Formula:
Implementation Notes, Supplementary Test Data, and Mathematical Observations", Color Research and Application 30(1), 2005.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.typed import floats

# Linear red, green, blue -> X, Y, Z of sRGB.
_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
# The same from blue, green, red, and in shares of the white: white is then L 100, a 0, b 0 exactly.
_SHARES = (_XYZ / _XYZ.sum(axis=1, keepdims=True))[:, ::-1].copy()
# The cube root of CIELAB goes over into a straight line here, and that is the line's slope.
_KNEE = (6 / 29) ** 3
_SLOPE = 841 / 108
# L, a, b of the roots of X, Y, Z, with what is added in the last column.
_LAB = np.array([[0.0, 116, 0, -16], [500, -500, 0, 0], [0, 200, -200, 0]])


@cache
def _linear(full: int) -> NDArray[np.float32]:
    """Return the light of each level up to full scale, 0 to 1, by the curve of sRGB."""
    level = np.arange(full + 1) / full
    light = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


def to_lab(bgr: NDArray[Any], full: int, buffers: Buffers) -> NDArray[np.float32]:
    """Return L, a, b (h, w, 3) float32 of sRGB pixels blue, green, red (h, w, 3) of uint8 or uint16, whose white is `full`.

    Within 0.02 of exact arithmetic; the memory is used again by the next call with the same buffers. Meant for bands of a picture.
    """
    table = _linear(full)
    light = buffers.take("light", bgr.shape, np.float32)
    if bgr.dtype == np.uint8:
        cv2.LUT(bgr, table, dst=light)
    else:
        np.take(table, bgr, out=light)
    xyz = cv2.transform(light, _SHARES, dst=buffers.take("xyz", bgr.shape, np.float32))
    # Root above the knee, straight line below, in one sum: each part is constant where the other one works.
    line = np.minimum(xyz, np.float32(_KNEE), out=light)
    np.subtract(line, np.float32(_KNEE), out=line)
    np.multiply(line, np.float32(_SLOPE), out=line)
    np.maximum(xyz, np.float32(_KNEE), out=xyz)
    # Ten times as fast as NumPy's cube root where the processor has no AVX-512, and as right: 2e-7.
    cv2.pow(xyz, 1 / 3, dst=xyz)
    np.add(xyz, line, out=xyz)
    return floats(cv2.transform(xyz, _LAB, dst=light))


def ciede2000(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Return the CIEDE2000 differences of colours whose first axis is L, a, b; the rest of the shapes go together as usual.

    In the arithmetic of the arguments. Angles enter by their sines and cosines alone, which follow from a and b without an arc tangent,
    save the one that places the blue rotation.
    """
    (l1, a1, b1), (l2, a2, b2) = one, other
    stretch = 1.5 - 0.5 * np.sqrt(_of_seventh((_length(a1, b1) + _length(a2, b2)) / 2))
    a1, a2 = stretch * a1, stretch * a2
    c1, c2 = _length(a1, b1), _length(a2, b2)
    cos, sin = _mean_hue(a1, b1, c1, a2, b2, c2)
    chroma, light = (c1 + c2) / 2, ((l1 + l2) / 2 - 50) ** 2
    dl = (l2 - l1) / (1 + 0.015 * light / np.sqrt(20 + light))
    dc = (c2 - c1) / (1 + 0.045 * chroma)
    dh = _hue_step(a1, b1, a2, b2, c1 * c2) / (1 + 0.015 * chroma * _hue_weight(cos, sin))
    squared = dl**2 + dc**2 + dh**2 + _rotation(cos, sin, chroma) * dc * dh
    return np.asarray(np.sqrt(np.maximum(squared, 0)))


def _length(x: Any, y: Any) -> NDArray[Any]:
    """Return the lengths of (x, y): several times faster than `hypot`, whose care for huge numbers no colour needs."""
    return np.asarray(np.sqrt(x * x + y * y))


def _of_seventh(chroma: NDArray[Any]) -> NDArray[Any]:
    """Return c^7 / (c^7 + 25^7), in terms of c / 25 so that it fits float32."""
    share = chroma / 25
    squared = share * share
    seventh = squared * squared * squared * share
    return np.asarray(seventh / (seventh + 1))


def _hue_step(a1: Any, b1: Any, a2: Any, b2: Any, product: NDArray[Any]) -> NDArray[Any]:
    """Return 2 sqrt(c1 c2) sin(half the hue difference), with its sign; `product` is c1 c2."""
    dot, cross = a1 * a2 + b1 * b2, a1 * b2 - a2 * b1
    # Two forms of the same: each loses digits where the other one is used.
    tiny = np.finfo(np.asarray(product).dtype).tiny
    near = cross / np.sqrt(np.maximum((product + dot) / 2, tiny))
    far = np.copysign(np.sqrt(np.maximum(2 * (product - dot), 0)), cross)
    return np.asarray(np.where(dot >= 0, near, far))


def _mean_hue(a1: Any, b1: Any, c1: Any, a2: Any, b2: Any, c2: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return cosine and sine of the hue half-way between two, the shorter way round; a neutral colour has no say in it."""
    number = np.finfo(np.asarray(c1 * c2).dtype)
    s1, s2 = 1 / np.maximum(c1, number.tiny), 1 / np.maximum(c2, number.tiny)
    x, y = a1 * s1 + a2 * s2, b1 * s1 + b2 * s2
    length = _length(x, y)
    # Of two opposite hues the mean lies a quarter turn after the smaller one, which is that in the upper half.
    opposite = (length < 8 * number.eps) & (c1 * c2 > 0)
    if np.any(opposite):
        sign = np.where((b1 > 0) | ((b1 == 0) & (a1 > 0)), 1, -1)
        x, y = np.where(opposite, -b1 * s1 * sign, x), np.where(opposite, a1 * s1 * sign, y)
        length = np.where(opposite, 1, length)
    scale = 1 / np.maximum(length, number.tiny)
    return x * scale, y * scale


def _turned_cos(cos: NDArray[Any], sin: NDArray[Any], degrees: float) -> NDArray[Any]:
    """Return cos(angle + degrees)."""
    turn = math.radians(degrees)
    return np.asarray(cos * math.cos(turn) - sin * math.sin(turn))


def _hue_weight(cos: NDArray[Any], sin: NDArray[Any]) -> NDArray[Any]:
    """Return the T of CIEDE2000 at the hue of this cosine and sine."""
    cos2, sin2 = cos * cos - sin * sin, 2 * cos * sin
    cos3, sin3 = cos2 * cos - sin2 * sin, sin2 * cos + cos2 * sin
    cos4, sin4 = cos2 * cos2 - sin2 * sin2, 2 * cos2 * sin2
    return np.asarray(
        1
        - 0.17 * _turned_cos(cos, sin, -30)
        + 0.24 * cos2
        + 0.32 * _turned_cos(cos3, sin3, 6)
        - 0.20 * _turned_cos(cos4, sin4, -63)
    )


def _rotation(cos: NDArray[Any], sin: NDArray[Any], chroma: NDArray[Any]) -> NDArray[Any]:
    """Return the R_T of CIEDE2000, which turns the ellipses of blue colours."""
    # sin(angle - 275 degrees) = -cos(angle - 185 degrees)
    from_blue = np.arctan2(-_turned_cos(cos, sin, -185), _turned_cos(cos, sin, -275))
    angle = math.radians(60) * np.exp(-((from_blue * math.degrees(1 / 25)) ** 2))
    return np.asarray(-2 * np.sqrt(_of_seventh(chroma)) * np.sin(angle))
