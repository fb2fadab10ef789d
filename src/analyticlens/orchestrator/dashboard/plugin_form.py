"""What a plug-in adds to the form of its tool: the fields its settings' schema asks for, and the measures it declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.utils.translation import gettext

from analyticlens.protocol.tools import Feature
from dashboard.schema import SEPARATOR, Spec, specs_of
from recipes.plugins import plugin_features, plugin_schemas

# The field that says which plug-in the settings on the page are those of.
MADE_FOR = "settings_of"
SETTINGS = "settings"


@dataclass(frozen=True)
class KnownPlugin:
    """A plug-in as the form sees it. `settings` is None where it has no fields of its own: then they are written as JSON."""

    name: str = ""
    settings: list[Spec] | None = None
    features: tuple[Feature, ...] = ()
    others: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, name: str) -> KnownPlugin:
        """Return the plug-in of that name, which need not be installed here."""
        schemas = plugin_schemas()
        titles = [(one, str(schema["title"])) for one, schema in schemas.items()]
        others = titles if not name or name in schemas else [*titles, (name, name)]
        mine: Mapping[str, Any] = schemas.get(name, {})
        return cls(name, _fields(mine.get("settings")), plugin_features(name), others)

    def choice(self, shown: forms.Field) -> forms.Field:
        """Return the choice of a plug-in, with the title and help of the field it stands for."""
        choices = [("", gettext("none")), *self.others]
        return forms.ChoiceField(label=shown.label, help_text=shown.help_text, choices=choices, required=False)

    @property
    def usual(self) -> dict[str, Any]:
        """What its settings are while nothing is said of them, by the names of the form's fields."""
        return {f"params.{spec.name}": spec.default for spec in self.settings or ()}

    def specs(self, usual: list[Spec], fresh: bool) -> list[Spec]:
        """Return a plug-in tool's parameters. fresh: it was chosen just now, and nothing was said of its settings yet."""
        if not self.name or fresh:
            return [spec for spec in usual if spec.name != SETTINGS]
        if self.settings is None:
            return usual
        return [*(spec for spec in usual if spec.name != SETTINGS), *self.settings]


def _fields(schema: Any) -> list[Spec] | None:
    """Return the fields of a settings schema; None where there is no schema, or one with objects inside."""
    if not isinstance(schema, Mapping):
        return None
    fields = specs_of(schema, f"{SETTINGS}{SEPARATOR}")
    return None if any(spec.group or spec.kind == "blob" for spec in fields) else fields
