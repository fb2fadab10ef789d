"""A16: whatever is sent to the door of machines or to a form of the pages, no answer is a 5xx and none tells a path or a secret.

tests/config/test_schemathesis.py sends sense and nonsense to every call of REST. The door's calls are described by their models: the same
is done with them here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from pydantic import BaseModel
from schemathesis import GenerationMode

from analyticlens.protocol.desired import CommandReport, EnrolRequest, LocalChange
from analyticlens.protocol.errors import ErrorAnswer
from analyticlens.protocol.heartbeat import Goodbye, Heartbeat
from analyticlens.protocol.records import BatchEnvelope
from tests.abuse.plant import ROUTES, Yard, said, session, yard
from tests.edge.caller import Door
from tests.rows import make_user

pytestmark = pytest.mark.django_db
EXAMPLES = 8
CALLS: dict[str, tuple[str, str, type[BaseModel]]] = {
    "enrol": ("POST", "enrol", EnrolRequest),
    "heartbeat": ("POST", "heartbeat", Heartbeat),
    "goodbye": ("POST", "goodbye", Goodbye),
    "batches": ("POST", "batches", BatchEnvelope),
    "desired": ("PUT", "desired", LocalChange),
    "command": ("POST", "commands/{}", CommandReport),
}
SECRETS = ("Traceback", "site-packages", "/orchestrator/", "sqlite", "psycopg", ".py", "SELECT ")


@pytest.fixture
def own(settings: Any, tmp_path: Path) -> Yard:
    """A machine with everything."""
    settings.MEDIA_ROOT = tmp_path
    return yard("own")


def described(method: str, path: str, model: type[BaseModel]) -> Any:
    """Return a call of the door as schemathesis knows one."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    parts = schema.pop("$defs", {})
    body = {"content": {"application/json": {"schema": schema}}, "required": True}
    call = {"requestBody": body, "responses": {"200": {"description": "taken"}}}
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "door", "version": "1"},
        "paths": {f"/{path}": {method.lower(): call}},
        "components": {"schemas": parts},
    }
    return schemathesis.openapi.from_dict(whole)[f"/{path}"][method]


def check(status: int, answer: Any) -> None:
    assert status < 500, answer
    text = json.dumps(answer)
    assert not [word for word in SECRETS if word in text], text
    if status >= 400:
        ErrorAnswer.model_validate(answer)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["sense", "nonsense"])
@pytest.mark.parametrize("name", CALLS)
def test_the_door_answers_whatever_is_sent(own: Yard, name: str, mode: Any) -> None:
    method, path, model = CALLS[name]
    path = path.format(own.command.id)
    door = Door(own.token)
    newest = own.machine.desired()
    assert newest is not None
    headers = {"If_Match": f'"{newest.version}"'} if name == "desired" else {}

    @hypothesis.settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=described(method, path, model).as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        try:
            raw = json.dumps(case.body).encode()
        except (TypeError, ValueError):
            return
        check(*door.call(method, path, raw, **headers))

    run: Any = send
    run()


TEXTS = st.text(max_size=30) | st.sampled_from(
    ["", "0", "-1", "1e999", "NaN", "9" * 40, "a\0b", "[" * 500, '{"a":1}', "None"]
)


def fields_of(page: bytes) -> list[str]:
    """Return the names of a page's fields."""
    return [part.partition(b'"')[0].decode() for part in page.split(b'name="')[1:]]


FORMS = {
    "machine_mode": "/m/vm_own/",
    "machine_publish": "/m/vm_own/tools/",
    "tool_add": "/m/vm_own/tools/",
    "tool_save": "/m/vm_own/tools/1/",
    "tool_move": "/m/vm_own/tools/",
    "tool_remove": "/m/vm_own/tools/",
    "preferences": "/login/",
    "machine_trigger": "/m/vm_own/",
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_answers_whatever_is_sent(own: Yard, name: str) -> None:
    client = session(make_user("admin"))
    address = next(route for route in ROUTES if route.name == name).at(**own.values)
    names = sorted({*fields_of(said(client.get(FORMS[name]))), "reason", "mode", "type", "to", "place", "next"})

    @hypothesis.settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(form=st.dictionaries(st.sampled_from(names) | TEXTS, TEXTS, max_size=12))
    def send(form: dict[str, str]) -> None:
        answer = client.post(address, form)
        assert answer.status_code < 500, form
        assert b"Traceback" not in said(answer)

    run: Any = send
    run()


def odd() -> Iterator[dict[str, str]]:
    """Give what may stand in the places of addresses and is nothing."""
    big = "9" * 30
    numbers = {"number": big, "version": big, "pk": big}
    yield {**numbers, "machine_id": "vm_own", "object_id": big}
    yield {
        **{name: str(2**63) for name in numbers},
        "machine_id": "x" * 300 + "\0",
        "object_id": "a\0b",
        "prefix": "\0",
    }
    yield {"machine_id": "%00\ud83d\ude00"[:3], "code": "x" * 300, "sha256": "z" * 64, "object_id": "_"}


QUERIES = (
    "limit=" + "9" * 30,
    "limit=-1&cursor=%00&page=0&p=" + "9" * 20,
    "cursor=bz0tMQ==&since=0001-01-01T00:00:00%2B14:00&until=9999-99",
    "q=%00&state=%00&ids=%00&v=" + "9" * 30,
    "result=" + "9" * 30 + "&search=%00&tag=%00&about=%25%25",
    "q=%ed%a0%80&machine=%ff&o=9.9&e=%00",
    "a=1&" * 2000,
)


def test_an_address_answers_whatever_stands_in_it(own: Yard) -> None:
    client = session(make_user("admin"), raise_request_exception=True)
    djangos = [route for route in ROUTES if route.name.startswith("admin:")]
    routes = [
        route for route in ROUTES if route not in djangos and route.name not in {"rest:schema", "rest:docs", "logout"}
    ]
    routes += djangos[::12]
    for values in odd():
        for route in (route for route in routes if route.places):
            answer = client.get(quote(route.at(**{**own.values, **values})))
            assert said(answer)
            assert answer.status_code < 500, (route.name, values)
    for query in QUERIES:
        for route in routes[:: 1 if "%00" in query else 3]:
            answer = client.get(f"{route.at(**own.values)}?{query}")
            assert said(answer)
            assert answer.status_code < 500, (route.name, query)
