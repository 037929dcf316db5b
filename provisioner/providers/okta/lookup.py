"""Which of Okta's objects a playbook means. Pure decisions on what Okta returned.

Labels and names are not unique in Okta: one exact match is adopted, several are refused and listed with their ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from provisioner.core.snapshot import Problem, ProblemKind
from provisioner.providers.base.lookup import Match, match_one
from provisioner.providers.base.wire import Json

from . import resources as kinds

_PLACE: Final = "the organization"
_APP_GROUP: Final = "APP_GROUP"
_NOTES: Final = re.compile(r"(provisioner-[a-z0-9-]+)")
_DESCRIPTION: Final = re.compile(r"Sign-in to Kiro \((provisioner-[a-z0-9-]+)\)")


@dataclass(frozen=True)
class Selector:
    """How a playbook identifies an object.

    Attributes:
        address: address of the resource.
        noun: its kind in words.
        name: its label or name.
        key: the playbook key that pins it by id.
        id: that id, if the playbook has it.
        marker: the marker on objects of this playbook.
        catalog_key: the catalog's key of the application; an id may be that of a different application.
    """

    address: str
    noun: str
    name: str
    key: str
    id: str | None = None
    marker: str = ""
    catalog_key: str | None = None


def match_object(selector: Selector, objects: Sequence[Json], name_of: Callable[[Json], str]) -> Match[Json]:
    """The object that the playbook means: by id, else by name, else, if it was renamed, by the playbook's marker.

    An object with the marker of another playbook is a problem.

    Args:
        selector: how the playbook identifies the object.
        objects: the candidates; with an id, at most the object of this id.
        name_of: returns the label or name of an object.
    """
    match = _match_id(selector, objects) if selector.id else _match_name(selector, objects, name_of)
    if match.chosen is None:
        return match
    if selector.catalog_key not in (None, match.chosen.get("name")):
        return Match(
            problem=_problem(
                selector,
                ProblemKind.UNUSABLE,
                f"{selector.id} is not the {selector.noun}: it is {match.chosen.get('name')!r}",
                f"correct {selector.key}: in the playbook",
            )
        )
    owner = marker_of(match.chosen)
    if owner in (None, selector.marker):
        return match
    problem = _problem(
        selector,
        ProblemKind.UNUSABLE,
        f"the {selector.noun} {name_of(match.chosen)!r} belongs to another playbook: it carries the marker {owner}",
        "use another name in this playbook, or use the playbook that created it",
        candidates=(f"id: {match.chosen['id']}",),
    )
    return Match(others=(match.chosen,), problem=problem)


def _match_id(selector: Selector, objects: Sequence[Json]) -> Match[Json]:
    match = next((data for data in objects if data["id"] == selector.id), None)
    if match is not None:
        return Match(match)
    return Match(
        problem=_problem(
            selector,
            ProblemKind.MISSING,
            f"there is no {selector.noun} with the id {selector.id}",
            f"correct {selector.key}: in the playbook, or remove it",
        )
    )


def _match_name(selector: Selector, objects: Sequence[Json], name_of: Callable[[Json], str]) -> Match[Json]:
    of_kind = [data for data in objects if selector.catalog_key in (None, data.get("name"))]
    exact = [data for data in of_kind if name_of(data) == selector.name]
    if not exact:
        marked = [data for data in of_kind if selector.marker and marker_of(data) == selector.marker]
        return Match(marked[0] if len(marked) == 1 else None)
    if len(exact) == 1:
        return Match(exact[0])
    problem = _problem(
        selector,
        ProblemKind.AMBIGUOUS,
        f"{len(exact)} {selector.noun}s are called {selector.name!r}",
        f"select one with {selector.key}: in the playbook",
        candidates=tuple(
            f"id: {data['id']}  {data.get('status')}  created {data.get('created')}" for data in exact
        ),
    )
    return Match(others=tuple(exact), problem=problem)


def missing_object(selector: Selector) -> Problem:
    """The problem that no object has the name."""
    return _problem(
        selector,
        ProblemKind.MISSING,
        f"there is no {selector.noun} {selector.name!r} in {_PLACE}",
        f"create it, or correct {selector.key}: in the playbook",
    )


def marker_of(data: Json) -> str | None:
    """The marker in an application's notes or in an authorization server's description."""
    notes = (data.get("settings") or {}).get("notes") or {}
    match = _NOTES.fullmatch(str(notes.get("admin"))) or _DESCRIPTION.fullmatch(str(data.get("description")))
    return match[1] if match else None


def match_group(
    key: str, objects: Iterable[Json], pushed_by: Iterable[str], *, by_id: bool
) -> Json | Problem:
    """The group that the playbook means, or why it cannot be determined.

    A group push creates a group of the same name that belongs to the application. The playbook does not mean that one.

    Args:
        key: the group's name or id in the playbook.
        objects: groups that Okta returned.
        pushed_by: ids of the applications that push groups.
        by_id: the key is an id.
    """
    pushing = set(pushed_by)
    groups = [
        data
        for data in objects
        if (data["id"] if by_id else (data.get("profile") or {}).get("name")) == key
        and (data.get("source") or {}).get("id") not in pushing
    ]
    preferred = [data for data in groups if data.get("type") != _APP_GROUP] or groups
    address = f"{kinds.Group.kind}/{key}"
    return match_one(address, key, preferred, _PLACE, lambda group: str(group.get("type")))


def match_user(key: str, objects: Iterable[Json]) -> Json | Problem:
    """The user that the playbook means, or why it cannot be determined."""
    address = f"{kinds.User.kind}/{key}"
    return match_one(address, key, list(objects), _PLACE, lambda user: str(user.get("status")))


def _problem(
    selector: Selector, kind: ProblemKind, message: str, hint: str, *, candidates: tuple[str, ...] = ()
) -> Problem:
    return Problem(kind=kind, address=selector.address, message=message, hint=hint, candidates=candidates)
