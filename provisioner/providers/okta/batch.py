"""Looking up what the playbook names, and giving what was found the playbook's names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from provisioner.core.resource import Resource
from provisioner.core.snapshot import Problem
from provisioner.providers.base.client import quote_path
from provisioner.providers.base.lookup import duplicate_entries

from . import app_users, lookup, parse
from . import observations as seen
from . import resources as kinds
from .client import OktaClient
from .playbook import OktaPlaybook
from .playbook_models import OktaPrincipalEntry
from .resources import Json


@dataclass
class Memory:
    """What does not change during a run, and need not be read again."""

    principals: dict[str, list[Json]] = field(default_factory=dict)
    mappings: dict[str, str] = field(default_factory=dict)
    at_home: bool = False


async def look_up(org: OktaClient, memory: Memory, what: str, keys: OktaPrincipalEntry) -> None:
    """Remember every group or user (``what``) that these keys may mean."""
    remembered = f"{what}/{keys.key}"
    if remembered in memory.principals:
        return
    if keys.id or what == "user":
        found = await org.find(quote_path(f"/api/v1/{what}s/{{}}", keys.key))
        matches = [found] if found else []
    else:
        condition = f'profile.name eq "{quoted(keys.key)}"'
        matches = await org.read_all(f"/api/v1/groups?{urlencode({'search': condition, 'limit': 200})}")
    memory.principals[remembered] = matches


def named(
    playbook: OktaPlaybook, memory: Memory, pushed_by: Iterable[str]
) -> tuple[dict[str, Resource], list[Problem]]:
    """The groups and users that the playbook names, by address; and those that cannot be told.

    Args:
        playbook: the playbook.
        memory: what was looked up.
        pushed_by: ids of the applications that push groups.
    """
    found: dict[str, Resource] = {}
    problems: dict[str, Problem] = {}
    for match, resource in _matches(playbook, memory, tuple(pushed_by)):
        if isinstance(match, Problem):
            problems[match.address] = match
        elif resource is not None:
            found[resource.address] = resource
    return found, [*problems.values(), *duplicate_entries(found.values(), kinds.Group, kinds.User)]


def _matches(
    playbook: OktaPlaybook, memory: Memory, pushed_by: tuple[str, ...]
) -> Iterator[tuple[Json | Problem, Resource | None]]:
    for keys in (*(playbook.groups or ()), *(playbook.push or ())):
        listed = memory.principals[f"group/{keys.key}"]
        match = lookup.group_of(keys.key, bool(keys.id), listed, pushed_by)
        yield match, None if isinstance(match, Problem) else parse.group(keys.key, match)
    for keys in playbook.users or ():
        match = lookup.user_of(keys.key, memory.principals[f"user/{keys.key}"])
        yield match, None if isinstance(match, Problem) else parse.user(keys.key, match)


def related(
    names: Mapping[str, str],
    assigned: Mapping[type[kinds.Assignment], Iterable[Json]],
    pushes: Iterable[Json],
) -> list[Resource]:
    """Assignments and pushes, under the playbook's names of the groups and users.

    Args:
        names: those names, by id.
        assigned: Okta's assignments, by the kind of resource they become.
        pushes: Okta's group push mappings.
    """
    found: list[Resource] = []
    for kind, listed in assigned.items():
        is_group = issubclass(kind, kinds.GroupAssignment | kinds.ScimGroupAssignment)
        parsed = parse.group_assignment if is_group else parse.user_assignment
        found += (parsed(kind, names, data) for data in listed)
    for data in pushes:
        source = str(data.get("sourceGroupId"))
        found.append(parse.group_push(names.get(source, source), data))
    return found


async def members_of_pushed(
    org: OktaClient, playbook: OktaPlaybook, found: Iterable[Resource], provisioned: app_users.AppUsers
) -> list[seen.UnassignedMembers]:
    """Those members of the pushed groups who are not in the SCIM application."""
    pushed = {keys.key for keys in playbook.push or ()}
    result = []
    for group in [each for each in found if isinstance(each, kinds.Group) and each.key in pushed]:
        total, outside = 0, []
        where = quote_path("/api/v1/groups/{}/users", group.id or "")
        async for user in org.read_each(f"{where}?limit=200", expects_existing=True):
            total += 1
            if user["id"] not in provisioned.names:
                outside.append(str((user.get("profile") or {}).get("login") or user["id"]))
        result.append(
            seen.UnassignedMembers(
                key=group.key,
                members=total,
                unassigned=tuple(sorted(outside)[: app_users.SHOWN]),
                unassigned_count=len(outside),
            )
        )
    return result


async def read_mapping(
    org: OktaClient, memory: Memory, key: str, app_id: str
) -> kinds.ScimAttributeMapping | None:
    """The mapping from Okta's user to an application's; None while Okta has not made it."""
    if app_id not in memory.mappings:
        query = urlencode({"targetId": app_id, "limit": 200})
        listed = await org.read_all(f"/api/v1/mappings?{query}")
        ours = (data for data in listed if (data.get("target") or {}).get("id") == app_id)
        found = next((data for data in ours if (data.get("source") or {}).get("type") == "user"), None)
        if found is None:
            return None
        memory.mappings[app_id] = found["id"]
    data = await org.get(quote_path("/api/v1/mappings/{}", memory.mappings[app_id]), expects_existing=True)
    return parse.attribute_mapping(key, data)


def quoted(text: str) -> str:
    """For a search expression."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
