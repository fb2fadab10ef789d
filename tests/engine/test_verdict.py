"""No verdict is ever invented."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyticlens.engine import inspect, prepare
from analyticlens.engine.judge import against
from analyticlens.engine.scene import Found, Scene
from analyticlens.engine.tools import TOOLS, Kind
from analyticlens.protocol.limits import Limit
from analyticlens.protocol.reasons import REASONS
from analyticlens.protocol.records import VerdictBody
from analyticlens.protocol.tools import TOOL_CLASSES
from analyticlens.protocol.words import VERDICTS
from tests.engine.drawing import arrow, boxes, colour, limit, look, plain, recipe, rect

PICTURE = boxes((10, 10, 20, 24), (60, 60, 20, 24))
COUNT = {"type": "blob", "params": {"th_min": 120}, "limits": [limit("blob_count", 2, 2)]}


def verdict(*tools: dict[str, Any], picture: Any = PICTURE) -> tuple[str, str | None]:
    inspection = look(picture, *tools)
    return inspection.verdict, inspection.reason


def test_inside_all_limits_is_ok() -> None:
    assert verdict(COUNT) == ("ok", None)


def test_outside_one_limit_is_nok() -> None:
    assert verdict(COUNT | {"limits": [limit("blob_count", 2, 2), limit("total_area", 961)]}) == ("nok", "limit")


def test_both_ends_of_a_limit_are_good() -> None:
    assert verdict(COUNT | {"limits": [limit("total_area", 960, 960)]}) == ("ok", None)


@pytest.mark.parametrize(
    ("area", "judged"), [(950, "ok"), (955, "undecided"), (960, "undecided"), (965, "undecided"), (966, "nok")]
)
def test_close_to_a_limit_on_either_side_is_undecided(area: int, judged: str) -> None:
    assert verdict(COUNT | {"limits": [limit("total_area", area, guard=5)]})[0] == judged


def test_a_sure_fault_outranks_a_doubt() -> None:
    doubt, fault = limit("total_area", 960, guard=5), limit("blob_count", 3)
    assert verdict(COUNT | {"limits": [doubt, fault]}) == ("nok", "limit")


def test_a_limit_on_what_could_not_be_measured_is_undecided() -> None:
    assert verdict(COUNT | {"limits": [limit("smallest_area", 1)]}, picture=plain()) == ("undecided", "value_missing")


@pytest.mark.parametrize("tools", [[], [{"type": "blob"}], [COUNT | {"judge": False}]])
def test_nothing_judges_is_undecided(tools: list[dict[str, Any]]) -> None:
    assert verdict(*tools) == ("undecided", "nothing_judges")


def test_a_region_outside_the_picture_is_undecided_where_it_judges() -> None:
    outside = {"type": "intensity", "region": rect(150, 100, 20, 30)}
    assert verdict(COUNT, outside | {"limits": [limit("mean", 0)]}) == ("undecided", "roi_outside")
    assert verdict(COUNT, outside) == ("ok", None)


def test_a_region_between_the_pixels_is_undecided() -> None:
    speck = {"shape": "circle", "cx": 10.5, "cy": 10.5, "r": 0.1}
    assert verdict({"type": "intensity", "region": speck, "limits": [limit("mean", 0)]}) == ("undecided", "roi_empty")


def test_what_comes_after_a_filter_that_failed_judges_nothing() -> None:
    """Measured on another picture than was meant, it could be a fault that is none."""
    lost = {"type": "morphology", "region": rect(150, 100, 20, 30)}
    outcome = look(PICTURE, lost, COUNT | {"limits": [limit("blob_count", 3)]})
    assert (outcome.verdict, outcome.reason) == ("undecided", "roi_outside")
    assert (outcome.tools[1].status, outcome.tools[1].reason) == ("not_found", "picture_missing")


def test_a_lost_datum_of_nobody_does_not_count() -> None:
    locate = {"type": "locate", "region": arrow((20, 100), (100, 100))}
    assert verdict(COUNT, locate) == ("ok", None)


def test_a_lost_datum_of_a_judging_tool_is_undecided() -> None:
    locate = {"type": "locate", "region": arrow((20, 100), (100, 100))}
    assert verdict(locate, COUNT | {"follow": [1]}) == ("undecided", "not_found")


FAULTS: dict[str, Callable[[Scene], Any]] = {
    "raises": lambda scene: 1 / 0,
    "raises its own kind": lambda scene: (_ for _ in ()).throw(type("Odd", (RuntimeError,), {})("no\nreason")),
    "runs out of memory": lambda scene: (_ for _ in ()).throw(MemoryError()),
    "returns None": lambda scene: None,
    "returns a verdict": lambda scene: "ok",
    "returns NaN": lambda scene: Found({"blob_count": float("nan")}),
    "returns infinity": lambda scene: Found({"mean": float("inf")}),
    "returns a text": lambda scene: Found({"mean": "12"}),  # type: ignore[dict-item]
    "returns nothing for a value": lambda scene: Found({"mean": None}),  # type: ignore[dict-item]
    "sleeps": lambda scene: _sleep(),
}
WHOLE: dict[str, list[dict[str, Any]]] = {
    "grayscale": [{"type": "grayscale", "limits": [limit("mean", 0)]}],
    "blur": [{"type": "blur"}, COUNT],
    "threshold": [{"type": "threshold", "limits": [limit("share_on", 0)]}],
    "morphology": [{"type": "morphology"}, COUNT],
    "blob": [COUNT],
    "locate": [{"type": "locate", "region": arrow((5, 20), (50, 20)), "limits": [limit("x", 0)]}],
    "math": [COUNT, {"type": "math", "limits": [limit("result", 0)]}],
    "intensity": [{"type": "intensity", "limits": [limit("mean", 0)]}],
    "logic": [COUNT, {"type": "logic", "params": {"tools": [1]}, "limits": [limit("result", 1)]}],
    "normalize": [{"type": "normalize", "limits": [limit("mean_before", 0)]}],
    "background": [{"type": "background", "limits": [limit("mean", 0)]}],
    "histogram": [{"type": "histogram", "limits": [limit("mean", 0)]}],
    "focus": [{"type": "focus", "limits": [limit("mean", 0)]}],
    "edge": [{"type": "edge", "limits": [limit("contour_count", 2, 2)]}],
}


def _sleep() -> Found:
    end = time.perf_counter() + 0.03
    while time.perf_counter() < end:
        pass
    return Found({"blob_count": 2.0, "mean": 1.0, "share_on": 1.0, "x": 1.0, "result": 1.0})


def _one(kind: str) -> list[dict[str, Any]]:
    """Return tools of which one of this kind judges; what it would need to work matters little where it is made to fail."""
    if kind in WHOLE:
        return WHOLE[kind]
    model = TOOL_CLASSES[kind]
    judging = [limit(model.features[0].name, 0)] if model.features else []
    place: dict[str, Any] = {"region": arrow((5, 20), (50, 20))} if model.place == "arrow" else {}
    if kind == "circle":
        place = {"region": {"shape": "ring", "cx": 30, "cy": 20, "inner": 4, "outer": 12}}
    return [{"type": kind, "limits": judging, **place}, COUNT]


@pytest.mark.parametrize("kind", WHOLE)
def test_each_tool_judges_ok_when_it_works(kind: str) -> None:
    assert verdict(*WHOLE[kind])[0] == "ok"


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", TOOLS)
def test_a_tool_that_breaks_is_an_error_and_never_ok(kind: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOOLS, kind, Kind(lambda tool, kit: FAULTS[fault]))
    # Only what sleeps is to meet the deadline: a busy computer may take as long over a plain fault.
    deadline_ms = 20 if fault == "sleeps" else None
    inspection = inspect(PICTURE, prepare(recipe(*_one(kind))), deadline_ms=deadline_ms)
    assert inspection.verdict == "error"
    broke = fault.startswith(("raises", "runs"))
    assert inspection.reason == ("timeout" if fault == "sleeps" else "tool_broke" if broke else "tool_error")
    assert "\n" not in inspection.message


def test_after_the_deadline_no_tool_is_begun() -> None:
    inspection = inspect(PICTURE, prepare(recipe(COUNT, {"type": "intensity"})), deadline_ms=0)
    assert [tool.reason for tool in inspection.tools] == ["timeout", "timeout"]
    assert inspection.verdict == "error"


def test_the_next_frame_after_a_broken_one_is_judged_right(monkeypatch: pytest.MonkeyPatch) -> None:
    build = TOOLS["blob"].prepare
    broken = {"now": True}

    def sometimes(tool: Any, whole: Any) -> Any:
        run = build(tool, whole)
        return lambda scene: FAULTS["raises"](scene) if broken["now"] else run(scene)

    monkeypatch.setitem(TOOLS, "blob", Kind(sometimes))
    prepared = prepare(recipe(COUNT))
    assert inspect(PICTURE, prepared).verdict == "error"
    broken["now"] = False
    assert inspect(PICTURE, prepared).verdict == "ok"


@pytest.mark.parametrize(
    "frame",
    [
        None,
        "picture",
        np.zeros((0, 0), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((5, 5, 1), np.uint8),
        np.zeros((5, 5, 2), np.uint16),
        np.zeros(5, np.uint8),
        np.zeros((2, 5, 5, 3), np.uint8),
        np.zeros((5, 5), np.float32),
        np.zeros((5, 5), np.int16),
        np.zeros((5, 5), bool),
        np.zeros((5, 5), np.dtype(">u2")),
    ],
)
def test_a_frame_of_another_kind_is_an_error_in_words(frame: Any) -> None:
    inspection = inspect(frame, prepare(recipe(COUNT)))
    assert (inspection.verdict, inspection.reason) == ("error", "frame_refused")
    assert inspection.message


@pytest.mark.parametrize(
    "frame", [plain(1, 1), plain(1, 50), plain(50, 1), colour(plain(2, 2)), PICTURE[:, ::-1], PICTURE[::2, ::3]]
)
@pytest.mark.parametrize("kind", WHOLE)
def test_small_and_strided_frames_are_judged_or_refused_without_an_exception(frame: Any, kind: str) -> None:
    inspection = look(frame, *WHOLE[kind])
    assert inspection.verdict in VERDICTS
    assert inspection.reason not in {"tool_error", "tool_broke"}, inspection.message


numbers = st.floats(-1e6, 1e6)
quick = settings(max_examples=150, deadline=None, database=None)


@quick
@given(st.one_of(st.none(), numbers), st.one_of(st.none(), numbers), st.floats(0, 1e5), st.one_of(st.none(), numbers))
def test_only_a_value_inside_is_ok(low: float | None, high: float | None, guard: float, value: float | None) -> None:
    if (low is None and high is None) or (low is not None and high is not None and low > high):
        return
    judged = against(Limit(feature="area", min=low, max=high, guard=guard), value)
    inside = value is not None and (low is None or value >= low) and (high is None or value <= high)
    assert inside or judged.verdict != "ok"
    assert (judged.verdict == "ok") == (judged.reason is None)


def test_not_a_number_is_never_good() -> None:
    assert against(Limit(feature="area", min=0), float("nan")).verdict == "error"


STATUSES = ["ok", "not_found", "roi_outside", "error"]


@quick
@given(st.lists(st.tuples(st.sampled_from(STATUSES), st.booleans(), st.booleans()), min_size=1, max_size=5))
def test_never_ok_when_a_judging_tool_did_not_do_its_work(plan: list[tuple[Any, bool, bool]]) -> None:
    """Any mixture of tools that work or fail in every way, judging or not."""
    tools = [
        {"type": "intensity", "judge": judge, "limits": [limit("mean", 0) if good else limit("mean", 2)]}
        for _, judge, good in plan
    ]
    founds = iter(
        [Found({"mean": 1.0}, status=status, reason=None if status == "ok" else "not_found") for status, _, _ in plan]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TOOLS, "intensity", Kind(lambda tool, kit: lambda scene: next(founds)))
        inspection = inspect(PICTURE, prepare(recipe(*tools)))
    all_well = all(status == "ok" and good for status, judge, good in plan if judge) and any(
        judge for _, judge, _ in plan
    )
    broken = any(status == "error" for status, _, _ in plan)
    assert (inspection.verdict == "ok") == (all_well and not broken)


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("picture", [PICTURE, plain(), colour(PICTURE), plain(20, 20), PICTURE.astype(np.uint16) * 200])
def test_every_outcome_is_a_record_that_the_contract_takes(kind: str, picture: Any) -> None:
    inspection = look(picture, *WHOLE[kind], {"type": "blob", "region": rect(0, 0, 15, 15, 0)})
    body = {
        "verdict": inspection.verdict,
        "reason": inspection.reason,
        "message": inspection.message,
        "tools": [tool.model_dump(mode="json") for tool in inspection.tools],
        "overlay": [shape.model_dump(mode="json") for shape in inspection.overlay],
    }
    life = {"cycle": 1, "generation": 0, "trigger_count": 1, "mode": "TESTE", "simulated": True, "wall": ""}
    again = VerdictBody.model_validate(body | life)
    assert again.tools == inspection.tools
    assert again.overlay == inspection.overlay
    assert {tool.reason for tool in again.tools} - {None} <= REASONS.keys()
