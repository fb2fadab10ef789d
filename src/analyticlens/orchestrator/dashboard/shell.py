"""The frame around every page: who is signed in, language, theme, and what the live script needs to know."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language, gettext

from user.models import User

THEMES = ("system", "light", "dark")
THEME_COOKIE = "theme"
# Each language in its own words, so that whoever cannot read the page finds theirs.
OWN_NAMES = {"pt-br": "Português", "en": "English"}
HTMX_CONFIG = '{"allowEval":false,"includeIndicatorStyles":false,"selfRequestsOnly":true,"historyCacheSize":0,"scrollBehavior":"auto"}'


def may(request: HttpRequest, role: str) -> bool:
    """Return whether who asks may do what a role may; somebody not signed in may do nothing."""
    return isinstance(request.user, User) and request.user.may(role)


class Shell:
    """What base.html asks for."""

    htmx_config = HTMX_CONFIG

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @property
    def theme(self) -> str:
        """The theme chosen by this person, or in this browser."""
        kept = getattr(self.request.user, "theme", "") if self.request.user.is_authenticated else ""
        chosen = kept or self.request.COOKIES.get(THEME_COOKIE, "")
        return chosen if chosen in THEMES else "system"

    @property
    def languages(self) -> list[tuple[str, str, bool]]:
        """Code, own name and whether it is the page's, of every language."""
        current = get_language()
        return [(code, OWN_NAMES.get(code, str(name)), code == current) for code, name in settings.LANGUAGES]

    @property
    def here(self) -> str:
        """Where to return to after a switch of language or theme."""
        return self.request.get_full_path() if self.request.method == "GET" else reverse("fleet")

    @property
    def live(self) -> dict[str, Any]:
        """Addresses and words of the live script, as data."""
        return {
            "worker": static("dashboard/js/live-worker.js"),
            "stream": "/live/",
            "words": {
                "live": gettext("Live"),
                "waiting": gettext("Connecting"),
                "late": gettext("No news for {age}"),
                "ago": gettext("{age} ago"),
                "seconds": gettext("{n} s"),
                "minutes": gettext("{n} min"),
                "hours": gettext("{n} h"),
                "days": gettext("{n} d"),
                "resortOne": gettext("1 changed, re-sort"),
                "resortMany": gettext("{n} changed, re-sort"),
            },
        }
