"""Which group or user a playbook means, among those that were found. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from provisioner.core.resource import Resource
from provisioner.core.snapshot import Problem, ProblemKind

Json = dict[str, Any]


def match_one(
    address: str, key: str, matches: Sequence[Json], place: str, described: Callable[[Json], str]
) -> Json | Problem:
    """The one that was found, or why there is no telling.

    Args:
        address: of the resource, ``<provider>-group/...`` or ``<provider>-user/...``.
        key: its name or id in the playbook.
        matches: what was found.
        place: where it was looked for, such as ``the tenant``.
        described: one candidate in a few words.
    """
    what = _what(address)
    if len(matches) == 1:
        return matches[0]
    if not matches:
        return Problem(
            kind=ProblemKind.MISSING,
            address=address,
            message=f"there is no {what} {key!r} in {place}",
            hint=f"create it, or correct {what}s: in the playbook",
        )
    return Problem(
        kind=ProblemKind.AMBIGUOUS,
        address=address,
        message=f"{len(matches)} {what}s are called {key!r}",
        hint=f"name the right one by its id: in the playbook's {what}s",
        candidates=tuple(f"id: {match['id']}  {described(match)}" for match in matches),
    )


def duplicate_names(found: Iterable[Resource], *kinds: type[Resource]) -> Iterator[Problem]:
    """Groups or users that the playbook names twice, by name and by id.

    Args:
        found: resources that were found.
        kinds: those that count; they have an ``id``.
    """
    first: dict[str | None, Resource] = {}
    for resource in found:
        if not isinstance(resource, kinds):
            continue
        other = first.setdefault(getattr(resource, "id", None), resource)
        if other.address != resource.address:
            yield Problem(
                kind=ProblemKind.AMBIGUOUS,
                address=resource.address,
                message=f"{other.key!r} and {resource.key!r} are the same {_what(resource.address)}",
                hint="list it once in the playbook",
            )


def _what(address: str) -> str:
    return address.partition("/")[0].partition("-")[2]
