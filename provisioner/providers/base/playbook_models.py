"""Playbook keys that all providers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PrivateAttr, StringConstraints, model_validator

from provisioner.core.guards import Guards
from provisioner.core.plan import DesiredState
from provisioner.core.resource import Model
from provisioner.core.unmanaged import UnmanagedRule
from provisioner.core.waivers import Waiver
from provisioner.providers.dns.playbook import REFERENCE_ONLY_KEYS

LOOPBACK_HOSTS: Final = ("127.0.0.1", "localhost", "::1")

MAX_NAME_LENGTH: Final = 120

_EMAIL = r"^[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+$"


def https_url(value: str) -> str:
    """The value, if it is an https URL or a URL of this machine.

    Raises:
        ValueError: it is not; the message does not contain the value, which may be a secret.
    """
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("expected a URL") from None  # the cause contains the value
    loopback = parts.hostname in LOOPBACK_HOSTS
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise ValueError("expected a URL that begins with https://")
    if not parts.hostname or parts.username or parts.password:
        raise ValueError("expected a URL with a host name and without credentials in it")
    return value


def unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values, if each is listed once.

    Raises:
        ValueError: a value is listed twice.
    """
    if len({repr(value) for value in values}) < len(values):
        raise ValueError("the same thing is listed twice")
    return values


Waivers = Annotated[
    tuple[Waiver, ...],
    Field(description="Drift and findings that are accepted until a date. An expired waiver has no effect."),
]
UnmanagedRules = Annotated[
    tuple[UnmanagedRule, ...],
    Field(
        description="Resources and fields that plan, apply and drift ignore. doctor still checks them, but --fix does "
        "not change them."
    ),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_LENGTH, strip_whitespace=True)]
Email = Annotated[str, StringConstraints(pattern=_EMAIL, max_length=254)]
Port = Annotated[int, Field(ge=1, le=65535)]
Endpoint = Annotated[str, AfterValidator(https_url)]


class PrincipalEntry(Model):
    """A group or a user, by name or by id."""

    name: Name | None = Field(default=None, description="Name of a group, or sign-in name of a user.")
    id: str | None = Field(default=None, description="Id of the group or user. It is always unambiguous.")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.name is None) == (self.id is None):
            raise ValueError("expected exactly one of: name, id")
        return self

    @property
    def key(self) -> str:
        return self.name or str(self.id)


class SafetySection(Model):
    """Limits within which apply works."""

    max_removals: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.3, description="The largest share of the existing assignments that one run may remove."
    )


@dataclass(frozen=True)
class FederatedSignIn:
    """How a pipeline signs in to a Microsoft cloud by workload identity federation, without a stored secret.

    Attributes:
        audience: of the token that the pipeline presents.
        authority: the sign-in endpoint, for ``AZURE_AUTHORITY_HOST``.
        azure_login: the input ``environment`` of the GitHub action azure/login; empty for its default.
    """

    audience: str
    authority: str
    azure_login: str = ""


class IntegrationPlaybook(Model):
    """The keys with which every playbook begins."""

    deferred_keys: ClassVar[frozenset[tuple[str, ...]]] = frozenset()
    """Keys whose variables may be unset: their values come from the Kiro console. ``*`` stands for any step of a path."""
    reference_only_keys: ClassVar[frozenset[tuple[str, ...]]] = frozenset(REFERENCE_ONLY_KEYS)
    """Keys whose values must be references; they are never written in the playbook itself."""
    default_variables: ClassVar[Mapping[str, str]] = {}
    """The variables that the shipped playbooks use, by key such as ``scim.token``."""
    federated_sign_in: ClassVar[Mapping[str, FederatedSignIn]] = {}
    """By ``connection.cloud``, the default first. Empty: pipelines sign in with the playbook's variables and secrets."""
    version: Literal[1] = Field(description="Version of the playbook format.")
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?$")] = Field(
        description="Stable name of the integration. It is the marker of the remote objects. "
        "Lower-case letters, digits and hyphens, at most 48 characters."
    )

    _deferred: dict[str, str] = PrivateAttr(default_factory=dict)

    def with_deferred_variables(self, variables: Mapping[str, str]) -> Self:
        """This playbook with the names of the variables to which its deferred keys refer.

        Args:
            variables: names of environment variables, by key such as ``scim.token``.
        """
        copy = self.model_copy()
        copy._deferred = dict(variables)  # noqa: SLF001 - of the same class
        return copy

    def deferred_variable(self, key: str) -> str:
        """The variable to which a deferred key refers; if it refers to none, that of the shipped playbooks."""
        return self._deferred.get(key) or self.default_variables.get(key, "")

    def location_of(self, section: str, address: str) -> tuple[str | int, ...]:
        """Path of the playbook key that asks for a resource, such as ``("groups", 0)``.

        Args:
            section: the top-level key that asks for its kind; empty when no key does.
            address: address of the resource.
        """
        if not section:
            return ()
        entries = getattr(self, section, None)
        if not isinstance(entries, tuple):
            return (section,)
        keys = [str(entry.key) for entry in entries]
        key = address.partition("/")[2]
        return (section, keys.index(key)) if key in keys else (section,)

    @property
    def guards(self) -> Guards:
        """The limits of a plan."""
        return Guards()

    def desired_state(self) -> DesiredState:
        """The desired state, as resources."""
        return DesiredState()

    @property
    def marker(self) -> str:
        """The text that marks a remote object as this playbook's."""
        return f"provisioner-{self.name}"
