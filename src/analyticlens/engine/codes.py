"""Codes read by zxing-cpp, and what is tried when one cannot be read as it stands.

The chain: as it is; for bars and PDF417, turned straight and smoothed along themselves; for the others smoothed, enlarged, or both, by
more and more. Enlarging and smoothing look at busy places alone. What is tried depends on the picture alone, not on a clock, so that
the same picture is read the same way on every computer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.codefinders import MOST, SETS_MS, sets_ms, squares_in
from analyticlens.engine.codeplaces import BLOCK, MOST_BOXES, Box, Strip, Tensor, busy, slants, strips, structure
from analyticlens.engine.errors import CannotBuild, ToolFailed
from analyticlens.protocol.tools.reading import CodeFormat, CodeParams

# What is asked of zxing for the contract's word for a format; both sides of the table are told apart by what reads them. Whole families are
# not asked for where some members say another text than is printed (a Code 39 taken for a Code 32, or for the extended set), or are
# smaller and checked far less, so that noise about a code can look like one (rMQR, runes).
MATRIX: dict[str, tuple[str, ...]] = {
    "qr_code": ("QRCodeModel1", "QRCodeModel2"),
    "micro_qr_code": ("MicroQRCode",),
    "data_matrix": ("DataMatrix",),
    "aztec": ("AztecCode",),
    "pdf417": ("PDF417", "CompactPDF417"),
}
LINEAR: dict[str, tuple[str, ...]] = {
    "code_128": ("Code128",),
    "code_93": ("Code93",),
    "code_39": ("Code39Std",),
    "codabar": ("Codabar",),
    "itf": ("ITF",),
    "ean_13": ("EAN13",),
    "ean_8": ("EAN8",),
    "upc_a": ("UPCA",),
    "upc_e": ("UPCE",),
    "databar": ("DataBar",),
}
# What zxing calls a code of the format, where that is not what was asked for. Of what it calls otherwise nothing is taken (MicroPDF417).
CALLED: dict[str, tuple[str, ...]] = {
    "qr_code": ("QRCode",),
    "aztec": ("Aztec",),
    "code_39": ("Code39",),
    "itf": ("ITF14",),
    "databar": tuple(f"DataBar{kind}" for kind in ("Omni", "Ltd", "Stk", "StkOmni", "Exp", "ExpStk")),
}
# The smallest Micro QR code tells that it was misread, but cannot mend anything: it is taken only as it stands in the picture.
UNMENDED = "M1"
# What reading a million pixels takes at most, in ms, by format: measured on white noise and on stripes, with half as much again.
# Beside that squares like the corners of QR codes take their own time: see codefinders.
MATRIX_MS = {"qr_code": 5.0, "micro_qr_code": 5.0, "data_matrix": 32.0, "aztec": 65.0, "pdf417": 20.0}
LINEAR_MS = 9.0
EACH_LINEAR_MS = 3.0
# Straight bars are sought in one direction only.
STRAIGHT_SHARE = 0.5
# Formats whose corners are squares, and counting those.
SQUARES = frozenset({"qr_code", "micro_qr_code"})
COUNT_MS = 6.0
# Structure tensor, and turning a strip, in ms a million pixels.
TENSOR_MS = 10.0
TURN_MS = 12.0
# Smoothing before (px) and enlargement of the chain, and the pixels it makes of each pixel.
CHAIN = (
    (1.0, 1),
    (0.0, 2),
    (0.6, 2),
    (0.8, 2),
    (0.6, 3),
    (0.0, 3),
    (0.8, 3),
    (1.2, 3),
    (0.0, 2.5),
    (0.4, 2.5),
    (0.4, 4),
)
CHAIN_PIXELS = sum(times**2 for _, times in CHAIN)
# What the picture reduced adds to the plain look, as a share.
REDUCED_SHARE = 0.13
# Smoothing across the bars and along them (px after turning), and enlargement along the code.
TURNS = ((0.0, 2.0, 2), (0.8, 3.0, 3))
# The same for PDF417, whose rows are a few modules high; and their share of the time for matrix codes at most.
SLANTED = "pdf417"
SLANTED_TURNS = ((0.0, 0.7, 2), (0.8, 1.0, 3))
SLANTED_SHARE = 0.2
# Quiet zone kept about a strip: a share of its length, and pixels.
QUIET = (0.12, 16.0)
# Bars can be read along a line that crosses them so much askew, in degrees.
MOST_ASKEW = 35.0
# Formats without a check character, and the share of their strip they must fill to be taken for whole.
WEAK = frozenset({"itf", "codabar", "code_39"})
FILLED = 0.85
# The most room a narrow bar takes of their length: modules a character where wide is twice narrow, and those of start and stop.
LEAST_MODULES = {"itf": (7.0, 8.0), "codabar": (10.0, 0.0), "code_39": (13.0, 26.0)}
# Beyond both ends so many narrow bars must be seen plain (up to seven where wide is thrice narrow): no gap in a code is so wide.
# Those next to the ends are passed over, as ends are blurred.
PLAIN_MODULES = 5.0
BLURRED_MODULES = 1.5
# Lines along which that is looked at, in the middle half of the bars, and samples a narrow bar.
PLAIN_LINES = 9
PLAIN_SAMPLES = 2
# Beyond so many pixels the plain look also looks at the picture reduced, each time by so much, until its longer side is so short.
REDUCED = 300_000
REDUCED_BY = 3
REDUCED_TO = 500


class Code(NamedTuple):
    """One code: its text, its format in the contract's word, its corners (x, y) from the text's top left clockwise."""

    text: str
    format: str
    corners: tuple[tuple[float, float], ...]

    @property
    def centre(self) -> tuple[float, float]:
        """The mean of the corners."""
        return sum(x for x, _ in self.corners) / 4, sum(y for _, y in self.corners) / 4

    @property
    def angle_deg(self) -> float:
        """The direction in which the text runs."""
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = self.corners
        return math.degrees(math.atan2(by - ay + cy - dy, bx - ax + cx - dx))

    def same_as(self, other: Code) -> bool:
        """Tell whether both are one code, read twice."""
        (ax, ay), (bx, by) = self.centre, other.centre
        size = max(math.dist(self.corners[0], self.corners[2]), math.dist(other.corners[0], other.corners[2]), 8.0)
        return (self.text, self.format) == (other.text, other.format) and math.hypot(ax - bx, ay - by) < size / 2


class Reader:
    """zxing-cpp set to some formats. Raises CannotBuild where it is not installed."""

    def __init__(self, params: CodeParams) -> None:
        try:
            import zxingcpp
        except ImportError:
            raise CannotBuild("reading codes needs zxing-cpp: install analyticlens[machine]") from None
        self._read = zxingcpp.read_barcodes
        self._plain = zxingcpp.TextMode.Plain
        self._inverted = params.inverted
        formats = zxingcpp.BarcodeFormat
        self._asked: dict[str, list[Any]] = {
            word: [getattr(formats, name) for name in {**MATRIX, **LINEAR}[word]] for word in params.formats
        }
        self.matrix = tuple(word for word in params.formats if word in MATRIX)
        self.linear = tuple(word for word in params.formats if word in LINEAR)

    def read(
        self,
        grey: NDArray[np.uint8],
        words: tuple[str, ...],
        *,
        turn: bool = True,
        retry: bool = True,
    ) -> list[Code]:
        """Return the codes of these formats in a picture (h, w) uint8 that lies in one piece in memory.

        `turn`: also look along the other axis; `retry`: the picture is no more as it was.
        """
        wanted: Any = [one for word in words for one in self._asked[word]]
        seen = self._read(
            grey,
            formats=wanted,
            try_rotate=turn,
            try_downscale=False,
            try_invert=self._inverted,
            text_mode=self._plain,
        )
        codes = [_code(one, words, grey) for one in seen if one.valid and one.text and not (retry and _unmended(one))]
        return [code for code in codes if code is not None]


def _unmended(seen: Any) -> bool:
    return bool(seen.format.name == "MicroQRCode" and seen.extra.get("Version") == UNMENDED)


def _code(seen: Any, words: tuple[str, ...], grey: NDArray[np.uint8]) -> Code | None:
    """Return what zxing saw, or None where it is of no format that was asked for."""
    name = seen.format.name
    word = next((word for word in words if name in {**MATRIX, **LINEAR}[word] or name in CALLED.get(word, ())), None)
    if word is None:
        return None
    return Code(_text(seen, word), word, _corners(seen.position, word, grey))


def _corners(place: Any, word: str, grey: NDArray[np.uint8]) -> tuple[tuple[float, float], ...]:
    """Return the corners where pixel centres lie at whole numbers: zxing tells them in three ways, rounded.

    Of bars it tells the first and the last dark pixel of a row, each half a pixel within the end. Of other codes it tells edges, with
    pixel centres at halves; but along the bars of PDF417, and of a Data Matrix that is all there is, upright, it tells pixels as well.
    """
    told = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
    corners = tuple((float(end.x), float(end.y)) for end in told)
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners
    if word in LINEAR or (word == "data_matrix" and _tells_pixels(corners, grey)):
        begins, ends, half = -0.5, 0.5, 0.0 if word in LINEAR else 0.5
    elif word == "pdf417":
        begins, ends, half = -0.5, -0.5, 0.5
    else:
        return tuple((x - 0.5, y - 0.5) for x, y in corners)
    # zxing reads along rows or along columns: (u, v) is the direction of the text, (-v, u) that down from it.
    u, v = bx - ax + cx - dx, by - ay + cy - dy
    u, v = (math.copysign(1.0, u), 0.0) if abs(u) >= abs(v) else (0.0, math.copysign(1.0, v))
    moves = ((begins, -half), (ends, -half), (ends, half), (begins, half))
    return tuple(
        (x + along * u - down * v, y + along * v + down * u)
        for (x, y), (along, down) in zip(corners, moves, strict=True)
    )


def _tells_pixels(corners: tuple[tuple[float, float], ...], grey: NDArray[np.uint8]) -> bool:
    """Tell whether the corners of a Data Matrix are its last dark pixels, not its edges: where it is upright, by its solid lower bar."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners
    if not (ax == dx < bx == cx and ay == by < cy == dy):
        return False
    row, bar = int(cy), slice(int(ax), int(cx) + 1)
    above, here, below = (float(grey[min(max(y, 0), len(grey) - 1), bar].mean()) for y in (row - 1, row, row + 1))
    return abs(here - above) < abs(here - below)


