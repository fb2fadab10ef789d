"""A tool for AnalyticLens: how much of a region is dark, and where the darkest place is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from analyticlens.engine.plugins import Measured, Plugin, View
from analyticlens.protocol.overlay import Cross
from analyticlens.protocol.regions import Point
from analyticlens.protocol.tools import Feature


class Settings(BaseModel):
    """What people set; the form is made from this."""

    model_config = ConfigDict(extra="forbid")

    level: int = Field(60, ge=0, le=65535, title="Level", description="Pixels up to here are dark.")
    expect_some: bool = Field(True, title="Expect some", description="Without a dark pixel the part is undecided.")


def prepare(settings: Settings) -> Callable[[View], Measured]:
    """Return the function that looks at one frame. What does not depend on the frame is worked out here."""

    def measure(view: View) -> Measured:
        inside = np.ones(view.grey.shape, bool) if view.mask is None else view.mask > 0
        dark = inside & (view.grey <= settings.level)
        count = int(dark.sum())
        if count == 0 and settings.expect_some:
            return Measured(found=False, message="nothing is dark")
        features = {"dark_area": count, "dark_share": count / inside.sum()}
        if count == 0:
            return Measured(features)
        row, column = np.unravel_index(np.argmin(np.where(dark, view.grey, 65535)), dark.shape)
        x, y = float(view.x0 + column), float(view.y0 + row)
        return Measured(features | {"x": x, "y": y}, {"shade": "dark"}, [Cross(at=Point(x=x, y=y))])

    return measure


darkness = Plugin(
    title="Darkness",
    features=(
        Feature("dark_area", "px²", "Dark area"),
        Feature("dark_share", "", "Dark share"),
        Feature("x", "px", "X of the darkest place"),
        Feature("y", "px", "Y of the darkest place"),
    ),
    prepare=prepare,
    settings=Settings,
)
