"""What people call the kinds of tools, and how they look for them."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

Text = str | Promise

TOOL_TYPES: dict[str, Text] = {
    "grayscale": pgettext_lazy("tool", "Grey"),
    "blur": pgettext_lazy("tool", "Smooth"),
    "threshold": pgettext_lazy("tool", "Threshold"),
    "morphology": pgettext_lazy("tool", "Morphology"),
    "blob": pgettext_lazy("tool", "Blobs"),
    "locate": pgettext_lazy("tool", "Locate"),
    "math": pgettext_lazy("tool", "Calculation"),
    "intensity": pgettext_lazy("tool", "Brightness"),
    "normalize": pgettext_lazy("tool", "Normalize"),
    "background": pgettext_lazy("tool", "Background"),
    "flat_field": pgettext_lazy("tool", "Flat field"),
    "histogram": pgettext_lazy("tool", "Histogram"),
    "focus": pgettext_lazy("tool", "Focus"),
    "edge": pgettext_lazy("tool", "Edges"),
    "colour": pgettext_lazy("tool", "Colour"),
    "caliper": pgettext_lazy("tool", "Caliper"),
    "line": pgettext_lazy("tool", "Line"),
    "circle": pgettext_lazy("tool", "Circle"),
    "measure": pgettext_lazy("tool", "Measure"),
    "calibration": pgettext_lazy("tool", "Calibration"),
    "datum": pgettext_lazy("tool", "Datum"),
    "match": pgettext_lazy("tool", "Match"),
    "golden": pgettext_lazy("tool", "Golden picture"),
    "code": pgettext_lazy("tool", "Code"),
    "ocr": pgettext_lazy("tool", "Text (OCR)"),
    "onnx": pgettext_lazy("tool", "Neural network"),
    "logic": pgettext_lazy("tool", "Logic"),
    "plugin": pgettext_lazy("tool", "Plug-in"),
}

# The kinds of tools as one looks for them.
TOOL_FAMILIES: tuple[tuple[Text, tuple[str, ...]], ...] = (
    (
        pgettext_lazy("tools", "Prepare the picture"),
        ("grayscale", "blur", "threshold", "morphology", "normalize", "background", "flat_field"),
    ),
    (
        pgettext_lazy("tools", "Find and count"),
        ("blob", "match", "locate", "caliper", "line", "circle", "edge"),
    ),
    (
        pgettext_lazy("tools", "Measure"),
        ("measure", "datum", "calibration", "intensity", "histogram", "focus", "colour"),
    ),
    (pgettext_lazy("tools", "Compare and read"), ("golden", "code", "ocr", "onnx")),
    (pgettext_lazy("tools", "Combine and extend"), ("math", "logic", "plugin")),
)


def tool_type(word: str) -> str:
    """Return what people call a kind of tool."""
    return str(TOOL_TYPES.get(word, word))
