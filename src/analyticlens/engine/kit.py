"""What a tool is built from: its recipe, and the pictures and models the recipe names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.scene import Run
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.strict import plain
from analyticlens.protocol.tools import Tool

WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Kit:
    """A recipe with `blobs`, the bytes of what it names by their SHA-256."""

    recipe: Recipe
    blobs: Mapping[str, bytes] = field(default_factory=dict)

    def blob(self, name: str, what: str) -> bytes:
        """Return the bytes a tool names. Raises CannotBuild, naming `what` it is, where they are missing or are not what they should be."""
        data = self.blobs.get(name)
        if data is None:
            raise CannotBuild(f"its {what} {name[:12]}… is not here")
        if sha256(data).hexdigest() != name:
            raise CannotBuild(f"its {what} {name[:12]}… is damaged")
        return data

    def named(self, tool: Tool) -> set[str]:
        """Return the features of a tool that its own limits, and any other tool of the recipe, name: what must be measured."""
        names = {limit.feature for limit in tool.limits}
        for index, other in enumerate(self.recipe.tools):
            params = plain(other).get("params", {})
            names |= _features_of(tool.id, params)
            if tool.id in self.recipe.sources(index):
                # A formula names the measures of the tool it refers to as they are.
                names.update(WORD.findall(params.get("custom_formula", "")))
        return names


def _features_of(number: int, data: Any) -> set[str]:
    """Return the features of a tool, by its number, that another's parameters name anywhere."""
    if isinstance(data, list):
        return {name for item in data for name in _features_of(number, item)}
    if not isinstance(data, dict):
        return set()
    own = {str(data["feature"])} if data.get("tool") == number and "feature" in data else set()
    return own | {name for item in data.values() for name in _features_of(number, item)}


# Called with the tool and its kit; returns what is called for each frame. Raises CannotBuild.
Prepare = Callable[[Any, Kit], Run]
# Called with the tool and the rows and columns it looks at; returns the milliseconds it can take at most, by its parameters.
Cost = Callable[[Any, int, int], float]
