"""The tools: each kind's word and what prepares it. Adding a tool adds its module and its line here."""

from __future__ import annotations

from typing import NamedTuple

from analyticlens.engine.kit import Cost, Prepare
from analyticlens.engine.tools import (
    background,
    blob,
    blur,
    calibration,
    caliper,
    circle,
    code,
    colour,
    datum,
    edge,
    flat_field,
    focus,
    golden,
    grayscale,
    histogram,
    intensity,
    line,
    locate,
    logic,
    match,
    math,
    measure,
    morphology,
    normalize,
    ocr,
    onnx,
    plugin,
    threshold,
)


class Kind(NamedTuple):
    """How a kind of tool is built, and what it can cost at most (None: it is quick whatever its parameters).

    `by_channel`: the cost is that of one channel, and a colour picture has three.
    """

    prepare: Prepare
    cost: Cost | None = None
    by_channel: bool = False


TOOLS: dict[str, Kind] = {
    "grayscale": Kind(grayscale.prepare, grayscale.cost),
    "blur": Kind(blur.prepare, blur.cost, by_channel=True),
    "threshold": Kind(threshold.prepare, threshold.cost),
    "morphology": Kind(morphology.prepare, morphology.cost, by_channel=True),
    "blob": Kind(blob.prepare, blob.cost),
    "locate": Kind(locate.prepare, locate.cost),
    "caliper": Kind(caliper.prepare, caliper.cost),
    "line": Kind(line.prepare, line.cost),
    "match": Kind(match.prepare),
    "golden": Kind(golden.prepare, golden.cost),
    "math": Kind(math.prepare),
    "intensity": Kind(intensity.prepare, intensity.cost),
    "code": Kind(code.prepare, code.cost),
    "circle": Kind(circle.prepare, circle.cost),
    "normalize": Kind(normalize.prepare, normalize.cost),
    "background": Kind(background.prepare, background.cost, by_channel=True),
    "flat_field": Kind(flat_field.prepare, flat_field.cost, by_channel=True),
    "histogram": Kind(histogram.prepare, histogram.cost),
    "focus": Kind(focus.prepare, focus.cost),
    "edge": Kind(edge.prepare, edge.cost),
    "colour": Kind(colour.prepare, colour.cost),
    "calibration": Kind(calibration.prepare),
    "datum": Kind(datum.prepare),
    "measure": Kind(measure.prepare),
    "logic": Kind(logic.prepare),
    "plugin": Kind(plugin.prepare),
    "onnx": Kind(onnx.prepare, onnx.cost),
    "ocr": Kind(ocr.prepare, ocr.cost),
}
