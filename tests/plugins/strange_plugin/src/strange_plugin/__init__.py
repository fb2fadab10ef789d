"""Tools for AnalyticLens that misbehave in every way, each by its setting, and only on pictures whose first pixel is bright."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel

from analyticlens.engine.errors import ToolFailed
from analyticlens.engine.plugins import Measured, Plugin, View
from analyticlens.protocol.overlay import Cross
from analyticlens.protocol.regions import Point
from analyticlens.protocol.tools import Feature


class OwnKind(Exception):
    """An exception of the plug-in's own kind."""


class Nameless:
    """An object whose every question is answered by an exception."""

    def __getattr__(self, name: str) -> Any:
        raise OwnKind(name)

    def __float__(self) -> float:
        raise OwnKind("no number")


class OwnEnd(BaseException):
    """What hardly anybody catches."""


class Settings(BaseModel):
    """How it misbehaves."""

    how: str = "well"
    SECRET: ClassVar[str] = "not a setting"


def _hang() -> Any:
    while True:
        pass


def _raise(problem: BaseException) -> Any:
    raise problem


HOW: dict[str, Callable[[View], Any]] = {
    "raises": lambda view: 1 / 0,
    "raises its own kind": lambda view: _raise(OwnKind("a\nreason")),
    "raises what is no exception": lambda view: _raise(OwnEnd("over")),
    "gives up as a generator": lambda view: _raise(GeneratorExit()),
    "raises plainly": lambda view: _raise(Exception("just so")),
    "raises ours": lambda view: _raise(ToolFailed("odd", "No Word Of Ours!")),
    "returns nothing": lambda view: None,
    "returns a verdict": lambda view: "ok",
    "measures text": lambda view: Measured({"value": "12"}),  # type: ignore[dict-item]
    "measures bytes": lambda view: Measured({"value": b"12"}),  # type: ignore[dict-item]
    "measures what is no number": lambda view: Measured({"value": float("nan")}),
    "measures an object": lambda view: Measured({"value": Nameless()}),  # type: ignore[dict-item]
    "measures a list": lambda view: Measured([1, 2]),  # type: ignore[arg-type]
    "measures what it did not declare": lambda view: Measured({"other": 1}),
    "measures a number by number": lambda view: Measured({3: 1}),  # type: ignore[dict-item]
    "reads bytes": lambda view: Measured({"value": 1}, {"text": b"12"}),  # type: ignore[dict-item]
    "reads by no name": lambda view: Measured({"value": 1}, {"A b": "12"}),
    "draws nonsense": lambda view: Measured({"value": 1}, {}, ["a circle"]),  # type: ignore[list-item]
    "draws far away": lambda view: Measured({"value": 1}, {}, [_far()]),
    "draws too much": lambda view: Measured({"value": 1}, {}, [Cross(at=Point(x=1, y=1))] * 2000),
    "writes into the picture": lambda view: _paint(view),
    "hangs": lambda view: _hang(),
    "leaves": lambda view: sys.exit(3),
    "ends the process": lambda view: os._exit(3),
}


def _far() -> Cross:
    return Cross.model_construct(shape="cross", at=Point.model_construct(x=float("inf"), y=0.0), angle_deg=0.0)


def _paint(view: View) -> Measured:
    view.image[:] = 0
    return Measured({"value": 1.0})


def prepare(settings: Settings) -> Callable[[View], Measured]:
    """Return the function that misbehaves."""
    if settings.how == "refuses":
        raise OwnKind("not with me")
    if settings.how == "gives nothing to call":
        return None  # type: ignore[return-value]

    def measure(view: View) -> Measured:
        if view.grey[0, 0] < 250 or settings.how == "well":
            return Measured({"value": np.float32(1.5)}, {"text": "well"})  # type: ignore[dict-item]
        measured: Measured = HOW[settings.how](view)
        return measured

    return measure


strange = Plugin("Strange", (Feature("value", "", "Value"),), prepare, Settings)
odd_features = Plugin("Odd", (Feature("Value!", "", "Value"),), prepare, Settings)