def _text(seen: Any, word: str) -> str:
    """Return the text as it is printed: zxing tells a UPC-A and a UPC-E as the EAN-13 each of them stands for."""
    text = str(seen.text)
    if word == "upc_a" and len(text) == 13 and text[0] == "0":
        return text[1:]
    return str((seen.extra or {}).get("UPCE", text)) if word == "upc_e" else text


class Budget(NamedTuple):
    """What a search on a number of pixels may cost, in ms: `first` for the plain look, then the others (`slanted`: PDF417)."""

    first: float
    tensor: float
    matrix: float
    linear: float
    slanted: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.first + self.tensor + self.matrix + self.linear + self.slanted


def matrix_rate(formats: tuple[CodeFormat, ...], inverted: bool) -> float:
    """Return the ms that matrix codes of these formats take a million pixels at most."""
    reading = sum(MATRIX_MS.get(word, 0.0) for word in formats)
    return (reading + (COUNT_MS if SQUARES & set(formats) else 0.0)) * (2 if inverted else 1)


def squares_ms(formats: tuple[CodeFormat, ...]) -> float:
    """Return the ms that squares in one picture take at most, for as many of these formats as have them at their corners."""
    return SETS_MS * len(SQUARES & set(formats))


def linear_rate(formats: tuple[CodeFormat, ...], inverted: bool) -> float:
    """Return the ms that bars of these formats take a million pixels at most."""
    count = sum(word in LINEAR for word in formats)
    return (LINEAR_MS + EACH_LINEAR_MS * count) * (1.25 if inverted else 1) if count else 0.0


