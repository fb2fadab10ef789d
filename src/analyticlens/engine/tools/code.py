"""code: 1-D and 2-D codes, read and compared with what is expected."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from analyticlens.engine.build import built
from analyticlens.engine.codes import Code, Reader, Search, budget
from analyticlens.engine.errors import CannotBuild, ToolFailed
from analyticlens.engine.kit import Kit
from analyticlens.engine.reading import Judge, eight_bits
from analyticlens.engine.scene import Found, Run, Scene
from analyticlens.protocol.overlay import OverlayShape
from analyticlens.protocol.regions import Polygon
from analyticlens.protocol.tools.reading import CodeTool

MAX_LISTED = 50
# What zxing-cpp takes on a side.
LONGEST = 65535
# What the tool does beside reading, whatever the picture.
OVERHEAD_MS = 2.0


def cost(tool: CodeTool, height: int, width: int) -> float:
    """Return the milliseconds that reading a region of so many rows and columns can take at most.

    Raises CannotBuild where the first look alone could take longer than the tool's own time.
    """
    shared = budget(tool.params, height, width)
    first, allowed = shared.first + shared.tensor, tool.params.budget_ms
    if first > allowed:
        raise CannotBuild(
            f"the first look at a region of {width} × {height} can take {first:.0f} ms, and the tool's time (budget_ms) is "
            f"{allowed:.0f} ms: make the region smaller, name fewer formats, or give it more time"
        )
    return OVERHEAD_MS + shared.total


def prepare(tool: CodeTool, kit: Kit) -> Run:
    """Return the function that reads codes. Raises CannotBuild where zxing-cpp is missing or the pattern cannot be read."""
    judge = Judge(tool.params)
    reader = Reader(tool.params)

    def run(scene: Scene) -> Found:
        if max(scene.window.shape) > LONGEST:
            raise ToolFailed(f"a region of more than {LONGEST} px is not read")
        search = Search(reader, tool.params, eight_bits(scene), scene.window.mask, scene.buffers)
        found: list[Code] = []
        attempts = 0
        for read in search.attempts():
            attempts += 1
            found = _with(found, (code for code in read if judge.takes(code.text) and _inside(code, scene)))
            if len(found) >= tool.params.expected_count:
                break
        return _told(found, attempts, judge, scene)

    return run


def _with(found: list[Code], more: Iterable[Code]) -> list[Code]:
    """Return what was found with what is new."""
    result = list(found)
    for code in more:
        if not any(code.same_as(known) for known in result):
            result.append(code)
    return result


def _inside(code: Code, scene: Scene) -> bool:
    """Tell whether a code's centre lies in the region."""
    mask = scene.window.mask
    if mask is None:
        return True
    x, y = (round(value) for value in code.centre)
    return 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and bool(mask[y, x])


def _told(found: list[Code], attempts: int, judge: Judge, scene: Scene) -> Found:
    x0, y0 = scene.window.x0, scene.window.y0
    codes = [code._replace(corners=tuple((x0 + x, y0 + y) for x, y in code.corners)) for code in found]
    listed = [_listed(code) for code in codes[:MAX_LISTED]]
    details: dict[str, Any] = {"image_modified": False, "codes": listed}
    if not codes:
        numbers = {"count": 0.0, "attempts": float(attempts)}
        return Found(numbers, details=details, status="not_found", reason="not_found", message="no code could be read")
    chosen = next((code for code in codes if judge.matches(code.text)), codes[0])
    x, y = chosen.centre
    features = {"count": float(len(codes))}
    if judge.asks:
        features["matches"] = float(judge.matches(chosen.text))
        features["matching_count"] = float(sum(judge.matches(code.text) for code in codes))
    features |= {"length": float(len(chosen.text)), "x": x, "y": y, "angle_deg": chosen.angle_deg}
    features["attempts"] = float(attempts)
    shapes: list[OverlayShape] = [built(Polygon, shape="polygon", points=code.corners) for code in codes[:MAX_LISTED]]
    return Found(features, shapes, details, texts={"text": chosen.text, "format": chosen.format})


def _listed(code: Code) -> dict[str, Any]:
    return {"text": code.text, "format": code.format, "corners": [list(corner) for corner in code.corners]}
