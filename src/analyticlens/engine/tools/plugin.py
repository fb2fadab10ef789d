"""plugin: a tool that a Python package brings, held to what every tool promises."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.errors import CannotBuild, ToolFailed
from analyticlens.engine.kit import Kit
from analyticlens.engine.plugins import Plugin, View, checked, foreign, load
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.tools import COVERAGE, PluginTool


def prepare(tool: PluginTool, kit: Kit) -> Run:
    """Return the function that runs the plug-in.

    Raises CannotBuild where none is chosen yet, it is missing, refuses its settings, or does not have a feature that has a limit.
    """
    if tool.params.plugin is None:
        raise CannotBuild("no plug-in is chosen yet")
    plugin = load(tool.params.plugin)
    _check_limits(tool, plugin)
    with foreign("the plug-in refuses its settings", CannotBuild):
        settings = plugin.settings.model_validate(tool.params.settings)
        measure = plugin.prepare(settings)
    if not callable(measure):
        raise CannotBuild("the plug-in gives nothing to call when it is prepared")

    def run(scene: Scene) -> Found:
        view = _view(scene)
        with foreign("the plug-in failed", ToolFailed):
            measured = measure(view)
        result = checked(measured, plugin)
        if not result.found:
            message = result.message or "the plug-in found nothing"
            return Found(status="not_found", reason="not_found", message=message)
        return Found(result.features, result.shapes, texts=result.texts)

    return run


def _check_limits(tool: PluginTool, plugin: Plugin) -> None:
    known = {feature.name for feature in plugin.features} | {COVERAGE.name}
    for limit in tool.limits:
        if limit.feature not in known:
            raise CannotBuild(f"the plug-in {tool.params.plugin!r} has no feature {limit.feature!r}")


def _view(scene: Scene) -> View:
    window = scene.window
    image, grey = _fixed(window.of(scene.picture.data)), _fixed(scene.grey())
    mask = None if window.mask is None else _fixed(window.mask)
    return View(image, grey, mask, window.x0, window.y0, scene.full, lambda: scene.late)


def _fixed(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written into, and cannot be made to: what it looks at says so too."""
    bytes_: Any = np.ascontiguousarray(array)
    return np.frombuffer(memoryview(bytes_).toreadonly(), array.dtype).reshape(array.shape)
