"""Resources: what is, or should be, at the other end.

One frozen model per kind of remote object. The same model describes a *desired* resource (from a playbook or a
check's fix) and an *observed* one (read from the tenant). In a desired resource ``None`` means "not managed":
nobody wrote it, so nobody changes it; an empty tuple means "none".

How a field is compared and written is said once, by a mark in its annotation::

    redirect_uris: Annotated[tuple[str, ...] | None, UNORDERED] = None
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, SecretStr, SerializeAsAny
from pydantic.fields import FieldInfo

Address = str
"""``kind/key``: the name of a resource in plans and reports."""


@dataclass(frozen=True)
class Mark:
    """How a field is compared and written. Use the constants below."""

    name: str


READ_ONLY = Mark("observed")
"""Only ever read: identifiers, counters."""
UNORDERED = Mark("unordered")
"""A collection whose order means nothing."""
CONTAINS = Mark("contains")
"""A collection that must hold the desired elements; others are left alone."""
CREATE_ONLY = Mark("create only")
"""Written when the resource is created, ignored afterwards."""
IMMUTABLE = Mark("immutable")
"""Cannot be changed once it has a value: a difference means replacing the resource, which a guard refuses."""
SECRET = Mark("secret")
"""Never shown, never stored."""
SECURITY = Mark("security")
"""What it is decides who gets in, or where data goes: another value is more than a matter of taste."""

PERSONAL_DATA = Mark("personal")
"""The name of a person, or several; taken out of what is given away."""
MAY_NAME_PEOPLE = Mark("mentions")
"""A vendor's own words, which may name people."""


@dataclass(frozen=True)
class KEYED:
    """A collection of models merged by one of their fields.

    Elements that are not desired stay, except those that say ``owned=True``: this product made them.
    """

    by: str


class Model(BaseModel):
    """A frozen model that refuses unknown members."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Reference(Model):
    """A value that is known only once another resource exists.

    Args:
        address: the resource that has it.
        field: which of its fields.
        form: how the value is used, ``{}`` standing for it.
    """

    address: Address
    field: str
    template: str = "{}"

    def __str__(self) -> str:
        return self.template.format(f"({self.field} of {self.address}, known after apply)")


class WriteOnlySecret(Model):
    """What can be known of a secret that cannot be read back.

    ``fingerprint`` is a salted digest of the value this machine last wrote, or None when it never wrote one.
    """

    fingerprint: str | None = None

    def matches(self, value: str) -> bool | None:
        """True or False when that can be told, None when it cannot."""
        if self.fingerprint is None:
            return None
        salt, _, digest = self.fingerprint.partition("$")
        try:
            return hmac.compare_digest(_digest(salt, value), digest)
        except ValueError:  # a damaged note tells nothing
            return None

    @classmethod
    def of(cls, value: str) -> Self:
        salt = secrets.token_hex(16)
        return cls(fingerprint=f"{salt}${_digest(salt, value)}")


def _digest(salt: str, value: str) -> str:
    return hashlib.scrypt(value.encode(), salt=bytes.fromhex(salt), n=2**12, r=8, p=1).hex()


T = TypeVar("T")
Text = str | Reference
Secret = SecretStr | WriteOnlySecret


class Resource(Model):
    """One remote object.

    Attributes:
        kind: the kind of object, unique across providers.
        key: its stable name within the kind.
        after: addresses that must be right before this one is written.
        admits: being there lets somebody in, or gives somebody data.
    """

    kind: ClassVar[str] = ""
    read_only: ClassVar[bool] = False
    grants_access: ClassVar[bool] = False
    key: str
    depends_on: Annotated[tuple[Address, ...], READ_ONLY] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.kind and KINDS.setdefault(cls.kind, cls).__qualname__ != cls.__qualname__:
            raise TypeError(f"two resource kinds are called {cls.kind}")

    @property
    def address(self) -> Address:
        return f"{self.kind}/{self.key}"

    @classmethod
    @cache
    def managed_fields(cls) -> dict[str, FieldInfo]:
        """The fields that can be desired, by name, in the order they are declared."""
        return {
            name: info
            for name, info in cls.model_fields.items()
            if name != "key" and READ_ONLY not in info.metadata and not cls.read_only
        }

    def references(self) -> tuple[Reference, ...]:
        """References that are not resolved yet."""
        return tuple(_refs_in([getattr(self, name) for name in type(self).model_fields]))


class Observation(Resource):
    """Something that is only read, for checks. Playbooks cannot describe it; plans and comparisons ignore its fields."""

    read_only: ClassVar[bool] = True


KINDS: dict[str, type[Resource]] = {}
"""Every kind of resource whose module has been imported, so that a saved snapshot can be read again."""

AnyResource = SerializeAsAny[Resource]


def _refs_in(value: Any) -> list[Reference]:
    if isinstance(value, Reference):
        return [value]
    if isinstance(value, tuple | list):
        return [ref for element in value for ref in _refs_in(element)]
    if isinstance(value, Model):
        return [ref for name in type(value).model_fields for ref in _refs_in(getattr(value, name))]
    return []


def resolve(value: T, known: Mapping[Address, Resource]) -> T:
    """The same value with every reference replaced whose resource, and field, is known."""
    return _resolve(value, known)  # type: ignore[no-any-return]


def _resolve(value: Any, known: Mapping[Address, Resource]) -> Any:
    if isinstance(value, Reference):
        found = getattr(known.get(value.address), value.field, None)
        return value if found is None else value.template.format(found)
    if isinstance(value, tuple):
        return tuple(_resolve(element, known) for element in value)
    if isinstance(value, Model):
        changed = {
            name: new
            for name in type(value).model_fields
            if (new := _resolve(old := getattr(value, name), known)) is not old
        }
        return value.model_copy(update=changed) if changed else value
    return value
