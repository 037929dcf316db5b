"""Group push mappings (Okta Management API 2026.06.3, GroupPushMapping; recorded: TestAccResourceOktaPushGroup_crud).

The description says 201 for POST and 204 for DELETE; Okta was recorded to answer 200 both times, the latter without a body.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from provisioner.sandbox.okta.management import groups, paging
from provisioner.sandbox.okta.management.apps import find as find_app
from provisioner.sandbox.okta.management.call import Call, Reply, Route
from provisioner.sandbox.okta.management.errors import OktaError, invalid, not_found
from provisioner.sandbox.okta.management.identity import new_id
from provisioner.sandbox.okta.management.log_events import app_target, group_target, note
from provisioner.sandbox.okta.management.paging import Size
from provisioner.sandbox.store import Document

_PAGE = Size(100, 1000)
_STATUSES = ("ACTIVE", "INACTIVE")


def _moment() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _render(call: Call, mapping: Document) -> Document:
    shown = {name: value for name, value in mapping.items() if not name.startswith("_") and value is not None}
    links = {
        "app": {"href": call.api(f"apps/{mapping['_appId']}")},
        "sourceGroup": {"href": call.api(f"groups/{mapping['sourceGroupId']}")},
    }
    if mapping.get("targetGroupId"):
        links["targetGroup"] = {"href": call.api(f"groups/{mapping['targetGroupId']}")}
    return {**shown, "_links": links}


def _find(call: Call, app_id: str, mapping_id: str) -> Document:
    find_app(call.store, app_id)
    found = call.store.get("pushMapping", mapping_id)
    if found is None or found["_appId"] != app_id:
        raise not_found(mapping_id, "GroupPushMapping")
    return found


def _list(call: Call, app_id: str) -> Reply:
    find_app(call.store, app_id)
    found = [each for each in call.store.all("pushMapping") if each["_appId"] == app_id]
    for name in ("sourceGroupId", "status"):
        if wanted := call.query.get(name):
            found = [each for each in found if each[name] == wanted]
    if since := call.query.get("lastUpdated"):
        found = [each for each in found if each["lastUpdated"] >= since]
    return paging.page(call, found, _PAGE, lambda each: _render(call, each))


def _get(call: Call, app_id: str, mapping_id: str) -> Reply:
    return Reply(200, _render(call, _find(call, app_id, mapping_id)))


def _create(call: Call, app_id: str) -> Reply:
    """Push a group: the application's group appears in Okta at once, its members follow with the next push."""
    app, sent = find_app(call.store, app_id), call.document()
    source = groups.find(call.store, str(sent.get("sourceGroupId") or ""))
    if source["type"] == "APP_GROUP":
        raise invalid("sourceGroupId", "sourceGroupId: A group of an application cannot be pushed.")
    if any(
        (each["_appId"], each["sourceGroupId"]) == (app_id, source["id"])
        for each in call.store.all("pushMapping")
    ):
        raise invalid("sourceGroupId", "sourceGroupId: The group is pushed to this application already.")
    moment = _moment()
    made = {
        "id": new_id("gPm"),
        "created": moment,
        "lastUpdated": moment,
        "sourceGroupId": source["id"],
        "status": _status(sent.get("status", "ACTIVE")),
        "targetGroupId": _target(call, app, sent)["id"],
        "_appId": app_id,
    }
    call.store.put("pushMapping", made["id"], made)
    note(call, "application.provision.group_push.mapping.created", group_target(source), app_target(app))
    call.touched.add(app_id)
    return Reply(200, _render(call, made))


def _status(value: Any) -> str:
    if value not in _STATUSES:
        raise invalid("status", f"status: must be one of {', '.join(_STATUSES)}")
    return str(value)


def _target(call: Call, app: Document, sent: Document) -> Document:
    """The application's group to push to: by id, or by name; one of that name is linked, else it is made."""
    name, key = sent.get("targetGroupName"), sent.get("targetGroupId")
    if bool(name) == bool(key):
        raise invalid("targetGroup", "Exactly one of targetGroupId and targetGroupName is needed.")
    if key:
        found = groups.find(call.store, str(key))
        if found.get("_appId") != app["id"]:
            raise invalid("targetGroupId", "targetGroupId: is not a group of this application")
        return found
    for group in call.store.all("group"):
        if group.get("_appId") == app["id"] and group["profile"]["name"] == name:
            return group
    made = {**groups.new(str(name), kind="APP_GROUP"), "_appId": app["id"]}
    made["objectClass"] = [f"{app['name']}:group"]
    call.store.put("group", made["id"], made)
    return made


def _update(call: Call, app_id: str, mapping_id: str) -> Reply:
    mapping = _find(call, app_id, mapping_id)
    status = _status(call.document().get("status"))
    changed = {**mapping, "status": status, "lastUpdated": _moment()}
    if status == "ACTIVE":
        changed.pop("errorSummary", None)
    call.store.put("pushMapping", mapping_id, changed)
    app, source = find_app(call.store, app_id), call.store.get("group", mapping["sourceGroupId"])
    event = "application.provision.group_push.mapping.update"
    note(call, event, *([group_target(source)] if source else []), app_target(app))
    call.touched.add(app_id)
    return Reply(200, _render(call, changed))


def _delete(call: Call, app_id: str, mapping_id: str) -> Reply:
    mapping, app = _find(call, app_id, mapping_id), find_app(call.store, app_id)
    if call.query.get("deleteTargetGroup", "").lower() not in ("true", "false"):
        raise OktaError(
            400, "E0000028", "The request is missing a required parameter.", ["deleteTargetGroup"]
        )
    if mapping["status"] != "INACTIVE":
        raise invalid("status", "Only an inactive group push mapping can be deleted.")
    store, remove = call.store, call.flag("deleteTargetGroup", default=False)
    if remove and mapping.get("targetGroupId"):
        store.delete("group", mapping["targetGroupId"])
    store.delete("pushMapping", mapping_id)

    def unlink() -> None:
        from provisioner.sandbox.okta import provisioning  # noqa: PLC0415 (start-up time)

        provisioning.unlink_group(store, app_id, mapping["sourceGroupId"], delete_target=remove)

    call.later[f"unlink {mapping_id}"] = unlink
    note(call, "application.provision.group_push.mapping.deleted", app_target(app))
    call.touched.add(app_id)
    return Reply(200)


_READ, _MANAGE = ("okta.apps.read", "okta.groups.read"), ("okta.apps.manage", "okta.groups.manage")
_ALL = "/api/v1/apps/{app_id}/group-push/mappings"
_ONE = f"{_ALL}/{{mapping_id}}"
ROUTES = (
    Route("GET", _ALL, _list, _READ, "apps"),
    Route("POST", _ALL, _create, _MANAGE, "apps"),
    Route("GET", _ONE, _get, _READ, "apps"),
    Route("PATCH", _ONE, _update, _MANAGE, "apps"),
    Route("DELETE", _ONE, _delete, _MANAGE, "apps"),
)
