"""The tool of a plug-in: a Python package brings it, with settings and features of its own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, JsonValue, StringConstraints

from analyticlens.protocol.canonical import canonical_json
from analyticlens.protocol.strict import Strict
from analyticlens.protocol.tools.common import ToolCommon

LONGEST_SETTINGS = 20_000
DEEPEST_SETTINGS = 10


def _modest(settings: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Refuse settings that are no part of a recipe but a file in disguise."""
    if _depth(settings) > DEEPEST_SETTINGS:
        raise ValueError("the settings have too many levels")
    if len(canonical_json(settings)) > LONGEST_SETTINGS:
        raise ValueError("the settings are too long")
    return settings


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)


PluginName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
Settings = Annotated[dict[str, JsonValue], AfterValidator(_modest)]


class PluginParams(Strict):
    """Which plug-in, and what it is told."""

    plugin: PluginName | None = Field(None, title="Plug-in", description="The name its package gives it.")
    settings: Settings = Field({}, title="Settings", description="What the plug-in's own form asks for.")


class PluginTool(ToolCommon):
    """Runs a tool that a Python package brings."""

    type: Literal["plugin"] = "plugin"
    params: PluginParams = Field(PluginParams(), title="Parameters", description="How the tool works.")
    foreign = True
    open_features = True
