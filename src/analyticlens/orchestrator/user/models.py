"""People and what their role lets them do."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice

from audit import Actor, clock
from audit.models import Audited
from user.credentials import Token, new_token, parse_token
from user.sealing import seal, unseal

# How long a token is good, in days, unless somebody says otherwise, and at most.
TOKEN_DAYS, MOST_TOKEN_DAYS = 90, 366
# Writing each use would be one more write a request.
USE_NOTED_EVERY = timedelta(minutes=5)


class Role(models.TextChoices):
    """What a person is here for."""

    VIEWER = "viewer", _("Viewer")
    OPERATOR = "operator", _("Operator")
    ENGINEER = "engineer", _("Engineer")
    QUALITY = "quality", _("Quality")
    ADMIN = "admin", _("Administrator")


# Whom a role may stand in for. Quality reviews and approves but publishes nothing: it does not include the engineer.
INCLUDES: dict[str, frozenset[str]] = {
    Role.VIEWER: frozenset({"viewer"}),
    Role.OPERATOR: frozenset({"viewer", "operator"}),
    Role.ENGINEER: frozenset({"viewer", "operator", "engineer"}),
    Role.QUALITY: frozenset({"viewer", "operator", "quality"}),
    Role.ADMIN: frozenset({"viewer", "operator", "engineer", "quality", "admin"}),
}


class Theme(models.TextChoices):
    """How pages look."""

    SYSTEM = "system", _("As the system")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class Language(models.TextChoices):
    """The languages of the pages, each in its own words."""

    PT_BR = "pt-br", "Português (Brasil)"
    EN = "en", "English"


class Site(Audited):
    """A plant, or a building of one."""

    code = models.SlugField(_("code"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=100)

    class Meta:
        verbose_name = _("site")
        verbose_name_plural = _("sites")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class Line(Audited):
    """A line of a site: where machines stand."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="lines", verbose_name=_("site"))
    code = models.SlugField(_("code"), max_length=50)
    name = models.CharField(_("name"), max_length=100)

    class Meta:
        verbose_name = _("line")
        verbose_name_plural = _("lines")
        ordering = ["site__code", "code"]
        constraints = [models.UniqueConstraint(fields=["site", "code"], name="one_line_a_code")]

    def __str__(self) -> str:
        return f"{self.site} / {self.name}"


class RoleManager(UserManager["User"]):
    """Django's, except that a superuser is an administrator here too."""

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **extra: Any
    ) -> User:
        """Create an account that may do everything."""
        extra.setdefault("role", Role.ADMIN)
        return super().create_superuser(username, email, password, **extra)


class User(Audited, AbstractUser):
    """An account. Its role decides; an administrator also reaches Django's admin."""

    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)
    language = models.CharField(_("language"), max_length=10, choices=Language.choices, blank=True)
    theme = models.CharField(_("theme"), max_length=10, choices=Theme.choices, default=Theme.SYSTEM)
    bounded = models.BooleanField(
        _("bounded"),
        default=False,
        help_text=_("Sees only machines of the sites and lines below. Administrators see all."),
    )
    sites = models.ManyToManyField(Site, blank=True, related_name="people", verbose_name=_("sites"))
    lines = models.ManyToManyField(Line, blank=True, related_name="people", verbose_name=_("lines"))
    # Written by `user.second_step` alone.
    second_step_at = models.DateTimeField(_("second step since"), null=True, blank=True, editable=False)
    # Who this is to the sign-in provider: its names for itself and for them, which it never gives to somebody else.
    sso_issuer = models.CharField(
        _("sign-in provider"), max_length=255, blank=True, help_text=_("Its issuer address, as in AL_OIDC_ISSUER.")
    )
    sso_subject = models.CharField(
        _("subject there"), max_length=255, blank=True, help_text=_("The provider's own name for this person.")
    )

    objects: ClassVar[RoleManager] = RoleManager()

    # Of somebody who came with a token: the role it is limited to, and its name in entries. No columns.
    token_role: str = ""
    token_prefix: str = ""

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.UniqueConstraint(
                fields=["sso_issuer", "sso_subject"], condition=~models.Q(sso_subject=""), name="one_person_a_subject"
            ),
            models.CheckConstraint(
                condition=models.Q(sso_issuer="", sso_subject="")
                | ~models.Q(sso_issuer="") & ~models.Q(sso_subject=""),
                name="issuer_and_subject_together",
                violation_error_message=_("Name the sign-in provider and the subject there, or neither."),
            ),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the account. The role alone decides about Django's admin, so that there is one truth."""
        self.is_staff = self.is_superuser = self.role == Role.ADMIN
        names = kwargs.get("update_fields")
        if names is not None and "role" in names:
            kwargs["update_fields"] = {*names, "is_staff", "is_superuser"}
        super().save(*args, **kwargs)

    def get_session_auth_hash(self) -> str:
        """Return what a session has to agree with: where the password or the second step changes, other sessions end."""
        of_password = super().get_session_auth_hash()
        if self.second_step_at is None:
            return of_password
        both = f"{of_password} {self.second_step_at.isoformat()}"
        return salted_hmac("user.second_step", both, algorithm="sha256").hexdigest()

    def owes_second_step(self) -> bool:
        """Return whether this person has to set up the second step before anything else. Who has no password here signs in elsewhere."""
        if self.second_step_at is not None or self.role not in settings.REQUIRE_SECOND_STEP:
            return False
        return not self.token_role and self.has_usable_password()

    def may(self, role: str) -> bool:
        """Return whether this person may do what role may. Raises KeyError for a role that does not exist."""
        within = not self.token_role or role in INCLUDES[self.token_role]
        return self.is_active and within and role in INCLUDES[self.role]

    def sees(self, machine: str = "") -> models.Q:
        """Return what leaves of rows those of machines this person may see; `machine` is the way to the machine, such as "machine__"."""
        if not self.bounded or self.role == Role.ADMIN:
            return models.Q()
        at_lines = models.Q(**{f"{machine}line__in": self.lines.values("pk")})
        return at_lines | models.Q(**{f"{machine}line__site__in": self.sites.values("pk")})

    def actor(self, address: str | None = None) -> Actor:
        """Return this person as the actor of an act."""
        return Actor("user", self.get_username(), address, self.pk)


