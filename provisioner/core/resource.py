"""Resources: one frozen model per kind of remote object.

The same model describes a *desired* resource (from a playbook or the fix of a check) and an *existing* one (read from
the tenant). In a desired resource, ``None`` means that the field is not managed and stays as it is; an empty tuple
means "none".

A mark in the annotation of a field states how it is compared and written::

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
"""The name of a resource in plans and reports: ``kind/key``."""


@dataclass(frozen=True)
class Mark:
    """How a field is compared and written: one of the constants below."""

    name: str


READ_ONLY = Mark("read only")
"""Never compared and never written: the vendor sets it (identifiers, counters), or only this product uses it."""
UNORDERED = Mark("unordered")
"""A collection whose order is irrelevant."""
CONTAINS = Mark("contains")
"""A collection that must contain the desired elements; its other elements stay."""
CREATE_ONLY = Mark("create only")
"""Written when the resource is created, and never compared afterwards."""
IMMUTABLE = Mark("immutable")
"""Cannot change once it has a value. A difference replaces the resource, which a guard refuses."""
SECRET = Mark("secret")
"""Never shown and never stored."""
SECURITY = Mark("security")
"""Decides who gets access, or where data goes. Drift of this field has the category security."""

PERSONAL_DATA = Mark("personal data")
"""Names people. A scrubbed snapshot has pseudonyms instead."""
MAY_NAME_PEOPLE = Mark("may name people")
"""Text of the vendor that may name people."""


@dataclass(frozen=True)
class KeyedBy:
    """Marks a collection of models that are matched by one of their fields.

    Existing elements that are not desired stay, unless their field ``owned`` is true: this product created them, so
    they are removed.

    Attributes:
        name: the field whose value identifies an element.
    """

    name: str


class Model(BaseModel):
    """A frozen model that rejects unknown members."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Reference(Model):
    """A value that is known once another resource exists.

    Args:
        address: the other resource.
        field: its field that has the value.
        template: a format string for the value.
    """

    address: Address
    field: str
    template: str = "{}"

    def __str__(self) -> str:
        return self.template.format(f"({self.field} of {self.address}, known after apply)")


class WriteOnlySecret(Model):
    """A secret that is set and cannot be read back.

    Attributes:
        fingerprint: salted digest of the value that this machine wrote last; None if it never wrote one.
    """

    fingerprint: str | None = None

    def matches(self, value: str) -> bool | None:
        """Whether this is the value of the secret; None if unknown."""
        if self.fingerprint is None:
            return None
        salt, _, digest = self.fingerprint.partition("$")
        try:
            return hmac.compare_digest(_digest(salt, value), digest)
        except ValueError:  # a damaged fingerprint is as good as none
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
        read_only: it is only read; see :class:`Observation`.
        grants_access: its existence gives people access, or gives them data.
        key: its stable name within the kind.
        depends_on: addresses of resources that must be applied first.
    """

    kind: ClassVar[str] = ""
    read_only: ClassVar[bool] = False
    grants_access: ClassVar[bool] = False
    key: str
    depends_on: Annotated[tuple[Address, ...], READ_ONLY] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.kind and KINDS.setdefault(cls.kind, cls).__qualname__ != cls.__qualname__:
            raise TypeError(f"two kinds of resource are called {cls.kind}")

    @property
    def address(self) -> Address:
        return f"{self.kind}/{self.key}"

    @classmethod
    @cache
    def writable_fields(cls) -> dict[str, FieldInfo]:
        """The fields that a desired resource can set, by name, in the order of their declaration."""
        return {
            name: info
            for name, info in cls.model_fields.items()
            if name != "key" and READ_ONLY not in info.metadata and not cls.read_only
        }

    def references(self) -> tuple[Reference, ...]:
        """The references in its fields that are not resolved yet."""
        return tuple(_references_in([getattr(self, name) for name in type(self).model_fields]))


class Observation(Resource):
    """Something that is only read, for checks. Playbooks cannot describe it; plans and comparisons ignore its fields."""

    read_only: ClassVar[bool] = True


KINDS: dict[str, type[Resource]] = {}
"""Every kind of resource whose module is imported, by name; a saved snapshot is parsed with it."""

AnyResource = SerializeAsAny[Resource]


def _references_in(value: Any) -> list[Reference]:
    if isinstance(value, Reference):
        return [value]
    if isinstance(value, tuple | list):
        return [reference for element in value for reference in _references_in(element)]
    if isinstance(value, Model):
        return [
            reference
            for name in type(value).model_fields
            for reference in _references_in(getattr(value, name))
        ]
    return []


def resolve(value: T, known: Mapping[Address, Resource]) -> T:
    """Replace references by the values of their fields.

    Args:
        value: a reference, or a model or tuple that contains some.
        known: resources by address. References to other resources, or to fields without a value, stay.
    """
    return _resolve(value, known)  # type: ignore[no-any-return]


def _resolve(value: Any, known: Mapping[Address, Resource]) -> Any:
    if isinstance(value, Reference):
        resolved = getattr(known.get(value.address), value.field, None)
        return value if resolved is None else value.template.format(resolved)
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
