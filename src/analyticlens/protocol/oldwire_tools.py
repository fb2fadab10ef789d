"""Tools and recipes in the words of the old wire, both ways.

What the old words cannot say travels in keys of our own beside them (`limits`, `follow`, `picture`, …), so that a recipe read back is
the recipe that was sent. The old tests of a blob tool (`total_area_test` with its minimum and maximum) are limits here; a formula that
says true or false and counts is the limit "result at least 1".
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, cast

from pydantic import ValidationError

from analyticlens.protocol.limits import Limit
from analyticlens.protocol.oldwire_regions import (
    area_from_wire,
    area_to_wire,
    arrow_from_wire,
    arrow_to_wire,
    plain_numbers,
)
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.regions import Arrow, Region
from analyticlens.protocol.strict import first_error, plain
from analyticlens.protocol.tools import TOOL_CLASSES, MathTool, Tool, ToolCommon


class OldTest(NamedTuple):
    """A test of the old machines: its flag, the keys of its ends, and the feature it judges."""

    flag: str
    minimum: str
    maximum: str
    feature: str


BLOB_TESTS = (
    OldTest("total_area_test", "test_total_area_min", "test_total_area_max", "total_area"),
    OldTest("blob_count_test", "test_blob_count_min", "test_blob_count_max", "blob_count"),
)
TRUE_RESULT = Limit(feature="result", min=1)

# Old word -> ours, where they differ.
_RENAMED = {"locate": {"polaridade": "polarity"}}
# Parameters the old machines do not know: written only where they differ from their default.
_OURS = {
    "grayscale": {"threshold", "weight_red", "weight_green", "weight_blue"},
    "blur": {"sigma_grey"},
    "threshold": {"window", "offset", "invert"},
    "morphology": {"operation", "iterations"},
    "math": {"measures", "unit"},
    "blob": {
        "picture",
        "max_blobs",
        "polarity",
        "gates",
        "measure",
        "subpixel",
        "fill_holes",
        "exclude_border",
        "split",
        "split_neck",
        "connectivity",
        "sort_by",
        "sort_order",
    },
}
# Keys every old tool may carry that say nothing to its own parameters.
# What any tool of ours may say beside its parameters; written only where it says something.
_BESIDE = ("exclude", "min_coverage")
_COMMON = {"id", "order_index", "name", "type", "ROI", "inspec_pass_fail", "reference_tool_id"}


def is_boolean_formula(text: str) -> bool:
    """Return whether a formula's outermost operation is a comparison, and, or, not. False for text that does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            top = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return isinstance(top, (ast.Compare, ast.BoolOp)) or (isinstance(top, ast.UnaryOp) and isinstance(top.op, ast.Not))


def build_tool(
    kind: str, *, number: Any, name: Any, region: Region | None, judge: Any, config: Mapping[str, Any]
) -> Tool:
    """Return a tool from its flat parameters, in recipe words or old words, with `limits`, `follow` and old tests among them.

    Raises ValueError with one sentence that names the tool: an unknown kind, an unknown key, a value out of bounds.
    """
    model = TOOL_CLASSES.get(kind)
    if model is None:
        raise ValueError(f"tool {name!r}: there is no tool of type {kind!r}")
    rest = dict(config)
    try:
        if not isinstance(judge, bool):
            raise ValueError("inspec_pass_fail is true or false")
        follow = rest.pop("follow", None)
        beside = {name: rest.pop(name) for name in _BESIDE if name in rest}
        limits = _take_limits(kind, rest, judge)
        params = _take_params(kind, model, rest)
        fields = {"id": number, "name": name, "region": region, "judge": judge}
        return cast(
            Tool, model.model_validate({**fields, **beside, "follow": follow, "limits": limits, "params": params})
        )
    except ValidationError as error:
        raise ValueError(f"tool {name!r}: {first_error(error).removeprefix('params.')}") from None
    except ValueError as error:
        raise ValueError(f"tool {name!r}: {error}") from None