def budget(params: CodeParams, height: int, width: int) -> Budget:
    """Return how the time for a region of so many rows and columns is shared out."""
    mega = height * width / 1e6
    matrix, linear = matrix_rate(params.formats, params.inverted), linear_rate(params.formats, params.inverted)
    reduced = height * width > REDUCED
    squares = squares_ms(params.formats)
    first = (matrix + linear) * mega * (1 + REDUCED_SHARE * reduced) + squares * (1 + reduced)
    tensor = TENSOR_MS * mega
    spare = params.budget_ms - first - tensor
    if not params.retries or spare <= 0:
        # The outline of bars needs the structure all the same.
        return Budget(first, tensor if linear else 0.0, 0.0, 0.0, 0.0)
    full = matrix * CHAIN_PIXELS * mega + squares * len(CHAIN) * (MOST_BOXES + 1)
    straight = slanted_rate(params) * mega * sum(times**2 for *_, times in SLANTED_TURNS)
    for_matrix = min(full + straight, spare if not linear else 0.6 * spare)
    slanted = min(straight, SLANTED_SHARE * for_matrix)
    return Budget(first, tensor, for_matrix - slanted, spare - for_matrix if linear else 0.0, slanted)


def slanted_rate(params: CodeParams) -> float:
    """Return the ms that turning PDF417 straight and reading it takes a million pixels at most, 0 where it is not asked for."""
    if SLANTED not in params.formats:
        return 0.0
    return TURN_MS + matrix_rate((SLANTED,), params.inverted)


