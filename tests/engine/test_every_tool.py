"""Whatever a picture is and whatever a recipe says within its bounds: a status or a clear refusal, and never ok by accident.

Every kind of tool is tried as its own schema describes it, so that a new kind is tried the day it is built.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from analyticlens.engine import Inspection, Prepared, RecipeRefused, inspect, prepare
from analyticlens.engine.tools import TOOLS
from analyticlens.protocol.overlay import Overlay
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.records import ToolOutcome
from analyticlens.protocol.strict import plain
from analyticlens.protocol.tools import COVERAGE, TOOL_CLASSES
from analyticlens.protocol.words import ToolStatus
from tests.engine.drawing import arrow, rect
from tests.engine.samples import (
    EARLIER,
    NAMED,
    OUTSIDE,
    REGIONS,
    flat,
    named,
    no_pictures,
    params_of,
    pictures,
    plain_tool,
    recipe_with,
)
from tests.protocol.drawn import tools
from tests.schemas import bounded, checked, ends, schema_of
from tests.timing import within

# Plug-ins and models run code of others; they have tests of their own.
KINDS = sorted(kind for kind in TOOLS if not TOOL_CLASSES[kind].foreign)
# A tool has 200 ms; the rest is for a computer that does other things too.
MOST_MS = 1000
LIVELY = ("scene", "scene in colour", "edge", "noise", "specks", "one pixel")
TRIED = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def tried(recipe: Recipe, picture: Any) -> Inspection | None:
    """Return what a picture is by a recipe, checked for every promise of the engine; None where the recipe is refused in words."""
    try:
        prepared = prepare(recipe, NAMED)
    except RecipeRefused as refusal:
        said(refusal)
        return None
    frame = picture.copy()
    inspection = within(MOST_MS * len(recipe.tools), lambda: inspect(picture, prepared))
    np.testing.assert_array_equal(picture, frame)
    kept(inspection, recipe)
    return inspection


def made(kind: str, recipe: Recipe) -> Prepared:
    """Return a recipe that can be built, made ready; what needs a program that is not here is skipped."""
    try:
        return prepare(recipe, NAMED)
    except RecipeRefused as refusal:
        if kind not in OUTSIDE:
            raise
        pytest.skip(str(refusal))


def said(refusal: RecipeRefused) -> None:
    """Assert that a refusal says why."""
    assert refusal.sentence
    assert refusal.tool_name


def kept(inspection: Inspection, recipe: Recipe) -> None:
    """Assert that an inspection is what the contract says: words it knows, finite numbers, no verdict nobody gave."""
    for outcome, tool in zip(inspection.tools, recipe.tools, strict=True):
        assert ToolOutcome.model_validate(plain(outcome)) == outcome
        assert outcome.status in get_args(ToolStatus)
        assert all(math.isfinite(value) for value in outcome.features.values())
        known = {feature.name for feature in tool.features} | {COVERAGE.name}
        assert tool.open_features or set(outcome.features) <= known, set(outcome.features) - known
        if outcome.status != "ok":
            assert outcome.verdict not in ("ok", "nok")
            assert outcome.reason
        if outcome.verdict == "ok":
            assert outcome.limits
            assert all(_inside(limit, outcome.features[limit.feature]) for limit in outcome.limits)
    for overlay in inspection.overlay:
        _in_the_contract(overlay)
    verdicts = [outcome.verdict for outcome in inspection.tools if outcome.verdict]
    assert (inspection.verdict == "ok") == (bool(verdicts) and set(verdicts) == {"ok"})


def _inside(limit: Any, value: float) -> bool:
    low = -math.inf if limit.min is None else limit.min
    high = math.inf if limit.max is None else limit.max
    return bool(low <= value <= high)


def _in_the_contract(overlay: Overlay) -> None:
    """Assert that an overlay is one others can read, regions that moved out of every picture aside."""
    if overlay.role == "found":
        Overlay.model_validate(plain(overlay))


def test_every_kind_is_built() -> None:
    assert set(TOOLS) == set(TOOL_CLASSES)


@pytest.mark.parametrize("kind", KINDS)
def test_the_plainest_of_every_kind_works(kind: str, seed: int) -> None:
    """What is tried below is a tool that works, not one that is refused for want of being taught."""
    recipe = recipe_with(plain_tool(kind))
    assert recipe is not None
    prepared = made(kind, recipe)
    outcomes = [inspect(picture, prepared).tools[-1] for picture in pictures(seed).values()]
    assert any(outcome.status in ("ok", "not_found") for outcome in outcomes), outcomes


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), seed=st.integers(0, 99))
@TRIED
def test_whatever_a_recipe_says_of_whatever_picture(kind: str, data: st.DataObject, seed: int) -> None:
    drawn = plain(data.draw(tools(200, earlier=EARLIER, kinds=(kind,))))
    drawn["params"] = named(drawn["params"], data.draw(st.integers(0, len(NAMED) - 1)))
    if drawn["region"] is not None:
        near = data.draw(st.sampled_from([region for region in REGIONS if region is not None]))
        drawn = next((d for d in (drawn | {"region": near}, drawn) if checked(TOOL_CLASSES[kind], d)), drawn)
    recipe = recipe_with(drawn)
    if recipe is None:
        reject()
    several = pictures(seed)
    tried(recipe, several[data.draw(st.sampled_from(sorted(several)))])


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_at_its_bounds(kind: str, seed: int) -> None:
    """Each number alone at either end, the others as they are, on pictures with and without something to see."""
    several, plainest = pictures(seed), plain_tool(kind)
    schema = schema_of(params_of(kind))
    for path, numbers in bounded(schema, schema.get("$defs", {})):
        for end in ends(numbers):
            if len(path) > 1:
                continue
            tool = plainest | {"params": plainest["params"] | {path[0]: end}}
            recipe = recipe_with(tool)
            if recipe is not None:
                for name in LIVELY:
                    tried(recipe, several[name])


@pytest.mark.parametrize("kind", KINDS)
def test_every_word_of_every_parameter(kind: str, seed: int) -> None:
    several, plainest = pictures(seed), plain_tool(kind)
    schema = schema_of(params_of(kind))
    for name, field in schema["properties"].items():
        for word in field.get("enum", [True, False] if field.get("type") == "boolean" else []):
            recipe = recipe_with(plainest | {"params": plainest["params"] | {name: word}})
            if recipe is not None:
                for picture in LIVELY:
                    tried(recipe, several[picture])


@pytest.mark.parametrize("kind", KINDS)
def test_past_its_bounds_a_parameter_is_refused(kind: str) -> None:
    plainest = plain_tool(kind)["params"]
    schema = schema_of(params_of(kind))
    for path, numbers in bounded(schema, schema.get("$defs", {})):
        if len(path) > 1:
            continue
        low, high = ends(numbers)
        assert {"minimum", "exclusiveMinimum"} & numbers.keys(), f"{path} has no lower bound"
        assert {"maximum", "exclusiveMaximum"} & numbers.keys(), f"{path} has no upper bound"
        for wrong in (low - 1, high + 1, math.nan, math.inf, -math.inf, "much", [1]):
            assert checked(params_of(kind), plainest | {path[0]: wrong}) is None, (path, wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_plainly_on_every_picture(kind: str, seed: int) -> None:
    recipe = recipe_with(plain_tool(kind))
    assert recipe is not None
    for picture in pictures(seed).values():
        tried(recipe, picture)


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if {"x", "y"} <= {f.name for f in TOOL_CLASSES[kind].features}]
)
def test_where_there_is_nothing_no_place_is_found(kind: str) -> None:
    recipe = recipe_with(plain_tool(kind))
    assert recipe is not None
    for name, picture in flat().items():
        inspection = tried(recipe, picture)
        if inspection is not None:
            outcome = inspection.tools[-1]
            assert not {"x", "y"} & outcome.features.keys(), (name, outcome)
            # A count of none is a finding; a place of none is not.
            assert outcome.status != "ok" or not TOOL_CLASSES[kind].datum, (name, outcome)


@pytest.mark.parametrize("what", no_pictures())
def test_what_is_no_picture_is_an_error(what: str) -> None:
    kinds = [recipe_with(plain_tool(kind)) for kind in ("blob", "locate", "blur")]
    for recipe in kinds:
        assert recipe is not None
        inspection = inspect(no_pictures()[what], prepare(recipe, NAMED))
        assert (inspection.verdict, inspection.reason, inspection.tools) == ("error", "frame_refused", ())
        assert inspection.message


@pytest.mark.parametrize("kind", [kind for kind in KINDS if TOOL_CLASSES[kind].place != "none"])
@pytest.mark.parametrize("by", [(1000, 0), (0, -500), (-100, 80), (79_000, 79_000)])
def test_a_region_outside_is_told(kind: str, by: tuple[float, float], seed: int) -> None:
    plainest = plain_tool(kind)
    region = _moved(plainest["region"] or rect(20, 20, 120, 80), by)
    recipe = recipe_with(plainest | {"region": region})
    if recipe is None:
        pytest.skip(f"a {kind} tool takes no such region")
    inspection = tried(recipe, pictures(seed)["scene"])
    if inspection is not None:
        assert inspection.tools[-1].status == "roi_outside"


def _moved(region: dict[str, Any], by: tuple[float, float]) -> dict[str, Any]:
    """Return a region moved by x and y."""
    if region["shape"] == "arrow":
        p0, p1 = ((region[p]["x"] + by[0], region[p]["y"] + by[1]) for p in ("p0", "p1"))
        return arrow(p0, p1, region["width"])
    x, y = ("x", "y") if "x" in region else ("cx", "cy")
    return region | {x: region[x] + by[0], y: region[y] + by[1]}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_picture_gives_the_same_result_bit_for_bit(kind: str, seed: int) -> None:
    recipe = recipe_with(plain_tool(kind))
    assert recipe is not None
    one, other = made(kind, recipe), made(kind, recipe)
    several = pictures(seed)
    for name in LIVELY:
        inspect(several["noise"], other)
        first, second = inspect(several[name], one), inspect(several[name], other)
        assert [(t.features, t.status, t.verdict, t.message) for t in first.tools] == [
            (t.features, t.status, t.verdict, t.message) for t in second.tools
        ]
        assert (first.overlay, first.details) == (second.overlay, second.details)
        assert np.array_equal(first.image, second.image)  # type: ignore[arg-type]


def test_enormous_pictures_are_inspected_or_refused_in_time_and_memory() -> None:
    command = [sys.executable, "-m", "tests.engine.enormous", *KINDS]
    alone = os.environ | {"OPENCV_FOR_THREADS_NUM": "1", "OPENBLAS_NUM_THREADS": "1"}
    root = Path(__file__).parents[2]
    run = subprocess.run(command, cwd=root, env=alone, capture_output=True, text=True, check=True, timeout=100)
    told = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(told) == 2 * len(KINDS), run.stderr
    for one in told:
        assert one["status"] in (*get_args(ToolStatus), *(["refused"] if one["kind"] in OUTSIDE else [])), one
        assert one["ms"] < MOST_MS, one
        # Copies of the frame, labels of four bytes a pixel, and some scratch.
        assert one["pictures"] < 20, one
