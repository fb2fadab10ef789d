"""One picture file judged: read, decoded, inspected, painted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine import inspect, prepare
from analyticlens.machine.decode import MAX_BYTES, Undecodable, decode
from analyticlens.machine.inspect_cli.painting import painted, reduced, write_picture
from analyticlens.protocol.overlay import Overlay
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.records import ToolOutcome
from analyticlens.protocol.words import Verdict


class Task(NamedTuple):
    """A picture to judge, where to write it with what the tools saw on it, and whether a small one of that is wanted."""

    picture: Path
    overlay: Path | None = None
    small: bool = False


@dataclass(frozen=True)
class Judged:
    """What one picture is: an inspection without its pixels, fit to go from one process to another."""

    picture: Path
    verdict: Verdict
    reason: str | None = None
    message: str = ""
    ms: float = 0.0
    tools: tuple[ToolOutcome, ...] = ()
    overlay: tuple[Overlay, ...] = ()
    small: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)


class Judge:
    """Judges pictures of so many bits by one recipe, with the bytes it names. Raises RecipeRefused when the recipe cannot be built."""

    def __init__(self, recipe: Recipe, blobs: Mapping[str, bytes], bits: int | None = None) -> None:
        self._bits = bits
        self._prepared = prepare(recipe, blobs)
        cv2.setNumThreads(1)

    def __call__(self, task: Task) -> Judged:
        """Return what a picture is; a file that is no picture is an error. Raises Unusable when its overlay cannot be written."""
        try:
            frame = decode(_read(task.picture))
        except Undecodable as problem:
            return Judged(task.picture, "error", problem.reason, problem.sentence)
        found = inspect(frame, self._prepared, bits=self._bits)
        canvas = painted(frame, found) if task.overlay or task.small else None
        if canvas is not None and task.overlay:
            write_picture(task.overlay, canvas)
        small = reduced(canvas) if canvas is not None and task.small else None
        said = (found.verdict, found.reason, found.message, found.ms, found.tools, found.overlay)
        return Judged(task.picture, *said, small)


def _read(path: Path) -> bytes:
    """Return a file's bytes, no more than are decoded. Raises Undecodable."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Undecodable(f"the file cannot be read: {error.strerror or error}") from None
