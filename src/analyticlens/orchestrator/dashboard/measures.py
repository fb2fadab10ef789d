"""What a tool can measure, as pages name it: the contract's measures, the region's coverage, and those a plug-in brings."""

from __future__ import annotations

from analyticlens.protocol.tools import COVERAGE, TOOL_CLASSES, Feature, PluginTool, Tool
from recipes.plugins import plugin_features


def measures_of(tool: Tool) -> tuple[Feature, ...]:
    """Return what a tool measures."""
    brought = plugin_features(tool.params.plugin or "") if isinstance(tool, PluginTool) else ()
    return (*tool.features, *brought, *((COVERAGE,) if tool.place == "area" else ()))


def measures_of_kind(kind: str) -> dict[str, Feature]:
    """Return what tools of a kind measure, by name. Results do not say which plug-in it was: of a plug-in tool, what any brings."""
    tool = TOOL_CLASSES.get(kind)
    if tool is None:
        return {}
    brought = plugin_features() if tool is PluginTool else ()
    return {feature.name: feature for feature in (COVERAGE, *brought, *tool.features)}
