"""THE table: each route's name and what it asks of whoever calls it. What has no line here is refused.

`public`: anyone. `session`: anyone signed in. `machine`: the view itself checks a machine's token. Otherwise the role a person must
have (`user.models.INCLUDES` says which roles stand in for which). A line that ends in a colon is for a whole namespace; one with a
method after the name is for that method alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from analyticlens.protocol.errors import error_answer
from audit.models import record_refusal

log = logging.getLogger(__name__)

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
PUBLIC, SESSION, MACHINE = "public", "session", "machine"

ACCESS: dict[str, str] = {
    # Pages
    "login": PUBLIC,
    "sign_in_code": PUBLIC,
    "logout": SESSION,
    "second_step": SESSION,
    "second_step_begin": SESSION,
    "second_step_confirm": SESSION,
    "second_step_codes": SESSION,
    "second_step_off": SESSION,
    "people": "admin",
    "person_reset": "admin",
    "sso": PUBLIC,
    "sso_callback": PUBLIC,
    "preferences": PUBLIC,
    "fleet": "viewer",
    "fleet_tiles": "viewer",
    "machine": "viewer",
    "machine_now": "viewer",
    "machine_frame": "viewer",
    "machine_picture": "viewer",
    "machine_start": "operator",
    "machine_stop": "operator",
    "machine_restart": "operator",
    "machine_trigger": "operator",
    "machine_control_take": "operator",
    "machine_control_keep": "operator",
    "machine_control_give_back": "operator",
    "machine_control_break": "admin",
    "machine_mode": "engineer",
    "machine_configuration": "viewer",
    "machine_configuration POST": "engineer",
    "machine_looked": "viewer",
    "machine_publish": "engineer",
    "tools": "viewer",
    "tool": "viewer",
    "tool_add": "engineer",
    "tool_save": "engineer",
    "tool_move": "engineer",
    "tool_remove": "engineer",
    "groups": "viewer",
    "group_add": "engineer",
    "group": "viewer",
    "group_describe": "engineer",
    "group_remove": "engineer",
    "group_edit": "viewer",
    "group_edit POST": "engineer",
    "group_revert": "engineer",
    "group_join": "engineer",
    "group_leave": "engineer",
    "group_reset": "engineer",
    "group_apply": "engineer",
    # REST for people and their programs
    "rest:summary": "viewer",
    "rest:acts": "operator",
    "rest:machines": "viewer",
    "rest:machines POST": "admin",
    "rest:machine": "viewer",
    "rest:machine PATCH": "engineer",
    "rest:maintenance": "operator",
    "rest:retire": "admin",
    "rest:bring_back": "admin",
    "rest:machine_code": "admin",
    "rest:machine_keys": "admin",
    "rest:machine_key": "admin",
    "rest:machine_secrets": "admin",
    "rest:machine_secret": "admin",
    "rest:desired": "viewer",
    "rest:desired PATCH": "engineer",
    "rest:desired_versions": "viewer",
    "rest:desired_version": "viewer",
    "rest:desired_revert": "engineer",
    "rest:recipes": "viewer",
    "rest:recipes POST": "engineer",
    "rest:recipe": "viewer",
    "rest:recipe_publish": "engineer",
    "rest:tools": "viewer",
    "rest:tools POST": "engineer",
    "rest:tools PUT": "engineer",
    "rest:tool": "viewer",
    "rest:tool PUT": "engineer",
    "rest:tool DELETE": "engineer",
    "rest:all_tools": "viewer",
    "rest:commands": "viewer",
    "rest:command": "viewer",
    "rest:snapshot": "operator",
    "rest:source_test": "engineer",
    "rest:discover": "engineer",
    "rest:camera_lookup": "engineer",
    "rest:commission": "engineer",
    "rest:transitions": "viewer",
    "rest:heartbeats": "viewer",
    "rest:start": "operator",
    "rest:stop": "operator",
    "rest:restart": "operator",
    "rest:trigger": "operator",
    "rest:control": "viewer",
    "rest:control POST": "operator",
    "rest:control DELETE": "operator",
    "rest:control_break": "admin",
    "rest:results": "viewer",
    "rest:result": "viewer",
    "rest:picture": "viewer",
    "rest:audit": "quality",
    "rest:products": "viewer",
    "rest:products POST": "engineer",
    "rest:product": "viewer",
    "rest:product PATCH": "engineer",
    "rest:product DELETE": "engineer",
    "rest:shifts": "viewer",
    "rest:shifts POST": "engineer",
    "rest:shift": "viewer",
    "rest:shift PATCH": "engineer",
    "rest:shift DELETE": "engineer",
    "rest:groups": "viewer",
    "rest:groups POST": "engineer",
    "rest:group": "viewer",
    "rest:group PATCH": "engineer",
    "rest:group DELETE": "engineer",
    "rest:group_preview": "engineer",
    "rest:group_versions": "viewer",
    "rest:group_version": "viewer",
    "rest:group_revert": "engineer",
    "rest:group_members": "viewer",
    "rest:group_members POST": "engineer",
    "rest:group_member": "viewer",
    "rest:group_member DELETE": "engineer",
    "rest:group_reset": "engineer",
    "rest:group_apply": "engineer",
    "rest:sites": "viewer",
    "rest:sites POST": "admin",
    "rest:site": "viewer",
    "rest:site PATCH": "admin",
    "rest:site DELETE": "admin",
    "rest:lines": "viewer",
    "rest:lines POST": "admin",
    "rest:line": "viewer",
    "rest:line PATCH": "admin",
    "rest:line DELETE": "admin",
    "rest:users": "admin",
    "rest:user": "admin",
    "rest:reset_second_step": "admin",
    "rest:tokens": "viewer",
    "rest:token": "viewer",
    "rest:schema": "viewer",
    "rest:docs": "viewer",
    # Django's admin
    "admin:": "admin",
    "admin:login": PUBLIC,
    # The door for machines
    "edge:enrol": PUBLIC,
    "edge:authority": PUBLIC,
    "edge:token": MACHINE,
    "edge:heartbeat": MACHINE,
    "edge:late_heartbeats": MACHINE,
    "edge:goodbye": MACHINE,
    "edge:secrets": MACHINE,
    "edge:desired": MACHINE,
    "edge:batches": MACHINE,
    "edge:quarantine": MACHINE,
    "edge:image": MACHINE,
    "edge:blob": MACHINE,
    "edge:live": MACHINE,
    "edge:command": MACHINE,
}


def permission_of(view_name: str, method: str = "GET") -> str | None:
    """Return the permission a route's name asks for, called with a method; None when the table does not have it."""
    own = ACCESS.get(f"{view_name} {method}")
    if own is not None:
        return own
    if view_name in ACCESS:
        return ACCESS[view_name]
    namespace, colon, _name = view_name.rpartition(":")
    return ACCESS.get(namespace + colon) if colon else None


