"""A route below /api/, where programs call, under a name the table knows."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path


def answer(request: HttpRequest) -> HttpResponse:
    """Answer what must not be reached."""
    return HttpResponse("the view itself")


urlpatterns = [path("api/v1/fleet", answer, name="fleet")]
