"""Codes drawn by other libraries than the one that reads them, at any angle and size of module.

segno makes QR codes, ppf.datamatrix Data Matrix codes, python-barcode the bars: modules only; the picture is drawn here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Modules = NDArray[np.bool_]
QUIET_MATRIX, QUIET_BARS = 4, 10
# Bars are so high in modules, at least, and as a share of their length.
BAR_HEIGHT = (12, 4)
OVERSAMPLED = 4
MARGIN = 10


def qr_code(text: str, error: str = "m") -> Modules:
    """Return the dark modules (rows, columns) of a QR code."""
    import segno

    return np.array(segno.make_qr(text, error=error).matrix, bool)


def data_matrix(text: str) -> Modules:
    """Return the dark modules (rows, columns) of a Data Matrix code (ECC 200)."""
    from ppf.datamatrix import DataMatrix

    return np.array(DataMatrix(text).matrix, bool)


def bars(kind: str, text: str) -> Modules:
    """Return the dark modules of a 1-D code, many rows high; kind is python-barcode's word, such as "code128" or "ean13"."""
    import barcode

    maker: Any = barcode.get_barcode_class(kind)
    options = {"add_checksum": False} if kind == "code39" else {}
    line = np.array([mark == "1" for mark in maker(text, **options).build()[0]], bool)
    return np.tile(line, (max(BAR_HEIGHT[0], len(line) // BAR_HEIGHT[1]), 1))


def code_128(text: str) -> Modules:
    """Return the dark modules of a Code 128."""
    return bars("code128", text)


ENCODERS: dict[str, Callable[[str], Modules]] = {"qr_code": qr_code, "data_matrix": data_matrix, "code_128": code_128}


def with_quiet_zone(modules: Modules) -> Modules:
    """Return modules with the light margin that their standard wants."""
    same = bool((modules == modules[0]).all())
    return np.pad(modules, QUIET_BARS if same else QUIET_MATRIX)


def drawn(
    modules: Modules,
    module: float,
    angle_deg: float,
    *,
    centre: tuple[float, float] = (0.0, 0.0),
    psf: float = 0.7,
    low: float = 60.0,
    high: float = 180.0,
    size: tuple[int, int] | None = None,
) -> NDArray[np.float64]:
    """Return exact grey levels (h, w) of a code whose modules are so many pixels wide, turned from +x towards +y.

    `centre` is where its middle lies (x, y) from the picture's. psf: the standard deviation of the blur in pixels. size: rows and
    columns, just enough where it is not said.
    """
    whole = with_quiet_zone(modules)
    rows, columns = whole.shape
    angle, step = math.radians(angle_deg), OVERSAMPLED
    height, width = size or _room(rows * module, columns * module, angle)
    # From the fine picture's pixels to the modules, pixel centres at whole numbers in both.
    scale = 1 / (step * module)
    x0, y0 = (width * step - 1) / 2 + centre[0] * step, (height * step - 1) / 2 + centre[1] * step
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    x, y = np.arange(width * step) - x0, (np.arange(height * step) - y0)[:, None]
    framed = np.pad(whole, 1)
    u = np.clip(np.floor(x * cos + y * sin + columns / 2), -1, columns).astype(np.int32) + 1
    v = np.clip(np.floor(y * cos - x * sin + rows / 2), -1, rows).astype(np.int32) + 1
    fine = np.where(framed[v, u], np.float32(low), np.float32(high))
    if psf:
        fine = cv2.GaussianBlur(fine, (0, 0), psf * step, borderType=cv2.BORDER_REPLICATE)
    levels: NDArray[np.float64] = fine.reshape(height, step, width, step).mean(axis=(1, 3), dtype=np.float64)
    return levels


def _room(height: float, width: float, angle: float) -> tuple[int, int]:
    """Return rows and columns that hold a turned rectangle with a margin."""
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    return math.ceil(width * sin + height * cos) + 2 * MARGIN, math.ceil(width * cos + height * sin) + 2 * MARGIN
