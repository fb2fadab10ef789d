"""What every source has in common: the frame it gives, what asks for it, and what it may use of this machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from analyticlens.machine.inspector import BEGINNING, Resume
from analyticlens.machine.login import NOBODY, Login

FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class Grabbed:
    """One try at a frame. `image` is None when it could not be read whole; `reason` and `message` then say why.

    `image` is uint8 or uint16, (H, W) grey or (H, W, 3) BGR; `bits` are those used of uint16, None where nobody knows. `mono` is the
    moment of capture on the monotonic clock. With the reason `frozen` there is an image, and it is not to be judged.
    """

    number: int
    name: str
    image: NDArray[Any] | None
    captured_at: str
    reason: str = ""
    message: str = ""
    bits: int | None = None
    mono: float | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """For which moment a frame is wanted: `since` on the monotonic clock. `asked` when something outside this machine chose it."""

    since: float = 0.0
    asked: bool = False


ANY = Wanted()


@dataclass(frozen=True, slots=True)
class Place:
    """What a source may use of this machine. `cameras` are the lines of its list of cameras, None where there is no list."""

    data: Path
    roots: tuple[Path, ...] = ()
    resume: Resume = BEGINNING
    login: Login = NOBODY
    cameras: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Pulse:
    """How a source is while nobody asks for frames: `problem` is "" while it is well, else `code` and a sentence.

    `age` is that of the newest frame in seconds, None where that means nothing.
    """

    age: float | None = None
    code: str = ""
    problem: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


class Source(Protocol):
    """What every source can do. It is made in the child, used by one thread, and may block: the parent has the deadline."""

    position: str
    """Where to go on, for the next source of the same configuration; "" when that means nothing."""

    def grab(self, wanted: Wanted = ANY) -> Grabbed:
        """Return the newest frame. Raises SourceRefused when pictures can no longer be had."""

    def pulse(self) -> Pulse:
        """Say how it is. Never blocks."""

    def close(self) -> None:
        """Let the device go."""
