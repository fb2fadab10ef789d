"""A configuration in layers: the defaults, what a group of machines shares, and what one machine has of its own.

Each layer is a JSON merge patch over the one below it. A place is the way to one value, from the outside in: `("source", "fps")`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from analyticlens.protocol.configuration import (
    UNIONS,
    Configuration,
    Source,
    SourceCommon,
    Trigger,
    TriggerCommon,
    inside,
    patched,
)
from analyticlens.protocol.external import Signal, SignalCommon
from analyticlens.protocol.strict import Strict

Place = tuple[str, ...]
# What has kinds, each with fields of its own beside those all have.
KINDS: dict[Place, tuple[type[Strict], tuple[type[Strict], ...]]] = {
    ("source",): (SourceCommon, get_args(get_args(Source)[0])),
    ("trigger",): (TriggerCommon, get_args(get_args(Trigger)[0])),
    ("trigger", "signal"): (SignalCommon, get_args(get_args(Signal)[0])),
}


def places(tree: Mapping[str, Any]) -> dict[Place, Any]:
    """Return every place a JSON object says something of, with what it says. Objects without anything in them say nothing.

    >>> places({"source": {"fps": 5}, "pictures": {}})
    {('source', 'fps'): 5}
    """
    return dict(_places((), tree))


def _places(path: Place, tree: Mapping[str, Any]) -> Iterator[tuple[Place, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _places((*path, name), value)
        else:
            yield (*path, name), value


def tree_of(said: Mapping[Place, Any]) -> dict[str, Any]:
    """Return the JSON object that says this of these places.

    >>> tree_of({("source", "fps"): 5})
    {'source': {'fps': 5}}
    """
    tree: dict[str, Any] = {}
    for path, value in said.items():
        inner = tree
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = value
    return tree


def values_of(configuration: Configuration) -> dict[Place, Any]:
    """Return what a configuration says, place by place."""
    return places(configuration.model_dump(mode="json"))


def patch_between(before: Configuration, after: Configuration) -> dict[str, Any]:
    """Return a merge patch that leads from one configuration to the other: `patched(before, patch_between(before, after)) == after`."""
    old, new = values_of(before), values_of(after)
    # What is not there and what is null are the same: the default.
    told = {path: new.get(path) for path in [*new, *old] if old.get(path) != new.get(path)}
    for place, common in UNIONS.items():
        if old.get((*place, "type")) == new.get((*place, "type")):
            continue
        # A patch to another kind keeps only what all kinds have: what both kinds have beside that has to be said, and what only
        # the old one had goes by itself.
        for path in {*old, *new}:
            if path[: len(place)] == place and path[len(place)] not in common.model_fields:
                if new.get(path) is None:
                    told.pop(path, None)
                else:
                    told[path] = new[path]
    return tree_of(told)


def shared_part(patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a group shares in its one form: no nulls, nothing empty, values as the contract writes them.

    Raises ValueError with one sentence where that over the defaults is no configuration.
    """
    said = {path: value for path, value in places(patch).items() if value is not None}
    values = values_of(patched(Configuration(), tree_of(said)))
    return tree_of({path: values[path] for path in said})


def layered(shared: Mapping[str, Any], own: Mapping[str, Any]) -> Configuration:
    """Return the defaults with a group's shared part over them, and over both what the machine has of its own.

    Of what is its own, that which the kind of source or trigger in force has no field for is left out. Raises ValueError with one sentence.
    """
    base = patched(Configuration(), shared)
    said = places(own)
    whole = base.model_dump(mode="json")
    for place, (_common, kinds) in KINDS.items():
        kind = said.get((*place, "type")) or (inside(whole, place) or {}).get("type")
        fields = next((one.model_fields for one in kinds if one.model_fields["type"].default == kind), None)
        if fields is not None:
            depth = len(place)
            said = {path: value for path, value in said.items() if path[:depth] != place or path[depth] in fields}
    return patched(base, tree_of(said))
