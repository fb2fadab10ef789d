"""Plug-ins: tools that Python packages bring, found by their entry points in the group `analyticlens.tools`.

A plug-in is foreign code: whatever it raises, and whatever it returns that is no measurement, is its own error and nobody else's. One
that hangs is ended by the machine together with the process that inspects.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from analyticlens.engine.errors import CannotBuild, ToolFailed
from analyticlens.protocol.overlay import OverlayShape
from analyticlens.protocol.strict import first_error
from analyticlens.protocol.tools.common import COVERAGE, Feature

GROUP = "analyticlens.tools"
MAX_FEATURES = 64
MAX_SHAPES = 1000
MAX_TEXTS = 16
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SHAPES: TypeAdapter[OverlayShape] = TypeAdapter(OverlayShape)


@dataclass(frozen=True)
class View:
    """What a plug-in is given of a frame; nothing of it can be written into.

    `image` (h, w) or (h, w, 3) blue, green, red, and `grey` (h, w), its luminance, are the region's bounding rectangle, uint8 or uint16;
    `mask` (h, w) uint8 is not 0 where the region is, None where it is all of the rectangle. (x0, y0) is the place of the first pixel in
    the whole picture. `full` is the picture's full scale: 255, 65535, or 4095 where a camera fills 12 of the 16 bits. `late()` tells that
    the tool's time is over.
    """

    image: NDArray[Any]
    grey: NDArray[Any]
    mask: NDArray[np.uint8] | None
    x0: int
    y0: int
    full: int
    late: Callable[[], bool]


@dataclass
class Measured:
    """What a plug-in gives back: features and texts by name, shapes in the whole picture's coordinates.

    With `found` false there was nothing to measure, `message` says why, and the part is undecided.
    """

    features: dict[str, float] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    shapes: list[OverlayShape] = field(default_factory=list)
    found: bool = True
    message: str = ""


class NoSettings(BaseModel):
    """The settings of a plug-in that has none."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Plugin:
    """A tool as its package registers it.

    `prepare` takes checked settings and returns the function that is called with a View for each frame and gives Measured. `features`
    are all it can measure; `settings` is a pydantic model whose schema makes the form.
    """

    title: str
    features: tuple[Feature, ...]
    prepare: Callable[[Any], Callable[[View], Measured]]
    settings: type[BaseModel] = NoSettings


@contextmanager
def foreign(what: str, refusal: type[CannotBuild] | type[ToolFailed]) -> Iterator[None]:
    """Turn whatever foreign code raises into a refusal that says `what` it did.

    Nobody can say what another's code may raise, and it is one tool's error, not the inspecting's; so is its wish to leave. Only a
    person's Ctrl-C goes through.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as problem:
        said = first_error(problem) if isinstance(problem, ValidationError) else str(problem)
        raise refusal(f"{what}: {type(problem).__name__}: {said}"[:400]) from problem


def installed() -> Mapping[str, EntryPoint]:
    """Return the entry points of all plug-ins by name; of two with one name the first that is found."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, point)
    return found


def load(name: str) -> Plugin:
    """Return an installed plug-in. Raises CannotBuild where there is none of that name, or what there is is no plug-in."""
    point = installed().get(name)
    if point is None:
        raise CannotBuild(f"there is no plug-in {name!r} on this computer")
    with foreign(f"the plug-in {name!r} cannot be loaded", CannotBuild):
        plugin = point.load()
    with foreign(f"the plug-in {name!r} is none", CannotBuild):
        problem = _flaw(plugin)
    if problem:
        raise CannotBuild(f"the plug-in {name!r} {problem}")
    loaded: Plugin = plugin
    return loaded


def _flaw(plugin: object) -> str:
    """Return what is wrong with what a package registered, or ""."""
    if not isinstance(plugin, Plugin):
        return f"is a {type(plugin).__name__} and no Plugin"
    if not (isinstance(plugin.settings, type) and issubclass(plugin.settings, BaseModel)):
        return "has settings that are no pydantic model"
    texts = [plugin.title, *(text for feature in plugin.features for text in feature)]
    if not all(isinstance(text, str) for text in texts):
        return "has a title, or a feature, that is no text"
    names = [feature.name for feature in plugin.features if isinstance(feature, Feature)]
    if COVERAGE.name in names:
        return f"measures {COVERAGE.name!r}, which is the region's own"
    good = all(isinstance(name, str) and NAME.fullmatch(name) for name in names)
    if not good or len(names) != len(plugin.features) or len(set(names)) != len(names) or len(names) > MAX_FEATURES:
        return "has features that are none"
    return "" if callable(plugin.prepare) else "cannot be prepared"


def plugin_schemas() -> dict[str, dict[str, Any]]:
    """Return what forms are made from, by plug-in: `title`, `settings` (JSON schema) and `features` (name, unit, title).

    A plug-in that cannot be loaded has `title` and, as one sentence, `problem` instead.
    """
    schemas: dict[str, dict[str, Any]] = {}
    for name in sorted(installed()):
        try:
            plugin = load(name)
            with foreign(f"the plug-in {name!r} has settings without a schema", CannotBuild):
                settings = plugin.settings.model_json_schema()
        except CannotBuild as problem:
            schemas[name] = {"title": name, "problem": str(problem)}
            continue
        features = [dict(feature._asdict()) for feature in plugin.features]
        schemas[name] = {"title": plugin.title, "settings": settings, "features": features}
    return schemas


def checked(measured: object, plugin: Plugin) -> Measured:
    """Return what a plug-in gave, in plain numbers and shapes of the contract. Raises ToolFailed where it is no measurement."""
    if not isinstance(measured, Measured):
        raise ToolFailed(f"the plug-in returned {type(measured).__name__} instead of Measured")
    known = {feature.name for feature in plugin.features}
    with foreign("the plug-in returned what is no measurement", ToolFailed):
        numbers, words = dict(measured.features), dict(measured.texts)
        shapes = [_SHAPES.validate_python(shape.model_dump()) for shape in list(measured.shapes)[: MAX_SHAPES + 1]]
        message = " ".join(str(measured.message).split())
    if len(shapes) > MAX_SHAPES or len(words) > MAX_TEXTS:
        raise ToolFailed("the plug-in returned too many shapes or texts")
    features = {name: _number(name, value) for name, value in numbers.items() if _declared(name, known)}
    texts = {name: value for name, value in words.items() if _is_text(name, value)}
    if not isinstance(measured.found, bool | np.bool_):
        raise ToolFailed("the plug-in's found is neither true nor false")
    return Measured(features, texts, shapes, bool(measured.found), message)


def _declared(name: object, known: set[str]) -> bool:
    if not isinstance(name, str) or name not in known:
        raise ToolFailed("the plug-in measured a feature that it does not declare")
    return True


def _number(name: str, value: Any) -> float:
    with foreign(f"the plug-in's {name} is no number", ToolFailed):
        number = float(value)
    if isinstance(value, str | bytes | bytearray) or not math.isfinite(number):
        raise ToolFailed(f"the plug-in's {name} is no finite number")
    return number


def _is_text(name: object, value: object) -> bool:
    if not (isinstance(name, str) and NAME.fullmatch(name) and isinstance(value, str)):
        raise ToolFailed("the plug-in returned a text that is none")
    return True
