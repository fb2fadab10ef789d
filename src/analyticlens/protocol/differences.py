"""What changed between two versions of something, place by place: for histories that people read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """One place that changed. `path` leads there from the outside in; None stands for what was not there."""

    path: tuple[str, ...]
    before: Any
    after: Any


def differences(before: Any, after: Any) -> list[Difference]:
    """Return what differs between two JSON values, in the order of the later one.

    Lists of things with an `id` (the tools of a recipe) are compared thing by thing, each called by its name; one that moved has
    another `place`. Other lists are one value each.

    >>> differences({"fps": 30, "type": "rtsp"}, {"fps": 25, "type": "rtsp"})
    [Difference(path=('fps',), before=30, after=25)]
    """
    return list(_differences((), before, after))


def _differences(path: tuple[str, ...], before: Any, after: Any) -> Iterator[Difference]:
    if before == after and type(before) is type(after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in [*after, *(name for name in before if name not in after)]:
            yield from _differences((*path, str(name)), before.get(name), after.get(name))
    elif _numbered(before) and _numbered(after):
        yield from _of_things(path, before, after)
    elif before != after:
        yield Difference(path, before, after)


def _numbered(value: Any) -> bool:
    """Return whether it is a list of things that have a number each."""
    return isinstance(value, Sequence) and all(isinstance(one, Mapping) and "id" in one for one in value)


def _of_things(
    path: tuple[str, ...], before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> Iterator[Difference]:
    old = {one["id"]: one for one in before}
    new = {one["id"]: one for one in after}
    stayed = [number for number in new if number in old]
    # Only who was overtaken by another that stayed has moved: an addition before moves nobody.
    order = [number for number in old if number in new]
    for number, one in new.items():
        here = (*path, str(one.get("name") or number))
        if number not in old:
            yield Difference(here, None, one)
            continue
        yield from _differences(here, old[number], one)
        if stayed.index(number) != order.index(number):
            yield Difference((*here, "place"), order.index(number) + 1, stayed.index(number) + 1)
    for number, one in old.items():
        if number not in new:
            yield Difference((*path, str(one.get("name") or number)), one, None)
