"""A recipe: ordered tools with regions, parameters and limits. What a station looks for, never what it is made of."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from analyticlens.protocol.canonical import sha256_of
from analyticlens.protocol.strict import Strict
from analyticlens.protocol.tools import BlobTool, MathTool, Tool

MAX_TOOLS = 100


class Recipe(Strict):
    """Tools in the order they run. Ids and names are unique; a tool refers only to tools before it."""

    format: Literal[1] = Field(1, title="Format", description="Version of this layout.")
    tools: tuple[Tool, ...] = Field((), title="Tools", description="In the order they run.", max_length=MAX_TOOLS)

    @model_validator(mode="after")
    def _refers_backwards(self) -> Self:
        seen_ids: set[int] = set()
        names: set[str] = set()
        data: set[int] = set()
        for tool in self.tools:
            if tool.id in seen_ids:
                raise ValueError(f"two tools have the number {tool.id}")
            if tool.name in names:
                raise ValueError(f"two tools have the name {tool.name!r}")
            for followed in tool.follow or ():
                if followed not in data:
                    raise ValueError(
                        f"tool {tool.name!r} follows {followed}, which is no tool before it that finds a place"
                    )
            for wanted in tool.refers:
                if wanted not in seen_ids:
                    raise ValueError(f"tool {tool.name!r} takes measures of {wanted}, which is no tool before it")
            seen_ids.add(tool.id)
            names.add(tool.name)
            if tool.datum:
                data.add(tool.id)
        return self

    def follows(self, index: int) -> tuple[int, ...]:
        """Return the ids of the tools whose pose moves the tool at index, in order."""
        tool = self.tools[index]
        if tool.follow is not None:
            return tool.follow
        return tuple(t.id for t in self.tools[:index] if t.moves_later)

    def sources(self, index: int) -> tuple[int, ...]:
        """Return the ids of the tools whose findings the tool at index computes with.

        Math that names none takes the blob tool before it.
        """
        tool = self.tools[index]
        if tool.refers or not isinstance(tool, MathTool):
            return tool.refers
        blobs = [earlier.id for earlier in self.tools[:index] if isinstance(earlier, BlobTool)]
        return tuple(blobs[-1:])

    @property
    def blobs(self) -> tuple[str, ...]:
        """The SHA-256 of everything its tools need beside it (templates, golden pictures, models), each once, in order."""
        return tuple(dict.fromkeys(name for tool in self.tools for name in tool.blobs))

    @property
    def foreign(self) -> bool:
        """Whether one of its tools runs code that is not the engine's own."""
        return any(tool.foreign for tool in self.tools)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the recipe's canonical JSON: its identity."""
        return sha256_of(self)
