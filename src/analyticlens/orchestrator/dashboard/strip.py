"""The strip of the last sixty results: as a small drawing on a tile, and as a line of links on a machine's page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from dashboard import numbers, words
from results.tally import STRIP, Mark

SVG = '<svg class="strip whole" viewBox="0 0 240 16" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
STEP = 4  # units of a drawing 240 wide for 60 results
_GOOD = "v6h3v-6z"
_FORMS = {
    "nok": "M{x} 0v16h3v-16z",
    "undecided": "M{mid} 3.5l1.5 4.5l-1.5 4.5l-1.5-4.5z",
    "error": "M{mid} 2l1.7 12h-3.4z",
}


class Strip:
    """Results oldest first; the newest stands at the right edge. Good ones are low and even; each other verdict has its form."""

    def __init__(self, marks: Sequence[Mark]) -> None:
        self.marks = marks

    @property
    def any(self) -> bool:
        """Whether there is anything to draw."""
        return bool(self.marks)

    @cached_property
    def _by_verdict(self) -> dict[str, list[int]]:
        """Verdict -> where its results stand, in one pass over the marks."""
        found: dict[str, list[int]] = {}
        for place, mark in enumerate(self.marks, start=STRIP - len(self.marks)):
            found.setdefault(mark.verdict, []).append(place * STEP)
        return found

    def _places(self, verdict: str) -> list[int]:
        return self._by_verdict.get(verdict, [])

    @cached_property
    def good(self) -> str:
        """Path of the good ones: runs of neighbours are one line of steps."""
        places = self._places("ok")
        if not places:
            return ""
        path = [f"M{places[0]} 10{_GOOD}"]
        path += [f"m{here - before} 0{_GOOD}" for before, here in pairwise(places)]
        return "".join(path)

    def _form(self, verdict: str) -> str:
        return "".join(_FORMS[verdict].format(x=x, mid=x + 1.5) for x in self._places(verdict))

    @cached_property
    def nok(self) -> str:
        """Path of the rejected ones."""
        return self._form("nok")

    @cached_property
    def undecided(self) -> str:
        """Path of the undecided ones."""
        return self._form("undecided")

    @cached_property
    def error(self) -> str:
        """Path of the failed ones."""
        return self._form("error")

    @property
    def svg(self) -> SafeString:
        """The drawing whole. Not by a template: a page of two hundred machines draws two hundred."""
        forms = [("good", self.good), ("nok", self.nok), ("undecided", self.undecided), ("error", self.error)]
        paths = format_html_join("", '<path class="{}" d="{}"/>', [form for form in forms if form[1]])
        return format_html(SVG, self.summary, paths)

    @property
    def summary(self) -> str:
        """What the strip shows, in words."""
        count = len(self.marks)
        said = ngettext("Last result", "Last {n} results", count).format(n=numbers.text(count))
        parts = []
        for verdict in ("ok", "nok", "undecided", "error"):
            if number := len(self._places(verdict)):
                parts.append(f"{words.verdict(verdict)} {numbers.text(number)}")
        return gettext("{what}: {parts}").format(what=said, parts=", ".join(parts))
