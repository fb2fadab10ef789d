"""The `.alog` file: one inspection, as JSON and JPEG behind a header of 24 bytes, big-endian.

4 bytes `ALOG`, uint32 version (1), uint64 length of the JSON, uint64 length of the JPEG, the JSON in UTF-8, the JPEG.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

MAGIC = b"ALOG"
VERSION = 1
_HEADER = struct.Struct(">4sIQQ")


@dataclass(frozen=True, slots=True)
class ResultLog:
    """What one file holds; `jpeg` is empty where there was no picture."""

    document: dict[str, Any]
    jpeg: bytes


def pack(log: ResultLog) -> bytes:
    """Return the bytes of the file. Raises ValueError where the document holds NaN or an infinity."""
    text = json.dumps(log.document, ensure_ascii=False, allow_nan=False).encode("utf-8")
    return _HEADER.pack(MAGIC, VERSION, len(text), len(log.jpeg)) + text + log.jpeg


def unpack(raw: bytes) -> ResultLog:
    """Read a file's bytes back. Raises ValueError with one sentence where they are no such file, whole and of version 1."""
    if len(raw) < _HEADER.size:
        raise ValueError("shorter than the header of a result log")
    magic, version, text_length, jpeg_length = _HEADER.unpack_from(raw)
    if magic != MAGIC or version != VERSION:
        raise ValueError("not a result log of version 1")
    if len(raw) != _HEADER.size + text_length + jpeg_length:
        raise ValueError("the lengths in the header are not those of the file")
    text = raw[_HEADER.size : _HEADER.size + text_length]
    document = json.loads(text.decode("utf-8"))
    if not isinstance(document, dict):
        raise ValueError("a result log holds one JSON object")
    return ResultLog(document, raw[_HEADER.size + text_length :])
