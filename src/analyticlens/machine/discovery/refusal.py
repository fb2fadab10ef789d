"""Why a camera could not be found or asked."""

from __future__ import annotations


class LookupFailed(Exception):
    """One sentence fit for a person. `unauthorized` where the camera wants another user or password."""

    def __init__(self, sentence: str, *, unauthorized: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.unauthorized = unauthorized
