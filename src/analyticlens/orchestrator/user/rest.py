"""A person's own tokens over REST: listed, made (the text shown once), revoked."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from user.bodies import Closed
from user.models import MOST_TOKEN_DAYS, TOKEN_DAYS, ApiToken, Role, User


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A token, without its text."""

    class Meta:
        model = ApiToken
        fields: tuple[str, ...] = ("prefix", "name", "role", "created_at", "expires_at", "last_used_at", "revoked_at")
        read_only_fields = fields
        extra_kwargs = {
            "prefix": {"help_text": "Its name in lists, logs and the audit trail."},
            "name": {"help_text": "What it is for."},
            "role": {"help_text": "What it may do, never more than its owner."},
            "created_at": {"help_text": "When it was made."},
            "expires_at": {"help_text": "Until when it is good."},
            "last_used_at": {"help_text": "When it was last used, to within five minutes."},
            "revoked_at": {"help_text": "When it was ended before its time."},
        }


class NewTokenSerializer(Closed):
    """What a token shall be."""

    name = serializers.CharField(max_length=100, help_text="What it is for.")
    role = serializers.ChoiceField(Role.choices, default=Role.VIEWER, help_text="What it may do.")
    days = serializers.IntegerField(
        min_value=1, max_value=MOST_TOKEN_DAYS, default=TOKEN_DAYS, help_text="How many days it is good."
    )


class MadeTokenSerializer(TokenSerializer):
    """A token that was made just now, with its text: it is never shown again."""

    token = serializers.CharField(read_only=True, help_text="The token itself, shown this once.")

    class Meta(TokenSerializer.Meta):
        fields = (*TokenSerializer.Meta.fields, "token")


def person(request: HttpRequest | Request) -> User:
    """Return who asks; nobody else gets this far."""
    assert isinstance(request.user, User)
    return request.user


class Tokens(ListAPIView[ApiToken]):
    """One's own tokens, newest first."""

    serializer_class = TokenSerializer

    def get_queryset(self) -> QuerySet[ApiToken]:
        """Return those of who asks."""
        if getattr(self, "swagger_fake_view", False):
            return ApiToken.objects.none()
        return ApiToken.objects.filter(user=person(self.request))

    @extend_schema(operation_id="token_make", request=NewTokenSerializer, responses={201: MadeTokenSerializer})
    def post(self, request: Request) -> Response:
        """Make a token; the answer is the only place its text is ever in. A token makes none: it would outlive its own end."""
        if person(request).token_prefix:
            raise exceptions.PermissionDenied(_("A token makes no tokens; sign in and make it at /api/docs/."))
        body = NewTokenSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        try:
            row, token = ApiToken.issue(person(request), asked["name"], asked["role"], asked["days"])
        except ValueError as error:
            raise serializers.ValidationError({"role": str(error)}) from None
        return Response({**TokenSerializer(row).data, "token": token.text}, 201, headers={"Cache-Control": "no-store"})


class OneToken(APIView):
    """One of one's own tokens."""

    @extend_schema(operation_id="token_revoke", request=None, responses={204: None})
    def delete(self, request: Request, prefix: str) -> Response:
        """End it at once. Once more is as good. With a token only that token itself is ended."""
        own = person(request).token_prefix
        if own and own != prefix:
            raise exceptions.PermissionDenied(_("A token ends no other token."))
        get_object_or_404(ApiToken, user=person(request), prefix=prefix).revoke()
        return Response(status=204)


urlpatterns = [
    path("tokens/", Tokens.as_view(), name="tokens"),
    path("tokens/<str:prefix>/", OneToken.as_view(), name="token"),
]
