"""Recipes taught from code, and the tutorial that shows it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from analyticlens.engine import inspect
from analyticlens.engine.regions import AreaRegion
from analyticlens.engine.teach import NotTaught, Teacher, around, arrow, circle, ellipse, polygon, rect, ring
from analyticlens.machine.inspect_cli import main
from analyticlens.protocol.regions import Arrow
from tests.engine.drawing import boxes, half_plane, plain

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TUTORIAL.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks("python"):
        exec(compile(block, str(TUTORIAL), "exec"), names)
    shape, refusal, good, half, nothing, moved, taught = capsys.readouterr().out.splitlines()
    assert (shape, refusal) == ("(303, 384) uint8", "params.sharpness: Extra inputs are not permitted")
    assert (good, half) == ("ok 24.0", "nok Coins: blob_count 12 is below 24")
    assert "float64" in nothing
    for line in (moved, taught):
        verdict, *offset = line.split()
        assert verdict == "ok"
        assert list(map(float, offset)) == pytest.approx([6.25, 3.5], abs=0.05)
    assert names["shown"].ndim == 3


def test_the_tutorials_command_judges_what_it_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks("python"):
        exec(compile(block, str(TUTORIAL), "exec"), names)
    (command,) = blocks("sh")
    words = command.split()
    assert words[:2] == ["analyticlens", "inspect"]
    assert main(words[2:]) == 0
    assert len(Path("results.csv").read_text().splitlines()) == 3


def test_a_recipe_is_taught_in_five_lines() -> None:
    picture = boxes((20, 20, 30, 30), (80, 60, 20, 20))
    teacher = Teacher(picture)
    teacher.add(
        "blob", "Boxes", th_min=120, limits={"blob_count": 2, "total_area": around(1), "smallest_area": (300, None)}
    )
    assert inspect(picture, teacher.prepare()).verdict == "ok"
    assert inspect(boxes((20, 20, 30, 30)), teacher.prepare()).verdict == "nok"


def test_a_datum_learns_where_it_is() -> None:
    teacher = Teacher(half_plane((60.3, 50), 0, shape=(100, 120)))
    teacher.add("locate", "Rim", region=arrow((40, 50), (80, 50), 15), apply_transform=True)
    teacher.add("intensity", "Light", region=rect(80, 40, 20, 20), limits={"mean": around(1)}, follow=["Rim"])
    params: Any = teacher.recipe.tools[0].params
    assert params.reference.x == pytest.approx(60.3, abs=0.02)
    assert teacher.recipe.tools[1].follow == (1,)
    moved = inspect(half_plane((66.8, 50), 0, shape=(100, 120)), teacher.prepare())
    assert moved.tools[0].features["offset_x"] == pytest.approx(6.5, abs=0.02)
    assert moved.verdict == "ok"


def test_what_the_good_picture_does_not_show_is_not_taught() -> None:
    teacher = Teacher(plain())
    with pytest.raises(NotTaught, match="Rim does not work on the good picture"):
        teacher.add("locate", "Rim", region=arrow((40, 50), (80, 50), 15))
    assert teacher.recipe.tools == ()


@pytest.mark.parametrize(
    ("kind", "said"),
    [("laser", {}), ("blob", {"sharpness": 3}), ("blob", {"limits": {"beauty": 1}}), ("blur", {"follow": ["nobody"]})],
)
def test_what_no_recipe_can_be_is_refused(kind: str, said: dict[str, Any]) -> None:
    teacher = Teacher(plain())
    with pytest.raises(ValueError):  # noqa: PT011  pydantic's own and ours
        teacher.add(kind, **said)
    assert teacher.recipe.tools == ()


def test_a_tool_sees_the_picture_as_the_tools_before_leave_it() -> None:
    teacher = Teacher(boxes((20, 20, 30, 30)))
    teacher.add("threshold", th_min=120)
    assert set(np.unique(teacher.seen)) == {0, 255}
    assert set(np.unique(teacher.picture)) == {60, 180}


def test_colours_are_learned_by_name() -> None:
    picture = np.zeros((60, 90, 3), np.uint8)
    picture[:, :30], picture[:, 30:60], picture[:, 60:] = (200, 30, 30), (30, 200, 30), (30, 30, 200)
    teacher = Teacher(picture)
    patches = {"blue": rect(5, 5, 20, 50), "green": rect(35, 5, 20, 50), "red": rect(65, 5, 20, 50)}
    teacher.colour("Cap", taught=patches, region=rect(65, 5, 20, 50), limits={"nearest": 3})
    assert teacher.inspect().verdict == "ok"


def test_a_template_is_learned_and_found(rng: np.random.Generator) -> None:
    picture = cv2.GaussianBlur(rng.integers(0, 256, (150, 200)).astype(np.uint8), (0, 0), 3.0)
    teacher = Teacher(cv2.normalize(picture, picture, 0, 255, cv2.NORM_MINMAX))
    teacher.match("Mark", region=rect(60, 50, 60, 50))
    moved = np.roll(teacher.picture, (4, -7), (0, 1))
    features = inspect(moved, teacher.prepare()).tools[0].features
    assert (features["offset_x"], features["offset_y"]) == pytest.approx((-7, 4), abs=0.05)
    assert set(teacher.recipe.blobs) == set(teacher.blobs)


def test_good_parts_become_a_golden_picture(rng: np.random.Generator) -> None:
    def part(speck: bool) -> np.ndarray[Any, Any]:
        picture = boxes((30, 30, 60, 40), shape=(100, 120)).astype(float)
        picture[50:55, 50:55] -= 90 * speck
        return np.clip(cv2.GaussianBlur(picture, (0, 0), 1.0) + rng.normal(0, 3, picture.shape), 0, 255).astype(
            np.uint8
        )

    teacher = Teacher(part(speck=False))
    good = [part(speck=False) for _ in range(5)]
    teacher.golden("Looks", more=good, region=rect(20, 20, 80, 60), limits={"defect_count": 0})
    assert inspect(part(speck=False), teacher.prepare()).verdict == "ok"
    assert inspect(part(speck=True), teacher.prepare()).verdict == "nok"


def test_a_scale_makes_millimetres_of_pixels() -> None:
    teacher = Teacher(boxes((30, 30, 60, 40), shape=(100, 120)))
    teacher.scale("Scale", first=(0, 50), second=(100, 50), mm=25)
    teacher.add("caliper", "Left", region=arrow((10, 50), (50, 50), 11))
    teacher.add("caliper", "Right", region=arrow((70, 50), (110, 50), 11))
    teacher.add("measure", "Width", first=2, second=3, calibration=1, limits={"distance_mm": around(1)})
    features = teacher.inspect().tools[-1].features
    assert features["distance_mm"] == pytest.approx(15, abs=0.02)


def test_every_region_has_its_word() -> None:
    regions: list[AreaRegion] = [
        circle(50, 50, 9),
        ellipse(50, 50, 9, 5, 30),
        ring(50, 50, 5, 9),
        polygon((5, 5), (50, 5), (5, 50)),
        rect(5, 5, 9, 9),
    ]
    for region in regions:
        teacher = Teacher(plain())
        teacher.add("intensity", region=region, limits={"mean": (59, 61)}, exclude=[rect(48, 48, 2, 2)])
        assert teacher.inspect().verdict == "ok"
    assert isinstance(arrow((0, 0), (9, 9)), Arrow)
