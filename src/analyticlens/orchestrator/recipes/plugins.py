"""The plug-ins of this computer, for whoever shows a form of their settings."""

from __future__ import annotations

from typing import Any

from analyticlens.protocol.tools import Feature


def plugin_schemas() -> dict[str, dict[str, Any]]:
    """Return title, settings (JSON schema) and features of the plug-ins installed here, by name; of a broken one title and problem."""
    from analyticlens.engine import plugins

    return plugins.plugin_schemas()


def plugin_features(name: str | None = None) -> tuple[Feature, ...]:
    """Return the measures the plug-in of that name declares, or, without a name, those of all that are installed here."""
    wanted = [schema for one, schema in plugin_schemas().items() if name is None or one == name]
    return tuple(Feature(**feature) for schema in wanted for feature in schema.get("features", ()))
