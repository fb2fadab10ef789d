"""People, sites and lines over REST: who is here, what they may do, and where."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.generics import ListCreateAPIView, RetrieveUpdateAPIView, RetrieveUpdateDestroyAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from user import second_step
from user.administrators import is_last_administrator, locked_administrators
from user.bodies import Closed
from user.models import Line, Role, Site, User
from user.rest import person


class LastAdministrator(exceptions.APIException):
    """Nobody would be left who may undo it."""

    status_code = 409


class OwnSecondStep(exceptions.APIException):
    """Whoever holds somebody's session or token must not get rid of their second step by it."""

    status_code = 409


class ResetReasonSerializer(Closed):
    """Why a second step is taken away."""

    reason = serializers.CharField(max_length=500, help_text="Why, for the audit trail.")


class SiteSerializer(Closed, serializers.ModelSerializer[Site]):
    """A plant, or a building of one."""

    class Meta:
        model = Site
        fields = ("id", "code", "name")
        extra_kwargs = {
            "id": {"help_text": "Its number."},
            "code": {"help_text": "Its short name: letters, digits, - and _."},
            "name": {"help_text": "What people call it."},
        }


class LineSerializer(Closed, serializers.ModelSerializer[Line]):
    """A line of a site: where machines stand."""

    site = serializers.SlugRelatedField(slug_field="code", queryset=Site.objects.all(), help_text="Code of its site.")

    class Meta:
        model = Line
        fields = ("id", "site", "code", "name")
        extra_kwargs = {
            "id": {"help_text": "Its number."},
            "code": {"help_text": "Its short name: letters, digits, - and _."},
            "name": {"help_text": "What people call it."},
        }


