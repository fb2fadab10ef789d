"""What the machine refuses: each says one sentence fit for a person."""

from __future__ import annotations


class NotNow(Exception):
    """The act is known but not possible in the present state."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class SourceRefused(Exception):
    """Pictures cannot be had. `lasting` when waiting cannot help: another kind or folder must be configured."""

    def __init__(self, sentence: str, *, lasting: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.lasting = lasting
