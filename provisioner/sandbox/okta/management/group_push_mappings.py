"""Group push mappings (Okta Management API 2026.06.3, GroupPushMapping; recorded: TestAccResourceOktaPushGroup_crud).

The description has 201 for POST and 204 for DELETE; recorded responses have 200 for both, DELETE without a body.
"""

from __future__ import annotations

from datetime import UTC, datetime

from provisioner.sandbox.okta import provisioning
from provisioner.sandbox.okta.management.directory import new_group
from provisioner.sandbox.okta.management.errors import invalid, missing_parameter
from provisioner.sandbox.okta.management.objects import (
    find,
    find_in_app,
    new_id,
    one_of,
    public_members,
    select,
)
from provisioner.sandbox.okta.management.pagination import PageSize, paginate
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse, Route
from provisioner.sandbox.okta.management.system_log import app_target, group_target, log_request
from provisioner.sandbox.store import Document

_PAGE = PageSize(100, 1000)
_STATUSES = ("ACTIVE", "INACTIVE")


def _timestamp() -> str:
    """The current time; unlike elsewhere in the API, without milliseconds (recorded)."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _render(request: ApiRequest, mapping: Document) -> Document:
    members = {name: value for name, value in public_members(mapping).items() if value is not None}
    links = {
        "app": {"href": request.url(f"apps/{mapping['_appId']}")},
        "sourceGroup": {"href": request.url(f"groups/{mapping['sourceGroupId']}")},
    }
    if mapping.get("targetGroupId"):
        links["targetGroup"] = {"href": request.url(f"groups/{mapping['targetGroupId']}")}
    return {**members, "_links": links}


def _list(request: ApiRequest, app_id: str) -> ApiResponse:
    find(request.store, "app", app_id)
    mappings = select(request.store, "pushMapping", _appId=app_id)
    for name in ("sourceGroupId", "status"):
        if value := request.query.get(name):
            mappings = [mapping for mapping in mappings if mapping[name] == value]
    if since := request.query.get("lastUpdated"):
        mappings = [mapping for mapping in mappings if mapping["lastUpdated"] >= since]
    return paginate(request, mappings, _PAGE, lambda mapping: _render(request, mapping))


def _get(request: ApiRequest, app_id: str, mapping_id: str) -> ApiResponse:
    return ApiResponse(200, _render(request, find_in_app(request.store, "pushMapping", app_id, mapping_id)))


def _create(request: ApiRequest, app_id: str) -> ApiResponse:
    """Create a mapping; Okta shows the target group at once, the next push sends its members."""
    app, body = find(request.store, "app", app_id), request.json_object()
    source = find(request.store, "group", str(body.get("sourceGroupId") or ""))
    if source["type"] == "APP_GROUP":
        raise invalid("sourceGroupId", "sourceGroupId: A group of an application cannot be pushed.")
    if select(request.store, "pushMapping", sourceGroupId=source["id"], _appId=app_id):
        raise invalid("sourceGroupId", "sourceGroupId: The group is pushed to this application already.")
    timestamp = _timestamp()
    mapping = {
        "id": new_id("gPm"),
        "created": timestamp,
        "lastUpdated": timestamp,
        "sourceGroupId": source["id"],
        "status": one_of("status", body.get("status", "ACTIVE"), _STATUSES),
        "targetGroupId": _target_group(request, app, body)["id"],
        "_appId": app_id,
    }
    request.store.put("pushMapping", mapping["id"], mapping)
    event = "application.provision.group_push.mapping.created"
    log_request(request, event, group_target(source), app_target(app))
    request.apps_to_push.add(app_id)
    return ApiResponse(200, _render(request, mapping))


def _target_group(request: ApiRequest, app: Document, body: Document) -> Document:
    """The application's group to push to, by id or name; a name that no group has creates one."""
    name, group_id = body.get("targetGroupName"), body.get("targetGroupId")
    if bool(name) == bool(group_id):
        raise invalid("targetGroup", "Exactly one of targetGroupId and targetGroupName is needed.")
    if group_id:
        group = find(request.store, "group", str(group_id))
        if group.get("_appId") != app["id"]:
            raise invalid("targetGroupId", "targetGroupId: is not a group of this application")
        return group
    for group in select(request.store, "group", _appId=app["id"]):
        if group["profile"]["name"] == name:
            return group
    group = {**new_group(str(name), group_type="APP_GROUP"), "_appId": app["id"]}
    group["objectClass"] = [f"{app['name']}:group"]
    request.store.put("group", group["id"], group)
    return group


def _update(request: ApiRequest, app_id: str, mapping_id: str) -> ApiResponse:
    mapping = find_in_app(request.store, "pushMapping", app_id, mapping_id)
    status = one_of("status", request.json_object().get("status"), _STATUSES)
    changed = {**mapping, "status": status, "lastUpdated": _timestamp()}
    if status == "ACTIVE":
        changed.pop("errorSummary", None)
    request.store.put("pushMapping", mapping_id, changed)
    app, source = find(request.store, "app", app_id), request.store.get("group", mapping["sourceGroupId"])
    event = "application.provision.group_push.mapping.update"
    log_request(request, event, *([group_target(source)] if source else []), app_target(app))
    request.apps_to_push.add(app_id)
    return ApiResponse(200, _render(request, changed))


def _delete(request: ApiRequest, app_id: str, mapping_id: str) -> ApiResponse:
    mapping, app = (
        find_in_app(request.store, "pushMapping", app_id, mapping_id),
        find(request.store, "app", app_id),
    )
    if request.query.get("deleteTargetGroup", "").lower() not in ("true", "false"):
        raise missing_parameter("deleteTargetGroup")
    if mapping["status"] != "INACTIVE":
        raise invalid("status", "Only an inactive group push mapping can be deleted.")
    store, delete_target = request.store, request.flag("deleteTargetGroup", default=False)
    if delete_target and mapping.get("targetGroupId"):
        store.delete("group", mapping["targetGroupId"])
    store.delete("pushMapping", mapping_id)

    def unlink() -> None:
        provisioning.unlink_group(store, app_id, mapping["sourceGroupId"], delete_target=delete_target)

    request.deferred.append(unlink)
    log_request(request, "application.provision.group_push.mapping.deleted", app_target(app))
    request.apps_to_push.add(app_id)
    return ApiResponse(200)


_READ, _MANAGE = ("okta.apps.read", "okta.groups.read"), ("okta.apps.manage", "okta.groups.manage")
_MAPPINGS = "/api/v1/apps/{app_id}/group-push/mappings"
_MAPPING = f"{_MAPPINGS}/{{mapping_id}}"
ROUTES = (
    Route("GET", _MAPPINGS, _list, _READ, "apps"),
    Route("POST", _MAPPINGS, _create, _MANAGE, "apps"),
    Route("GET", _MAPPING, _get, _READ, "apps"),
    Route("PATCH", _MAPPING, _update, _MANAGE, "apps"),
    Route("DELETE", _MAPPING, _delete, _MANAGE, "apps"),
)
