"""Products and shifts over REST."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.generics import ListCreateAPIView, RetrieveUpdateDestroyAPIView
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from api.models import Product, Shift
from api.scope import products_for, reaches, shifts_for
from audit.fields import ClockTime
from user.bodies import Closed
from user.models import Site
from user.rest import person
from user.rest_people import sites_for

ONE = ["get", "patch", "delete", "options", "head"]


class ProductSerializer(Closed, serializers.ModelSerializer[Product]):
    """Something that machines look at."""

    class Meta:
        model = Product
        fields = ("id", "code", "name", "description", "is_active")
        extra_kwargs = {
            "id": {"help_text": "Its number."},
            "code": {"help_text": "Its short name: letters, digits, - and _."},
            "name": {"help_text": "What people call it."},
            "description": {"help_text": "What it is."},
            "is_active": {"help_text": "False: no longer made."},
        }


class SeenSite(serializers.SlugRelatedField[Site]):
    """A site by its code, of those that who asks may know of."""

    def get_queryset(self) -> QuerySet[Site]:
        """Return those; where nobody asks, for the description, all."""
        request = self.context.get("request")
        return sites_for(person(request)) if request is not None else Site.objects.all()


class ShiftSerializer(Closed, serializers.ModelSerializer[Shift]):
    """A time of the day people work."""

    site = SeenSite(
        slug_field="code",
        queryset=Site.objects.all(),
        required=False,
        allow_null=True,
        help_text="Code of its site; null: of all sites.",
    )

    begins = ClockTime(help_text="When it begins, in the plant's local time: 06:00.")
    ends = ClockTime(help_text="When it ends; before `begins`: the day after.")

    class Meta:
        model = Shift
        fields = ("id", "site", "name", "begins", "ends", "days")
        extra_kwargs = {
            "id": {"help_text": "Its number."},
            "name": {"help_text": "What people call it."},
            "days": {"help_text": "The days it begins on: 1 is Monday, 7 is Sunday."},
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a shift without length or days."""
        said = {name: getattr(self.instance, name) for name in ("begins", "ends", "days")} if self.instance else {}
        try:
            Shift(**{"days": Shift._meta.get_field("days").default, **said, **attrs}).clean()
        except ValidationError as problem:
            raise serializers.ValidationError(problem.messages) from None
        self._refuse_all_sites(attrs)
        return attrs

    def _refuse_all_sites(self, attrs: dict[str, Any]) -> None:
        """Let nobody who is bounded make a shift of all sites, or make theirs one."""
        site = attrs.get("site", self.instance.site if self.instance else None)
        if not reaches(person(self.context["request"]), site):
            raise serializers.ValidationError({"site": [_("Name a site of yours: yours are not all.")]})


def _changes(request: Request) -> bool:
    return request.method not in SAFE_METHODS


class OfAllSites:
    """Products: who is bounded to some sites only reads them."""

    def get_queryset(self) -> QuerySet[Product]:
        """Return those that who asks may see, or change where they would."""
        if getattr(self, "swagger_fake_view", False):
            return Product.objects.none()
        view: Any = self
        return products_for(person(view.request), to_change=_changes(view.request))


class Products(OfAllSites, ListCreateAPIView[Product]):
    """The products, by code."""

    serializer_class = ProductSerializer
    keyset = ("code",)

    def perform_create(self, serializer: Any) -> None:
        """Add it. Raises NotFound for who is bounded: it would be one of sites that they do not see."""
        if not reaches(person(self.request), None):
            raise NotFound(_("Products are of all sites, and yours are not all."))
        serializer.save()


class OneProduct(OfAllSites, RetrieveUpdateDestroyAPIView[Product]):
    """One product."""

    serializer_class = ProductSerializer
    lookup_field = "code"
    http_method_names = ONE


class OfSites:
    """Shifts: who is bounded changes those of their sites, and reads those of all sites too."""

    def get_queryset(self) -> QuerySet[Shift]:
        """Return those that who asks may see, or change where they would."""
        if getattr(self, "swagger_fake_view", False):
            return Shift.objects.none()
        view: Any = self
        return shifts_for(person(view.request), to_change=_changes(view.request)).select_related("site")


class Shifts(OfSites, ListCreateAPIView[Shift]):
    """The shifts."""

    serializer_class = ShiftSerializer
    keyset = ("id",)


class OneShift(OfSites, RetrieveUpdateDestroyAPIView[Shift]):
    """One shift."""

    serializer_class = ShiftSerializer
    http_method_names = ONE
