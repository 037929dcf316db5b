"""Users assigned to an application (Okta Management API 2026.06.3, ApplicationUsers)."""

from __future__ import annotations

from typing import Any

from provisioner.sandbox.okta.management import assignments, directory
from provisioner.sandbox.okta.management.errors import invalid, unsupported_operation
from provisioner.sandbox.okta.management.objects import find, find_in_app, now
from provisioner.sandbox.okta.management.pagination import PageSize, paginate, paginate_stored
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse, Route
from provisioner.sandbox.okta.management.system_log import app_target, log_request, target, user_target
from provisioner.sandbox.store import Document

_PAGE = PageSize(50, 500)


def _expand(request: ApiRequest, app_user: Document) -> Document:
    members = assignments.render_app_user(request, app_user)
    if request.query.get("expand") == "user":
        user = request.store.get("user", app_user["id"])
        members["_embedded"] = {"user": directory.render_user(request, user)} if user else {}
    return members


def _list(request: ApiRequest, app_id: str) -> ApiResponse:
    find(request.store, "app", app_id)
    prefix = f"{app_id}:"

    def render(app_user: Document) -> Document:
        return _expand(request, app_user)

    if q := request.query.get("q", "").lower():
        app_users = request.store.under("appUser", prefix)
        matching = [app_user for app_user in app_users if _matches(request, app_user, q)]
        return paginate(request, matching, _PAGE, render)
    return paginate_stored(request, "appUser", _PAGE, render, prefix=prefix)


def _matches(request: ApiRequest, app_user: Document, q: str) -> bool:
    """Whether userName, firstName, lastName or email begins with ``q``."""
    user = request.store.get("user", app_user["id"]) or {"profile": {}}
    names = [app_user["credentials"].get("userName")]
    names += [user["profile"].get(name) for name in ("firstName", "lastName", "email")]
    return any(str(name).lower().startswith(q) for name in names if name)


def _get(request: ApiRequest, app_id: str, user_id: str) -> ApiResponse:
    return ApiResponse(200, _expand(request, find_in_app(request.store, "appUser", app_id, user_id)))


def _assign(request: ApiRequest, app_id: str) -> ApiResponse:
    """Assign a user individually; an assignment through a group becomes an individual one."""
    app, body = find(request.store, "app", app_id), request.json_object()
    user = directory.find_user(request.store, str(body.get("id") or ""))
    if app["status"] != "ACTIVE":
        raise invalid("app", "The application is not active.")
    if user["status"] == "DEPROVISIONED":
        raise invalid("user", "The user is deprovisioned.")
    key = f"{app_id}:{user['id']}"
    app_user = request.store.get("appUser", key)
    if app_user is None:
        app_user = assignments.new_app_user(
            app, user, "USER", assignments.profile_builder(request.store, app_id)(user)
        )
    app_user = _merge({**_individual(app_user), "lastUpdated": now()}, body)
    request.store.put("appUser", key, app_user)
    log_request(
        request,
        "application.user_membership.add",
        target("AppUser", user["id"], user_target(user)["displayName"], app_user["credentials"]["userName"]),
        app_target(app),
        user_target(user),
    )
    request.apps_to_push.add(app_id)
    return ApiResponse(200, assignments.render_app_user(request, app_user))


def _individual(app_user: Document) -> Document:
    return {name: value for name, value in app_user.items() if name != "_groupId"} | {"scope": "USER"}


def _merge(app_user: Document, body: Document) -> Document:
    """The application user with the credentials and profile of a request merged into it; null removes an attribute."""
    credentials, profile = body.get("credentials") or {}, body.get("profile") or {}
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


def _update(request: ApiRequest, app_id: str, user_id: str) -> ApiResponse:
    app_user, body = find_in_app(request.store, "appUser", app_id, user_id), request.json_object()
    changed = _merge({**app_user, "lastUpdated": now()}, body)
    if body.get("scope") == "USER":
        changed = _individual(changed)
    request.store.put("appUser", f"{app_id}:{user_id}", changed)
    renamed = changed["credentials"] != app_user["credentials"]
    event = "application.user_membership.change_username" if renamed else "application.user_membership.update"
    _log(request, event, app_id, changed)
    request.apps_to_push.add(app_id)
    return ApiResponse(200, assignments.render_app_user(request, changed))


def _unassign(request: ApiRequest, app_id: str, user_id: str) -> ApiResponse:
    """Remove an individual assignment; a group may still assign the user.

    An assignment through a group ends only when the user leaves the group. Okta's error for that is not recorded.
    """
    app_user, app = find_in_app(request.store, "appUser", app_id, user_id), find(request.store, "app", app_id)
    if app_user["scope"] == "GROUP":
        raise unsupported_operation()
    request.store.delete("appUser", f"{app_id}:{user_id}")
    _log(request, "application.user_membership.remove", app_id, app_user)
    assignments.refresh_group_assignments(request.store, app, [user_id])
    request.apps_to_push.add(app_id)
    return ApiResponse(204)


def _log(request: ApiRequest, event_type: str, app_id: str, app_user: Document) -> None:
    name = app_user["credentials"]["userName"]
    app = find(request.store, "app", app_id)
    log_request(request, event_type, target("AppUser", app_user["id"], name, name), app_target(app))


_READ, _MANAGE = ("okta.apps.read",), ("okta.apps.manage",)
_USERS = "/api/v1/apps/{app_id}/users"
_USER = f"{_USERS}/{{user_id}}"
ROUTES = (
    Route("GET", _USERS, _list, _READ, "apps"),
    Route("POST", _USERS, _assign, _MANAGE, "apps"),
    Route("GET", _USER, _get, _READ, "apps"),
    Route("POST", _USER, _update, _MANAGE, "apps"),
    Route("DELETE", _USER, _unassign, _MANAGE, "apps"),
)
