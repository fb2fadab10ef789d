"""What a plant makes and when it works: products and shifts."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.models import Audited

# Monday is 1, as in ISO 8601.
EVERY_DAY = "1234567"


class Product(Audited):
    """Something that machines look at."""

    code = models.SlugField(_("code"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True, max_length=2000)
    is_active = models.BooleanField(_("active"), default=True, help_text=_("Off: no longer made. Its history stays."))

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class Shift(Audited):
    """A time of the day people work, at one site or at all; one that ends before it begins ends the day after."""

    site = models.ForeignKey(
        "user.Site", models.CASCADE, null=True, blank=True, related_name="shifts", verbose_name=_("site")
    )
    name = models.CharField(_("name"), max_length=100)
    begins = models.TimeField(_("begins"), help_text=_("Local time of the plant."))
    ends = models.TimeField(_("ends"), help_text=_("Local time of the plant."))
    days = models.CharField(
        _("days"),
        max_length=7,
        default=EVERY_DAY,
        validators=[RegexValidator(r"^1?2?3?4?5?6?7?$")],
        help_text=_("The days it begins on: 1 is Monday, 7 is Sunday."),
    )

    class Meta:
        verbose_name = _("shift")
        verbose_name_plural = _("shifts")
        ordering = ["site__code", "begins", "name"]
        constraints = [
            models.UniqueConstraint(fields=["site", "name"], name="one_shift_a_name"),
            models.UniqueConstraint(fields=["name"], condition=models.Q(site=None), name="one_common_shift_a_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.begins:%H:%M}–{self.ends:%H:%M}"

    def clean(self) -> None:
        """Refuse a shift without length or days."""
        if self.begins == self.ends:
            raise ValidationError(_("A shift begins and ends at different times."), "shift")
        if not self.days:
            raise ValidationError(_("A shift is on one day of the week at least."), "shift")
