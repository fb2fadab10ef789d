"""A machine's tools as plain pages: the list with its order, one tool's form, publishing. Edits are a draft until they are published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe
from pydantic import TypeAdapter

from analyticlens.protocol.regions import Arrow, Point, Ring
from analyticlens.protocol.seedrows import row_from_tool
from analyticlens.protocol.tools import TOOL_CLASSES, Tool
from api.errors import BadInput, Refused
from api.models import VirtualMachine, VMInspectionTool
from audit.middleware import actor_of
from dashboard import numbers, sentences, tool_words, words
from dashboard.measures import measures_of
from dashboard.pictures import active
from dashboard.shell import may
from dashboard.tool_form import ToolForm, initial_of
from dashboard.values import range_text, region_text
from recipes.models import RecipeVersion
from recipes.publishing import apply_draft
from results.tally import newest

SHOWN_VERSIONS = 20
_TOOL: TypeAdapter[Tool] = TypeAdapter(Tool)


@dataclass(frozen=True)
class Listed:
    """One row of the list. `tool` is None where the row means no tool that can be built; `problem` then says why."""

    row: VMInspectionTool
    place: int
    tool: Tool | None
    problem: str

    @property
    def kind(self) -> str:
        """What people call its kind."""
        return tool_words.tool_type(self.tool.type if self.tool else self.row.tool_type)

    @property
    def region(self) -> str:
        """Where it looks; nothing for one that computes."""
        if self.tool is None:
            return self.row.get_roi_display()
        return "" if self.tool.place == "none" else region_text(self.tool.region)

    @property
    def limits(self) -> list[str]:
        """Its limits, each as text."""
        if self.tool is None:
            return []
        titles = {feature.name: words.schema(feature.title) for feature in measures_of(self.tool)}
        return [
            f"{titles.get(limit.feature, limit.feature)}: {range_text(limit.min, limit.max)}"
            for limit in self.tool.limits
        ]


class Draft:
    """The rows of a machine as people edit them, beside what is published."""

    def __init__(self, machine: VirtualMachine) -> None:
        self.machine = machine

    @cached_property
    def listed(self) -> list[Listed]:
        """The rows in their order."""
        rows = self.machine.tools.order_by("order_index", "name")
        return [_listed(row, place) for place, row in enumerate(rows, start=1)]

    @cached_property
    def problem(self) -> str:
        """Why no recipe can be made of them; empty when one can."""
        try:
            self.recipe_sha256 = self.machine.draft_recipe().sha256
        except BadInput as refused:
            self.recipe_sha256 = ""
            return sentences.said(str(refused))
        return ""

    @property
    def unpublished(self) -> bool:
        """Whether publishing would change what runs."""
        return bool(self.listed) and (bool(self.problem) or self.recipe_sha256 != self.machine.published_recipe)

    @cached_property
    def versions(self) -> list[RecipeVersion]:
        """The newest recipe versions."""
        return list(RecipeVersion.objects.filter(machine=self.machine).order_by("-number")[:SHOWN_VERSIONS])

    @property
    def next_number(self) -> int:
        """The number publishing would give."""
        return (self.versions[0].number if self.versions else 0) + 1

    def earlier_than(self, row: VMInspectionTool) -> list[Tool]:
        """Return the tools before a row."""
        found = []
        for one in self.listed:
            if one.row.pk == row.pk:
                break
            if one.tool is not None:
                found.append(one.tool)
        return found


def _listed(row: VMInspectionTool, place: int) -> Listed:
    try:
        return Listed(row, place, row.as_tool(), "")
    except ValueError as error:
        return Listed(row, place, None, sentences.said(str(error)))


def _page(request: HttpRequest, machine: VirtualMachine, **more: Any) -> dict[str, Any]:
    return {
        "machine": machine,
        "draft": Draft(machine),
        "families": [
            (family, [(kind, tool_words.tool_type(kind)) for kind in kinds])
            for family, kinds in tool_words.TOOL_FAMILIES
        ],
        "may_edit": may(request, "engineer"),
        **more,
    }


@require_safe
def listing(request: HttpRequest, machine_id: str) -> HttpResponse:
    """The tools in the order they run, and the recipe versions made of them."""
    return render(request, "dashboard/tools.html", _page(request, active(request, machine_id)))


def listing_again(
    request: HttpRequest, machine: VirtualMachine, problem: str, reason: str, status: HTTPStatus
) -> HttpResponse:
    """Show the list again after a publish that was refused, with the sentence and what was typed."""
    page = _page(request, machine, publish_problem=problem, reason=reason)
    return render(request, "dashboard/tools.html", page, status=status)


def _row(machine: VirtualMachine, number: int) -> VMInspectionTool:
    return get_object_or_404(VMInspectionTool, virtual_machine=machine, number=number)


def _measured(machine: VirtualMachine, number: int) -> dict[str, str]:
    """Return what the newest result says the tool measured, printed, by feature."""
    result = newest([machine]).get(machine.pk)
    for outcome in result.tools if result else ():
        if isinstance(outcome, Mapping) and outcome.get("id") == number:
            features = outcome.get("features") or {}
            return {name: numbers.text(value) for name, value in features.items() if isinstance(value, int | float)}
    return {}


def _stamp(row: VMInspectionTool) -> str:
    return row.updated_at.isoformat()


def _form_page(
    request: HttpRequest, row: VMInspectionTool, form: ToolForm, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    machine = row.virtual_machine
    page = _page(
        request,
        machine,
        row=row,
        form=form,
        kind=tool_words.tool_type(form.kind),
        limits=form.limit_rows(_measured(machine, row.number)),
        stamp=_stamp(row),
    )
    return render(request, "dashboard/tool.html", page, status=status)


@require_safe
def tool(request: HttpRequest, machine_id: str, number: int) -> HttpResponse:
    """One tool's form."""
    machine = active(request, machine_id)
    row = _row(machine, number)
    try:
        current = row.as_tool()
    except ValueError as error:
        messages.error(request, sentences.said(str(error)))
        return redirect("tools", machine_id)
    earlier = Draft(machine).earlier_than(row)
    return _form_page(request, row, ToolForm(current.type, number, earlier, initial=initial_of(current, row.is_active)))


