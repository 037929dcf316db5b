"""Which remote object a playbook means. Pure decisions on what was found.

Display names are not unique in Entra: one match is adopted, several are refused, and an application that carries
our marker, or was pinned by its client id, is preferred to any that only has the name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from provisioner.core.resource import Resource
from provisioner.core.snapshot import Problem, ProblemKind
from provisioner.providers.base.lookup import match_one
from provisioner.providers.base.playbook_models import PrincipalEntry

from . import observations as seen
from . import parse
from . import resources as kinds
from .playbook import EntraPlaybook
from .resources import Json


@dataclass(frozen=True)
class Choice:
    """The application a playbook means, and what else was found.

    Attributes:
        application: Graph's application, or None when there is none, or no telling which.
        others: strays of interrupted runs, and namesakes.
        problem: why there is no telling which.
    """

    application: Json | None
    others: tuple[seen.OrphanedApplication | seen.OtherApplication, ...] = ()
    problem: Problem | None = None


def provisional_prefix(playbook: EntraPlaybook) -> str:
    """The beginning of the name under which an application is created, before it is claimed and renamed."""
    return f"{playbook.tag}:new:"


def choose(playbook: EntraPlaybook, found: Iterable[Json], owned: Sequence[Json]) -> Choice:
    """Which application is meant.

    Args:
        playbook: the playbook.
        found: every application that was found in any way, without repetition.
        owned: those of them found by marker, by pinned client id, or by the id noted when it was created, in
            this order of trust.
    """
    ours = [data["id"] for data in owned]
    prefix = provisional_prefix(playbook)
    strays: list[Json] = []
    named: list[Json] = []
    for data in sorted(found, key=lambda data: (str(data.get("createdDateTime")), str(data["id"]))):
        if data["id"] not in ours:
            (strays if str(data.get("displayName")).startswith(prefix) else named).append(data)
    chosen = next(iter(owned), None)
    problem = _misplaced(playbook, owned)
    if chosen is None and strays and not problem:
        chosen = strays.pop(0)
    if chosen is None and named and not problem:
        problem = _not_adoptable(playbook, named)
        chosen = named.pop(0) if not problem else None
    return Choice(None if problem else chosen, (*map(_stray, strays), *map(_namesake, named)), problem)


def matched(
    keys: PrincipalEntry, what: str, matches: list[Json], parsed: Callable[[str, Json], Resource]
) -> Resource | Problem:
    """The group or user that is meant, or why there is no telling.

    Args:
        keys: how the playbook names it.
        what: ``group`` or ``user``.
        matches: what Graph found.
        parsed: makes the resource.
    """
    address = f"entra-{what}/{keys.key}"
    match = match_one(address, keys.key, matches, "the tenant", lambda found: str(found.get("displayName")))
    return match if isinstance(match, Problem) else parsed(keys.key, match)


def deleted(data: Json) -> seen.DeletedApplication:
    """From a Graph application in the recycle bin."""
    return seen.DeletedApplication(
        key=data["id"],
        id=data["id"],
        app_id=data.get("appId"),
        display_name=data.get("displayName"),
        unique_name=data.get("uniqueName"),
        deleted=data.get("deletedDateTime"),
    )


def user_ids(entries: list[Json]) -> list[str]:
    """The users among the members of a group."""
    return [str(entry["id"]) for entry in entries if entry.get("@odata.type") == "#microsoft.graph.user"]


def jobs(key: str, entries: list[Json]) -> tuple[kinds.ProvisioningJob, ...]:
    """The jobs of a service principal; the one this product manages bears the playbook's key."""
    ordered = sorted(entries, key=lambda data: str(data.get("templateId")).lower() != "scim")
    return tuple(parse.job(data["id"] if number else key, data) for number, data in enumerate(ordered))


def _misplaced(playbook: EntraPlaybook, owned: Sequence[Json]) -> Problem | None:
    """Whether a pinned client id leads nowhere, or elsewhere than the marker."""
    pinned = playbook.application.client_id
    if pinned is None:
        return None
    address = f"{kinds.Application.kind}/{playbook.name}"
    if all(data["appId"] != pinned for data in owned):
        return Problem(
            kind=ProblemKind.MISSING,
            address=address,
            message=f"there is no application with the client id {pinned}",
            hint="correct application: client_id: in the playbook, or leave it out",
        )
    marked = next((data for data in owned if data.get("uniqueName") == playbook.marker), None)
    if marked and marked["appId"] != pinned:
        return Problem(
            kind=ProblemKind.AMBIGUOUS,
            address=address,
            message=f"the playbook names the client id {pinned}, but its marker is on {marked['appId']}",
            hint="correct application: client_id:, or use another name: for the playbook",
        )
    return None


def _not_adoptable(playbook: EntraPlaybook, named: list[Json]) -> Problem | None:
    address = f"{kinds.Application.kind}/{playbook.name}"
    name, marker = playbook.display_name, named[0].get("uniqueName")
    candidates = tuple(f"client_id: {data['appId']}  created {data.get('createdDateTime')}" for data in named)
    if len(named) > 1:
        return Problem(
            kind=ProblemKind.AMBIGUOUS,
            address=address,
            message=f"{len(named)} applications are called {name!r}",
            hint="say which one with application: client_id: in the playbook",
            candidates=candidates,
        )
    if marker and marker != playbook.marker:
        return Problem(
            kind=ProblemKind.UNUSABLE,
            address=address,
            message=f"the application {name!r} belongs to somebody else: its uniqueName is {marker!r}",
            hint="choose another display_name, or use the playbook that made it",
            candidates=candidates,
        )
    return None


def _stray(data: Json) -> seen.OrphanedApplication:
    return seen.OrphanedApplication(key=data["id"], id=data["id"], display_name=data["displayName"])


def _namesake(data: Json) -> seen.OtherApplication:
    return seen.OtherApplication(
        key=data["id"],
        id=data["id"],
        app_id=data["appId"],
        display_name=data["displayName"],
        created=data.get("createdDateTime"),
    )
