"""Application users: assigned individually (scope USER) or through a group (scope GROUP).

Okta Management API 2026.06.3, AppUser: assigning a group assigns each of its members with scope GROUP; an individual
assignment takes precedence. Assignments follow the membership of the groups; a user without any remaining assignment is
unassigned. Of several assigned groups, the one with the smallest priority determines the assignment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from provisioner.sandbox.okta.management import system_log
from provisioner.sandbox.okta.management.objects import now, public_members, select
from provisioner.sandbox.okta.management.request import ApiRequest
from provisioner.sandbox.okta.provisioning.expressions import ExpressionError, evaluate
from provisioner.sandbox.okta.provisioning.profile import profile_mapping
from provisioner.sandbox.store import Document, Store

_BULK = 50  # from this number of users on, reading all documents is faster than reading them one by one
_MAX_LOGGED = 1000  # a larger change writes no events: 100,000 events would only slow the org down

ProfileBuilder = Callable[[Document], dict[str, Any]]


def profile_builder(store: Store, app_id: str, *, update: bool = False) -> ProfileBuilder:
    """The profile mapping of an application, compiled into a function from user to application profile.

    Args:
        store: the org.
        app_id: id of the application.
        update: leave out attributes that are mapped on create only.
    """
    properties = profile_mapping(store, app_id).get("properties", {})
    compiled = [
        (name, _compile(entry["expression"]))
        for name, entry in properties.items()
        if not (update and entry["pushStatus"] == "DONT_PUSH")
    ]

    def build(user: Document) -> dict[str, Any]:
        values = ((name, value_of(user)) for name, value_of in compiled)
        return {name: value for name, value in values if value not in (None, "")}

    return build


def _compile(expression: str) -> Callable[[Document], Any]:
    """An expression as a function of a user; ``user.attribute``, the usual form, needs no parser."""
    scope, _, name = expression.partition(".")
    if scope == "user" and name.isidentifier():
        return lambda user: user["profile"].get(name)

    def evaluate_for(user: Document) -> Any:
        try:
            return evaluate(expression, {"user": user["profile"], "appuser": {}})
        except ExpressionError:
            return None

    return evaluate_for


def _user_name(app: Document, user: Document) -> str:
    """The user name in the application, by its user name template."""
    template = str(app["credentials"]["userNameTemplate"].get("template", ""))
    scope, _, name = template.removeprefix("${").removesuffix("}").partition(".")
    value = user["profile"].get(name) if scope in ("source", "user") else None
    return str(value or user["profile"]["login"])


def new_app_user(app: Document, user: Document, scope: str, profile: dict[str, Any]) -> Document:
    """A new application user, not yet stored.

    Its status is STAGED until it is provisioned, or ACTIVE without provisioning (Okta Management API 2026.06.3,
    AppUserStatus).
    """
    timestamp = now()
    provisioned = "PUSH_NEW_USERS" in app["features"]
    return {
        "id": user["id"],
        "created": timestamp,
        "lastUpdated": timestamp,
        "scope": scope,
        "status": "STAGED" if provisioned else "ACTIVE",
        "statusChanged": timestamp,
        "passwordChanged": None,
        "syncState": "OUT_OF_SYNC" if provisioned else "DISABLED",
        "credentials": {"userName": _user_name(app, user)},
        "profile": profile,
        "_appId": app["id"],
    }


def render_app_user(request: ApiRequest, app_user: Document) -> Document:
    """The JSON of an application user."""
    members = {name: value for name, value in public_members(app_user).items() if value is not None}
    members["passwordChanged"] = app_user.get("passwordChanged")
    links = {
        "app": {"href": request.url(f"apps/{app_user['_appId']}")},
        "user": {"href": request.url(f"users/{app_user['id']}")},
    }
    group_id = app_user.get("_groupId")
    if app_user["scope"] == "GROUP" and group_id:
        if group_id not in request.group_names:
            group = request.store.get("group", group_id)
            request.group_names[group_id] = group["profile"]["name"] if group else ""
        links["group"] = {"href": request.url(f"groups/{group_id}"), "name": request.group_names[group_id]}
    return {**members, "_links": links}


def refresh_group_assignments(store: Store, app: Document, user_ids: Iterable[str]) -> None:
    """Update the application users that groups assign.

    Args:
        store: the org.
        app: the application.
        user_ids: ids of the users whose assignments may have changed.
    """
    user_ids = list(dict.fromkeys(user_ids))
    assigned_groups = _assigned_groups(store, app["id"])
    users, app_users = _users_and_app_users(store, app["id"], user_ids)
    build_profile = profile_builder(store, app["id"])
    written: list[tuple[str, Document]] = []
    removed: list[str] = []
    events: list[tuple[str, str]] = []
    for user_id in user_ids:
        key, user, app_user = f"{app['id']}:{user_id}", users.get(user_id), app_users.get(user_id)
        exists = user is not None and user["status"] != "DEPROVISIONED"
        groups = [group for group, members in assigned_groups if exists and user_id in members]
        group = groups[0] if groups else None
        if app_user and (not exists or (group is None and app_user["scope"] == "GROUP")):
            removed.append(key)
            events.append((user_id, "application.user_membership.remove"))
        elif user and group and app_user is None:
            profile = {**build_profile(user), **group["profile"]}
            written.append((key, {**new_app_user(app, user, "GROUP", profile), "_groupId": group["id"]}))
            events.append((user_id, "application.user_membership.add"))
        elif app_user and group and app_user["scope"] == "GROUP" and app_user.get("_groupId") != group["id"]:
            written.append((key, {**app_user, "_groupId": group["id"], "lastUpdated": now()}))
    store.put_many("appUser", written)
    store.delete_many("appUser", removed)
    _log_changes(store, app, users, events)


def _assigned_groups(store: Store, app_id: str) -> list[tuple[Document, Collection[str]]]:
    """The group assignments in order of priority, each with the ids of the group's members."""
    app_groups = sorted(
        store.under("appGroup", f"{app_id}:"),
        key=lambda app_group: (app_group["priority"], app_group["lastUpdated"]),
    )
    groups = ((app_group, store.get("group", app_group["id"])) for app_group in app_groups)
    return [(app_group, frozenset(group["_members"])) for app_group, group in groups if group]


