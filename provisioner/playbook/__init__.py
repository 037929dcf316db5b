"""From a YAML file to a playbook: every fault is told with its line, and nothing is contacted."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Union, cast, get_args

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from provisioner import providers
from provisioner.core.errors import PlaybookError, ProvisionerError
from provisioner.core.unmanaged import suggestion
from provisioner.settings import Variables

from .source import Path_, Source, dotted, nearest, parsed, substituted


@dataclass(frozen=True)
class Loaded:
    """A valid playbook.

    Attributes:
        playbook: the provider's model.
        awaited: keys whose variables are not set yet, as ``scim.endpoint``, with the variables' names.
        lines: 1-based line of every key and element, by path.
    """

    file: Path
    playbook: Any
    deferred: Mapping[str, str]
    lines: Mapping[Path_, int] = field(default_factory=dict)

    def line(self, address: str) -> int | None:
        """The line that asks for a resource; the first where none does."""
        section = providers.section_of(self.playbook.provider, address)
        return nearest(self.lines, self.playbook.location_of(section, address))


def load(file: Path, variables: Variables | Callable[[str], Variables]) -> Loaded:
    """Read and check a playbook.

    Args:
        file: the YAML file.
        variables: where references get their values; called with the provider, if that makes a difference.

    Raises:
        PlaybookError: with file and line. Where there are several faults, ``others`` of it holds the rest.
    """
    source = parsed(file)
    if callable(variables):
        variables = variables(str(source.tree.get("provider")))
    source = substituted(source, variables)
    model = _model(source)
    late: frozenset[Path_] = getattr(model, "deferred_keys", frozenset())
    for path, names in source.unset.items():
        if not _fits(path, late):
            raise _unset_error(source, path, names)
    _refuse_literals(source, getattr(model, "reference_only_keys", frozenset()))
    try:
        playbook = cast("providers.Playbook", model.model_validate(source.tree))
    except ValidationError as error:
        raise _explained(error, source, model) from None  # pydantic's text would show the values
    _refuse_unknown_checks(source, playbook)
    awaited = {dotted(path): names[0] for path, names in source.unset.items()}
    referred = {dotted(path): names[0] for path, names in source.references.items() if _fits(path, late)}
    return Loaded(file, playbook.with_deferred_variables({**referred, **awaited}), awaited, source.lines)


def domains_named(file: Path, variables: Variables | Callable[[str], Variables]) -> frozenset[str]:
    """The domains that a playbook names, as they are written; none of one that cannot be read.

    Args:
        file: the YAML file.
        variables: see :func:`load`.
    """
    try:
        source = parsed(file)
        given = variables(str(source.tree.get("provider"))) if callable(variables) else variables
        tree = substituted(source, given).tree
    except ProvisionerError:
        return frozenset()
    listed = tree.get("domains") if isinstance(tree.get("domains"), list) else []
    return frozenset(str(one["name"]).strip().lower().rstrip(".") for one in listed if _has_name(one))


def _has_name(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str)


def json_schema(provider: str | None = None) -> dict[str, Any]:
    """JSON Schema of playbooks, for editors; a reference is accepted wherever a scalar is.

    Args:
        provider: whose; every provider's when None.
    """
    names = [provider] if provider else providers.NAMES
    models = tuple(providers.provider_module(name).playbook_model() for name in names)
    either: Any = Union[models]  # noqa: UP007 - of a tuple
    if len(models) > 1:
        either = Annotated[either, Field(discriminator="provider")]
    schema = TypeAdapter[Any](either).json_schema()
    reference = {"type": "string", "pattern": r"\$\{[^{}]*\}"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_with_references(schema, reference),
    }


# -- the model ------------------------------------------------------------------------------------------


def _unset_error(source: Source, path: Path_, names: tuple[str, ...]) -> PlaybookError:
    return source.error(
        f"{dotted(path)}: the environment variable {names[0]} is not set",
        path,
        hint=f"set it, or give a default: ${{{names[0]}:-value}}",
    )


def _fits(path: Path_, patterns: frozenset[Path_]) -> bool:
    """Whether a path is one of the patterns, in which ``*`` stands for any one step."""
    return any(
        len(path) == len(pattern)
        and all(wanted in ("*", step) for step, wanted in zip(path, pattern, strict=True))
        for pattern in patterns
    )


def _refuse_literals(source: Source, referred: frozenset[Path_]) -> None:
    """Secrets that grant more than this playbook needs do not stand in it."""
    for path in source.lines:
        if _fits(path, referred) and path not in source.references:
            raise source.error(
                f"{dotted(path)}: a secret does not belong in a playbook",
                path,
                hint="refer to it: ${NAME}, ${file:path} or ${keyring:service/name}",
            )


def _refuse_unknown_checks(source: Source, playbook: providers.Playbook) -> None:
    """A waiver of a misspelt check would let nothing pass."""
    named = {(number, one.check) for number, one in enumerate(playbook.waivers) if one.check}
    if not named:
        return
    known = {check.id for name in (playbook.provider, "dns") for check in providers.checks_of(name)}
    for number, check in sorted(named):
        if check not in known:
            path = ("waivers", number, "check")
            raise source.error(
                f"{dotted(path)}: there is no check {check!r}{suggestion(check, known)}",
                path,
                hint="list them: provisioner checks list",
            )


def _model(source: Source) -> type[BaseModel]:
    if names := source.unset.get(("provider",)):
        raise _unset_error(source, ("provider",), names)
    name = source.tree.get("provider")
    choices = " or ".join(providers.NAMES)
    if name is None:
        raise source.error(f"the key 'provider' is missing; expected {choices}")
    if name not in providers.NAMES:
        raise source.error(f"provider: unknown provider {name!r}; expected {choices}", ("provider",))
    return providers.provider_module(name).playbook_model()


def _explained(error: ValidationError, source: Source, model: type[BaseModel]) -> PlaybookError:
    faults = [
        source.error(_message(details, model), _known_path(details))
        for details in error.errors(include_url=False)
    ]
    faults.sort(key=lambda fault: fault.line or 0)
    first = faults[0]
    first.others = tuple(faults[1:])
    return first


def _known_path(details: ErrorDetails) -> Path_:
    return tuple(details["loc"])


def _message(details: ErrorDetails, model: type[BaseModel]) -> str:
    """What is wrong and what was expected; never the value, which may be a secret."""
    path = tuple(details["loc"])
    where = dotted(path)
    match details["type"]:
        case "missing":
            return f"the key {where!r} is missing"
        case "extra_forbidden":
            known = list(_fields_at(model, path[:-1]))
            close = difflib.get_close_matches(str(path[-1]), known, n=1)
            advice = f"did you mean {close[0]!r}?" if close else f"expected one of: {', '.join(known)}"
            return f"unknown key {where!r}; {advice}"
        case "value_error":
            return f"{where}: {details['msg'].removeprefix('Value error, ')}"
        case _:
            return f"{where}: {details['msg'][:1].lower()}{details['msg'][1:]}"


def _fields_at(model: type[BaseModel], path: Path_) -> Iterator[str]:
    current: type[BaseModel] | None = model
    for step in path:
        if isinstance(step, str) and current is not None and step in current.model_fields:
            current = _inner_model(current.model_fields[step].annotation)
    if current is not None:
        yield from current.model_fields


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_inner_model, get_args(annotation))), None)


def _with_references(schema: Any, reference: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_with_references(element, reference) for element in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _with_references(value, reference) for key, value in schema.items()}
    if inner.get("type") in ("string", "integer", "number", "boolean") and "properties" not in inner:
        about = {key: inner.pop(key) for key in ("default", "description", "title") if key in inner}
        return {**about, "anyOf": [inner, reference]}
    return inner
