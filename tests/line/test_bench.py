"""The orchestrator's figures: real processes are measured, and the table holds every row."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from analyticlens.bench import main
from analyticlens.bench import orchestrator as bench
from analyticlens.bench.orchestrator import flood, heartbeats
from analyticlens.bench.orchestrator.figures import Click, Listing, Pair

CLICKS = ("start: the machine runs", "start: its first verdict", "stop: the machine is stopped")
STEPS = (
    "taking the batch apart",
    "reading, checking, proving canonical",
    "SHA-256 and the values by name",
    "rows for the driver",
    "insert",
    "commit",
    "numbers, counters, strip, event",
    "all of it",
    "bare insert and commit",
)
FLOOD = ("nothing else", "batches of 500 without a pause")
PAIRS = (
    "verdicts, 500 a batch / executemany | SQLite",
    "verdicts, 500 a batch / COPY of 1000 | PostgreSQL",
    *(f"{step} | {database}" for database in ("SQLite", "PostgreSQL") for step in STEPS),
    "heartbeats / bare endpoint | SQLite",
    "heartbeats, 100 a request / one a request | SQLite",
    "heartbeats / bare endpoint | PostgreSQL",
    "heartbeats, 100 a request / one a request | PostgreSQL",
    *(f"{what} | {database}" for database in ("SQLite", "PostgreSQL") for what in FLOOD),
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a round be short and a list not long: nothing here is about how fast it is."""
    monkeypatch.setattr(heartbeats, "ROUND_SECONDS", 0.2)
    monkeypatch.setattr(heartbeats, "WARM_UP_SECONDS", 0.2)
    monkeypatch.setattr(flood, "SECONDS", 0.2)
    monkeypatch.setattr(bench, "SIZES", (12, 30))


def rows(page: Path) -> list[str]:
    """Return the rows of the page's tables, without the headings."""
    return [
        line[2:]
        for line in page.read_text().splitlines()
        if re.match(r"\| (?!figure|from|machines|step of|heartbeats beside)", line)
    ]


@pytest.mark.usefixtures("small")
@pytest.mark.timeout(600)
def test_the_table_has_every_row(tmp_path: Path, peer: Callable[[str], Path], request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--seed") != "fresh":
        pytest.skip("measuring every figure takes minutes: make test-full does")
    peer("postgresql")
    page = tmp_path / "benchmarks.md"
    assert main(["--orchestrator", "--postgresql", "--rounds", "1", "--write", str(page)]) == 0
    found = rows(page)
    lists = [f"{size} | {database} | {size} | " for database in ("SQLite", "PostgreSQL") for size in (12, 30)]
    assert [row for row, start in zip(found, [*CLICKS, *PAIRS, *lists], strict=True) if not row.startswith(start)] == []
    assert [row.endswith("not built |") for row in found if "100 a request" in row] == [True, True]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("figure", ["lists", "verdicts", "steps"])
def test_a_figure_measured_alone_has_its_rows(figure: str, tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    assert main(["--orchestrator", "--rounds", "1", "--figure", figure, "--write", str(page)]) == 0
    expected: dict[str, list[str]] = {"lists": ["12 | SQLite | 12 | ", "30 | SQLite | 30 | "], "verdicts": [PAIRS[0]]}
    expected["steps"] = [f"{step} | SQLite" for step in STEPS]
    assert [row for row, start in zip(rows(page), expected[figure], strict=True) if not row.startswith(start)] == []


@pytest.mark.usefixtures("small")
def test_a_missing_postgresql_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "programs", lambda: None)
    page = tmp_path / "benchmarks.md"
    main(["--orchestrator", "--postgresql", "--rounds", "1", "--figure", "lists", "--write", str(page)])
    assert bench.NO_SERVER in capsys.readouterr().err
    assert bench.NO_SERVER in page.read_text()


def test_a_click_is_held_by_its_95th_of_a_hundred() -> None:
    quick = [float(number) for number in range(95)]
    assert Click("", [*quick, *[900.0] * 5]).held
    assert not Click("", [*quick[1:], *[900.0] * 6]).held
    assert Click("", [3.0, 1.0, 2.0]).at(0.5) == 2.0


def test_a_pair_is_judged_by_the_median_of_its_rounds() -> None:
    assert Pair("", "", [1, 5, 6], [10, 10, 10]).held
    assert not Pair("", "", [1, 4, 60], [10, 10, 10]).held
    assert Pair("", "", (), ()).cells()[-1] == "not built"


def test_a_list_that_grows_queries_is_missed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    grown = Listing(100, "SQLite", 100, 3, 2, 1.0)
    monkeypatch.setattr(bench, "measure", lambda *_args, **_options: iter([grown]))
    assert main(["--orchestrator"]) == 0
    assert main(["--orchestrator", "--check"]) == 1
    assert "MISSED" in capsys.readouterr().out