def _users_and_app_users(
    store: Store, app_id: str, user_ids: list[str]
) -> tuple[dict[str, Document], dict[str, Document]]:
    """Users and application users, by user id."""
    if len(user_ids) < _BULK:
        users = [user for user_id in user_ids if (user := store.get("user", user_id))]
        keys = [f"{app_id}:{user_id}" for user_id in user_ids]
        app_users = [app_user for key in keys if (app_user := store.get("appUser", key))]
    else:
        users, app_users = store.all("user"), store.under("appUser", f"{app_id}:")
    return {user["id"]: user for user in users}, {app_user["id"]: app_user for app_user in app_users}


def _log_changes(
    store: Store, app: Document, users: dict[str, Document], events: list[tuple[str, str]]
) -> None:
    if len(events) > _MAX_LOGGED:
        return
    for user_id, event_type in events:
        user = users.get(user_id)
        user_target = system_log.user_target(user) if user else system_log.target("User", user_id, user_id)
        app_user_target = system_log.target("AppUser", user_id, user_target["displayName"])
        system_log.write_event(store, event_type, [app_user_target, system_log.app_target(app), user_target])


def apps_of_group(store: Store, group_id: str) -> list[Document]:
    """The applications that a group is assigned to or pushed to."""
    pushed = {mapping["_appId"] for mapping in select(store, "pushMapping", sourceGroupId=group_id)}
    return [
        app
        for app in store.all("app")
        if app["id"] in pushed or store.get("appGroup", f"{app['id']}:{group_id}") is not None
    ]


def group_members_changed(store: Store, group_id: str, user_ids: Iterable[str]) -> set[str]:
    """Refresh the assignments of users who were added to a group or removed from it.

    Returns:
        ids of the applications that have to be provisioned.
    """
    user_ids, app_ids = list(user_ids), set()
    for app in apps_of_group(store, group_id):
        if store.get("appGroup", f"{app['id']}:{group_id}") is not None:
            refresh_group_assignments(store, app, user_ids)
        app_ids.add(app["id"])
    return app_ids


def user_changed(store: Store, user: Document, *, lifecycle: bool) -> set[str]:
    """Update the application users of a user whose profile or status changed.

    Args:
        store: the org.
        user: the user after the change.
        lifecycle: whether the user was deactivated, reactivated or deleted; otherwise the profile changed.

    Returns:
        ids of the applications that have to be provisioned.
    """
    app_ids: set[str] = set()
    for app in store.all("app"):
        key = f"{app['id']}:{user['id']}"
        app_user = store.get("appUser", key)
        if lifecycle:
            refresh_group_assignments(store, app, [user["id"]])
            if app_user or store.get("appUser", key):
                app_ids.add(app["id"])
        elif app_user:
            profile = {**app_user["profile"], **profile_builder(store, app["id"], update=True)(user)}
            if profile != app_user["profile"]:
                store.put("appUser", key, {**app_user, "profile": profile, "lastUpdated": now()})
            app_ids.add(app["id"])
    return app_ids
