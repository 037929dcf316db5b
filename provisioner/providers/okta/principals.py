"""The groups and users that a playbook names, and their names in assignments and group pushes. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from provisioner.core.resource import Address, Resource
from provisioner.core.snapshot import Problem
from provisioner.providers.base.lookup import duplicate_entries
from provisioner.providers.base.wire import Json, parse_resource

from . import resources as kinds
from .lookup import match_group, match_user
from .parse import parse_assignment, parse_group_push
from .playbook import OktaPlaybook


def resolve_principals(
    playbook: OktaPlaybook,
    groups: Mapping[str, list[Json]],
    users: Mapping[str, list[Json]],
    pushed_by: tuple[str, ...],
) -> tuple[dict[Address, kinds.Group | kinds.User], list[Problem]]:
    """The groups and users that the playbook names, by address, and why some cannot be determined.

    Args:
        playbook: the playbook.
        groups: the groups that Okta returned, by the key of the playbook entry.
        users: the users that Okta returned, by the key of the playbook entry.
        pushed_by: ids of the applications that push groups.
    """
    principals: dict[Address, kinds.Group | kinds.User] = {}
    problems: dict[Address, Problem] = {}
    for result in _resolve_entries(playbook, groups, users, pushed_by):
        if isinstance(result, Problem):
            problems[result.address] = result
        else:
            principals[result.address] = result
    duplicates = duplicate_entries(principals.values(), kinds.Group, kinds.User)
    return principals, [*problems.values(), *duplicates]


def _resolve_entries(
    playbook: OktaPlaybook,
    groups: Mapping[str, list[Json]],
    users: Mapping[str, list[Json]],
    pushed_by: tuple[str, ...],
) -> Iterator[kinds.Group | kinds.User | Problem]:
    for entry in (*(playbook.groups or ()), *(playbook.push or ())):
        group = match_group(entry.key, groups[entry.key], pushed_by, by_id=bool(entry.id))
        yield group if isinstance(group, Problem) else parse_resource(kinds.Group, entry.key, group)
    for entry in playbook.users or ():
        user = match_user(entry.key, users[entry.key])
        yield user if isinstance(user, Problem) else parse_resource(kinds.User, entry.key, user)


def parse_assignments(
    principals: Iterable[kinds.Group | kinds.User],
    assignments: Mapping[type[kinds.Assignment], Iterable[Json]],
    pushes: Iterable[Json],
) -> Iterator[Resource]:
    """Assignments and group pushes, with the playbook's names of the groups and users.

    Args:
        principals: the groups and users that the playbook names.
        assignments: Okta's assignments, by the kind of resource that they become.
        pushes: Okta's group push mappings.
    """
    names = {str(principal.id): principal.key for principal in principals}
    for kind, listed in assignments.items():
        yield from (parse_assignment(kind, names, data) for data in listed)
    for data in pushes:
        group = str(data.get("sourceGroupId"))
        yield parse_group_push(names.get(group, group), data)
