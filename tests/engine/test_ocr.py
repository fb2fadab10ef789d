"""ocr: printed text is read, compared, and never taken for what it is not."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from analyticlens.engine import RecipeRefused, inspect, prepare, regions
from analyticlens.engine.buffers import Buffers
from analyticlens.engine.kit import Kit
from analyticlens.engine.picture import Picture
from analyticlens.engine.pose import Pose
from analyticlens.engine.regions import AreaRegion, moved
from analyticlens.engine.scene import Scene
from analyticlens.engine.tools import TOOLS
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.records import ToolOutcome
from analyticlens.protocol.regions import Ellipse, Polygon, Rect
from analyticlens.protocol.tools import OcrTool
from tests.engine.drawing import colour, limit, look, plain, recipe, rect
from tests.timing import within

TEXT = "LOT 47B-2031"


reads = pytest.mark.usefixtures("tesseract")


def printed(text: str = TEXT, paper: int = 225, ink: int = 30, size: float = 0.8) -> Any:
    """Return a label (48, 320) with a line of text."""
    label = np.full((48, 320), paper, np.uint8)
    cv2.putText(label, text, (12, 34), cv2.FONT_HERSHEY_SIMPLEX, size, ink, 2, cv2.LINE_AA)
    return label


def read(picture: Any, region: Any = None, **params: Any) -> ToolOutcome:
    return look(picture, {"type": "ocr", "params": params, "region": region}).tools[0]


@reads
def test_a_line_is_read_with_its_words_and_confidence() -> None:
    inspection = look(printed(), {"type": "ocr", "params": {}})
    outcome = inspection.tools[0]
    assert (outcome.status, outcome.texts) == ("ok", {"text": TEXT})
    assert (outcome.features["words"], outcome.features["length"]) == (2, len(TEXT))
    assert 0.5 < outcome.features["lowest_confidence"] <= outcome.features["confidence"] <= 1
    first = inspection.overlay[0].shape
    assert first.shape == "rect"
    assert abs(first.x - 12) < 6
    assert abs(first.y - 16) < 6


@reads
def test_the_expected_text_and_the_pattern_decide() -> None:
    for params, verdict in (
        ({"expected_text": TEXT}, "ok"),
        ({"expected_text": "LOT 47B-2032"}, "nok"),
        ({"pattern": r"LOT \d\d[A-Z]-\d{4}"}, "ok"),
        ({"pattern": r"\d+"}, "nok"),
    ):
        tool = {"type": "ocr", "params": params, "limits": [limit("matches", 1)]}
        assert look(printed(), tool).verdict == verdict, params


def turned_by(angle: float) -> tuple[Any, tuple[float, float]]:
    """Return a label turned by an angle in a larger picture, and its centre there."""
    turn = cv2.getRotationMatrix2D((159.5, 23.5), -angle, 1)
    turn[:, 2] = turn[:, 2] + np.array([60.5, 176.5])
    return cv2.warpAffine(printed(), turn, (440, 400), borderValue=225), (220.0, 200.0)


@reads
@pytest.mark.parametrize("angle", [0, 10, -35, 90, 180])
def test_text_is_read_along_its_regions_own_rows(angle: float) -> None:
    picture, (x, y) = turned_by(angle)
    region = rect(x - 159.5, y - 23.5, 320, 48) | {"angle": angle}
    inspection = look(picture, {"type": "ocr", "region": region})
    assert inspection.tools[0].texts == {"text": TEXT}
    words = [overlay.shape for overlay in inspection.overlay if overlay.role == "found"]
    places = [(word.x + (word.w - 1) / 2, word.y + (word.h - 1) / 2) for word in words if isinstance(word, Rect)]
    assert all(isinstance(word, Rect) and abs(word.angle - angle) < 1e-6 for word in words)
    # Both words lie on the line through the middle, in the direction of the turn.
    along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    across = np.array([-along[1], along[0]])
    offsets = np.array(places) - (x, y)
    assert np.abs(offsets @ across).max() < 4
    assert (offsets @ along)[0] < (offsets @ along)[1]


@reads
@pytest.mark.parametrize("shape", ["polygon", "ellipse"])
def test_text_in_a_region_of_another_shape_turns_with_its_datum(shape: str) -> None:
    angle = 20.0
    picture, (x, y) = turned_by(angle)
    shapes: dict[str, AreaRegion] = {
        "polygon": Polygon(points=((60, 180), (379, 180), (379, 225), (60, 225))),
        "ellipse": Ellipse(cx=220, cy=200, rx=215, ry=30),
    }
    buffers, pose = Buffers(), Pose.carry((220, 200), (x, y), angle)
    region = moved(shapes[shape], pose)
    window = regions.window(region, 400, 440, buffers, "window", min_coverage=0.5)
    assert window is not None
    run = TOOLS["ocr"].prepare(
        OcrTool.model_validate({"id": 1, "name": "text", "type": "ocr"}), Kit(recipe({"type": "ocr"}))
    )
    assert run(Scene(Picture(picture, buffers), buffers, window, pose, None, {}, region)).texts == {"text": TEXT}


@reads
@pytest.mark.parametrize(
    "picture",
    [
        colour(printed()),
        printed().astype(np.uint16) * 257,
        printed().astype(np.uint16) * 16,
        printed(paper=120, ink=90),
    ],
)
def test_colour_depth_and_pale_print_make_no_difference(picture: Any) -> None:
    assert read(picture).texts == {"text": TEXT}


@reads
def test_light_on_dark_is_read_where_it_is_said() -> None:
    assert read(printed(paper=30, ink=225), inverted=True).texts == {"text": TEXT}


@reads
def test_it_reads_its_region_alone_and_tells_places_in_the_whole_picture() -> None:
    picture = np.full((200, 700), 225, np.uint8)
    picture[100:148, 300:620] = printed()
    picture[10:58, 10:330] = printed("OTHER")
    inspection = look(picture, {"type": "ocr", "region": rect(300, 100, 320, 48)})
    assert inspection.tools[0].texts == {"text": TEXT}
    found = [overlay.shape for overlay in inspection.overlay if overlay.role == "found"]
    assert abs(found[0].x - 312) < 6  # type: ignore[union-attr]


@reads
@pytest.mark.parametrize("picture", [plain(), plain(1, 1), plain(3, 200), plain(level=255), plain(level=0)])
def test_where_nothing_is_printed_nothing_is_read(picture: Any) -> None:
    tool = {"type": "ocr", "params": {"expected_text": TEXT}, "limits": [limit("matches", 1)]}
    inspection = look(picture, tool)
    assert (inspection.verdict, inspection.reason) == ("undecided", "not_found")
    assert inspection.tools[0].texts == {}


@reads
def test_what_it_is_not_sure_of_was_not_read(rng: np.random.Generator) -> None:
    blurred = cv2.GaussianBlur(printed(), (0, 0), 3.5) + rng.normal(0, 8, (48, 320))
    outcome = read(np.clip(blurred, 0, 255).astype(np.uint8), min_confidence=0.95)
    assert (outcome.status, outcome.texts, outcome.features) == ("not_found", {}, {})


@reads
def test_words_stay_apart_when_characters_are_chosen() -> None:
    assert read(printed(), characters="ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-").texts == {"text": TEXT}


@reads
def test_only_the_characters_that_can_occur_are_read() -> None:
    assert set(read(printed("B0813"), characters="0123456789", min_confidence=0).texts.get("text", "")) <= set(
        "0123456789 "
    )


@reads
def test_lengths_pass_over_what_is_not_looked_for() -> None:
    assert read(printed(), max_length=5).status == "not_found"


@reads
def test_what_was_read_before_makes_no_difference() -> None:
    prepared = prepare(recipe({"type": "ocr"}))
    first = inspect(printed(), prepared).tools[0]
    for text in ("OOOO", "1111", "BBBB"):
        inspect(printed(text), prepared)
    again = inspect(printed(), prepared).tools[0]
    assert (again.texts, again.features) == (first.texts, first.features)


@reads
def test_its_cost_bound_holds_on_noise(rng: np.random.Generator) -> None:
    cost = TOOLS["ocr"].cost
    assert cost is not None
    for shape, scale in (((48, 320), 2), ((150, 200), 1)):
        tool = {"type": "ocr", "params": {"scale": scale, "layout": "block"}}
        prepared = prepare(recipe(tool), tool_ms=1e6)
        picture = rng.integers(0, 256, shape).astype(np.uint8)
        within(3 * cost(prepared.recipe.tools[0], *shape), partial(inspect, picture, prepared))


@reads
def test_a_region_too_large_for_its_time_is_refused_in_words() -> None:
    with pytest.raises(RecipeRefused, match="it can take"):
        prepare(recipe({"type": "ocr"}), size=(480, 752))
    prepare(recipe({"type": "ocr", "region": rect(10, 10, 400, 60)}), size=(480, 752))


@reads
def test_a_language_that_is_not_there_is_refused_in_words() -> None:
    with pytest.raises(RecipeRefused, match=r"language data for xxx is not here \(Debian: tesseract-ocr-xxx\)"):
        prepare(recipe({"type": "ocr", "params": {"language": "xxx"}}))


@reads
def test_language_data_that_is_damaged_is_refused_in_words(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zzz.traineddata").write_bytes(b"no data")
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    with pytest.raises(RecipeRefused, match="cannot be used"):
        prepare(recipe({"type": "ocr", "params": {"language": "zzz"}}))


def test_without_the_library_it_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tesserocr", None)
    with pytest.raises(RecipeRefused, match=r"tesserocr: install analyticlens\[ocr\]"):
        prepare(recipe({"type": "ocr"}))


@pytest.mark.parametrize("language", ["../eng", "eng/../x", "", "e", "eng+"])
def test_a_language_is_a_word(language: str) -> None:
    with pytest.raises(ValueError, match="language"):
        recipe({"type": "ocr", "params": {"language": language}})


@reads
def test_the_example_of_the_page_reads_and_judges() -> None:
    page = (Path(__file__).parents[2] / "docs" / "tools" / "ai.md").read_text("utf-8")
    (text,) = re.findall(r"^```json example\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    picture = np.full((120, 400), 225, np.uint8)
    picture[30:78, 40:360] = printed()
    inspection = inspect(picture, prepare(Recipe.model_validate_json(text)))
    assert (inspection.verdict, inspection.tools[0].texts["text"]) == ("ok", TEXT)
