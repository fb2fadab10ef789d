"""What people and programs ask of a machine: desired versions by compare-and-set, one-shot commands, maintenance, retirement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

from django.db import transaction
from django.utils.translation import gettext as _
from pydantic import ValidationError

from analyticlens.protocol import desired as contract
from analyticlens.protocol.configuration import Configuration
from analyticlens.protocol.desired import DesiredBody
from analyticlens.protocol.strict import first_error, plain
from analyticlens.protocol.words import Mode, RunState
from api import bus, clock, control, overrides
from api.errors import BadInput, NotNow, StaleVersion, telling
from audit import Actor, acting

if TYPE_CHECKING:
    from api.models import Command, DesiredVersion, VirtualMachine

# What was done there is in force already, so it is registered rather than refused.
AT_THE_MACHINE = frozenset({"local", "machine"})
COMMAND_KINDS: tuple[str, ...] = get_args(contract.Command.model_fields["kind"].annotation)


@dataclass(frozen=True)
class Wish:
    """What is asked; None leaves it as it is."""

    run_state: RunState | None = None
    restart: bool = False
    mode: Mode | None = None
    configuration: Configuration | None = None
    recipe_sha256: str | None = None


def want(
    machine: VirtualMachine, wish: Wish, *, by: Actor, reason: str, if_version: int | None = None
) -> DesiredVersion:
    """Write the next desired version, its entries and its event in one transaction; return it.

    A wish that changes nothing returns the version in force. Raises StaleVersion, NotNow, BadInput.
    """
    from api.models import DesiredVersion

    with telling("ask", machine, by), transaction.atomic(), acting(by, reason):
        locked = lock(machine)
        control.admit(locked, by, stops=wish == Wish(run_state="stopped"))
        current = locked.desired()
        number = current.version if current else 0
        if if_version is not None and if_version != number:
            raise StaleVersion(current)
        before = current.asked if current else _first_body(locked)
        body = _next_body(locked, before, wish, fell=_fell(locked, number))
        if by.kind in AT_THE_MACHINE:
            body = _without_draft(locked, body)
        _check(locked, body, wish, by)
        if current is not None and body == before:
            return current
        version = DesiredVersion.objects.create(
            machine=locked,
            version=number + 1,
            body=plain(body),
            sha256=body.sha256,
            author=by.name[:200],
            reason=reason[:2000],
        )
        _project(locked, body, machine)
        if body.configuration != before.configuration:
            overrides.noticed(locked, before.configuration, body.configuration)
        bus.publish(locked.topic, {"what": "desired", "version": version.version})
    return version


def lock(machine: VirtualMachine) -> VirtualMachine:
    """Return the machine's row, nobody else's until the transaction ends. Raises NotNow for a retired one."""
    # Without its key, here and wherever a row is locked that others refer to: who only writes a row that names this machine (and holds
    # the head of the audit trail already, for which we come next) would otherwise wait for us, and we for them.
    locked = type(machine).objects.select_for_update(no_key=True).get(pk=machine.pk)
    if not locked.is_active:
        raise NotNow(_("%(machine)s is retired.") % {"machine": locked.machine_id})
    return locked


def _first_body(machine: VirtualMachine) -> DesiredBody:
    return DesiredBody(configuration=machine.get_configuration(), mode=machine.mode)


def _fell(machine: VirtualMachine, number: int) -> bool:
    """Return whether the machine stands still although it had its way with version `number`: not while it still applies it."""
    settled = machine.reported_version >= number or machine.apply_state in {"rejected", "rolled_back"}
    return machine.status == "error" or (machine.status == "stopped" and settled)


def _next_body(machine: VirtualMachine, before: DesiredBody, wish: Wish, *, fell: bool) -> DesiredBody:
    """Return before with the wish in it. Raises BadInput for a wish no body can hold: kept, it would bar every later one."""
    changes: dict[str, Any] = {}
    if wish.configuration is not None:
        changes["configuration"] = wish.configuration
    if wish.recipe_sha256 is not None:
        changes["recipe_sha256"] = wish.recipe_sha256
    if wish.mode is not None:
        changes["mode"] = wish.mode
        leaving = before.mode == "DESENVOLVIMENTO" != wish.mode
        if leaving and wish.recipe_sha256 is None:
            # Leaving development leaves its unpublished edits behind.
            changes["recipe_sha256"] = machine.published_recipe or None
    if wish.run_state is not None:
        changes["run_state"] = wish.run_state
    # Told to run before and fallen since: only a new generation moves it.
    again = wish.run_state == before.run_state == "running" and fell
    if wish.restart or again:
        changes["run_generation"] = before.run_generation + 1
    if wish.restart:
        changes["run_state"] = "running"
    try:
        return DesiredBody.model_validate({**dict(before), **changes})
    except ValidationError as error:
        raise BadInput(first_error(error)) from None


def _without_draft(machine: VirtualMachine, body: DesiredBody) -> DesiredBody:
    """Return a body that a change at the machine leads to, with the published recipe where production would run another.

    Such a change is not refused (law 4: it acts at once), but production runs published versions only. Where nothing is published the
    machine is left without a recipe: it may run, each part is undecided since nothing judges, and so none may pass (law 1).
    """
    if body.mode != "PRODUCAO":
        return body
    return body.model_copy(update={"recipe_sha256": machine.published_recipe or None})


def _check(machine: VirtualMachine, body: DesiredBody, wish: Wish, by: Actor) -> None:
    """Raise NotNow or BadInput unless that can be asked."""
    if by.kind == "user":
        _check_possible(machine, wish)
    if by.kind not in AT_THE_MACHINE:
        _check_published(machine, body, wish)
    _check_known(machine, body, wish)


def _check_known(machine: VirtualMachine, body: DesiredBody, wish: Wish) -> None:
    """Raise BadInput for a recipe that is no version of this machine's, or a draft outside development."""
    if wish.recipe_sha256 is None or body.recipe_sha256 is None:
        return
    versions = machine.recipe_versions.filter(sha256=body.recipe_sha256)
    if body.mode != "DESENVOLVIMENTO":
        versions = versions.exclude(origin="draft")
    if not versions.exists():
        raise BadInput(_("%(machine)s has no such recipe version.") % {"machine": machine.machine_id})