class ApiToken(Audited):
    """A person's key for programs: it may do what its role may, and never more than its owner. Of its text only a hash is stored."""

    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens", verbose_name=_("person"))
    name = models.CharField(_("name"), max_length=100, help_text=_("What it is for."))
    prefix = models.CharField(_("prefix"), max_length=12, unique=True)
    sha256 = models.CharField(max_length=64)
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(_("made"), default=clock.wall)
    expires_at = models.DateTimeField(_("good until"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} (alp_{self.prefix}_…)"

    @classmethod
    def issue(cls, user: User, name: str, role: str, days: int = TOKEN_DAYS) -> tuple[ApiToken, Token]:
        """Return a new token's row and the token itself; this is the only time its text is known here.

        Raises ValueError with one sentence: a role its owner has not, or a life that is too long.
        """
        if not user.may(role):
            raise ValueError(_("A token cannot do more than the person it belongs to."))
        if not 0 < days <= MOST_TOKEN_DAYS:
            raise ValueError(_("A token is good for 1 to %(most)s days.") % {"most": MOST_TOKEN_DAYS})
        token = new_token("alp")
        until = clock.wall() + timedelta(days=days)
        row = cls.objects.create(
            user=user, name=name, prefix=token.id, sha256=token.sha256, role=role, expires_at=until
        )
        return row, token

    @classmethod
    def find(cls, text: str) -> ApiToken | None:
        """Return the token that text is, with its owner, if it is good now. Each look is at the database: a revoked one is dead."""
        token = parse_token(text, "alp")
        if token is None:
            return None
        row = cls.objects.select_related("user").filter(prefix=token.id).first()
        # Compared even when there is no row, so that the time taken does not tell whether the prefix exists.
        same = secrets.compare_digest(token.sha256, row.sha256 if row else "0" * 64)
        return row if row is not None and same and row.is_good() else None

    def is_good(self) -> bool:
        """Return whether it opens the door now."""
        return self.revoked_at is None and clock.wall() < self.expires_at and self.user.is_active

    def owner(self) -> User:
        """Return its owner, limited to what the token may."""
        self.user.token_role, self.user.token_prefix = self.role, self.prefix
        return self.user

    def used(self) -> None:
        """Note a use, now and then."""
        now = clock.wall()
        if self.last_used_at is None or now - self.last_used_at >= USE_NOTED_EVERY:
            # No person's act, and so no entry.
            ApiToken.objects.filter(pk=self.pk).update(last_used_at=now)

    def revoke(self) -> None:
        """End the token at once."""
        if self.revoked_at is None:
            self.revoked_at = clock.wall()
            self.save(update_fields=["revoked_at"])


class AppKey(TOTPDevice):  # type: ignore[misc]  # django-otp has no types
    """The key of a person's app for codes, as django-otp keeps it, but sealed: the database alone makes no code."""

    class Meta:
        proxy = True

    @classmethod
    def fresh(cls, person: User) -> AppKey:
        """Return a new key of a person, stored, which counts for nothing yet."""
        key = seal(os.urandom(20), cls._purpose(person.pk))
        made: AppKey = cls.objects.create(user=person, name="app", confirmed=False, key=key)
        return made

    @property
    def bin_key(self) -> bytes:
        """The key itself. Raises CannotOpen."""
        return unseal(self.key, self._purpose(self.user_id))

    @staticmethod
    def _purpose(user_id: int) -> str:
        return f"totp:{user_id}"
