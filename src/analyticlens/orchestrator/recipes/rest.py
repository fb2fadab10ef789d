"""Recipes over REST: a machine's tools as they are edited, the versions that were published, and going back."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from pydantic import ValidationError
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analyticlens.protocol.canonical import strict_loads
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.strict import first_error, plain
from api.errors import BadInput
from api.known import tag_in
from api.models import VirtualMachine, VMInspectionTool
from api.rest.asking import (
    FENCE_HEADER,
    TAG_HEADER,
    VERSION_HEADER,
    OfMachine,
    asked,
    machine_of,
    machines,
    version_named,
)
from api.rest.desired import DifferenceSerializer, changes, version_of
from api.rest.serializers import DesiredSerializer, WhySerializer
from audit.middleware import actor_of
from recipes.editing import draft_tag, edit, put_at, rows_of, tool_from, write
from recipes.models import RecipeVersion
from recipes.publishing import publish, republish, revert
from user.bodies import Closed

CHANGED = "Tools changed over REST"


class RecipeSerializer(serializers.ModelSerializer[RecipeVersion]):
    """A version of a recipe. It never changes."""

    class Meta:
        model = RecipeVersion
        fields: tuple[str, ...] = ("number", "sha256", "origin", "author", "reason", "created_at")
        read_only_fields = fields
        extra_kwargs = {
            "number": {"help_text": "1, 2, 3… of this machine."},
            "sha256": {"help_text": "SHA-256 of the recipe's canonical JSON: results name it."},
            "origin": {"help_text": "published; local: set at the machine; draft: an edit in development."},
            "author": {"help_text": "Who made it."},
            "reason": {"help_text": "Why."},
            "created_at": {"help_text": "When."},
        }


class RecipeWithChanges(RecipeSerializer):
    """A version of a recipe, whole, with what it changed."""

    recipe = serializers.SerializerMethodField(
        help_text="The recipe itself: tools with parameters, regions and limits."
    )
    changes = serializers.SerializerMethodField(help_text="What it changed of the version before it, tool by tool.")

    class Meta(RecipeSerializer.Meta):
        fields = (*RecipeSerializer.Meta.fields, "recipe", "changes")

    def get_recipe(self, version: RecipeVersion) -> dict[str, Any]:
        """Return the recipe."""
        recipe: dict[str, Any] = strict_loads(version.canonical)
        return recipe

    @extend_schema_field(DifferenceSerializer(many=True))
    def get_changes(self, version: RecipeVersion) -> list[dict[str, Any]]:
        """Return what it changed; all of it where it is the first."""
        before = version.machine.recipe_versions.filter(number=version.number - 1).first()
        return changes(strict_loads(before.canonical) if before else {"tools": []}, self.get_recipe(version))


class Recipes(OfMachine, ListAPIView[RecipeVersion]):
    """The recipe versions of a machine, newest first."""

    serializer_class = RecipeSerializer
    rows = RecipeVersion.objects.all()
    keyset = ("-number",)

    @extend_schema(operation_id="recipe_publish_tools", request=WhySerializer, responses={201: RecipeSerializer})
    def post(self, request: Request, machine_id: str) -> Response:
        """Publish the machine's tools as the next version, and ask the machine to run it."""
        machine = machine_of(request, machine_id)
        version = publish(machine, actor_of(request._request), _why(request))
        return Response(RecipeSerializer(version).data, 201)


class OneRecipe(APIView):
    """One recipe version."""

    @extend_schema(operation_id="recipe", responses={200: RecipeWithChanges})
    def get(self, request: Request, machine_id: str, number: int) -> Response:
        """Return it, with what it changed."""
        versions = machine_of(request, machine_id).recipe_versions.select_related("machine")
        return Response(RecipeWithChanges(get_object_or_404(versions, number=number)).data)


class Publish(APIView):
    """An older recipe version once more."""

    @extend_schema(operation_id="recipe_publish_again", request=WhySerializer, responses={201: RecipeSerializer})
    def post(self, request: Request, machine_id: str, number: int) -> Response:
        """Publish it again as the next version, and ask the machine to run it. Where it is the newest already, that is returned."""
        machine = machine_of(request, machine_id)
        try:
            version = republish(machine, number, actor_of(request._request), _why(request))
        except RecipeVersion.DoesNotExist:
            raise Http404 from None
        return Response(RecipeSerializer(version).data, 201)


