"""Groups of machines over REST: what they share in versions, what a change would do, their members and where these differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from django.db.models import F, QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analyticlens.protocol.configuration import merged
from api import grouping, membership
from api.errors import BadInput
from api.models import GroupMember, GroupVersion, MachineGroup
from api.rest import group_serializers as said
from api.rest.asking import VERSION_HEADER, machines, version_named
from api.rest.desired import changes
from api.rest.fleet import BulkAnswersSerializer
from api.rest.serializers import WhySerializer
from api.scope import groups_for, machines_for, sees_all_of
from audit.middleware import actor_of
from user.rest import person
from user.rest_people import sites_for

if TYPE_CHECKING:
    from api.models import DesiredVersion, VirtualMachine
    from user.models import Site


def groups(request: Request) -> QuerySet[MachineGroup]:
    """Return the groups of who asks, with how many members each has and how many of them are behind."""
    return grouping.counted(groups_for(request.user).select_related("site"))


def group_of(request: Request, code: str) -> MachineGroup:
    """Return the group of that code. Raises Http404, also for one that who asks may not see."""
    return get_object_or_404(groups(request), code=code)


def said_of(request: Request, code: str, status: int = 200) -> Response:
    """Return the group as it is now."""
    group = groups(request).get(code=code)
    return Response(said.GroupSerializer(group).data, status, headers={"ETag": f'"{group.version}"'})


def site_named(request: Request, code: str | None) -> Site | None:
    """Return the site of that code. Raises BadInput for one that who asks does not know, and where they are bounded and name none."""
    sites = sites_for(person(request))
    if code is None:
        if person(request).sees():
            raise BadInput(_("Name one of your sites: you would not see a group of all sites."))
        return None
    found = sites.filter(code=code).first()
    if found is None:
        raise BadInput(_("There is no site %(site)s.") % {"site": code})
    return found


class Groups(ListAPIView[MachineGroup]):
    """The groups of machines, by code."""

    serializer_class = said.GroupSerializer
    keyset = ("code",)

    def get_queryset(self) -> QuerySet[MachineGroup]:
        """Return those of who asks."""
        return groups(self.request)

    @extend_schema(operation_id="group_add", request=said.NewGroupSerializer, responses={201: said.GroupSerializer})
    def post(self, request: Request) -> Response:
        """Make a group. It has no members yet."""
        body = said.NewGroupSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        by, reason = actor_of(request._request), asked["reason"].strip()
        grouping.add(
            asked["code"],
            asked.get("name", ""),
            description=asked.get("description", ""),
            site=site_named(request, asked.get("site")),
            shared=asked["configuration"],
            by=by,
            reason=reason,
        )
        return said_of(request, asked["code"], 201)


class Group(APIView):
    """One group of machines."""

    @extend_schema(operation_id="group", responses={200: said.GroupSerializer})
    def get(self, request: Request, code: str) -> Response:
        """Return it, `ETag` the number of its newest version."""
        group_of(request, code)
        return said_of(request, code)

    @extend_schema(
        operation_id="group_change",
        request=said.GroupChangeSerializer,
        parameters=[VERSION_HEADER],
        responses={200: said.GroupChangedSerializer},
    )
    def patch(self, request: Request, code: str) -> Response:
        """Change it. What it shares becomes its next version, and each member is asked to follow, with an answer for each."""
        group = group_of(request, code)
        body = said.GroupChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked, known = dict(body.validated_data), version_named(request)
        about = {name: asked[name] for name in ("name", "description") if name in asked}
        if "site" in asked:
            about["site"] = site_named(request, asked["site"])
        shared = None
        if "configuration" in asked:
            shared = merged(group.shared, asked["configuration"])
            # The patch was laid over this version: over another one that came in between it would undo that.
            known = known if known is not None else group.version
        return _change(request, group, asked["reason"], about=about, shared=shared, if_version=known)

    @extend_schema(operation_id="group_remove", responses={204: None})
    def delete(self, request: Request, code: str) -> Response:
        """Remove a group that has no members."""
        grouping.remove(group_of(request, code), by=actor_of(request._request))
        return Response(status=204)


def _change(request: Request, group: MachineGroup, reason: str, **wanted: Any) -> Response:
    """Change a group and reach its members; answer with the group as it is now and what became of it at each."""
    by = actor_of(request._request)
    moved = grouping.change(group, by=by, reason=reason, seen=sees_all_of(request.user, group), **wanted)
    answers = grouping.reach(group, by=by, reason=reason) if moved else []
    now = groups(request).filter(pk=group.pk).first() or group
    body = said.GroupChangedSerializer(now, context={"answers": answers})
    return Response(body.data, headers={"ETag": f'"{now.version}"'})


class Preview(APIView):
    """What a change of a group would do."""

    @extend_schema(
        operation_id="group_preview", request=said.PreviewSerializer, responses={200: said.PreviewAnswerSerializer}
    )
    def post(self, request: Request, code: str) -> Response:
        """Say which machines a change of what the group shares would change, and where. Nothing is changed."""
        group = group_of(request, code)
        body = said.PreviewSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        shared = grouping.checked(merged(group.shared, body.validated_data["configuration"]))
        rows = members(request, group)
        return Response(
            {
                "version": group.version,
                "configuration": shared,
                "changes": changes(group.shared, shared),
                "machines": [said.forecast(grouping.foresee(row, group, shared)) for row in rows],
            }
        )


class Versions(ListAPIView[GroupVersion]):
    """The versions of what a group shares, newest first."""

    serializer_class = said.GroupVersionSerializer
    keyset = ("-version",)

    def get_queryset(self) -> QuerySet[GroupVersion]:
        """Return the group's."""
        if getattr(self, "swagger_fake_view", False):
            return GroupVersion.objects.none()
        return group_of(self.request, self.kwargs["code"]).versions.all()


