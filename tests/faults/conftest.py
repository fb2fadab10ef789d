"""Lines that are hurt. They use both cores: no two of them run beside one another, and the other files keep their own process each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.line import FaultLine

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the lines in one test process, and give time enough for processes that are killed and come back."""
    for item in items:
        if HERE in item.path.parents:
            hurt = bool({"fault_line", "postgres_line"} & set(getattr(item, "fixturenames", ())))
            item.add_marker(pytest.mark.xdist_group("faults" if hurt else item.path.stem))
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(600))


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
