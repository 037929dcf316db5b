"""Users assigned to an application (Okta Management API 2026.06.3, ApplicationUsers)."""

from __future__ import annotations

from typing import Any

from provisioner.sandbox.okta.management import membership, paging, rendering, users
from provisioner.sandbox.okta.management.apps import find as find_app
from provisioner.sandbox.okta.management.call import Call, Reply, Route
from provisioner.sandbox.okta.management.errors import OktaError, invalid, not_found
from provisioner.sandbox.okta.management.identity import now
from provisioner.sandbox.okta.management.log_events import app_target, note, target, user_target
from provisioner.sandbox.okta.management.paging import Size
from provisioner.sandbox.store import Document

_PAGE = Size(50, 500)


def _find(call: Call, app_id: str, user_id: str) -> Document:
    find_app(call.store, app_id)
    found = call.store.get("appUser", f"{app_id}:{user_id}")
    if found is None:
        raise not_found(user_id, "AppUser")
    return found


def _shown(call: Call, app_user: Document) -> Document:
    shown = rendering.app_user(call, app_user)
    if call.query.get("expand") == "user":
        user = call.store.get("user", app_user["id"])
        shown["_embedded"] = {"user": rendering.user(call, user)} if user else {}
    return shown


def _list(call: Call, app_id: str) -> Reply:
    """A page costs what it shows: keys begin with the application's id, and the cursor is a user's id."""
    find_app(call.store, app_id)
    count, after = paging.limit(call, _PAGE), paging.cursor(call)
    if q := call.query.get("q", "").lower():
        found = [each for each in call.store.under("appUser", f"{app_id}:") if _begins(call, each, q)]
        return paging.page(call, found, _PAGE, lambda each: _shown(call, each))
    read = call.store.page("appUser", f"{app_id}:", count + 1, after=f"{app_id}:{after}" if after else "")
    more = read[count - 1]["id"] if len(read) > count else None
    return paging.answer(call, [_shown(call, each) for each in read[:count]], count, more)


def _begins(call: Call, app_user: Document, q: str) -> bool:
    """``q``: how userName, firstName, lastName or email begins."""
    user = call.store.get("user", app_user["id"]) or {"profile": {}}
    names = [app_user["credentials"].get("userName")]
    names += [user["profile"].get(name) for name in ("firstName", "lastName", "email")]
    return any(str(name).lower().startswith(q) for name in names if name)


def _get(call: Call, app_id: str, user_id: str) -> Reply:
    return Reply(200, _shown(call, _find(call, app_id, user_id)))


def _assign(call: Call, app_id: str) -> Reply:
    """Assign a user; one who is there through a group becomes an assignment of its own."""
    app, sent = find_app(call.store, app_id), call.document()
    user = users.find(call.store, str(sent.get("id") or ""))
    if app["status"] != "ACTIVE":
        raise invalid("app", "The application is not active.")
    if user["status"] == "DEPROVISIONED":
        raise invalid("user", "The user is deprovisioned.")
    key = f"{app_id}:{user['id']}"
    current = call.store.get("appUser", key)
    profile = membership.profile_maker(call.store, app_id)(user)
    made = current or membership.assignment(app, user, "USER", profile)
    made = {name: value for name, value in made.items() if name != "_groupId"}
    made = _merged({**made, "scope": "USER", "lastUpdated": now()}, sent)
    call.store.put("appUser", key, made)
    note(
        call,
        "application.user_membership.add",
        target("AppUser", user["id"], user_target(user)["displayName"], made["credentials"]["userName"]),
        app_target(app),
        user_target(user),
    )
    call.touched.add(app_id)
    return Reply(200, rendering.app_user(call, made))


def _merged(app_user: Document, sent: Document) -> Document:
    """The credentials and profile members that are sent replace those that are there."""
    credentials, profile = sent.get("credentials") or {}, sent.get("profile") or {}
    if not isinstance(credentials, dict) or not isinstance(profile, dict):
        raise invalid("profile", "profile and credentials: must be objects")
    name = credentials.get("userName") or app_user["credentials"]["userName"]
    if not 1 <= len(str(name)) <= 100:
        raise invalid("credentials.userName", "userName: must have 1 to 100 characters")
    merged: dict[str, Any] = {**app_user["profile"], **profile}
    return {
        **app_user,
        "credentials": {"userName": name},
        "profile": {key: value for key, value in merged.items() if value is not None},
    }


def _update(call: Call, app_id: str, user_id: str) -> Reply:
    app_user, sent = _find(call, app_id, user_id), call.document()
    changed = _merged({**app_user, "lastUpdated": now()}, sent)
    if sent.get("scope") == "USER":
        changed = {name: value for name, value in changed.items() if name != "_groupId"} | {"scope": "USER"}
    call.store.put("appUser", f"{app_id}:{user_id}", changed)
    renamed = changed["credentials"] != app_user["credentials"]
    event = "application.user_membership.change_username" if renamed else "application.user_membership.update"
    name = changed["credentials"]["userName"]
    note(call, event, target("AppUser", user_id, name, name), app_target(find_app(call.store, app_id)))
    call.touched.add(app_id)
    return Reply(200, rendering.app_user(call, changed))


def _unassign(call: Call, app_id: str, user_id: str) -> Reply:
    """Take a user's own assignment away; one of its groups may still assign it.

    Somebody who is there through a group only has to leave the group. How Okta refuses that is not recorded.
    """
    app_user, app = _find(call, app_id, user_id), find_app(call.store, app_id)
    if app_user["scope"] == "GROUP":
        raise OktaError(403, "E0000060", "Unsupported operation.")
    call.store.delete("appUser", f"{app_id}:{user_id}")
    name = app_user["credentials"]["userName"]
    note(call, "application.user_membership.remove", target("AppUser", user_id, name, name), app_target(app))
    membership.refresh(call.store, app, [user_id])
    call.touched.add(app_id)
    return Reply(204)


_READ, _MANAGE = ("okta.apps.read",), ("okta.apps.manage",)
_ALL = "/api/v1/apps/{app_id}/users"
_ONE = f"{_ALL}/{{user_id}}"
ROUTES = (
    Route("GET", _ALL, _list, _READ, "apps"),
    Route("POST", _ALL, _assign, _MANAGE, "apps"),
    Route("GET", _ONE, _get, _READ, "apps"),
    Route("POST", _ONE, _update, _MANAGE, "apps"),
    Route("DELETE", _ONE, _unassign, _MANAGE, "apps"),
)
