"""What a playbook leaves alone although it would have it otherwise. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from .resource import KINDS, Address, Model, Resource

ShortText = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


class LeftAlone(Model):
    """A resource, or some of its fields, that plan and apply pass over. Checks still look at it."""

    on: ShortText = Field(
        description="Address of the resource as plan shows it, such as entra-application/kiro; * stands for anything."
    )
    fields: tuple[ShortText, ...] = Field(
        default=(),
        description="Only these fields of it, once it exists. Absent: all of it, neither made nor changed nor removed.",
    )

    @model_validator(mode="after")
    def _about_something_known(self) -> Self:
        refuse_unknown(self.on, self.fields)
        return self

    def covers(self, address: Address) -> bool:
        """Whether it is about a resource."""
        return matches(self.on, address)


def refuse_unknown(on: str, fields: Iterable[str]) -> None:
    """Of a misspelt kind or field nothing would ever be meant.

    Args:
        on: an address, in which ``*`` stands for anything.
        fields: of such resources.

    Raises:
        ValueError: no resource is of such a kind, or none of these has such a field.
    """
    wanted = on.partition("/")[0]
    kinds = [kind for name, kind in KINDS.items() if matches(wanted, name)]
    if not kinds:
        raise ValueError(f"no resource is a {wanted!r}{instead(wanted, KINDS)}")
    known = {field for kind in kinds for field in kind.managed()}
    for field in fields:
        if field not in known:
            raise ValueError(f"{wanted} has no field {field!r}{instead(field, known)}")


def matches(pattern: str, address: Address) -> bool:
    """Whether an address is meant; ``*``, ``?`` and ``[...]`` stand for anything, one character, and one of these."""
    return fnmatchcase(address, pattern)


def left_whole(left_alone: Iterable[LeftAlone], address: Address) -> bool:
    """Whether nothing of a resource is to be touched."""
    return any(one.covers(address) and not one.fields for one in left_alone)


def managed(
    resources: Iterable[Resource], left_alone: Collection[LeftAlone], there: Collection[Address]
) -> Iterator[Resource]:
    """What is wanted, without what is left alone. A resource that has yet to be made keeps its fields.

    Args:
        resources: as they are wanted.
        left_alone: what to pass over.
        there: addresses of what exists.
    """
    for resource in resources:
        address = resource.address
        if left_whole(left_alone, address):
            continue
        passed = {field for one in left_alone if one.covers(address) for field in one.fields}
        passed &= resource.managed().keys()
        if passed and address in there:
            yield resource.model_copy(update=dict.fromkeys(passed))
        else:
            yield resource


def idle(left_alone: Iterable[LeftAlone], addresses: Collection[Address]) -> Iterator[LeftAlone]:
    """What is said of nothing: neither is it wanted, nor is it there."""
    return (one for one in left_alone if not any(one.covers(address) for address in addresses))


def instead(name: str, known: Iterable[str]) -> str:
    """What may have been meant by a name that is not known; empty if nothing is like it."""
    names = list(known)
    longer = [one for one in names if one.startswith(name)]
    close = longer or difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
