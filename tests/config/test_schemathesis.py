"""Whatever is sent to any call of REST: an answer that is documented, and never a 5xx."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.models import VirtualMachine
from tests.rows import make_machine, make_tool, make_user
from user.models import ApiToken, Line, Site

SCHEMA = schemathesis.openapi.from_dict(json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text()))
FOUND: list[Any] = list(SCHEMA.get_all_operations())
OPERATIONS = {found.ok().label: found.ok() for found in FOUND}
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 5


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """Keep the test's own connection open between calls: with it its rows would go."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def token() -> str:
    """A token that may do all, in a plant with a machine that is there."""
    line = Line.objects.create(site=Site.objects.create(code="one", name="One"), code="l", name="L")
    machine = make_machine("vm_a", line=line)
    make_tool(machine)
    VirtualMachine.objects.filter(pk=machine.pk).update(connection_status="connected", status="running")
    _row, token = ApiToken.issue(make_user("admin"), "test", "admin")
    return token.text


def existing(case: Any) -> None:
    """Have most calls be about what is there: random names are nearly always 404."""
    names = {"machine_id": "vm_a", "number": 1, "version": 1, "code": "one"}
    case.path_parameters = {name: names.get(name, value) for name, value in (case.path_parameters or {}).items()}


@pytest.mark.django_db
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["sense", "nonsense"])
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_documented(label: str, mode: Any, token: str) -> None:
    operation = OPERATIONS[label]
    SCHEMA.app = get_wsgi_application()
    strategy = operation.as_strategy(generation_mode=mode)

    @hypothesis.settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=strategy, there=st.booleans())
    def send(case: Any, there: bool) -> None:
        if there:
            existing(case)
        response = case.call(headers={"Authorization": f"Bearer {token}"}, app=SCHEMA.app)
        case.validate_response(response, checks=CHECKS)

    run: Callable[[], None] = send
    run()
