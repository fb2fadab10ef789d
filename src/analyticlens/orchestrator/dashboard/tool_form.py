"""The form of one tool: made from the contract's schema, read back into the contract's model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext, gettext_lazy, pgettext
from pydantic import TypeAdapter, ValidationError

from analyticlens.protocol.regions import Arrow, Circle, Ellipse, Polygon, Rect, Ring
from analyticlens.protocol.strict import Strict, plain
from analyticlens.protocol.tools import COVERAGE, TOOL_CLASSES, Feature, Tool, ToolCommon
from api.errors import BadInput
from audit import Actor
from dashboard import sentences, words
from dashboard.fields import field_of
from dashboard.form_parts import LimitRows, Part, ShapeGroup, limit_fields, limit_rows, part_of
from dashboard.param_fields import (
    UPLOAD,
    EarlierTool,
    EarlierTools,
    JsonField,
    call_measures,
    fields_for,
    filled,
    read_rows,
    row_count,
    rows_said,
)
from dashboard.plugin_form import MADE_FOR, KnownPlugin
from dashboard.schema import SEPARATOR, Spec, params_of, specs
from recipes.blobs import store_blob

SHAPES: dict[str, type[Strict]] = {
    "rect": Rect,
    "circle": Circle,
    "ellipse": Ellipse,
    "ring": Ring,
    "polygon": Polygon,
    "arrow": Arrow,
}
AREAS = ("rect", "circle", "ellipse", "ring", "polygon")
ROUND = ("ring", "circle")
EXAMPLE = '[{"shape": "circle", "cx": 120, "cy": 80, "r": 15}]'
# What only an area can have.
OF_AREAS = ("min_coverage", "exclude")
_TOOL: TypeAdapter[Tool] = TypeAdapter(Tool)
AUTO, NOTHING, CHOSEN = "auto", "nothing", "chosen"


def shapes_of(tool: type[ToolCommon]) -> tuple[str, ...]:
    """Return the shapes a kind of tool's region can have."""
    if tool.place == "arrow":
        return ("arrow", "rect") if tool.rectangles else ("arrow",)
    return ROUND if tool.round_only else AREAS


