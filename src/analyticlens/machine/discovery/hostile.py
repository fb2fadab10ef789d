"""What strangers send: XML without entities, within bounds of size, depth and number; and their words, made harmless."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from xml.parsers import expat

MOST_DEPTH = 40
MOST_ELEMENTS = 20_000
LONGEST_WORDS = 200


class NotXml(Exception):
    """It is no XML, or one that is not read: a document type, an encoding of its own, too deep or too much."""


def read(raw: bytes) -> ET.Element:
    """Return the root of a document in UTF-8. Raises NotXml.

    A document type is refused where it begins: without one there are no entities to expand and nothing outside to fetch.
    """
    try:
        # Encodings that Python brings to expat are more ways in than any camera needs.
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotXml from None
    builder, depth, count = ET.TreeBuilder(), 0, 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > MOST_DEPTH or count > MOST_ELEMENTS:
            raise NotXml
        builder.start(_name(tag), {_name(key): value for key, value in attributes.items()})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_name(tag))

    def refuse(*_: object) -> None:
        raise NotXml

    parser = expat.ParserCreate("utf-8", "}")
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.buffer_text = True
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError:
        raise NotXml from None
    return builder.close()


def _name(tag: str) -> str:
    """Return a name in ElementTree's spelling, `{namespace}local`."""
    return "{" + tag if "}" in tag else tag


def local(element: ET.Element) -> str:
    """Return an element's name without its namespace, which cameras mix up."""
    return element.tag.rpartition("}")[2]


def every(element: ET.Element, name: str) -> Iterator[ET.Element]:
    """Yield all elements of that local name below, in the document's order."""
    return (below for below in element.iter() if local(below) == name)


def under(element: ET.Element | None, *path: str) -> ET.Element | None:
    """Return the first element along a path of local names; the first step may be at any depth."""
    for number, name in enumerate(path):
        if element is None:
            return None
        among = every(element, name) if number == 0 else (child for child in element if local(child) == name)
        element = next(among, None)
    return element


def text(element: ET.Element | None, *path: str) -> str:
    """Return what stands at a path, without the space around it; "" where nothing does."""
    found = under(element, *path) if path else element
    return (found.text or "").strip() if found is not None else ""


def words(said: str) -> str:
    """Return a stranger's words as one short line without anything that does not print."""
    return " ".join("".join(c if c.isprintable() else " " for c in said[: 4 * LONGEST_WORDS]).split())[:LONGEST_WORDS]