class PersonSerializer(Closed, serializers.ModelSerializer[User]):
    """Somebody who may sign in."""

    password = serializers.CharField(
        write_only=True, required=False, max_length=200, help_text="A new password; it is never said again."
    )
    sites = serializers.SlugRelatedField(
        slug_field="code",
        queryset=Site.objects.all(),
        many=True,
        required=False,
        help_text="Codes of the sites a bounded person sees.",
    )
    lines = serializers.PrimaryKeyRelatedField(
        queryset=Line.objects.all(), many=True, required=False, help_text="Numbers of the lines a bounded person sees."
    )

    class Meta:
        model = User
        fields = (
            "id",
            "username",
            "first_name",
            "last_name",
            "email",
            "role",
            "is_active",
            "bounded",
            "sites",
            "lines",
            "sso_issuer",
            "sso_subject",
            "language",
            "last_login",
            "date_joined",
            "second_step_at",
            "password",
        )
        read_only_fields = ("id", "last_login", "date_joined", "second_step_at")
        extra_kwargs = {
            "id": {"help_text": "Their number."},
            "username": {"help_text": "The name they sign in with."},
            "first_name": {"help_text": "First name."},
            "last_name": {"help_text": "Last name."},
            "email": {"help_text": "Address for notices."},
            "role": {"help_text": "What they may do."},
            "is_active": {"help_text": "False: they may no longer sign in. Their history stays."},
            "bounded": {"help_text": "Sees only machines of their sites and lines. Administrators see all."},
            "sso_issuer": {"help_text": "The provider they sign in with, as in AL_OIDC_ISSUER; empty: none."},
            "sso_subject": {"help_text": "The provider's own name for them; it goes with `sso_issuer`."},
            "language": {"help_text": "Language of their pages; empty: that of the browser."},
            "last_login": {"help_text": "When they last signed in."},
            "date_joined": {"help_text": "When they were added."},
            "second_step_at": {"help_text": "Since when signing in asks them for a code too; null: it does not."},
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a password that is too easy, and taking the last administrator away."""
        if "password" in attrs:
            try:
                validate_password(attrs["password"], self.instance)
            except ValidationError as problem:
                raise serializers.ValidationError({"password": problem.messages}) from None
        link = [attrs.get(name, getattr(self.instance, name, "")) for name in ("sso_issuer", "sso_subject")]
        if any(link) and not all(link):
            said = _("Name the sign-in provider and the subject there, or neither.")
            raise serializers.ValidationError({"sso_subject": said})
        goes = attrs.get("role", Role.ADMIN) != Role.ADMIN or attrs.get("is_active", True) is False
        if self.instance is not None and goes and is_last_administrator(self.instance):
            raise LastAdministrator(_("Nobody would be left who administers this."))
        return attrs

    def create(self, validated_data: dict[str, Any]) -> User:
        """Add them; without a password they cannot sign in by one."""
        sites, lines = validated_data.pop("sites", []), validated_data.pop("lines", [])
        password = validated_data.pop("password", None)
        user = User(**validated_data)
        user.set_password(password) if password else user.set_unusable_password()
        with transaction.atomic():
            user.save()
            user.sites.set(sites)
            user.lines.set(lines)
        return user

    def update(self, instance: User, validated_data: dict[str, Any]) -> User:
        """Change what is named."""
        password = validated_data.pop("password", None)
        if password:
            instance.set_password(password)
        return super().update(instance, validated_data)


def sites_for(user: User) -> QuerySet[Site]:
    """Return the sites this person may know of."""
    if not user.sees():
        return Site.objects.all()
    return Site.objects.filter(Q(pk__in=user.sites.values("pk")) | Q(lines__in=user.lines.all())).distinct()


def lines_for(user: User) -> QuerySet[Line]:
    """Return the lines this person may know of."""
    if not user.sees():
        return Line.objects.all()
    return Line.objects.filter(Q(pk__in=user.lines.values("pk")) | Q(site__in=user.sites.values("pk")))


class Sites(ListCreateAPIView[Site]):
    """The sites, by code."""

    serializer_class = SiteSerializer
    keyset = ("code",)

    def get_queryset(self) -> QuerySet[Site]:
        """Return those that who asks may know of."""
        return Site.objects.none() if getattr(self, "swagger_fake_view", False) else sites_for(person(self.request))


class OneSite(RetrieveUpdateDestroyAPIView[Site]):
    """One site."""

    serializer_class = SiteSerializer
    http_method_names = ["get", "patch", "delete", "options", "head"]
    lookup_field = "code"

    def get_queryset(self) -> QuerySet[Site]:
        """Return those that who asks may know of."""
        return Site.objects.none() if getattr(self, "swagger_fake_view", False) else sites_for(person(self.request))


class Lines(ListCreateAPIView[Line]):
    """The lines."""

    serializer_class = LineSerializer
    keyset = ("id",)

    def get_queryset(self) -> QuerySet[Line]:
        """Return those that who asks may know of."""
        if getattr(self, "swagger_fake_view", False):
            return Line.objects.none()
        return lines_for(person(self.request)).select_related("site")


class OneLine(RetrieveUpdateDestroyAPIView[Line]):
    """One line."""

    serializer_class = LineSerializer
    http_method_names = ["get", "patch", "delete", "options", "head"]

    def get_queryset(self) -> QuerySet[Line]:
        """Return those that who asks may know of."""
        if getattr(self, "swagger_fake_view", False):
            return Line.objects.none()
        return lines_for(person(self.request)).select_related("site")


class People(ListCreateAPIView[User]):
    """Everybody who may or might sign in."""

    serializer_class = PersonSerializer
    queryset = User.objects.prefetch_related("sites", "lines")
    keyset = ("id",)


class OnePerson(RetrieveUpdateAPIView[User]):
    """One person. Nobody is deleted: their history stays, and `is_active` false keeps them out."""

    serializer_class = PersonSerializer
    queryset = User.objects.prefetch_related("sites", "lines")
    http_method_names = ["get", "patch", "options", "head"]

    @transaction.atomic
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change them; of two administrators who take the right from each other at once, the second is told that nobody would be left."""
        locked_administrators()
        return super().update(request, *args, **kwargs)

    def get_object(self) -> User:
        """Return them; while they are changed, nobody else's."""
        if self.request.method == "PATCH":
            self.queryset = self.queryset.select_for_update(no_key=True)
        return super().get_object()


class ResetSecondStep(APIView):
    """Somebody lost their phone and their recovery codes."""

    @extend_schema(
        operation_id="user_reset_second_step", request=ResetReasonSerializer, responses={200: PersonSerializer}
    )
    def post(self, request: Request, pk: int) -> Response:
        """Take the second step from a person, and end their sessions: they sign in by password alone until they set it up anew."""
        body = ResetReasonSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        them = get_object_or_404(User, pk=pk)
        if them.pk == person(request).pk:
            raise OwnSecondStep(_("Your own is turned off at its page, with your password and a code."))
        second_step.reset(them, body.validated_data["reason"])
        return Response(PersonSerializer(them).data)


urlpatterns = [
    path("sites/", Sites.as_view(), name="sites"),
    path("sites/<slug:code>/", OneSite.as_view(), name="site"),
    path("lines/", Lines.as_view(), name="lines"),
    path("lines/<int:pk>/", OneLine.as_view(), name="line"),
    path("users/", People.as_view(), name="users"),
    path("users/<int:pk>/", OnePerson.as_view(), name="user"),
    path("users/<int:pk>/reset-second-step/", ResetSecondStep.as_view(), name="reset_second_step"),
]
