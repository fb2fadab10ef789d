"""The old wire's objects, translated both ways: the one module to import. The words themselves are in `words`.

Pure functions over plain JSON data. What an old client sends is checked by the same models as everything else; what the old words
cannot say travels in keys of our own beside them.
"""

from __future__ import annotations

from analyticlens.protocol.oldwire_config import (
    configuration_from_wire,
    logging_from_wire,
    logging_to_wire,
    source_from_wire,
    source_to_wire,
    trigger_from_wire,
    trigger_to_wire,
)
from analyticlens.protocol.oldwire_regions import area_from_wire, area_to_wire, region_used_to_wire
from analyticlens.protocol.oldwire_results import pass_fail, result_to_wire, summary_to_wire
from analyticlens.protocol.oldwire_tools import recipe_from_wire, recipe_to_wire, tool_from_wire, tool_to_wire

__all__ = [
    "area_from_wire",
    "area_to_wire",
    "configuration_from_wire",
    "logging_from_wire",
    "logging_to_wire",
    "pass_fail",
    "recipe_from_wire",
    "recipe_to_wire",
    "region_used_to_wire",
    "result_to_wire",
    "source_from_wire",
    "source_to_wire",
    "summary_to_wire",
    "tool_from_wire",
    "tool_to_wire",
    "trigger_from_wire",
    "trigger_to_wire",
]
