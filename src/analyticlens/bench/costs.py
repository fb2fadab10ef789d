"""What each kind of tool costs by itself, on clean, noisy and white-noise pictures of three sizes.

Each is taught on the clean picture and then sees all three: a tool that is fast only where there is little to see is not fast. White
noise is the worst a camera without light or with a torn cable can send.
"""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import thread_time_ns
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.bench.scenes import CORNER, drawn
from analyticlens.engine import Prepared, RecipeRefused, inspect
from analyticlens.engine.scene import Found, Scene
from analyticlens.engine.teach import Teacher, arrow, rect, ring
from analyticlens.engine.tools.background import teach_background
from analyticlens.engine.tools.flat_field import teach_flat_field
from analyticlens.protocol.tools import OnnxParams, OnnxTool

SIZES = {"752x480": (752, 480), "1920x1080": (1920, 1080), "4000x3000": (4000, 3000)}
PICTURES = ("clean", "noisy", "white noise")
NOISE = {"clean": 0.5, "noisy": 8.0}
# Runs a figure: the middle one counts. Slow ones are run less often.
RUNS = 9
ENOUGH_MS = 400.0

REFUSED, MISSING = "refused", "missing"

Frame = NDArray[Any]
Taught = Callable[[Teacher, int, int], Any]


def _disc(w: int, h: int) -> tuple[float, float, float]:
    """Return centre and radius of the first disc, as `scenes.drawn` draws it."""
    return int(0.25 * w), int(0.32 * h), h // 16


def _circle(teacher: Teacher, w: int, h: int) -> None:
    x, y, r = _disc(w, h)
    teacher.add("circle", region=ring(x, y, 0.7 * r, 1.3 * r))


def _match(teacher: Teacher, w: int, h: int) -> None:
    left, top = CORNER[0] * w, CORNER[1] * h
    teacher.match(region=rect(int(left) - 30, int(top) - 24, 73, 57), angle_min=-15, angle_max=15)


def _along(kind: str) -> Taught:
    def teach(teacher: Teacher, w: int, h: int) -> None:
        left = CORNER[0] * w
        teacher.add(kind, region=arrow((left - 40, h / 2), (left + 40, h / 2), 20))

    return teach


def _line(teacher: Teacher, w: int, h: int) -> None:
    left = CORNER[0] * w
    teacher.add("line", region=arrow((left - 20, h / 2), (left + 20, h / 2), 0.5 * h))


def _between(teacher: Teacher, w: int, h: int) -> None:
    _along("caliper")(teacher, w, h)
    teacher.add("caliper", region=arrow((0.95 * w - 40, h / 2), (0.95 * w + 30, h / 2), 20))


def _measure(teacher: Teacher, w: int, h: int) -> None:
    _between(teacher, w, h)
    teacher.add("measure", kind="point_point", first=1, second=2)


def _datum(teacher: Teacher, w: int, h: int) -> None:
    _between(teacher, w, h)
    teacher.add("datum", kind="two_points", first=1, second=2)


def _flat_field(teacher: Teacher, w: int, h: int) -> None:
    teacher.use(*teach_flat_field(np.full((h, w), 200, np.uint8)))


def _background(teacher: Teacher, w: int, h: int) -> None:
    teacher.use(*teach_background(np.full((h, w), 60, np.uint8)))


def _golden(teacher: Teacher, w: int, h: int) -> None:
    teacher.golden(region=rect(int(0.2 * w), int(0.2 * h), int(0.3 * w), int(0.3 * h)))


def _code(teacher: Teacher, w: int, h: int) -> None:
    teacher.add("code", region=rect(int(0.3 * w), int(0.4 * h), 200, 150))


def _ocr(teacher: Teacher, w: int, h: int) -> None:
    teacher.add("ocr", region=rect(int(0.3 * w), int(0.4 * h), 200, 40), scale=1)


def _onnx(teacher: Teacher, w: int, h: int) -> None:
    model = small_network()
    sha256 = hashlib.sha256(model).hexdigest()
    params = OnnxParams(model=sha256, width=128, height=128, channels="grey")
    teacher.use(OnnxTool(id=1, name="network", params=params), {sha256: model})


