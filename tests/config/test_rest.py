"""What holds for all of REST: one error shape, and a description that is complete and current."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from tests.rows import make_user

ROOT = Path(__file__).parents[2]
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("schema") / "openapi.json"
    call_command(
        "spectacular", "--lang", "en", "--format", "openapi-json", "--validate", "--fail-on-warn", "--file", str(file)
    )
    return file.read_text()


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        yield from ((f"{method} {path}", what) for method, what in methods.items() if method in METHODS)


def test_the_description_in_docs_is_current(described: str) -> None:
    assert (ROOT / "docs" / "openapi.json").read_text() == described, (
        "run: analyticlens manage spectacular --lang en --format openapi-json --file docs/openapi.json"
    )


def test_it_is_openapi_3_1_and_names_every_refusal(described: str) -> None:
    schema = json.loads(described)
    assert schema["openapi"].startswith("3.1")
    for name, operation in operations(schema):
        assert {"400", "401", "403", "404", "405"} <= set(operation["responses"]), name
        assert operation.get("description") or operation.get("summary"), name


def test_every_call_that_does_something_can_be_made_under_a_key(described: str) -> None:
    for address, path in json.loads(described)["paths"].items():
        for method, operation in path.items():
            keys = [one for one in operation.get("parameters", ()) if one["name"] == "Idempotency-Key"]
            assert len(keys) == (method == "post"), (method, address)


def test_every_field_is_described(described: str) -> None:
    schemas = json.loads(described)["components"]["schemas"]
    silent = [
        f"{name}.{field}"
        for name, schema in schemas.items()
        if not name.endswith(("Enum", "List")) and not name.startswith("Error")
        for field, what in schema.get("properties", {}).items()
        if not what.get("description") and not any(part.get("description") for part in what.get("allOf", []))
    ]
    assert silent == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("get", "/api/v1/nothing/", 404),
        ("get", "/api/v1/machines/nobody/", 404),
        ("put", "/api/v1/machines/", 405),
        ("get", "/api/v1/machines/?status=odd", 400),
        ("get", "/api/v1/machines/?cursor=odd", 404),
        ("get", "/api/v1/results/?since=odd", 400),
        ("get", "/api/v1/results/999999999999999999999/", 404),
        ("get", "/api/v1/machines/%00/", 404),
    ],
)
def test_every_refusal_has_the_one_shape(method: str, address: str, status: int) -> None:
    client = Client()
    client.force_login(make_user("admin"))
    answer = getattr(client, method)(address)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message", "details"}


@pytest.mark.django_db
def test_strangers_see_nothing() -> None:
    for address in ("/api/v1/machines/", "/api/schema/", "/api/docs/"):
        answer = Client().get(address)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")


@pytest.mark.django_db
def test_the_pages_that_describe_it_come_from_here() -> None:
    client = Client()
    client.force_login(make_user("viewer"))
    page = client.get("/api/docs/")
    assert page.status_code == 200
    assert "https://" not in page.content.decode()
    assert client.get("/api/schema/").status_code == 200
