"""One picture through one recipe: prepare once, inspect each frame, and never invent a verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens import __version__
from analyticlens.engine.build import built
from analyticlens.engine.errors import BREAKS, CannotBuild, ToolFailed
from analyticlens.engine.judge import Judgement, judge
from analyticlens.engine.levels import FEWEST_BITS, HOLDS, MOST_BITS, depth_of
from analyticlens.engine.picture import Picture
from analyticlens.engine.pose import STILL
from analyticlens.engine.prepared import Prepared, Step, too_long
from analyticlens.engine.regions import arrow_inside, moved
from analyticlens.engine.scene import Found, Scene
from analyticlens.engine.sight import Sight, shapes_of
from analyticlens.engine.texts import legible
from analyticlens.protocol.oldwire_regions import region_used_to_wire
from analyticlens.protocol.overlay import Overlay
from analyticlens.protocol.records import ToolOutcome
from analyticlens.protocol.regions import Arrow
from analyticlens.protocol.words import Verdict, worst

# What was measured depends on OpenCV's arithmetic too.
ENGINE_VERSION = f"{__version__} opencv {cv2.__version__}"
LONGEST_MESSAGE = 500


@dataclass(frozen=True)
class Inspection:
    """What one picture was found to be.

    `reason` is a word of `protocol.reasons.REASONS` and `message` a sentence, both for a verdict that is not ok. `details` holds, by
    tool id, what only the old wire shows. `image` is the picture after the filters, or None where the frame was refused; its memory
    is used again by the next inspection with the same Prepared. `ms` is the time it took.
    """

    verdict: Verdict
    reason: str | None = None
    message: str = ""
    tools: tuple[ToolOutcome, ...] = ()
    overlay: tuple[Overlay, ...] = ()
    details: dict[int, dict[str, Any]] = field(default_factory=dict)
    image: NDArray[Any] | None = None
    ms: float = 0.0


@dataclass
class Progress:
    """One inspection while it runs: the working picture, what was found so far, and when it must be done."""

    picture: Picture
    deadline: float
    earlier: dict[int, Found] = field(default_factory=dict)
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    # The name of a filter that did not do its work: what looks at the picture after it would see another picture.
    spoiled_by: str | None = None


def inspect(
    frame: NDArray[Any], recipe: Prepared, *, bits: int | None = None, deadline_ms: float | None = None
) -> Inspection:
    """Return what the frame is by the recipe.

    `frame` is (H, W) grey or (H, W, 3) blue, green, red, of uint8 or uint16, and is never written into; anything else gives the
    verdict error. `bits`, 8 to 16, are how many of uint16 are used, the lower ones: 12 for most cameras that are deeper than 8 bits
    (None: nobody knows, and 65535 is white); uint8 has 8. After `deadline_ms` no further tool is begun and the verdict is error (a
    tool that hangs is not interrupted).
    A tool that raises or returns no finite numbers gives the verdict error; no exception leaves for what a picture can be.
    """
    started = perf_counter()
    refusal = refused(frame, bits)
    if refusal:
        return Inspection("error", "frame_refused", refusal, ms=_since(started))
    deadline = math.inf if deadline_ms is None else started + deadline_ms / 1000
    picture = Picture(np.ascontiguousarray(frame), recipe.buffers, depth_of(frame.dtype, bits))
    progress = Progress(picture, deadline)
    outcomes: list[ToolOutcome] = []
    overlay: list[Overlay] = []
    details: dict[int, dict[str, Any]] = {}
    for step in recipe.steps:
        begun = perf_counter()
        sight = _sight(step, progress, recipe)
        found = progress.earlier[step.tool.id] = _turn(step, sight, progress, recipe)
        if found.status != "ok" and step.filters and progress.spoiled_by is None:
            progress.spoiled_by = step.tool.name
        said = _said(step, found)
        if said is not None and step.tool.limits:
            progress.verdicts[step.tool.id] = said.verdict
        outcome = _outcome(step, found, said, _since(begun))
        outcomes.append(outcome)
        overlay += shapes_of(step.tool, sight, found.shapes, outcome.verdict)
        details[step.tool.id] = {"ROI": region_used_to_wire(sight.used or picture.rect), **found.details}
    verdict, reason, message = _conclusion(outcomes)
    return Inspection(verdict, reason, message, tuple(outcomes), tuple(overlay), details, picture.data, _since(started))


def refused(frame: object, bits: int | None = None) -> str:
    """Return why a frame cannot be inspected, as one sentence, or "" when it can."""
    if not isinstance(frame, np.ndarray):
        return "there is no picture"
    if frame.dtype not in HOLDS:
        return f"pixels of type {frame.dtype} are not inspected; uint8 and uint16 are"
    if frame.ndim != 2 and (frame.ndim != 3 or frame.shape[2] != 3):
        return f"a picture of shape {frame.shape} is not inspected; one or three channels are"
    if frame.size == 0:
        return f"a picture of shape {frame.shape} has no pixels"
    if bits is None or frame.dtype == np.uint8:
        return ""
    if not FEWEST_BITS <= bits <= MOST_BITS:
        return f"a picture of {bits} bits is not inspected; {FEWEST_BITS} to {MOST_BITS} are"
    brightest = int(frame.max())
    return "" if brightest < 1 << bits else f"a level of {brightest} is more than {bits} bits can hold"


def _since(start: float) -> float:
    return (perf_counter() - start) * 1000


def _sight(step: Step, progress: Progress, recipe: Prepared) -> Sight:
    """Return where a tool looks in this picture: its region moved by the data it follows, or why it looks nowhere."""
    pose = STILL
    for followed in step.follows:
        datum = progress.earlier[followed]
        if datum.status != "ok":
            return Sight(lost=recipe.names[followed])
        pose = pose.then(datum.residual)
    region = step.tool.region
    if region is None or pose == STILL:
        return Sight(used=region, pose=pose)
    return Sight(used=moved(region, pose), pose=pose, moved=True)


def _turn(step: Step, sight: Sight, progress: Progress, recipe: Prepared) -> Found:
    """Return what a tool found at its turn, with every way of not measuring told apart by status and reason."""
    if perf_counter() > progress.deadline:
        return Found(status="error", reason="timeout", message="the inspection's time was over before this tool")
    if sight.lost is not None:
        return Found(
            status="not_found", reason="datum_not_found", message=f"it follows {sight.lost}, which was not found"
        )
    if progress.spoiled_by is not None and step.looks:
        message = f"{progress.spoiled_by} could not prepare the picture"
        return Found(status="not_found", reason="picture_missing", message=message)
    # Before the region is looked for, which alone can take too long.
    masking = recipe.mask_cost(step, progress.picture.height, progress.picture.width)
    if masking > recipe.tool_ms:
        return Found(status="error", reason="too_costly", message=too_long(masking, recipe.tool_ms))
    scene = _scene(sight, step, progress, recipe)
    if isinstance(scene, Found):
        return scene
    height, width = scene.window.shape
    channels = 1 if progress.picture.is_grey else 3
    if (refused := _too_costly(step, recipe, masking, height, width, channels)) is not None:
        return Found(status="error", reason="too_costly", message=refused)
    found = _guarded(step, scene)
    if step.covers and found.status == "ok" and scene.region is not None:
        found.features["coverage"] = scene.window.coverage
    if perf_counter() > progress.deadline:
        return Found(status="error", reason="timeout", message="the inspection's time was over during this tool")
    return found


def _too_costly(step: Step, recipe: Prepared, masking: float, height: int, width: int, channels: int) -> str | None:
    """Return why a tool is not begun on so large a window, found in `masking` ms, or None where it has the time."""
    try:
        ms = masking + recipe.cost(step, height, width, channels)
    except CannotBuild as problem:
        return str(problem)
    return too_long(ms, recipe.tool_ms) if ms > recipe.tool_ms else None


def _scene(sight: Sight, step: Step, progress: Progress, recipe: Prepared) -> Scene | Found:
    """Return a tool's turn, or what there is to say when its region has no place in the picture."""
    picture = progress.picture
    region = sight.used
    if not step.looks:
        area = recipe.whole(picture)
    elif isinstance(region, Arrow):
        area = recipe.whole(picture)
        if not arrow_inside(region, picture.height, picture.width):
            return Found(status="roi_outside", reason="roi_outside", message="the arrow leaves the picture")
    else:
        found_area = recipe.window(step, region, sight.pose, picture)
        if found_area is None:
            return Found(status="roi_outside", reason="roi_outside", message="the region leaves the picture")
        area = found_area
    if area.area == 0:
        return Found(status="roi_outside", reason="roi_empty", message="the region covers no pixel")
    arrow, place = (region, None) if isinstance(region, Arrow) else (None, region)
    deadline = min(progress.deadline, perf_counter() + recipe.tool_ms / 1000)
    return Scene(picture, recipe.buffers, area, sight.pose, arrow, progress.earlier, place, progress.verdicts, deadline)


