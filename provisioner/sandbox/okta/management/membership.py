"""Who is assigned to an application, and why: by a person (scope USER) or through a group (scope GROUP).

Okta Management API 2026.06.3, AppUser: assigning a group assigns each of its members with scope GROUP; an assignment of the
user's own comes before. Members come and go with their groups; who has no reason left is unassigned. Of several assigned
groups the one with the smallest priority counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from provisioner.sandbox.okta.management import log_events
from provisioner.sandbox.okta.management.identity import now
from provisioner.sandbox.okta.provisioning.expressions import ExpressionError, evaluate
from provisioner.sandbox.store import Document, Store

_BULK = 50  # people from which on everything is read at once rather than one by one
_TOLD = (
    1000  # changes from which on the system log is not told of each: a hundred thousand events help nobody
)
_GONE = "DEPROVISIONED"

Maker = Callable[[Document], dict[str, Any]]


def profile_maker(store: Store, app_id: str, *, update: bool = False) -> Maker:
    """What makes an application's profile of a user: the profile mapping, prepared for many.

    Args:
        store: the org.
        app_id: the application.
        update: leave out what is mapped on creation only.
    """
    mapping = next((each for each in store.all("mapping") if each["target"]["id"] == app_id), None)
    parts = [
        (name, _compiled(entry["expression"]))
        for name, entry in (mapping or {"properties": {}})["properties"].items()
        if not (update and entry["pushStatus"] == "DONT_PUSH")
    ]

    def make(user: Document) -> dict[str, Any]:
        values = ((name, value(user)) for name, value in parts)
        return {name: value for name, value in values if value not in (None, "")}

    return make


def _compiled(expression: str) -> Callable[[Document], Any]:
    """An expression as a function of a user; the common ``user.attribute`` is quick."""
    holder, _, name = expression.partition(".")
    if holder == "user" and name.isidentifier():
        return lambda user: user["profile"].get(name)

    def slowly(user: Document) -> Any:
        try:
            return evaluate(expression, {"user": user["profile"], "appuser": {}})
        except ExpressionError:
            return None

    return slowly


def user_name(app: Document, user: Document) -> str:
    """A user's name in the application, by its user name template."""
    template = str(app["credentials"]["userNameTemplate"].get("template", ""))
    holder, _, name = template.removeprefix("${").removesuffix("}").partition(".")
    found = user["profile"].get(name) if holder in ("source", "user") else None
    return str(found or user["profile"]["login"])


def assignment(app: Document, user: Document, scope: str, profile: dict[str, Any]) -> Document:
    """A new application user.

    Its status is STAGED while provisioning is to follow, else ACTIVE (Okta Management API 2026.06.3, AppUserStatus).
    """
    moment = now()
    provisioned = "PUSH_NEW_USERS" in app["features"]
    return {
        "id": user["id"],
        "created": moment,
        "lastUpdated": moment,
        "scope": scope,
        "status": "STAGED" if provisioned else "ACTIVE",
        "statusChanged": moment,
        "passwordChanged": None,
        "syncState": "OUT_OF_SYNC" if provisioned else "DISABLED",
        "credentials": {"userName": user_name(app, user)},
        "profile": profile,
        "_appId": app["id"],
    }


