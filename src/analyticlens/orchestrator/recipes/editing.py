"""A machine's tools as a draft that programs edit: read with a tag, changed by who knows it, tried where the machine is in development."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError as NotSaved
from django.db import transaction
from django.utils.translation import gettext as _
from pydantic import TypeAdapter, ValidationError

from analyticlens.protocol.seedrows import row_from_tool
from analyticlens.protocol.strict import first_error
from analyticlens.protocol.tools import Tool
from api.errors import BadInput, StaleTag
from api.known import tag_of
from api.models import VirtualMachine, VMInspectionTool
from audit import Actor, acting
from recipes.publishing import apply_draft

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOOL: TypeAdapter[Tool] = TypeAdapter(Tool)


def rows_of(machine: VirtualMachine) -> list[VMInspectionTool]:
    """Return the tools in the order they run, those that are off among them."""
    return list(machine.tools.order_by("order_index", "name"))


def draft_tag(rows: list[VMInspectionTool]) -> str:
    """Return what stands for a draft as it is: any edit gives another one."""
    said = [[row.number, row.is_active, row.order_index, row.row()] for row in rows]
    return tag_of(said)


def edit(machine: VirtualMachine, change: Callable[[], object], *, by: Actor, reason: str, tag: str | None) -> None:
    """Make a change of the tools, all of it or none. Raises StaleTag where another tag is that of the draft, BadInput, NotNow.

    In development the machine runs the draft from then on.
    """
    with transaction.atomic(), acting(by, reason):
        VirtualMachine.objects.select_for_update(no_key=True).get(pk=machine.pk)
        now = draft_tag(rows_of(machine))
        if tag is not None and tag != now:
            raise StaleTag(now)
        try:
            change()
        except NotSaved as problem:
            raise BadInput(problem.messages[0]) from None
        apply_draft(machine, by, reason)


def tool_from(said: Mapping[str, Any], number: int) -> Tool:
    """Return the tool that a program means, under a number. Raises BadInput with one sentence."""
    try:
        return _TOOL.validate_python({**said, "id": number})
    except ValidationError as error:
        raise BadInput(f"tool.{first_error(error)}") from None


def write(row: VMInspectionTool, tool: Tool, *, is_active: bool) -> None:
    """Make a row say what a tool says, and save it. Raises BadInput where another row has that name."""
    others = VMInspectionTool.objects.filter(virtual_machine=row.virtual_machine, name=tool.name).exclude(pk=row.pk)
    if others.exists():
        raise BadInput(_("Another tool of this machine has that name."))
    for name, value in row_from_tool(tool).items():
        setattr(row, name, value)
    row.is_active = is_active
    row.save()


def put_at(machine: VirtualMachine, row: VMInspectionTool, place: int) -> None:
    """Move a row to a place among all, from 1; past the end is the end."""
    rows = [one for one in rows_of(machine) if one.pk != row.pk]
    rows.insert(max(place, 1) - 1, row)
    for index, one in enumerate(rows):
        if one.order_index != index:
            one.order_index = index
            one.save(update_fields=["order_index", "updated_at"])
