"""A machine's tool rows and the recipe they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from analyticlens.protocol import oldwire, seedrows
from analyticlens.protocol.configuration import Configuration
from analyticlens.protocol.recipe import Recipe
from api.errors import BadInput, telling
from audit import Actor, acting

if TYPE_CHECKING:
    from api.models import DesiredVersion, VirtualMachine


def draft_recipe(machine: VirtualMachine) -> Recipe:
    """Return the recipe of the active rows, or of the tools in `inspection_config` where there is no row at all.

    Raises BadInput with one sentence where they make none.
    """
    rows = list(machine.tools.all())
    try:
        if not rows:
            return oldwire.recipe_from_wire(machine.inspection_config.get("tools", []))
        return seedrows.recipe_from_rows(row.row() for row in rows if row.is_active)
    except ValueError as error:
        raise BadInput(str(error)) from None


def set_tools(machine: VirtualMachine, recipe: Recipe, *, by: Actor, reason: str) -> None:
    """Make the active rows say what recipe says: rows that differ go, those that say the same stay.

    Parked (inactive) rows stay beside them. One that has the name of a tool of the recipe is that tool, and goes; one that has only the
    number of one gets another: in the recipe the number is the tool's name to the others.
    """
    from api.models import VMInspectionTool

    wanted = {tool.id: (place, seedrows.row_from_tool(tool)) for place, tool in enumerate(recipe.tools)}
    numbers, names = set(wanted), {tool.name for tool in recipe.tools}
    with transaction.atomic(), acting(by, reason):
        parked = []
        rows = list(VMInspectionTool.objects.filter(virtual_machine=machine))
        for row in rows:
            if not row.is_active and row.name not in names:
                parked.append(row)
            elif row.is_active and wanted.get(row.number) == (row.order_index, _fields(row)):
                del wanted[row.number]
            else:
                row.delete()
        free = max(numbers | {row.number for row in rows}, default=0)
        for row in parked:
            if row.number in numbers:
                free += 1
                row.number = free
                row.save()
        for number, (place, fields) in wanted.items():
            VMInspectionTool.objects.create(virtual_machine=machine, number=number, order_index=place, **fields)


def _fields(row: Any) -> dict[str, Any]:
    fields = row.row()
    return {name: fields[name] for name in fields if name not in {"order", "id"}}


def take_full_config(machine: VirtualMachine, config: dict[str, Any], *, by: Actor, reason: str) -> DesiredVersion:
    """Read in an installed machine's configuration, in its own words. Raises BadInput with one sentence, NotNow."""
    with telling("read in", machine, by):
        configuration, recipe = _read(machine, config)
        with transaction.atomic():
            if recipe is not None:
                set_tools(machine, recipe, by=by, reason=reason)
            return machine.want(by=by, reason=reason, configuration=configuration)


def _read(machine: VirtualMachine, config: dict[str, Any]) -> tuple[Configuration, Recipe | None]:
    """Return what a configuration in an installed machine's words says; no recipe where it says nothing of tools."""
    inspection = config.get("inspection_config", {})
    if not isinstance(inspection, dict):
        raise BadInput(_("The inspection configuration is an object."))
    try:
        configuration = oldwire.configuration_from_wire(config, machine.get_configuration())
        tools = inspection.get("tools")
        return configuration, oldwire.recipe_from_wire(tools) if tools is not None else None
    except ValueError as error:
        raise BadInput(str(error)) from None
