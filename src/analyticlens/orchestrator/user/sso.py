"""Who somebody the provider signed in is here: bound by issuer and subject, never by a name; role and sites as their groups say."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext as _

from audit import Actor, acting
from user.models import Site, User
from user.sso_settings import Granted, granted, the_provider

log = logging.getLogger(__name__)

# A session says by which of these it was begun: with single sign-on switched off, those of the provider end.
BACKEND = "user.sso.ProviderBackend"


class ProviderBackend(ModelBackend):
    """Finds the person of a session that the provider's word began. It signs nobody in: that is the callback's to do."""

    def authenticate(self, request: HttpRequest | None, *_args: Any, **_credentials: Any) -> None:
        """Know no password."""


class Refused(Exception):
    """This person does not get in; the message is the sentence they read, `reason` and `data` what the audit trail keeps."""

    def __init__(self, sentence: str, reason: str, **data: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.data = data


def person_of(subject: str, groups: list[str], claims: dict[str, Any], address: str | None) -> User:
    """Return the account of whoever the provider calls subject, made or brought in line with their groups.

    Raises Refused: no group has a role here, the account is switched off, or another account has the name.
    """
    given = granted(the_provider().grants, groups)
    try:
        with (
            transaction.atomic(),
            acting(Actor("system", "single sign-on", address), f"signed in by {the_provider().name}"),
        ):
            user = User.objects.filter(sso_issuer=the_provider().issuer, sso_subject=subject).first()
            if user is not None and not user.is_active:
                sentence = _("Your account here is switched off. Ask an administrator.")
                raise Refused(sentence, "switched off", username=user.username)
            if given is None:
                sentence = _("{provider} knows you, but none of your groups has a role here. Ask an administrator.")
                raise Refused(
                    sentence.format(provider=the_provider().name), "no group with a role", **_told(subject, claims)
                )
            if user is None:
                user = _newcomer(subject, claims, given)
            _bring_in_line(user, given)
            return user
    except IntegrityError:
        # Twice at once, the first time: the other one made the account.
        raise Refused(_("Somebody is signing in with that name just now. Try again."), "twice at once") from None


def _newcomer(subject: str, claims: dict[str, Any], given: Granted) -> User:
    email = _text(claims, "email", 254)
    username = _username(subject, claims)
    same = Q(username__iexact=username) | (Q(email__iexact=email) if email else Q())
    if User.objects.filter(same).exists():
        sentence = _(
            "An account here has your name or e-mail address already. An administrator can link it to {provider}."
        )
        reason = "an account has the name or e-mail address"
        raise Refused(sentence.format(provider=the_provider().name), reason, **_told(subject, claims))
    user = User(
        username=username,
        email=email,
        first_name=_text(claims, "given_name", 150),
        last_name=_text(claims, "family_name", 150),
        role=given.role,
        sso_issuer=the_provider().issuer,
        sso_subject=subject,
        # Bounded until its sites are known.
        bounded=given.sites is not None,
    )
    user.set_unusable_password()
    user.save()
    return user


def _told(subject: str, claims: dict[str, Any]) -> dict[str, str]:
    # What an administrator needs to link an account.
    return {"sso_issuer": the_provider().issuer, "sso_subject": subject, "username": _username(subject, claims)}


def _username(subject: str, claims: dict[str, Any]) -> str:
    for name in ("preferred_username", "email"):
        word = _text(claims, name, 150)
        try:
            UnicodeUsernameValidator()(word)
        except ValidationError:
            continue
        return word
    return f"sso-{hashlib.sha256(f'{the_provider().issuer} {subject}'.encode()).hexdigest()[:16]}"


def _text(claims: dict[str, Any], name: str, most: int) -> str:
    word = claims.get(name)
    return word.strip()[:most] if isinstance(word, str) and word.isprintable() else ""


def _bring_in_line(user: User, given: Granted) -> None:
    changed: dict[str, Any] = {"role": given.role}
    if given.sites is not None:
        changed["bounded"] = bool(given.sites)
        found = list(Site.objects.filter(code__in=given.sites))
        if len(found) < len(given.sites):
            log.warning("AL_OIDC_ROLES names a site that does not exist", extra={"sites": given.sites})
        user.sites.set(found)
        user.lines.clear()
    differing = [name for name, value in changed.items() if getattr(user, name) != value]
    if differing:
        for name in differing:
            setattr(user, name, changed[name])
        user.save(update_fields=differing)
