"""The user app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class UserConfig(AppConfig):
    """Accounts and roles."""

    name = "user"
    verbose_name = _("People")

    def ready(self) -> None:
        """Have changes to accounts leave entries."""
        from audit.models import track
        from user.models import ApiToken, Line, Site, User

        # Signing in is dated on the account; that alone is no change of the account. The second step has entries of its own.
        track(User, but={"last_login", "second_step_at"}, secret={"password"}, several={"sites", "lines"})
        track(Site)
        track(Line)
        track(ApiToken, but={"last_used_at"}, secret={"sha256"})
