"""Patterns for whole texts: as Python's own where both know them, and never slow."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.textpattern import MAX_CHARACTERS, compile_pattern
from tests.timing import within

LETTERS = "ab1-\n"
atoms = st.sampled_from(["a", "b", "1", "-", ".", r"\d", r"\w", r"\D", "[ab]", "[^a]", "[a-c1]", r"[\d-]", r"\-"])
marks = st.sampled_from(["", "", "*", "+", "?", "{2}", "{0,2}", "{1,}", "{0}", "{2,3}"])


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(st.tuples(inner, marks).map("".join), min_size=1, max_size=3).map("".join)
    return st.lists(several, min_size=1, max_size=3).map("|".join).map(lambda text: f"({text})")


patterns = st.recursive(atoms, grown, max_leaves=8)


@settings(max_examples=400, deadline=None)
@given(patterns, marks, st.lists(st.text(LETTERS, max_size=8), min_size=1, max_size=8))
def test_it_says_what_pythons_expressions_say(pattern: str, mark: str, texts: list[str]) -> None:
    try:
        ours = compile_pattern(pattern + mark)
    except CannotBuild:
        reject()  # it stands for too many characters
    theirs = re.compile(pattern + mark, re.ASCII)
    assert [ours.matches(text) for text in texts] == [theirs.fullmatch(text) is not None for text in texts]


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "(a|a)*", "(a*)*b", "(a|aa)+", "([a-z]+)*1", "(.*)(.*)(.*)(.*)x", "(a?){200}"]
)
def test_what_makes_backtracking_explode_takes_no_time(pattern: str) -> None:
    compiled = compile_pattern(pattern)
    within(2000, lambda: (compiled.matches("a" * 2000), compiled.matches("a" * 1999 + "!")))


def test_the_worst_text_for_the_widest_pattern_takes_a_bounded_time() -> None:
    compiled = compile_pattern("(" + "|".join(["a.", ".b", "[ab]"] * 14) + "){1,3}x*")
    text = "".join("ab"[i * i % 7 % 2] for i in range(2000))
    within(2000, lambda: compiled.matches(text))


@pytest.mark.parametrize(
    "pattern",
    [
        "(", ")", "a)", "(a", "[", "[]", "[a", "[^]", "a**", "a{2}{3}", "a{2", "a{,2}", "a{3,2}", "a{1000}", "*a", "+", "a|*", "\\", "a\\",
        r"(a)\1", r"\bword", "(?=a)", "(?P<n>a)", "(?i)a", "a^b", "a$b", "[z-a]", "[\\d-z]", "[^\\D]",
        "(((a{50}){50}){50})", "(a{99}){99}", "((((){999}){999}){999})",
        "(" * 30 + "a" + ")" * 30, "a" * (MAX_CHARACTERS + 1),
    ],
)  # fmt: skip
def test_what_it_does_not_know_is_refused_in_words(pattern: str) -> None:
    with pytest.raises(CannotBuild, match="the pattern"):
        compile_pattern(pattern)


def test_ends_may_be_marked() -> None:
    assert compile_pattern(r"^AB\d$").matches("AB7")
    assert compile_pattern(r"\$").matches("$")


def test_a_part_of_a_text_is_not_the_text() -> None:
    assert not compile_pattern(r"\d{4}").matches("12345")
    assert not compile_pattern("abc").matches("abc\n")


@given(st.text(max_size=MAX_CHARACTERS))
def test_any_text_is_a_pattern_or_is_refused(text: str) -> None:
    with suppress(CannotBuild):
        compile_pattern(text).matches(text)