class Revert(APIView):
    """An older desired version once more."""

    @extend_schema(
        operation_id="desired_revert",
        request=WhySerializer,
        parameters=[VERSION_HEADER, FENCE_HEADER],
        responses={202: OpenApiResponse(DesiredSerializer, description="The version that asks it.")},
    )
    def post(self, request: Request, machine_id: str, version: int) -> Response:
        """Ask for its configuration, mode and recipe again. Whether the machine runs stays as it is."""
        older = version_of(request, machine_id, version)
        known, why = version_named(request), _why(request)
        return asked(revert(older.machine, older, by=actor_of(request._request), reason=why, if_version=known))


def _why(request: Request) -> str:
    return str(_asked(WhySerializer, request)["reason"])


class ToolSerializer(serializers.ModelSerializer[VMInspectionTool]):
    """A tool of a machine, as it is edited. What runs is a published version."""

    machine = serializers.CharField(source="virtual_machine.machine_id", read_only=True, help_text="Whose it is.")
    tool = serializers.SerializerMethodField(help_text="The tool in the words of recipes; null where it makes none.")
    problem = serializers.SerializerMethodField(help_text="Why it makes no tool; empty where it does.")

    class Meta:
        model = VMInspectionTool
        fields = ("machine", "number", "is_active", "tool", "problem", "created_at", "updated_at")
        read_only_fields = fields
        extra_kwargs = {
            "number": {"help_text": "Its name inside the recipe: others follow it by this number."},
            "is_active": {"help_text": "Off: it is kept, and no part of what is published."},
            "created_at": {"help_text": "When it was added."},
            "updated_at": {"help_text": "When it last changed."},
        }

    def get_tool(self, row: VMInspectionTool) -> dict[str, Any] | None:
        """Return the tool it means."""
        try:
            return plain(row.as_tool())
        except ValueError:
            return None

    def get_problem(self, row: VMInspectionTool) -> str:
        """Return why it means none."""
        try:
            row.as_tool()
        except ValueError as problem:
            return str(problem)
        return ""


class DraftSerializer(serializers.Serializer[Any]):
    """The tools of a machine in the order they run."""

    results = ToolSerializer(many=True, help_text="The tools.")


class ToolWishSerializer(Closed):
    """What a tool shall be."""

    tool = serializers.DictField(help_text="The tool in the words of recipes; its id is given here.")
    is_active = serializers.BooleanField(default=True, help_text="Off: it is kept, and not published.")
    place = serializers.IntegerField(
        min_value=1,
        max_value=10_000,
        required=False,
        help_text="Its place in the order, from 1; else it stays, or is last.",
    )
    reason = serializers.CharField(max_length=2000, default=CHANGED, help_text="Why; it stays in the audit trail.")


class RecipeWishSerializer(Closed):
    """All tools at once."""

    recipe = serializers.DictField(help_text="The recipe: its tools become those of the machine.")
    reason = serializers.CharField(max_length=2000, default=CHANGED, help_text="Why; it stays in the audit trail.")


def _draft(machine: VirtualMachine, status: int = 200) -> Response:
    rows = rows_of(machine)
    for row in rows:
        row.virtual_machine = machine
    return Response({"results": ToolSerializer(rows, many=True).data}, status, headers={"ETag": f'"{draft_tag(rows)}"'})


def _tag(request: Request) -> str | None:
    return tag_in(request.headers.get("If-Match"))


