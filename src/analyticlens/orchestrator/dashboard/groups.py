"""Groups of machines as pages: the list, one group with its members side by side, and the form of what they share with its preview."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from analyticlens.protocol.layers import places
from api import grouping, membership
from api.errors import BadInput, Refused
from api.known import tag_of
from api.models import GroupMember, MachineGroup
from api.scope import groups_for, machines_for, sees_all_of
from audit.middleware import actor_of
from dashboard import numbers, sentences
from dashboard.group_form import SharedForm
from dashboard.group_page import STEP, GroupPage, shared_moves
from dashboard.shell import may
from user.models import Site, User
from user.rest_people import sites_for

if TYPE_CHECKING:
    from api.models import DesiredVersion, VirtualMachine

# A refusal of one machine is said by name; of more than so many, how many there are.
MOST_SAID = 5


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _group(request: HttpRequest, code: str) -> MachineGroup:
    """Return the group of that code; one that who asks may not see is not there."""
    return get_object_or_404(groups_for(request.user).select_related("site"), code=code)


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").strip()


def line_of(request: HttpRequest, machine: VirtualMachine) -> dict[str, Any] | None:
    """Return what a machine's page says of its group: which, at how many places it differs, and whether who looks may open it."""
    member = GroupMember.objects.select_related("group").filter(machine=machine).first()
    if member is None:
        return None
    differing = len(places(member.overrides).keys() & places(member.group.shared).keys())
    seen = not _user(request).sees() or groups_for(request.user).filter(pk=member.group_id).exists()
    behind = member.applied != member.group.version
    return {"group": member.group, "differs": differing, "seen": seen, "behind": behind}


# The list


