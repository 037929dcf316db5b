"""Which remote object a playbook means. Pure decisions on what was found.

Labels and names are not unique in Okta: one exact match is adopted, several are refused with their ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from provisioner.core.snapshot import Problem, ProblemKind
from provisioner.providers.base.lookup import match_one

from . import resources as kinds
from .resources import Json

_PLACE = "the organization"
_GROUPS_OF_APPS = "APP_GROUP"
_NOTES = re.compile(r"(provisioner-[a-z0-9-]+)")
_DESCRIPTION = re.compile(r"Sign-in to Kiro \((provisioner-[a-z0-9-]+)\)")


@dataclass(frozen=True)
class Choice:
    """What is meant, and what else bears the same name.

    Attributes:
        chosen: Okta's object, or None when there is none, or no telling which.
        others: of the same label.
        problem: why there is no telling.
    """

    chosen: Json | None = None
    others: tuple[Json, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True)
class Sought:
    """How a playbook names an object.

    Attributes:
        address: of the resource.
        what: its kind in words.
        name: its label or name.
        key: where the playbook pins it by its id.
        pinned: the id, if it does.
        marker: what this playbook's own objects carry.
        made_from: the catalogue's key of what is meant, where an id may be something else's.
    """

    address: str
    what: str
    name: str
    key: str
    pinned: str | None = None
    marker: str = ""
    made_from: str | None = None


def choose(sought: Sought, found: Sequence[Json], named: Callable[[Json], str]) -> Choice:
    """Which of the found objects is meant: by id, by name, else, when it was renamed, the one that carries our marker.

    One that carries another playbook's marker never is.

    Args:
        sought: what the playbook says.
        found: every object that may be meant; of a pinned one only itself.
        named: its label or name.
    """
    choice = _chosen(sought, found, named)
    made_from = choice.chosen.get("name") if choice.chosen else None
    if choice.chosen and sought.made_from not in (None, made_from):
        return Choice(None, (), _of_another_kind(sought, str(made_from)))
    owner = owner_of(choice.chosen) if choice.chosen else None
    if choice.chosen is None or owner in (None, sought.marker):
        return choice
    problem = Problem(
        kind=ProblemKind.UNUSABLE,
        address=sought.address,
        message=f"the {sought.what} {named(choice.chosen)!r} is another playbook's: it carries the marker {owner}",
        hint="give it another name in this playbook, or use the playbook that made it",
        candidates=(f"id: {choice.chosen['id']}",),
    )
    return Choice(None, (choice.chosen,), problem)


def _of_another_kind(sought: Sought, made_from: str) -> Problem:
    return Problem(
        kind=ProblemKind.UNUSABLE,
        address=sought.address,
        message=f"{sought.pinned} is no {sought.what}: it is {made_from!r}",
        hint=f"correct {sought.key}: in the playbook",
    )


def owner_of(data: Json) -> str | None:
    """The marker in an application's notes or in an authorization server's description."""
    notes = (data.get("settings") or {}).get("notes") or {}
    told = _NOTES.fullmatch(str(notes.get("admin")))
    match = told or _DESCRIPTION.fullmatch(str(data.get("description")))
    return match[1] if match else None


def _chosen(sought: Sought, found: Sequence[Json], named: Callable[[Json], str]) -> Choice:
    if sought.pinned:
        match = next((data for data in found if data["id"] == sought.pinned), None)
        problem = Problem(
            kind=ProblemKind.MISSING,
            address=sought.address,
            message=f"there is no {sought.what} with the id {sought.pinned}",
            hint=f"correct {sought.key}: in the playbook, or leave it out",
        )
        return Choice(match, (), None if match else problem)
    of_kind = [data for data in found if sought.made_from in (None, data.get("name"))]
    exact = [data for data in of_kind if named(data) == sought.name]
    if not exact:
        ours = [data for data in of_kind if sought.marker and owner_of(data) == sought.marker]
        return Choice(ours[0] if len(ours) == 1 else None)
    if len(exact) == 1:
        return Choice(exact[0])
    return Choice(
        None,
        tuple(exact),
        Problem(
            kind=ProblemKind.AMBIGUOUS,
            address=sought.address,
            message=f"{len(exact)} {sought.what}s are called {sought.name!r}",
            hint=f"say which one with {sought.key}: in the playbook",
            candidates=tuple(
                f"id: {data['id']}  {data.get('status')}  created {data.get('created')}" for data in exact
            ),
        ),
    )


def absent(sought: Sought) -> Problem:
    """That nothing has this name."""
    return Problem(
        kind=ProblemKind.MISSING,
        address=sought.address,
        message=f"there is no {sought.what} {sought.name!r} in the organization",
        hint=f"create it, or correct {sought.key}: in the playbook",
    )


def group_of(key: str, by_id: bool, found: Iterable[Json], pushed_by: Iterable[str]) -> Json | Problem:
    """The group that is meant, or why there is no telling.

    Pushing a group makes another one of the same name, which belongs to the application; that one is not meant.

    Args:
        key: its name or id.
        by_id: it is its id.
        found: what Okta found.
        pushed_by: ids of the applications that push.
    """
    apps = set(pushed_by)
    named = [
        data
        for data in found
        if (data["id"] if by_id else (data.get("profile") or {}).get("name")) == key
        and (data.get("source") or {}).get("id") not in apps
    ]
    own = [data for data in named if data.get("type") != _GROUPS_OF_APPS]
    address = f"{kinds.Group.kind}/{key}"
    return match_one(address, key, own or named, _PLACE, lambda match: str(match.get("type")))


def user_of(key: str, found: Iterable[Json]) -> Json | Problem:
    """The user that is meant, or why there is none."""
    address = f"{kinds.User.kind}/{key}"
    return match_one(address, key, list(found), _PLACE, lambda match: str(match.get("status")))