def _guarded(step: Step, scene: Scene) -> Found:
    """Call the tool; what goes wrong in it is its error and does not end the inspecting."""
    try:
        return _checked(step.run(scene))
    except ToolFailed as problem:
        reason, message = problem.reason, problem.sentence
    except BREAKS as problem:
        reason, message = "tool_broke", f"{type(problem).__name__}: {problem}"
    return Found(status="error", reason=reason, message=" ".join(message.split())[:LONGEST_MESSAGE])


def _checked(found: object) -> Found:
    """Return what a tool returned if it is something measured, with finite numbers only. Raises ToolFailed otherwise."""
    if not isinstance(found, Found):
        raise ToolFailed(f"it returned {type(found).__name__} instead of measures")
    for name, value in found.features.items():
        if not isinstance(value, float | int) or not math.isfinite(value):
            raise ToolFailed(f"{name} is no finite number")
    for name, text in found.texts.items():
        if not isinstance(text, str):
            raise ToolFailed(f"{name} is no text")
        found.texts[name] = legible(text)
    return found


def _outcome(step: Step, found: Found, said: Judgement | None, ms: float) -> ToolOutcome:
    judgement = said if _counts(step, found) else None
    # Built without validation: every value was made or checked here, and this runs for every tool of every frame.
    return built(
        ToolOutcome,
        id=step.tool.id,
        name=step.tool.name,
        type=step.tool.type,
        status=found.status,
        verdict=None if judgement is None else judgement.verdict,
        features=found.features,
        texts=found.texts,
        limits=step.tool.limits,
        reason=found.reason if judgement is None else judgement.reason,
        message=found.message if judgement is None else judgement.message,
        ms=ms,
    )


def _said(step: Step, found: Found) -> Judgement | None:
    """Return what there is to say of a tool, whether or not it counts: how it failed, else what its limits say (None: it has none)."""
    if found.status != "ok":
        return Judgement("error" if found.status == "error" else "undecided", found.reason, found.message)
    return judge(step.tool.limits, found.features) if step.tool.limits else None


def _counts(step: Step, found: Found) -> bool:
    """Tell whether what is said of a tool counts: a tool that broke always does, one that found nothing where a verdict rests on it."""
    if found.status == "error":
        return True
    return step.judges if found.status == "ok" else step.needed


def _conclusion(outcomes: list[ToolOutcome]) -> tuple[Verdict, str | None, str]:
    """Return the inspection's verdict with the reason and sentence of the first tool that has it."""
    if not any(outcome.verdict for outcome in outcomes):
        return "undecided", "nothing_judges", "no tool of the recipe judges"
    verdict = worst([outcome.verdict for outcome in outcomes if outcome.verdict])
    if verdict == "ok":
        return verdict, None, ""
    first = next(outcome for outcome in outcomes if outcome.verdict == verdict)
    return verdict, first.reason, f"{first.name}: {first.message}"
