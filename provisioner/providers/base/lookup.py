"""The remote object that a playbook means, among the objects that were found. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from provisioner.core.resource import Address, Resource
from provisioner.core.snapshot import Problem, ProblemKind

from .wire import Json

O = TypeVar("O")  # noqa: E741 - a type


@dataclass(frozen=True)
class Match(Generic[O]):
    """The object that a playbook means.

    Attributes:
        chosen: the vendor's object; None when there is none, or when it is not clear which one is meant.
        others: further objects that were found.
        problem: why it is not clear which object is meant, or why it cannot be used.
    """

    chosen: Json | None = None
    others: tuple[O, ...] = ()
    problem: Problem | None = None


def match_one(
    address: Address, key: str, candidates: Sequence[Json], place: str, describe: Callable[[Json], str]
) -> Json | Problem:
    """The only candidate for a group or user, or why it is not clear which one is meant.

    Args:
        address: address of the resource, ``<provider>-group/...`` or ``<provider>-user/...``.
        key: its name or id in the playbook.
        candidates: the vendor's objects with this name or id.
        place: where they were searched, such as ``the tenant``.
        describe: describes a candidate in a few words.
    """
    noun = _noun(address)
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        return Problem(
            kind=ProblemKind.MISSING,
            address=address,
            message=f"there is no {noun} {key!r} in {place}",
            hint=f"create it, or correct {noun}s: in the playbook",
        )
    return ambiguous(
        address,
        f"{noun}s",
        key,
        f"name the right one by its id: in the playbook's {noun}s",
        [f"id: {candidate['id']}  {describe(candidate)}" for candidate in candidates],
    )


def ambiguous(address: Address, nouns: str, name: str, hint: str, candidates: Sequence[str]) -> Problem:
    """Several objects have the same name.

    Args:
        address: address of the resource.
        nouns: what they are, in the plural.
        name: their name.
        hint: how to choose one.
        candidates: one line for each.
    """
    return Problem(
        kind=ProblemKind.AMBIGUOUS,
        address=address,
        message=f"{len(candidates)} {nouns} are called {name!r}",
        hint=hint,
        candidates=tuple(candidates),
    )


def missing_pinned(address: Address, noun: str, identifier: str, key: str) -> Problem:
    """The object that the playbook pins does not exist.

    Args:
        address: address of the resource.
        noun: what it is.
        identifier: name and value of the identifier: ``client id 18d14569-...``.
        key: the playbook key that pins it: ``application: client_id``.
    """
    return Problem(
        kind=ProblemKind.MISSING,
        address=address,
        message=f"there is no {noun} with the {identifier}",
        hint=f"correct {key}: in the playbook, or leave it out",
    )


def duplicate_entries(resources: Iterable[Resource], *kinds: type[Resource]) -> Iterator[Problem]:
    """Groups or users that the playbook lists twice, by name and by id.

    Args:
        resources: resources of any kind.
        kinds: the kinds to compare; they have a field ``id``.
    """
    first: dict[str | None, Resource] = {}
    for resource in resources:
        if not isinstance(resource, kinds):
            continue
        same = first.setdefault(getattr(resource, "id", None), resource)
        if same.address != resource.address:
            yield Problem(
                kind=ProblemKind.AMBIGUOUS,
                address=resource.address,
                message=f"{same.key!r} and {resource.key!r} are the same {_noun(resource.address)}",
                hint="list it once in the playbook",
            )


def _noun(address: Address) -> str:
    return address.partition("/")[0].partition("-")[2]
