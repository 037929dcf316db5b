"""Users and their lifecycle (Okta Management API 2026.06.3, User, UserLifecycle)."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from provisioner.sandbox.okta.management import directory, errors
from provisioner.sandbox.okta.management.assignments import user_changed
from provisioner.sandbox.okta.management.filters import parse_filter
from provisioner.sandbox.okta.management.objects import find, now, required_text
from provisioner.sandbox.okta.management.pagination import PageSize, page_limit, paginate, paginate_stored
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse, Route, lifecycle_routes
from provisioner.sandbox.okta.management.system_log import group_target, log_request, user_target
from provisioner.sandbox.store import Document

_PAGE = PageSize(200, 200)
_QUERY_PAGE = PageSize(10, 200)
_FILTER_PROPERTIES = (
    "status",
    "lastUpdated",
    "id",
    "profile.login",
    "profile.email",
    "profile.firstName",
    "profile.lastName",
)
_REQUIRED = ("login", "email", "firstName", "lastName")


def _list(request: ApiRequest) -> ApiResponse:
    """Deactivated users are returned for ``search`` and ``filter`` only; ``search`` reads an index that lags behind."""
    q, search, expression = (request.query.get(name) for name in ("q", "search", "filter"))
    if q is not None:
        return _list_by_prefix(request, q)
    if search is None and expression is None:
        return paginate_stored(
            request,
            "user",
            _PAGE,
            lambda user: directory.render_user(request, user),
            include=lambda user: bool(user["status"] != "DEPROVISIONED"),
        )
    with request.store.lagging_replica() if search is not None else nullcontext():
        users = request.store.all("user")
    for text, properties in ((search, None), (expression, _FILTER_PROPERTIES)):
        if text is not None:
            matches = parse_filter(text, properties)
            users = [user for user in users if matches(user)]
    return paginate(request, users, _PAGE, lambda user: directory.render_user(request, user))


def _list_by_prefix(request: ApiRequest, q: str) -> ApiResponse:
    """Users whose first name, last name or email begins with ``q``; this list is not paginated."""
    limit = page_limit(request, _QUERY_PAGE)
    users = [
        user
        for user in request.store.all("user")
        if user["status"] != "DEPROVISIONED"
        and any(
            str(user["profile"].get(name) or "").lower().startswith(q.lower())
            for name in ("firstName", "lastName", "email")
        )
    ]
    return ApiResponse(200, [directory.render_user(request, user) for user in users[:limit]])


def _validated_profile(request: ApiRequest, profile: Any, own_id: str = "") -> Document:
    """A complete profile; logins are unique."""
    if not isinstance(profile, dict):
        raise errors.malformed_body()
    for name in _REQUIRED:
        required_text(profile, name)
    definitions = request.store.setting("user_schema")["definitions"]
    known = {name for definition in definitions.values() for name in definition["properties"]}
    if unknown := sorted(set(profile) - known):
        raise errors.invalid(unknown[0], f"{unknown[0]}: is not in the schema of this user type")
    login = profile["login"].lower()
    for user in request.store.containing("user", login):
        if user["profile"]["login"].lower() == login and user["id"] != own_id:
            raise errors.invalid(
                "login", "login: An object with this field already exists in the current organization"
            )
    return dict(profile)


def _create(request: ApiRequest) -> ApiResponse:
    body, store = request.json_object(), request.store
    profile = _validated_profile(request, body.get("profile"))
    password = ((body.get("credentials") or {}).get("password") or {}).get("value")
    activate = request.flag("activate", default=True)
    status = "STAGED" if not activate else "ACTIVE" if password else "PROVISIONED"
    user = directory.new_user(profile, status=status, type_id=directory.default_user_type(store)["id"])
    if password:
        user["credentials"] = {"password": {}, **user["credentials"]}
        user["passwordChanged"] = user["created"]
    store.put("user", user["id"], user)
    log_request(request, "user.lifecycle.create", user_target(user))
    if activate:
        log_request(request, "user.lifecycle.activate", user_target(user))
    everyone = next((group["id"] for group in store.all("group") if group["type"] == "BUILT_IN"), None)
    for group_id in [*([everyone] if everyone else []), *(body.get("groupIds") or [])]:
        _add_to_group(request, user, find(store, "group", group_id))
    return ApiResponse(200, directory.render_user(request, user))


def _add_to_group(request: ApiRequest, user: Document, group: Document) -> None:
    if user["id"] not in group["_members"] and group["type"] != "BUILT_IN":
        log_request(request, "group.user_membership.add", user_target(user), group_target(group))
    request.apps_to_push.update(directory.add_to_groups(request.store, [group], user))


def _get(request: ApiRequest, user_id: str) -> ApiResponse:
    """``me`` is the owner of the API token; for a service app it does not exist (not recorded)."""
    if user_id == "me":
        if request.caller.kind != "User":
            raise errors.not_found("me", "User")
        user_id = request.caller.id
    return ApiResponse(200, directory.render_user(request, directory.find_user(request.store, user_id)))


def _update(request: ApiRequest, user_id: str) -> ApiResponse:
    """POST merges the profile, PUT replaces it."""
    user, body = directory.find_user(request.store, user_id), request.json_object()
    profile = body.get("profile") or {}
    if not isinstance(profile, dict):
        raise errors.malformed_body()
    if request.method == "POST":
        profile = {**user["profile"], **profile}
    changed = {**user, "profile": _validated_profile(request, profile, user["id"]), "lastUpdated": now()}
    request.store.put("user", user["id"], changed)
    log_request(request, "user.account.update_profile", user_target(changed))
    request.apps_to_push.update(user_changed(request.store, changed, lifecycle=False))
    return ApiResponse(200, directory.render_user(request, changed))


_TRANSITIONS = {
    "activate": (("STAGED", "DEPROVISIONED"), "ACTIVE"),
    "reactivate": (("PROVISIONED", "DEPROVISIONED"), "ACTIVE"),
    "deactivate": (
        ("STAGED", "PROVISIONED", "ACTIVE", "SUSPENDED", "LOCKED_OUT", "RECOVERY"),
        "DEPROVISIONED",
    ),
    "suspend": (("ACTIVE",), "SUSPENDED"),
    "unsuspend": (("SUSPENDED",), "ACTIVE"),
}
"""By lifecycle operation: the statuses in which it is allowed, and the status after it."""
_TRANSITION_ERRORS = {
    "activate": (403, "E0000016", "Activation failed because the user is already active"),
    "reactivate": (403, "E0000038", "This operation is not allowed in the user's current status."),
    "deactivate": (403, "E0000038", "This operation is not allowed in the user's current status."),
    "suspend": (400, "E0000001", "Api validation failed: suspendUser"),
    "unsuspend": (400, "E0000001", "Api validation failed: unsuspendUser"),
}


def _change_status(request: ApiRequest, user_id: str) -> ApiResponse:
    user, operation = directory.find_user(request.store, user_id), request.operation
    allowed, status = _TRANSITIONS[operation]
    if user["status"] not in allowed:
        raise errors.OktaError(*_TRANSITION_ERRORS[operation])
    timestamp = now()
    changed = {**user, "status": status, "statusChanged": timestamp, "lastUpdated": timestamp}
    if operation == "activate":
        changed["activated"] = timestamp
    request.store.put("user", user["id"], changed)
    log_request(request, f"user.lifecycle.{operation}", user_target(changed))
    lifecycle = "DEPROVISIONED" in (user["status"], status)
    request.apps_to_push.update(user_changed(request.store, changed, lifecycle=lifecycle))
    return ApiResponse(200, {})


def _delete(request: ApiRequest, user_id: str) -> ApiResponse:
    """DELETE deactivates a user; a second DELETE removes the deactivated user."""
    user, store = directory.find_user(request.store, user_id), request.store
    if user["status"] != "DEPROVISIONED":
        timestamp = now()
        user = {**user, "status": "DEPROVISIONED", "statusChanged": timestamp, "lastUpdated": timestamp}
        store.put("user", user["id"], user)
        log_request(request, "user.lifecycle.deactivate", user_target(user))
    else:
        for group in store.all("group"):
            if user["id"] in group["_members"]:
                members = [member for member in group["_members"] if member != user["id"]]
                store.put("group", group["id"], {**group, "_members": members})
        store.delete("user", user["id"])
        log_request(request, "user.lifecycle.delete.initiated", user_target(user))
    request.apps_to_push.update(user_changed(store, user, lifecycle=True))
    return ApiResponse(204)


def _list_groups(request: ApiRequest, user_id: str) -> ApiResponse:
    user = directory.find_user(request.store, user_id)
    groups = [group for group in request.store.all("group") if user["id"] in group["_members"]]
    return ApiResponse(200, [directory.render_group(request, group) for group in groups])


_READ, _MANAGE = ("okta.users.read",), ("okta.users.manage",)
_USERS = "/api/v1/users"
_USER = f"{_USERS}/{{user_id}}"
ROUTES = (
    Route("GET", _USERS, _list, _READ, "users"),
    Route("POST", _USERS, _create, _MANAGE, "users"),
    Route("GET", _USER, _get, _READ, "users"),
    Route("POST", _USER, _update, _MANAGE, "users"),
    Route("PUT", _USER, _update, _MANAGE, "users"),
    Route("DELETE", _USER, _delete, _MANAGE, "users"),
    Route("GET", f"{_USER}/groups", _list_groups, _READ, "users"),
    *lifecycle_routes(_USER, _change_status, _MANAGE, "users", _TRANSITIONS),
)