class ToolForm(forms.Form):
    """Name, region, what it follows, parameters and limits of a tool of one kind. `tool` is the model after `is_valid()`."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    judge = forms.BooleanField(
        label=gettext_lazy("Judges"),
        required=False,
        help_text=gettext_lazy("Whether its limits count for the verdict."),
    )
    active = forms.BooleanField(
        label=gettext_lazy("Active"), required=False, help_text=gettext_lazy("Off: the recipe is made without it.")
    )

    tool: Tool

    def __init__(
        self,
        kind: str,
        number: int,
        earlier: Sequence[Tool],
        data: Mapping[str, str] | None = None,
        initial: Mapping[str, Any] | None = None,
        files: Any = None,
        by: Actor | None = None,
    ) -> None:
        super().__init__(data, files, initial=dict(initial or {}), label_suffix="")
        self.kind, self.number, self.by = kind, number, by
        self.model = TOOL_CLASSES[kind]
        self.earlier = {tool.id: tool for tool in earlier}
        self._specs = specs(params_of(self.model))
        self._plugin = self._plugin_of(data)
        # The rows of each table in which something is said, in the order the contract sees them.
        self._said: dict[str, list[int]] = {}
        self._rows = {spec.name: row_count(spec, data, self.initial) for spec in self._specs if spec.kind == "rows"}
        self._shapes = shapes_of(self.model)
        self._whole = self.model.place != "arrow" and not self.model.round_only
        self._features = self._measures(data)
        self._add_params()
        self._add_region()
        self._add_follow()
        self._add_limits()
        self._show_lost()

    # Fields

    def _plugin_of(self, data: Mapping[str, str] | None) -> KnownPlugin | None:
        """Return the plug-in a plug-in tool has, and make its settings parameters."""
        if self.kind != "plugin":
            return None
        known = data if data is not None else self.initial
        plugin = KnownPlugin.of(str(known.get("params.plugin") or ""))
        self._fresh = data is not None and data.get(MADE_FOR) != plugin.name
        self._specs = plugin.specs(self._specs, self._fresh)
        self.initial = {**plugin.usual, **self.initial}
        return plugin

    @property
    def chose_anew(self) -> bool:
        """Whether another plug-in was chosen, of whose settings nothing was said yet."""
        return self._plugin is not None and self._fresh and bool(self._plugin.name)

    def _measures(self, data: Mapping[str, str] | None) -> tuple[Feature, ...]:
        """Return what it can measure; of a tool that says so only when it runs, also what limits name."""
        known = [*self.model.features, *(self._plugin.features if self._plugin else ())]
        known += [COVERAGE] if self.model.place == "area" else []
        if self.model.open_features:
            named = [name.split(SEPARATOR)[1] for name in data or self.initial if name.startswith("limit.")]
            new = dict.fromkeys(name for name in named if name not in {feature.name for feature in known})
            known += [Feature(name, "", name.replace("_", " ")) for name in new]
        return tuple(known)

    def _add_params(self) -> None:
        for spec in self._specs:
            self.fields.update(fields_for(spec, list(self.earlier.values()), self._rows.get(spec.name, 0)))
        if self._plugin is not None:
            self.fields["params.plugin"] = self._plugin.choice(self.fields["params.plugin"])
            self.fields[MADE_FOR] = forms.CharField(
                widget=forms.HiddenInput, label=MADE_FOR, required=False, initial=self._plugin.name
            )
        titles = {feature.name: words.schema(feature.title) for feature in self.model.features}
        for field in self.fields.values():
            call_measures(field, titles)

    def _add_region(self) -> None:
        choices = [(shape, pgettext("shape", shape)) for shape in self._shapes]
        if self._whole:
            choices.insert(0, ("", gettext("the whole picture")))
        self.fields["region.shape"] = forms.ChoiceField(
            label=gettext("Shape"), choices=choices, required=not self._whole
        )
        for shape in self._shapes:
            for spec in specs(SHAPES[shape]):
                field = (
                    JsonField(label=words.schema(spec.title), help_text=words.schema(spec.help))
                    if spec.kind == "json"
                    else field_of(spec)
                )
                field.required = False
                self.fields[f"{shape}.{spec.name}"] = field
        if self.model.place == "area":
            self._add_area()

    def _add_area(self) -> None:
        """What only an area can have: parts left out of it, and how much of it must lie in the picture."""
        for name in OF_AREAS:
            spec = next(one for one in specs(self.model) if one.name == name)
            made = dict(fields_for(spec, [], 0))[f"params.{name}"]
            made.required = False
            if isinstance(made, JsonField):
                made.help_text = f"{made.help_text} {gettext('As JSON, such as {example}.').format(example=EXAMPLE)}"
            self.fields[name] = made

    def _add_follow(self) -> None:
        if self.model.place == "none" and not self.model.datum:
            return
        self.fields["follow"] = forms.ChoiceField(
            label=gettext("Region follows"),
            choices=[
                (AUTO, gettext("every earlier tool that moves later regions")),
                (NOTHING, gettext("nothing")),
                (CHOSEN, gettext("the tools ticked here:")),
            ],
            widget=forms.RadioSelect,
        )
        data = [(str(tool.id), tool.name) for tool in self.earlier.values() if tool.datum]
        self.fields["followed"] = EarlierTools(
            label=gettext("Tools that find a place"), choices=data, required=False, widget=forms.CheckboxSelectMultiple
        )

    def _show_lost(self) -> None:
        """Where an earlier tool was chosen that is none any more, show it rather than nothing."""
        for name, field in self.fields.items():
            if isinstance(field, EarlierTool):
                value = self[name].value()
                field.show(value if isinstance(value, list) else [value])

    def _add_limits(self) -> None:
        self.fields.update(limit_fields(self._features))

    # Groups for the template

    def _bound(self, names: Iterable[str]) -> list[BoundField]:
        return [self[name] for name in names]

    def _parts(self, advanced: bool) -> list[Part]:
        chosen = [spec for spec in self._specs if spec.advanced == advanced]
        return [part_of(self, spec, self._rows.get(spec.name, 0)) for spec in chosen]

    @property
    def usual(self) -> list[Part]:
        """The parameters everyone sees."""
        return self._parts(False)

    @property
    def advanced(self) -> list[Part]:
        """The folded ones."""
        return self._parts(True)

    @property
    def looks(self) -> bool:
        """Whether it looks somewhere, or carries a region from an old machine all the same."""
        return self.model.place != "none" or bool(self.shape_field.value())

    @property
    def follows(self) -> bool:
        """Whether what it finds can be moved by other tools."""
        return "follow" in self.fields

    @property
    def area(self) -> list[BoundField]:
        """What only an area can have."""
        return self._bound(name for name in OF_AREAS if name in self.fields)

    @property
    def shapes(self) -> list[ShapeGroup]:
        """The fields of each shape this kind of tool can have."""
        return [
            ShapeGroup(shape, self._bound(f"{shape}.{spec.name}" for spec in specs(SHAPES[shape])))
            for shape in self._shapes
        ]

    @property
    def shape_field(self) -> BoundField:
        """The choice of shape."""
        return self["region.shape"]

    def limit_rows(self, measured: Mapping[str, str]) -> LimitRows:
        """Return a row a feature. measured: what the newest result says, by feature."""
        return LimitRows.of(limit_rows(self, self._features, measured))

    @property
    def advanced_is_wrong(self) -> bool:
        """Whether a folded field has an error: then the fold opens."""
        return any(part.bad for part in self.advanced)

    @property
    def area_is_wrong(self) -> bool:
        """Whether one of an area's folded fields has an error."""
        return any(field.errors for field in self.area)

    # Reading

    def clean(self) -> dict[str, Any]:
        """Make the tool; what the contract refuses becomes an error of its field, or of the form."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            self.tool = _TOOL.validate_python(self._document(cleaned))
        except ValidationError as refused:
            for problem in refused.errors(include_url=False, include_input=False):
                self._refuse(problem["loc"], str(problem["msg"]))
        return cleaned

    def _refuse(self, place: Sequence[int | str], message: str) -> None:
        parts = [str(part) for part in place]
        text = sentences.said(message.removeprefix("Value error, "))
        self.add_error(self._field_at(parts[1:] if parts[:1] == [self.kind] else parts), text)

    def _field_at(self, place: list[str]) -> str | None:
        """Return the field a refusal belongs to: that of the place itself, of a table's row, or of the value it lies in."""
        if place[:1] == ["region"]:
            place = place[1:] or ["region", "shape"]
        if place[:1] == ["params"] and len(place) > 2 and place[1] in self._rows and place[2].isdigit():
            place = [*place[:2], str(self._said[place[1]][int(place[2])]), *place[3:]]
        while place:
            name = SEPARATOR.join(place)
            if name in self.fields:
                return name
            if len(place) == 3 and (inner := next((one for one in self.fields if one.startswith(f"{name}.")), None)):
                return inner
            place = place[:-1]
        return None

    def _document(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "type": self.kind,
            "id": self.number,
            "name": cleaned["name"],
            "judge": cleaned["judge"],
            "params": self._read_params(cleaned),
            "region": self._read_region(cleaned),
            "follow": self._read_follow(cleaned),
            "limits": self._read_limits(cleaned),
            **self._read_area(cleaned),
        }

    def _read_area(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        if self.model.place != "area":
            return {}
        least, without = cleaned["min_coverage"], cleaned["exclude"]
        return {"min_coverage": 1 if least is None else least, "exclude": without or []}

    def _read_params(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        params: dict[str, Any] = {}
        for spec in self._specs:
            _put(params, spec.name, self._read_param(spec, cleaned))
        if self._plugin is not None:
            return {"settings": {}, **params}
        return {name: self._group(name, value) if isinstance(value, dict) else value for name, value in params.items()}

    def _read_param(self, spec: Spec, cleaned: Mapping[str, Any]) -> Any:
        name = f"params.{spec.name}"
        if spec.kind == "rows":
            self._said[spec.name] = rows_said(spec, cleaned, self._rows[spec.name])
            return read_rows(spec, cleaned, self._said[spec.name])
        if spec.kind == "blob" and (file := cleaned[f"{name}{SEPARATOR}{UPLOAD}"]) is not None and self.by is not None:
            try:
                return store_blob(file.chunks(), file.name, self.by).sha256
            except BadInput as refused:
                self.add_error(f"{name}{SEPARATOR}{UPLOAD}", str(refused))
        return filled(spec, cleaned[name])

    def _group(self, name: str, values: dict[str, Any]) -> dict[str, Any] | None:
        """Fields that belong together, such as a locate tool's reference: all left empty, they are no value."""
        if all(value is None for value in values.values()):
            return None
        for spec in self._specs:
            group, _dot, inner = spec.name.rpartition(SEPARATOR)
            if group == name and values[inner] is None:
                values[inner] = spec.default
                if spec.default is None:
                    self.add_error(f"params.{spec.name}", gettext("Needed beside the others."))
        return values

    def _read_region(self, cleaned: Mapping[str, Any]) -> dict[str, Any] | None:
        shape = cleaned["region.shape"]
        if not shape:
            return None
        region: dict[str, Any] = {"shape": shape}
        for spec in specs(SHAPES[shape]):
            value = cleaned[f"{shape}.{spec.name}"]
            if value is None and spec.default is None:
                self.add_error(f"{shape}.{spec.name}", gettext("Needed for this shape."))
                value = 1
            _put(region, spec.name, spec.default if value is None else value)
        return region

    def _read_follow(self, cleaned: Mapping[str, Any]) -> list[int] | None:
        match cleaned.get("follow", AUTO):
            case "auto":
                return None
            case "nothing":
                return []
        return [int(number) for number in cleaned["followed"]]

    def _read_limits(self, cleaned: Mapping[str, Any]) -> list[dict[str, Any]]:
        limits = []
        for feature in self._features:
            low, high, guard = (cleaned[f"limit.{feature.name}.{end}"] for end in ("min", "max", "guard"))
            if low is not None and high is not None and low > high:
                self.add_error(f"limit.{feature.name}.min", gettext("The minimum is above the maximum."))
            elif low is None and high is None and guard:
                self.add_error(f"limit.{feature.name}.guard", gettext("A guard band needs a minimum or a maximum."))
            elif low is not None or high is not None:
                limits.append({"feature": feature.name, "min": low, "max": high, "guard": guard or 0})
        return limits


def _put(into: dict[str, Any], path: str, value: Any) -> None:
    """Set value at a path such as `reference.x`."""
    *groups, last = path.split(SEPARATOR)
    for group in groups:
        into = into.setdefault(group, {})
    into[last] = value


def _flat(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return nested values as paths."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{prefix}{SEPARATOR}{name}"
        found[path] = value
        if isinstance(value, Mapping):
            found.update(_flat(value, path))
        elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
            found.update(_flat({str(place): one for place, one in enumerate(value)}, path))
    return found


def initial_of(tool: Tool, active: bool) -> dict[str, Any]:
    """Return a tool as the form's first values."""
    values: dict[str, Any] = {"name": tool.name, "judge": tool.judge, "active": active}
    values.update(_flat(plain(tool.params), "params"))
    if tool.region is not None:
        region = plain(tool.region)
        shape = region.pop("shape")
        values["region.shape"] = shape
        values.update(_flat(region, shape))
    area = plain(tool)
    values.update({name: area[name] for name in OF_AREAS})
    values["follow"] = AUTO if tool.follow is None else CHOSEN if tool.follow else NOTHING
    values["followed"] = [str(number) for number in tool.follow or ()]
    for limit in tool.limits:
        for end in ("min", "max", "guard"):
            value = getattr(limit, end)
            values[f"limit.{limit.feature}.{end}"] = None if end == "guard" and not value else value
    return values
