"""F02: as F01, with the orchestrator's rows in a PostgreSQL that is killed and restarted as well.

AL_FAULTS=300 makes the run longer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from analyticlens.bench.cluster import Cluster
from tests.faults.blows import Blow, Hand, draw_plan
from tests.faults.line import FaultLine
from tests.faults.proxy import FaultProxy
from tests.faults.verdict import judge

# A fifth of F01's, half of them the database's.
SHARE = 5
WEIGHTS = {
    "database kill": 6,
    "database restart": 6,
    "kill machine": 2,
    "kill orchestrator": 4,
    "stop orchestrator": 2,
    **{f"network {kind}": 4 / len(FaultProxy.KINDS) for kind in FaultProxy.KINDS},
}


class PostgresLine(FaultLine):
    """A line whose orchestrator keeps its rows in a server of its own."""

    def __init__(self, folder: Path, seed: int, cluster: Cluster) -> None:
        self.cluster = cluster
        self.url_of_database = cluster.create("line")
        super().__init__(folder, seed)

    def environment(self) -> dict[str, str]:
        """Return what the processes find in their environment."""
        return {**super().environment(), "DATABASE_URL": self.url_of_database}

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Return what a query finds in the orchestrator's database."""
        with psycopg.connect(self.url_of_database, row_factory=dict_row) as connection:
            return connection.execute(query.replace("?", "%s"), values).fetchall()

    def databases(self) -> list[Path]:
        """Return the SQLite files of the line: the machine's own."""
        return [self.machine_folder("vm_001") / "outbox.db"]


class DatabaseHand(Hand):
    """Strikes the database too."""

    def strikes(self) -> dict[str, Callable[[Blow, str], bool]]:
        """Return what is done, by the first word of a blow's kind."""
        return {**super().strikes(), "database": self._database}

    def _database(self, blow: Blow, how: str) -> bool:
        assert isinstance(self.line, PostgresLine)
        if how == "restart":
            self.line.cluster.restart()
            return True
        self.line.cluster.kill()
        self._pause.wait(blow.held)
        self.line.cluster.start()
        return True


@pytest.fixture
def postgres_line(tmp_path: Path, seed: int, peer: Callable[[str], Path]) -> Iterator[PostgresLine]:
    """Return a line with its orchestrator serving and its parts drawn; the machine is not started."""
    with Cluster(peer("postgresql").parent) as cluster, PostgresLine(tmp_path, seed, cluster) as line:
        line.data.mkdir()
        line.manage("migrate", "--verbosity", "0")
        line.manage("ensure_admin", "--password-file", str(line.folder / "password"))
        line.start_orchestrator()
        line.draw_parts()
        line.prepare_machine()
        yield line


@pytest.mark.timeout(3600)
def test_f02_every_verdict_is_stored_exactly_once(postgres_line: PostgresLine, seed: int, faults: int) -> None:
    line = postgres_line
    plan = draw_plan(faults // SHARE, random.Random(seed), WEIGHTS)
    line.add_running()
    line.enrol_machine()
    line.until(line.verdicts, "the machine inspects", 60)
    hand = DatabaseHand(line)
    line.proxy.hurt = 0.1
    hand.carry_out(plan)
    line.proxy.hurt = 0.0
    line.drain()
    found = judge(line)
    print(f"F02 seed {seed}: {sum(hand.applied.values())} of {len(plan)} faults: {dict(hand.applied)}")
    print(f"F02 {found}")
    assert found.faults() == {}
    assert sum(hand.applied.values()) >= 0.9 * len(plan)
    assert hand.applied["database kill"] + hand.applied["database restart"] >= len(plan) // 5
    assert found.acknowledged >= 80 * len(plan)
