"""logic: what limits say, combined in three values, and never ok because something is not known."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from analyticlens.engine import Inspection, RecipeRefused, inspect, prepare
from analyticlens.engine.scene import Found
from analyticlens.engine.tools import TOOLS, Kind
from tests.engine.drawing import boxes, limit, look, plain, recipe, rect

WORDS = ("ok", "nok", "undecided", "error")
FOUND: dict[str, Found] = {
    "ok": Found({"mean": 1.0}),
    "nok": Found({"mean": -1.0}),
    "undecided": Found(status="not_found", reason="not_found", message="nothing"),
}


def logic(operation: str, count: int, **params: Any) -> dict[str, Any]:
    tools = list(range(1, count + 1))
    return {
        "type": "logic",
        "params": {"operation": operation, "tools": tools} | params,
        "limits": [limit("result", 1)],
    }


def combined(said: tuple[str, ...], tool: dict[str, Any], judge: bool = False) -> Inspection:
    """Return the inspection of tools that say these words, and of a logic tool over them."""
    tools = [{"type": "intensity", "judge": judge, "limits": [limit("mean", 0)]} for _ in said]
    words = iter(said)

    def run(scene: Any) -> Found:
        word = next(words)
        return FOUND[word] if word != "error" else 1 / 0  # type: ignore[return-value]

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TOOLS, "intensity", Kind(lambda tool, kit: run))
        return inspect(plain(), prepare(recipe(*tools, tool)))


def possible(said: tuple[str, ...], least: int, most: int) -> set[bool]:
    """Return what the combination could be, whatever the unknown ones are."""
    ways = product(*[(word == "ok",) if word in ("ok", "nok") else (True, False) for word in said])
    return {least <= sum(way) <= most for way in ways}


@pytest.mark.parametrize("said", list(product(WORDS, repeat=3)))
@pytest.mark.parametrize(
    ("tool", "least", "most"),
    [
        (logic("and", 3), 3, 3),
        (logic("or", 3), 1, 3),
        (logic("n_of_m", 3, least=2), 2, 3),
        (logic("n_of_m", 3, least=1, most=2), 1, 2),
        (logic("n_of_m", 3, least=0, most=0), 0, 0),
    ],
)
def test_it_is_decided_when_no_way_of_deciding_the_rest_could_change_it(
    said: tuple[str, ...], tool: dict[str, Any], least: int, most: int
) -> None:
    inspection = combined(said, tool)
    outcome = inspection.tools[-1]
    could = possible(said, least, most)
    if len(could) == 2:
        assert (outcome.verdict, outcome.reason) == ("undecided", "input_undecided")
        assert "result" not in outcome.features
    else:
        assert outcome.features["result"] == float(could.pop())
        assert outcome.verdict == ("ok" if outcome.features["result"] else "nok")
    assert (outcome.features["passed"], outcome.features["failed"]) == (said.count("ok"), said.count("nok"))
    if "error" in said:
        assert inspection.verdict == "error"
    else:
        assert inspection.verdict == outcome.verdict


@pytest.mark.parametrize(
    ("word", "verdict"), [("ok", "nok"), ("nok", "ok"), ("undecided", "undecided"), ("error", "error")]
)
def test_not_turns_it_round_and_leaves_the_unknown_unknown(word: str, verdict: str) -> None:
    assert combined((word,), logic("not", 1)).verdict == verdict


def test_tools_that_judge_count_for_themselves_too() -> None:
    assert combined(("ok", "nok"), logic("or", 2), judge=False).verdict == "ok"
    assert combined(("ok", "nok"), logic("or", 2), judge=True).verdict == "nok"


def test_logic_combines_logic_and_a_region_outside_is_unknown() -> None:
    picture = boxes((10, 10, 20, 24))
    blob = {"type": "blob", "params": {"th_min": 120}, "judge": False, "limits": [limit("blob_count", 1, 1)]}
    outside = blob | {"region": rect(150, 0, 20, 20)}
    either = logic("or", 2) | {"judge": False}
    both = {"type": "logic", "params": {"tools": [1, 3]}, "limits": [limit("result", 1)]}
    inspection = look(picture, blob, outside, either, both)
    assert [tool.status for tool in inspection.tools] == ["ok", "roi_outside", "ok", "ok"]
    assert inspection.verdict == "ok"


def test_without_tools_there_is_nothing_to_combine() -> None:
    with pytest.raises(RecipeRefused, match="which tools it combines"):
        prepare(recipe({"type": "logic"}))


def test_a_tool_without_limits_says_nothing_to_combine() -> None:
    with pytest.raises(RecipeRefused, match="blob 1 has no limits"):
        prepare(recipe({"type": "blob"}, logic("and", 1)))


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"tools": [1, 1]}, "twice"),
        ({"tools": [1, 2], "operation": "not"}, "not takes one tool"),
        ({"tools": [1, 2], "operation": "n_of_m", "least": 3}, "more tools"),
        ({"tools": [1, 2], "operation": "n_of_m", "least": 2, "most": 1}, "fewer tools"),
        ({"tools": [3]}, "no tool before it"),
    ],
)
def test_what_makes_no_sense_is_refused(params: dict[str, Any], sentence: str) -> None:
    counted = {"type": "blob", "limits": [limit("blob_count", 1)]}
    with pytest.raises(ValueError, match=sentence):
        recipe(counted, counted, {"type": "logic", "params": params})
