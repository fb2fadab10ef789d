"""How the old wire refuses: one exception with its status and sentence, answered at one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from analyticlens.machine.station import NotNow, RecipeRefused, SourceRefused


class Refused(Exception):
    """Answered as `{"success": false, "error": sentence}` with this HTTP status."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


@contextmanager
def refusing(status: int) -> Iterator[None]:
    """Turn what the station and the translation refuse into an answer with this status."""
    try:
        yield
    except (NotNow, SourceRefused, RecipeRefused, ValueError) as error:
        raise Refused(status, str(error)) from error
