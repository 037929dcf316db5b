"""Keys that the playbooks of every provider have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PrivateAttr, StringConstraints, model_validator

from provisioner.core.deviation import Waiver
from provisioner.core.leaving import LeftAlone
from provisioner.core.resource import Model

from .dns.keys import REFERRED

LOOPBACK_HOSTS: Final = ("127.0.0.1", "localhost", "::1")

_EMAIL = r"^[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+$"


def https(value: str) -> str:
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


def distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
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
LeaveAlone = Annotated[
    tuple[LeftAlone, ...],
    Field(
        description="What plan, apply and drift pass over although this playbook would have it otherwise. "
        "doctor still tells of it, and --fix does not repair it."
    ),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
Email = Annotated[str, StringConstraints(pattern=_EMAIL, max_length=254)]
Port = Annotated[int, Field(ge=1, le=65535)]
Endpoint = Annotated[str, AfterValidator(https)]


class PrincipalKeys(Model):
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


class SafetyKeys(Model):
    """Limits within which apply may act without being told otherwise."""

    max_removals: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.3, description="Largest share of the existing assignments that one run may remove."
    )


class IntegrationPlaybook(Model):
    """What every playbook begins with."""

    late: ClassVar[frozenset[tuple[str, ...]]] = frozenset()
    """Keys whose variables may be missing: a person brings them back from the Kiro console. ``*`` is any one step."""
    referred: ClassVar[frozenset[tuple[str, ...]]] = frozenset(REFERRED)
    """Keys whose values are references, never written in the playbook itself."""
    variables: ClassVar[Mapping[str, str]] = {}
    """What the shipped playbooks call the variables of these keys."""
    places: ClassVar[Mapping[str, str]] = {}
    """The key that asks for resources of a kind, by kind; for a list, its entry is the one of the resource's key."""

    version: Literal[1] = Field(description="Version of the playbook format.")
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?$")] = Field(
        description="Stable name of the integration; it marks the remote objects. "
        "Lower-case letters, digits and hyphens, at most 48."
    )

    _awaited: dict[str, str] = PrivateAttr(default_factory=dict)

    def awaiting(self, variables: Mapping[str, str]) -> Self:
        """This playbook, knowing which variables its late keys refer to.

        Args:
            variables: names of environment variables by key, such as ``scim.token``.
        """
        copy = self.model_copy()
        copy._awaited = dict(variables)  # noqa: SLF001 - of the same class
        return copy

    def awaited(self, key: str) -> str:
        """The variable that a late key refers to; the shipped playbooks' name for one that refers to none."""
        return self._awaited.get(key) or self.variables.get(key, "")

    def place(self, address: str) -> tuple[str | int, ...]:
        """Where the playbook asks for a resource, as far as that can be told: ``("groups", 0)``."""
        kind, _, key = address.partition("/")
        section = self.places.get(kind)
        if section is None:
            return ()
        listed = getattr(self, section, None)
        if not isinstance(listed, tuple):
            return (section,)
        keys = [str(entry.key) for entry in listed]
        return (section, keys.index(key)) if key in keys else (section,)

    @property
    def marker(self) -> str:
        """What tells that a remote object is this playbook's."""
        return f"provisioner-{self.name}"
