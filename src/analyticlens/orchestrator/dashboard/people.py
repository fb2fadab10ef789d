"""Settings: the people, what they may do and where, and a lost second step taken away with a reason."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from user import second_step
from user.models import User

MOST_REASON = 500


def _listing(request: HttpRequest, about: int = 0, problem: str = "", status: int = HTTPStatus.OK) -> HttpResponse:
    """Return the page; what was refused about a person is said at theirs, with the reason that was typed."""
    people = User.objects.prefetch_related("sites", "lines__site").order_by("-is_active", "username")
    context = {
        "people": people,
        "about": about,
        "problem": problem,
        "typed": request.POST.get("reason", "") if problem else "",
        "most_reason": MOST_REASON,
    }
    return render(request, "dashboard/people.html", context, status=status)


@never_cache
@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Show everybody who may or might sign in; who no longer may stands last."""
    return _listing(request)


@require_POST
def reset(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the second step from a person who lost theirs, and end their sessions; never from oneself."""
    them = get_object_or_404(User, pk=pk)
    reason = request.POST.get("reason", "").strip()
    if them.pk == request.user.pk:
        own = gettext("Your own is turned off at its page, with your password and a code.")
        return _listing(request, pk, own, HTTPStatus.CONFLICT)
    if not 0 < len(reason) <= MOST_REASON:
        return _listing(request, pk, gettext("Say why: it stands in the audit trail."), HTTPStatus.BAD_REQUEST)
    named = {"name": them.get_full_name() or them.get_username()}
    if second_step.reset(them, reason):
        said = gettext(
            "Two-step sign-in of {name} is reset: their sessions ended, and the password alone signs them in."
        )
        messages.success(request, said.format(**named))
    else:
        messages.info(request, gettext("{name} has no two-step sign-in to reset.").format(**named))
    return redirect("people")
