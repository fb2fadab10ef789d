"""The Portuguese catalogue: which texts the orchestrator has, the .po file people edit, and the .mo file Django reads.

Written in Python, so that neither a build step nor the gettext tools are needed to keep it current.
"""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
PO = ROOT / "dashboard" / "locale" / "pt_BR" / "LC_MESSAGES" / "django.po"
MO = PO.with_suffix(".mo")
HEADER = (
    "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\nLanguage: pt_BR\n"
    "MIME-Version: 1.0\nPlural-Forms: nplurals=2; plural=(n > 1);\n"
)

# Name of the function -> places of context, singular and plural among its arguments.
_CALLS: dict[str, tuple[int | None, int, int | None]] = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
}
_LITERAL = r"""\s*(u?'(?:\\.|[^'\\])*'|u?"(?:\\.|[^"\\])*")\s*"""
_IN_TEMPLATE = re.compile(rf"\b(_|p?gettext|np?gettext)\({_LITERAL}(?:,{_LITERAL})?(?:,{_LITERAL})?")


@dataclass(frozen=True, order=True)
class Text:
    """One text to translate."""

    context: str
    singular: str
    plural: str = ""


Translations = dict[Text, tuple[str, ...]]


# What there is to translate


def _text(name: str, arguments: list[str | None]) -> Text | None:
    context_at, singular_at, plural_at = _CALLS[name]
    places = [place for place in (context_at, singular_at, plural_at) if place is not None]
    if len(arguments) <= max(places) or any(arguments[place] is None for place in places):
        return None
    context = arguments[context_at] if context_at is not None else ""
    plural = arguments[plural_at] if plural_at is not None else ""
    return Text(context or "", arguments[singular_at] or "", plural or "")


def in_python(source: str) -> Iterator[Text]:
    """Yield the texts of a Python file."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
        if name not in _CALLS:
            continue
        literals = [_literal(argument) for argument in node.args]
        found = _text(name, literals)
        if found is not None and found.singular:
            yield found


def _literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def in_template(source: str) -> Iterator[Text]:
    """Yield the texts of a template."""
    for match in _IN_TEMPLATE.finditer(templatize(source)):
        literals: list[str | None] = [
            ast.literal_eval(literal) for literal in match.groups()[1:] if literal is not None
        ]
        found = _text(match[1], literals)
        if found is not None and found.singular:
            yield found


def texts() -> set[Text]:
    """Return every text of the orchestrator's own Python files and templates."""
    found: set[Text] = set()
    for path in ROOT.rglob("*.py"):
        if "migrations" not in path.parts:
            found.update(in_python(path.read_text()))
    for path in ROOT.rglob("templates/**/*.html"):
        found.update(in_template(path.read_text()))
    return found


# The .po file


def read_po(source: str) -> Translations:
    """Read a .po file as this module writes it."""
    found: Translations = {}
    for block in source.split("\n\n"):
        parts: dict[str, str] = {}
        key = ""
        for line in block.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if not line.startswith('"'):
                key, _, line = line.partition(" ")
            parts[key] = parts.get(key, "") + ast.literal_eval(line)
        if parts.get("msgid"):
            text = Text(parts.get("msgctxt", ""), parts["msgid"], parts.get("msgid_plural", ""))
            found[text] = tuple(parts[name] for name in ("msgstr", "msgstr[0]", "msgstr[1]") if name in parts)
    return found


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\n", "\\n")
    return f'"{escaped}"'


def write_po(translations: Translations) -> str:
    """Return the .po file's text, sorted, so that a change is a small difference."""
    lines = ["# AnalyticLens em português do Brasil.", 'msgid ""', 'msgstr ""']
    lines += [_quoted(line + "\n") for line in HEADER.splitlines()]
    for text, said in sorted(translations.items()):
        lines.append("")
        if text.context:
            lines.append(f"msgctxt {_quoted(text.context)}")
        lines.append(f"msgid {_quoted(text.singular)}")
        if text.plural:
            lines.append(f"msgid_plural {_quoted(text.plural)}")
            lines += [f"msgstr[{place}] {_quoted(form)}" for place, form in enumerate(said or ("", ""))]
        else:
            lines.append(f"msgstr {_quoted(said[0] if said else '')}")
    return "\n".join(lines) + "\n"


def updated(translations: Translations, wanted: Iterable[Text]) -> Translations:
    """Return translations for just the wanted texts; new ones are empty."""
    return {text: translations.get(text, ()) for text in wanted}


# The .mo file


def _key(text: Text) -> bytes:
    context = f"{text.context}\x04" if text.context else ""
    plural = f"\x00{text.plural}" if text.plural else ""
    return f"{context}{text.singular}{plural}".encode()


def compile_mo(translations: Translations) -> bytes:
    """Return the .mo file: a table of sorted keys, a table of their translations, then the texts themselves."""
    entries = {b"": HEADER.encode()}
    entries.update({_key(text): "\x00".join(said).encode() for text, said in translations.items() if any(said)})
    keys = sorted(entries)
    start = 7 * 4
    texts_at = start + 16 * len(keys)
    key_table, said_table, texts_block = b"", b"", b""
    for source in (keys, [entries[key] for key in keys]):
        table = b""
        for text in source:
            table += struct.pack("<II", len(text), texts_at + len(texts_block))
            texts_block += text + b"\x00"
        key_table, said_table = (table, said_table) if source is keys else (key_table, table)
    head = struct.pack("<7I", 0x950412DE, 0, len(keys), start, start + 8 * len(keys), 0, start + 16 * len(keys))
    return head + key_table + said_table + texts_block
