"""The figures: both sides do the same work, and a miss is told."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from analyticlens.bench import main
from analyticlens.bench.costs import TRIED
from analyticlens.bench.engine import SCENES, Figure, same
from analyticlens.bench.handwritten import Handwritten
from analyticlens.bench.scenes import SIZES, drawn, frames, recipe
from analyticlens.engine import inspect, prepare
from analyticlens.engine.teach import Teacher
from analyticlens.engine.tools import TOOLS


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("size", SIZES)
def test_both_sides_find_the_same(scene: str, size: str, seed: int) -> None:
    locates, math = SCENES[scene]
    prepared, hand = prepare(recipe(SIZES[size], locates, math)), Handwritten(SIZES[size], locates)
    for picture in frames(SIZES[size], 2, np.random.default_rng(seed)):
        inspection = inspect(picture, prepared)
        same(inspection, hand(picture), locates)
        assert inspection.verdict == "ok"


def test_the_table_has_a_row_a_figure(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--pairs", "2", "--scene", "gray+blob"])
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("gray+blob ")]
    assert [row.split()[1] for row in rows] == list(SIZES)


@pytest.mark.parametrize(("ratio", "faults", "held"), [(1.3, 0, True), (1.31, 0, False), (1.0, 0.1, False)])
def test_a_figure_is_held_when_both_goals_are(ratio: float, faults: float, held: bool) -> None:
    assert Figure("gray+blob", "752x480", 1, 1, ratio, 1.3, faults).held is held


def test_a_miss_fails_the_check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    missed = Figure("gray+blob", "752x480", 2, 1, 2.0, 1.3, 0)
    monkeypatch.setattr("analyticlens.bench.speed.measure", lambda *_: iter([missed]))
    assert main(["--scene", "gray+blob"]) == 0
    assert main(["--scene", "gray+blob", "--check"]) == 1
    assert "MISSED" in capsys.readouterr().out


def test_every_kind_of_tool_has_its_cost() -> None:
    assert {kind for kind, _, _ in TRIED.values()} == set(TOOLS) - {"plugin"}


@pytest.mark.parametrize("tool", TRIED)
def test_a_tool_that_is_timed_does_its_work(tool: str, request: pytest.FixtureRequest) -> None:
    """What fails at once is fast and says nothing."""
    if tool.startswith("ocr"):
        request.getfixturevalue("tesseract")
    _, colour, teach = TRIED[tool]
    size = (752, 480)
    picture = drawn(size, (0, 0))
    teacher = Teacher(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) if colour else picture)
    teach(teacher, *size)
    # There is no code in the picture: the search for one is the longest there is.
    assert teacher.inspect().tools[-1].status == ("not_found" if tool.startswith("code") else "ok")


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("analyticlens.bench.costs.SIZES", {"752x480": (752, 480)})
    monkeypatch.setitem(sys.modules, "onnx", None)
    main(["--tool", "onnx, 128x128", "--scene", "gray+blob"])
    assert capsys.readouterr().out.count("missing") == 3


def test_a_tools_cost_is_told_by_size_and_picture(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("analyticlens.bench.costs.SIZES", {"752x480": (752, 480)})
    main(["--tool", "threshold"])
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("threshold")]
    assert all(0 < float(cell) < 200 for cell in row.split()[1:])
    assert len(row.split()) == 4


def test_the_page_keeps_what_people_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Figure("gray+blob", "752x480", 1, 1, 1.0, 1.3, 0)
    monkeypatch.setattr("analyticlens.bench.speed.measure", lambda *_: iter([held]))
    page = tmp_path / "benchmarks.md"
    main(["--scene", "gray+blob", "--write", str(page)])
    page.write_text(page.read_text() + "\nA remark.\n")
    main(["--scene", "gray+blob", "--write", str(page)])
    text = page.read_text()
    assert text.count("| gray+blob | 752x480 |") == 1
    assert text.endswith("A remark.\n")
    assert "Not measured yet." in text
