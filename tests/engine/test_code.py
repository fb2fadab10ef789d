"""code: what other libraries drew is read at any angle, and what cannot be read is never taken for anything."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
import pytest
import segno

from analyticlens.bench.accuracy.camera import expose
from analyticlens.bench.accuracy.codes import bars, code_128, data_matrix, drawn, qr_code
from analyticlens.bench.accuracy.rows_code import rows
from analyticlens.engine import RecipeRefused, inspect, prepare
from analyticlens.engine.codes import budget
from analyticlens.engine.tools import TOOLS
from analyticlens.protocol.records import ToolOutcome
from analyticlens.protocol.tools import CodeParams
from tests.engine.drawing import boxes, colour, limit, look, plain, recipe, rect
from tests.timing import within

TEXT = "PART-004711"
ENCODERS: dict[str, Callable[[str], Any]] = {"qr_code": qr_code, "data_matrix": data_matrix, "code_128": code_128}


def frame(modules: Any, module: float = 3, angle: float = 0, **how: Any) -> Any:
    rng = np.random.default_rng(4)
    return expose(drawn(modules, module, angle, **how), rng, snr=40)


def tool(**params: Any) -> dict[str, Any]:
    return {"type": "code", "params": params}


def read(picture: Any, **params: Any) -> ToolOutcome:
    return look(picture, tool(**params)).tools[0]


@pytest.mark.parametrize("word", ENCODERS)
@pytest.mark.parametrize("angle", [-90, -30, 0, 45, 133])
def test_a_code_is_read_at_any_angle_with_its_place_and_direction(word: str, angle: float) -> None:
    outcome = read(frame(ENCODERS[word](TEXT), 3, angle, centre=(12, -7), size=(460, 480)))
    assert (outcome.status, outcome.texts) == ("ok", {"text": TEXT, "format": word})
    assert abs(math.remainder(outcome.features["angle_deg"] - angle, 360)) < 2
    assert math.dist((outcome.features["x"], outcome.features["y"]), (239.5 + 12, 229.5 - 7)) < 5
    assert (outcome.features["count"], outcome.features["length"]) == (1, len(TEXT))


@pytest.mark.parametrize(
    ("word", "kind", "text", "said"),
    [
        ("ean_13", "ean13", "590123412345", "5901234123457"),
        ("ean_8", "ean8", "9638507", "96385074"),
        ("upc_a", "upca", "03600029145", "036000291452"),
        ("code_39", "code39", "AB-12", "AB-12"),
        ("itf", "itf", "12345678", "12345678"),
    ],
)
@pytest.mark.parametrize("angle", [0, 24, 97])
def test_the_other_bars_are_read_where_asked_for(word: str, kind: str, text: str, said: str, angle: float) -> None:
    outcome = read(frame(bars(kind, text), 3, angle), formats=[word])
    assert outcome.texts == {"text": said, "format": word}


def pdf417(text: str) -> Any:
    zxing = pytest.importorskip("zxingcpp")
    drawing = zxing.create_barcode(text, zxing.BarcodeFormat.PDF417)
    return np.asarray(zxing.write_barcode_to_image(drawing, scale=1, add_quiet_zones=False)) < 128


@pytest.mark.parametrize("angle", [0, 23, 45, 90, 161, -77, -135])
def test_pdf417_is_read_at_any_angle_with_its_place_and_direction(angle: float, rng: np.random.Generator) -> None:
    exact = drawn(pdf417(TEXT), 2.5, angle, centre=(12, -7), size=(400, 420))
    outcome = read(expose(exact, rng, snr=40), formats=["pdf417"])
    assert (outcome.status, outcome.texts) == ("ok", {"text": TEXT, "format": "pdf417"})
    assert abs(math.remainder(outcome.features["angle_deg"] - angle, 360)) < 3
    assert math.dist((outcome.features["x"], outcome.features["y"]), (209.5 + 12, 199.5 - 7)) < 2


@pytest.mark.parametrize("text", ["D67646", "019F17", "LOT+A1", "A$A1", "50%", "-12345678"])
def test_code_39_says_what_is_printed_and_nothing_it_could_stand_for(text: str) -> None:
    """Six characters may be a number of a pharmacy (Code 32), +A a small letter, $A a control character: here they are themselves."""
    outcome = read(frame(bars("code39", text), 3, 7), formats=["code_39"])
    assert outcome.texts == {"text": text, "format": "code_39"}


def test_upc_e_says_the_eight_digits_that_are_printed() -> None:
    # Quiet zone aside: 101, then 1 2 3 4 5 6 by the parities of check digit 5 (E O O E E O), then 010101.
    digits = ["0110011", "0010011", "0111101", "0011101", "0111001", "0101111"]
    modules = np.array([mark == "1" for mark in "101" + "".join(digits) + "010101"], bool)
    outcome = read(frame(np.tile(modules, (40, 1)), 3, 5), formats=["upc_e"])
    assert outcome.texts == {"text": "01234565", "format": "upc_e"}


def test_a_piece_of_bars_without_a_check_character_is_not_taken_for_the_whole(rng: np.random.Generator) -> None:
    for _ in range(8):
        angle = rng.uniform(-180, 180)
        exact = drawn(bars("itf", "12345678"), rng.uniform(2, 3), angle)
        outcome = read(expose(exact, rng, snr=20), formats=["itf"])
        assert outcome.texts.get("text", "12345678") == "12345678", angle


@pytest.mark.parametrize(("kind", "text"), [("itf", "8766572231"), ("itf", "3953615418"), ("code39", "AB-12")])
def test_bars_that_run_into_the_regions_border_may_be_a_piece_and_are_not_read(kind: str, text: str) -> None:
    """The region cuts off a part of the code, or its quiet zone, with a border that is upright or slants."""
    word = {"itf": "itf", "code39": "code_39"}[kind]
    picture = frame(bars(kind, text), 3, 0)
    height, width = picture.shape
    length = 3 * bars(kind, text).shape[1]
    first, last = (width - length) // 2, (width + length) // 2
    plain_end = {"itf": 36, "code39": 21}[kind]
    for cut in range(first - 3, width // 2, 19):
        for region in (
            rect(cut, 0, width - cut, height),
            rect(0, 0, width - cut, height),
            {
                "shape": "polygon",
                "points": [[cut, 0], [width - 1, 0], [width - 1, height - 1], [cut - 9, height - 1]],
            },
        ):
            outcome = look(picture, tool(formats=[word]) | {"region": region}).tools[0]
            assert outcome.status == "not_found", (outcome.texts, region)
    whole = rect(first - plain_end, 0, last - first + 2 * plain_end, height)
    assert look(picture, tool(formats=[word]) | {"region": whole}).tools[0].texts["text"] == text


def test_a_format_that_was_not_asked_for_is_not_read() -> None:
    assert read(frame(qr_code(TEXT)), formats=["data_matrix"]).status == "not_found"


def test_the_expected_text_decides() -> None:
    picture = frame(data_matrix(TEXT))
    good = look(picture, tool(expected_text=TEXT) | {"limits": [limit("matches", 1)]})
    bad = look(picture, tool(expected_text="PART-004712") | {"limits": [limit("matches", 1)]})
    assert (good.verdict, bad.verdict) == ("ok", "nok")
    assert bad.tools[0].texts["text"] == TEXT


def test_the_pattern_decides() -> None:
    picture = frame(qr_code(TEXT))
    assert read(picture, pattern=r"PART-\d{6}").features["matches"] == 1
    assert read(picture, pattern=r"PART-\d{5}").features["matches"] == 0
    assert read(picture, pattern=r"PART-\d{6}", expected_text="PART-000000").features["matches"] == 0


def test_without_a_wish_there_is_no_match_and_a_limit_on_it_is_undecided() -> None:
    inspection = look(frame(qr_code(TEXT)), tool() | {"limits": [limit("matches", 1)]})
    assert "matches" not in inspection.tools[0].features
    assert (inspection.verdict, inspection.reason) == ("undecided", "value_missing")


@pytest.mark.parametrize(
    "picture", [plain(), plain(1, 1), plain(9, 300), boxes((10, 10, 90, 90)), colour(plain(64, 64))]
)
def test_where_no_code_is_none_is_read_and_the_verdict_is_undecided(picture: Any) -> None:
    inspection = look(picture, tool(expected_text=TEXT) | {"limits": [limit("count", 1), limit("matches", 1)]})
    assert (inspection.verdict, inspection.reason) == ("undecided", "not_found")
    assert inspection.tools[0].texts == {}


def test_a_damaged_code_is_not_read_wrongly(rng: np.random.Generator) -> None:
    """Half of a code is whited out, a piece at a time: it is read right or not at all."""
    for word, encoder in ENCODERS.items():
        for _ in range(5):
            modules = encoder(TEXT).copy()
            rows_, columns = modules.shape
            x, y = rng.integers(columns // 2 + 1), rng.integers(rows_ // 2 + 1)
            modules[y : y + rows_ // 2, x : x + columns // 2] ^= rng.random() < 0.5
            outcome = read(frame(modules, 3, rng.uniform(0, 360)))
            assert outcome.texts.get("text", TEXT) == TEXT, word


def test_lengths_pass_over_what_is_not_looked_for() -> None:
    assert read(frame(qr_code(TEXT)), min_length=12).status == "not_found"
    assert read(frame(qr_code(TEXT)), min_length=11, max_length=11).status == "ok"


def two(**how: Any) -> Any:
    left, right = (frame(ENCODERS[word](text), 3, 10) for word, text in (("qr_code", "LEFT"), ("data_matrix", "RIGHT")))
    picture = np.full((200, 400), 180, np.uint8)
    picture[: left.shape[0], : left.shape[1]] = left
    picture[: right.shape[0], 220 : 220 + right.shape[1]] = right
    return picture


def test_several_codes_are_counted_and_the_expected_one_is_told() -> None:
    outcome = read(two(), expected_count=2, expected_text="RIGHT")
    assert (outcome.features["count"], outcome.texts["text"], outcome.features["matches"]) == (2, "RIGHT", 1)


def test_a_code_outside_the_region_is_not_there() -> None:
    region = {"shape": "circle", "cx": 60, "cy": 60, "r": 58}
    outcome = look(two(), tool(expected_count=2) | {"region": region}).tools[0]
    assert (outcome.features["count"], outcome.texts["text"]) == (1, "LEFT")
    assert look(two(), tool() | {"region": rect(150, 150, 60, 40)}).tools[0].status == "not_found"


def test_places_are_those_of_the_whole_picture() -> None:
    whole, part = (
        read(two(), formats=["data_matrix"]),
        look(two(), tool(formats=["data_matrix"]) | {"region": rect(210, 0, 180, 150)}).tools[0],
    )
    assert math.dist((whole.features["x"], whole.features["y"]), (part.features["x"], part.features["y"])) < 2


@pytest.mark.parametrize("word", ENCODERS)
@pytest.mark.parametrize("turns", range(4))
def test_an_upright_code_lies_where_it_was_drawn_whichever_way_it_is_turned(word: str, turns: int) -> None:
    modules = np.rot90(np.kron(ENCODERS[word](TEXT), np.ones((5, 5), bool)), turns)
    picture = np.full((modules.shape[0] + 101, modules.shape[1] + 120), 200, np.uint8)
    picture[40 : 40 + modules.shape[0], 60 : 60 + modules.shape[1]][modules] = 50
    outcome = read(picture)
    error = np.array([outcome.features["x"] - 60, outcome.features["y"] - 40]) - (np.array(modules.shape[::-1]) - 1) / 2
    if word == "code_128":
        # Where bars begin and end along themselves is known to some pixels only.
        error = error[turns % 2]
    assert np.abs(error).max() <= 0.3


@pytest.mark.parametrize("word", ENCODERS)
def test_no_way_of_reading_moves_a_code(word: str, rng: np.random.Generator) -> None:
    """Small modules are read enlarged, bars turned straight: over codes turned all ways the errors cancel out."""
    modules, errors = ENCODERS[word](TEXT), []
    for number in range(6):
        centre = (float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.5, 0.5)))
        picture = expose(drawn(modules, 2.3, 20 + 60 * number, centre=centre), rng, snr=20)
        features = read(picture, formats=[word]).features
        middle = [(size - 1) / 2 + shift for size, shift in zip(picture.shape[::-1], centre, strict=True)]
        errors.append([features["x"] - middle[0], features["y"] - middle[1]])
    assert np.abs(np.mean(errors, axis=0)).max() < (0.3 if word != "code_128" else 0.9)


def test_light_on_dark_is_read_where_asked_for() -> None:
    picture = 255 - frame(qr_code(TEXT))
    assert read(picture).status == "not_found"
    assert read(picture, inverted=True).texts["text"] == TEXT


@pytest.mark.parametrize("bits", [12, 16])
def test_deep_pictures_are_read_whatever_part_of_the_depth_they_use(bits: int, rng: np.random.Generator) -> None:
    exact = drawn(data_matrix(TEXT), 3, 20)
    picture = expose(exact, rng, snr=40, bits=bits)
    picture[0, 0] = 65535
    assert read(picture).texts["text"] == TEXT


def test_colour_counts_by_its_luminance() -> None:
    assert read(colour(frame(qr_code(TEXT)))).texts["text"] == TEXT


def test_a_text_that_would_spoil_a_record_is_shown_by_symbols() -> None:
    outcome = read(frame(qr_code("A\x00B\x1dC\u202eD")), expected_text="A␀B␝C\ufffdD")
    assert outcome.texts["text"] == "A␀B␝C\ufffdD"
    assert outcome.features["matches"] == 1


def test_the_overlay_is_the_codes_outline() -> None:
    inspection = look(frame(qr_code(TEXT), 3, 0), tool())
    (shape,) = [overlay.shape for overlay in inspection.overlay if overlay.role == "found"]
    assert shape.shape == "polygon"
    side = 3 * qr_code(TEXT).shape[0]
    assert cv2.contourArea(np.array(shape.points, np.float32)) == pytest.approx(side**2, rel=0.1)
    assert inspection.details[1]["codes"][0]["format"] == "qr_code"


def test_what_is_tried_depends_on_the_picture_alone(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, (200, 300)).astype(np.uint8)
    assert read(picture).features == read(picture).features
    assert read(picture).features["attempts"] > read(picture, retries=False).features["attempts"] == 1


@pytest.mark.parametrize("params", [{"pattern": "(a"}, {"pattern": "a**"}, {"pattern": "((((a){99}){99}){99})"}])
def test_a_pattern_that_cannot_be_used_is_refused_in_words(params: dict[str, Any]) -> None:
    with pytest.raises(RecipeRefused, match="pattern"):
        prepare(recipe(tool(**params)))


@pytest.mark.parametrize("params", [{"formats": []}, {"formats": ["itf", "itf"]}, {"min_length": 9, "max_length": 3}])
def test_what_makes_no_sense_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"twice|longer|at least 1"):
        recipe(tool(**params))


def test_without_the_library_it_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "zxingcpp", None)
    with pytest.raises(RecipeRefused, match=r"zxing-cpp: install analyticlens\[machine\]"):
        prepare(recipe(tool()))


def test_a_region_too_large_for_its_time_is_refused_in_words() -> None:
    with pytest.raises(RecipeRefused, match="can take"):
        prepare(recipe(tool()), size=(3000, 4000))
    prepare(recipe(tool(formats=["qr_code"])), size=(3000, 4000))
    prepare(recipe(tool()), size=(1080, 1920))


@pytest.mark.parametrize(
    "formats", [["qr_code", "data_matrix", "code_128", "ean_13"], ["code_128"], ["data_matrix"], ["aztec"], ["pdf417"]]
)
@pytest.mark.parametrize("inverted", [False, True])
def test_its_cost_bound_holds_on_the_worst_pictures(
    formats: list[str], inverted: bool, rng: np.random.Generator
) -> None:
    height, width = 240, 320
    pictures = [
        rng.integers(0, 256, (height, width)),
        np.tile(np.repeat(rng.integers(0, 2, width // 4), 4) * 150 + 50, (height, 1)),
        np.kron(rng.integers(0, 2, (height // 4, width // 4)), np.ones((4, 4))) * 150 + 50,
    ]
    prepared = prepare(recipe(tool(formats=formats, inverted=inverted)), tool_ms=1e6)
    cost = TOOLS["code"].cost
    assert cost is not None
    bound = cost(prepared.recipe.tools[0], height, width)
    for picture in pictures:
        within(2 * bound, partial(inspect, picture.astype(np.uint8), prepared))


def squares(module: int, height: int, width: int) -> Any:
    """Corners of QR codes wherever there is room."""
    corner = np.pad(np.pad(np.pad(np.ones((3, 3), bool), 1), 1, constant_values=True), 1)
    tile = np.kron(corner, np.ones((module, module), bool))
    return np.where(np.tile(tile, (height // len(tile) + 1, width // len(tile) + 1))[:height, :width], 50, 200)


@pytest.mark.parametrize(("module", "height", "width"), [(2, 120, 120), (3, 240, 320), (4, 480, 752)])
@pytest.mark.parametrize("formats", [["qr_code"], ["qr_code", "data_matrix", "code_128", "ean_13"]])
def test_squares_like_corners_of_codes_keep_to_the_bound(
    module: int, height: int, width: int, formats: list[str]
) -> None:
    prepared = prepare(recipe(tool(formats=formats)), size=(height, width))
    bound = prepared.cost(prepared.steps[0], height, width)
    picture = squares(module, height, width).astype(np.uint8)
    inspection = within(bound, partial(inspect, picture, prepared))
    assert inspection.tools[0].status == "not_found"


@pytest.mark.parametrize("module", [1, 2])
def test_more_squares_than_can_be_looked_at_are_no_verdict(module: int) -> None:
    height, width = 1080, 1920
    prepared = prepare(recipe(tool(formats=["qr_code"])), size=(height, width))
    picture = squares(module, height, width).astype(np.uint8)
    inspection = within(prepared.cost(prepared.steps[0], height, width), partial(inspect, picture, prepared))
    outcome = inspection.tools[0]
    assert (outcome.status, outcome.reason) == ("error", "too_costly")
    assert "corners of QR codes" in outcome.message


def test_noise_and_many_codes_are_looked_at(rng: np.random.Generator) -> None:
    noise = rng.integers(0, 256, (1080, 1920)).astype(np.uint8)
    assert read(noise, formats=["qr_code"]).status == "not_found"
    label = frame(qr_code(TEXT), 3, 0)
    many = np.tile(label, (600 // label.shape[0], 900 // label.shape[1]))
    outcome = read(many, formats=["qr_code"], expected_count=20)
    assert outcome.features["count"] == 1 or outcome.features["count"] >= 20


@pytest.mark.parametrize("size", [(1080, 1920), (600, 800)])
def test_a_time_that_not_even_the_first_look_can_keep_is_refused_in_words(size: tuple[int, int]) -> None:
    asked = recipe(tool(formats=["data_matrix"], budget_ms=10))
    with pytest.raises(RecipeRefused, match="first look"):
        prepare(asked, size=size)
    outcome = inspect(plain(*size), prepare(asked)).tools[0]
    assert (outcome.status, outcome.reason) == ("error", "too_costly")
    prepare(asked, size=(400, 500))


@pytest.mark.parametrize("word", ["qr_code", "data_matrix"])
def test_a_small_code_is_read_in_a_large_picture(word: str, rng: np.random.Generator) -> None:
    for angle in rng.uniform(0, 360, 4):
        exact = drawn(ENCODERS[word](TEXT), 2, angle, size=(480, 752), centre=(rng.uniform(-3, 3), rng.uniform(-3, 3)))
        assert read(expose(exact, rng, snr=20)).texts.get("text") == TEXT


def test_the_time_is_shared_out_and_never_overdrawn() -> None:
    for size in ((50, 50), (240, 320), (480, 752), (900, 1200)):
        for params in (CodeParams(), CodeParams(formats=("pdf417",)), CodeParams(formats=("pdf417", "itf"))):
            shared = budget(params, *size)
            assert shared.total <= max(params.budget_ms, shared.first + shared.tensor) + 1e-9


def test_the_goals_of_the_accuracy_bench_are_met_on_a_few_pictures(seed: int) -> None:
    missed = [str(row) for row in rows(seed, 6) if not row.met]
    assert missed == []


def micro_qr(text: str, version: str) -> Any:
    return np.array(segno.make_micro(text, version=version).matrix, bool)


@pytest.mark.parametrize("version", ["M1", "M2", "M4"])
def test_a_micro_qr_code_is_read_only_where_asked_for(version: str) -> None:
    picture = frame(micro_qr("11628", version), 4, 15)
    assert read(picture, formats=["micro_qr_code"]).texts == {"text": "11628", "format": "micro_qr_code"}
    assert read(picture, formats=["qr_code"]).status == "not_found"


def test_what_can_mend_no_error_is_read_only_as_it_stands() -> None:
    """A retry changes the picture; the smallest Micro QR code would then say whatever chance made of it."""
    small = frame(micro_qr("11628", "M1"), 1.5, 15)
    for outcome in (read(small, formats=["micro_qr_code"]), read(small, formats=["micro_qr_code", "qr_code"])):
        assert outcome.status == "not_found" or outcome.features["attempts"] == 1


def test_of_several_codes_it_is_told_how_many_say_what_is_expected() -> None:
    picture = np.hstack([frame(qr_code(text), 4) for text in ("GOOD", "WRONG")])
    tools = {**tool(expected_count=2, expected_text="GOOD"), "limits": [limit("matching_count", 2)]}
    inspection = look(picture, tools)
    features = inspection.tools[0].features
    assert (features["count"], features["matches"], features["matching_count"]) == (2, 1, 1)
    assert inspection.verdict == "nok"
