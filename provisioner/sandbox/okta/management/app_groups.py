"""Groups assigned to an application (Okta Management API 2026.06.3, ApplicationGroups; recorded: AppGroupAssignment_crud)."""

from __future__ import annotations

import time
from typing import Any

from provisioner.sandbox.okta.management import groups, membership, paging, rendering
from provisioner.sandbox.okta.management.apps import find as find_app
from provisioner.sandbox.okta.management.call import Call, Reply, Route
from provisioner.sandbox.okta.management.errors import invalid, malformed, not_found
from provisioner.sandbox.okta.management.identity import now
from provisioner.sandbox.okta.management.log_events import app_target, group_target, note
from provisioner.sandbox.okta.management.paging import Size
from provisioner.sandbox.store import Document, Store

_PAGE = Size(20, 200, least=20)


def _render(call: Call, app_group: Document) -> Document:
    shown = {name: value for name, value in app_group.items() if not name.startswith("_")}
    app, group = f"apps/{app_group['_appId']}", f"groups/{app_group['id']}"
    shown["_links"] = {
        "app": {"href": call.api(app)},
        "self": {"href": call.api(f"{app}/{group}")},
        "group": {"href": call.api(group)},
    }
    match call.query.get("expand"):
        case "group":
            found = call.store.get("group", app_group["id"])
            shown["_embedded"] = {"group": rendering.group(call, found)} if found else {}
        case "metadata":
            shown["_embedded"] = {"metadata": {"credentials": {}, "profile": {}}}
    return shown


def _find(call: Call, app_id: str, group_id: str) -> Document:
    find_app(call.store, app_id)
    found = call.store.get("appGroup", f"{app_id}:{group_id}")
    if found is None:
        raise not_found(group_id, "GroupAssignment")
    return found


def _list(call: Call, app_id: str) -> Reply:
    find_app(call.store, app_id)
    found = sorted(call.store.under("appGroup", f"{app_id}:"), key=lambda each: each["_order"])
    if q := call.query.get("q", "").lower():
        named = {each["id"]: call.store.get("group", each["id"]) for each in found}
        found = [
            each
            for each in found
            if (group := named[each["id"]]) and group["profile"]["name"].lower().startswith(q)
        ]
    return paging.page(call, found, _PAGE, lambda each: _render(call, each))


def _get(call: Call, app_id: str, group_id: str) -> Reply:
    return Reply(200, _render(call, _find(call, app_id, group_id)))


def _assign(call: Call, app_id: str, group_id: str) -> Reply:
    """Assign a group, or change its assignment; with ``{}`` or no body, which is recorded, priority and profile are kept."""
    store, sent = call.store, {} if call.body is None else call.document()
    app, group = find_app(store, app_id), groups.find(store, group_id)
    key = f"{app_id}:{group_id}"
    before = store.get("appGroup", key)
    others = len(store.keys("appGroup", f"{app_id}:"))
    made = before or {
        "id": group_id,
        "lastUpdated": "",
        "priority": others,
        "profile": {},
        "_appId": app_id,
        "_order": time.time(),
    }
    made = _changed(made, sent)
    if before is None or made != before:
        made["lastUpdated"] = now()
        _make_room(store, made)
        store.put("appGroup", key, made)
        added = "add" if before is None else "update"
        note(call, f"group.application_assignment.{added}", group_target(group), app_target(app))
        _refresh_soon(call, app, group)
    return Reply(200, _render(call, made))


def _changed(app_group: Document, sent: Document) -> Document:
    priority, profile = sent.get("priority", app_group["priority"]), sent.get("profile", app_group["profile"])
    if not isinstance(priority, int) or isinstance(priority, bool) or priority < 0:
        raise invalid("priority", "priority: must be a non-negative number")
    if profile is not None and not isinstance(profile, dict):
        raise invalid("profile", "profile: must be an object")
    return {**app_group, "priority": priority, "profile": profile or {}}


