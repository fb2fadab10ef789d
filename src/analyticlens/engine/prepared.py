"""A recipe made ready: every tool built, everything that does not depend on the picture worked out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.errors import CannotBuild, RecipeRefused
from analyticlens.engine.kit import Cost, Kit
from analyticlens.engine.picture import Picture
from analyticlens.engine.pose import STILL, Pose
from analyticlens.engine.regions import AreaRegion, Window, mask_ms, moved, whole, window
from analyticlens.engine.scene import Run
from analyticlens.engine.tools import TOOLS
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.regions import Arrow
from analyticlens.protocol.tools import COVERAGE, Tool

# What a tool may take, in milliseconds: a part waits for its verdict.
TOOL_MS = 200.0


@dataclass(frozen=True, slots=True)
class Step:
    """One tool made ready.

    `follows`: the tools that move it, in order. `judges`: its limits count. `filters`: it changes the picture. `looks`: it needs the
    picture. `needed`: a verdict rests on it, because it judges, changes the picture, or feeds a tool that does. `cost`: what it can
    take at most, by channel where `by_channel`. `covers`: the share of its region inside the picture is one of its features.
    """

    tool: Tool
    run: Run
    follows: tuple[int, ...]
    judges: bool
    filters: bool
    looks: bool
    needed: bool
    cost: Cost | None = None
    covers: bool = False
    by_channel: bool = False


class Prepared:
    """A recipe made ready by `prepare`, with memory that is used again each frame: it belongs to one thread at a time."""

    def __init__(self, recipe: Recipe, steps: tuple[Step, ...], tool_ms: float) -> None:
        self.recipe = recipe
        self.steps = steps
        self.tool_ms = tool_ms
        self.names = {tool.id: tool.name for tool in recipe.tools}
        self.buffers = Buffers()
        self._size = (0, 0)
        self._still: dict[int, Window | None] = {}
        self._costs: dict[tuple[int, int, int], float] = {}
        self._masks: dict[tuple[int, int, int], float] = {}

    def whole(self, picture: Picture) -> Window:
        """Return the window of the whole picture."""
        return whole(picture.height, picture.width)

    def window(self, step: Step, region: AreaRegion | None, pose: Pose, picture: Picture) -> Window | None:
        """Return the pixels of a step's region, which `pose` has moved, or None where too much of it leaves the picture.

        Kept while neither region nor size change.
        """
        if region is None:
            return self.whole(picture)
        size = (picture.height, picture.width)
        number, least = step.tool.id, step.tool.min_coverage
        if pose != STILL:
            exclude = [moved(area, pose) for area in step.tool.exclude]
            return window(region, *size, self.buffers, f"moved {number}", exclude, least)
        if size != self._size:
            self._size = size
            self._still.clear()
        if number not in self._still:
            self._still[number] = window(region, *size, self.buffers, f"still {number}", step.tool.exclude, least)
        return self._still[number]

    def cost(self, step: Step, height: int, width: int, channels: int = 1) -> float:
        """Return the milliseconds a step can take at most on so many rows, columns and channels, its region's mask not counted.

        Raises CannotBuild where it could not keep to a time of its own.
        """
        if step.cost is None:
            return 0.0
        key = (step.tool.id, height, width)
        if key not in self._costs:
            self._costs[key] = step.cost(step.tool, height, width)
        return self._costs[key] * (channels if step.by_channel else 1)

    def mask_cost(self, step: Step, height: int, width: int) -> float:
        """Return the milliseconds that finding a step's region in each picture of this size can take at most; one that nothing moves is
        found once."""
        region = step.tool.region
        if not step.follows or region is None or isinstance(region, Arrow):
            return 0.0
        key = (step.tool.id, height, width)
        if key not in self._masks:
            self._masks[key] = mask_ms(region, step.tool.exclude, height, width, step.tool.min_coverage)
        return self._masks[key]


def prepare(
    recipe: Recipe,
    blobs: Mapping[str, bytes] | None = None,
    *,
    size: tuple[int, int] | None = None,
    tool_ms: float = TOOL_MS,
) -> Prepared:
    """Return the recipe ready to inspect frames.

    `blobs` are the bytes of the templates, golden pictures and models the recipe names, by their SHA-256. `size` (rows, columns)
    is that of the pictures to come, where it is known: then a tool that could take longer than `tool_ms` on them is refused at
    once; otherwise it is an error on the first such picture. Raises RecipeRefused, naming the tool, if any tool cannot be built.
    """
    kit = Kit(recipe, blobs or {})
    needed = _needed(recipe)
    steps = []
    for index, tool in enumerate(recipe.tools):
        kind = TOOLS.get(tool.type)
        if kind is None:
            raise RecipeRefused(tool.id, tool.name, f"there is no tool {tool.type!r}")
        try:
            run = kind.prepare(tool, kit)
        except CannotBuild as problem:
            raise RecipeRefused(tool.id, tool.name, str(problem)) from None
        steps.append(
            Step(
                tool,
                run,
                follows=recipe.follows(index) if tool.follows_data else (),
                judges=_judges(tool),
                filters=tool.filters,
                looks=tool.place != "none",
                needed=tool.id in needed,
                # What a tool costs may depend on what it names: then what it was built into knows it.
                cost=kind.cost or getattr(run, "cost", None),
                covers=tool.min_coverage < 1 or COVERAGE.name in kit.named(tool),
                by_channel=kind.by_channel,
            )
        )
    prepared = Prepared(recipe, tuple(steps), tool_ms)
    if size is not None:
        _check_costs(prepared, size)
    return prepared


def _check_costs(prepared: Prepared, size: tuple[int, int]) -> None:
    """Raise RecipeRefused for a tool that cannot keep to its time on pictures of this size (rows, columns)."""
    for step in prepared.steps:
        region = step.tool.region
        looked = (
            None if region is None or isinstance(region, Arrow) else window(region, *size, prepared.buffers, "cost")
        )
        try:
            ms = prepared.cost(step, *(looked.shape if looked is not None else size))
        except CannotBuild as problem:
            raise RecipeRefused(step.tool.id, step.tool.name, str(problem)) from None
        ms += prepared.mask_cost(step, *size)
        if ms > prepared.tool_ms:
            raise RecipeRefused(step.tool.id, step.tool.name, too_long(ms, prepared.tool_ms))


def too_long(ms: float, allowed: float) -> str:
    """Return the sentence that refuses a tool by its cost bound."""
    return f"with these parameters it can take {ms:.0f} ms, and a tool has {allowed:.0f} ms"


def _judges(tool: Tool) -> bool:
    return tool.judge and bool(tool.limits)


def _needed(recipe: Recipe) -> set[int]:
    """Return the ids of the tools a verdict rests on, found from the last tool to the first: tools refer only backwards."""
    needed: set[int] = set()
    for index in reversed(range(len(recipe.tools))):
        tool = recipe.tools[index]
        if not (_judges(tool) or tool.filters or tool.id in needed):
            continue
        needed.add(tool.id)
        if not tool.weighs:
            needed.update(recipe.sources(index))
        if tool.follows_data:
            needed.update(recipe.follows(index))
    return needed
