"""Picture files: read whole or refused. A file that is cut, damaged or too large never becomes a frame somebody judges.

Formats are told by their first bytes. Size and kind are read from the header before anything is decoded, so that a small file cannot
ask for gigabytes. Depth is kept: 8-bit stays uint8, 16-bit stays uint16; what has more than three channels is refused, not reduced.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 50_000_000
MAX_JPEG_SCANS = 100

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
TIFF_MAGICS = {b"II*\x00": "<", b"MM\x00*": ">"}
TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
# none, LZW, deflate (both numbers), PackBits
TIFF_COMPRESSIONS = {1, 5, 8, 32946, 32773}


class Undecodable(Exception):
    """The file is no whole picture of a kind that is judged. `reason` is decode_failed or frame_refused."""

    def __init__(self, sentence: str, reason: str = "decode_failed") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Header:
    """What a file's header says, before anything is decoded."""

    kind: str
    width: int
    height: int


def decode(raw: bytes) -> NDArray[Any]:
    """Return the picture in raw: uint8 or uint16, (H, W) grey or (H, W, 3) BGR, rows downwards.

    An EXIF orientation is not followed: a station's regions are in the sensor's own coordinates.
    Raises Undecodable with one sentence when it is not whole, not of a known format, over the caps, or has a fourth channel.
    """
    header = read_header(raw)
    frame = _decode_jpeg(raw) if header.kind == "jpeg" else _decode_opencv(raw)
    if frame.shape[:2] != (header.height, header.width):
        raise Undecodable("the picture is not of the size its header says")
    return check_frame(frame)


def check_frame(frame: NDArray[Any]) -> NDArray[Any]:
    """Return frame with a lone third axis removed. Raises Undecodable (frame_refused) for what no tool can judge."""
    if frame.ndim == 3 and frame.shape[2] == 1:
        frame = frame[:, :, 0]
    if frame.dtype not in (np.uint8, np.uint16):
        raise Undecodable(f"pixels of type {frame.dtype} are not judged", "frame_refused")
    if frame.ndim == 3 and frame.shape[2] != 3:
        raise Undecodable(f"a picture of {frame.shape[2]} channels is not judged", "frame_refused")
    if frame.ndim not in (2, 3) or frame.size == 0:
        raise Undecodable("the picture is empty", "frame_refused")
    return frame


def read_header(raw: bytes) -> Header:
    """Return what the header says. Raises Undecodable when the file is cut, damaged, unknown, or over the caps."""
    if not raw:
        raise Undecodable("the file is empty")
    if len(raw) > MAX_BYTES:
        raise Undecodable(f"the file is larger than {MAX_BYTES // 1024 // 1024} MB")
    try:
        header = _read_known(raw)
    except (struct.error, IndexError):
        raise Undecodable("the file is cut or its header is damaged") from None
    if header.width <= 0 or header.height <= 0:
        raise Undecodable("the header says a size of zero")
    if header.width * header.height > MAX_PIXELS:
        raise Undecodable(f"{header.width}x{header.height} is more than {MAX_PIXELS // 1_000_000} million pixels")
    return header


def _read_known(raw: bytes) -> Header:
    if raw.startswith(PNG_MAGIC):
        return _png(raw)
    if raw.startswith(b"\xff\xd8\xff"):
        return _jpeg(raw)
    if raw.startswith(b"BM"):
        return _bmp(raw)
    if raw[:4] in TIFF_MAGICS:
        return _tiff(raw, TIFF_MAGICS[raw[:4]])
    raise Undecodable("the file is no PNG, JPEG, BMP or TIFF picture")


def _png(raw: bytes) -> Header:
    """Walk all chunks: each with its right checksum, the last one the end."""
    width, height, _, colour = struct.unpack_from(">IIBB", raw, 16)
    if raw[12:16] != b"IHDR":
        raise Undecodable("the PNG does not begin with its header")
    if colour in (4, 6):
        raise Undecodable("a picture with an alpha channel is not judged", "frame_refused")
    position, kind, view = len(PNG_MAGIC), b"", memoryview(raw)
    while kind != b"IEND":
        (length,) = struct.unpack_from(">I", raw, position)
        kind = raw[position + 4 : position + 8]
        (checksum,) = struct.unpack_from(">I", raw, position + 8 + length)
        if zlib.crc32(view[position + 4 : position + 8 + length]) != checksum:
            raise Undecodable("a checksum in the PNG is wrong: the file is damaged")
        if kind == b"tRNS":
            raise Undecodable("a picture with transparency is not judged", "frame_refused")
        position += 12 + length
    return Header("png", width, height)