def _make_room(store: Store, made: Document) -> None:
    """Who has the priority already moves down, and so on (recorded: two groups asked for 1, one of them became 0).

    That record shows the older one at 0 afterwards; whether Okta moves up or down in general is not known.
    """
    others = [each for each in store.under("appGroup", f"{made['_appId']}:") if each["id"] != made["id"]]
    clash = next((each for each in others if each["priority"] == made["priority"]), None)
    if clash is None:
        return
    used = {each["priority"] for each in others} | {made["priority"]}
    step = -1 if clash["priority"] > 0 and clash["priority"] - 1 not in used else 1
    free = clash["priority"] + step
    while free in used:
        free += 1
    store.put("appGroup", f"{made['_appId']}:{clash['id']}", {**clash, "priority": free})


def _refresh_soon(call: Call, app: Document, group: Document) -> None:
    """Assign the members, which Okta does after it has answered; the sandbox waits for it unless told to be late."""
    store, app_id, ids = call.store, app["id"], list(group["_members"])
    if not float(store.setting("async_seconds", 0)):
        membership.refresh(store, app, ids)
        call.touched.add(app_id)
        return

    def later() -> None:
        current = store.get("app", app_id)
        if current is not None:
            with store.transaction():
                membership.refresh(store, current, ids)

    call.later[app_id] = later


def _patch(call: Call, app_id: str, group_id: str) -> Reply:
    """JSON Patch of priority and profile; only replace and remove are described."""
    app_group = _find(call, app_id, group_id)
    if not isinstance(call.body, list):
        raise malformed()
    changed = {**app_group, "profile": dict(app_group["profile"])}
    for operation in call.body:
        _apply(changed, operation)
    changed = _changed(changed, {})
    changed["lastUpdated"] = now()
    _make_room(call.store, changed)
    call.store.put("appGroup", f"{app_id}:{group_id}", changed)
    app, group = find_app(call.store, app_id), groups.find(call.store, group_id)
    note(call, "group.application_assignment.update", group_target(group), app_target(app))
    call.touched.add(app_id)
    return Reply(200, _render(call, changed))


def _apply(app_group: Document, operation: Any) -> None:
    if not isinstance(operation, dict):
        raise malformed()
    path = [part for part in str(operation.get("path", "")).split("/") if part]
    holder, value = app_group, operation.get("value")
    if path[:1] == ["profile"] and len(path) == 2:
        holder = app_group["profile"]
    elif path not in (["priority"], ["profile"]):
        raise invalid("path", f"path: '{operation.get('path')}' cannot be changed")
    match operation.get("op"):
        case "replace":
            holder[path[-1]] = value
        case "remove":
            holder.pop(path[-1], None)
            if holder is app_group:
                holder.setdefault("profile", {})
                holder.setdefault("priority", 0)
        case _:
            raise invalid("op", "op: must be replace or remove")


def _unassign(call: Call, app_id: str, group_id: str) -> Reply:
    _find(call, app_id, group_id)
    app, group = find_app(call.store, app_id), groups.find(call.store, group_id)
    call.store.delete("appGroup", f"{app_id}:{group_id}")
    note(call, "group.application_assignment.remove", group_target(group), app_target(app))
    _refresh_soon(call, app, group)
    return Reply(204)


_READ, _MANAGE = ("okta.apps.read",), ("okta.apps.manage",)
_ALL = "/api/v1/apps/{app_id}/groups"
_ONE = f"{_ALL}/{{group_id}}"
ROUTES = (
    Route("GET", _ALL, _list, _READ, "apps"),
    Route("GET", _ONE, _get, _READ, "apps"),
    Route("PUT", _ONE, _assign, _MANAGE, "apps"),
    Route("PATCH", _ONE, _patch, _MANAGE, "apps"),
    Route("DELETE", _ONE, _unassign, _MANAGE, "apps"),
)
