"""Results over REST."""

from __future__ import annotations

import django_filters
from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest
from django.urls import path
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.views import APIView

from api.scope import machines_for
from audit.rest import MomentFilter
from results.models import InspectionResult
from results.pictures import named_by

HELP = {
    "id": "Its number here, in the order results arrived.",
    "epoch_no": "Which opening of the machine's outbox it is of; with seq it is the result's name for ever.",
    "seq": "Its number in that epoch: 1, 2, 3…",
    "received_at": "When it arrived, by this server's clock.",
    "wall": "When it was made, by the machine's clock, which may be wrong.",
    "verdict": "ok, nok, undecided or error. Only ok may let a part pass.",
    "reason": "A word that says why it is not ok.",
    "message": "A sentence that says why it is not ok.",
    "cycle": "The machine's count of inspections.",
    "trigger_count": "The machine's count of triggers.",
    "part_id": "The part, where it is known.",
    "mode": "The mode it was made in.",
    "simulated": "True: it never counts in a yield.",
    "recipe_sha256": "SHA-256 of the recipe.",
    "config_version": "The desired version in force.",
    "engine_version": "What judged.",
    "inspect_ms": "How long the engine took, in milliseconds.",
    "total_ms": "How long all of it took, in milliseconds.",
    "tools": "What each tool measured, with its limits.",
    "picture_sha256": "SHA-256 of the picture that was kept, if one was.",
}


class ResultSerializer(serializers.ModelSerializer[InspectionResult]):
    """One inspection."""

    machine = serializers.CharField(source="machine.machine_id", read_only=True, help_text="Whose it is.")

    class Meta:
        model = InspectionResult
        fields = ("machine", *HELP)
        read_only_fields = fields
        extra_kwargs = {name: {"help_text": text} for name, text in HELP.items()}


def seen(request: HttpRequest | Request) -> QuerySet[InspectionResult]:
    """Return the results of machines that who asks may see."""
    user = request.user
    rows = InspectionResult.objects.select_related("machine")
    return rows.filter(user.sees("machine__")) if user.is_authenticated else rows.none()


class ResultFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """Which results are listed."""

    machine = django_filters.CharFilter("machine__machine_id", help_text="Of this machine alone.")
    since = MomentFilter("received_at", "gte", help_text="Received at or after this time.")
    until = MomentFilter("received_at", "lt", help_text="Received before this time.")

    class Meta:
        model = InspectionResult
        fields = ("verdict", "simulated", "part_id")


class Results(ListAPIView[InspectionResult]):
    """The results of all machines, newest first."""

    serializer_class = ResultSerializer
    filterset_class = ResultFilter
    filter_backends = (DjangoFilterBackend,)

    def get_queryset(self) -> QuerySet[InspectionResult]:
        """Return those of machines that who asks may see; filters choose."""
        return seen(self.request)


class Result(RetrieveAPIView[InspectionResult]):
    """One result."""

    serializer_class = ResultSerializer

    def get_queryset(self) -> QuerySet[InspectionResult]:
        """Return those of machines that who asks may see."""
        return seen(self.request)


class Picture(APIView):
    """A picture that was kept."""

    @extend_schema(
        operation_id="picture",
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY, (200, "image/png"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, sha256: str) -> FileResponse:
        """Return it as it was kept; 404 where no result or act that who asks may see names it."""
        row = named_by(machines_for(request.user), sha256)
        if row is None:
            raise Http404
        response = FileResponse(default_storage.open(row.name, "rb"), content_type=row.mime)
        response["Cache-Control"] = "private, max-age=31536000, immutable"
        response["Content-Security-Policy"] = "sandbox"
        return response


urlpatterns = [
    path("pictures/<str:sha256>/", Picture.as_view(), name="picture"),
    path("results/", Results.as_view(), name="results"),
    path("results/<int:pk>/", Result.as_view(), name="result"),
]