class Search:
    """One search of a picture: each call of `next` of its attempts reads more codes than before, or not."""

    def __init__(
        self,
        reader: Reader,
        params: CodeParams,
        grey: NDArray[np.uint8],
        mask: NDArray[np.uint8] | None,
        buffers: Buffers,
    ) -> None:
        """`mask` is not 0 in the pixels of the region; None where all are."""
        self._reader, self._params, self._grey, self._mask, self._buffers = reader, params, grey, mask, buffers
        self._budget = budget(params, *grey.shape)

    def attempts(self) -> Iterator[list[Code]]:
        """Give what each attempt reads, in the pixels of the picture."""
        grey = self._grey
        words = (*self._reader.matrix, *self._reader.linear)
        tensor = structure(grey, self._buffers) if self._budget.tensor else None
        straight = strips(tensor) if self._reader.linear else []
        self._looked_at(grey)
        first = self._reader.read(grey, words, retry=False)
        if grey.size > REDUCED:
            first += self._reduced(words, first)
        yield [code for code in first if code.format in MATRIX] + self._sure(first, straight)
        if self._budget.linear:
            yield from self._straightened(straight)
        if self._budget.slanted:
            yield from self._slanted(slants(tensor))
        if self._budget.matrix:
            yield from self._enlarged(tensor)

    def _reduced(self, words: tuple[str, ...], known: list[Code]) -> list[Code]:
        """Return what else is read in the picture made smaller, time and again."""
        part = self._grey
        whole = Box(0, 0, part.shape[1], part.shape[0])
        more: list[Code] = []
        while max(part.shape) > REDUCED_TO and min(part.shape) >= 2 * REDUCED_BY:
            size = (part.shape[1] // REDUCED_BY, part.shape[0] // REDUCED_BY)
            small = self._buffers.take(f"code reduced {size}", (size[1], size[0]), np.uint8)
            cv2.resize(part, size, dst=small, interpolation=cv2.INTER_AREA)
            part = small
            self._looked_at(part)
            read = [_moved(code, whole, size) for code in self._reader.read(part, words, retry=False)]
            more += [code for code in read if not any(code.same_as(other) for other in (*known, *more))]
        return more

    def _looked_at(self, grey: NDArray[np.uint8]) -> None:
        """Raise ToolFailed for a picture with more squares like a QR code's corners than can be looked at."""
        if (squares := self._squares(grey)) > MOST:
            raise ToolFailed(
                f"about {squares} places look like corners of QR codes, and there is time for {MOST}: make the region smaller",
                "too_costly",
            )

    def _squares(self, grey: NDArray[np.uint8]) -> int:
        if not SQUARES & set(self._reader.matrix):
            return 0
        return squares_in(grey, self._params.inverted, self._buffers)

    def _room(self) -> int:
        """Return how many pixels of matrix codes may be read after the plain look."""
        return self._pixels(self._budget.matrix)

    def _pixels(self, ms: float) -> int:
        """Return how many pixels of matrix codes are read in so many milliseconds."""
        return math.ceil(ms / matrix_rate(self._params.formats, self._params.inverted) * 1e6)

    def _enlarged(self, tensor: Tensor | None) -> Iterator[list[Code]]:
        """Read the picture smoothed and enlarged, as long as there is time: all of it by what is left after the busiest places."""
        height, width = self._grey.shape
        whole, room = Box(0, 0, width, height), self._room()
        boxes = [] if whole.area * CHAIN_PIXELS <= room else busy(tensor, (height, width), int(room / CHAIN_PIXELS))
        for part in (boxes, [whole]):
            for smoothing, times in CHAIN:
                for box in part:
                    pixels = math.ceil(box.area * times**2)
                    if pixels > room:
                        continue
                    large = self._large(box, smoothing, times)
                    squares = self._squares(large)
                    room -= pixels + self._pixels(sets_ms(squares) * len(SQUARES & set(self._reader.matrix)))
                    if squares <= MOST and room >= 0:
                        found = self._reader.read(large, self._reader.matrix)
                        yield [_moved(code, box, (large.shape[1], large.shape[0])) for code in found]

    def _straightened(self, straight: list[Strip]) -> Iterator[list[Code]]:
        """Read the strips turned so that their bars stand upright."""
        rate = TURN_MS + STRAIGHT_SHARE * linear_rate(self._params.formats, self._params.inverted)
        room = int(self._budget.linear / rate * 1e6 / max(1, len(straight) * len(TURNS)))
        for turn in TURNS:
            for strip in straight:
                yield self._read_strip(strip, turn, room)

    def _slanted(self, places: list[Strip]) -> Iterator[list[Code]]:
        """Read places as PDF417, turned upright: its rows are not read askew."""
        room = int(self._budget.slanted / slanted_rate(self._params) * 1e6 / max(1, len(places) * len(SLANTED_TURNS)))
        for turn in SLANTED_TURNS:
            for strip in places:
                flat = self._flattened(strip._replace(height=strip.height + 2 * BLOCK), turn, room)
                if flat is not None:
                    found = self._reader.read(flat[0], (SLANTED,), turn=False)
                    yield [_turned(code, flat[1]) for code in found]

    def _large(self, box: Box, smoothing: float, times: float) -> NDArray[np.uint8]:
        """Return a box smoothed and enlarged."""
        part: NDArray[Any] = self._grey[box.y0 : box.y1, box.x0 : box.x1]
        if smoothing:
            smooth = self._buffers.take("code part", part.shape, np.uint8)
            part = cv2.GaussianBlur(part, (0, 0), smoothing, dst=smooth, borderType=cv2.BORDER_REPLICATE)
        size = (round(part.shape[1] * times), round(part.shape[0] * times))
        large = self._buffers.take("code large", (size[1], size[0]), np.uint8)
        cv2.resize(part, size, dst=large, interpolation=cv2.INTER_CUBIC)
        return large

    def _read_strip(self, strip: Strip, turn: tuple[float, float, int], room: int) -> list[Code]:
        """Read one strip of bars."""
        flat = self._flattened(strip, turn, room)
        if flat is None:
            return []
        found = self._reader.read(flat[0], self._reader.linear, turn=False)
        return self._sure([_turned(code, flat[1]) for code in found], [strip])

    def _flattened(
        self, strip: Strip, turn: tuple[float, float, int], room: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]] | None:
        """Return a strip turned upright and smoothed, and the matrix (2, 3) from its pixels to the picture's; None for want of time.

        It is enlarged less where there is not the time for more.
        """
        across, along, times = turn
        length = strip.length * (1 + 2 * QUIET[0]) + 2 * QUIET[1]
        height = max(strip.height, 8.0)
        scale = min(float(times), room / (length * height))
        if scale < 0.5:
            return None
        columns, rows = math.ceil(length * scale), math.ceil(height)
        angle = math.radians(strip.angle_deg)
        cos, sin = math.cos(angle), math.sin(angle)
        # From the strip's pixels to the picture's: columns run across the bars, rows along them.
        back = np.array(
            [
                [cos / scale, -sin, strip.x - cos / scale * (columns - 1) / 2 + sin * (rows - 1) / 2],
                [sin / scale, cos, strip.y - sin / scale * (columns - 1) / 2 - cos * (rows - 1) / 2],
            ]
        )
        flat = self._buffers.take("code strip", (rows, columns), np.uint8)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        cv2.warpAffine(self._grey, back, (columns, rows), dst=flat, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        smooth = self._buffers.take("code strip smooth", (rows, columns), np.uint8)
        cv2.GaussianBlur(
            flat, (0, 0), max(across * scale, 0.3), sigmaY=along, dst=smooth, borderType=cv2.BORDER_REPLICATE
        )
        return smooth, back

    def _sure(self, codes: list[Code], straight: list[Strip]) -> list[Code]:
        """Return the bars among codes, each with the outline of its whole strip: they were read along a line or two, perhaps askew.

        Of formats without a check character a piece looks like a whole: they count only where they fill their strip, and end in it.
        """
        result = []
        for code in codes:
            strip = next((strip for strip in straight if _lies_in(code, strip)), None)
            if code.format in MATRIX or (code.format in WEAK and strip is None):
                continue
            whole = code if strip is None else _outlined(code, strip)
            if code.format not in WEAK or (strip is not None and _fills(whole, strip) and self._ends(whole)):
                result.append(whole)
        return result

    def _ends(self, code: Code) -> bool:
        """Tell whether the region shows a quiet zone at both ends of bars: those that run into its border may be a piece."""
        each, both = LEAST_MODULES[code.format]
        length = _length(code)
        module = length / (each * len(code.text) + both)
        steps = math.ceil(length / module) * PLAIN_SAMPLES
        beyond = round(PLAIN_MODULES * PLAIN_SAMPLES)
        # Along the code in its own length, 0 to 1 from start to end, and across it.
        u = np.arange(-beyond, steps + beyond + 1, dtype=np.float32) / steps
        v = np.linspace(0.25, 0.75, PLAIN_LINES, dtype=np.float32)[:, None]
        (ax, ay), (bx, by), _, (dx, dy) = code.corners
        x = (ax + u * (bx - ax) + v * (dx - ax)).astype(np.float32)
        y = (ay + u * (by - ay) + v * (dy - ay)).astype(np.float32)
        if not _all_inside(x, y, self._grey.shape, self._mask):
            return False
        levels = cv2.remap(self._grey, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).mean(axis=0)
        bars, quiet = levels[beyond:-beyond], round((PLAIN_MODULES - BLURRED_MODULES) * PLAIN_SAMPLES)
        middle = (float(bars.min()) + float(bars.max())) / 2
        zones = np.concatenate([levels[:quiet], levels[-quiet:]])
        return bool((zones > middle).all() or (self._params.inverted and (zones < middle).all()))


def _moved(code: Code, box: Box, size: tuple[int, int]) -> Code:
    """Return a code read in a box that was brought to a size (columns, rows), in the picture's pixels."""
    across, down = size[0] / (box.x1 - box.x0), size[1] / (box.y1 - box.y0)
    places = tuple(((x + 0.5) / across - 0.5 + box.x0, (y + 0.5) / down - 0.5 + box.y0) for x, y in code.corners)
    return code._replace(corners=places)


def _turned(code: Code, back: NDArray[np.float64]) -> Code:
    places = [back @ (x, y, 1.0) for x, y in code.corners]
    return code._replace(corners=tuple((float(x), float(y)) for x, y in places))


def _all_inside(
    x: NDArray[np.float32], y: NDArray[np.float32], shape: tuple[int, ...], mask: NDArray[np.uint8] | None
) -> bool:
    """Tell whether all places lie in a region."""
    height, width = shape
    if x.min() < -0.5 or y.min() < -0.5 or x.max() > width - 0.5 or y.max() > height - 0.5:
        return False
    if mask is None:
        return True
    rows, columns = (np.clip(np.rint(place), 0, size - 1).astype(int) for place, size in ((y, height), (x, width)))
    return bool(mask[rows, columns].all())


def _fills(code: Code, strip: Strip) -> bool:
    return _length(code) > FILLED * (strip.length - 2 * BLOCK)


def _length(code: Code) -> float:
    return math.dist(code.corners[0], code.corners[1])


def _across(x: float, y: float, strip: Strip) -> tuple[float, float]:
    """Return a place along and across a strip, from its middle."""
    angle = math.radians(strip.angle_deg)
    cos, sin = math.cos(angle), math.sin(angle)
    return (x - strip.x) * cos + (y - strip.y) * sin, (y - strip.y) * cos - (x - strip.x) * sin


def _lies_in(code: Code, strip: Strip) -> bool:
    u, v = _across(*code.centre, strip)
    askew = abs(math.remainder(code.angle_deg - strip.angle_deg, 180))
    return abs(u) < strip.length / 2 and abs(v) < strip.height / 2 + 4 and askew < MOST_ASKEW


def _outlined(code: Code, strip: Strip) -> Code:
    along = [_across(x, y, strip)[0] for x, y in code.corners]
    starts, ends = (along[0] + along[3]) / 2, (along[1] + along[2]) / 2
    # The text may run against the strip's direction: its left is then at the far end, its top on the other side.
    half = strip.height / 2 if ends > starts else -strip.height / 2
    angle = math.radians(strip.angle_deg)
    cos, sin = math.cos(angle), math.sin(angle)
    places = [(starts, -half), (ends, -half), (ends, half), (starts, half)]
    return code._replace(corners=tuple((strip.x + u * cos - v * sin, strip.y + u * sin + v * cos) for u, v in places))
