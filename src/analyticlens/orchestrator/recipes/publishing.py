"""How a recipe version comes to be: published from the tool rows, set at the machine, or saved in development."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.utils.translation import gettext as _

from analyticlens.protocol.canonical import canonical_json
from analyticlens.protocol.recipe import Recipe
from api.errors import BadInput, telling
from audit import Actor, acting
from recipes.blobs import StoredBlobs, check_blobs
from recipes.models import RecipeVersion

if TYPE_CHECKING:
    from api.models import DesiredVersion, VirtualMachine


def compile_rows(machine: VirtualMachine) -> Recipe:
    """Return the recipe that the machine's active tools make, tried on the engine where that is installed.

    Raises BadInput with the words of whoever refused it.
    """
    recipe = machine.draft_recipe()
    check_blobs(recipe)
    _try_on_engine(recipe)
    return recipe


def _try_on_engine(recipe: Recipe) -> None:
    """Build every tool, as a machine would. An orchestrator without OpenCV leaves that to the machine, which refuses as well."""
    if find_spec("cv2") is None:
        return
    from analyticlens.engine import RecipeRefused, prepare

    try:
        prepare(recipe, StoredBlobs())
    except RecipeRefused as refusal:
        raise BadInput(str(refusal)) from None


def publish(machine: VirtualMachine, by: Actor, reason: str) -> RecipeVersion:
    """Publish the active tools as the next version, and ask the machine to run it. Raises BadInput, NotNow."""
    with telling("publish", machine, by):
        if not reason.strip():
            raise BadInput(_("Say why this recipe is published."))
        recipe = compile_rows(machine)
        if not recipe.tools:
            raise BadInput(_("%(machine)s has no active tool to publish.") % {"machine": machine.machine_id})
        with transaction.atomic(), acting(by, reason):
            version = _next_version(machine, recipe, "published", by.name, reason)
            machine.want(by=by, reason=reason, recipe_sha256=version.sha256)
    return version


def republish(machine: VirtualMachine, number: int, by: Actor, reason: str) -> RecipeVersion:
    """Publish an older version again, as the next one, and ask the machine to run it; the tool rows follow as in `register_local`.

    Raises BadInput for a draft or where nobody says why, NotNow, RecipeVersion.DoesNotExist.
    """
    with telling("publish", machine, by):
        if not reason.strip():
            raise BadInput(_("Say why this recipe is published."))
        with transaction.atomic(), acting(by, reason):
            older = machine.recipe_versions.get(number=number)
            version = _again(machine, older, by, reason)
            machine.want(by=by, reason=reason, recipe_sha256=version.sha256)
    return version


def _again(machine: VirtualMachine, older: RecipeVersion, by: Actor, reason: str) -> RecipeVersion:
    """Return the next version that says what an older one says, or the newest where that says it already. Raises BadInput for a draft."""
    if older.origin == "draft":
        raise BadInput(_("Version %(number)s is a draft: publish the tools instead.") % {"number": older.number})
    newest = machine.recipe_versions.exclude(origin="draft").order_by("-number").first()
    assert newest is not None
    if newest.sha256 == older.sha256:
        return newest
    untouched = not machine.tools.exists() or _rows_say(machine, newest.sha256)
    version = _next_version(machine, older.recipe, "published", by.name, reason)
    if untouched:
        machine.set_tools(older.recipe, by=by, reason=reason)
    return version


def revert(
    machine: VirtualMachine, version: DesiredVersion, *, by: Actor, reason: str, if_version: int | None = None
) -> DesiredVersion:
    """Ask for what an older desired version asked: its configuration, mode and recipe. Whether the machine runs stays as it is.

    Outside development a recipe that is no longer the newest is published again. Raises StaleVersion, NotNow, BadInput.
    """
    body = version.asked
    with telling("revert", machine, by), transaction.atomic(), acting(by, reason):
        recipe = body.recipe_sha256
        if recipe is not None and body.mode != "DESENVOLVIMENTO" and recipe != machine.published_recipe:
            older = machine.recipe_versions.exclude(origin="draft").filter(sha256=recipe).order_by("-number").first()
            if older is None:
                raise BadInput(_("%(machine)s has no such recipe version.") % {"machine": machine.machine_id})
            recipe = _again(machine, older, by, reason).sha256
        return machine.want(
            by=by,
            reason=reason,
            if_version=if_version,
            configuration=body.configuration,
            mode=body.mode,
            recipe_sha256=recipe,
        )


def register_local(
    machine: VirtualMachine, recipe: Recipe, author: Actor, reason: str, *, draft: bool = False
) -> RecipeVersion:
    """Give a recipe that was set at the machine its number; it counts as published. Heard again, it is the same version.

    An older version set again becomes the newest, since production runs the newest. The tool rows follow, unless somebody has edits
    there that were not published yet. `draft`: a restored backup forgot a draft that the machine still runs; it stays one.
    """
    with transaction.atomic(), acting(author, reason):
        if draft:
            return _next_version(machine, recipe, "draft", author.name, reason)
        newest = machine.recipe_versions.exclude(origin="draft").order_by("-number").first()
        if newest is not None and newest.sha256 == recipe.sha256:
            return newest
        untouched = not machine.tools.exists() or (newest is not None and _rows_say(machine, newest.sha256))
        version = _next_version(machine, recipe, "local", author.name, reason)
        if untouched:
            machine.set_tools(recipe, by=author, reason=reason)
    return version


def apply_draft(machine: VirtualMachine, by: Actor, reason: str) -> RecipeVersion | None:
    """In DESENVOLVIMENTO have the machine run what was just saved; in other modes nothing happens. Raises BadInput."""
    if machine.mode != "DESENVOLVIMENTO":
        return None
    with telling("apply", machine, by):
        recipe = compile_rows(machine)
        with transaction.atomic(), acting(by, reason):
            version = _known(machine, recipe) or _next_version(machine, recipe, "draft", by.name, reason)
            machine.want(by=by, reason=reason, recipe_sha256=version.sha256)
    return version


def _known(machine: VirtualMachine, recipe: Recipe) -> RecipeVersion | None:
    return RecipeVersion.objects.filter(machine=machine, sha256=recipe.sha256).order_by("-number").first()


def _rows_say(machine: VirtualMachine, sha256: str) -> bool:
    """Return whether the tool rows make the recipe of that hash."""
    try:
        return machine.draft_recipe().sha256 == sha256
    except BadInput:
        return False


def _next_version(machine: VirtualMachine, recipe: Recipe, origin: str, author: str, reason: str) -> RecipeVersion:
    """Write the next version; the machine's row is locked, so numbers have no gaps and no doubles."""
    locked = type(machine).objects.select_for_update(no_key=True).get(pk=machine.pk)
    highest = locked.recipe_versions.aggregate(models.Max("number"))["number__max"] or 0
    version = RecipeVersion.objects.create(
        machine=locked,
        number=highest + 1,
        canonical=canonical_json(recipe),
        sha256=recipe.sha256,
        origin=origin,
        author=author[:200],
        reason=reason[:2000],
    )
    if origin != "draft":
        locked.published_recipe = version.sha256
        locked.save(update_fields=["published_recipe", "updated_at"])
        machine.published_recipe = version.sha256
    return version
