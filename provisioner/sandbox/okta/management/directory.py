"""Universal Directory: users and groups as stored and rendered, and the ones that an import from outside adds."""

from __future__ import annotations

from collections.abc import Iterable

from provisioner.sandbox.okta import DOMAIN, provisioning
from provisioner.sandbox.okta.management.assignments import group_members_changed
from provisioner.sandbox.okta.management.errors import not_found
from provisioner.sandbox.okta.management.objects import new_id, now, public_members
from provisioner.sandbox.okta.management.request import ApiRequest
from provisioner.sandbox.store import Document, Store

_LIFECYCLE_LINKS = {
    "ACTIVE": {
        "suspend": "suspend",
        "resetPassword": "reset_password",
        "expirePassword": "expire_password",
        "deactivate": "deactivate",
    },
    "SUSPENDED": {"unsuspend": "unsuspend", "deactivate": "deactivate"},
    "STAGED": {"activate": "activate"},
    "PROVISIONED": {"reactivate": "reactivate", "deactivate": "deactivate"},
    "DEPROVISIONED": {"activate": "activate"},
}
"""Lifecycle operations by name of the link, by status of the user."""


def new_user(profile: Document, *, status: str = "ACTIVE", type_id: str) -> Document:
    """A new user, not yet stored.

    Args:
        profile: the profile.
        status: ``STAGED``, ``PROVISIONED`` or ``ACTIVE``.
        type_id: id of the user type.
    """
    timestamp = now()
    return {
        "id": new_id("00u"),
        "status": status,
        "created": timestamp,
        "activated": None if status == "STAGED" else timestamp,
        "statusChanged": timestamp,
        "lastLogin": None,
        "lastUpdated": timestamp,
        "passwordChanged": None,
        "type": {"id": type_id},
        "profile": {"secondEmail": None, "mobilePhone": None, **profile},
        "credentials": {"provider": {"type": "OKTA", "name": "OKTA"}},
    }


def new_group(name: str, description: str | None = None, *, group_type: str = "OKTA_GROUP") -> Document:
    """A new group without members, not yet stored.

    Args:
        name: the name.
        description: the description.
        group_type: ``OKTA_GROUP``, ``APP_GROUP`` or ``BUILT_IN``.
    """
    timestamp = now()
    return {
        "id": new_id("00g"),
        "created": timestamp,
        "lastUpdated": timestamp,
        "lastMembershipUpdated": timestamp,
        "objectClass": ["okta:user_group"],
        "type": group_type,
        "profile": {"name": name, "description": description},
        "_members": [],
    }


def find_user(store: Store, key: str) -> Document:
    """The user with an id or login; the part of a login before the ``@`` is enough if no other login begins with it.

    Raises:
        OktaError: 404 when no such user exists.
    """
    user = store.get("user", key)
    if user is None:
        login = key.lower()
        logins = [(user["profile"]["login"].lower(), user) for user in store.containing("user", key)]
        exact = [user for candidate, user in logins if candidate == login]
        short = [user for candidate, user in logins if candidate.partition("@")[0] == login]
        user = exact[0] if exact else short[0] if len(short) == 1 else None
    if user is None:
        raise not_found(key, "User")
    return user


def default_user_type(store: Store) -> Document:
    """The user type that every org has."""
    return next(user_type for user_type in store.all("userType") if user_type["default"])


def render_user(request: ApiRequest, user: Document) -> Document:
    """The JSON of a user."""
    base, type_id = f"users/{user['id']}", user["type"]["id"]
    links: Document = {
        name: {"href": request.url(f"{base}/lifecycle/{operation}"), "method": "POST"}
        for name, operation in _LIFECYCLE_LINKS.get(user["status"], {}).items()
    }
    links["self"] = {"href": request.url(base)}
    links["schema"] = {"href": request.url(f"meta/schemas/user/{user_schema_id(type_id)}")}
    links["type"] = {"href": request.url(f"meta/types/user/{type_id}")}
    return {**public_members(user), "_links": links}


def user_schema_id(type_id: str) -> str:
    """The id of the profile schema of a user type."""
    return f"osc{type_id[3:]}"


