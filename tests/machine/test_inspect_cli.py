"""`analyticlens inspect`: one recipe, many pictures, one answer each."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from analyticlens.demo.__main__ import main as demo
from analyticlens.demo.line import STATIONS, read_truth
from analyticlens.machine.inspect_cli import main
from analyticlens.machine.inspect_cli.progress import Progress
from analyticlens.machine.inspect_cli.report import safe
from analyticlens.machine.recipe_files import BlobsBeside, read_recipe, write_recipe
from analyticlens.protocol.canonical import canonical_json
from tests.machine.helpers import THREE, discs, encode


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "recipe.json"
    path.write_text(canonical_json(THREE))
    return str(path)


def picture(folder: Path, count: int, cut: int | None = None, name: str = "") -> str:
    folder.mkdir(exist_ok=True)
    path = folder / (name or f"{count}.png")
    path.write_bytes(encode(discs(count), path.suffix)[:cut])
    return str(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of three pictures, ok, nok and no picture, beside a file that is none."""
    parts = tmp_path / "parts"
    picture(parts, 3, name="a.png")
    picture(parts, 2, name="b.jpg")
    picture(parts, 3, cut=100, name="c.png")
    (parts / "notes.txt").write_text("nothing to see")
    return parts


@pytest.mark.parametrize(("count", "code", "word"), [(3, 0, "ok"), (2, 3, "nok")])
def test_the_exit_code_is_the_verdict(
    tmp_path: Path, recipe: str, capsys: pytest.CaptureFixture[str], count: int, code: int, word: str
) -> None:
    assert main([recipe, picture(tmp_path, count)]) == code
    said = capsys.readouterr().out
    assert said.startswith(word)
    assert f"blob_count = {count}   [3 .. 3]" in said