@require_POST
def save(request: HttpRequest, machine_id: str, number: int) -> HttpResponse:
    """Save a tool's form; what cannot be saved comes back with what was typed and why."""
    machine = active(request, machine_id)
    row = _row(machine, number)
    form = ToolForm(
        row.as_tool().type,
        number,
        Draft(machine).earlier_than(row),
        data=request.POST,
        files=request.FILES,
        by=actor_of(request),
    )
    if request.POST.get("stamp") != _stamp(row):
        form.add_error(
            None, gettext("Somebody changed this tool meanwhile. Save again to replace that with what stands here.")
        )
        return _form_page(request, row, form, HTTPStatus.PRECONDITION_FAILED)
    if (
        form.is_valid()
        and VMInspectionTool.objects.filter(virtual_machine=machine, name=form.tool.name).exclude(pk=row.pk).exists()
    ):
        form.add_error("name", gettext("Another tool of this machine has that name."))
    if not form.is_valid():
        return _form_page(request, row, form, HTTPStatus.BAD_REQUEST)
    try:
        with transaction.atomic():
            _write(row, form.tool, form.cleaned_data["active"])
            _apply(request, machine)
    except Refused as refused:
        form.add_error(None, sentences.said(str(refused)))
        return _form_page(request, _row(machine, number), form, HTTPStatus(refused.status))
    messages.success(request, gettext("{tool} is saved.").format(tool=form.tool.name))
    return redirect("tool", machine_id, number) if form.chose_anew else redirect("tools", machine_id)


def _write(row: VMInspectionTool, made: Tool, is_active: bool) -> None:
    for name, value in row_from_tool(made).items():
        setattr(row, name, value)
    row.is_active = is_active
    row.save()


def _apply(request: HttpRequest, machine: VirtualMachine) -> None:
    """In development a saved edit runs at once."""
    apply_draft(machine, actor_of(request), gettext("Tools changed on the page"))


@require_POST
def add(request: HttpRequest, machine_id: str) -> HttpResponse:
    """Add a tool of a kind with its usual values, last in the order, and open its form."""
    machine = active(request, machine_id)
    kind = request.POST.get("type", "")
    if kind not in TOOL_CLASSES:
        raise Http404
    made = _TOOL.validate_python(_first_values(machine, kind))
    row = VMInspectionTool.objects.create(virtual_machine=machine, **row_from_tool(made))
    messages.success(
        request, gettext("{tool} is added at the end. It judges once it has limits.").format(tool=row.name)
    )
    return redirect("tool", machine_id, row.number)


def _first_values(machine: VirtualMachine, kind: str) -> dict[str, Any]:
    """Return a new tool: a name nobody has, and where one is needed a region across the middle of the picture."""
    taken = set(machine.tools.values_list("name", flat=True))
    name = tool_words.tool_type(kind)
    names = (f"{name} {count}" if count > 1 else name for count in range(1, len(taken) + 2))
    first: dict[str, Any] = {"type": kind, "id": 1, "name": next(one for one in names if one not in taken)}
    width, height = machine.resolution_width, machine.resolution_height
    if TOOL_CLASSES[kind].round_only:
        outer = max(8, min(width, height) // 3)
        first["region"] = Ring(cx=width // 2, cy=height // 2, inner=outer / 2, outer=outer)
    if TOOL_CLASSES[kind].place == "arrow":
        start, end = (Point(x=round(width * share), y=height // 2) for share in (0.1, 0.9))
        first["region"] = Arrow(p0=start, p1=end, width=11)
    return first


@require_POST
def move(request: HttpRequest, machine_id: str, number: int) -> HttpResponse:
    """Move a tool one place up or down."""
    machine = active(request, machine_id)
    with transaction.atomic():
        rows = list(machine.tools.select_for_update(no_key=True).order_by("order_index", "name"))
        here = next((place for place, row in enumerate(rows) if row.number == number), None)
        if here is None:
            raise Http404
        there = here + (-1 if request.POST.get("to") == "up" else 1)
        if 0 <= there < len(rows):
            rows[here], rows[there] = rows[there], rows[here]
        for place, row in enumerate(rows):
            if row.order_index != place:
                row.order_index = place
                row.save(update_fields=["order_index", "updated_at"])
    return _draft_changed(request, machine)


@require_POST
def remove(request: HttpRequest, machine_id: str, number: int) -> HttpResponse:
    """Remove a tool from the draft. Published versions keep it."""
    machine = active(request, machine_id)
    row = _row(machine, number)
    row.delete()
    messages.success(request, gettext("{tool} is removed from the draft.").format(tool=row.name))
    return _draft_changed(request, machine)


def _draft_changed(request: HttpRequest, machine: VirtualMachine) -> HttpResponse:
    """Go back to the list; in development the change runs, or the list says why it does not."""
    try:
        _apply(request, machine)
    except Refused as refused:
        messages.warning(request, sentences.said(str(refused)))
    return redirect("tools", machine.machine_id)