def small_network() -> bytes:
    """Return a model in ONNX form that does the work of a small network: 8, 16 and 32 filters of 3x3, then two classes."""
    import onnx
    from onnx import helper, numpy_helper

    rng = np.random.default_rng(1)
    nodes, weights, last, wide = [], [], "x", 1
    for layer, filters in enumerate((8, 16, 32)):
        kernel = rng.normal(0, 0.1, (filters, wide, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"w{layer}"))
        nodes.append(helper.make_node("Conv", [last, f"w{layer}"], [f"c{layer}"], strides=[2, 2], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"c{layer}"], [f"r{layer}"]))
        last, wide = f"r{layer}", filters
    weights.append(numpy_helper.from_array(rng.normal(0, 1, (32, 2)).astype(np.float32), "w"))
    nodes += [
        helper.make_node("GlobalAveragePool", [last], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["y"]),
    ]
    given = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 1, 128, 128])
    told = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 2])
    graph = helper.make_graph(nodes, "network", [given], [told], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return bytes(model.SerializeToString())


def _plain(kind: str, **params: Any) -> Taught:
    return lambda teacher, w, h: teacher.add(kind, **params)


def _after_blob(kind: str, **params: Any) -> Taught:
    def teach(teacher: Teacher, w: int, h: int) -> None:
        teacher.add("blob", th_min=110, area_min=50, limits={"blob_count": (0, None)})
        teacher.add(kind, **params)

    return teach


# A plug-in is code of others and not timed.
# By what it is called in the table: the kind, whether it wants colour, and how it is taught.
TRIED: dict[str, tuple[str, bool, Taught]] = {
    "grayscale": ("grayscale", True, _plain("grayscale")),
    "blur 5": ("blur", False, _plain("blur", ksize=5)),
    "blur median 5": ("blur", False, _plain("blur", method="median", ksize=5)),
    "threshold": ("threshold", False, _plain("threshold", th_min=110)),
    "threshold otsu": ("threshold", False, _plain("threshold", mode="otsu")),
    "morphology open 3": ("morphology", False, _plain("morphology", open=1)),
    "normalize": ("normalize", False, _plain("normalize")),
    "background taught": ("background", False, _background),
    "flat_field": ("flat_field", False, _flat_field),
    "blob": ("blob", False, _plain("blob", th_min=110, area_min=50)),
    "blob, grey weights": ("blob", False, _plain("blob", th_min=110, area_min=50, subpixel=True)),
    "blob, split": ("blob", False, _plain("blob", th_min=110, area_min=50, split=True)),
    "locate": ("locate", False, _along("locate")),
    "caliper": ("caliper", False, _along("caliper")),
    "line": ("line", False, _line),
    "circle": ("circle", False, _circle),
    "match +-15 deg": ("match", False, _match),
    "golden, 9 % of it": ("golden", False, _golden),
    "intensity": ("intensity", False, _plain("intensity")),
    "histogram": ("histogram", False, _plain("histogram")),
    "focus": ("focus", False, _plain("focus")),
    "edge": ("edge", False, _plain("edge")),
    "colour, every 4th": ("colour", True, _plain("colour", step=4)),
    "code in 200x150": ("code", False, _code),
    "ocr in 200x40": ("ocr", False, _ocr),
    "onnx, 128x128": ("onnx", False, _onnx),
    "datum": ("datum", False, _datum),
    "measure": ("measure", False, _measure),
    "calibration": ("calibration", False, _plain("calibration", mm_per_px=0.1)),
    "math": ("math", False, _after_blob("math")),
    "logic": ("logic", False, _after_blob("logic", tools=(1,))),
}


@dataclass(frozen=True)
class Cost:
    """One row: CPU milliseconds of a tool by size and picture, or a word.

    The word is REFUSED where it says that it would take longer than a tool may, or MISSING where what it needs is not installed.
    """

    tool: str
    ms: dict[tuple[str, str], float | str] = field(default_factory=dict)

    def cells(self) -> list[str]:
        """Return the figures as words, in the order of the sizes and pictures measured."""
        return [ms if isinstance(ms, str) else f"{ms:.2f}" if ms < 100 else f"{ms:.0f}" for ms in self.ms.values()]

    def __str__(self) -> str:
        return f"{self.tool:<20}" + "".join(f"{cell:>12}" for cell in self.cells())


def head(sizes: Sequence[str]) -> str:
    """Return the two lines above the table."""
    over = f"{'':<20}" + "".join(f"{size:>12}{'':>24}" for size in sizes)
    return f"{over}\n{'tool, ms':<20}" + "".join(f"{picture:>12}" for _ in sizes for picture in PICTURES)


def measure(tools: Sequence[str], sizes: Sequence[str], seed: int) -> Iterator[Cost]:
    """Yield the cost of each of these tools. OpenCV's threads are set to one for good."""
    cv2.setNumThreads(1)
    seen = {size: _pictures(SIZES[size], seed) for size in sizes}
    for tool in tools:
        _, colour, teach = TRIED[tool]
        cost = Cost(tool)
        for size in sizes:
            pictures = seen[size]
            try:
                teacher = _taught(teach, _shown(pictures["clean"], colour), SIZES[size])
                for name in PICTURES:
                    cost.ms[size, name] = _ms(teacher, _shown(pictures[name], colour))
            except (ImportError, RecipeRefused):
                # An extra that is not here; the tests see that all of them work where they are.
                cost.ms.update(dict.fromkeys(((size, name) for name in PICTURES), MISSING))
        yield cost


def _pictures(size: tuple[int, int], seed: int) -> dict[str, Frame]:
    """Return the pictures (H, W) by name."""
    rng = np.random.default_rng(seed)
    scene = drawn(size, (0, 0))
    pictures = {
        name: np.clip(np.rint(scene + rng.normal(0, noise, scene.shape)), 0, 255).astype(np.uint8)
        for name, noise in NOISE.items()
    }
    return pictures | {"white noise": rng.integers(0, 256, scene.shape).astype(np.uint8)}


def _shown(picture: Frame, colour: bool) -> Frame:
    return cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) if colour else picture


def _taught(teach: Taught, picture: Frame, size: tuple[int, int]) -> Teacher:
    teacher = Teacher(picture)
    teach(teacher, *size)
    return teacher


def _ms(teacher: Teacher, picture: Frame) -> float | str:
    """Return the CPU milliseconds of the last tool alone: the middle of some runs, the first of which does not count."""
    prepared = teacher.prepare()
    spent: list[float] = []
    last = prepared.steps[-1]

    def timed(scene: Scene) -> Found:
        start = thread_time_ns()
        found = last.run(scene)
        spent.append((thread_time_ns() - start) / 1e6)
        return found

    prepared = Prepared(prepared.recipe, (*prepared.steps[:-1], replace(last, run=timed)), prepared.tool_ms)
    if inspect(picture, prepared).tools[-1].reason == "too_costly":
        return REFUSED
    while len(spent) <= RUNS and math.fsum(spent[1:]) < ENOUGH_MS:
        inspect(picture, prepared)
    return statistics.median(spent[1:])
