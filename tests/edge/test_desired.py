"""Desired state at the door: the newest document, and local changes by compare-and-set."""

from __future__ import annotations

from typing import Any

from analyticlens.protocol.desired import DesiredBody, DesiredDocument
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.strict import plain
from api.models import DesiredVersion, VirtualMachine
from audit import Actor
from audit.models import AuditEntry
from recipes.models import RecipeVersion
from recipes.publishing import apply_draft, publish
from tests.edge.caller import Door
from tests.rows import make_tool

PERSON = Actor("user", "dona")
RECIPE = Recipe.model_validate({"tools": [{"id": 1, "name": "light", "type": "intensity"}]})


def change(door: Door, version: int, body: dict[str, Any], **more: Any) -> tuple[int, Any]:
    """Register a local change made to version."""
    sent = {"body": body, "author": "local:192.168.0.9", **more}
    return door.call("PUT", "desired", sent, If_Match=f'"{version}"')


def body(**more: Any) -> dict[str, Any]:
    """Return a desired body."""
    return {**plain(DesiredBody()), **more}


def test_nothing_asked_is_version_nought(door: Door) -> None:
    status, answer = door.call("GET", "desired")
    assert status == 200
    assert DesiredDocument.model_validate(answer) == DesiredDocument()


def test_the_newest_version_comes_with_its_words(machine: VirtualMachine, door: Door) -> None:
    machine.want(by=PERSON, reason="slow", mode="DESENVOLVIMENTO")
    machine.want(by=PERSON, reason="fast", mode="TESTE")
    document = DesiredDocument.model_validate(door.call("GET", "desired")[1])
    assert document.body is not None
    assert (document.version, document.reason, document.author) == (2, "fast", "dona")
    assert (document.body.mode, document.sha256) == ("TESTE", document.body.sha256)


def test_a_local_change_becomes_the_next_version(machine: VirtualMachine, door: Door) -> None:
    status, answer = change(door, 0, body(run_state="running", mode="TESTE"))
    document = DesiredDocument.model_validate(answer)
    assert document.body is not None
    assert (status, document.version, document.body.run_state) == (200, 1, "running")
    assert DesiredVersion.objects.get().author == "local:192.168.0.9"
    machine.refresh_from_db()
    assert machine.mode == "TESTE"


def test_a_local_change_to_an_old_version_gets_the_current_one(machine: VirtualMachine, door: Door) -> None:
    machine.want(by=PERSON, reason="moved on", mode="DESENVOLVIMENTO")
    status, answer = change(door, 0, body(run_state="running"))
    assert (status, answer["error"]["code"]) == (412, "stale_version")
    current = DesiredDocument.model_validate(answer["error"]["details"]["current"])
    assert (current.version, current.reason) == (1, "moved on")
    assert DesiredVersion.objects.count() == 1


def test_a_local_change_wants_to_know_what_it_changed(door: Door) -> None:
    sent = {"body": body(), "author": "local:me"}
    assert door.call("PUT", "desired", sent)[0] == 428
    assert door.call("PUT", "desired", sent, If_Match="*")[0] == 428


def test_a_recipe_made_at_the_machine_gets_its_number(machine: VirtualMachine, door: Door) -> None:
    changed = body(recipe_sha256=RECIPE.sha256, mode="PRODUCAO")
    status, answer = change(door, 0, changed)
    assert (status, answer["error"]["code"]) == (409, "unknown_recipe")
    status, answer = change(door, 0, changed, recipe=plain(RECIPE))
    assert (status, answer["recipe_number"]) == (200, 1)
    version = RecipeVersion.objects.get()
    assert (version.recipe, version.author, version.origin) == (RECIPE, "local:192.168.0.9", "local")


def test_a_recipe_that_is_not_what_its_hash_says_is_refused(door: Door) -> None:
    status, answer = change(door, 0, body(recipe_sha256="0" * 64), recipe=plain(RECIPE))
    assert (status, answer["error"]["code"]) == (409, "unknown_recipe")
    assert RecipeVersion.objects.count() == 0


def test_a_refused_change_leaves_no_recipe_behind(machine: VirtualMachine, door: Door) -> None:
    machine.want(by=PERSON, reason="moved on", mode="DESENVOLVIMENTO")
    assert change(door, 0, body(recipe_sha256=RECIPE.sha256), recipe=plain(RECIPE))[0] == 412
    assert RecipeVersion.objects.count() == 0


def asked_body(machine: VirtualMachine, **more: Any) -> dict[str, Any]:
    """Return the body in force with changes made at the machine."""
    current = machine.desired()
    assert current is not None
    return {**plain(current.asked), **more}


def version_of(machine: VirtualMachine) -> int:
    """Return the number in force."""
    current = machine.desired()
    return current.version if current else 0


