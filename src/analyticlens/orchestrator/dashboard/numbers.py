"""Numbers as people write them: printed and read in the page's language, comma or point."""

from __future__ import annotations

import math
from functools import lru_cache

from django.utils.formats import number_format
from django.utils.translation import get_language

MOST_DIGITS = 3


def text(value: float | None, digits: int | None = None) -> str:
    """Print value in the page's language with thousands grouped; without digits, as many decimals as it has. None is a dash."""
    if value is None or not math.isfinite(value):
        return "–"
    return _printed(value, digits, get_language())


# Pages of many machines print the same few numbers again and again.
@lru_cache(maxsize=4096)
def _printed(value: float, digits: int | None, language: str | None) -> str:
    return _grouped(_short(value) if digits is None else f"{value:.{digits}f}")


def field(value: float | int | None) -> str:
    """Print value for a text field: the language's decimal mark, nothing grouped, nothing lost."""
    if value is None:
        return ""
    plain = repr(value)
    if "e" in plain:
        plain = f"{value:.15f}".rstrip("0").rstrip(".")
    return number_format(plain.removesuffix(".0"), use_l10n=True, force_grouping=False)


def _short(value: float) -> str:
    """Round to what a person reads: four digits in all, at most three behind the point, at least one."""
    if value == int(value):
        return str(int(value))
    decimals = max(1, min(MOST_DIGITS, 3 - math.floor(math.log10(abs(value)))))
    rounded = f"{value:.{decimals}f}"
    return rounded.rstrip("0").rstrip(".") if "." in rounded else rounded


def _grouped(plain: str) -> str:
    return number_format(plain, use_l10n=True, force_grouping=True)


def read(written: str) -> float:
    """Read a decimal a person wrote: `1,5` and `1.5` are the same; ValueError if it is no finite number.

    Both marks together mean thousands and decimals: the last one is the decimal mark (`1.234,5` and `1,234.5`).
    """
    plain = written.strip().replace("\u2212", "-").replace("\u00a0", "").replace(" ", "").replace("_", "?")
    last_comma, last_point = plain.rfind(","), plain.rfind(".")
    if last_comma >= 0 and last_point >= 0:
        thousands = "," if last_point > last_comma else "."
        plain = plain.replace(thousands, "")
    value = float(plain.replace(",", "."))
    if not math.isfinite(value):
        raise ValueError(written)
    return value