def _listing(request: HttpRequest, problem: str = "", status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    user = _user(request)
    context = {
        "groups": grouping.counted(groups_for(user).select_related("site")).order_by("code"),
        "sites": sites_for(user).order_by("code"),
        "may_edit": may(request, "engineer"),
        "bounded": bool(user.sees()),
        "problem": problem,
        "typed": request.POST if problem else {},
    }
    return render(request, "dashboard/groups.html", context, status=status)


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """The groups, with how many machines each has."""
    return _listing(request)


def _site(request: HttpRequest) -> Site | None:
    """Return the site that was chosen. Raises BadInput."""
    code = request.POST.get("site", "")
    if not code:
        if _user(request).sees():
            raise BadInput(gettext("Choose one of your sites."))
        return None
    found = sites_for(_user(request)).filter(code=code).first()
    if found is None:
        raise BadInput(gettext("Choose one of your sites."))
    return found


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Make a group; what was typed is kept where it is refused."""
    code, name = request.POST.get("code", "").strip(), request.POST.get("name", "").strip()
    try:
        grouping.add(code, name[:100], site=_site(request), by=actor_of(request), reason=gettext("Made on the page"))
    except Refused as refused:
        return _listing(request, str(refused), HTTPStatus(refused.status))
    messages.success(request, gettext("The group {group} is made. Now say what it shares.").format(group=name or code))
    return redirect("group", code)


# One group


def _context(request: HttpRequest, group: MachineGroup, **more: Any) -> dict[str, Any]:
    return {
        "group": group,
        "page": GroupPage(group, _user(request)),
        "may_edit": may(request, "engineer"),
        "bounded": bool(_user(request).sees()),
        "sites": sites_for(_user(request)).order_by("code"),
        **more,
    }


@require_safe
def group(request: HttpRequest, code: str) -> HttpResponse:
    """What it shares, its members and where they differ, its versions."""
    return render(request, "dashboard/group.html", _context(request, _group(request, code)))


@require_POST
def describe(request: HttpRequest, code: str) -> HttpResponse:
    """Call it otherwise, or give it another site."""
    found = _group(request, code)
    try:
        about = {
            "name": request.POST.get("name", "").strip()[:100] or found.code,
            "description": request.POST.get("description", "").strip()[:2000],
            "site": _site(request),
        }
        grouping.change(found, about=about, by=actor_of(request), reason=_reason(request), seen=True)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, gettext("Saved."))
    return redirect("group", code)


@require_POST
def remove(request: HttpRequest, code: str) -> HttpResponse:
    """Remove a group without members."""
    found = _group(request, code)
    try:
        grouping.remove(found, by=actor_of(request))
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("group", code)
    messages.success(request, gettext("The group {group} is removed.").format(group=found.name))
    return redirect("groups")


# What it shares


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, code: str) -> HttpResponse:
    """The form of what the group shares: looked at, previewed, then saved. Nothing is saved that was not previewed."""
    found = _group(request, code)
    if request.method != "POST":
        return _form_page(request, found, SharedForm(found.shared))
    form = SharedForm(found.shared, request.POST)
    if not form.is_valid():
        return _form_page(request, found, form, status=HTTPStatus.BAD_REQUEST)
    looked_at = request.POST.get("previewed") == _tag(found, form)
    if request.POST.get("act") != "save":
        return _form_page(request, found, form, previewed=True)
    if not looked_at:
        problem = gettext("This is not what was previewed. Look at it again, then save.")
        return _form_page(request, found, form, problem, previewed=True, status=HTTPStatus.PRECONDITION_FAILED)
    if not _reason(request):
        problem = gettext("Say in one line why you change it.")
        return _form_page(request, found, form, problem, previewed=True, status=HTTPStatus.BAD_REQUEST)
    return _save(request, found, form)


def _save(request: HttpRequest, found: MachineGroup, form: SharedForm) -> HttpResponse:
    by, reason = actor_of(request), _reason(request)
    seen = sees_all_of(_user(request), found)
    try:
        moved = grouping.change(found, shared=form.shared, by=by, reason=reason, seen=seen, if_version=found.version)
    except Refused as refused:
        return _form_page(request, found, form, str(refused), previewed=True, status=HTTPStatus(refused.status))
    if moved:
        said = gettext("Version {n} is shared.").format(n=numbers.text(found.version))
        _tell(request, grouping.reach(found, by=by, reason=reason), said)
    else:
        messages.info(request, gettext("The group shares that already."))
    return redirect("group", found.code)


def _tag(found: MachineGroup, form: SharedForm) -> str:
    """Return what stands for a preview: of these values, over this version."""
    return tag_of([found.version, form.shared])


def _form_page(
    request: HttpRequest,
    found: MachineGroup,
    form: SharedForm,
    problem: str = "",
    *,
    previewed: bool = False,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    context = _context(request, found, form=form, problem=problem, reason=_reason(request), previewed=previewed)
    if previewed:
        foreseen = context["page"].foreseen(form.shared)
        context |= {
            "tag": _tag(found, form),
            "moves": shared_moves(found.shared, form.shared),
            "foreseen": [one for one in foreseen if one.touched],
            "changing": sum(bool(one.moves) for one in foreseen),
            "untouched": sum(not one.touched for one in foreseen),
        }
    return render(request, "dashboard/group_edit.html", context, status=status)


@require_POST
def revert(request: HttpRequest, code: str, version: int) -> HttpResponse:
    """Fill the form with what an older version shared: it is previewed and saved like any other change."""
    found = _group(request, code)
    row = get_object_or_404(found.versions, version=version)
    form = SharedForm(row.shared)
    form.shared = row.shared
    return _form_page(request, found, form, previewed=True)


# Its members


def _tell(request: HttpRequest, answers: Iterable[grouping.Answer], said: str = "") -> None:
    """Say what became of an act: how many machines were asked, and why others were not."""
    given = list(answers)
    asked = sum(one.version is not None for one in given)
    refused = [one for one in given if one.refused is not None]
    if asked:
        many = ngettext("{n} machine is asked to change.", "{n} machines are asked to change.", asked)
        said = f"{said} {many.format(n=numbers.text(asked))}".strip()
    if said or not refused:
        messages.success(request, said or gettext("No machine had to change."))
    for one in refused[:MOST_SAID]:
        messages.warning(request, sentences.said(str(one.refused)))
    if len(refused) > MOST_SAID:
        more = gettext("And {n} more were refused.").format(n=numbers.text(len(refused) - MOST_SAID))
        messages.warning(request, more)


def _members(request: HttpRequest, found: MachineGroup, names: Iterable[str]) -> list[VirtualMachine]:
    """Return those of the machines named that are members and may be seen."""
    rows = found.members.filter(machine__in=machines_for(request.user), machine__machine_id__in=set(names))
    return [row.machine for row in rows.select_related("machine").order_by("machine__machine_id")]


def _each(
    request: HttpRequest, found: MachineGroup, machines: list[VirtualMachine], act: Callable[..., DesiredVersion | None]
) -> HttpResponse:
    if machines:
        _tell(request, grouping.each(machines, act))
    else:
        messages.info(request, gettext("Choose machines first."))
    return redirect("group", found.code)


@require_POST
def join(request: HttpRequest, code: str) -> HttpResponse:
    """Make the chosen machines members."""
    found = _group(request, code)
    chosen = machines_for(request.user).filter(machine_id__in=request.POST.getlist("machine"), is_active=True)
    reason = _reason(request) or gettext("Joined the group {group}").format(group=found.name)
    take, by = request.POST.get("differing") == "take", actor_of(request)

    def act(machine: VirtualMachine) -> DesiredVersion | None:
        return membership.join(found, machine, take=take, by=by, reason=reason)

    return _each(request, found, list(chosen.order_by("machine_id")), act)


@require_POST
def leave(request: HttpRequest, code: str, machine_id: str) -> HttpResponse:
    """Take a machine out of the group."""
    found = _group(request, code)
    for machine in _members(request, found, [machine_id]):
        membership.leave(found, machine, by=actor_of(request), reason=gettext("Taken out on the page"))
        messages.success(
            request, gettext("{machine} is out of the group, and stays as it is.").format(machine=machine.name)
        )
    return redirect("group", code)


@require_POST
def reset(request: HttpRequest, code: str) -> HttpResponse:
    """Let the marked places of members have the group's values again."""
    found = _group(request, code)
    marked: dict[str, list[tuple[str, ...]]] = {}
    for value in request.POST.getlist("place"):
        machine_id, _colon, path = value.partition(":")
        marked.setdefault(machine_id, []).append(tuple(path.split(STEP)))
    by, reason = actor_of(request), _reason(request) or gettext("Reset to the group {group}").format(group=found.name)

    def act(machine: VirtualMachine) -> DesiredVersion | None:
        return membership.reset(found, machine, marked[machine.machine_id], by=by, reason=reason)

    return _each(request, found, _members(request, found, marked), act)


@require_POST
def apply(request: HttpRequest, code: str) -> HttpResponse:
    """Ask the members that are behind to follow."""
    found = _group(request, code)
    members = machines_for(request.user).filter(membership__group=found)
    late = list(members.exclude(membership__applied=found.version).order_by("machine_id"))
    by, reason = actor_of(request), _reason(request) or gettext("Following the group {group}").format(group=found.name)

    def act(machine: VirtualMachine) -> DesiredVersion | None:
        return membership.follow(found, machine, by=by, reason=reason)

    return _each(request, found, late, act)
