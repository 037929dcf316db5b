"""What playbooks need of a pipeline that runs them: providers, variables, secrets, a federated sign-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, SecretStr

from provisioner.settings import Variables

from .loading import model_for
from .source import KeyPath, PlaybookSource, parse, substitute

if TYPE_CHECKING:
    from provisioner.providers.base.playbook_models import FederatedSignIn


@dataclass(frozen=True)
class Requirements:
    """What some playbooks need of a pipeline that runs them. ``|`` combines two.

    Attributes:
        clouds: clouds to which a pipeline signs in by workload identity federation, as ``connection.cloud`` names them.
        sign_ins: how to sign in to these clouds; two clouds may share one.
        tenants: tenants of these clouds, as the playbooks write them.
        variables: environment variables that are not secrets.
        secrets: environment variables that are secrets.
        local: references to files and keyrings, such as ``file:kiro.pem``, which a pipeline does not have.
    """

    clouds: frozenset[str] = frozenset()
    sign_ins: frozenset[FederatedSignIn] = frozenset()
    tenants: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    local: frozenset[str] = frozenset()

    def __or__(self, other: Requirements) -> Requirements:
        names = (field.name for field in fields(self))
        return Requirements(*(getattr(self, name) | getattr(other, name) for name in names))


def requirements(file: Path) -> Requirements:
    """What one playbook needs, by its references. No value is read.

    Raises:
        UsageError: the file cannot be read.
        PlaybookError: it is not a playbook.
    """
    source = parse(file)
    substitute(source, _NamesOnly(environment={}))
    model = model_for(source)
    variables, secrets, local = set(), set(), set()
    for path, names in source.references.items():
        for name in names:
            if ":" in name:
                local.add(name)
            elif _is_secret(model, path):
                secrets.add(name)
            else:
                variables.add(name)
    return _sign_in(source, model.federated_sign_in) | Requirements(
        variables=frozenset(variables - secrets), secrets=frozenset(secrets), local=frozenset(local)
    )


class _NamesOnly(Variables):
    """Variables of which only the names matter."""

    def file(self, name: str, base: Path) -> str:  # noqa: ARG002 - the signature of Variables
        return ""

    def keyring(self, name: str) -> str:  # noqa: ARG002
        return ""


def _sign_in(source: PlaybookSource, clouds: Mapping[str, FederatedSignIn]) -> Requirements:
    """How a pipeline signs in to the tenant of a playbook.

    Args:
        source: the playbook.
        clouds: the provider's federated sign-ins by cloud, the default first; empty if it has none.
    """
    if not clouds:
        return Requirements()
    connection = source.tree.get("connection")
    keys = connection if isinstance(connection, dict) else {}
    cloud = str(keys.get("cloud", next(iter(clouds))))
    if cloud not in clouds:
        raise source.error(
            f"connection.cloud: there is no cloud {cloud!r}",
            ("connection", "cloud"),
            hint=f"expected one of: {', '.join(clouds)}",
        )
    tenant = keys.get("tenant", source.references.get(("connection", "tenant")))
    return Requirements(
        clouds=frozenset({cloud}),
        sign_ins=frozenset({clouds[cloud]}),
        tenants=frozenset({str(tenant)}),
    )


def _is_secret(annotation: Any, path: KeyPath) -> bool:
    """Whether the value at a path of a model has a secret type."""
    types = tuple(_types(annotation))
    if not path:
        return SecretStr in types
    for type_ in types:
        field = type_.model_fields.get(str(path[0])) if issubclass(type_, BaseModel) else None
        if field is not None:
            return _is_secret(field.annotation, path[1:])
    return _is_secret(annotation, path[1:])  # an element of a list or mapping


def _types(annotation: Any) -> Iterator[type]:
    """The classes in an annotation: ``str`` and ``SecretStr`` in ``Mapping[str, SecretStr] | None``."""
    if arguments := get_args(annotation):
        for argument in arguments:
            yield from _types(argument)
    elif isinstance(annotation, type):
        yield annotation
