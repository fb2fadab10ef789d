"""What a picture was found to be, as words for people, JSON for programs, and rows for a spreadsheet."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from analyticlens.machine.inspect_cli.judging import Judged
from analyticlens.machine.recipe_files import Unusable
from analyticlens.protocol.limits import Limit
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.strict import plain

# What makes a spreadsheet take a cell for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_json(judged: Judged) -> str:
    """Return everything on one line."""
    return json.dumps(
        {
            "picture": str(judged.picture),
            "verdict": judged.verdict,
            "reason": judged.reason,
            "message": judged.message,
            "ms": round(judged.ms, 3),
            "tools": [plain(tool) for tool in judged.tools],
            "overlay": [plain(shape) for shape in judged.overlay],
        },
        ensure_ascii=False,
    )


def as_line(judged: Judged) -> str:
    """Return verdict, time, file and reason on one line."""
    return f"{judged.verdict:<9} {judged.ms:>8.2f} ms  {_visible(str(judged.picture))}  {_visible(judged.message)}".rstrip()


def as_text(judged: Judged) -> str:
    """Return verdict, and each tool with its measures and their limits."""
    head = judged.verdict if judged.reason is None else f"{judged.verdict} ({judged.reason})"
    lines = [f"{head}  {judged.ms:.2f} ms  {_visible(str(judged.picture))}"]
    if not judged.tools:
        lines.append(f"  {_visible(judged.message)}")
    for tool in judged.tools:
        said = f"{tool.verdict or '-'}{f' {tool.reason}' if tool.reason else ''} {_visible(tool.message)}".rstrip()
        lines.append(f"  {tool.id} {_visible(tool.name)} [{tool.type}] {said}")
        lines += [f"      {name} = {value:g}{_range(tool.limits, name)}" for name, value in tool.features.items()]
        lines += [f"      {name} = {_visible(text)}" for name, text in tool.texts.items()]
    return "\n".join(lines)


def _visible(text: str) -> str:
    """Return a text with every control character as an escape: file names are whatever somebody chose."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)


def _range(limits: Sequence[Limit], name: str) -> str:
    for limit in limits:
        if limit.feature == name:
            low, high = ("" if end is None else f"{end:g}" for end in (limit.min, limit.max))
            return f"   [{low} .. {high}]"
    return ""


class Table:
    """A CSV file with a row a picture and a column a feature, `tool.feature`; written when all are known."""

    def __init__(self, path: Path, recipe: Recipe) -> None:
        self._path = path
        self._columns: dict[int, dict[str, None]] = {tool.id: {"verdict": None} for tool in recipe.tools}
        self._names = {tool.id: tool.name for tool in recipe.tools}
        self._rows: list[tuple[list[str], dict[tuple[int, str], str]]] = []

    def __enter__(self) -> Self:
        """Make the file at once: whoever cannot have it need not wait for the last picture."""
        self._write([])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what was judged, though the run was broken off."""
        keys = [(number, column) for number, columns in self._columns.items() for column in columns]
        head = ["picture", "verdict", "reason", "message", "ms"]
        head += [safe(f"{self._names[number]}.{column}") for number, column in keys]
        self._write([head, *([*first, *(cells.get(key, "") for key in keys)] for first, cells in self._rows)])

    def add(self, judged: Judged) -> None:
        """Add a picture's row."""
        texts = (str(judged.picture), judged.verdict, judged.reason or "", judged.message)
        cells: dict[tuple[int, str], str] = {}
        for tool in judged.tools:
            values: dict[str, Any] = {"verdict": tool.verdict or "", **tool.features, **tool.texts}
            self._columns[tool.id].update(dict.fromkeys(values))
            cells.update({(tool.id, name): _cell(value) for name, value in values.items()})
        self._rows.append(([*map(safe, texts), f"{judged.ms:.3f}"], cells))

    def _write(self, rows: list[list[str]]) -> None:
        try:
            with self._path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(rows)
        except OSError as error:
            raise Unusable(f"{self._path}: {error.strerror or error}") from None


def _cell(value: Any) -> str:
    return safe(value) if isinstance(value, str) else repr(float(value))


def safe(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    >>> safe("=1+1"), safe("disc 4")
    ("'=1+1", 'disc 4')
    """
    # A cell is one character and a NUL ends it in some readers.
    text = text.replace("\0", "").encode("utf-8", "replace").decode()
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
