"""What a machine is asked to be: the newest document, and changes made at the machine becoming the next one."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.db import transaction

from analyticlens.protocol.desired import DesiredDocument, LocalChange
from analyticlens.protocol.strict import plain
from api import control
from api.errors import StaleVersion
from api.models import Command, DesiredVersion
from audit import Actor
from edge import live
from edge.door import DoorError, machine_of

if TYPE_CHECKING:
    from api.models import VirtualMachine


def document(machine: VirtualMachine) -> DesiredDocument:
    """Return the newest version with its recipe, the commands that wait, and whether somebody looks."""
    from recipes.models import RecipeVersion

    waiting = {
        "commands": [plain(command.as_contract()) for command in Command.waiting(machine.pk)],
        "watched": live.watched(machine),
        "fence": control.fence_of(machine),
    }
    newest = machine.desired()
    if newest is None:
        return DesiredDocument.model_validate(waiting)
    sha256 = newest.body.get("recipe_sha256")
    known = RecipeVersion.objects.filter(machine=machine, sha256=sha256).order_by("-number").first() if sha256 else None
    return DesiredDocument.model_validate(
        {
            **waiting,
            "version": newest.version,
            "sha256": newest.sha256,
            "body": newest.body,
            "recipe": known.recipe if known else None,
            "recipe_number": known.number if known else None,
            "recipe_origin": known.origin if known else "published",
            "author": newest.author,
            "reason": newest.reason,
        }
    )


def look(authorization: str) -> tuple[str, DesiredDocument]:
    """Return the topic and the document of the machine whose token this is. Raises DoorError; what a long poll does each time it wakes."""
    machine = machine_of(authorization)
    return machine.topic, document(machine)


def register(machine: VirtualMachine, change: LocalChange, if_version: int, address: str | None) -> DesiredDocument:
    """Make a change at the machine the next desired version and return it.

    What comes back is not always what was sent: in production it names the published recipe (or none), never a draft.
    Raises DoorError 412 with the current document when somebody asked for something else meanwhile, 409 for a recipe not known here.
    """
    author = Actor("local", change.author, address)
    try:
        with transaction.atomic():
            _know_recipe(machine, change, author)
            machine.want(by=author, reason=change.reason, if_version=if_version, **_wish(machine.desired(), change))
    except StaleVersion as error:
        current = plain(document(machine))
        raise DoorError(HTTPStatus.PRECONDITION_FAILED, error.code, str(error), current=current) from None
    return document(machine)


def _wish(current: DesiredVersion | None, change: LocalChange) -> dict[str, Any]:
    """Return what differs. A run state asked for again would be a new start, and a recipe named again would be kept where it must not."""
    body = change.body
    wish: dict[str, Any] = {"configuration": body.configuration, "mode": body.mode}
    before = current.asked if current else None
    if before is None or body.recipe_sha256 != before.recipe_sha256:
        wish["recipe_sha256"] = body.recipe_sha256
    if before is None or body.run_state != before.run_state:
        wish["run_state"] = body.run_state
    if before is not None and body.run_state == "running" and body.run_generation > before.run_generation:
        wish["restart"] = True
    return wish


def _know_recipe(machine: VirtualMachine, change: LocalChange, author: Actor) -> None:
    """Make sure that the recipe the change names is a version of this machine's; one that was set there becomes the newest.

    A draft that the machine still runs stays one: only what was set there counts as published.
    """
    from recipes.models import RecipeVersion
    from recipes.publishing import register_local

    sha256 = change.body.recipe_sha256
    if sha256 is None:
        return
    current = machine.desired()
    known = RecipeVersion.objects.filter(machine=machine, sha256=sha256).order_by("-number").first()
    set_there = change.recipe_origin == "local" and (current is None or current.asked.recipe_sha256 != sha256)
    if known is not None and not set_there:
        return
    recipe = known.recipe if known else change.recipe
    if recipe is None or recipe.sha256 != sha256:
        raise DoorError(
            HTTPStatus.CONFLICT, "unknown_recipe", "the recipe named is not known here; send it along", sha256=sha256
        )
    register_local(machine, recipe, author=author, reason=change.reason, draft=change.recipe_origin == "draft")
