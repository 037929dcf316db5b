"""From a YAML file to a playbook. Every error has its line, and nothing is contacted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from provisioner import providers
from provisioner.core.errors import PlaybookError
from provisioner.core.redaction import remember
from provisioner.core.unmanaged import suggestion
from provisioner.settings import Variables

from .schema import field_names
from .source import KeyPath, PlaybookSource, format_path, nearest_line, parse, substitute

if TYPE_CHECKING:
    from provisioner.providers.base.playbook_models import IntegrationPlaybook


@dataclass(frozen=True)
class LoadedPlaybook:
    """A valid playbook.

    Attributes:
        playbook: the provider's model.
        deferred: keys whose variables are not set yet, such as ``scim.endpoint``, with the variables' names.
        lines: 1-based line of every key and element, by path.
    """

    file: Path
    playbook: Any
    deferred: Mapping[str, str]
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

    def line_of(self, address: str) -> int | None:
        """The line that asks for a resource; the first line when no key does."""
        section = providers.section_of(self.playbook.provider, address)
        return nearest_line(self.lines, self.playbook.location_of(section, address))


def load(file: Path, variables: Variables | Callable[[str], Variables]) -> LoadedPlaybook:
    """Read and check a playbook.

    Args:
        file: the YAML file.
        variables: values of the references; or a function that returns them for the provider's name.

    Raises:
        PlaybookError: with file and line. If there are several errors, ``others`` holds the rest.
    """
    source = parse(file)
    substitute(source, _variables_for(source, variables))
    model = model_for(source)
    for path, names in source.unset.items():
        if not _matches(path, model.deferred_keys):
            raise _unset_error(source, path, names)
    _refuse_literal_secrets(source, model.reference_only_keys)
    try:
        playbook = cast("providers.Playbook", model.model_validate(source.tree))
    except ValidationError as error:
        raise _playbook_error(error, source, model) from None  # pydantic's text would show the values
    remember(playbook)
    _refuse_unknown_checks(source, playbook)
    deferred = {format_path(path): names[0] for path, names in source.unset.items()}
    deferrable = {
        format_path(path): names[0]
        for path, names in source.references.items()
        if _matches(path, model.deferred_keys)
    }
    playbook = playbook.with_deferred_variables({**deferrable, **deferred})
    return LoadedPlaybook(file, playbook, deferred, source.lines)


def model_for(source: PlaybookSource) -> type[IntegrationPlaybook]:
    """The model of the provider that a playbook names.

    Raises:
        PlaybookError: it names no provider, or an unknown one.
    """
    if names := source.unset.get(("provider",)):
        raise _unset_error(source, ("provider",), names)
    name = source.tree.get("provider")
    choices = " or ".join(providers.PROVIDERS)
    if name is None:
        raise source.error(f"the key 'provider' is missing; expected {choices}")
    if not isinstance(name, str) or name not in providers.PROVIDERS:
        raise source.error(f"provider: unknown provider {name!r}; expected {choices}", ("provider",))
    return providers.provider_module(name).playbook_model()


def _variables_for(source: PlaybookSource, variables: Variables | Callable[[str], Variables]) -> Variables:
    return variables(str(source.tree.get("provider"))) if callable(variables) else variables


def _unset_error(source: PlaybookSource, path: KeyPath, names: tuple[str, ...]) -> PlaybookError:
    return source.error(
        f"{format_path(path)}: the environment variable {names[0]} is not set",
        path,
        hint=f"set it, or give a default: ${{{names[0]}:-value}}",
    )


def _matches(path: KeyPath, patterns: frozenset[tuple[str, ...]]) -> bool:
    """Whether a path matches one of the patterns, in which ``*`` is any one step."""
    return any(
        len(path) == len(pattern)
        and all(expected in ("*", step) for step, expected in zip(path, pattern, strict=True))
        for pattern in patterns
    )


def _refuse_literal_secrets(source: PlaybookSource, reference_only: frozenset[tuple[str, ...]]) -> None:
    """Raise if a key that accepts only references has a literal value."""
    for path in source.lines:
        if _matches(path, reference_only) and path not in source.references:
            raise source.error(
                f"{format_path(path)}: a secret does not belong in a playbook",
                path,
                hint="refer to it: ${NAME}, ${file:path} or ${keyring:service/name}",
            )


def _refuse_unknown_checks(source: PlaybookSource, playbook: providers.Playbook) -> None:
    """Raise if a waiver names a check that does not exist: it would waive nothing."""
    named = [(number, waiver.check) for number, waiver in enumerate(playbook.waivers) if waiver.check]
    if not named:
        return
    known = {check.id for name in (playbook.provider, "dns") for check in providers.checks_of(name)}
    for number, check in named:
        if check not in known:
            path = ("waivers", number, "check")
            raise source.error(
                f"{format_path(path)}: there is no check {check!r}{suggestion(check, known)}",
                path,
                hint="list the checks: provisioner checks list",
            )


def _playbook_error(error: ValidationError, source: PlaybookSource, model: type[BaseModel]) -> PlaybookError:
    """The first error of a playbook, in the order of the lines; ``others`` holds the rest."""
    errors = [
        source.error(_message(details, model), tuple(details["loc"]))
        for details in error.errors(include_url=False)
    ]
    first, *others = sorted(errors, key=lambda problem: problem.line or 0)
    first.others = tuple(others)
    return first


def _message(details: ErrorDetails, model: type[BaseModel]) -> str:
    """What is wrong and what was expected; never the value, which may be a secret."""
    path = tuple(details["loc"])
    key = format_path(path)
    match details["type"]:
        case "missing":
            return f"the key {key!r} is missing"
        case "extra_forbidden":
            known = field_names(model, path[:-1])
            close = suggestion(str(path[-1]), known)
            return f"unknown key {key!r}" + (close or f"; expected one of: {', '.join(known)}")
        case "value_error":
            return f"{key}: {details['msg'].removeprefix('Value error, ')}"
        case _:
            return f"{key}: {details['msg'][:1].lower()}{details['msg'][1:]}"
