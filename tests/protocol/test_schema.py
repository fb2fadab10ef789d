"""The contract's JSON Schema can be read by a person: every field says what it means, every number its bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from analyticlens.protocol import configuration, desired, errors, heartbeat, recipe, records
from analyticlens.protocol.strict import Strict

ROOTS: list[type[Strict]] = [
    recipe.Recipe,
    configuration.Configuration,
    records.VerdictBody,
    records.EventBody,
    records.GapBody,
    records.StateBody,
    records.BatchEnvelope,
    records.RecordHead,
    records.BatchAnswer,
    heartbeat.Heartbeat,
    heartbeat.HeartbeatAnswer,
    heartbeat.Goodbye,
    desired.DesiredDocument,
    desired.LocalChange,
    desired.CommandReport,
    desired.EnrolRequest,
    desired.TokenAnswer,
    errors.ErrorAnswer,
]


def fields_of(root: type[Strict]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield (Model.field, its schema, all definitions) for every field reachable from root."""
    schema = root.model_json_schema()
    definitions = schema.get("$defs", {})
    for name, model in [(root.__name__, schema), *definitions.items()]:
        for field, described in model.get("properties", {}).items():
            if "const" not in described:
                yield f"{name}.{field}", described, definitions


def numbers_in(described: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the number schemas directly inside a field."""
    choices = [described, *described.get("anyOf", []), described.get("items", {}), *described.get("prefixItems", [])]
    return (choice for choice in choices if choice.get("type") in ("integer", "number"))


@pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.__name__)
def test_every_field_says_what_it_means(root: type[Strict]) -> None:
    silent = []
    for name, described, definitions in fields_of(root):
        target = definitions.get(described.get("$ref", "").rsplit("/", 1)[-1], {})
        model = target or any("$ref" in choice for choice in described.get("anyOf", []))
        if not (described.get("description") or target.get("description")) or not (described.get("title") or model):
            silent.append(name)
    assert silent == []


@pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.__name__)
def test_every_number_has_bounds(root: type[Strict]) -> None:
    boundless = [
        name
        for name, described, _ in fields_of(root)
        for number in numbers_in(described)
        if not (("minimum" in number or "exclusiveMinimum" in number) and "maximum" in number)
    ]
    assert boundless == []


@pytest.mark.parametrize(
    ("model", "field", "unit"),
    [
        ("BlobParams", "area_min", "px²"),
        ("BlobParams", "th_min", "DN"),
        ("LocateParams", "threshold", "DN/px"),
        ("Rect", "w", "px"),
        ("Rect", "angle", "deg"),
    ],
)
def test_a_measure_says_its_unit(model: str, field: str, unit: str) -> None:
    definitions = recipe.Recipe.model_json_schema()["$defs"]
    assert unit in str(definitions[model]["properties"][field])
