"""What holds for all of REST: one error shape, and a description that is complete and current."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework import serializers

from config.rest import MOST_BYTES
from tests.rows import make_machine, make_user
from user.bodies import Closed
from user.models import User

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
        if not name.endswith("Enum") and not name.startswith("Error")
        for field, what in schema.get("properties", {}).items()
        if not what.get("description") and not any(part.get("description") for part in what.get("allOf", []))
    ]
    assert silent == []


def test_every_parameter_is_described(described: str) -> None:
    silent = [
        f"{name}: {parameter['name']}"
        for name, operation in operations(json.loads(described))
        for parameter in operation.get("parameters", ())
        if not parameter.get("description")
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


FOREIGN = (
    "p=abc",
    "p=" + "9" * 30,
    "p=-" + "9" * 30,
    "p=%00",
    "p=",
    "r=1&p=1",
    "r=1",
    "o=3",
    "p=0001-01-01T00:00:00%2B14:00",
    "p=2026-01-01",
)
OF_MACHINE = ("commands", "heartbeats", "transitions", "desired/versions", "keys", "secrets", "recipes")
LISTS = (
    *("results", "machines", "audit", "users", "tokens", "sites", "lines", "products", "shifts", "groups", "tools"),
    *(f"machines/vm_a/{name}" for name in OF_MACHINE),
)


@pytest.mark.django_db
def test_a_cursor_of_another_list_is_none() -> None:
    make_machine("vm_a")
    client = Client(raise_request_exception=False)
    client.force_login(make_user("admin"))
    for name in LISTS:
        answers = {
            position: client.get(f"/api/v1/{name}/", {"cursor": base64.b64encode(position.encode()).decode()})
            for position in FOREIGN
        }
        assert {answer.status_code for answer in answers.values()} <= {200, 404}, name
        assert answers["p=%00"].status_code == 404, name


@pytest.mark.django_db
def test_pages_follow_each_other_there_and_back() -> None:
    client = Client()
    client.force_login(make_user("admin"))
    for number in range(5):
        make_machine(f"vm_{number}")
        make_user("viewer")
    for name, key in (("machines", "machine_id"), ("users", "id"), ("audit", "seq"), ("commands", "id")):
        address = "/api/v1/machines/vm_0/commands/" if name == "commands" else f"/api/v1/{name}/"
        whole = [row[key] for row in client.get(address).json()["results"]]
        seen: list[Any] = []
        page: dict[str, Any] = {"next": f"{address}?limit=2", "previous": None}
        while page["next"]:
            page = client.get(page["next"]).json()
            seen += [row[key] for row in page["results"]]
        assert seen == whole
        while page["previous"]:
            page = client.get(page["previous"]).json()
        assert [row[key] for row in page["results"]] == whole[:2]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "asked",
    [
        "audit/?since=0001-01-01T00:00:00%2B14:00",
        "results/?until=9999-12-31T23:59:59-14:00",
        "audit/?since=0001-01-01T00:00:00",
    ],
)
def test_a_moment_at_an_end_of_the_calendar_is_refused(asked: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(make_user("admin"))
    assert client.get(f"/api/v1/{asked}").status_code == 400


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


def bodies(schema: dict[str, Any]) -> set[str]:
    """Return the names of all bodies that calls take."""
    return {
        said["schema"]["$ref"].rpartition("/")[2].removeprefix("Patched")
        for _name, operation in operations(schema)
        for said in operation.get("requestBody", {}).get("content", {}).values()
    }


def every(kind: type[Any]) -> set[type[Any]]:
    return {kind} | {deeper for below in kind.__subclasses__() for deeper in every(below)}


def test_every_body_refuses_fields_it_does_not_know(described: str) -> None:
    known = {kind.__name__.removesuffix("Serializer"): kind for kind in every(serializers.Serializer)}
    named = bodies(json.loads(described))
    assert len(named) > 25
    assert [name for name in sorted(named) if not issubclass(known[name], Closed)] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "address", "body", "unknown"),
    [
        ("patch", "machines/vm_a/", {"nmae": "x"}, "nmae"),
        ("patch", "machines/vm_a/desired/", {"mdoe": "PRODUCAO", "reason": "x"}, "mdoe"),
        ("post", "machines/vm_a/retire/", {"raeson": "x"}, "raeson"),
        ("post", "machines/vm_a/stop/", {"reason": "x", "if_version": 1}, "if_version"),
        ("post", "users/", {"username": "ana", "boundde": True}, "boundde"),
        ("post", "tokens/", {"name": "x", "dyas": 3}, "dyas"),
        ("post", "acts/", {"act": "tag", "machines": ["vm_a"], "ad": ["q"]}, "ad"),
        ("post", "groups/", {"code": "g", "name": "g", "configuratoin": {}}, "configuratoin"),
        ("post", "sites/", {"code": "s", "name": "s", "nam": "z"}, "nam"),
    ],
)
def test_a_misspelt_field_is_named_and_nothing_is_done(
    method: str, address: str, body: dict[str, Any], unknown: str
) -> None:
    make_machine("vm_a")
    client = Client()
    client.force_login(make_user("admin"))
    before = User.objects.count()
    answer = getattr(client, method)(f"/api/v1/{address}", body, content_type="application/json")
    assert (answer.status_code, list(answer.json()["error"]["details"]["fields"])) == (400, [unknown])
    assert User.objects.count() == before


@pytest.mark.django_db
def test_a_body_larger_than_any_calls_is_413() -> None:
    client = Client()
    client.force_login(make_user("admin"))
    answer = client.post("/api/v1/sites/", b" " * (MOST_BYTES + 1), content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
