"""The keys of playbooks, as the providers' models define them: JSON Schema, and the names at a path."""

from __future__ import annotations

from typing import Annotated, Any, Union, get_args

from pydantic import BaseModel, Field, TypeAdapter

from provisioner import providers

from .source import KeyPath

_REFERENCE = {"type": "string", "pattern": r"\$\{[^{}]*\}"}


def json_schema(provider: str | None = None) -> dict[str, Any]:
    """JSON Schema of playbooks, for editors. A reference is accepted wherever a scalar is.

    Args:
        provider: the provider's name; None for the playbooks of every provider.

    Raises:
        KeyError: no provider has this name.
    """
    names = [provider] if provider else list(providers.PROVIDERS)
    models = tuple(providers.provider_module(name).playbook_model() for name in names)
    any_model: Any = Union[models]  # noqa: UP007 - of a tuple
    if len(models) > 1:
        any_model = Annotated[any_model, Field(discriminator="provider")]
    schema = TypeAdapter[Any](any_model).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_with_references(schema)}


def field_names(model: type[BaseModel], path: KeyPath) -> list[str]:
    """The keys that a model accepts at a path; none if no model is there."""
    current: type[BaseModel] | None = model
    for step in path:
        if isinstance(step, str) and current is not None and step in current.model_fields:
            current = _inner_model(current.model_fields[step].annotation)
    return list(current.model_fields) if current is not None else []


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    """The first model in an annotation such as ``tuple[Entry, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_inner_model, get_args(annotation))), None)


def _with_references(schema: Any) -> Any:
    """The same JSON Schema, in which every scalar may also be a reference."""
    if isinstance(schema, list):
        return [_with_references(element) for element in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _with_references(value) for key, value in schema.items()}
    if result.get("type") in ("string", "integer", "number", "boolean") and "properties" not in result:
        annotations = {key: result.pop(key) for key in ("default", "description", "title") if key in result}
        return {**annotations, "anyOf": [result, _REFERENCE]}
    return result
