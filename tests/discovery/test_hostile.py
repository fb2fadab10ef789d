"""XML from strangers: read where it is plain, refused where it could do anything."""

from __future__ import annotations

import pytest

from analyticlens.machine.discovery.hostile import LONGEST_WORDS, NotXml, every, read, text, under, words

LAUGHS = b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>'
FILE = b'<!DOCTYPE l [<!ENTITY f SYSTEM "file:///etc/hostname">]><l>&f;</l>'


def test_names_are_found_whatever_their_namespace() -> None:
    root = read(b'<a:x xmlns:a="urn:a" xmlns="urn:b"><y t="1"><z> one </z></y><a:y><z>two &amp; a half</z></a:y></a:x>')
    assert root.tag == "{urn:a}x"
    assert [text(one, "z") for one in every(root, "y")] == ["one", "two & a half"]
    assert (text(root, "y", "z"), text(root, "q", "z"), under(None, "z")) == ("one", "", None)
    assert root[0].get("t") == "1"


@pytest.mark.parametrize(
    "raw",
    [
        LAUGHS,
        FILE,
        b'<!DOCTYPE l SYSTEM "http://127.0.0.1/x.dtd"><l/>',
        b"<l>&unknown;</l>",
        b"",
        b"\x00",
        b"<l>\x00</l>",
        b"<l>&#0;</l>",
        b"<l><m></l></m>",
        b"<l/><l/>",
        b"\xff\xfe<\x00l\x00/\x00>\x00",
        b"<l>\xc3</l>",
        b"<html><body>Welcome<br></body></html>",
        b"<l>" * 50 + b"</l>" * 50,
        b"<l>" + b"<m/>" * 30_000 + b"</l>",
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_what_is_not_read(raw: bytes) -> None:
    with pytest.raises(NotXml):
        read(raw)


def test_words_are_one_short_line() -> None:
    assert words("Press\n\x00\x1b[31m  camera\u202e\u2028") == "Press [31m camera"
    assert len(words("x" * 10_000)) == LONGEST_WORDS
