"""Accounts in Django's admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from user import second_step
from user.administrators import is_last_administrator
from user.models import ApiToken, Line, Role, Site, User

if TYPE_CHECKING:
    DjangosUserAdmin = UserAdmin[User]
    DjangosUserForm = UserChangeForm[User]
    DjangosAdmin = admin.ModelAdmin[ApiToken]
    DjangosSiteAdmin = admin.ModelAdmin[Site]
    DjangosLineAdmin = admin.ModelAdmin[Line]
else:
    DjangosUserAdmin = UserAdmin
    DjangosUserForm = UserChangeForm
    DjangosAdmin = DjangosSiteAdmin = DjangosLineAdmin = admin.ModelAdmin


# Their own pages would show people's keys, and take them away without a word in the trail.
for secret in (TOTPDevice, StaticDevice):
    if admin.site.is_registered(secret):
        admin.site.unregister(secret)


class PersonForm(DjangosUserForm):
    """Django's own, which keeps the last administrator."""

    def clean(self) -> dict[str, Any]:
        """Refuse what would leave nobody who administers this; the page holds the transaction."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        stays = said.get("role", Role.ADMIN) == Role.ADMIN and said.get("is_active", True)
        if not stays and is_last_administrator(self.instance):
            raise ValidationError(gettext("Nobody would be left who administers this."))
        return said


@admin.register(User)
class PeopleAdmin(DjangosUserAdmin):
    """Django's own, where the role takes the place of groups and flags."""

    form = PersonForm
    list_display = ("username", "first_name", "last_name", "email", "role", "is_active", "second_step_at")
    list_filter = ("role", "is_active", "bounded", ("second_step_at", admin.EmptyFieldListFilter))
    actions = ("reset_second_step",)
    filter_horizontal = ("sites", "lines")
    readonly_fields = ("last_login", "date_joined", "second_step_at")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email")}),
        (_("Rights"), {"fields": ("role", "is_active")}),
        (_("Scope"), {"fields": ("bounded", "sites", "lines")}),
        (_("Single sign-on"), {"fields": ("sso_issuer", "sso_subject")}),
        (_("Pages"), {"fields": ("language", "theme")}),
        (_("Dates"), {"fields": ("last_login", "date_joined", "second_step_at")}),
    )
    add_fieldsets = (*UserAdmin.add_fieldsets, (_("Rights"), {"fields": ("role",)}))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody is deleted: their history stays, and who is not active is kept out."""
        return False

    @admin.action(description=_("Reset two-step sign-in"))
    def reset_second_step(self, request: HttpRequest, people: QuerySet[User]) -> None:
        """Take the second step from those chosen who lost theirs; never from oneself, whose own page asks for password and code."""
        others = [one for one in people if one.pk != request.user.pk]
        if len(others) < len(people):
            self.message_user(request, gettext("Turn your own off at its page."), messages.WARNING)
        done = sum(second_step.reset(one, "reset in the admin") for one in others)
        said = ngettext("Reset for {n} person.", "Reset for {n} people.", done).format(n=done)
        self.message_user(request, said, messages.SUCCESS)


@admin.register(ApiToken)
class ApiTokenAdmin(DjangosAdmin):
    """Tokens of people: whose, since when, used when. They are made by their owners, over REST."""

    list_display = ("name", "prefix", "user", "role", "created_at", "expires_at", "last_used_at", "revoked_at")
    list_filter = ("role",)
    list_select_related = ("user",)
    exclude = ("sha256",)
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody makes a token for somebody else."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """A token is never changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """It is revoked, and stays to be seen."""
        return False

    @admin.action(description=_("Revoke at once"))
    def revoke(self, request: HttpRequest, tokens: QuerySet[ApiToken]) -> None:
        """End the chosen tokens."""
        for token in tokens:
            token.revoke()


@admin.register(Site)
class SiteAdmin(DjangosSiteAdmin):
    """Sites."""

    list_display = ("code", "name")
    search_fields = ("code", "name")


@admin.register(Line)
class LineAdmin(DjangosLineAdmin):
    """Lines, by site."""

    list_display = ("code", "name", "site")
    list_filter = ("site",)
    list_select_related = ("site",)
    search_fields = ("code", "name")
