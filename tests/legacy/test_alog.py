"""The layout of `.alog` files."""

from __future__ import annotations

import struct

import pytest

from analyticlens.machine.oldwire.alog import ResultLog, pack, unpack

LOG = ResultLog({"id": "x", "nome": "peça"}, b"\xff\xd8jpeg\xff\xd9")


def test_header_json_and_jpeg_stand_in_this_order() -> None:
    raw = pack(LOG)
    text = '{"id": "x", "nome": "peça"}'.encode()
    assert raw == b"ALOG" + struct.pack(">IQQ", 1, len(text), 8) + text + LOG.jpeg


@pytest.mark.parametrize("log", [LOG, ResultLog({}, b"")])
def test_what_was_packed_is_read_back(log: ResultLog) -> None:
    assert unpack(pack(log)) == log


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"ALOG",
        pack(LOG)[:-1],
        pack(LOG) + b"x",
        b"BLOG" + pack(LOG)[4:],
        pack(LOG).replace(b"\0\0\0\1", b"\0\0\0\2", 1),
        b"ALOG" + struct.pack(">IQQ", 1, 2**63, 2**63),
        b"ALOG" + struct.pack(">IQQ", 1, 2, 0) + b"[]",
        b"ALOG" + struct.pack(">IQQ", 1, 2, 0) + b"\xff\xfe",
    ],
)
def test_anything_else_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        unpack(raw)


def test_numbers_that_are_none_are_not_written() -> None:
    with pytest.raises(ValueError, match=r".+"):
        pack(ResultLog({"value": float("nan")}, b""))