def test_a_folder_stands_for_its_pictures(folder: Path, recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([recipe, str(folder)]) == 5
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["ok", "nok", "error"]
    assert lines[3] == "3 pictures: 1 ok, 1 nok, 0 undecided, 1 error"
    assert "cut" in lines[2]


def test_the_exit_code_is_that_of_the_worst(folder: Path, recipe: str) -> None:
    assert main([recipe, str(folder / "a.png"), str(folder / "a.png")]) == 0
    assert main([recipe, str(folder / "a.png"), str(folder / "b.jpg")]) == 3


def test_a_pattern_stands_for_what_it_matches(folder: Path, recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([recipe, str(folder / "[ab].*")]) == 3
    assert "2 pictures" in capsys.readouterr().out
    assert main([recipe, str(folder.parent / "**" / "a.png")]) == 0
    assert main([recipe, str(folder / "x*.png")]) == 1


def test_a_name_given_twice_is_one_picture(folder: Path, recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([recipe, str(folder / "a.png"), str(folder), "--json"])
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_json_says_everything_a_line_a_picture(folder: Path, recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([recipe, str(folder), "--json"]) == 5
    said: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["verdict"], one["reason"]) for one in said] == [
        ("ok", None),
        ("nok", "limit"),
        ("error", "decode_failed"),
    ]
    assert said[1]["tools"][0]["features"]["blob_count"] == 2
    assert said[0]["overlay"]


def test_processes_beside_one_another_say_the_same(
    folder: Path, recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*options: str) -> list[dict[str, Any]]:
        assert main([recipe, str(folder), "--json", *options]) == 5
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [{key: line[key] for key in ("picture", "verdict", "message", "overlay")} for line in lines]

    assert said("--jobs", "2") == said()


def test_the_table_has_a_row_a_picture_and_a_column_a_feature(tmp_path: Path, folder: Path, recipe: str) -> None:
    main([recipe, str(folder), "--csv", str(tmp_path / "out.csv")])
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["verdict"] for row in rows] == ["ok", "nok", "error"]
    assert [row["discs.blob_count"] for row in rows] == ["3.0", "2.0", ""]
    assert [row["discs.verdict"] for row in rows] == ["ok", "nok", ""]


def test_no_cell_is_a_formula(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = json.loads(canonical_json(THREE))
    data["tools"][0]["name"] = '=cmd|"/c calc"!A1'
    hostile = tmp_path / "hostile.json"
    hostile.write_text(json.dumps(data))
    monkeypatch.chdir(tmp_path)
    picture(tmp_path, 3, name="@sum.png")
    main([str(hostile), "@sum.png", "--csv", "out.csv"])
    cells = [cell for row in csv.reader(io.StringIO((tmp_path / "out.csv").read_text())) for cell in row]
    assert "'@sum.png" in cells
    assert all(not cell.startswith(("=", "+", "-", "@")) for cell in cells)
    assert safe("a\0b") == "ab"


def test_a_run_that_breaks_off_leaves_the_rows_it_has(tmp_path: Path, folder: Path, recipe: str) -> None:
    target = tmp_path / "seen"
    target.mkdir()
    (target / "b.jpg").mkdir()
    assert main([recipe, str(folder), "--csv", str(tmp_path / "out.csv"), "--overlay", str(target)]) == 1
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 2


def test_each_picture_has_its_overlay(tmp_path: Path, folder: Path, recipe: str) -> None:
    picture(tmp_path / "more", 3, name="A.png")
    seen = tmp_path / "deep" / "seen"
    main([recipe, str(folder), str(tmp_path / "more"), "--overlay", str(seen), "--jobs", "2"])
    assert sorted(path.name for path in seen.iterdir()) == ["A-2.png", "a.png", "b.jpg"]
    drawn = cv2.imread(str(seen / "a.png"))
    assert drawn is not None
    assert drawn.shape[1] == 640
    assert (drawn[..., 0] != drawn[..., 2]).any()


def test_the_sheet_shows_all_pictures_small(tmp_path: Path, folder: Path, recipe: str) -> None:
    for number in range(5):
        picture(folder, 3, name=f"d{number}.png")
    main([recipe, str(folder), "--sheet", str(tmp_path / "sheet.jpg")])
    drawn = cv2.imread(str(tmp_path / "sheet.jpg"))
    assert drawn is not None
    assert drawn.shape[1] == 4 * 320 + 3 * 6
    # Seven whole pictures in two rows; the last place is empty.
    assert drawn[-100:, :900].std() > 10 > drawn[-100:, 990:].std()


def test_an_overlay_that_cannot_be_written_is_told(
    tmp_path: Path, recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("")
    assert main([recipe, picture(tmp_path, 3), "--overlay", str(tmp_path / "taken")]) == 1
    assert "taken" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"tools": [{"type": "laser"}]}', '{"tools": [], "extra": 1}', '{"tools": NaN}', '{"a":1,"a":1}'],
)
def test_a_recipe_that_is_none_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(content)
    assert main([str(path), picture(tmp_path, 3)]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_missing_file_is_one_sentence(tmp_path: Path, recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([recipe, str(tmp_path / "nothing.png")]) == 1
    assert "No such file" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main([recipe, str(tmp_path / "empty")]) == 1


def test_what_a_recipe_names_is_read_from_beside_it(tmp_path: Path) -> None:
    name = hashlib.sha256(b"a model").hexdigest()
    for place in (name, f"{name}.onnx", f"{name[:2]}/{name}"):
        folder = tmp_path / place.replace("/", "_") / "blobs"
        (folder / place).parent.mkdir(parents=True)
        (folder / place).write_bytes(b"a model")
        assert dict(BlobsBeside(folder)) == {name: b"a model"}
    assert name not in BlobsBeside(tmp_path / "nowhere")


def test_a_written_recipe_is_read_again(tmp_path: Path) -> None:
    write_recipe(tmp_path / "three.json", THREE)
    assert read_recipe(tmp_path / "three.json") == THREE


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_counts_verdicts_and_leaves_the_terminal_as_it_was() -> None:
    terminal = Terminal()
    with Progress(2, terminal) as progress:
        progress.step("ok")
        progress.clear()
        progress.step("nok")
    drawn = terminal.getvalue().split("\r\x1b[K")
    assert "1/2" in drawn[1]
    assert "[##############################] 2/2  1 ok, 1 nok" in drawn[3]
    assert drawn[-1] == ""


def test_there_is_no_bar_where_nobody_looks() -> None:
    stream = io.StringIO()
    with Progress(2, stream) as progress:
        progress.step("ok")
    assert stream.getvalue() == ""


def test_a_person_at_a_terminal_sees_the_bar(folder: Path, recipe: str) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "analyticlens", "inspect", recipe, str(folder), "--json"]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=follower, check=False)
    os.close(follower)
    shown = os.read(leader, 65536).decode()
    os.close(leader)
    assert (run.returncode, len(run.stdout.splitlines())) == (5, 3)
    assert "3/3" in shown


def test_sixteen_bits_are_shown_by_what_is_there(tmp_path: Path) -> None:
    dark = discs(3).astype(np.uint16) * 8
    (tmp_path / "dark.png").write_bytes(encode(dark))
    (tmp_path / "recipe.json").write_text(
        '{"tools": [{"id": 1, "name": "b", "type": "blob", "params": {"th_min": 800, "th_max": 65535}}]}'
    )
    main([str(tmp_path / "recipe.json"), str(tmp_path / "dark.png"), "--overlay", str(tmp_path / "seen")])
    drawn = cv2.imread(str(tmp_path / "seen" / "dark.png"))
    assert drawn is not None
    assert drawn[-200 * 2 + 100 * 2, 60].min() > 200


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_bits_say_what_white_is(tmp_path: Path, capsys: pytest.CaptureFixture[str], jobs: str) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(encode(np.full((60, 80), 4095, np.uint16)))
    (tmp_path / "recipe.json").write_text('{"tools": [{"id": 1, "name": "h", "type": "histogram"}]}')
    asked = [str(tmp_path / "recipe.json"), str(tmp_path / "*.png"), "--json", "--jobs", jobs]
    for more, share in (([], 0.0), (["--bits", "12"], 1.0)):
        main([*asked, *more])
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [line["tools"][0]["features"]["share_white"] for line in lines] == [share, share]
    with pytest.raises(SystemExit):
        main([*asked, "--bits", "7"])


def test_the_demonstration_is_there_to_try_it_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo([str(tmp_path / "demo"), "--count", "2"]) == 0
    for station in STATIONS:
        folder = tmp_path / "demo" / station.machine_id
        verdicts = [truth["verdict"] for truth in read_truth(folder / "truth.json").values()]
        main([f"{folder}.json", str(folder), "--json"])
        assert [json.loads(line)["verdict"] for line in capsys.readouterr().out.splitlines()] == verdicts


def test_what_was_judged_is_never_written_over(
    tmp_path: Path, folder: Path, recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (folder / "a.png").read_bytes()
    (tmp_path / "link.png").symlink_to(folder / "a.png")
    for place in (str(folder), str(folder / ".." / folder.name)):
        assert main([recipe, str(folder), "--overlay", place]) == 1
        assert "one of the pictures" in capsys.readouterr().err
    assert main([recipe, str(folder / "a.png"), "--overlay", str(tmp_path / "seen")]) == 0
    assert (folder / "a.png").read_bytes() == before


def test_a_name_of_other_bytes_than_utf_8_is_judged_and_painted(tmp_path: Path, recipe: str) -> None:
    name = os.fsdecode(b"bad\xff.png")
    picture(tmp_path / "odd", 3, name=name)
    picture(tmp_path / "odd", 3, name="good.png")
    for jobs in ("1", "2"):
        seen = tmp_path / f"seen{jobs}"
        assert main([recipe, str(tmp_path / "odd"), "--overlay", str(seen), "--jobs", jobs]) == 0
        assert (seen / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_terminal_with_fewer_letters_shows_what_it_can(tmp_path: Path, recipe: str, words: list[str]) -> None:
    picture(tmp_path, 3, name="é 漢.png")
    command = [sys.executable, "-m", "analyticlens", "inspect", recipe, str(tmp_path / "é 漢.png"), *words]
    run = subprocess.run(
        command, env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    assert b"\\u6f22" in run.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_one_sentence(tmp_path: Path, recipe: str) -> None:
    command = [sys.executable, "-m", "analyticlens", "inspect", recipe, picture(tmp_path, 3)]
    with open("/dev/full", "wb") as full:
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=120, check=False)
    assert run.returncode == 1
    assert b"Traceback" not in run.stderr
    assert b"No space left" in run.stderr


@pytest.mark.parametrize("word", ["", "fifo"])
def test_what_is_no_file_is_not_waited_for(
    tmp_path: Path, recipe: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert main([recipe, str(tmp_path / word) if word else ""]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_very_high_picture_fits_the_sheet(tmp_path: Path, recipe: str) -> None:
    (tmp_path / "tall.png").write_bytes(encode(np.zeros((4000, 1), np.uint8)))
    main([recipe, str(tmp_path / "tall.png"), "--sheet", str(tmp_path / "sheet.png")])
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    assert sheet.shape[0] < 1100
