"""Which application, group or user a playbook means. Pure functions.

Display names are not unique in Entra: a single match is adopted, several are refused. An application with the
playbook's marker or pinned client id is preferred to one that only has the name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from provisioner.core.resource import Observation
from provisioner.core.snapshot import Problem, ProblemKind
from provisioner.providers.base.lookup import Match, ambiguous, match_one, missing_pinned
from provisioner.providers.base.playbook_models import PrincipalEntry
from provisioner.providers.base.wire import Json, parse_resource

from .observations import OrphanedApplication, OtherApplication
from .playbook import EntraPlaybook
from .resources import Application, Group, User

P = TypeVar("P", bound=Group | User)


def provisional_prefix(playbook: EntraPlaybook) -> str:
    """The beginning of the name that a new application has until it gets its marker and its real name."""
    return f"{playbook.tag}:new:"


def match_application(
    playbook: EntraPlaybook, applications: Iterable[Json], owned: Sequence[Json]
) -> Match[Observation]:
    """The application that a playbook means.

    Args:
        playbook: the playbook.
        applications: every Graph application that was found, each once.
        owned: those that were found by pinned client id, by marker, or by the hint of this machine, in this order.
    """
    owned_ids = {data["id"] for data in owned}
    prefix = provisional_prefix(playbook)
    orphaned: list[Json] = []
    named: list[Json] = []
    for data in sorted(applications, key=lambda data: (str(data.get("createdDateTime")), str(data["id"]))):
        if data["id"] not in owned_ids:
            (orphaned if str(data.get("displayName")).startswith(prefix) else named).append(data)
    problem = _pin_problem(playbook, owned)
    chosen = next(iter(owned), None)
    if chosen is None and not problem:
        if orphaned:
            chosen = orphaned.pop(0)
        elif named and not (problem := _adoption_problem(playbook, named)):
            chosen = named.pop(0)
    others = (
        *(parse_resource(OrphanedApplication, data["id"], data) for data in orphaned),
        *(parse_resource(OtherApplication, data["id"], data) for data in named),
    )
    return Match(None if problem else chosen, others, problem)


def match_principal(entry: PrincipalEntry, kind: type[P], candidates: list[Json]) -> P | Problem:
    """The group or user that a playbook entry means, or why it is not clear which one is meant.

    Args:
        entry: the playbook entry.
        kind: :class:`.resources.Group` or :class:`.resources.User`.
        candidates: the Graph objects with this name or id.
    """
    match = match_one(
        f"{kind.kind}/{entry.key}",
        entry.key,
        candidates,
        "the tenant",
        lambda data: str(data.get("displayName")),
    )
    return match if isinstance(match, Problem) else parse_resource(kind, entry.key, match)


def _pin_problem(playbook: EntraPlaybook, owned: Sequence[Json]) -> Problem | None:
    """Why the pinned client id cannot be used: it does not exist, or the marker is on another application."""
    pinned = playbook.application.client_id
    if pinned is None:
        return None
    address = f"{Application.kind}/{playbook.name}"
    if all(data["appId"] != pinned for data in owned):
        return missing_pinned(address, "application", f"client id {pinned}", "application: client_id")
    marked = next((data for data in owned if data.get("uniqueName") == playbook.marker), None)
    if marked and marked["appId"] != pinned:
        return Problem(
            kind=ProblemKind.AMBIGUOUS,
            address=address,
            message=f"the playbook pins the client id {pinned}, but its marker is on {marked['appId']}",
            hint="correct application: client_id:, or change name: in the playbook",
        )
    return None


def _adoption_problem(playbook: EntraPlaybook, named: list[Json]) -> Problem | None:
    """Why the applications with the playbook's display name cannot be adopted."""
    address = f"{Application.kind}/{playbook.name}"
    name, marker = playbook.display_name, named[0].get("uniqueName")
    candidates = tuple(f"client_id: {data['appId']}  created {data.get('createdDateTime')}" for data in named)
    if len(named) > 1:
        hint = "name the right one with application: client_id: in the playbook"
        return ambiguous(address, "applications", name, hint, candidates)
    if marker and marker != playbook.marker:
        return Problem(
            kind=ProblemKind.UNUSABLE,
            address=address,
            message=f"the application {name!r} has another owner: its uniqueName is {marker!r}",
            hint="choose another display_name, or use the playbook that created it",
            candidates=candidates,
        )
    return None
