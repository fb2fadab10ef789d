"""A11: no cell of a table we write is a formula, whoever named the file or the tool.

The orchestrator exports no table yet: the one there is, is that of `analyticlens inspect --csv`. tests/machine/test_inspect_cli.py holds a
whole run of it (`test_no_cell_is_a_formula`); here is every beginning ASVS 1.2.10 names, and that no route gives a table nothing holds.
"""

from __future__ import annotations

import pytest

from analyticlens.machine.inspect_cli.report import safe
from tests.abuse.plant import ROUTES

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0=", "\0\0@")
TAILS = ("1+1", "cmd|' /C calc'!A0", 'HYPERLINK("http://evil.example")', "SUM(A1:A9)*1", "", "é")


@pytest.mark.parametrize("start", STARTS)
def test_no_text_begins_a_formula(start: str) -> None:
    for tail in TAILS:
        cell = safe(start + tail)
        # Marked as text; nothing of it is lost but what no cell can hold.
        assert cell == "'" + (start + tail).replace("\0", "")


def test_the_orchestrator_gives_no_table_that_this_does_not_hold() -> None:
    """A route that exports one belongs in here."""
    assert [
        route.name for route in ROUTES if {"csv", "xlsx", "export"} & set(route.address.strip("/").split("/"))
    ] == []