def render_group(request: ApiRequest, group: Document) -> Document:
    """The JSON of a group."""
    base = f"groups/{group['id']}"
    links = {
        "logo": [
            {
                "name": size,
                "href": f"{request.base_url}/assets/img/logos/groups/okta-{size}.png",
                "type": "image/png",
            }
            for size in ("medium", "large")
        ],
        "owners": {"href": request.url(f"{base}/owners")},
        "users": {"href": request.url(f"{base}/users")},
        "apps": {"href": request.url(f"{base}/apps")},
    }
    if group.get("_appId"):
        links["source"] = {"href": request.url(f"apps/{group['_appId']}")}
    return {**public_members(group), "_links": links}


def add_to_groups(store: Store, groups: Iterable[Document], user: Document) -> set[str]:
    """Add a user to groups.

    Returns:
        ids of the applications that have to be provisioned.
    """
    app_ids: set[str] = set()
    for group in groups:
        if user["id"] not in group["_members"]:
            set_members(store, group, [*group["_members"], user["id"]])
            app_ids |= group_members_changed(store, group["id"], [user["id"]])
    return app_ids


def set_members(store: Store, group: Document, members: list[str]) -> None:
    """Store a group with other members."""
    store.put("group", group["id"], {**group, "_members": members, "lastMembershipUpdated": now()})


def import_group(okta: Store, name: str, like: str = "Kiro-Users") -> None:
    """Add a group with the members of another one, or without members when no group has that name."""
    members = [key for group in _groups_named(okta, like) for key in group["_members"]]
    group = new_group(name)
    okta.put("group", group["id"], {**group, "_members": members})


def import_member(okta: Store, login: str, group_name: str = "Kiro-Users") -> None:
    """Add a user to a group and provision the applications that the group is assigned to.

    Args:
        okta: the org.
        login: the user's login; a user is created when no user has it.
        group_name: name of the group.

    Raises:
        ValueError: no group has that name.
    """
    app_ids: set[str] = set()
    with okta.transaction():
        groups = _groups_named(okta, group_name)
        if not groups:
            raise ValueError(f"there is no group {group_name!r}")
        user = next((user for user in okta.all("user") if user["profile"]["login"] == login), None)
        if user is None:
            first_name = login.partition("@")[0].title()
            user = _imported_user(login, first_name, default_user_type(okta)["id"])
            okta.put("user", user["id"], user)
            built_in = [group for group in okta.all("group") if group["type"] == "BUILT_IN"]
            app_ids |= add_to_groups(okta, built_in, user)
        app_ids |= add_to_groups(okta, groups[:1], user)
    _push(okta, app_ids)


def populate(okta: Store, users: int = 0, groups: int = 0, members: int = 0) -> None:
    """Add many users and groups in one transaction; the users are members of Everyone.

    Args:
        okta: the org.
        users: number of users.
        groups: number of groups.
        members: number of members of each new group, taken from the new users in turn.
    """
    with okta.transaction():
        first_user, first_group = len(okta.keys("user")), len(okta.keys("group"))
        type_id = default_user_type(okta)["id"]
        new_users = [
            _imported_user(f"user{number:05}@{DOMAIN}", f"User{number:05}", type_id)
            for number in range(first_user, first_user + users)
        ]
        okta.put_many("user", ((user["id"], user) for user in new_users))
        user_ids = [user["id"] for user in new_users]
        for index in range(groups):
            count = min(members, len(user_ids))
            member_ids = [user_ids[(index * members + step) % len(user_ids)] for step in range(count)]
            group = new_group(f"Team {first_group + index:05}")
            okta.put("group", group["id"], {**group, "_members": member_ids})
        app_ids = _add_to_everyone(okta, user_ids)
        okta.settle()
    _push(okta, app_ids)


def _groups_named(okta: Store, name: str) -> list[Document]:
    """The org's own groups with a name."""
    groups = okta.all("group")
    return [group for group in groups if group["profile"]["name"] == name and group["type"] != "APP_GROUP"]


def _imported_user(login: str, first_name: str, type_id: str) -> Document:
    profile = {"login": login, "email": login, "firstName": first_name, "lastName": "Example"}
    return new_user(profile, type_id=type_id)


def _add_to_everyone(okta: Store, user_ids: list[str]) -> set[str]:
    app_ids: set[str] = set()
    for group in okta.all("group"):
        if group["type"] == "BUILT_IN" and user_ids:
            okta.put("group", group["id"], {**group, "_members": [*group["_members"], *user_ids]})
            app_ids |= group_members_changed(okta, group["id"], user_ids)
    return app_ids


def _push(okta: Store, app_ids: Iterable[str]) -> None:
    for app_id in sorted(app_ids):
        provisioning.push(okta, app_id)
