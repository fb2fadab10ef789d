"""Groups of machines as pages: made, filled, previewed before it is saved, with each machine's own values beside the group's."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analyticlens.protocol.configuration import Configuration, patched
from analyticlens.protocol.layers import KINDS, values_of
from api import grouping, membership
from api.models import GroupMember, MachineGroup, VirtualMachine
from audit import Actor
from dashboard.configuration_words import configuration_specs, place_text
from dashboard.group_form import SharedForm
from tests.rows import SYSTEM, make_machine, make_user
from user.models import Line, Site

pytestmark = pytest.mark.django_db
Browser = Callable[..., Client]
ANNA = Actor("user", "anna")


def make_group(shared: dict[str, Any], *machines: VirtualMachine, take: bool = False, **more: Any) -> MachineGroup:
    group = grouping.add("presses", "Presses", by=ANNA, reason="first", shared=shared, **more)
    for machine in machines:
        membership.join(group, machine, take=take, by=ANNA, reason="joins")
    return group


def text(answer: Any) -> str:
    """Return what a page says, without its markup."""
    body = answer.content.decode()
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body[body.index("<main") :])))


def hidden(answer: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', answer.content.decode())
    assert found is not None
    return found[1]


def fps(machine_id: str) -> int:
    return VirtualMachine.objects.get(machine_id=machine_id).fps


# The list


def test_where_there_is_no_group_the_page_says_what_one_is(browser: Browser) -> None:
    assert "share a part of their configuration" in text(browser("viewer").get("/groups/"))


def test_a_group_is_made_and_opened(browser: Browser) -> None:
    client = browser()
    answer = client.post("/groups/add", {"name": "Presses", "code": "presses", "site": ""}, follow=True)
    assert answer.redirect_chain == [("/groups/presses/", 302)]
    assert "Now say what it shares" in text(answer)
    assert "Presses" in text(client.get("/groups/"))


@pytest.mark.parametrize(("code", "sentence"), [("a b", "letters, digits"), ("presses", "already"), ("", "letters")])
def test_a_group_that_cannot_be_made_says_why_and_keeps_what_was_typed(
    browser: Browser, code: str, sentence: str
) -> None:
    make_group({})
    answer = browser().post("/groups/add", {"name": "My presses", "code": code})
    assert answer.status_code == 400
    assert sentence in text(answer)
    assert 'value="My presses"' in answer.content.decode()


# Changing what is shared


def test_nothing_is_saved_before_its_preview_was_seen(browser: Browser) -> None:
    make_group({}, make_machine("vm_a"), make_machine("vm_b", fps=9))
    client, address = browser(), "/groups/presses/shared"
    typed = {"shared-source.fps": "12", "reason": "calmer"}
    assert client.post(address, {**typed, "act": "save"}).status_code == 412
    seen = client.post(address, {**typed, "act": "preview"})
    said = text(seen)
    assert "1 machine would change" in said
    assert "Frames a second: 30 → 12" in said
    assert "Frames a second stays 9: that is its own" in said
    assert (fps("vm_a"), MachineGroup.objects.get().version) == (30, 1)
    tag = hidden(seen, "previewed")
    other = client.post(address, {**typed, "shared-source.fps": "13", "act": "save", "previewed": tag})
    assert other.status_code == 412
    done = client.post(address, {**typed, "act": "save", "previewed": tag}, follow=True)
    assert "Version 2 is shared. 1 machine is asked to change." in text(done)
    assert (fps("vm_a"), fps("vm_b")) == (12, 9)


def test_saving_wants_a_reason(browser: Browser) -> None:
    make_group({})
    client, typed = browser(), {"shared-source.fps": "12"}
    tag = hidden(client.post("/groups/presses/shared", typed), "previewed")
    answer = client.post("/groups/presses/shared", {**typed, "act": "save", "previewed": tag, "reason": " "})
    assert answer.status_code == 400
    assert "Say in one line why" in text(answer)


def test_a_preview_of_an_older_version_is_no_preview(browser: Browser) -> None:
    group = make_group({})
    client, typed = browser(), {"shared-source.fps": "12", "reason": "x"}
    tag = hidden(client.post("/groups/presses/shared", typed), "previewed")
    grouping.change(group, shared={"pictures": {"ok_every": 2}}, by=ANNA, reason="", seen=True)
    answer = client.post("/groups/presses/shared", {**typed, "act": "save", "previewed": tag})
    assert answer.status_code == 412
    assert MachineGroup.objects.get().shared == {"pictures": {"ok_every": 2}}


@pytest.mark.parametrize(
    ("field", "typed"), [("source.fps", "0"), ("source.fps", "many"), ("source.resolution", "7"), ("source.bits", "12")]
)
def test_what_no_machine_could_have_comes_back_with_a_sentence(browser: Browser, field: str, typed: str) -> None:
    make_group({})
    answer = browser().post("/groups/presses/shared", {f"shared-{field}": typed, "act": "preview"})
    assert answer.status_code == 400
    assert f'value="{typed}"' in answer.content.decode()
    assert 'role="alert"' in answer.content.decode()


def test_the_form_has_a_field_for_every_place_and_reads_back_what_it_shows() -> None:
    shared = {
        "source": {"type": "genicam", "resolution": [640, 480], "bits": 12, "folder_path": ""},
        "trigger": {"type": "continuous", "pace": "frames", "interval_ms": 250},
        "logging": {"enabled": True, "policy": "REJECTED"},
        "pictures": {"keep_not_ok": False, "ok_every": 0},
        "tool_timeout_ms": 90,
    }
    form = SharedForm(shared)
    typed = {
        f"shared-{name}": field.prepare_value(form.get_initial_for_field(field, name))
        for name, field in form.fields.items()
        if form.get_initial_for_field(field, name) is not None
    }
    again = SharedForm(shared, typed)
    assert again.is_valid(), again.errors
    assert again.shared == grouping.checked(shared)
    every = set(values_of(Configuration()))
    for name, (_common, kinds) in KINDS.items():
        every |= {(*name, field) for kind in kinds for field in kind.model_fields}
    every -= set(KINDS)
    assert set(configuration_specs()) == every
    assert all(place_text(path) != ".".join(path) for path in every)


def test_a_signal_is_shared_with_the_trigger_it_belongs_to() -> None:
    signal = {"type": "mqtt", "topic": "line/4/part", "qos": 2}
    typed = {
        "shared-trigger.type": "external",
        **{f"shared-trigger.signal.{name}": str(value) for name, value in signal.items()},
    }
    form = SharedForm({}, typed)
    assert form.is_valid(), form.errors
    assert form.shared == {"trigger": {"type": "external", "signal": signal}}


def test_an_older_version_is_previewed_before_it_is_shared_again(browser: Browser) -> None:
    group = make_group({"source": {"fps": 12}}, make_machine("vm_a"), take=True)
    grouping.change(group, shared={}, by=ANNA, reason="no", seen=True)
    grouping.reach(group, by=ANNA, reason="no")
    client = browser()
    seen = client.post("/groups/presses/versions/1")
    assert "1 machine would change" in text(seen)
    typed = {"shared-source.fps": "12", "previewed": hidden(seen, "previewed"), "act": "save", "reason": "back"}
    client.post("/groups/presses/shared", typed)
    assert (MachineGroup.objects.get().version, fps("vm_a")) == (3, 12)


# The members side by side


def test_the_table_has_a_column_for_each_place_where_any_differs(browser: Browser) -> None:
    one, other = make_machine("vm_a", name="One", fps=9), make_machine("vm_b", name="Other", source_type="pasta")
    make_group({"source": {"fps": 30}, "pictures": {"ok_every": 10}}, one, other)
    page = browser("viewer").get("/groups/presses/")
    said = text(page)
    assert "Source: Frames a second group: 30" in said
    assert "Pictures: Keep one OK picture of group" not in said
    assert "as the group" in said
    assert "1 value beside the group Source: Kind: Picture folder" in said
    assert 'name="place"' in page.content.decode()


def test_marked_places_are_reset(browser: Browser) -> None:
    one, other = make_machine("vm_a", fps=9), make_machine("vm_b", fps=8)
    make_group({"source": {"fps": 12}, "pictures": {"ok_every": 3}}, one, other)
    client = browser()
    answer = client.post("/groups/presses/reset", {"place": ["vm_a:source/fps"], "reason": "back"}, follow=True)
    assert "1 machine is asked to change" in text(answer)
    assert (fps("vm_a"), fps("vm_b")) == (12, 8)
    assert GroupMember.objects.get(machine=one).overrides == {"pictures": {"ok_every": 10}}
    assert "Choose machines first" in text(client.post("/groups/presses/reset", follow=True))


def test_machines_join_as_they_are_or_take_the_groups(browser: Browser) -> None:
    make_group({"source": {"fps": 12}})
    make_machine("vm_a", fps=9)
    make_machine("vm_b", fps=9)
    client = browser()
    assert "No machines yet" in text(client.get("/groups/presses/"))
    client.post("/groups/presses/join", {"machine": ["vm_a"], "differing": "keep"})
    client.post("/groups/presses/join", {"machine": ["vm_b"], "differing": "take"})
    assert (fps("vm_a"), fps("vm_b")) == (9, 12)
    assert "Every machine is in a group already" in text(client.get("/groups/presses/"))


def test_a_machine_is_taken_out_and_the_empty_group_removed(browser: Browser) -> None:
    make_group({}, make_machine("vm_a"))
    client = browser()
    assert "take them out first" in text(client.post("/groups/presses/remove", follow=True))
    client.post("/groups/presses/members/vm_a/leave")
    assert client.post("/groups/presses/remove", follow=True).redirect_chain == [("/groups/", 302)]
    assert not MachineGroup.objects.exists()


def test_who_is_behind_is_shown_with_why_and_asked_again(browser: Browser) -> None:
    machine = make_machine("vm_a", name="Press 1")
    group = make_group({}, machine)
    machine.retire(by=SYSTEM, reason="")
    grouping.change(group, shared={"source": {"fps": 12}}, by=ANNA, reason="", seen=True)
    client = browser()
    assert "Press 1 : vm_a is retired." in text(client.get("/groups/presses/"))
    machine.bring_back(by=SYSTEM, reason="")
    assert "Press 1 : Source: Frames a second 30 → 12" in text(client.get("/groups/presses/"))
    client.post("/groups/presses/apply")
    assert fps("vm_a") == 12


def test_the_machines_page_says_where_it_differs(browser: Browser) -> None:
    machine = make_machine("vm_a")
    make_group({"source": {"fps": 12}}, machine, take=True)
    client = browser("viewer")
    assert "Presses , nothing differs" in text(client.get("/m/vm_a/"))
    machine.want(by=ANNA, reason="", configuration=patched(machine.get_configuration(), {"source": {"fps": 5}}))
    page = client.get("/m/vm_a/")
    assert "Presses , 1 place differs" in text(page)
    assert 'href="/groups/presses/"' in page.content.decode()


def test_name_description_and_site_are_changed(browser: Browser) -> None:
    make_group({})
    Site.objects.create(code="here", name="Here")
    browser().post("/groups/presses/describe", {"name": "New", "description": "For all", "site": "here"})
    group = MachineGroup.objects.get()
    assert group.site is not None
    assert (group.name, group.description, group.site.code, group.version) == ("New", "For all", "here", 1)


# Who may


def test_a_viewer_sees_and_changes_nothing(browser: Browser) -> None:
    make_group({}, make_machine("vm_a"))
    viewer = browser("viewer")
    assert viewer.get("/groups/presses/shared").status_code == 200
    for act in ("describe", "remove", "shared", "versions/1", "join", "members/vm_a/leave", "reset", "apply"):
        assert viewer.post(f"/groups/presses/{act}").status_code == 403, act
    assert viewer.post("/groups/add", {"code": "x"}).status_code == 403


def test_what_is_foreign_is_not_there(browser: Browser) -> None:
    far = Site.objects.create(code="far", name="Far")
    here = Site.objects.create(code="here", name="Here")
    machine = make_machine("vm_a", line=Line.objects.create(site=far, code="l", name="L"))
    make_group({}, machine, site=far)
    user = make_user("engineer", bounded=True, language="en")
    user.sites.add(here)
    client = Client()
    client.force_login(user)
    assert "Presses" not in text(client.get("/groups/"))
    assert client.get("/groups/presses/").status_code == 404
    for act in ("describe", "remove", "shared", "versions/1", "join", "members/vm_a/leave", "reset", "apply"):
        assert client.post(f"/groups/presses/{act}").status_code == 404, act
    assert client.post("/groups/add", {"code": "mine", "site": ""}).status_code == 400
    assert client.post("/groups/add", {"code": "mine", "site": "here"}).status_code == 302


def test_who_may_not_see_the_group_sees_its_name_at_their_machine(browser: Browser) -> None:
    line = Line.objects.create(site=Site.objects.create(code="here", name="Here"), code="l", name="L")
    make_group({}, make_machine("vm_a", line=line))
    user = make_user("viewer", bounded=True, language="en")
    user.lines.add(line)
    client = Client()
    client.force_login(user)
    page = client.get("/m/vm_a/")
    assert "Presses" in text(page)
    assert "/groups/presses/" not in page.content.decode()


@pytest.mark.parametrize("address", ["/groups/presses/", "/groups/"])
def test_the_pages_take_as_many_queries_however_many_machines_there_are(browser: Browser, address: str) -> None:
    client = browser()
    group = make_group({"source": {"fps": 12}})
    counts = []
    for first, last in ((0, 3), (3, 15)):
        for number in range(first, last):
            membership.join(group, make_machine(f"vm_{number}"), take=False, by=ANNA, reason="")
        client.get(address)
        with CaptureQueriesContext(connection) as seen:
            assert client.get(address).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 14
