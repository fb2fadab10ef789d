"""Lines that are hurt. One alone leaves more than half of two cores unused: two run beside one another, the two long runs first.

How many verdicts a run must have at stake, and how long anything may take, holds on a computer that is several times as busy.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.line import FaultLine

HERE = Path(__file__).parent
LONG = ("test_run", "test_run_postgresql")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, and give time enough for processes that are killed and come back."""
    mine = [item for item in items if HERE in item.path.parents]
    places = [place for place, item in enumerate(items) if HERE in item.path.parents]
    for place, item in zip(places, sorted(mine, key=lambda item: item.path.stem not in LONG), strict=True):
        items[place] = item
    for item in mine:
        # One machine, which every test of the file puts its pictures before.
        if "beside" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("pictures"))
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(int(os.environ.get("AL_FAULT_SECONDS", "600"))))


@pytest.fixture
def faults() -> int:
    """Return how many faults a run applies: AL_FAULTS, else 60."""
    return int(os.environ.get("AL_FAULTS", "60"))


@pytest.fixture
def fault_line(tmp_path: Path, seed: int) -> Iterator[FaultLine]:
    """Return a line with its orchestrator serving and its parts drawn; the machine is not started."""
    with FaultLine(tmp_path, seed) as line:
        line.start_orchestrator()
        line.draw_parts()
        line.prepare_machine()
        yield line
