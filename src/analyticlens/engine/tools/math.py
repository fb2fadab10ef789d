"""math: a value computed from other tools' measures."""

from __future__ import annotations

from collections.abc import Mapping

from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.formula import FUNCTIONS, Value, compile_formula
from analyticlens.engine.kit import Kit
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.tools import COVERAGE, BlobTool, MathTool, Tool
from analyticlens.protocol.tools.blob import LISTS
from analyticlens.protocol.tools.computed import Measure

FORMULAS = {"area_ratio": "total_area / roi_area", "blob_density": "blob_count / roi_area"}


def prepare(tool: MathTool, kit: Kit) -> Run:
    """Return the function that computes the value. Raises CannotBuild for a formula that is hostile or names no measure."""
    source = _source(tool, kit)
    if source is None and not tool.params.measures:
        raise CannotBuild("there is no blob tool before it to take measures of")
    named = _named(tool, kit)
    text = FORMULAS.get(tool.params.operation, tool.params.custom_formula)
    lists = [name for name in LISTS if name not in named] if isinstance(source, BlobTool) else []
    known = _features(source) if source is not None else set()
    formula = compile_formula(text, [*known, *named], lists)
    used = {name: (named[name].tool, named[name].feature) for name in formula.names if name in named}
    if source is not None:
        used |= {name: (source.id, name) for name in formula.names if name not in named}
    names = {earlier.id: earlier.name for earlier in kit.recipe.tools}
    texts = {"unit": tool.params.unit} if tool.params.unit else {}

    def run(scene: Scene) -> Found:
        values = {name: value for name, place in used.items() if (value := _measured(scene, *place)) is not None}
        missing = [(names[number], feature) for name, (number, feature) in used.items() if name not in values]
        if missing:
            return Found(status="not_found", reason="measure_missing", message=_without(missing))
        return Found({"result": formula(values)}, texts=dict(texts))

    return run


def _source(tool: MathTool, kit: Kit) -> Tool | None:
    """Return the tool whose measures go by their own names: the one it refers to, or, where it says nothing at all, the last blob tool."""
    wanted = tool.params.reference_tool_id
    if wanted is None and tool.params.measures:
        return None
    sources = kit.recipe.sources(kit.recipe.tools.index(tool)) if wanted is None else (wanted,)
    return next((earlier for earlier in kit.recipe.tools if earlier.id in sources), None)


def _features(tool: Tool) -> set[str]:
    """Return what a tool can measure, where it looks at an area also how much of its region the picture holds."""
    covers = tool.place == "area" and tool.region is not None
    return {feature.name for feature in tool.features} | ({COVERAGE.name} if covers else set())


def _named(tool: MathTool, kit: Kit) -> Mapping[str, Measure]:
    """Return the measures by name. Raises CannotBuild for a name that means something else, or a feature that a tool does not have."""
    earlier = {other.id: other for other in kit.recipe.tools}
    for measure in tool.params.measures:
        if measure.name in FUNCTIONS:
            raise CannotBuild(f"{measure.name} is a function and cannot be the name of a measure")
        other = earlier[measure.tool]
        if measure.feature == COVERAGE.name and other.place == "area" and other.region is None:
            raise CannotBuild(f"{other.name} has no region, and so no coverage")
        if measure.feature not in _features(other) and not other.open_features:
            raise CannotBuild(f"{other.name} has no feature {measure.feature!r}")
    return {measure.name: measure for measure in tool.params.measures}


def _measured(scene: Scene, number: int, feature: str) -> Value | None:
    """Return what an earlier tool measured, a list where it is one; None where it did not."""
    found = scene.earlier.get(number)
    if found is None or found.status != "ok":
        return None
    if feature in found.lists:
        return list(found.lists[feature].tolist())
    return found.features.get(feature)


def _without(missing: list[tuple[str, str]]) -> str:
    """Say who measured what not."""
    by_tool: dict[str, list[str]] = {}
    for name, feature in sorted(missing):
        by_tool.setdefault(name, []).append(feature)
    return "; ".join(f"{name} measured no {', '.join(features)}" for name, features in by_tool.items())
