"""Groups assigned to an application (Okta Management API 2026.06.3, ApplicationGroups; recorded: AppGroupAssignment_crud)."""

from __future__ import annotations

import time
from itertools import chain, count
from typing import Any

from provisioner.sandbox.okta.management.assignments import refresh_group_assignments
from provisioner.sandbox.okta.management.directory import render_group
from provisioner.sandbox.okta.management.errors import invalid, malformed_body
from provisioner.sandbox.okta.management.objects import find, find_in_app, now, public_members
from provisioner.sandbox.okta.management.pagination import PageSize, paginate
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse, Route
from provisioner.sandbox.okta.management.system_log import app_target, group_target, log_request
from provisioner.sandbox.store import Document, Store

_PAGE = PageSize(20, 200, minimum=20)


def _render(request: ApiRequest, app_group: Document) -> Document:
    app, group = f"apps/{app_group['_appId']}", f"groups/{app_group['id']}"
    links = {
        "app": {"href": request.url(app)},
        "self": {"href": request.url(f"{app}/{group}")},
        "group": {"href": request.url(group)},
    }
    members = {**public_members(app_group), "_links": links}
    match request.query.get("expand"):
        case "group":
            document = request.store.get("group", app_group["id"])
            members["_embedded"] = {"group": render_group(request, document)} if document else {}
        case "metadata":
            members["_embedded"] = {"metadata": {"credentials": {}, "profile": {}}}
    return members


def _list(request: ApiRequest, app_id: str) -> ApiResponse:
    store = request.store
    find(store, "app", app_id)
    app_groups = sorted(store.under("appGroup", f"{app_id}:"), key=lambda app_group: app_group["_assignedAt"])
    if q := request.query.get("q", "").lower():
        app_groups = [
            app_group
            for app_group in app_groups
            if (group := store.get("group", app_group["id"]))
            and group["profile"]["name"].lower().startswith(q)
        ]
    return paginate(request, app_groups, _PAGE, lambda app_group: _render(request, app_group))


def _get(request: ApiRequest, app_id: str, group_id: str) -> ApiResponse:
    return ApiResponse(200, _render(request, find_in_app(request.store, "appGroup", app_id, group_id)))


def _assign(request: ApiRequest, app_id: str, group_id: str) -> ApiResponse:
    """Assign a group or change its assignment; ``{}`` or no body (recorded) leaves priority and profile unchanged."""
    store, body = request.store, {} if request.body is None else request.json_object()
    app, group = find(store, "app", app_id), find(store, "group", group_id)
    key = f"{app_id}:{group_id}"
    before = store.get("appGroup", key)
    app_group = before or {
        "id": group_id,
        "lastUpdated": "",
        "priority": len(store.keys("appGroup", f"{app_id}:")),
        "profile": {},
        "_appId": app_id,
        "_assignedAt": time.time(),
    }
    app_group = _merge(app_group, body)
    if before is None or app_group != before:
        app_group["lastUpdated"] = now()
        _resolve_priority_clash(store, app_group)
        store.put("appGroup", key, app_group)
        operation = "add" if before is None else "update"
        event = f"group.application_assignment.{operation}"
        log_request(request, event, group_target(group), app_target(app))
        _refresh_members(request, app, group)
    return ApiResponse(200, _render(request, app_group))


def _merge(app_group: Document, body: Document) -> Document:
    priority = body.get("priority", app_group["priority"])
    profile = body.get("profile", app_group["profile"])
    if not isinstance(priority, int) or isinstance(priority, bool) or priority < 0:
        raise invalid("priority", "priority: must be a non-negative number")
    if profile is not None and not isinstance(profile, dict):
        raise invalid("profile", "profile: must be an object")
    return {**app_group, "priority": priority, "profile": profile or {}}


