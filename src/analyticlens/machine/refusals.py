"""What the machine refuses: each says one sentence fit for a person."""

from __future__ import annotations


class NotNow(Exception):
    """The act is known but not possible in the present state."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class SourceRefused(Exception):
    """Pictures cannot be had. `lasting` when waiting cannot help: another kind or folder must be configured.

    `code` is the word a verdict gets that waited for it; `pause` the least seconds until it is worth another try.
    """

    def __init__(self, sentence: str, *, lasting: bool = False, code: str = "source_lost", pause: float = 0.0) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.lasting = lasting
        self.code = code
        self.pause = pause
