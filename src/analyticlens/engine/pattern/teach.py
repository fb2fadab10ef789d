"""Teaching: good pictures become a tool of a recipe and the pictures it names."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyticlens.engine.buffers import Buffers
from analyticlens.engine.kit import Kit
from analyticlens.engine.masks import AreaRegion
from analyticlens.engine.pattern.matcher import Matcher
from analyticlens.engine.picture import Picture
from analyticlens.engine.regions import Window, whole, window
from analyticlens.engine.stored import as_png
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.tools import MatchTool


def teach_match(
    picture: NDArray[Any],
    region: AreaRegion | None = None,
    mask: NDArray[np.uint8] | None = None,
    *,
    id: int = 1,
    name: str = "match",
    search: AreaRegion | None = None,
    **params: Any,
) -> tuple[MatchTool, dict[str, bytes]]:
    """Return a match tool whose template is the region's part of a picture, and the bytes of what it names by their SHA-256.

    `picture` is (H, W) grey or (H, W, 3) blue, green, red, uint8 or uint16. `region` None is all of it; of a shape that is no upright
    rectangle, the bounding rectangle is taken and what lies outside the shape is masked. `mask` (h, w of that rectangle) is 0 where the
    template does not count. `search` is the tool's own region (None: the whole picture), `params` its other parameters. The reference is
    the template's centre as taught, or the place of the `origin` among the parameters. Raises ValueError for a region outside the picture,
    CannotBuild for a template without structure.
    """
    view, part = _part(picture, region)
    template, blobs = as_png(view)
    named = {template: blobs}
    held = part.mask if mask is None else mask if part.mask is None else np.minimum(part.mask, mask)
    said: dict[str, Any] = {"template": template, **params}
    if held is not None:
        if held.shape != view.shape:
            raise ValueError(f"a mask of shape {held.shape} does not fit a template of shape {view.shape}")
        said["mask"], content = as_png(np.where(held > 0, 255, 0).astype(np.uint8))
        named[said["mask"]] = content
    origin = said.get("origin") or {"x": (view.shape[1] - 1) / 2, "y": (view.shape[0] - 1) / 2}
    said.setdefault("reference", {"x": part.x0 + origin["x"], "y": part.y0 + origin["y"], "angle_deg": 0})
    tool = MatchTool.model_validate({"id": id, "name": name, "region": search, "params": said})
    _try(tool, named)
    return tool, named


def _part(picture: NDArray[Any], region: AreaRegion | None) -> tuple[NDArray[Any], Window]:
    """Return a region's part of a picture's luminance (h, w), contiguous, and its window with a mask of its own."""
    grey = Picture(np.ascontiguousarray(picture), Buffers()).grey()
    if region is None:
        return grey.copy(), whole(*grey.shape)
    part = window(region, grey.shape[0], grey.shape[1], Buffers(), "taught")
    if part is None or part.area == 0:
        raise ValueError("the region does not lie inside the picture")
    return part.of(grey).copy(), part


def _try(tool: MatchTool, named: dict[str, bytes]) -> None:
    """Raise CannotBuild where the tool could not be prepared."""
    Matcher(tool, Kit(Recipe(tools=(tool,)), named))
