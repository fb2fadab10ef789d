"""The orchestrator's rooms on PostgreSQL: their own tests once more, on a server of the tests' own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from analyticlens.bench.cluster import Cluster

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.xdist_group("postgres"), pytest.mark.timeout(600)]
# What differs between databases: locks, transactions, constraints, JSON, text compared, what a restart leaves.
ROOMS = {
    "delivery": [
        "tests/results",
        "tests/edge/test_records.py",
        "tests/edge/test_heartbeat.py",
        "tests/edge/test_uneventful.py",
        "tests/edge/test_late.py",
    ],
    "asking": [
        "tests/api/test_asking.py",
        "tests/api/test_groups.py",
        "tests/api/test_groups_at_once.py",
        "tests/api/test_people_at_once.py",
        "tests/api/test_receiving.py",
        "tests/api/test_silence.py",
        "tests/api/test_bus.py",
        "tests/edge/test_desired.py",
        "tests/edge/test_commands.py",
    ],
    "people": [
        "tests/audit/test_chain.py",
        "tests/audit/test_entries.py",
        "tests/recipes/test_publishing.py",
        "tests/api/test_rest_fleet.py",
        "tests/config/test_once.py",
        "tests/config/test_rest.py",
        "tests/config/test_nul.py",
        "tests/user/test_rest_people.py",
        "tests/user/test_throttle.py",
        "tests/user/test_second_step_sign_in.py::test_of_browsers_with_one_code_at_the_same_moment_one_gets_in",
        "tests/abuse/test_f09_f21_f24_f35_faults.py",
    ],
}


@pytest.fixture(scope="module")
def cluster(peer: Callable[[str], Path]) -> Iterator[Cluster]:
    """A server that is quick rather than durable: nothing is killed here."""
    with Cluster(peer("postgresql").parent, durable=False) as running:
        yield running


@pytest.mark.parametrize("room", ROOMS)
def test_what_holds_on_sqlite_holds_here(room: str, cluster: Cluster) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "AL_DATA"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *ROOMS[room]],
        cwd=ROOT,
        env=environment | {"DATABASE_URL": cluster.create(room)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if not line.startswith("{")]
    assert done.returncode == 0, "\n".join(lines[-40:])
    assert " passed" in lines[-1]
