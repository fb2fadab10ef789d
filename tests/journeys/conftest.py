"""Lines of real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.line import Line


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """Return a line with its orchestrator serving."""
    with Line(tmp_path) as made:
        made.start_orchestrator()
        yield made
