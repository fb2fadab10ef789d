"""Pictures made to hurt: whole ones, and what becomes of them; each says whether it may ever be judged."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.machine.helpers import discs, encode

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
EXTENSIONS = (".png", ".jpg", ".bmp", ".tif")


@dataclass(frozen=True)
class Mutated:
    """A file for a picture folder. `judged` is True or False where the way it was made settles that, None where it does not."""

    name: str
    raw: bytes
    judged: bool | None


def coloured(count: int) -> NDArray[np.uint8]:
    """Return count discs as a colour picture with some texture, (H, W, 3) uint8."""
    grey = discs(count).astype(np.int16)
    texture = np.random.default_rng(count).integers(-20, 20, (*grey.shape, 3))
    noisy: NDArray[np.uint8] = np.clip(grey[:, :, None] + texture, 0, 255).astype(np.uint8)
    return noisy


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return one PNG chunk with its right checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, data: bytes, *extra: bytes, depth: int = 8) -> bytes:
    """Return a grey PNG whose header says what it is told, with right checksums."""
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    return b"".join(
        [PNG_MAGIC, chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    )


def by_pillow(picture: NDArray[Any], kind: str, mode: str = "", **options: Any) -> bytes:
    """Return a picture as a file of a kind OpenCV does not write."""
    file = io.BytesIO()
    image = Image.fromarray(picture)
    (image.convert(mode) if mode else image).save(file, kind, **options)
    return file.getvalue()


def two_pages() -> bytes:
    """Return a TIFF of two pages."""
    file = io.BytesIO()
    Image.fromarray(discs(3)).save(file, "TIFF", save_all=True, append_images=[Image.fromarray(discs(4))])
    return file.getvalue()


def progressive(picture: NDArray[np.uint8], scans_more: int = 0) -> bytes:
    """Return a progressive JPEG whose last scan comes so many times more."""
    done, raw = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    assert done
    whole = raw.tobytes()
    last = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[last:-2] * scans_more + whole[-2:]


def mutate(index: int, draw: np.random.Generator) -> Mutated:
    """Return a file that was a good picture, hurt in one of ten ways."""
    extension = str(draw.choice(EXTENSIONS))
    raw = encode(coloured(3), extension)
    match index % 10:
        case 0 | 1 | 2:
            return Mutated(f"m{index:03}{extension}", raw[: int(draw.integers(1, int(len(raw) * 0.95)))], False)
        case 3 | 4 | 5:
            # Every byte of a PNG is under a checksum; elsewhere a flipped bit may leave a picture, and that is what is judged.
            return Mutated(f"m{index:03}{extension}", _flip(raw, draw), False if extension == ".png" else None)
        case 6:
            return Mutated(f"m{index:03}.png", png(*draw.choice([(30000, 30000), (0, 0), (0, 9)]), b"\0" * 100), False)
        case 7:
            deep = (discs(3).astype(np.uint16) * 257).clip(0, 65535)
            return Mutated(f"m{index:03}.png", encode(deep), True)
        case 8:
            return Mutated(f"m{index:03}.jpg", by_pillow(coloured(3), "JPEG", "CMYK"), False)
        case _:
            empty = bytes(draw.integers(0, 256, int(draw.integers(0, 2)) * 500, np.uint8))
            return Mutated(f"m{index:03}{extension}", empty, False)


def _flip(raw: bytes, draw: np.random.Generator) -> bytes:
    hurt = bytearray(raw)
    for place in draw.integers(0, len(hurt), int(draw.integers(1, 20))):
        hurt[place] ^= 1 << int(draw.integers(0, 8))
    return bytes(hurt)
