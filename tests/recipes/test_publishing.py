"""Recipe versions: numbered without gaps, immutable, and what production may run."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from analyticlens.protocol.canonical import canonical_json, sha256_text
from analyticlens.protocol.recipe import Recipe
from api.errors import BadInput, NotNow
from api.models import VirtualMachine
from audit import Actor
from audit.models import AuditEntry
from recipes.models import RecipeVersion
from recipes.publishing import apply_draft, compile_rows, publish, register_local
from tests.rows import make_machine, make_tool

pytestmark = pytest.mark.django_db
ANA = Actor("user", "ana", "192.0.2.7")
LOCAL = Actor("local", "local:192.0.2.50", "192.0.2.50")
SET_THERE = Recipe.model_validate({"tools": [{"type": "grayscale", "id": 3, "name": "Grey"}]})


@pytest.fixture
def machine() -> VirtualMachine:
    found = make_machine()
    make_tool(found)
    return found


def test_publishing_makes_version_1_and_asks_for_it(machine: VirtualMachine) -> None:
    version = publish(machine, by=ANA, reason="first")
    assert (version.number, version.author, version.reason, version.origin) == (1, "ana", "first", "published")
    assert version.canonical == canonical_json(machine.draft_recipe())
    assert version.sha256 == sha256_text(version.canonical) == version.recipe.sha256
    asked = machine.desired()
    assert asked is not None
    assert asked.asked.recipe_sha256 == version.sha256
    assert machine.published_recipe == version.sha256


def test_numbers_have_no_gaps_and_are_each_machines_own(machine: VirtualMachine) -> None:
    other = make_machine()
    make_tool(other)
    for number in (1, 2, 3):
        make_tool(machine, f"more {number}")
        assert publish(machine, by=ANA, reason="more").number == number
    assert publish(other, by=ANA, reason="first").number == 1


def test_the_same_recipe_published_again_is_another_version_of_it(machine: VirtualMachine) -> None:
    first = publish(machine, by=ANA, reason="first")
    second = publish(machine, by=ANA, reason="approved by quality")
    assert (second.number, second.sha256) == (2, first.sha256)
    assert machine.desired_versions.count() == 1


def test_a_number_that_was_rolled_back_is_given_again(machine: VirtualMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise NotNow("no")

    with monkeypatch.context() as patched:
        patched.setattr(VirtualMachine, "want", refuse)
        with pytest.raises(NotNow):
            publish(machine, by=ANA, reason="first")
    assert not RecipeVersion.objects.exists()
    assert VirtualMachine.objects.get(pk=machine.pk).published_recipe == ""
    assert publish(VirtualMachine.objects.get(pk=machine.pk), by=ANA, reason="first").number == 1


@pytest.mark.parametrize("reason", ["", "  "])
def test_publishing_wants_a_reason(machine: VirtualMachine, reason: str) -> None:
    with pytest.raises(BadInput):
        publish(machine, by=ANA, reason=reason)


def test_no_tool_is_no_recipe() -> None:
    with pytest.raises(BadInput):
        publish(make_machine(), by=ANA, reason="first")


def test_a_recipe_the_engine_refuses_is_refused_whole_with_its_words(machine: VirtualMachine) -> None:
    formula = {"operation": "custom_formula", "custom_formula": "nothing_of_that_name + 1"}
    make_tool(machine, "Share", tool_type="math", method="luminance", tool_config=formula)
    with pytest.raises(BadInput, match="nothing_of_that_name"):
        publish(machine, by=ANA, reason="first")
    assert not RecipeVersion.objects.exists()
    assert machine.desired() is None
    assert "nothing_of_that_name" in AuditEntry.objects.get(refused=True, verb="publish").reason


def test_publishing_on_a_retired_machine_leaves_an_entry_and_no_version(machine: VirtualMachine) -> None:
    machine.retire(by=ANA, reason="old")
    with pytest.raises(NotNow):
        publish(machine, by=ANA, reason="late")
    assert AuditEntry.objects.get(refused=True).verb == "publish"
    assert not machine.recipe_versions.exists()


def test_an_edit_the_machine_in_development_would_not_run_leaves_an_entry(machine: VirtualMachine) -> None:
    machine.mode = "DESENVOLVIMENTO"
    config = {"operation": "custom_formula", "custom_formula": "nothing_of_that_name"}
    make_tool(machine, "wrong", tool_type="math", method="", tool_config=config)
    with pytest.raises(BadInput):
        apply_draft(machine, by=ANA, reason="edit")
    assert AuditEntry.objects.get(refused=True).verb == "apply"


def test_rows_that_make_no_recipe_are_refused_with_the_words(machine: VirtualMachine) -> None:
    make_tool(machine, "lost", tool_config={"follow": [77]})
    with pytest.raises(BadInput, match="follows 77"):
        compile_rows(machine)


def test_a_retired_machine_publishes_nothing(machine: VirtualMachine) -> None:
    machine.retire(by=ANA, reason="sold")
    with pytest.raises(NotNow):
        publish(machine, by=ANA, reason="first")
    assert not RecipeVersion.objects.exists()


def test_a_version_never_changes_and_is_never_deleted(machine: VirtualMachine) -> None:
    version = publish(machine, by=ANA, reason="first")
    version.reason = "another"
    with pytest.raises(TypeError):
        version.save()
    with pytest.raises(TypeError):
        version.delete()


def test_publishing_is_told_in_the_entries(machine: VirtualMachine) -> None:
    publish(machine, by=ANA, reason="first")
    entry = AuditEntry.objects.get(object_type="recipes.recipeversion")
    assert (entry.actor_name, entry.reason, entry.remote_addr) == ("ana", "first", "192.0.2.7")


def test_production_runs_what_was_published(machine: VirtualMachine) -> None:
    publish(machine, by=ANA, reason="first")
    body = machine.want(by=Actor("system", "up"), reason="r", mode="PRODUCAO", run_state="running").asked
    assert body.recipe_sha256 == machine.published_recipe


def test_a_recipe_set_at_the_machine_gets_its_number_and_counts_as_published(machine: VirtualMachine) -> None:
    publish(machine, by=ANA, reason="first")
    version = register_local(machine, SET_THERE, LOCAL, "changed at the machine")
    assert (version.number, version.origin, version.author) == (2, "local", "local:192.0.2.50")
    assert machine.published_recipe == SET_THERE.sha256
    assert machine.draft_recipe() == SET_THERE


def test_heard_again_it_is_the_same_version(machine: VirtualMachine) -> None:
    first = register_local(machine, SET_THERE, LOCAL, "changed at the machine")
    assert register_local(machine, SET_THERE, LOCAL, "changed at the machine") == first
    assert RecipeVersion.objects.count() == 1


def test_a_draft_set_at_the_machine_becomes_a_version_that_counts(machine: VirtualMachine) -> None:
    machine.want(by=ANA, reason="r", mode="DESENVOLVIMENTO")
    draft = apply_draft(machine, by=ANA, reason="edited")
    assert draft is not None
    version = register_local(machine, draft.recipe, LOCAL, "changed at the machine")
    assert (version.number, version.origin, version.sha256) == (2, "local", draft.sha256)
    assert machine.published_recipe == draft.sha256


def test_a_draft_that_a_restored_backup_forgot_stays_a_draft(machine: VirtualMachine) -> None:
    version = register_local(machine, SET_THERE, LOCAL, "changed at the machine", draft=True)
    assert (version.origin, machine.published_recipe) == ("draft", "")


def test_edits_that_a_machine_in_development_ran_survive_a_change_there(machine: VirtualMachine) -> None:
    publish(machine, by=ANA, reason="first")
    machine.want(by=ANA, reason="r", mode="DESENVOLVIMENTO")
    make_tool(machine, "edited since")
    apply_draft(machine, by=ANA, reason="edited")
    register_local(machine, SET_THERE, LOCAL, "changed at the machine")
    assert [tool.name for tool in machine.draft_recipe().tools] == ["Count", "edited since"]


def test_edits_not_yet_published_survive_a_change_at_the_machine(machine: VirtualMachine) -> None:
    publish(machine, by=ANA, reason="first")
    make_tool(machine, "edited since")
    register_local(machine, SET_THERE, LOCAL, "changed at the machine")
    assert [tool.name for tool in machine.draft_recipe().tools] == ["Count", "edited since"]


def test_in_development_a_saved_edit_runs_at_once(machine: VirtualMachine) -> None:
    machine.want(by=ANA, reason="r", mode="DESENVOLVIMENTO")
    version = apply_draft(machine, by=ANA, reason="edited")
    assert version is not None
    assert version.origin == "draft"
    asked = machine.desired()
    assert asked is not None
    assert asked.asked.recipe_sha256 == version.sha256
    assert machine.published_recipe == ""
    assert apply_draft(machine, by=ANA, reason="edited") == version


@pytest.mark.parametrize("mode", ["TESTE", "PRODUCAO"])
def test_in_other_modes_a_saved_edit_waits_for_publishing(mode: str) -> None:
    machine = make_machine(mode=mode)
    make_tool(machine)
    assert apply_draft(machine, by=ANA, reason="edited") is None
    assert machine.desired() is None


def test_a_draft_does_not_get_into_production(machine: VirtualMachine) -> None:
    published = publish(machine, by=ANA, reason="first")
    machine.want(by=ANA, reason="r", mode="DESENVOLVIMENTO")
    make_tool(machine, "tried out")
    draft = apply_draft(machine, by=ANA, reason="edited")
    assert draft is not None
    assert machine.want(by=ANA, reason="r", mode="PRODUCAO").asked.recipe_sha256 == published.sha256
    with pytest.raises(NotNow):
        machine.want(by=ANA, reason="r", recipe_sha256=draft.sha256)


@pytest.mark.django_db(transaction=True)
def test_many_who_publish_at_once_get_numbers_without_gaps() -> None:
    machine = make_machine()
    make_tool(machine)
    failures: list[Exception] = []

    def act() -> None:
        try:
            for _ in range(5):
                publish(VirtualMachine.objects.get(pk=machine.pk), by=ANA, reason="again")
        except Exception as failure:  # noqa: BLE001  told in the test's own thread
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=act) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert sorted(machine.recipe_versions.values_list("number", flat=True)) == list(range(1, 16))
