"""The plug-ins of this computer, for whoever shows a form of their settings."""

from __future__ import annotations

from typing import Any


def plugin_schemas() -> dict[str, dict[str, Any]]:
    """Return title, settings (JSON schema) and features of the plug-ins installed here, by name; of a broken one title and problem."""
    from analyticlens.engine import plugins

    return plugins.plugin_schemas()
