"""The page of a machine's configuration: what is shown, tried, kept and asked for."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from analyticlens.protocol.configuration import Configuration, patched
from analyticlens.protocol.desired import CommandReport
from api.models import Command, VirtualMachine
from dashboard.configuration_form import PREFIX, ConfigurationForm
from tests.rows import SYSTEM, heartbeat, make_machine, make_user

pytestmark = pytest.mark.django_db
PAGE = "/m/vm_a/configuration/"
STREAM = {"source": {"type": "rtsp", "rtsp_url": "rtsp://camera/live"}}


@pytest.fixture(autouse=True)
def machine() -> VirtualMachine:
    found = make_machine("vm_a")
    found.receive_heartbeat(heartbeat())
    return found


@pytest.fixture
def engineer() -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(make_user("engineer"))
    return client


def filled(configuration: Configuration, **changed: Any) -> dict[str, Any]:
    """Return what a browser sends of the form of a configuration, with some fields typed otherwise."""
    form = ConfigurationForm(configuration)
    sent = {"version": "0", "shown": form.boxes, "reason": "because", "act": "save"}
    for bound in form:
        value = bound.value()
        if value is True:
            sent[bound.html_name] = "on"
        elif value not in (None, False):
            sent[bound.html_name] = bound.field.prepare_value(value)
    sent |= {f"{PREFIX}-{name.replace('__', '.')}": value for name, value in changed.items()}
    return {name: value for name, value in sent.items() if value is not None}


@pytest.mark.parametrize(
    "patch",
    [
        {},
        STREAM,
        {"source": {"type": "genicam"}, "trigger": {"type": "scheduled", "cron": "0 6 * * 1-5"}},
        {"source": {"type": "pasta", "folder_path": "in", "bits": 12}, "logging": {"enabled": True}},
        {"trigger": {"type": "external", "signal": {"type": "mqtt", "host": "broker", "topic": "line/1"}}},
        {"trigger": {"type": "external", "signal": {"type": "modbus"}}, "pictures": {"keep_not_ok": False}},
        {"health": {"black_max": 30.5, "patch": [1, 2, 30, 40]}},
    ],
)
def test_what_is_not_touched_stays_whatever_kinds_are_chosen(
    machine: VirtualMachine, engineer: Client, patch: dict[str, Any]
) -> None:
    before = patched(Configuration(), patch)
    machine.want(by=SYSTEM, reason="begin", configuration=before)
    answer = engineer.post(PAGE, {**filled(before), "version": "1"})
    assert answer.status_code == 302, answer.content.decode()
    desired = machine.desired()
    assert desired is not None
    assert desired.asked.configuration == before


def test_a_change_is_asked_for_with_its_reason(machine: VirtualMachine, engineer: Client) -> None:
    before = machine.get_configuration()
    sent = filled(before, source__type="rtsp", source__rtsp_url="rtsp://camera/live", trigger__interval_ms="250")
    assert engineer.post(PAGE, {**sent, "reason": "the camera came"}).status_code == 302
    desired = machine.desired()
    assert desired is not None
    asked = desired.asked.configuration
    assert (asked.source.type, asked.source.rtsp_url) == ("rtsp", "rtsp://camera/live")
    assert asked.trigger.interval_ms == 250
    assert desired.reason == "the camera came"


def test_another_kind_shows_its_own_fields_and_keeps_what_was_typed(engineer: Client) -> None:
    sent = filled(Configuration(), source__type="rtsp", trigger__interval_ms="333")
    page = engineer.post(PAGE, {**sent, "act": "kind"}).content.decode()
    assert "station-source.rtsp_url" in page
    assert "station-source.folder_path" not in page
    assert 'value="333"' in page
    assert "Not saved" not in page


def test_kinds_chosen_and_sent_at_once_have_their_usual_values(machine: VirtualMachine, engineer: Client) -> None:
    sent = filled(machine.get_configuration(), trigger__type="external")
    assert engineer.post(PAGE, sent).status_code == 302
    desired = machine.desired()
    assert desired is not None
    trigger = desired.asked.configuration.trigger
    assert trigger == patched(Configuration(), {"trigger": {"type": "external"}}).trigger


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"trigger__interval_ms": "50"}, "at least 100 ms"),
        ({"trigger__interval_ms": "soon"}, "Write a number."),
        ({"source__type": "rtsp", "source__rtsp_url": "rtsp://user:word@camera/live"}, "user name and password"),
        ({"trigger__type": "scheduled", "trigger__cron": "30 2 31 2 *"}, "never comes"),
        ({"health__displacement_max": "2"}, "need a commissioning picture"),
    ],
)
def test_what_makes_no_sense_is_said_and_nothing_is_lost(
    machine: VirtualMachine, engineer: Client, changed: dict[str, str], said: str
) -> None:
    answer = engineer.post(PAGE, filled(machine.get_configuration(), **changed))
    page = answer.content.decode()
    assert answer.status_code == 400
    assert said in page
    assert 'value="because"' in page
    assert machine.desired() is None


def test_who_was_overtaken_is_told_and_keeps_what_was_typed(machine: VirtualMachine, engineer: Client) -> None:
    machine.want(by=SYSTEM, reason="other hands", configuration=patched(Configuration(), STREAM))
    answer = engineer.post(PAGE, filled(machine.get_configuration(), trigger__interval_ms="777"))
    assert answer.status_code == 412
    assert 'value="777"' in answer.content.decode()


def test_without_a_reason_nothing_is_asked(machine: VirtualMachine, engineer: Client) -> None:
    assert engineer.post(PAGE, {**filled(machine.get_configuration()), "reason": " "}).status_code == 400
    assert machine.desired() is None


def test_a_source_is_tried_and_the_page_follows(machine: VirtualMachine, engineer: Client) -> None:
    sent = filled(machine.get_configuration(), source__type="rtsp", source__rtsp_url="rtsp://camera/live")
    page = engineer.post(PAGE, {**sent, "act": "test"}).content.decode()
    command = Command.objects.get(kind="test_source")
    assert command.args["source"]["rtsp_url"] == "rtsp://camera/live"
    part = f"{PAGE}looked/{command.pk}"
    assert f'hx-get="{part}"' in page
    assert machine.desired() is None
    command.report(CommandReport(state="failed", message="camera refuses the user or the password"))
    ended = engineer.get(part).content.decode()
    assert "camera refuses the user or the password" in ended
    assert "hx-get" not in ended
    answer = engineer.get(part, headers={"Accept-Language": "pt-BR"})
    assert "recusa" in answer.content.decode()


def test_a_snapshot_shows_its_picture_and_offers_it_for_commissioning(
    machine: VirtualMachine, engineer: Client
) -> None:
    engineer.post(PAGE, {**filled(machine.get_configuration()), "act": "snapshot"})
    command = Command.objects.get(kind="snapshot")
    command.report(CommandReport(state="done", result={"picture": "ab" * 32, "resolution": [640, 480], "name": "x"}))
    part = engineer.get(f"{PAGE}looked/{command.pk}").content.decode()
    assert "ab" * 32 in part
    assert 'value="commission"' in part
    viewer = Client()
    viewer.force_login(make_user("viewer"))
    assert 'value="commission"' not in viewer.get(f"{PAGE}looked/{command.pk}").content.decode()


def test_viewers_look_and_change_nothing(machine: VirtualMachine) -> None:
    viewer = Client()
    viewer.force_login(make_user("viewer"))
    assert "disabled" in viewer.get(PAGE).content.decode()
    for act in ("save", "test", "snapshot", "commission", "kind"):
        assert viewer.post(PAGE, {**filled(machine.get_configuration()), "act": act}).status_code == 403
    assert not Command.objects.exists()
