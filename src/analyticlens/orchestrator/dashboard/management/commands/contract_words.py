"""Write `dashboard/contract_words.py`: every text of the contract that a page shows, so that makemessages finds it.

analyticlens manage contract_words
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from analyticlens.protocol import external, limits, oldwire_regions, recipe, regions, schedule, seedrows, tools
from analyticlens.protocol.reasons import REASONS
from analyticlens.protocol.tools import COVERAGE, TOOL_CLASSES, BlobTool
from dashboard.configuration_words import LABELS, configuration_specs
from dashboard.schema import Spec, params_of, specs
from dashboard.tool_form import OF_AREAS, SHAPES

TARGET = Path(__file__).resolve().parents[2] / "contract_words.py"
HEAD = '''"""Every text of the contract that a page shows. Written by `analyticlens manage contract_words`; do not edit."""

from __future__ import annotations

from django.utils.translation import gettext_noop, pgettext_lazy

# Texts stand whole, as the contract has them.
# fmt: off
# ruff: noqa: E501'''


def _specs() -> Iterator[Spec]:
    """Yield everything a form asks for: parameters with their tables' columns, regions, and what every area can have."""
    for model in (*(params_of(tool) for tool in TOOL_CLASSES.values()), *SHAPES.values()):
        for spec in specs(model):
            yield from (spec, *spec.columns)
    yield from (spec for spec in specs(BlobTool) if spec.name in OF_AREAS)
    yield from configuration_specs().values()


def schema_texts() -> Iterator[str]:
    """Yield titles, descriptions and units of parameters, regions and features, and reasons."""
    for spec in _specs():
        yield from (spec.title, spec.group, spec.help, spec.unit)
    for feature in (COVERAGE, *(feature for tool in TOOL_CLASSES.values() for feature in tool.features)):
        yield from (feature.title, feature.unit)
    yield from REASONS.values()


def refusals() -> Iterator[str]:
    """Yield the sentences the contract refuses with, with places for the values in them."""
    families = [f"{tools.__name__}.{module.name}" for module in pkgutil.iter_modules(tools.__path__)]
    yield from seedrows.NO_SENSE.values()
    rooms = (external, limits, oldwire_regions, recipe, regions, schedule, seedrows)
    for module in (*rooms, *map(importlib.import_module, families)):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ValueError":
                yield from (_sentence(text) for argument in node.args for text in _either(argument))


def _either(node: ast.expr) -> tuple[ast.expr, ...]:
    return (node.body, node.orelse) if isinstance(node, ast.IfExp) else (node,)


def _sentence(node: ast.expr) -> str:
    """Return a literal, or an f-string with its values by the last word of what they are: `self.feature` is {feature}.

    One that has no words of its own is none.
    """
    if isinstance(node, ast.JoinedStr):
        own = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        if not any(map(str.isalpha, own)):
            return ""
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"{{{_place(part, number)}}}"
            for number, part in enumerate(node.values)
        )
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _place(part: ast.expr, number: int) -> str:
    value = part.value if isinstance(part, ast.FormattedValue) else part
    return getattr(value, "attr", None) or getattr(value, "id", None) or f"value{number}"


def choice_texts() -> Iterator[str]:
    """Yield the words a parameter can be, as `dashboard.fields.choice_label` asks for them."""
    # Some have labels of their own.
    labelled = {".".join(path) for path in LABELS}
    for spec in _specs():
        for choice in () if spec.name in labelled else spec.choices:
            if isinstance(choice, str):
                yield choice.replace("_", " ")


def source() -> str:
    """Return the module's text."""
    lines = [("schema", text) for text in schema_texts()]
    lines += [("choice", text) for text in choice_texts()]
    lines += [("shape", shape) for shape in SHAPES]
    words = [
        f'    pgettext_lazy("{context}", {_literal(text)}),'
        for context, text in sorted({(context, text) for context, text in lines if text})
    ]
    refused = [f"    gettext_noop({_literal(text)})," for text in sorted(set(refusals()) - {""})]
    return "\n".join((HEAD, "WORDS = [", *words, "]", "REFUSALS = (", *refused, ")", ""))


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


class Command(BaseCommand):
    """analyticlens manage contract_words"""

    help = "Collect the contract's texts for translation."

    def handle(self, *args: Any, **options: Any) -> None:
        text = source()
        TARGET.write_text(text)
        self.stdout.write(f"{TARGET.name}: {text.count('gettext_')} texts")
