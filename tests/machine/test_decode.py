"""Picture files: kept as they are, or refused; a damaged one is never judged."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from analyticlens.engine import inspect, prepare
from analyticlens.machine import decode as decoding
from analyticlens.machine.decode import PNG_MAGIC, Undecodable, decode
from tests.machine.helpers import THREE, discs, encode

EXTENSIONS = (".png", ".jpg", ".bmp", ".tif")
LOSSLESS = (".png", ".bmp", ".tif")


def colour() -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 255, (41, 57, 3), np.uint8)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, depth: int = 8, kind: int = 0, data: bytes = b"", extra: bytes = b"") -> bytes:
    """Return a PNG with right checksums, whatever its header says."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return PNG_MAGIC + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("extension", LOSSLESS)
@pytest.mark.parametrize("picture", [colour(), colour()[:, :, 0]], ids=["colour", "grey"])
def test_it_returns_the_very_pixels(extension: str, picture: NDArray[np.uint8]) -> None:
    assert np.array_equal(decode(encode(picture, extension)), picture)


@pytest.mark.parametrize("extension", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_keeps_sixteen_bits(extension: str, channels: int) -> None:
    picture = np.random.default_rng(4).integers(0, 65535, (20, 30, channels), np.uint16).squeeze()
    got = decode(encode(picture, extension))
    assert got.dtype == np.uint16
    assert np.array_equal(got, picture)


def test_it_reads_a_grey_jpeg_as_grey() -> None:
    assert decode(encode(colour()[:, :, 0], ".jpg")).ndim == 2


@pytest.mark.parametrize("extension", [".png", ".tif", ".bmp"])
def test_it_refuses_a_fourth_channel(extension: str) -> None:
    picture = np.dstack([colour(), colour()[:, :, :1]])
    with pytest.raises(Undecodable) as refused:
        decode(encode(picture, extension))
    assert refused.value.reason == "frame_refused"


def test_it_refuses_a_transparent_colour() -> None:
    with pytest.raises(Undecodable, match="transparency"):
        decode(png(2, 2, data=b"\0\1\2\0\3\4", extra=chunk(b"tRNS", b"\0\1")))


def test_it_refuses_floating_point_pixels() -> None:
    done, raw = cv2.imencode(".tif", np.ones((5, 5), np.float32))
    assert done
    with pytest.raises(Undecodable):
        decode(raw.tobytes())


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.6, 0.9, 0.99])
def test_it_refuses_a_cut_file(extension: str, share: float) -> None:
    whole = encode(colour(), extension)
    with pytest.raises(Undecodable):
        decode(whole[: int(len(whole) * share)])


def test_it_refuses_a_png_whose_rows_end_early() -> None:
    with pytest.raises(Undecodable):
        decode(png(8, 8, data=b"\0" * 9))


@pytest.mark.parametrize("content", [b"", b"GIF89a" + b"\0" * 50, b"RIFF\0\0\0\0WEBPVP8 ", b"\x89PNG", b"\0" * 5000])
def test_it_refuses_what_is_no_known_picture(content: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(content)


@pytest.mark.parametrize(
    "content",
    [
        png(30_000, 30_000),
        png(0, 10),
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 30_000, 30_000, 1, 24, 0, 0, 0, 0, 0, 0),
    ],
    ids=["png", "zero", "bmp"],
)
def test_it_refuses_by_the_header_alone(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr(cv2, "imdecode", never)
    with pytest.raises(Undecodable):
        decode(content)


def test_it_refuses_a_file_over_the_cap() -> None:
    with pytest.raises(Undecodable, match="20 MB"):
        decode(b"\x89PNG\r\n\x1a\n" + b"\0" * decoding.MAX_BYTES)


def test_it_refuses_a_tiff_of_two_pages() -> None:
    done, raw = cv2.imencodemulti(".tif", [colour(), colour()])
    assert done
    with pytest.raises(Undecodable, match="several pages"):
        decode(raw.tobytes())


def test_it_refuses_a_jpeg_of_endless_scans() -> None:
    whole = encode(colour(), ".jpg")
    comment = b"\xff\xfe" + struct.pack(">H", 2 + 400) + b"\xff\xda" * 200
    with pytest.raises(Undecodable, match="scans"):
        decode(whole[:2] + comment + whole[2:])


def mutated(whole: bytes, rng: np.random.Generator) -> tuple[bytes, bool]:
    """Return a damaged copy of a file, and whether it was cut short."""
    if rng.random() < 0.4:
        return whole[: int(rng.integers(0, len(whole) - 1))], True
    raw = bytearray(whole)
    for place in rng.integers(0, len(raw), int(rng.integers(1, 8))):
        raw[place] ^= 1 << int(rng.integers(0, 8))
    return bytes(raw), False


def test_it_judges_no_damaged_file_of_two_hundred(rng: np.random.Generator) -> None:
    """A cut file is refused, a PNG with any flipped bit is; what else decodes is a picture the engine judges without breaking."""
    recipe = prepare(THREE)
    refused = 0
    for index in range(200):
        extension = EXTENSIONS[index % 4]
        raw, was_cut = mutated(encode(discs(3), extension), rng)
        try:
            picture = decode(raw)
        except Undecodable:
            refused += 1
            continue
        assert not was_cut, extension
        assert extension != ".png"
        assert picture.dtype in (np.uint8, np.uint16)
        assert picture.ndim == 2 or picture.shape[2] == 3
        assert inspect(picture, recipe).verdict in ("ok", "nok", "undecided")
    assert refused >= 80