class OneVersion(APIView):
    """One version of what a group shares."""

    @extend_schema(operation_id="group_version", responses={200: said.GroupVersionWithChanges})
    def get(self, request: Request, code: str, version: int) -> Response:
        """Return it, with what it changed."""
        row = get_object_or_404(group_of(request, code).versions.select_related("group"), version=version)
        return Response(said.GroupVersionWithChanges(row).data)


class Revert(APIView):
    """Going back to a version of what a group shares."""

    @extend_schema(
        operation_id="group_revert",
        request=WhySerializer,
        parameters=[VERSION_HEADER],
        responses={200: said.GroupChangedSerializer},
    )
    def post(self, request: Request, code: str, version: int) -> Response:
        """Share again what that version shared, as the next one. What members have of their own stays."""
        group = group_of(request, code)
        row = get_object_or_404(group.versions, version=version)
        body = WhySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        known = version_named(request)
        return _change(request, group, body.validated_data["reason"], shared=row.shared, if_version=known)


def members(request: Request, group: MachineGroup) -> QuerySet[GroupMember]:
    """Return the members that who asks may see, by machine id."""
    seen = group.members.filter(machine__in=machines_for(request.user)).select_related("machine")
    return seen.annotate(machine_name=F("machine__machine_id")).order_by("machine_name")