class Tools(APIView):
    """The tools of a machine, as they are edited."""

    @extend_schema(operation_id="tools", responses={200: DraftSerializer})
    def get(self, request: Request, machine_id: str) -> Response:
        """Return them in the order they run."""
        return _draft(machine_of(request, machine_id))

    @extend_schema(
        operation_id="tool_add", request=ToolWishSerializer, parameters=[TAG_HEADER], responses={201: DraftSerializer}
    )
    def post(self, request: Request, machine_id: str) -> Response:
        """Add a tool."""
        machine = machine_of(request, machine_id)
        body = _asked(ToolWishSerializer, request)

        def add() -> None:
            row = VMInspectionTool(virtual_machine=machine)
            row.take_place()
            write(row, tool_from(body["tool"], row.number), is_active=body["is_active"])
            if "place" in body:
                put_at(machine, row, body["place"])

        edit(machine, add, by=actor_of(request._request), reason=body["reason"], tag=_tag(request))
        return _draft(machine, 201)

    @extend_schema(
        operation_id="tools_replace",
        request=RecipeWishSerializer,
        parameters=[TAG_HEADER],
        responses={200: DraftSerializer},
    )
    def put(self, request: Request, machine_id: str) -> Response:
        """Replace them by those of a recipe. Tools that are off stay beside them."""
        machine, by = machine_of(request, machine_id), actor_of(request._request)
        body = _asked(RecipeWishSerializer, request)
        try:
            recipe = Recipe.model_validate(body["recipe"])
        except ValidationError as error:
            raise BadInput(f"recipe.{first_error(error)}") from None

        def replace() -> None:
            machine.set_tools(recipe, by=by, reason=body["reason"])

        edit(machine, replace, by=by, reason=body["reason"], tag=_tag(request))
        return _draft(machine)


class OneTool(APIView):
    """One tool of a machine, as it is edited."""

    @extend_schema(operation_id="tool", responses={200: ToolSerializer})
    def get(self, request: Request, machine_id: str, number: int) -> Response:
        """Return it."""
        return Response(ToolSerializer(self._row(request, machine_id, number)).data)

    @extend_schema(
        operation_id="tool_change",
        request=ToolWishSerializer,
        parameters=[TAG_HEADER],
        responses={200: DraftSerializer},
    )
    def put(self, request: Request, machine_id: str, number: int) -> Response:
        """Make it another tool, of whatever kind; whoever follows it goes on following it."""
        row = self._row(request, machine_id, number)
        body = _asked(ToolWishSerializer, request)

        def change() -> None:
            write(row, tool_from(body["tool"], number), is_active=body["is_active"])
            if "place" in body:
                put_at(row.virtual_machine, row, body["place"])

        machine = row.virtual_machine
        edit(machine, change, by=actor_of(request._request), reason=body["reason"], tag=_tag(request))
        return _draft(machine)

    @extend_schema(operation_id="tool_remove", request=None, parameters=[TAG_HEADER], responses={204: None})
    def delete(self, request: Request, machine_id: str, number: int) -> Response:
        """Remove it. Published versions keep it."""
        row = self._row(request, machine_id, number)
        edit(
            row.virtual_machine,
            row.delete,
            by=actor_of(request._request),
            reason=CHANGED,
            tag=_tag(request),
        )
        return Response(status=204)

    @staticmethod
    def _row(request: Request, machine_id: str, number: int) -> VMInspectionTool:
        machine = machine_of(request, machine_id)
        row = get_object_or_404(VMInspectionTool, virtual_machine=machine, number=number)
        row.virtual_machine = machine
        return row


def _asked(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


class AllTools(ListAPIView[VMInspectionTool]):
    """The tools of all machines, by machine and order."""

    serializer_class = ToolSerializer
    keyset = ("virtual_machine_id", "order_index", "id")

    def get_queryset(self) -> QuerySet[VMInspectionTool]:
        """Return those of machines that who asks may see."""
        rows = VMInspectionTool.objects.filter(virtual_machine__in=machines(self.request).filter(is_active=True))
        if kind := self.request.query_params.get("tool_type"):
            rows = rows.filter(tool_type=kind)
        return rows.select_related("virtual_machine")


urlpatterns = [
    path("tools/", AllTools.as_view(), name="all_tools"),
    path("machines/<str:machine_id>/tools/", Tools.as_view(), name="tools"),
    path("machines/<str:machine_id>/tools/<int:number>/", OneTool.as_view(), name="tool"),
    path("machines/<str:machine_id>/recipes/", Recipes.as_view(), name="recipes"),
    path("machines/<str:machine_id>/recipes/<int:number>/", OneRecipe.as_view(), name="recipe"),
    path("machines/<str:machine_id>/recipes/<int:number>/publish/", Publish.as_view(), name="recipe_publish"),
    path("machines/<str:machine_id>/desired/versions/<int:version>/revert/", Revert.as_view(), name="desired_revert"),
]
