"""People and what their role lets them do."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.utils.translation import gettext_lazy as _

from audit import Actor
from audit.models import Audited


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

    objects: ClassVar[RoleManager] = RoleManager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the account. The role alone decides about Django's admin, so that there is one truth."""
        self.is_staff = self.is_superuser = self.role == Role.ADMIN
        names = kwargs.get("update_fields")
        if names is not None and "role" in names:
            kwargs["update_fields"] = {*names, "is_staff", "is_superuser"}
        super().save(*args, **kwargs)

    def may(self, role: str) -> bool:
        """Return whether this person may do what role may. Raises KeyError for a role that does not exist."""
        return self.is_active and role in INCLUDES[self.role]

    def actor(self, address: str | None = None) -> Actor:
        """Return this person as the actor of an act."""
        return Actor("user", self.get_username(), address, self.pk)
