"""The log: one line of plain ASCII an event, whatever a name says."""

from __future__ import annotations

import json

import pytest

from analyticlens.machine import log

NAMES = [
    "a\nb.png",
    "a\r\x1b[31m.png",
    "\x00\x07\x7f\x85\x9b",
    "\u2028\u2029\u202e",
    '"}\n{"event": "forged"}',
    "\udcff",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_makes_a_second_line_or_speaks_to_a_terminal(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    log.event("told", f"{name} cannot be read", name=name)
    said = capsys.readouterr().err
    assert said.endswith("\n")
    assert all(" " <= character <= "~" for character in said[:-1])
    line = json.loads(said)
    assert (line["event"], line["name"], line["message"]) == ("told", name, f"{name} cannot be read")


def test_a_text_without_end_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    log.event("told", "x" * 100_000, name="y" * 100_000)
    assert len(capsys.readouterr().err) < 3000