class Members(ListAPIView[GroupMember]):
    """The members of a group, by machine id, and where they differ."""

    serializer_class = said.MemberSerializer
    keyset = ("machine_name",)

    def get_queryset(self) -> QuerySet[GroupMember]:
        """Return the group's."""
        if getattr(self, "swagger_fake_view", False):
            return GroupMember.objects.none()
        self.group = group_of(self.request, self.kwargs["code"])
        return members(self.request, self.group)

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """Return what is said of the members given."""
        rows = [said.member(grouping.standing(row, self.group)) for row in args[0]] if args else []
        return super().get_serializer(rows, **kwargs)

    @extend_schema(operation_id="group_join", request=said.JoinSerializer, responses={200: BulkAnswersSerializer})
    def post(self, request: Request, code: str) -> Response:
        """Make machines members, with an answer for each: 202 where it is asked to change, 200 where it stays as it is."""
        group = group_of(request, code)
        body = said.JoinSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked, by = body.validated_data, actor_of(request._request)
        reason = asked["reason"].strip() or _("Joined the group %(group)s") % {"group": group.code}

        def join(machine: VirtualMachine) -> DesiredVersion | None:
            return membership.join(group, machine, take=asked["take"], by=by, reason=reason)

        found = machines(request).filter(machine_id__in=asked["machines"])
        return _each(asked["machines"], {machine.machine_id: machine for machine in found}, join)


def _each(
    names: Iterable[str],
    found: dict[str, VirtualMachine],
    act: Callable[[VirtualMachine], DesiredVersion | None],
) -> Response:
    """Do something at each machine named, and answer for each."""
    wanted = dict.fromkeys(names)
    known = {one.machine_id: one for one in grouping.each([found[name] for name in wanted if name in found], act)}
    results = [said.answers([known[name]])[0] if name in known else said.unseen(name) for name in wanted]
    return Response({"results": results})


def _at_members(
    rows: QuerySet[GroupMember], asked: dict[str, Any], act: Callable[[VirtualMachine], DesiredVersion | None]
) -> Response:
    """Do something at the members named, or at all of these where none is."""
    found = {row.machine.machine_id: row.machine for row in rows}
    return _each(asked.get("machines", found), found, act)


class Member(APIView):
    """One member of a group."""

    @extend_schema(operation_id="group_member", responses={200: said.MemberSerializer})
    def get(self, request: Request, code: str, machine_id: str) -> Response:
        """Return where it differs from its group."""
        group = group_of(request, code)
        row = get_object_or_404(members(request, group), machine__machine_id=machine_id)
        return Response(said.member(grouping.standing(row, group)))

    @extend_schema(operation_id="group_leave", responses={204: None})
    def delete(self, request: Request, code: str, machine_id: str) -> Response:
        """Take it out of the group. Its configuration stays as it is."""
        group = group_of(request, code)
        row = get_object_or_404(members(request, group), machine__machine_id=machine_id)
        membership.leave(group, row.machine, by=actor_of(request._request), reason="")
        return Response(status=204)


class Reset(APIView):
    """Going back from a machine's own values to the group's."""

    @extend_schema(operation_id="group_reset", request=said.ResetSerializer, responses={200: BulkAnswersSerializer})
    def post(self, request: Request, code: str) -> Response:
        """Let members have the group's values again, at the places named or wherever the group says something."""
        group = group_of(request, code)
        body = said.ResetSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked, by = body.validated_data, actor_of(request._request)
        reason = asked["reason"].strip() or _("Reset to the group %(group)s") % {"group": group.code}
        wanted = [tuple(path) for path in asked["places"]] if "places" in asked else None

        def reset(machine: VirtualMachine) -> DesiredVersion | None:
            return membership.reset(group, machine, wanted, by=by, reason=reason)

        return _at_members(members(request, group), asked, reset)


class Apply(APIView):
    """Reaching members that have not followed."""

    @extend_schema(operation_id="group_apply", request=said.ReachSerializer, responses={200: BulkAnswersSerializer})
    def post(self, request: Request, code: str) -> Response:
        """Ask members that are behind to follow the newest version, with an answer for each."""
        group = group_of(request, code)
        body = said.ReachSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked, by = body.validated_data, actor_of(request._request)
        reason = asked["reason"].strip() or _("Following the group %(group)s") % {"group": group.code}

        def follow(machine: VirtualMachine) -> DesiredVersion | None:
            return membership.follow(group, machine, by=by, reason=reason)

        rows = members(request, group)
        if "machines" not in asked:
            rows = rows.exclude(applied=group.version)
        return _at_members(rows, asked, follow)
