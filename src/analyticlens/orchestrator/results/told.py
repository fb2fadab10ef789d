"""The contract's models drawn as plain structures that are checked in C, for data that is only looked at.

There is one contract, the models; these are made of it when the program starts, and are narrower on purpose: every key must be there,
every value of the very type JSON has for it, no number so large that it is written with an exponent. What does not pass here may still be
right: the models decide. What passes here they take, and as it is. What cannot be drawn raises TypeError at the start.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel, StringConstraints
from pydantic.fields import FieldInfo
from pydantic.types import Strict

# Canonical JSON leaves whole floats from 2**53 on as they are, and soon writes exponents.
LARGEST = 1e15
_PLAIN = {int, float, str, bool, types.NoneType}


def checker(model: type[BaseModel]) -> Callable[[Any], object]:
    """Return what raises msgspec.ValidationError unless plain data is, as narrowly as that, what the model takes."""
    drawn = _Drawer().drawn(model)

    def check(data: Any) -> object:
        return msgspec.convert(data, drawn)

    return check


class _Drawer:
    """Draws each model once for each tag."""

    def __init__(self) -> None:
        self._known: dict[tuple[type[BaseModel], str | None], Any] = {}

    def drawn(self, annotation: Any, metadata: tuple[Any, ...] = ()) -> Any:
        """Return an annotation with structures in place of models. Raises TypeError."""
        origin, inner = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self.drawn(inner[0], (*inner[1:], *metadata))
        if origin in (Union, types.UnionType):
            tag = next((one.discriminator for one in metadata if isinstance(one, FieldInfo)), None)
            bounds = _bounds(metadata)
            one_of = [self._tagged(one, str(tag)) if tag else self._within(one, bounds) for one in inner]
            return Union[tuple(one_of)]  # noqa: UP007  # made while running
        return self._bounded(self._bare(annotation, origin, inner), annotation, _bounds(metadata))

    def _bare(self, annotation: Any, origin: Any, inner: tuple[Any, ...]) -> Any:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return self._model(annotation)
        if annotation in _PLAIN or origin is Literal:
            return annotation
        if origin is tuple and inner[-1] is not Ellipsis:
            return tuple[tuple(self.drawn(one) for one in inner)]  # type: ignore[misc]  # made while running
        if origin is tuple:
            return list[self.drawn(inner[0])]  # type: ignore[misc]  # made while running
        if origin in (dict, list):
            return origin[tuple(self.drawn(one) for one in inner)]
        raise TypeError(f"cannot be drawn: {annotation}")

    def _within(self, annotation: Any, bounds: dict[str, Any]) -> Any:
        if bounds and annotation is not types.NoneType:
            raise TypeError(f"bounds of a union: {bounds}")
        return self.drawn(annotation)

    def _bounded(self, drawn: Any, annotation: Any, bounds: dict[str, Any]) -> Any:
        if annotation is float:
            bounds = {"le": LARGEST, "ge": -LARGEST} | bounds
            if "gt" in bounds:
                del bounds["ge"]
        return Annotated[drawn, msgspec.Meta(**bounds)] if bounds else drawn

    def _tagged(self, annotation: Any, tag: str) -> Any:
        if not issubclass(annotation, BaseModel):
            raise TypeError(f"a tagged union of what is no model: {annotation}")
        return self._model(annotation, tag)

    def _model(self, model: type[BaseModel], tag: str | None = None) -> Any:
        if (model, tag) not in self._known:
            fields = [(name, self._field(field)) for name, field in model.model_fields.items() if name != tag]
            said = {} if tag is None else {"tag_field": tag, "tag": get_args(model.model_fields[tag].annotation)[0]}
            namespace = {"__post_init__": _by(model)} if _checks_more(model) else {}
            made = msgspec.defstruct(
                model.__name__, fields, forbid_unknown_fields=True, namespace=namespace, gc=False, **said
            )
            self._known[model, tag] = made
        return self._known[model, tag]

    def _field(self, field: FieldInfo) -> Any:
        if field.alias is not None or field.validation_alias is not None:
            raise TypeError(f"a field with another name in JSON: {field.alias}")
        return self.drawn(field.annotation, (*field.metadata, *([field] if field.discriminator else ())))


def _checks_more(model: type[BaseModel]) -> bool:
    decorated = model.__pydantic_decorators__
    return bool(decorated.model_validators or decorated.field_validators)


def _by(model: type[BaseModel]) -> Callable[[Any], None]:
    """Return a check by the model itself, of what it wants beyond its fields."""

    def check(made: Any) -> None:
        model.model_validate(msgspec.to_builtins(made))

    return check


def _bounds(metadata: tuple[Any, ...]) -> dict[str, Any]:
    """Return the bounds that metadata names, in msgspec's words. Raises TypeError for one it has no word for."""
    bounds: dict[str, Any] = {}
    for one in _constraints(metadata):
        match one:
            case Ge(ge=value):
                bounds["ge"] = value
            case Gt(gt=value):
                bounds["gt"] = value
            case Le(le=value):
                bounds["le"] = value
            case Lt(lt=value):
                bounds["lt"] = value
            case MinLen(min_length=value):
                bounds["min_length"] = value
            case MaxLen(max_length=value):
                bounds["max_length"] = value
            case StringConstraints():
                bounds |= _of_text(one)
            case _ if getattr(one, "allow_inf_nan", None) is False or isinstance(one, Strict):
                pass
            case _:
                raise TypeError(f"no word for {one!r}")
    return bounds


def _of_text(said: StringConstraints) -> dict[str, Any]:
    if said.strip_whitespace or said.to_lower or said.to_upper:
        raise TypeError(f"what changes a text: {said}")
    found = {"min_length": said.min_length, "max_length": said.max_length}
    if said.pattern is not None:
        # pydantic's $ is the end; Python's may be followed by a line feed.
        found["pattern"] = str(said.pattern).replace("$", r"\Z")  # type: ignore[assignment]
    return {name: value for name, value in found.items() if value is not None}


def _constraints(metadata: tuple[Any, ...]) -> Iterator[Any]:
    for one in metadata:
        if isinstance(one, FieldInfo):
            yield from one.metadata
        else:
            yield one
