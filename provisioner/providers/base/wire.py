"""Wire names: where a field of a resource stands in the vendor's JSON.

A field states it once, in its annotation. Parsing, ``$select`` and request bodies are derived from there::

    access_token_version: Annotated[int | None, Wire("api.requestedAccessTokenVersion")] = None
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, get_args

from provisioner.core.resource import Model, Resource

Json = dict[str, Any]
"""A JSON object as a vendor sends or takes it."""

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True)
class Wire:
    """The place of a field in the vendor's JSON.

    Args:
        path: names of members, outermost first, joined by dots.
        absent: the value of the field when the member is absent or null.
    """

    path: str
    absent: Any = None

    @property
    def members(self) -> list[str]:
        return self.path.split(".")


@cache
def wire_fields(model: type[Model]) -> Mapping[str, Wire]:
    """The fields of a model that have a wire name, in the order of their declaration."""
    return {
        name: mark
        for name, info in model.model_fields.items()
        for mark in info.metadata
        if isinstance(mark, Wire)
    }


def select(model: type[Model]) -> str:
    """The value of ``$select`` that covers every field of a model: top-level members, each once."""
    return ",".join(dict.fromkeys(wire.members[0] for wire in wire_fields(model).values()))


def parse_fields(model: type[Model], data: Json) -> Json:
    """The values of a model's fields, taken from the vendor's JSON.

    Args:
        model: the model; nested models are parsed by their own wire names.
        data: the vendor's object. Absent members yield ``Wire.absent``, absent collections an empty tuple.
    """
    return {name: _parse(model, name, wire, data) for name, wire in wire_fields(model).items()}


def parse_resource(kind: type[R], key: str, data: Json, **computed: Any) -> R:
    """A resource, taken from the vendor's JSON.

    Args:
        kind: the kind; its fields are parsed by their wire names.
        key: its name in the playbook.
        data: the vendor's object.
        computed: values of fields that are not a member of the object.
    """
    return kind(key=key, **{**parse_fields(kind, data), **computed})


def build_body(model: type[Model], values: Mapping[str, Any]) -> Json:
    """The vendor's JSON for some fields of a model, for PATCH or POST.

    Args:
        model: the model that declares the wire names.
        values: the values to send, by field; a field without a wire name is left out.
    """
    body: Json = {}
    wires = wire_fields(model)
    for name, value in values.items():
        if name in wires:
            *outer, last = wires[name].members
            place = body
            for member in outer:
                place = place.setdefault(member, {})
            place[last] = _to_json(value)
    return body


def _parse(model: type[Model], name: str, wire: Wire, data: Json) -> Any:
    value: Any = data
    for member in wire.members:
        value = value.get(member) if isinstance(value, dict) else None
    nested = next(filter(wire_fields, _nested_models(model.model_fields[name].annotation)), None)
    if isinstance(value, list):
        return tuple(nested(**parse_fields(nested, element)) if nested else element for element in value)
    if nested and isinstance(value, dict):
        return nested(**parse_fields(nested, value))
    if value is None:
        is_collection = wire.absent is None and _is_tuple(model.model_fields[name].annotation)
        return () if is_collection else wire.absent
    return value


def _to_json(value: Any) -> Any:
    if isinstance(value, Model):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        return build_body(type(value), {name: field for name, field in fields.items() if field is not None})
    return [_to_json(element) for element in value] if isinstance(value, tuple | list) else value


def _nested_models(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for argument in get_args(annotation):
        yield from _nested_models(argument)


def _is_tuple(annotation: Any) -> bool:
    origin = getattr(annotation, "__origin__", annotation)
    return origin is tuple or any(_is_tuple(argument) for argument in get_args(annotation))
