"""Patterns for whole texts: a small part of the usual regular expressions, matched in time that grows only with the text.

A pattern becomes the automaton of its positions (V. M. Glushkov, "The abstract theory of automata", 1961), whose set of states is one
whole number: a character takes one step of bit operations, whatever the pattern, so that no pattern and no text can make matching
explode as backtracking does.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import NamedTuple

from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.texts import LONGEST_TEXT

MAX_CHARACTERS = 200
# Characters a pattern may stand for, each repetition counted: the width of the automaton.
MAX_POSITIONS = 256
MAX_DEPTH = 20
# Repeated brackets are read anew for each time: nested ones around nothing would be read for ever.
MAX_READS = 20_000
# Steps that were taken are remembered; a hostile text must not fill the memory with them.
MAX_REMEMBERED = 4096

DIGITS = frozenset(string.digits)
WORD = frozenset(string.ascii_letters + string.digits + "_")
SPACES = frozenset(" \t\n\r\f\v")
CLASSES = {"d": (DIGITS, False), "w": (WORD, False), "s": (SPACES, False)}
CLASSES |= {word.upper(): (kind, True) for word, (kind, _) in list(CLASSES.items())}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
ENDS = frozenset("|)")


class Accepts(NamedTuple):
    """The characters a position stands for: those in `chosen`, or, negated, all others."""

    chosen: frozenset[str]
    negated: bool = False

    def takes(self, character: str) -> bool:
        """Tell whether the position can stand for a character."""
        return (character in self.chosen) != self.negated


class Part(NamedTuple):
    """A part of a pattern: whether it can be empty, and the positions it can begin and end with, as bits."""

    empty: bool
    first: int
    last: int


NOTHING = Part(True, 0, 0)


class Pattern:
    """A pattern ready to be held against texts."""

    def __init__(self, accepts: list[Accepts], follow: list[int], whole: Part) -> None:
        self._accepts, self._follow, self._whole = accepts, follow, whole
        self._takers: dict[str, int] = {}
        self._steps: dict[tuple[int, str], int] = {}

    def matches(self, text: str) -> bool:
        """Tell whether the whole text is as the pattern says; a text beyond `LONGEST_TEXT` characters is not."""
        if len(text) > LONGEST_TEXT:
            return False
        if not text:
            return self._whole.empty
        states = self._whole.first & self._taking(text[0])
        for character in text[1:]:
            if not states:
                return False
            states = self._step(states, character)
        return bool(states & self._whole.last)

    def _step(self, states: int, character: str) -> int:
        key = (states, character)
        after = self._steps.get(key)
        if after is None:
            reached, rest = 0, states
            while rest:
                lowest = rest & -rest
                reached |= self._follow[lowest.bit_length() - 1]
                rest ^= lowest
            after = reached & self._taking(character)
            if len(self._steps) < MAX_REMEMBERED:
                self._steps[key] = after
        return after

    def _taking(self, character: str) -> int:
        """Return the positions that stand for a character, as bits."""
        if character not in self._takers:
            if len(self._takers) >= MAX_REMEMBERED:
                self._takers.clear()
            self._takers[character] = sum(1 << i for i, kind in enumerate(self._accepts) if kind.takes(character))
        return self._takers[character]


class _Reader:
    """Reads a pattern from left to right; its positions and what may follow each grow as it goes."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth, self.reads = text, 0, 0, 0
        self.accepts: list[Accepts] = []
        self.follow: list[int] = []

    @property
    def ahead(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        if not self.ahead:
            raise CannotBuild("the pattern ends too early")
        self.reads += 1
        if self.reads > MAX_READS:
            raise CannotBuild(f"the pattern stands for more than {MAX_POSITIONS} characters")
        self.at += 1
        return self.text[self.at - 1]

    def choice(self) -> Part:
        """Read alternatives up to a bracket or the end."""
        part = self.sequence()
        while self.ahead == "|":
            self.take()
            other = self.sequence()
            part = Part(part.empty or other.empty, part.first | other.first, part.last | other.last)
        return part

    def sequence(self) -> Part:
        part = NOTHING
        while self.ahead and self.ahead not in ENDS:
            part = self.joined(part, self.repeated())
        return part

    def joined(self, left: Part, right: Part) -> Part:
        self.link(left.last, right.first)
        first = left.first | (right.first if left.empty else 0)
        last = right.last | (left.last if right.empty else 0)
        return Part(left.empty and right.empty, first, last)

    def link(self, ends: int, starts: int) -> None:
        while ends:
            lowest = ends & -ends
            self.follow[lowest.bit_length() - 1] |= starts
            ends ^= lowest

    def repeated(self) -> Part:
        """Read one thing and how often it comes: it is read anew for each time it must come."""
        begin = self.at
        part = self.single()
        end = self.at
        least, most = self.times()
        if self.ahead and self.ahead in "*+?{":
            raise CannotBuild("the pattern repeats a repetition")
        after, self.at = self.at, end
        part = self.copies(lambda: self.again(begin), part, least, most)
        self.at = after
        return part

    def again(self, begin: int) -> Part:
        self.at = begin
        return self.single()

    def copies(self, again: Callable[[], Part], part: Part, least: int, most: int | None) -> Part:
        """Return `part` coming `least` to `most` times (None: without end)."""
        if most == 0:
            return NOTHING
        whole = part if least else part._replace(empty=True)
        last = part
        for number in range(1, max(least, most if most is not None else 1)):
            last = again()
            whole = self.joined(whole, last if number < least else last._replace(empty=True))
        if most is None:
            self.link(last.last, last.first)
        return whole

    def times(self) -> tuple[int, int | None]:
        known: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if self.ahead in known and self.ahead:
            return known[self.take()]
        if self.ahead != "{":
            return 1, 1
        self.take()
        least = self.number()
        most: int | None = least
        if self.ahead == ",":
            self.take()
            most = self.number() if self.ahead != "}" else None
        if self.take() != "}" or (most is not None and most < least):
            raise CannotBuild("the pattern has a repetition that cannot be read")
        return least, most

    def number(self) -> int:
        digits = ""
        while self.ahead and self.ahead in DIGITS:
            digits += self.take()
        if not digits or len(digits) > 3:
            raise CannotBuild("the pattern has a repetition that cannot be read")
        return int(digits)

    def single(self) -> Part:
        character = self.take()
        if character == "(":
            return self.group()
        if character == "[":
            return self.position(self.characters())
        if character == ".":
            return self.position(Accepts(frozenset("\n"), True))
        if character == "\\":
            return self.position(self.escaped())
        if character in "*+?{}])^$":
            raise CannotBuild(
                f"the pattern has a {character} that stands for nothing; write \\{character} for the character"
            )
        return self.position(Accepts(frozenset(character)))

    def group(self) -> Part:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise CannotBuild("the pattern has too many brackets within brackets")
        if self.ahead == "?":
            self.take()
            if self.take() != ":":
                raise CannotBuild("the pattern may hold only plain brackets")
        part = self.choice()
        if self.take() != ")":
            raise CannotBuild("the pattern has a bracket too much")
        self.depth -= 1
        return part

    def escaped(self) -> Accepts:
        character = self.take()
        if character in CLASSES:
            return Accepts(*CLASSES[character])
        if character in ESCAPES:
            return Accepts(frozenset(ESCAPES[character]))
        if character.isalnum():
            raise CannotBuild(f"the pattern may not hold \\{character}")
        return Accepts(frozenset(character))

    def characters(self) -> Accepts:
        """Read what stands in square brackets."""
        negated = self.ahead == "^"
        if negated:
            self.take()
        chosen: set[str] = set()
        while self.ahead != "]":
            chosen |= self.members()
        self.take()
        if not chosen:
            raise CannotBuild("the pattern has square brackets with nothing in them")
        return Accepts(frozenset(chosen), negated)

    def members(self) -> frozenset[str]:
        """Read one character, one class or one span of characters in square brackets."""
        start = self.member()
        if self.ahead != "-" or self.text[self.at + 1 : self.at + 2] in ("]", ""):
            return start
        self.take()
        end = self.member()
        if len(start) != 1 or len(end) != 1:
            raise CannotBuild("the pattern has a span that is none")
        (low,), (high,) = start, end
        if not ord(low) <= ord(high) <= ord(low) + 1000:
            raise CannotBuild(f"the pattern has the span {low}-{high}, which is none")
        return frozenset(map(chr, range(ord(low), ord(high) + 1)))

    def member(self) -> frozenset[str]:
        character = self.take()
        if character != "\\":
            return frozenset(character)
        kind = self.escaped()
        if kind.negated:
            raise CannotBuild("the pattern has a negated class in square brackets")
        return kind.chosen

    def position(self, accepts: Accepts) -> Part:
        if len(self.accepts) >= MAX_POSITIONS:
            raise CannotBuild(f"the pattern stands for more than {MAX_POSITIONS} characters")
        bit = 1 << len(self.accepts)
        self.accepts.append(accepts)
        self.follow.append(0)
        return Part(False, bit, bit)


def compile_pattern(text: str) -> Pattern:
    """Return the pattern of a whole text. Raises CannotBuild with one sentence where it cannot be read or is too large.

    Known: characters, `.`, `[a-z]`, `[^,]`, `\\d \\w \\s` and their opposites (ASCII), `( )`, `(?: )`, `|`, `* + ?`, `{m}`, `{m,}`,
    `{m,n}`; `^` in front and `$` behind say nothing new.

    >>> compile_pattern(r"PART-\\d{6}").matches("PART-004711")
    True
    >>> compile_pattern("(a+)+b").matches("a" * 2000)
    False
    """
    if len(text) > MAX_CHARACTERS:
        raise CannotBuild(f"the pattern is longer than {MAX_CHARACTERS} characters")
    inner = text.removeprefix("^")
    if inner.endswith("$") and not inner.endswith("\\$"):
        inner = inner[:-1]
    reader = _Reader(inner)
    whole = reader.choice()
    if reader.ahead:
        raise CannotBuild("the pattern has a bracket too much")
    return Pattern(reader.accepts, reader.follow, whole)