def _check_possible(machine: VirtualMachine, wish: Wish) -> None:
    """Raise NotNow with the sentence a person needs. A program may ask ahead of time: what it asks waits for the machine."""
    if not wish.restart and wish.run_state != "running":
        return
    named = {"machine": machine.machine_id, "status": machine.get_status_display()}
    if not machine.is_connected():
        raise NotNow(_("%(machine)s is not connected.") % named)
    if wish.restart and not machine.can_restart():
        raise NotNow(_("%(machine)s cannot be restarted now; it is: %(status)s.") % named)
    if not wish.restart and not (machine.can_start() or machine.is_running()):
        raise NotNow(_("%(machine)s cannot be started now; it is: %(status)s.") % named)


def _check_published(machine: VirtualMachine, body: DesiredBody, wish: Wish) -> None:
    """Raise NotNow where production would run something nobody published. Nothing stands in the way of a stop."""
    starts = wish.restart or wish.run_state == "running"
    if body.mode != "PRODUCAO" or not (starts or wish.mode or wish.recipe_sha256):
        return
    named = {"machine": machine.machine_id}
    if (body.recipe_sha256 or "") != machine.published_recipe:
        raise NotNow(_("Production runs published recipes only; publish one for %(machine)s first.") % named)
    if body.run_state == "running" and body.recipe_sha256 is None:
        raise NotNow(_("Nothing is published for %(machine)s yet.") % named)


def _project(locked: VirtualMachine, body: DesiredBody, asked_on: VirtualMachine) -> None:
    """Bring what was asked into the columns people read, in the database and on the caller's object."""
    names = locked.set_configuration(body.configuration)
    locked.mode = body.mode
    locked.save(update_fields=[*names, "mode", "updated_at"])
    for name in (*names, "mode", "updated_at"):
        setattr(asked_on, name, getattr(locked, name))


def command(machine: VirtualMachine, kind: str, *, by: Actor, args: dict[str, Any], ttl: float) -> Command:
    """Queue a one-shot act. Raises NotNow where the machine cannot do it now, BadInput for an act that is none."""
    from api.models import Command

    with telling(f"command {kind}"[:100], machine, by), transaction.atomic(), acting(by):
        locked = lock(machine)
        if kind not in COMMAND_KINDS:
            raise BadInput(_("There is no act %(kind)s.") % {"kind": repr(kind)[:60]})
        if not 0 < ttl <= 3600:
            raise BadInput(_("An act waits between 0 and 3600 seconds."))
        fence = control.admit(locked, by)
        named = {"machine": locked.machine_id}
        if not locked.is_connected():
            raise NotNow(_("%(machine)s is not connected.") % named)
        if kind == "trigger" and not locked.is_running():
            raise NotNow(_("%(machine)s is not running.") % named)
        asked = Command.objects.create(
            machine=locked,
            kind=kind,
            args=args,
            fence=fence,
            author=by.name[:200],
            expires_at=clock.wall() + timedelta(seconds=ttl),
        )
        bus.publish(locked.topic, {"what": "command", "id": str(asked.id), "kind": kind, "state": "queued"})
    return asked


def maintain(machine: VirtualMachine, on: bool, *, by: Actor, reason: str) -> None:
    """Set or leave maintenance, which outranks what heartbeats say."""
    from api.receiving import note_change

    with telling("maintain", machine, by), transaction.atomic(), acting(by, reason):
        locked = lock(machine)
        if on == (locked.status == "maintenance"):
            return
        said = locked.reported.get("status", "stopped") if locked.is_connected() else "stopped"
        before = (locked.status, locked.connection_status)
        locked.status = "maintenance" if on else said
        locked.save(update_fields=["status", "updated_at"])
        note_change(locked, before, cause="person", message=reason)
        machine.status = locked.status


def retire(machine: VirtualMachine, *, by: Actor, reason: str) -> None:
    """Hide the machine and close its door; nothing of it is deleted."""
    with telling("retire", machine, by), transaction.atomic(), acting(by, reason):
        locked = lock(machine)
        locked.is_active = False
        locked.save(update_fields=["is_active", "updated_at"])
        machine.is_active = False
        bus.publish(locked.topic, {"what": "state", "retired": True})


def bring_back(machine: VirtualMachine, *, by: Actor, reason: str) -> None:
    """Show a retired machine again, standing still and without a token: a fresh code opens its door."""
    with telling("bring back", machine, by), transaction.atomic(), acting(by, reason):
        locked = type(machine).objects.select_for_update(no_key=True).get(pk=machine.pk)
        if locked.is_active:
            return
        locked.is_active = True
        locked.save(update_fields=["is_active", "updated_at"])
        machine.is_active = True
        locked.tokens.filter(revoked_at=None).update(revoked_at=clock.wall())
        current = locked.desired()
        if current is not None and current.asked.run_state == "running":
            want(locked, Wish(run_state="stopped"), by=by, reason=reason)
        bus.publish(locked.topic, {"what": "state", "retired": False})