class AccessMiddleware:
    """Lets a request through to its view, or refuses it: 401, 403, or a way to the sign-in page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Refuse, or return None and let the view answer."""
        match = request.resolver_match
        name = match.view_name if match else ""
        wanted = permission_of(name, request.method or "")
        if wanted is None:
            log.error("route without a permission refused", extra={"route": name or request.path})
            return _forbidden(request)
        if wanted in {PUBLIC, MACHINE}:
            return None
        if not request.user.is_authenticated:
            return _sign_in(request)
        if wanted == SESSION:
            return None
        if request.user.owes_second_step():
            return _set_up_first(request, name)
        if request.user.may(wanted):
            return None
        record_refusal(f"{request.method} {name}"[:100], request.path, f"needs the role {wanted}")
        return _forbidden(request)


def wants_json(request: HttpRequest) -> bool:
    """Return whether a program asks, which wants no page."""
    return request.path.startswith(("/api/", "/edge/"))


def _sign_in(request: HttpRequest) -> HttpResponse:
    if wants_json(request):
        body = error_answer("unauthenticated", _("Sign in first."))
        return JsonResponse(body, status=401, headers={"WWW-Authenticate": "Bearer"})
    return redirect_to_login(request.get_full_path())


def _set_up_first(request: HttpRequest, name: str) -> HttpResponse:
    if wants_json(request) or request.method not in SAFE_METHODS:
        record_refusal(f"{request.method} {name}"[:100], request.path, "needs two-step sign-in")
    if wants_json(request):
        sentence = _("Your role has to set up two-step sign-in first, on its page.")
        return JsonResponse(error_answer("forbidden", sentence), status=403)
    return redirect("second_step")


def _forbidden(request: HttpRequest) -> HttpResponse:
    sentence = _("Your role does not allow this.")
    if wants_json(request):
        return JsonResponse(error_answer("forbidden", sentence), status=403)
    raise PermissionDenied(sentence)
