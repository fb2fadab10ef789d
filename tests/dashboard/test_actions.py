"""Start, stop, restart, trigger, publish: who may, what is asked, and the sentence when it cannot be."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from api.models import Command, VirtualMachine
from audit.models import AuditEntry
from tests.dashboard.results_rows import hear
from tests.rows import make_machine, make_tool

pytestmark = pytest.mark.django_db
Browser = Callable[..., Client]


def connected(status: str = "stopped", mode: str = "TESTE") -> VirtualMachine:
    return hear(make_machine("vm_a", mode=mode), status=status, mode=mode)


def said(client: Client, address: str, **posted: str) -> str:
    answer = client.post(address, posted, follow=True)
    html = answer.content.decode()
    block = html[html.index('id="messages"') : html.index("</div>", html.index('id="messages"'))]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", block)).partition(">")[2].strip()


def test_start_is_asked_by_the_person_at_the_page(browser: Browser) -> None:
    machine = connected()
    assert said(browser("operator"), "/m/vm_a/start") == "Start asked (version 1)."
    asked = machine.desired()
    assert asked is not None
    assert (asked.asked.run_state, asked.author.startswith("operator_")) == ("running", True)
    entry = AuditEntry.objects.filter(actor_name=asked.author).order_by("-seq").first()
    assert entry is not None


@pytest.mark.parametrize(
    ("act", "field", "value"), [("stop", "run_state", "stopped"), ("restart", "run_generation", 1)]
)
def test_stop_and_restart_are_desired_state(browser: Browser, act: str, field: str, value: object) -> None:
    machine = connected("running")
    browser("operator").post(f"/m/vm_a/{act}")
    asked = machine.desired()
    assert asked is not None
    assert getattr(asked.asked, field) == value


def test_a_trigger_is_a_command(browser: Browser) -> None:
    connected("running")
    assert said(browser("operator"), "/m/vm_a/trigger") == "One inspection asked for."
    assert Command.objects.get().kind == "trigger"


def test_what_is_not_possible_now_is_one_sentence(browser: Browser) -> None:
    make_machine("vm_a")
    client = browser("operator")
    assert said(client, "/m/vm_a/start") == "vm_a is not connected."
    assert said(client, "/m/vm_a/trigger") == "vm_a is not connected."


def test_the_sentence_is_in_the_language_of_the_page(browser: Browser) -> None:
    make_machine("vm_a")
    assert said(browser("operator", language="pt-br"), "/m/vm_a/start") == "vm_a não está conectada."


@pytest.mark.parametrize("act", ["start", "stop", "restart", "trigger"])
def test_a_viewer_is_refused_and_that_is_kept(browser: Browser, act: str) -> None:
    machine = connected("running")
    assert browser("viewer").post(f"/m/vm_a/{act}").status_code == 403
    assert machine.desired() is None
    assert not Command.objects.exists()


@pytest.mark.parametrize("act", ["start", "stop", "restart", "trigger", "publish"])
def test_an_act_is_never_a_link(browser: Browser, act: str) -> None:
    connected("running")
    assert browser("admin").get(f"/m/vm_a/{act}").status_code == 405


def test_an_act_wants_the_pages_token() -> None:
    from tests.rows import make_user

    connected("running")
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("admin"))
    answer = client.post("/m/vm_a/stop")
    assert answer.status_code == 403
    assert b"nada foi feito" in answer.content


def buttons(html: str) -> dict[str, bool]:
    """Return the acts on a page and whether each can be pressed."""
    found = re.findall(
        r'action="/m/vm_a/(start|stop|restart|trigger)">.*?<button class="button[^"]*"( disabled)?', html, re.DOTALL
    )
    return {name: not disabled for name, disabled in found}


def test_only_what_is_possible_can_be_pressed(browser: Browser) -> None:
    connected("stopped")
    html = browser("operator").get("/m/vm_a/").content.decode()
    assert buttons(html) == {"start": True, "stop": False, "restart": False, "trigger": False}


def test_a_viewer_sees_the_buttons_and_why_they_do_nothing(browser: Browser) -> None:
    connected("running")
    html = browser("viewer").get("/m/vm_a/").content.decode()
    assert buttons(html) == dict.fromkeys(("start", "stop", "restart", "trigger"), False)
    assert "Starting and stopping needs the role operator." in html


def test_stopping_asks_twice_only_in_production(browser: Browser) -> None:
    machine = connected("running", "TESTE")
    client = browser("operator")
    assert "Stop production?" not in client.get("/m/vm_a/").content.decode()
    hear(machine, 2, status="running", mode="PRODUCAO")
    assert "Stop production?" in client.get("/m/vm_a/").content.decode()


def test_publishing_wants_a_reason_and_keeps_the_rest(browser: Browser) -> None:
    make_tool(connected())
    answer = browser("engineer").post("/m/vm_a/publish", {"reason": "  "})
    assert answer.status_code == 400
    assert "Say in one line why you publish." in answer.content.decode()
    assert not VirtualMachine.objects.get().published_recipe


def test_publishing_makes_a_version_and_asks_for_it(browser: Browser) -> None:
    machine = connected()
    make_tool(machine)
    assert said(browser("engineer"), "/m/vm_a/publish", reason="first") == "Version 1 is published."
    asked = machine.desired()
    version = machine.recipe_versions.get()
    assert asked is not None
    assert (version.reason, asked.asked.recipe_sha256) == ("first", version.sha256)


def test_a_refused_publish_says_why_and_keeps_what_was_typed(browser: Browser) -> None:
    connected()
    answer = browser("engineer").post("/m/vm_a/publish", {"reason": "my <good> reason"})
    html = answer.content.decode()
    assert answer.status_code == 400
    assert "vm_a has no active tool to publish." in html
    assert 'value="my &lt;good&gt; reason"' in html


def test_a_mode_is_asked_with_its_reason(browser: Browser) -> None:
    machine = connected()
    make_tool(machine)
    client = browser("engineer")
    client.post("/m/vm_a/publish", {"reason": "first"}, follow=True)
    assert said(client, "/m/vm_a/mode", mode="PRODUCAO", reason="ready") == "Mode Production asked (version 2)."
    asked = machine.desired()
    assert asked is not None
    assert (asked.asked.mode, asked.reason) == ("PRODUCAO", "ready")


def test_a_mode_that_cannot_be_now_is_one_sentence_and_what_was_typed_stays(browser: Browser) -> None:
    connected()
    client = browser("engineer")
    client.post("/m/vm_a/start")
    answer = client.post("/m/vm_a/mode", {"mode": "PRODUCAO", "reason": "my <good> reason"})
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "Nothing is published for vm_a yet." in html
    assert 'value="my &lt;good&gt; reason"' in html
    assert 'value="PRODUCAO" checked' in html


def test_no_other_mode_can_be_asked(browser: Browser) -> None:
    machine = connected()
    assert browser("engineer").post("/m/vm_a/mode", {"mode": "RUN", "reason": "because"}).status_code == 400
    assert machine.desired() is None


@pytest.mark.parametrize("role", ["viewer", "operator", "quality"])
def test_a_mode_is_the_engineers(browser: Browser, role: str) -> None:
    machine = connected()
    assert browser(role).post("/m/vm_a/mode", {"mode": "PRODUCAO", "reason": "because"}).status_code == 403
    assert machine.desired() is None


def test_a_mode_without_a_reason_is_not_asked(browser: Browser) -> None:
    machine = connected()
    answer = browser("engineer").post("/m/vm_a/mode", {"mode": "DESENVOLVIMENTO", "reason": " "})
    assert (answer.status_code, machine.desired()) == (400, None)
    assert "Say in one line why you change the mode." in answer.content.decode()


def test_control_is_taken_kept_and_given_back_at_the_page(browser: Browser) -> None:
    connected("running")
    ana, rui = browser("operator"), browser("operator")
    assert "Take control" in ana.get("/m/vm_a/").content.decode()
    assert ana.post("/m/vm_a/control/keep").status_code == 409
    assert said(ana, "/m/vm_a/control/take") == "You have control while this page is open."
    mine, theirs = (client.get("/m/vm_a/").content.decode() for client in (ana, rui))
    assert 'data-control="/m/vm_a/control/keep"' in mine
    assert "data-control" not in theirs
    assert "has control" in theirs
    # Only the stop can be pressed by others.
    pressed = re.findall(r'action="/m/vm_a/(start|stop|restart|trigger)">.*?<button class="[^"]*"( disabled)?', theirs)
    assert dict(pressed) == {"start": " disabled", "stop": "", "restart": " disabled", "trigger": " disabled"}
    assert ana.post("/m/vm_a/control/keep").status_code == 204
    assert rui.post("/m/vm_a/control/keep").status_code == 409
    assert "has control" in said(rui, "/m/vm_a/restart")
    ana.post("/m/vm_a/control/give-back")
    assert said(rui, "/m/vm_a/restart") == "Restart asked (version 1)."


def test_control_is_broken_at_the_page_with_a_reason(browser: Browser) -> None:
    connected("running")
    ana, chief = browser("operator"), browser("admin")
    ana.post("/m/vm_a/control/take")
    assert ana.post("/m/vm_a/control/break", {"reason": "mine"}).status_code == 403
    assert said(chief, "/m/vm_a/control/break", reason=" ") == "Say in one line why you break their control."
    assert said(chief, "/m/vm_a/control/break", reason="gone home") == "Nobody has control of it now."
    assert AuditEntry.objects.filter(verb="break control", reason="gone home").exists()