def _resolve_priority_clash(store: Store, app_group: Document) -> None:
    """Move the assignment that already has the priority: to the one below if it is free, else to the next free one above.

    Recorded: of two groups assigned with priority 1, the older became 0. Whether Okta moves assignments up or down in
    general is not recorded.
    """
    siblings = store.under("appGroup", f"{app_group['_appId']}:")
    others = {other["priority"]: other for other in siblings if other["id"] != app_group["id"]}
    priority = app_group["priority"]
    clash = others.get(priority)
    if clash is None:
        return
    candidates = chain((priority - 1,), count(priority + 1))
    free = next(candidate for candidate in candidates if candidate >= 0 and candidate not in others)
    store.put("appGroup", f"{app_group['_appId']}:{clash['id']}", {**clash, "priority": free})


def _refresh_members(request: ApiRequest, app: Document, group: Document) -> None:
    """Update the assignments of the group's members, and push the application afterwards.

    Okta does so after the response. The sandbox does so before it, unless the setting ``async_seconds`` is set.
    """
    store, app_id, member_ids = request.store, app["id"], list(group["_members"])
    request.apps_to_push.add(app_id)
    if not float(store.setting("async_seconds", 0)):
        refresh_group_assignments(store, app, member_ids)
        return

    def refresh_later() -> None:
        current = store.get("app", app_id)
        if current is not None:
            with store.transaction():
                refresh_group_assignments(store, current, member_ids)

    request.deferred.append(refresh_later)


def _patch(request: ApiRequest, app_id: str, group_id: str) -> ApiResponse:
    """JSON Patch of priority and profile; the API description has only replace and remove.

    Not recorded. Unlike PUT, it does not compute the members' assignments again: they change with the next PUT, or with the
    group's members.
    """
    app_group = find_in_app(request.store, "appGroup", app_id, group_id)
    if not isinstance(request.body, list):
        raise malformed_body()
    changed = {**app_group, "profile": dict(app_group["profile"])}
    for operation in request.body:
        _apply(changed, operation)
    changed = _merge(changed, {})
    changed["lastUpdated"] = now()
    _resolve_priority_clash(request.store, changed)
    request.store.put("appGroup", f"{app_id}:{group_id}", changed)
    app, group = find(request.store, "app", app_id), find(request.store, "group", group_id)
    log_request(request, "group.application_assignment.update", group_target(group), app_target(app))
    request.apps_to_push.add(app_id)
    return ApiResponse(200, _render(request, changed))


def _apply(app_group: Document, operation: Any) -> None:
    if not isinstance(operation, dict):
        raise malformed_body()
    path = [part for part in str(operation.get("path", "")).split("/") if part]
    parent, value = app_group, operation.get("value")
    if path[:1] == ["profile"] and len(path) == 2:
        parent = app_group["profile"]
    elif path not in (["priority"], ["profile"]):
        raise invalid("path", f"path: '{operation.get('path')}' cannot be changed")
    match operation.get("op"):
        case "replace":
            parent[path[-1]] = value
        case "remove" if parent is app_group:
            app_group[path[0]] = {"priority": 0, "profile": {}}[path[0]]
        case "remove":
            parent.pop(path[-1], None)
        case _:
            raise invalid("op", "op: must be replace or remove")


def _unassign(request: ApiRequest, app_id: str, group_id: str) -> ApiResponse:
    find_in_app(request.store, "appGroup", app_id, group_id)
    app, group = find(request.store, "app", app_id), find(request.store, "group", group_id)
    request.store.delete("appGroup", f"{app_id}:{group_id}")
    log_request(request, "group.application_assignment.remove", group_target(group), app_target(app))
    _refresh_members(request, app, group)
    return ApiResponse(204)


_READ, _MANAGE = ("okta.apps.read",), ("okta.apps.manage",)
_GROUPS = "/api/v1/apps/{app_id}/groups"
_GROUP = f"{_GROUPS}/{{group_id}}"
ROUTES = (
    Route("GET", _GROUPS, _list, _READ, "apps"),
    Route("GET", _GROUP, _get, _READ, "apps"),
    Route("PUT", _GROUP, _assign, _MANAGE, "apps"),
    Route("PATCH", _GROUP, _patch, _MANAGE, "apps"),
    Route("DELETE", _GROUP, _unassign, _MANAGE, "apps"),
)
