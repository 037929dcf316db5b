"""Keys that the playbooks of every provider have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PrivateAttr, StringConstraints, model_validator

from provisioner.core.plan import DesiredState, Guards
from provisioner.core.resource import Model
from provisioner.core.unmanaged import UnmanagedRule
from provisioner.core.waivers import Waiver
from provisioner.providers.dns.playbook import REFERENCE_ONLY_KEYS

LOOPBACK_HOSTS: Final = ("127.0.0.1", "localhost", "::1")

_EMAIL = r"^[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+$"


def https_url(value: str) -> str:
    """The value, if it is an https URL, or one of this machine.

    Raises:
        ValueError: it is something else; the value itself is not in the message.
    """
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("expected a URL") from None  # the reason would tell the value
    loopback = parts.hostname in LOOPBACK_HOSTS
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise ValueError("expected a URL that begins with https://")
    if not parts.hostname or parts.username or parts.password:
        raise ValueError("expected a URL with a host name and without credentials in it")
    return value


def unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values, if none is there twice.

    Raises:
        ValueError: one is.
    """
    if len({repr(value) for value in values}) < len(values):
        raise ValueError("the same thing is listed twice")
    return values


Waivers = Annotated[
    tuple[Waiver, ...],
    Field(description="Deviations and findings that are let pass for a while; expired ones count again."),
]
UnmanagedRules = Annotated[
    tuple[UnmanagedRule, ...],
    Field(
        description="What plan, apply and drift pass over although this playbook would have it otherwise. "
        "doctor still tells of it, and --fix does not repair it."
    ),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
Email = Annotated[str, StringConstraints(pattern=_EMAIL, max_length=254)]
Port = Annotated[int, Field(ge=1, le=65535)]
Endpoint = Annotated[str, AfterValidator(https_url)]


class PrincipalEntry(Model):
    """A group or a user, by name or by id."""

    name: Name | None = Field(default=None, description="Name of a group; sign-in name of a user.")
    id: str | None = Field(default=None, description="Its id; always unambiguous.")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.name is None) == (self.id is None):
            raise ValueError("expected exactly one of: name, id")
        return self

    @property
    def key(self) -> str:
        return self.name or str(self.id)


class SafetySection(Model):
    """Limits within which apply may act without being told otherwise."""

    max_removals: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.3, description="Largest share of the existing assignments that one run may remove."
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
    """What every playbook begins with."""

    deferred_keys: ClassVar[frozenset[tuple[str, ...]]] = frozenset()
    """Keys whose variables may be missing: a person brings them back from the Kiro console. ``*`` is any one step."""
    reference_only_keys: ClassVar[frozenset[tuple[str, ...]]] = frozenset(REFERENCE_ONLY_KEYS)
    """Keys whose values are references, never written in the playbook itself."""
    default_variables: ClassVar[Mapping[str, str]] = {}
    """What the shipped playbooks call the variables of these keys."""
    federated_sign_in: ClassVar[Mapping[str, FederatedSignIn]] = {}
    """By ``connection.cloud``, the default first. Empty: pipelines sign in with the playbook's variables and secrets."""
    version: Literal[1] = Field(description="Version of the playbook format.")
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?$")] = Field(
        description="Stable name of the integration; it marks the remote objects. "
        "Lower-case letters, digits and hyphens, at most 48."
    )

    _awaited: dict[str, str] = PrivateAttr(default_factory=dict)

    def with_deferred_variables(self, variables: Mapping[str, str]) -> Self:
        """This playbook, knowing which variables its late keys refer to.

        Args:
            variables: names of environment variables by key, such as ``scim.token``.
        """
        copy = self.model_copy()
        copy._awaited = dict(variables)  # noqa: SLF001 - of the same class
        return copy

    def deferred_variable(self, key: str) -> str:
        """The variable that a late key refers to; the shipped playbooks' name for one that refers to none."""
        return self._awaited.get(key) or self.default_variables.get(key, "")

    def location_of(self, section: str, address: str) -> tuple[str | int, ...]:
        """Path of the playbook key that asks for a resource, such as ``("groups", 0)``.

        Args:
            section: the top-level key that asks for its kind; empty when no key does.
            address: of the resource.
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
        """What tells that a remote object is this playbook's."""
        return f"provisioner-{self.name}"
