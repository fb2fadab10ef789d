"""What a tool row of the seed's models means in a recipe, and the row that means a given tool.

A row's `tool_config` holds the tool's parameters flat, in recipe words or in those of the old wire, with `limits` and `follow` among
them. Rows are ordered by their order, then by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from analyticlens.protocol.oldwire_regions import arrow_from_wire, plain_numbers, region_from_row, region_to_row
from analyticlens.protocol.oldwire_tools import (
    along_arrow,
    beside_params,
    build_tool,
    expects_true,
    limit_to_wire,
    recipe_of,
)
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.regions import Region
from analyticlens.protocol.strict import plain
from analyticlens.protocol.tools import TOOL_CLASSES, BlobTool, GrayscaleTool, Tool

SEED_TYPES = ("grayscale", "blob", "math", "custom")
METHODS = ("luminance", "threshold", "edge_detection", "pattern_matching")

# (tool_type, method) -> kind of tool.
_KINDS = {
    ("grayscale", "luminance"): "grayscale",
    ("grayscale", "threshold"): "threshold",
    ("blob", "threshold"): "blob",
    ("blob", "luminance"): "blob",
    ("blob", "edge_detection"): "blob",
    ("custom", "luminance"): "intensity",
    ("custom", "threshold"): "threshold",
    ("custom", "edge_detection"): "edge",
    ("custom", "pattern_matching"): "match",
}
NO_SENSE = {
    ("grayscale", "edge_detection"): "a grayscale tool finds no edges; use locate, or blob with edge_detection",
    ("grayscale", "pattern_matching"): "a grayscale tool matches no patterns; use custom with pattern_matching",
    ("blob", "pattern_matching"): "a blob tool matches no patterns; use custom with pattern_matching",
}


def tool_from_row(
    *,
    name: str,
    tool_type: str,
    method: str,
    tool_config: Any,
    roi_config: Any,
    inspec_pass_fail: bool,
    normalize: bool,
    order: int,
    id: int,
) -> Tool:
    """Return the tool a row means. order is its place in the recipe and says nothing here.

    Raises ValueError with one sentence: a combination that makes no sense, a kind of tool that does not exist, a bad key or value.
    """
    if not isinstance(tool_config, Mapping):
        raise ValueError(f"tool {name!r}: tool_config is an object")
    config = dict(tool_config)
    try:
        kind = _kind(tool_type, method, config, roi_config)
        region = _region(kind, config, roi_config)
        _settle(kind, method, config, normalize)
    except ValueError as error:
        raise ValueError(f"tool {name!r}: {error}") from None
    return build_tool(kind, number=id, name=name, region=region, judge=inspec_pass_fail, config=config)


def _kind(tool_type: str, method: str, config: Mapping[str, Any], roi: Any) -> str:
    """Return the kind of tool of a row's type and method; ValueError says why there is none."""
    if tool_type == "custom" and "plugin" in config:
        return "plugin"
    if reason := NO_SENSE.get((tool_type, method)):
        raise ValueError(reason)
    if tool_type == "math":
        return "math"
    arrow = "arrow" in config or (isinstance(roi, Mapping) and roi.get("shape") == "arrow")
    if (tool_type, method) == ("custom", "edge_detection") and arrow:
        return "locate"
    kind = _KINDS.get((tool_type, method))
    if tool_type in SEED_TYPES and kind is None:
        raise ValueError(f"{tool_type} tools cannot have the method {method!r}")
    kind = kind or tool_type
    if kind not in TOOL_CLASSES:
        raise ValueError(f"there is no tool of type {kind!r}")
    if tool_type not in SEED_TYPES and method:
        raise ValueError(f"{tool_type} tools take no method; leave it blank")
    return kind


def _region(kind: str, config: dict[str, Any], roi: Any) -> Region | None:
    """Return the row's region; the arrow of a tool that looks along one may stand in either column."""
    if along_arrow(kind) and "arrow" in config:
        return arrow_from_wire(config.pop("arrow"))
    return region_from_row(roi)


def _settle(kind: str, method: str, config: dict[str, Any], normalize: bool) -> None:
    """Bring what a row says beside its tool_config into the parameters."""
    if kind == "grayscale":
        config.setdefault("normalize", normalize)
    elif config.pop("normalize", normalize):
        raise ValueError("only a grayscale tool can normalize")
    if kind == "blob":
        picture = "edge" if method == "edge_detection" else "grey"
        if config.setdefault("picture", picture) != picture:
            raise ValueError(f"the method {method!r} searches the {picture} picture")


def recipe_from_rows(rows: Iterable[Mapping[str, Any]]) -> Recipe:
    """Return the recipe of rows, each with the arguments of `tool_from_row` as keys. Raises ValueError with one sentence."""
    ordered = sorted(rows, key=lambda row: (row["order"], row["name"]))
    return recipe_of(tool_from_row(**row) for row in ordered)


def row_from_tool(tool: Tool) -> dict[str, Any]:
    """Return the row fields that mean this tool: name, tool_type, method, tool_config, roi_config, inspec_pass_fail, normalize.

    With the tool's id and any order beside them, `tool_from_row` gives the equal tool back.
    """
    config = plain_numbers(plain(tool.params))
    tool_type: str = tool.type
    method, normalize = "", False
    if isinstance(tool, GrayscaleTool):
        method, normalize = "luminance", config.pop("normalize")
    elif isinstance(tool, BlobTool):
        method = "edge_detection" if config.pop("picture") == "edge" else "threshold"
    elif tool.type == "math":
        method = "luminance"
    elif tool.type == "plugin":
        tool_type, method = "custom", "luminance"
    elif tool.type == "threshold":
        tool_type, method = "grayscale", "threshold"
    if tool.limits or expects_true(tool):
        config["limits"] = [limit_to_wire(limit) for limit in tool.limits]
    config.update(beside_params(tool))
    if tool.follow is not None:
        config["follow"] = list(tool.follow)
    return {
        "name": tool.name,
        "tool_type": tool_type,
        "method": method,
        "tool_config": config,
        "roi_config": region_to_row(tool.region),
        "inspec_pass_fail": tool.judge,
        "normalize": normalize,
    }
