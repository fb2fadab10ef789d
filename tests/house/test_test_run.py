"""The test run itself: a missing peer is told, and a seed repeats a run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.house.tree import ROOT

WANTS_A_PEER = "def test_page(peer):\n    peer('chromium')\n"
DRAWS = "def test_draw(rng):\n    print('drew', rng.integers(10**9))\n"


def run(tmp_path: Path, code: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one test in a process of its own that finds no program outside Python."""
    test = tmp_path / "test_it.py"
    test.write_text(code)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", str(ROOT / "pyproject.toml")]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "REQUIRE_", "AL_"))}
    return subprocess.run(
        [*command, "--rootdir", str(tmp_path), "-p", "no:cacheprovider", *options, str(test)],
        cwd=ROOT,
        env=environment | {"PATH": str(tmp_path)} | variables,
        capture_output=True,
        text=True,
    )


def test_a_missing_peer_skips_by_name(tmp_path: Path) -> None:
    told = run(tmp_path, WANTS_A_PEER)
    assert told.returncode == 0
    assert "chromium is not installed" in told.stdout
    assert "1 skipped" in told.stdout


def test_a_missing_peer_fails_where_peers_are_required(tmp_path: Path) -> None:
    told = run(tmp_path, WANTS_A_PEER, REQUIRE_PEERS="1")
    assert told.returncode == 1
    assert "chromium is not installed and REQUIRE_PEERS=1 wants it" in told.stdout


def test_the_printed_seed_repeats_the_run(tmp_path: Path) -> None:
    first = run(tmp_path, DRAWS, "-s").stdout
    printed = re.search(r"--seed (\d+)", first)
    assert printed
    again = run(tmp_path, DRAWS, "-s", "--seed", printed[1]).stdout
    assert re.findall(r"drew \d+", again) == re.findall(r"drew \d+", first) != []
