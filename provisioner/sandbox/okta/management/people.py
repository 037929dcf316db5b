"""People and groups added from outside, as an import from a directory would: the org's applications follow."""

from __future__ import annotations

from collections.abc import Iterable

from provisioner.sandbox.okta import DOMAIN
from provisioner.sandbox.okta.management import membership
from provisioner.sandbox.okta.management.groups import new as new_group
from provisioner.sandbox.okta.management.identity import now
from provisioner.sandbox.okta.management.users import new as new_user
from provisioner.sandbox.store import Document, Store


def add_group(okta: Store, name: str, like: str = "Kiro-Users") -> None:
    """Add a group with the same members as another one; without members when there is no such other one."""
    members = [key for group in _named(okta, like) for key in group["_members"]]
    group = new_group(name)
    okta.put("group", group["id"], {**group, "_members": members})


def add_member(okta: Store, login: str, group_name: str = "Kiro-Users") -> None:
    """Add a user, made if there is none of that login, to a group; who is assigned by that group is provisioned.

    Raises:
        ValueError: there is no such group.
    """
    touched: set[str] = set()
    with okta.transaction():
        found = _named(okta, group_name)
        if not found:
            raise ValueError(f"there is no group {group_name!r}")
        user = next((each for each in okta.all("user") if each["profile"]["login"] == login), None)
        if user is None:
            user = _new_user(okta, login)
            touched |= join(okta, [each for each in okta.all("group") if each["type"] == "BUILT_IN"], user)
        touched |= join(okta, found[:1], user)
    _push(okta, touched)


def populate(okta: Store, users: int = 0, groups: int = 0, members: int = 0) -> None:
    """Add many users and groups in one transaction; the users are in Everyone.

    Args:
        okta: the org.
        users: how many users to add.
        groups: how many groups to add.
        members: members of each added group, taken from the added users in turn.
    """
    with okta.transaction():
        base, first = len(okta.keys("user")), len(okta.keys("group"))
        type_id = _type_id(okta)
        made = [_numbered(base + index, type_id) for index in range(users)]
        okta.put_many("user", ((user["id"], user) for user in made))
        ids = [user["id"] for user in made]
        for index in range(groups):
            count = min(members, len(ids))
            chosen = [ids[(index * members + step) % len(ids)] for step in range(count)]
            group = new_group(f"Team {first + index:05}")
            okta.put("group", group["id"], {**group, "_members": chosen})
        touched = _into_everyone(okta, ids)
        okta.settle()
    _push(okta, touched)


def join(okta: Store, joined: Iterable[Document], user: Document) -> set[str]:
    """Put a user into groups.

    Returns:
        ids of the applications that this concerns.
    """
    touched: set[str] = set()
    for group in joined:
        if user["id"] not in group["_members"]:
            members = [*group["_members"], user["id"]]
            okta.put("group", group["id"], {**group, "_members": members, "lastMembershipUpdated": now()})
            touched |= membership.members_changed(okta, group["id"], [user["id"]])
    return touched


def _named(okta: Store, name: str) -> list[Document]:
    """Groups of the org itself, of a name."""
    return [
        each for each in okta.all("group") if each["profile"]["name"] == name and each["type"] != "APP_GROUP"
    ]


def _new_user(okta: Store, login: str) -> Document:
    user = _user(login, login.partition("@")[0].title(), _type_id(okta))
    okta.put("user", user["id"], user)
    return user


def _numbered(number: int, type_id: str) -> Document:
    return _user(f"user{number:05}@{DOMAIN}", f"User{number:05}", type_id)


def _user(login: str, given: str, type_id: str) -> Document:
    profile = {"login": login, "email": login, "firstName": given, "lastName": "Example"}
    return new_user(profile, type_id=type_id)


def _type_id(okta: Store) -> str:
    return str(next(each["id"] for each in okta.all("userType") if each["default"]))


def _into_everyone(okta: Store, ids: list[str]) -> set[str]:
    touched: set[str] = set()
    for group in okta.all("group"):
        if group["type"] == "BUILT_IN" and ids:
            okta.put("group", group["id"], {**group, "_members": [*group["_members"], *ids]})
            touched |= membership.members_changed(okta, group["id"], ids)
    return touched


def _push(okta: Store, app_ids: Iterable[str]) -> None:
    from provisioner.sandbox.okta import provisioning  # noqa: PLC0415 (start-up time)

    for app_id in sorted(app_ids):
        provisioning.push(okta, app_id)
