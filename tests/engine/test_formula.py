"""Formulas: what they compute, and what they refuse."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from analyticlens.engine.errors import CannotBuild, ToolFailed
from analyticlens.engine.formula import MAX_CHARACTERS, compile_formula
from tests.timing import within

NUMBERS = ["blob_count", "total_area", "roi_area"]
VALUES: dict[str, Any] = {"blob_count": 3.0, "total_area": 60.0, "roi_area": 240.0, "blob_areas": [10.0, 20.0, 30.0]}


def value(text: str, **values: Any) -> float:
    return compile_formula(text, NUMBERS, ["blob_areas"])(VALUES | values)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("total_area / roi_area", 0.25),
        ("blob_count + 2 * 3", 9),
        ("(blob_count + 2) * 3", 15),
        ("-blob_count % 2", 1),
        ("blob_count ** 2", 9),
        ("blob_count == 3 and total_area > 50", 1),
        ("blob_count == 3 and total_area > 60", 0),
        ("not blob_count", 0),
        ("2 < blob_count <= 3", 1),
        ("total_area if blob_count > 2 else 0", 60),
        ("max(blob_areas) - min(blob_areas)", 20),
        ("sum(blob_areas) / len(blob_areas)", 20),
        ("max(blob_count, 7)", 7),
        ("sqrt(blob_count * 3) + abs(-1) + round(blob_count / 2)", 6),
        ("\n  blob_count\n", 3),
    ],
)
def test_arithmetic(text: str, result: float) -> None:
    assert value(text) == pytest.approx(result)


@pytest.mark.parametrize(
    "text",
    [
        "blob_count / (total_area - 60)",
        "blob_count % 0",
        "min(blob_areas)",
        "sqrt(-blob_count)",
        "(-blob_count) ** 0.5",
        "1e308 * roi_area",
    ],
)
def test_what_has_no_finite_value_is_an_error(text: str) -> None:
    with pytest.raises(ToolFailed):
        value(text, blob_areas=[])


def test_names_are_bound_and_never_substituted() -> None:
    assert value("total_area", total_area=2.5) == 2.5
    with pytest.raises(ToolFailed):
        value("blob_count + total_area", total_area="__import__('os')")


@pytest.mark.parametrize(
    "text", ["1 + 1", "True", "blob_cnt", "mean_area_of + 1", "blob_areas", "blob_areas + 1", "sum(blob_count)"]
)
def test_what_names_no_measure_is_refused(text: str) -> None:
    with pytest.raises(CannotBuild):
        compile_formula(text, NUMBERS, ["blob_areas"])


HOSTILE = [
    "().__class__",
    "blob_count.__class__.__mro__[1].__subclasses__()",
    "blob_count.real",
    "blob_areas[0]",
    "blob_areas[:]",
    "__import__('os').system('true')",
    "__builtins__",
    "eval('1')",
    "exec('1')",
    "open('/etc/passwd')",
    "getattr(blob_count, 'real')",
    "globals()",
    "print(blob_count)",
    "min.__self__",
    "min(blob_count, key=abs)",
    "min(*blob_areas)",
    "max(**blob_areas)",
    "sum(x for x in blob_areas)",
    "[x for x in blob_areas]",
    "{x: 1 for x in blob_areas}",
    "{1, blob_count}",
    "[blob_count] * 9",
    "(blob_count, 1)",
    "lambda: blob_count",
    "(lambda: blob_count)()",
    "(blob_count := 3)",
    "f'{blob_count}'",
    "f'{blob_count!r:>{blob_count}}'",
    "'a' * 10",
    "b'a'",
    "'blob_count'",
    "None",
    "...",
    "1j * blob_count",
    "blob_count ** 9",
    "blob_count ** total_area",
    "9**9**9",
    "9**9**9**9**9 + blob_count",
    "blob_count ** -9",
    "blob_count ** 1e9",
    "blob_count << 1000000",
    "blob_count >> 1",
    "blob_count | 1",
    "blob_count & 1",
    "blob_count ^ 1",
    "~blob_count",
    "blob_count // 2",
    "blob_count @ 2",
    "blob_count in blob_areas",
    "blob_count is 3",
    "blob_count; blob_count",
    "import os",
    "blob_count = 3",
    "del blob_count",
    "yield blob_count",
    "(yield blob_count)",
    "await blob_count",
    "blob_count if",
    "",
    "   ",
    "\x00blob_count",
    "blob_count\x00",
    "blob_count #",
    "#",
    "\\",
    "1" * 400 + " + blob_count",
    "1e999 + blob_count",
    "blob_count + 1e309",
    "9" * 10**6,
    "blob_count + " * 10**5 + "1",
    "(" * 10_000 + "blob_count" + ")" * 10_000,
    "(" * 240 + "blob_count" + ")" * 240,
    "-" * 480 + "blob_count",
    "not " * 120 + "blob_count",
    "blob_count" + "+1" * 240,
    "abs(" * 99 + "blob_count" + ")" * 99,
    "ｂlob_count",
    "blob_count＋1",
    "blоb_count",
    "blob_count\u200b",
    "blob_count\u2028+ 1",
    "𝐛lob_count",
    "٣ + blob_count",
    "0x1for x in blob_areas",
    "1if 1else blob_count",
    "0_0_0and blob_count",
    "sqrt()",
    "sqrt(blob_count, 1)",
    "len(len)",
    "sum(sum)",
    "min",
    "min + blob_count",
    "blob_count(1)",
    "max()",
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_formulas_are_refused_or_finite(number: int) -> None:
    """Refused while the recipe is prepared, or computed to a finite number or a plain error; a few milliseconds either way."""
    assert harmless(HOSTILE[number])


def test_hundreds_of_mangled_formulas_are_refused_or_finite(seed: int) -> None:
    chance = random.Random(seed)
    pieces = [
        *HOSTILE[:70],
        *NUMBERS,
        "blob_areas",
        "min",
        "max",
        "sum",
        "len",
        "sqrt",
        "round",
        "abs",
        "if",
        "else",
        "and",
        "or",
    ]
    pieces += [
        "not",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "**",
        "8",
        "9",
        "1e300",
        "0",
        ".",
        "_",
        "__class__",
        "'",
        '"',
        "\n",
        "\\",
    ]
    small = [piece for piece in pieces if len(piece) < 60]
    for _ in range(420):
        text = chance.choice(["", " "]).join(chance.choices(small, k=chance.randint(1, 14)))
        assert harmless(text), text


def harmless(text: str) -> bool:
    """Tell whether a formula was refused or gave a finite number or a plain error, in bounded time."""

    def outcome() -> float:
        try:
            return compile_formula(text, NUMBERS, ["blob_areas"])(VALUES)
        except (CannotBuild, ToolFailed):
            return 0.0

    # Generous: none takes a tenth of it.
    result = within(200, outcome)
    return type(result) is float and math.isfinite(result)


def test_towers_of_powers_stay_small() -> None:
    text = "blob_count"
    while len(text) < MAX_CHARACTERS - 8:
        text = f"({text})**8"
    with pytest.raises((CannotBuild, ToolFailed)):
        value(text)
    with pytest.raises((CannotBuild, ToolFailed)):
        value("((((((True+True)**8)**8)**8)**8)**8)**8 + blob_count")