def _take_params(kind: str, model: type[ToolCommon], rest: dict[str, Any]) -> dict[str, Any]:
    """Return what is left as parameters in recipe words; an unknown key is refused by its name."""
    known = _parameter_names(model)
    for old, ours in _RENAMED.get(kind, {}).items():
        if old in rest and ours in rest:
            raise ValueError(f"{old} and {ours} say the same thing twice")
        if old in rest:
            rest[ours] = rest.pop(old)
    for key in sorted(rest):
        if key not in known:
            raise ValueError(f"unknown key {key!r}")
    return rest


def _parameter_names(model: type[ToolCommon]) -> set[str]:
    params = model.model_fields["params"].annotation
    return set(params.model_fields) if params is not None else set()


def _take_limits(kind: str, rest: dict[str, Any], judge: bool) -> list[Any]:
    """Remove tests and limits from rest and return them: old tests first, then the listed ones."""
    said = "limits" in rest
    listed = rest.pop("limits", None) or []
    if not isinstance(listed, (list, tuple)):
        raise ValueError("limits is a list")
    limits: list[Any] = []
    for test in BLOB_TESTS if kind == "blob" else ():
        wanted, low, high = rest.pop(test.flag, False), rest.pop(test.minimum, None), rest.pop(test.maximum, None)
        if not isinstance(wanted, bool):
            raise ValueError(f"{test.flag} is true or false")
        if wanted:
            limits.append({"feature": test.feature, "min": low, "max": high})
    formula = rest.get("custom_formula")
    asks = kind == "math" and rest.get("operation") == "custom_formula" and isinstance(formula, str)
    if asks and judge and not said and is_boolean_formula(str(formula)):
        limits.append(TRUE_RESULT)
    return [*limits, *listed]


def tool_from_wire(wire: Any, position: int) -> Tool:
    """Return the tool an old configuration object means.

    position is its place in the list, from 1: its number when it has neither `id` nor `order_index`. The arrow of a tool that looks
    along one is its region; a locate tool's ROI, and a `reference_tool_id` outside math, say nothing, as in the old machines.
    Raises ValueError with one sentence.
    """
    if not isinstance(wire, Mapping):
        raise ValueError(f"tool {position}: a tool is an object")
    kind, name = wire.get("type"), wire.get("name")
    if not isinstance(kind, str) or not isinstance(name, str):
        raise ValueError(f"tool {name if isinstance(name, str) else position!r}: name and type are needed")
    config = {key: value for key, value in wire.items() if key not in _COMMON}
    if kind == "math":
        config["reference_tool_id"] = wire.get("reference_tool_id")
    try:
        region: Region | None = area_from_wire(wire.get("ROI"))
        if along_arrow(kind) and ("arrow" in config or not TOOL_CLASSES[kind].rectangles):
            region = arrow_from_wire(config.pop("arrow", None))
    except ValueError as error:
        raise ValueError(f"tool {name!r}: {error}") from None
    number = wire.get("id", wire.get("order_index", position))
    return build_tool(
        kind, number=number, name=name, region=region, judge=wire.get("inspec_pass_fail", True), config=config
    )


def along_arrow(kind: str) -> bool:
    """Return whether tools of a kind look along an arrow."""
    return kind in TOOL_CLASSES and TOOL_CLASSES[kind].place == "arrow"


def tool_to_wire(tool: Tool) -> dict[str, Any]:
    """Return a tool as the old wire writes it; `tool_from_wire` gives the equal tool back."""
    wire: dict[str, Any] = {"id": tool.id, "name": tool.name, "type": tool.type}
    if isinstance(tool.region, Arrow):
        wire["arrow"] = arrow_to_wire(tool.region)
    elif tool.region is not None:
        wire["ROI"] = area_to_wire(tool.region)
    wire.update(_params_to_wire(tool))
    wire.update(_limits_to_wire(tool))
    wire.update(beside_params(tool))
    wire["inspec_pass_fail"] = tool.judge
    if tool.follow is not None:
        wire["follow"] = list(tool.follow)
    return wire


