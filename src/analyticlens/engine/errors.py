"""What the engine raises: a recipe that cannot be built, and, inside, a tool that cannot go on with this picture."""

from __future__ import annotations

import cv2


class RecipeRefused(Exception):
    """A recipe one tool of which cannot be built; it is refused whole.

    `tool_id` and `tool_name` say which tool, `sentence` says why, for a person.
    """

    def __init__(self, tool_id: int, tool_name: str, sentence: str) -> None:
        super().__init__(tool_id, tool_name, sentence)
        self.tool_id = tool_id
        self.tool_name = tool_name
        self.sentence = sentence

    def __str__(self) -> str:
        return f"tool {self.tool_id} ({self.tool_name}): {self.sentence}"


class CannotBuild(Exception):
    """Raised while a tool is prepared, with one sentence; `prepare` turns it into RecipeRefused."""


class ToolFailed(Exception):
    """Raised by a tool that cannot measure this picture, with one sentence and a word of REASONS; the verdict is error."""

    def __init__(self, sentence: str, reason: str = "tool_error") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.reason = reason


# Whatever numpy, OpenCV and Python itself raise in a tool that breaks. An exception of somebody's own kind is a fault of the program,
# not of a picture, and ends the process that inspects: its parent tells the error and begins anew.
BREAKS = (
    cv2.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    NameError,
    OSError,
    RuntimeError,
    StopIteration,
    SystemError,
    TypeError,
    ValueError,
    Warning,
)