def _jpeg(raw: bytes) -> Header:
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(raw, strict=True)
    except ValueError as error:
        raise Undecodable(f"the JPEG is damaged: {error}") from None
    if colours in ("CMYK", "YCCK"):
        raise Undecodable("a picture of 4 channels is not judged", "frame_refused")
    if raw.count(b"\xff\xda") > MAX_JPEG_SCANS:
        raise Undecodable(f"the JPEG has more than {MAX_JPEG_SCANS} scans")
    return Header("jpeg", width, height)


def _bmp(raw: bytes) -> Header:
    (offset, size, width, height, _, bits, compression) = struct.unpack_from("<IIiiHHI", raw, 10)
    if size < 40:
        raise Undecodable("BMP files of the oldest kind are not read", "frame_refused")
    if compression not in (0, 3):
        raise Undecodable("compressed BMP files are not read", "frame_refused")
    if bits == 32:
        raise Undecodable("a picture of 4 channels is not judged", "frame_refused")
    row = (abs(width) * bits + 31) // 32 * 4
    if abs(width) * abs(height) <= MAX_PIXELS and len(raw) < offset + row * abs(height):
        raise Undecodable("the BMP is cut")
    return Header("bmp", width, abs(height))


def _tiff(raw: bytes, order: str) -> Header:
    """Read the only directory; every strip or tile it names lies inside the file and they hold enough."""
    (position,) = struct.unpack_from(order + "I", raw, 4)
    tags, following = _tiff_tags(raw, order, position)
    if following:
        raise Undecodable("a TIFF of several pages is not judged", "frame_refused")
    width, height = tags.get(256, [0])[0], tags.get(257, [0])[0]
    samples, compression = tags.get(277, [1])[0], tags.get(259, [1])[0]
    if samples not in (1, 3):
        raise Undecodable(f"a picture of {samples} channels is not judged", "frame_refused")
    if compression not in TIFF_COMPRESSIONS:
        raise Undecodable(f"TIFF compression {compression} is not read", "frame_refused")
    if 322 in tags or 273 not in tags or 279 not in tags:
        raise Undecodable("only TIFF files in strips are read", "frame_refused")
    offsets, lengths = tags[273], tags[279]
    if len(offsets) != len(lengths) or any(o + n > len(raw) for o, n in zip(offsets, lengths, strict=True)):
        raise Undecodable("the TIFF is cut")
    bits = sum(tags.get(258, [1])) if len(tags.get(258, [1])) == samples else tags.get(258, [1])[0] * samples
    if compression == 1 and width * height <= MAX_PIXELS and sum(lengths) < (width * bits + 7) // 8 * height:
        raise Undecodable("the TIFF is cut")
    return Header("tiff", width, height)


def _tiff_tags(raw: bytes, order: str, position: int) -> tuple[dict[int, list[int]], int]:
    """Return the whole-number tags of the directory at position, and where the next one is (0: none)."""
    (count,) = struct.unpack_from(order + "H", raw, position)
    tags: dict[int, list[int]] = {}
    for index in range(count):
        entry = position + 2 + 12 * index
        tag, kind, number = struct.unpack_from(order + "HHI", raw, entry)
        if kind not in (1, 3, 4) or number > MAX_PIXELS:
            continue
        fits = TIFF_SIZES[kind] * number <= 4
        start = entry + 8 if fits else struct.unpack_from(order + "I", raw, entry + 8)[0]
        tags[tag] = list(struct.unpack_from(f"{order}{number}{'BHI'[(1, 3, 4).index(kind)]}", raw, start))
    (following,) = struct.unpack_from(order + "I", raw, position + 2 + 12 * count)
    return tags, following


def _decode_jpeg(raw: bytes) -> NDArray[Any]:
    """Decode strictly: what libjpeg would mend with a warning, a cut file above all, is refused."""
    try:
        *_, colours, _ = simplejpeg.decode_jpeg_header(raw, strict=True)
        frame: NDArray[Any] = simplejpeg.decode_jpeg(raw, "GRAY" if colours == "Gray" else "BGR", strict=True)
    except ValueError as error:
        raise Undecodable(f"the JPEG is damaged: {error}") from None
    return frame


def _decode_opencv(raw: bytes) -> NDArray[Any]:
    try:
        frame = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise Undecodable(f"the picture is damaged: {error.err or error}") from None
    if frame is None:
        raise Undecodable("the picture is damaged")
    return frame
