"""One spelling for one value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyticlens.protocol.canonical import MAX_DEPTH, canonical_json, sha256_of, sha256_text, strict_loads

plain = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"])),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    ),
    max_leaves=20,
)
quick = settings(max_examples=100, deadline=None, database=None)


def test_keys_are_sorted_without_white_space() -> None:
    assert canonical_json({"b": [1, 2.5], "a": {"d": None, "c": True}}) == '{"a":{"c":true,"d":null},"b":[1,2.5]}'


def test_text_is_written_as_it_is() -> None:
    assert canonical_json("inspeção ✓") == '"inspeção ✓"'


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (-0.0, 0), ([2.0], (2,)), ({"a": 1e3}, {"a": 1000})])
def test_equal_values_have_one_spelling(one: Any, other: Any) -> None:
    assert sha256_of(one) == sha256_of(other)


@quick
@given(plain)
def test_reading_gives_the_value_back_and_spelling_again_the_text(value: Any) -> None:
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(strict_loads(text)) == text


@quick
@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(), max_size=6),
    st.randoms(use_true_random=False),
)
def test_the_order_of_keys_says_nothing(value: dict[str, int], chance: Any) -> None:
    items = list(value.items())
    chance.shuffle(items)
    assert canonical_json(dict(items)) == canonical_json(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")], {"a": float("nan")}, "\ud800"])
def test_what_is_no_json_value_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical_json(value)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_deep_nesting_is_refused() -> None:
    assert canonical_json(nested(MAX_DEPTH))
    with pytest.raises(ValueError, match="nested deeper"):
        canonical_json(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"a":NaN}',
        b"[Infinity]",
        b"[-Infinity]",
        b'{"a":1,"a":2}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"'a'",
        b"1 2",
        b'"\\ud800"',
        b"1e999",
    ],
)
def test_what_is_no_strict_json_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        strict_loads(raw)


def test_the_digest_is_of_the_utf8_text() -> None:
    assert sha256_text("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256_of("é") == sha256_text('"é"')
