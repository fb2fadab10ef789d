"""Guessing is slow: after a few failures of a name from an address both wait, and so does an address that tries many names.

Wrong codes of the second step are counted with wrong passwords.
"""

from __future__ import annotations

from datetime import timedelta

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.db.models import Sum
from django.http import HttpRequest

from audit import clock

WAIT = timedelta(minutes=15)
# Failures of one name from one address, and of one address whatever the names: behind it may stand a whole plant.
MOST_OF_ONE, MOST_OF_ALL = 5, 50
LONGEST_NAME = 150


def address(request: HttpRequest) -> str | None:
    """Return where a request comes from: who is connected to us, or whom a trusted proxy speaks for (`config.proxies` puts them there)."""
    found: str | None = request.META.get("REMOTE_ADDR")
    return found


def name(request: HttpRequest, credentials: dict[str, str] | None = None) -> str | None:
    """Return the name that is tried, as far as a name can be: what is counted has no room for more."""
    said = (credentials or request.POST).get("username")
    return None if said is None else said[:LONGEST_NAME]


class Handler(AxesDatabaseHandler):  # type: ignore[misc]  # django-axes has no types
    """django-axes', with a bound for an address as a whole."""

    def is_locked(self, request: HttpRequest, credentials: dict[str, str] | None = None) -> bool:
        """Tell whether whoever asks has to wait."""
        if super().is_locked(request, credentials):
            return True
        crowd = _failures_from(address(request)) >= MOST_OF_ALL
        # What the middleware reads to answer 429 rather than "wrong password".
        vars(request)["axes_locked_out"] = crowd
        return crowd


def has_to_wait(request: HttpRequest, name: str) -> bool:
    """Tell whether too much was tried in a name or from an address; the answer is then 429, whatever the view says."""
    credentials = {"username": name}
    if AxesProxyHandler.is_allowed(request, credentials):
        return False
    vars(request).update(axes_locked_out=True, axes_credentials=credentials)
    return True


def count_wrong_code(request: HttpRequest, name: str) -> None:
    """Count a wrong code as a wrong password is counted; after the last one that is borne the answer is 429."""
    AxesProxyHandler.user_login_failed(__name__, {"username": name}, request)


def _failures_from(where: str | None) -> int:
    recent = AccessAttempt.objects.filter(ip_address=where, attempt_time__gte=clock.wall() - WAIT)
    return recent.aggregate(failures=Sum("failures_since_start"))["failures"] or 0
