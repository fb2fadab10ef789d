"""What a tool is built from: its recipe, and the pictures and models the recipe names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.scene import Run
from analyticlens.protocol.recipe import Recipe


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


# Called with the tool and its kit; returns what is called for each frame. Raises CannotBuild.
Prepare = Callable[[Any, Kit], Run]
# Called with the tool and the rows and columns it looks at; returns the milliseconds it can take at most, by its parameters.
Cost = Callable[[Any, int, int], float]
