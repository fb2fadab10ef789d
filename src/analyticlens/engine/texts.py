"""Texts that tools read in pictures: whatever stands there, made fit to be stored and shown."""

from __future__ import annotations

# As long as the contract lets a text be.
LONGEST_TEXT = 2000
# Control characters by the symbols that stand for them; a lone half of a surrogate pair is no character at all.
_SYMBOLS = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
_SYMBOLS |= dict.fromkeys(range(0x80, 0xA0), 0xFFFD) | dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)
# Characters that turn the reading direction or cannot be seen would let one text look like another.
_SYMBOLS |= dict.fromkeys([0x200B, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2060, 0x206F), 0xFEFF], 0xFFFD)


def legible(text: str) -> str:
    """Return a text with every character visible and at most `LONGEST_TEXT` long, so that no picture can spoil a record or a page.

    Control characters become their symbols (a group separator of GS1 is ␝), what is no character becomes �.

    >>> legible("01095\\x1d10AB\\x00")
    '01095␝10AB␀'
    """
    return text.translate(_SYMBOLS)[:LONGEST_TEXT]
