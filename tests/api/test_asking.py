"""Desired versions: numbered, by compare-and-set, refused where they are not possible, each with its author and reason."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from django.utils.translation import override

from analyticlens.protocol.configuration import Configuration
from api.errors import BadInput, NotNow, StaleVersion
from api.models import DesiredVersion, LiveEvent, Transition, VirtualMachine
from audit import Actor
from audit.models import AuditEntry
from tests.rows import heartbeat, make_machine, make_version

pytestmark = pytest.mark.django_db
ANA = Actor("user", "ana", "192.0.2.7")
LOCAL = Actor("local", "local:192.0.2.50", "192.0.2.50")
SYSTEM = Actor("system", "up")


def connected(**more: Any) -> VirtualMachine:
    machine = make_machine()
    machine.receive_heartbeat(heartbeat(**more))
    return machine


def test_the_first_version_carries_what_the_machine_is_set_to() -> None:
    machine = make_machine(mode="DESENVOLVIMENTO", fps=7)
    assert machine.desired() is None
    version = machine.want(by=ANA, reason="begin", run_state="stopped")
    assert version.version == 1
    assert version.asked.run_state == "stopped"
    assert version.asked.mode == "DESENVOLVIMENTO"
    assert version.asked.configuration.source.fps == 7
    assert version.sha256 == version.asked.sha256
    assert (version.author, version.reason) == ("ana", "begin")


def test_a_start_is_the_next_version() -> None:
    machine = connected()
    machine.want(by=ANA, reason="begin", run_state="stopped")
    version = machine.want(by=ANA, reason="shift", run_state="running")
    assert (version.version, version.asked.run_state, version.asked.run_generation) == (2, "running", 0)
    assert machine.desired() == version


def test_what_is_not_named_stays() -> None:
    machine = connected()
    make_version(machine, "a" * 64)
    configuration = Configuration.model_validate({"source": {"type": "pasta", "folder_path": "a"}})
    machine.want(by=ANA, reason="r", configuration=configuration, recipe_sha256="a" * 64)
    machine.want(by=ANA, reason="r", run_state="running")
    body = machine.want(by=ANA, reason="r", mode="DESENVOLVIMENTO").asked
    assert body.configuration == configuration
    assert (body.recipe_sha256, body.run_state, body.mode) == ("a" * 64, "running", "DESENVOLVIMENTO")


def test_asking_for_what_is_asked_already_is_no_new_version() -> None:
    machine = connected()
    first = machine.want(by=ANA, reason="r", run_state="stopped")
    entries = AuditEntry.objects.count()
    assert machine.want(by=ANA, reason="r", run_state="stopped") == first
    assert AuditEntry.objects.count() == entries


def test_a_restart_raises_the_generation() -> None:
    machine = connected(status="running")
    machine.want(by=ANA, reason="r", run_state="running")
    version = machine.want(by=ANA, reason="stuck", restart=True)
    assert (version.asked.run_state, version.asked.run_generation) == ("running", 1)


def test_a_machine_that_failed_is_started_by_a_new_generation() -> None:
    machine = connected()
    machine.want(by=ANA, reason="r", run_state="running")
    machine.receive_heartbeat(heartbeat(2, status="error", error_message="no camera"))
    version = machine.want(by=ANA, reason="again", run_state="running")
    assert (version.version, version.asked.run_generation) == (2, 1)


def test_a_machine_that_stopped_by_itself_is_started_by_a_new_generation() -> None:
    machine = connected()
    machine.want(by=ANA, reason="r", run_state="running")
    machine.receive_heartbeat(heartbeat(2, status="stopped", applied={"version": 1, "running_version": 1}))
    assert machine.want(by=ANA, reason="again", run_state="running").asked.run_generation == 1


def test_a_second_click_while_the_first_is_applied_is_no_restart() -> None:
    machine = connected()
    first = machine.want(by=ANA, reason="r", run_state="running")
    assert machine.want(by=ANA, reason="r", run_state="running") == first
    machine.receive_heartbeat(heartbeat(2, status="running", applied={"version": 1, "running_version": 1}))
    assert machine.want(by=ANA, reason="r", run_state="running") == first


@pytest.mark.parametrize(
    ("state", "wish", "words"),
    [
        ({"status": "stopped", "connection_status": "disconnected"}, {"run_state": "running"}, "not connected"),
        ({"status": "offline", "connection_status": "disconnected"}, {"run_state": "running"}, "not connected"),
        ({"status": "maintenance", "connection_status": "connected"}, {"run_state": "running"}, "cannot be started"),
        ({"status": "stopped", "connection_status": "connected"}, {"restart": True}, "cannot be restarted"),
        ({"status": "running", "connection_status": "disconnected"}, {"restart": True}, "not connected"),
        ({"status": "stopped", "is_active": False}, {"run_state": "stopped"}, "retired"),
    ],
)
def test_what_a_person_cannot_have_now_is_said_so(
    state: dict[str, Any], wish: dict[str, Any], words: str, settings: Any
) -> None:
    settings.LANGUAGE_CODE = "en"
    machine = make_machine(**state)
    with pytest.raises(NotNow, match=words):
        machine.want(by=ANA, reason="r", **wish)
    assert machine.desired() is None
    told = AuditEntry.objects.get(refused=True)
    assert (told.actor_name, told.verb, told.object_pk) == ("ana", "ask", str(machine.pk))
    assert words in told.reason


def test_a_stop_is_always_possible() -> None:
    machine = make_machine(status="running", connection_status="disconnected")
    assert machine.want(by=ANA, reason="r", run_state="stopped").version == 1


def test_a_program_may_ask_before_the_machine_was_ever_there() -> None:
    assert make_machine().want(by=SYSTEM, reason="r", run_state="running").asked.run_state == "running"


def test_the_version_seen_must_be_the_newest() -> None:
    machine = connected()
    first = machine.want(by=ANA, reason="r", run_state="stopped", if_version=0)
    machine.want(by=ANA, reason="r", mode="DESENVOLVIMENTO", if_version=1)
    with pytest.raises(StaleVersion) as stale:
        machine.want(by=ANA, reason="r", run_state="running", if_version=first.version)
    assert stale.value.version == 2
    assert stale.value.status == 412
    assert machine.desired_versions.count() == 2


def test_who_came_too_late_reads_it_in_their_language() -> None:
    with override("pt-br"), pytest.raises(StaleVersion, match="na versão 0"):
        make_machine().want(by=ANA, reason="r", run_state="stopped", if_version=3)


def test_before_anything_was_asked_the_version_is_0() -> None:
    with pytest.raises(StaleVersion) as stale:
        make_machine().want(by=ANA, reason="r", run_state="stopped", if_version=3)
    assert (stale.value.version, stale.value.current) == (0, None)


def test_production_runs_what_was_published() -> None:
    machine = connected()
    with pytest.raises(NotNow):
        machine.want(by=ANA, reason="r", mode="PRODUCAO", recipe_sha256="a" * 64)
    make_version(machine, "a" * 64)
    assert machine.want(by=ANA, reason="r", mode="PRODUCAO", recipe_sha256="a" * 64).asked.mode == "PRODUCAO"


def test_production_does_not_start_without_a_recipe() -> None:
    machine = connected()
    machine.want(by=ANA, reason="r", mode="PRODUCAO")
    with pytest.raises(NotNow):
        machine.want(by=ANA, reason="r", run_state="running")


def test_a_stop_is_possible_whatever_is_published() -> None:
    machine = connected(status="running")
    machine.want(by=LOCAL, reason="r", mode="PRODUCAO", run_state="running")
    assert machine.published_recipe == ""
    assert machine.want(by=ANA, reason="r", run_state="stopped").asked.run_state == "stopped"


def test_leaving_development_leaves_its_edits_behind() -> None:
    machine = make_machine(mode="DESENVOLVIMENTO")
    make_version(machine, "a" * 64)
    make_version(machine, "b" * 64, "draft")
    machine.want(by=ANA, reason="r", recipe_sha256="b" * 64)
    assert machine.want(by=ANA, reason="r", mode="PRODUCAO").asked.recipe_sha256 == "a" * 64


def test_no_change_at_the_machine_brings_a_draft_into_production() -> None:
    machine = make_machine(mode="DESENVOLVIMENTO")
    make_version(machine, "b" * 64, "draft")
    machine.want(by=ANA, reason="r", recipe_sha256="b" * 64)
    version = machine.want(by=LOCAL, reason="r", mode="PRODUCAO", recipe_sha256="b" * 64, run_state="running")
    assert (version.asked.mode, version.asked.recipe_sha256) == ("PRODUCAO", None)


@pytest.mark.parametrize("mode", ["TESTE", "DESENVOLVIMENTO"])
def test_a_recipe_nobody_made_for_this_machine_is_refused(mode: str) -> None:
    machine = make_machine(mode=mode)
    make_version(make_machine(), "c" * 64)
    with pytest.raises(BadInput, match="versão de receita"):
        machine.want(by=ANA, reason="r", recipe_sha256="c" * 64)
    assert machine.desired() is None


def test_a_draft_is_for_development_only() -> None:
    machine = make_machine(mode="TESTE")
    make_version(machine, "b" * 64, "draft")
    with pytest.raises(BadInput, match="versão de receita"):
        machine.want(by=ANA, reason="r", recipe_sha256="b" * 64)


def test_a_change_at_the_machine_is_registered_whatever_it_is() -> None:
    machine = make_machine(status="maintenance")
    version = machine.want(by=LOCAL, reason="changed at the machine", run_state="running", mode="PRODUCAO")
    assert version.author == "local:192.0.2.50"
    assert version.asked.run_state == "running"


def test_the_columns_follow_what_was_asked() -> None:
    machine = make_machine()
    configuration = Configuration.model_validate({"source": {"type": "pasta", "folder_path": "a"}})
    machine.want(by=ANA, reason="r", configuration=configuration, mode="DESENVOLVIMENTO")
    for row in (machine, VirtualMachine.objects.get(pk=machine.pk)):
        assert (row.source_type, row.folder_path, row.mode) == ("pasta", "a", "DESENVOLVIMENTO")


def test_asking_is_told_in_the_entries_and_on_the_bus() -> None:
    machine = make_machine()
    machine.want(by=ANA, reason="other folder", configuration=Configuration(), run_state="stopped")
    entry = AuditEntry.objects.get(object_type="api.desiredversion")
    assert (entry.actor_name, entry.reason, entry.remote_addr) == ("ana", "other folder", "192.0.2.7")
    event = LiveEvent.objects.get()
    assert (event.topic, event.data) == (f"machine:{machine.machine_id}", {"what": "desired", "version": 1})


def test_a_version_never_changes() -> None:
    version = make_machine().want(by=ANA, reason="r", run_state="stopped")
    version.reason = "another"
    with pytest.raises(TypeError):
        version.save()


def test_maintenance_is_entered_and_left_by_people_alone() -> None:
    machine = connected()
    machine.maintain(True, by=ANA, reason="cleaning")
    machine.receive_heartbeat(heartbeat(2, status="running"))
    assert VirtualMachine.objects.get(pk=machine.pk).status == "maintenance"
    machine.maintain(False, by=ANA, reason="clean")
    assert VirtualMachine.objects.get(pk=machine.pk).status == "running"
    told = [(row.old_status, row.new_status, row.cause) for row in Transition.objects.order_by("id")]
    assert told[1:] == [("stopped", "maintenance", "person"), ("maintenance", "running", "person")]
    assert AuditEntry.objects.filter(actor_name="ana", changes__has_key="status").count() == 2


def test_a_retired_machine_keeps_its_history_and_takes_no_wishes() -> None:
    machine = connected()
    machine.want(by=ANA, reason="r", run_state="stopped")
    machine.retire(by=ANA, reason="sold")
    assert not VirtualMachine.objects.get(pk=machine.pk).is_active
    assert machine.desired_versions.count() == 1
    with pytest.raises(NotNow):
        machine.want(by=ANA, reason="r", mode="DESENVOLVIMENTO")


@pytest.mark.django_db(transaction=True)
def test_of_many_that_saw_the_same_version_one_wins() -> None:
    machine = make_machine()
    machine.want(by=ANA, reason="r", run_state="stopped")
    won: list[DesiredVersion] = []
    lost: list[StaleVersion] = []

    def ask(number: int) -> None:
        other = VirtualMachine.objects.get(pk=machine.pk)
        configuration = Configuration.model_validate({"source": {"type": "camera", "camera_id": number}})
        try:
            won.append(other.want(by=SYSTEM, reason="r", configuration=configuration, if_version=1))
        except StaleVersion as stale:
            lost.append(stale)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(won), len(lost)) == (1, 5)
    assert list(machine.desired_versions.values_list("version", flat=True)) == [2, 1]


@pytest.mark.parametrize("wish", [{"mode": "RUN"}, {"run_state": "paused"}, {"recipe_sha256": "short"}])
def test_a_wish_no_machine_could_read_is_refused_and_bars_nothing(wish: dict[str, Any]) -> None:
    machine = connected()
    with pytest.raises(BadInput):
        machine.want(by=SYSTEM, reason="r", **wish)
    assert machine.want(by=ANA, reason="r", run_state="running").asked.run_state == "running"


@pytest.mark.parametrize("act", ["maintain", "retire"])
def test_what_a_retired_machine_is_refused_leaves_an_entry(act: str) -> None:
    machine = connected()
    machine.retire(by=ANA, reason="old")
    with pytest.raises(NotNow) as refusal:
        machine.retire(by=ANA, reason="r") if act == "retire" else machine.maintain(True, by=ANA, reason="r")
    told = AuditEntry.objects.get(refused=True)
    assert (told.verb, told.actor_name, told.reason) == (act, "ana", str(refusal.value))
