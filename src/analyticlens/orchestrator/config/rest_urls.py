"""Everything below `/api/`: the REST of all rooms, what describes it, and an answer for what is not there."""

from __future__ import annotations

from csp.decorators import csp_update
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

app_name = "rest"
# Swagger UI draws with styles and pictures of its own making; scripts stay those we serve.
drawn = csp_update({"style-src": ["'self'", "'unsafe-inline'"], "img-src": ["data:"]})
urlpatterns = [
    path("v1/", include("api.rest.urls")),
    path("v1/", include("recipes.rest")),
    path("v1/", include("edge.rest")),
    path("v1/", include("user.rest_people")),
    path("v1/", include("results.rest")),
    path("v1/", include("user.rest")),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", drawn(SpectacularSwaggerSplitView.as_view(url_name="rest:schema")), name="docs"),
]
