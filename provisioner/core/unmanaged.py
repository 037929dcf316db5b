"""Unmanaged rules: resources and fields that a playbook excludes from plans. Checks still see them."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from .resource import KINDS, Address, Model, Resource

ShortText = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


class UnmanagedRule(Model):
    """One entry of the playbook's ``unmanaged:`` list: a resource, or some fields of it."""

    resource: ShortText = Field(
        description="Address of the resource as plan shows it, such as entra-application/kiro; * matches anything."
    )
    fields: tuple[ShortText, ...] = Field(
        default=(),
        description="Excluded fields, once the resource exists. Absent: the whole resource is excluded; "
        "it is not created, changed or deleted.",
    )

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        check_known(self.resource, self.fields)
        return self

    def covers(self, address: Address) -> bool:
        """Whether the rule matches a resource."""
        return address_matches(self.resource, address)


def check_known(pattern: str, fields: Iterable[str]) -> None:
    """Raise if no resource can match, which is probably a typo.

    Args:
        pattern: an address, in which ``*`` matches anything.
        fields: fields of the matching resources.

    Raises:
        ValueError: no kind matches, or no matching kind has one of the fields.
    """
    kind_pattern = pattern.partition("/")[0]
    kinds = [kind for name, kind in KINDS.items() if address_matches(kind_pattern, name)]
    if not kinds:
        raise ValueError(f"no kind of resource is called {kind_pattern!r}{suggestion(kind_pattern, KINDS)}")
    known = {field for kind in kinds for field in kind.writable_fields()}
    for field in fields:
        if field not in known:
            raise ValueError(f"{kind_pattern} has no field {field!r}{suggestion(field, known)}")


def address_matches(pattern: str, address: Address) -> bool:
    """Whether a shell-style pattern (``*``, ``?``, ``[...]``) matches an address."""
    return fnmatchcase(address, pattern)


def is_unmanaged(rules: Iterable[UnmanagedRule], address: Address) -> bool:
    """Whether the rules exclude the whole resource."""
    return any(rule.covers(address) and not rule.fields for rule in rules)


def without_unmanaged(
    resources: Iterable[Resource], rules: Collection[UnmanagedRule], existing: Collection[Address]
) -> Iterator[Resource]:
    """The desired resources without what the rules exclude.

    Args:
        resources: the desired resources.
        rules: the playbook's unmanaged rules.
        existing: addresses of existing resources. A resource that is still to be created keeps all its fields.
    """
    for resource in resources:
        address = resource.address
        if is_unmanaged(rules, address):
            continue
        excluded = {field for rule in rules if rule.covers(address) for field in rule.fields}
        excluded &= resource.writable_fields().keys()
        if excluded and address in existing:
            yield resource.model_copy(update=dict.fromkeys(excluded))
        else:
            yield resource


def unused_rules(rules: Iterable[UnmanagedRule], addresses: Collection[Address]) -> Iterator[UnmanagedRule]:
    """Rules that match no desired and no existing resource: probably a typo."""
    return (rule for rule in rules if not any(rule.covers(address) for address in addresses))


def suggestion(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the closest known name, or an empty string."""
    names = list(known)
    longer = [candidate for candidate in names if candidate.startswith(name)]
    close = longer or difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