def develop(machine: VirtualMachine) -> RecipeVersion:
    """Have the machine run a draft."""
    machine.want(by=PERSON, reason="try", mode="DESENVOLVIMENTO")
    make_tool(machine, "tried out")
    draft = apply_draft(machine, by=PERSON, reason="edit")
    assert draft is not None
    return draft


def test_run_set_at_a_machine_in_development_brings_the_published_recipe(machine: VirtualMachine, door: Door) -> None:
    make_tool(machine)
    published = publish(machine, by=PERSON, reason="first")
    draft = develop(machine)
    sent = asked_body(machine, mode="PRODUCAO")
    assert sent["recipe_sha256"] == draft.sha256
    answer = change(door, version_of(machine), sent, recipe=plain(draft.recipe), recipe_origin="draft")[1]
    assert (answer["body"]["mode"], answer["body"]["recipe_sha256"]) == ("PRODUCAO", published.sha256)
    assert (answer["recipe"], answer["recipe_origin"]) == (plain(published.recipe), "published")


def test_run_set_where_nothing_is_published_leaves_no_recipe(machine: VirtualMachine, door: Door) -> None:
    draft = develop(machine)
    sent = asked_body(machine, mode="PRODUCAO", run_state="running")
    answer = change(door, version_of(machine), sent, recipe=plain(draft.recipe))[1]
    assert (answer["body"]["mode"], answer["body"]["recipe_sha256"], answer["recipe"]) == ("PRODUCAO", None, None)
    assert [version.origin for version in machine.recipe_versions.all()] == ["draft"]


def test_a_draft_comes_as_one_and_its_machine_may_change_other_things(machine: VirtualMachine, door: Door) -> None:
    draft = develop(machine)
    assert door.call("GET", "desired")[1]["recipe_origin"] == "draft"
    sent = asked_body(machine, run_state="running")
    answer = change(door, version_of(machine), sent, recipe=plain(draft.recipe))[1]
    assert (answer["body"]["recipe_sha256"], answer["recipe_origin"]) == (draft.sha256, "draft")


def test_an_older_version_set_at_the_machine_is_the_newest_and_production_starts(
    machine: VirtualMachine, door: Door
) -> None:
    make_tool(machine)
    old = publish(machine, by=PERSON, reason="one")
    make_tool(machine, "more")
    publish(machine, by=PERSON, reason="two")
    machine.want(by=PERSON, reason="go", mode="PRODUCAO")
    sent = asked_body(machine, recipe_sha256=old.sha256)
    answer = change(door, version_of(machine), sent, recipe=plain(old.recipe))[1]
    assert (answer["body"]["recipe_sha256"], answer["recipe_number"]) == (old.sha256, 3)
    newest = machine.recipe_versions.get(number=3)
    assert (newest.origin, newest.author, newest.reason) == ("local", "local:192.168.0.9", "changed at the machine")
    machine.refresh_from_db()
    started = machine.want(by=Actor("system", "up"), reason="start", run_state="running").asked
    assert (started.recipe_sha256, started.run_state) == (old.sha256, "running")


def test_a_recipe_that_the_orchestrator_gave_is_not_one_set_at_the_machine(machine: VirtualMachine, door: Door) -> None:
    draft = develop(machine)
    make_tool(machine, "refused by the machine")
    apply_draft(machine, by=PERSON, reason="edit")
    sent = asked_body(machine, recipe_sha256=draft.sha256, run_state="running")
    answer = change(door, version_of(machine), sent, recipe=plain(draft.recipe), recipe_origin="draft")[1]
    assert answer["body"]["recipe_sha256"] == draft.sha256
    assert {version.origin for version in machine.recipe_versions.all()} == {"draft"}


def test_a_local_restart_raises_the_generation(machine: VirtualMachine, door: Door) -> None:
    change(door, 0, body(run_state="running"))
    document = change(door, 1, body(run_state="running", run_generation=1))[1]
    assert (document["version"], document["body"]["run_generation"]) == (2, 1)


def test_registering_a_change_does_not_restart_what_runs(machine: VirtualMachine, door: Door) -> None:
    change(door, 0, body(run_state="running"))
    faster = body(run_state="running")
    faster["configuration"]["trigger"]["interval_ms"] = 500
    document = change(door, 1, faster)[1]
    assert (document["version"], document["body"]["run_generation"]) == (2, 0)
    machine.refresh_from_db()
    assert machine.trigger_interval_ms == 500


def test_a_local_change_is_audited_as_what_it_is(door: Door) -> None:
    change(door, 0, body(run_state="running"), reason="stuck part")
    entry = AuditEntry.objects.filter(object_type="api.desiredversion").get()
    assert (entry.actor_kind, entry.actor_name, entry.reason) == ("local", "local:192.168.0.9", "stuck part")
