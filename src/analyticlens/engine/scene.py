"""What a tool is given when its turn comes, and what it gives back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.entities import Entity
from analyticlens.engine.picture import Picture
from analyticlens.engine.pose import STILL, Pose
from analyticlens.engine.regions import AreaRegion, Window
from analyticlens.protocol.overlay import OverlayShape
from analyticlens.protocol.regions import Arrow
from analyticlens.protocol.words import ToolStatus, Verdict


@dataclass(slots=True)
class Found:
    """What one tool measured: `features` by name, `shapes` it found in image coordinates, `details` for the old wire.

    `texts` are what it read, by name; any text will do, `legible` makes it one that can be stored and shown.

    `lists` are measures of many things at once, for formulas alone: they can be long and leave the engine nowhere.

    `residual` is the motion a datum adds for what follows it; `entity` the point, line or circle that later tools measure from.
    """

    features: dict[str, float] = field(default_factory=dict)
    shapes: list[OverlayShape] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    lists: dict[str, NDArray[Any]] = field(default_factory=dict)
    status: ToolStatus = "ok"
    reason: str | None = None
    message: str = ""
    residual: Pose = STILL
    entity: Entity | None = None
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Scene:
    """One tool's turn: the working picture, where to look in it, and what the tools before found.

    `window` is the region's pixels, moved by `pose` (the whole picture where the tool has no region); `arrow` is a locate tool's
    moved search line and `region` an area tool's moved area (None: the whole picture). `verdicts` says of each earlier tool with
    limits what they say of it, whether or not it judges. `deadline` is a `perf_counter` time after which nothing more should be tried.
    """

    picture: Picture
    buffers: Buffers
    window: Window
    pose: Pose
    arrow: Arrow | None
    earlier: Mapping[int, Found]
    region: AreaRegion | None = None
    verdicts: Mapping[int, Verdict] = field(default_factory=dict)
    deadline: float = math.inf

    @property
    def late(self) -> bool:
        """Whether the tool's time is over: a search that tries one thing after another stops here."""
        return perf_counter() > self.deadline

    @property
    def full(self) -> int:
        """The picture's full scale: 255, or what its bits can hold."""
        return self.picture.depth.full

    def grey(self) -> Any:
        """Return the luminance (h, w) of the window's bounding rectangle, as a view; mind `window.mask`."""
        return self.window.of(self.picture.grey())


Run = Callable[[Scene], Found]