def refresh(store: Store, app: Document, user_ids: Iterable[str]) -> None:
    """Bring the group-made assignments of some people in step with their groups.

    Args:
        store: the org.
        app: the application.
        user_ids: whose assignments may have changed.
    """
    wanted = list(dict.fromkeys(user_ids))
    by_group = _groups_of(store, app["id"])
    people, existing = _read(store, app["id"], wanted)
    make = profile_maker(store, app["id"])
    written: list[tuple[str, Document]] = []
    removed: list[str] = []
    events: list[tuple[str, str]] = []
    for user_id in wanted:
        key, person, current = f"{app['id']}:{user_id}", people.get(user_id), existing.get(user_id)
        here = person is not None and person["status"] != _GONE
        group = next((each for each, members in by_group if user_id in members), None) if here else None
        if current and (not here or (group is None and current["scope"] == "GROUP")):
            removed.append(key)
            events.append((user_id, "application.user_membership.remove"))
        elif person and group and current is None:
            made = assignment(app, person, "GROUP", {**make(person), **group["profile"]})
            written.append((key, {**made, "_groupId": group["id"]}))
            events.append((user_id, "application.user_membership.add"))
        elif current and group and current["scope"] == "GROUP" and current.get("_groupId") != group["id"]:
            written.append((key, {**current, "_groupId": group["id"], "lastUpdated": now()}))
    store.put_many("appUser", written)
    store.delete_many("appUser", removed)
    _tell(store, app, people, events)


def _groups_of(store: Store, app_id: str) -> list[tuple[Document, Collection[str]]]:
    """The assigned groups in order of priority, with their members."""
    found = sorted(
        store.under("appGroup", f"{app_id}:"), key=lambda each: (each["priority"], each["lastUpdated"])
    )
    groups = ((each, store.get("group", each["id"])) for each in found)
    return [(each, frozenset(group["_members"])) for each, group in groups if group]


def _read(store: Store, app_id: str, ids: list[str]) -> tuple[dict[str, Document], dict[str, Document]]:
    """Users and their assignments by user id."""
    if len(ids) < _BULK:
        people = (store.get("user", each) for each in ids)
        existing = (store.get("appUser", f"{app_id}:{each}") for each in ids)
        return {each["id"]: each for each in people if each}, {each["id"]: each for each in existing if each}
    return (
        {each["id"]: each for each in store.all("user")},
        {each["id"]: each for each in store.under("appUser", f"{app_id}:")},
    )


def _tell(store: Store, app: Document, people: dict[str, Document], events: list[tuple[str, str]]) -> None:
    if len(events) > _TOLD:
        return
    for user_id, event in events:
        person = people.get(user_id)
        about = log_events.user_target(person) if person else log_events.target("User", user_id, user_id)
        log_events.write(
            store,
            event,
            [log_events.target("AppUser", user_id, about["displayName"]), log_events.app_target(app), about],
        )


def apps_of_group(store: Store, group_id: str) -> list[Document]:
    """The applications that a group is assigned to, or that it is pushed to."""
    pushed = {each["_appId"] for each in store.all("pushMapping") if each["sourceGroupId"] == group_id}
    return [
        app
        for app in store.all("app")
        if app["id"] in pushed or store.get("appGroup", f"{app['id']}:{group_id}") is not None
    ]


def members_changed(store: Store, group_id: str, user_ids: Iterable[str]) -> set[str]:
    """People joined or left a group: refresh their assignments.

    Returns:
        ids of the applications concerned.
    """
    ids, touched = list(user_ids), set()
    for app in apps_of_group(store, group_id):
        if store.get("appGroup", f"{app['id']}:{group_id}") is not None:
            refresh(store, app, ids)
        touched.add(app["id"])
    return touched


def user_changed(store: Store, user: Document, *, came_or_went: bool) -> set[str]:
    """A user's profile or status changed: refresh what applications have of it.

    Args:
        store: the org.
        user: the user, as it is now.
        came_or_went: whether it was deactivated, reactivated or deleted.

    Returns:
        ids of the applications concerned.
    """
    touched: set[str] = set()
    for app in store.all("app"):
        key = f"{app['id']}:{user['id']}"
        current = store.get("appUser", key)
        if came_or_went:
            refresh(store, app, [user["id"]])
            if current or store.get("appUser", key):
                touched.add(app["id"])
        elif current:
            profile = {**current["profile"], **profile_maker(store, app["id"], update=True)(user)}
            if profile != current["profile"]:
                store.put("appUser", key, {**current, "profile": profile, "lastUpdated": now()})
            touched.add(app["id"])
    return touched
