"""One step of a machine's recipe, as people edit it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from analyticlens.protocol import seedrows
from analyticlens.protocol.tools import Tool
from api.models import choices
from audit.models import Audited

# What makes a row in the words of `protocol.seedrows`.
ROW_FIELDS = ("name", "tool_type", "method", "tool_config", "roi_config", "inspec_pass_fail", "normalize")


class VMInspectionTool(Audited):
    """A tool of a machine. A row that means no tool that can be built is refused when it is saved."""

    virtual_machine = models.ForeignKey(
        "api.VirtualMachine", models.CASCADE, related_name="tools", verbose_name=_("machine")
    )
    name = models.CharField(_("name"), max_length=100)
    tool_type = models.CharField(_("type"), max_length=30, choices=choices.TOOL_TYPES)
    method = models.CharField(_("method"), max_length=30, choices=choices.METHODS, blank=True)
    tool_config = models.JSONField(_("parameters"), default=dict, blank=True)
    roi_config = models.JSONField(_("region"), default=dict, blank=True)
    inspec_pass_fail = models.BooleanField(_("judges"), default=True)
    normalize = models.BooleanField(_("normalize"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    order_index = models.PositiveIntegerField(_("order"), blank=True, help_text=_("Empty: after all others."))
    number = models.PositiveIntegerField(_("number"), editable=False, help_text=_("Names the tool inside its recipe."))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        ordering = ["virtual_machine", "order_index", "name"]
        verbose_name = _("inspection tool")
        verbose_name_plural = _("inspection tools")
        constraints = [
            models.UniqueConstraint(
                fields=["virtual_machine", "name"],
                name="tool_name_once",
                violation_error_message=_("This machine has a tool of that name."),
            ),
            models.UniqueConstraint(fields=["virtual_machine", "number"], name="tool_number_once"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a row that means no tool that can be built, with the reason."""
        try:
            self.as_tool()
        except ValueError as error:
            raise ValidationError(str(error), "tool") from None

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row, at the end of the recipe unless it says where. Raises ValidationError for a tool that cannot be built."""
        with transaction.atomic():
            self.take_place()
            self.clean()
            super().save(*args, **kwargs)

    def row(self) -> dict[str, Any]:
        """Return the row in the words of `protocol.seedrows`."""
        fields = {name: getattr(self, name) for name in ROW_FIELDS}
        return {**fields, "order": self.order_index or 0, "id": self.number or 1}

    def as_tool(self) -> Tool:
        """Return the tool this row means; ValueError with one sentence when there is none."""
        return seedrows.tool_from_row(**self.row())

    def get_roi_display(self) -> str:
        """Return the region for people: "(0, 0) - 752x480", "circle (100, 80) r 40", "-" for none.

        A locate tool's arrow may stand in either column; as in the recipe, that of the parameters wins.
        """
        arrow = self.tool_config.get("arrow") if isinstance(self.tool_config, dict) else None
        if isinstance(arrow, dict):
            return roi_display({"shape": "arrow", **arrow})
        return roi_display(self.roi_config)

    def take_place(self) -> None:
        """Give a new row its number and, unless it has one, its place after all others."""
        if self.number is not None and self.order_index is not None:
            return
        others = VMInspectionTool.objects.filter(virtual_machine_id=self.virtual_machine_id).exclude(pk=self.pk)
        highest = others.aggregate(number=models.Max("number"), order=models.Max("order_index"))
        if self.number is None:
            self.number = (highest["number"] or 0) + 1
        if self.order_index is None:
            self.order_index = -1 if highest["order"] is None else highest["order"]
            self.order_index += 1


def roi_display(roi: Any) -> str:
    """Return a region as stored in a row for people; "-" for none or one that cannot be read."""
    if not isinstance(roi, dict) or not roi:
        return "-"
    shape = roi.get("shape", "rect")
    inner = roi.get(shape)
    place = inner if isinstance(inner, dict) else roi
    try:
        return _SHAPES[shape](place)
    except (KeyError, TypeError, ValueError):
        return "-"


def _n(value: Any) -> str:
    return f"{float(value):g}"


def _rect(at: dict[str, Any]) -> str:
    turned = f" {_n(at['angle'])}°" if at.get("angle") else ""
    return f"({_n(at['x'])}, {_n(at['y'])}) - {_n(at['w'])}x{_n(at['h'])}{turned}"


def _circle(at: dict[str, Any]) -> str:
    return f"circle ({_n(at['cx'])}, {_n(at['cy'])}) r {_n(at['r'])}"


def _ellipse(at: dict[str, Any]) -> str:
    return f"ellipse ({_n(at['cx'])}, {_n(at['cy'])}) {_n(at['rx'])}x{_n(at['ry'])} {_n(at.get('angle', 0))}°"


def _arrow(at: dict[str, Any]) -> str:
    start, end = at["p0"], at["p1"]
    return f"arrow ({_n(start['x'])}, {_n(start['y'])}) to ({_n(end['x'])}, {_n(end['y'])})"


_SHAPES = {"rect": _rect, "circle": _circle, "ellipse": _ellipse, "arrow": _arrow}