def beside_params(tool: Tool) -> dict[str, Any]:
    """Return what a tool says beside its parameters, as JSON-ready data, without what says nothing."""
    said = {name: getattr(tool, name) for name in _BESIDE}
    defaults = {name: type(tool).model_fields[name].default for name in _BESIDE}
    data = plain(tool)
    return {name: plain_numbers(data[name]) for name in _BESIDE if said[name] != defaults[name]}


def _params_to_wire(tool: Tool) -> dict[str, Any]:
    old_words = {ours: old for old, ours in _RENAMED.get(tool.type, {}).items()}
    ours_alone = _OURS.get(tool.type, set())
    defaults = {name: field.default for name, field in type(tool.params).model_fields.items()}
    wire = {}
    for name, value in plain_numbers(plain(tool.params)).items():
        if name not in ours_alone or value != defaults[name]:
            wire[old_words.get(name, name)] = value
    return wire


def _limits_to_wire(tool: Tool) -> dict[str, Any]:
    """Return a tool's limits as old tests as far as these can say them, the others under `limits`."""
    limits = list(tool.limits)
    wire: dict[str, Any] = {}
    if tool.type == "blob":
        for test in BLOB_TESTS:
            # Read back, tests come first and in this order: only a limit that stands so in the recipe is told as a test.
            told = bool(limits) and limits[0].feature == test.feature and limits[0].guard == 0
            wire[test.flag] = told
            if told:
                wire.update(_ends(test, limits.pop(0)))
    expected = [TRUE_RESULT] if expects_true(tool) else []
    if limits != expected:
        wire["limits"] = [limit_to_wire(limit) for limit in limits]
    return wire


def _ends(test: OldTest, limit: Limit) -> dict[str, Any]:
    ends = {test.minimum: limit.min, test.maximum: limit.max}
    return {key: plain_numbers(value) for key, value in ends.items() if value is not None}


def expects_true(tool: Tool) -> bool:
    """Return whether, without a word about limits, the tool's formula counts by being true."""
    return (
        isinstance(tool, MathTool)
        and tool.judge
        and tool.params.operation == "custom_formula"
        and is_boolean_formula(tool.params.custom_formula)
    )


def limit_to_wire(limit: Limit) -> dict[str, Any]:
    """Return a limit as JSON-ready data without what it does not say."""
    said = {"feature": limit.feature, "min": limit.min, "max": limit.max, "guard": limit.guard or None}
    return {key: plain_numbers(value) for key, value in said.items() if value is not None}


def recipe_from_wire(tools: Any) -> Recipe:
    """Return the recipe an old list of tools means; names that occur twice get their number behind. ValueError with one sentence."""
    if not isinstance(tools, (list, tuple)):
        raise ValueError("tools is a list of tools")
    return recipe_of(_distinct([tool_from_wire(tool, position) for position, tool in enumerate(tools, start=1)]))


def recipe_of(tools: Iterable[Tool]) -> Recipe:
    """Return the recipe of these tools. Raises ValueError with one sentence where they do not fit together."""
    try:
        return Recipe(tools=tuple(tools))
    except ValidationError as error:
        raise ValueError(first_error(error)) from None


def _distinct(tools: list[Tool]) -> list[Tool]:
    """Return the tools with distinct names: the old machines told tools apart by number alone."""
    seen: set[str] = set()
    result = []
    for tool in tools:
        name = tool.name if tool.name not in seen else f"{tool.name[:80]} ({tool.id})"
        seen.add(name)
        result.append(tool if name == tool.name else tool.model_copy(update={"name": name}))
    return result


def recipe_to_wire(recipe: Recipe) -> list[dict[str, Any]]:
    """Return a recipe as the old wire's list of tools; `recipe_from_wire` gives the equal recipe back."""
    return [tool_to_wire(tool) for tool in recipe.tools]
