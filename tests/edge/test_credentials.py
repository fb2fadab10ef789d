"""Tokens and codes: their shape, what a typing mistake does, what is stored."""

from __future__ import annotations

from edge import credentials
from user.credentials import new_token, parse_token


def test_a_token_has_its_shape_and_parses() -> None:
    token = new_token("alm")
    prefix, token_id, rest = token.text.split("_", 2)
    assert (prefix, token_id) == ("alm", token.id)
    assert len(rest) == 43 + 1 + 8
    assert parse_token(token.text, "alm") == token


def test_tokens_differ() -> None:
    assert len({new_token("alm").text for _ in range(50)}) == 50


def test_one_wrong_character_is_no_token() -> None:
    text = new_token("alm").text
    for place in range(len(text)):
        other = "a" if text[place] != "a" else "b"
        assert parse_token(text[:place] + other + text[place + 1 :], "alm") is None


def test_other_texts_are_no_tokens() -> None:
    for text in ("", "alm_", "Bearer x", new_token("alm").text + "\n", "alm_é_x_y"):
        assert parse_token(text, "alm") is None


def test_a_machines_token_is_no_persons() -> None:
    assert parse_token(new_token("alm").text, "alp") is None
    assert parse_token(new_token("alp").text, "alm") is None


def test_the_hash_says_nothing_of_the_token() -> None:
    token = new_token("alm")
    assert len(token.sha256) == 64
    assert token.text not in token.sha256


def test_a_code_is_128_bits_in_groups() -> None:
    code = credentials.new_code()
    assert len(code.replace("-", "")) == 26
    assert max(len(group) for group in code.split("-")) == 5


def test_a_code_may_be_typed_with_spaces_and_small_letters() -> None:
    code = credentials.new_code()
    assert credentials.hash_code(code.lower().replace("-", " ")) == credentials.hash_code(code)
