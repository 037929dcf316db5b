"""Profile mappings (Okta Management API 2026.06.3, ProfileMapping; recorded: TestAccResourceOktaProfileMapping_crud).

Okta creates two mappings with an application: from its users to the application's, and back (recorded:
test_filter_profile_mappings_by_target). The attributes in the mappings of a catalog application are not recorded; the sandbox
maps those that have the same name on both sides.
"""

from __future__ import annotations

from typing import Any

from provisioner.sandbox.okta.management import schemas
from provisioner.sandbox.okta.management.directory import default_user_type, user_schema_id
from provisioner.sandbox.okta.management.errors import OktaError, invalid
from provisioner.sandbox.okta.management.objects import new_id
from provisioner.sandbox.okta.management.pagination import PageSize, paginate
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse, Route
from provisioner.sandbox.okta.management.system_log import app_target, log_request
from provisioner.sandbox.store import Document, Store

_PAGE = PageSize(20, 200)
_PUSH_STATUSES = ("PUSH", "DONT_PUSH")
_UNMAPPED = "userName"  # set by the user name template of the application
_TO_SCIM = {
    "givenName": "user.firstName",
    "familyName": "user.lastName",
    "middleName": "user.middleName",
    "honorificPrefix": "user.honorificPrefix",
    "honorificSuffix": "user.honorificSuffix",
    "displayName": "user.displayName",
    "nickName": "user.nickName",
    "profileUrl": "user.profileUrl",
    "email": "user.email",
    "title": "user.title",
    "userType": "user.userType",
    "preferredLanguage": "user.preferredLanguage",
    "locale": "user.locale",
    "timezone": "user.timezone",
    "streetAddress": "user.streetAddress",
    "locality": "user.city",
    "region": "user.state",
    "postalCode": "user.zipCode",
    "country": "user.countryCode",
    "employeeNumber": "user.employeeNumber",
    "costCenter": "user.costCenter",
    "organization": "user.organization",
    "division": "user.division",
    "department": "user.department",
}
_TO_OIDC = {
    "name": 'user.firstName + " " + user.lastName',
    "nickname": "user.nickName",
    "given_name": "user.firstName",
    "middle_name": "user.middleName",
    "family_name": "user.lastName",
    "email": "user.email",
    "profile": "user.profileUrl",
    "zoneinfo": "user.timezone",
    "locale": "user.locale",
    "phone_number": "user.primaryPhone",
    "street_address": "user.streetAddress",
    "locality": "user.city",
    "region": "user.state",
    "postal_code": "user.zipCode",
    "country": "user.countryCode",
}
_FROM_SCIM = {
    "login": "appuser.userName",
    "firstName": "appuser.givenName",
    "lastName": "appuser.familyName",
    "email": "appuser.email",
}


def create_for(store: Store, app: Document) -> None:
    """Store the profile schema and the two mappings of a new application."""
    store.put("appSchema", app["id"], schemas.new_app_schema(app))
    user_type = default_user_type(store)
    user_end = {"id": user_type["id"], "name": user_type["name"], "type": "user"}
    app_end = {"id": app["id"], "name": app["name"], "type": "appuser"}
    to_app: dict[str, str] = {}
    from_app: dict[str, str] = {}
    push_status = "DONT_PUSH"
    if app["name"] == "oidc_client":
        to_app = _TO_OIDC
    elif app["name"] in schemas.SCIM_APPS:
        to_app, from_app, push_status = _TO_SCIM, _FROM_SCIM, "PUSH"
    _store_mapping(store, app, app_end, user_end, from_app, "DONT_PUSH")
    _store_mapping(store, app, user_end, app_end, to_app, push_status)


def _store_mapping(
    store: Store,
    app: Document,
    source: Document,
    target: Document,
    expressions: dict[str, str],
    push_status: str,
) -> None:
    mapping = {
        "id": new_id("prm"),
        "source": source,
        "target": target,
        "properties": {
            name: {"expression": expression, "pushStatus": push_status}
            for name, expression in expressions.items()
        },
        "_appId": app["id"],
    }
    store.put("mapping", mapping["id"], mapping)


def _find(request: ApiRequest, mapping_id: str) -> Document:
    """The mapping; for an unknown id Okta answers 404 without a body (recorded by okta-sdk-python)."""
    mapping = request.store.get("mapping", mapping_id)
    if mapping is None:
        raise OktaError(404, "E0000007", "Not found", empty=True)
    return mapping


def _list(request: ApiRequest) -> ApiResponse:
    """All mappings, or those of one source or target.

    Items have no properties, and the links lose the filter, so that ``next`` leads to other mappings as well (both recorded:
    test_filter_profile_mappings_by_target).
    """
    source, target = request.query.get("sourceId"), request.query.get("targetId")
    mappings = [
        mapping
        for mapping in request.store.containing("mapping", source or target or "")
        if source in (None, mapping["source"]["id"]) and target in (None, mapping["target"]["id"])
    ]
    return paginate(
        request,
        mappings,
        _PAGE,
        lambda mapping: _render(request, mapping, with_properties=False),
        hidden=("sourceId", "targetId"),
    )


def _get(request: ApiRequest, mapping_id: str) -> ApiResponse:
    return ApiResponse(200, _render(request, _find(request, mapping_id)))


def _update(request: ApiRequest, mapping_id: str) -> ApiResponse:
    """A partial update: properties that the body lacks are unchanged, null removes one.

    Both forms of removal: ``"displayName": null`` is recorded, ``{"expression": null, "pushStatus": null}`` is the example in
    the API description.
    """
    mapping, changes = _find(request, mapping_id), request.json_object().get("properties")
    if changes is None:
        changes = {}
    if not isinstance(changes, dict):
        raise invalid("properties", "properties: must be an object")
    properties = dict(mapping["properties"])
    for name, entry in changes.items():
        _merge(properties, name, entry, _target_attributes(request, mapping))
    if properties != mapping["properties"]:
        request.store.put("mapping", mapping_id, {**mapping, "properties": properties})
        app = request.store.get("app", mapping["_appId"])
        targets = [app_target(app)] if app else []
        log_request(request, "application.provision.field_mapping_rule.change", *targets)
        request.apps_to_push.add(mapping["_appId"])
    return ApiResponse(200, _render(request, {**mapping, "properties": properties}))


def _merge(properties: Document, name: str, entry: Any, attributes: set[str]) -> None:
    if entry is None or (isinstance(entry, dict) and entry.get("expression") is None):
        properties.pop(name, None)
        return
    if not isinstance(entry, dict) or not isinstance(entry["expression"], str):
        raise invalid("properties", f"{name}: an expression is needed")
    if name not in attributes:
        raise invalid("properties", f"Invalid target field {name}")
    push_status = entry.get("pushStatus") or properties.get(name, {}).get("pushStatus") or "DONT_PUSH"
    if push_status not in _PUSH_STATUSES:
        raise invalid("properties", f"{name}: pushStatus must be PUSH or DONT_PUSH")
    properties[name] = {"expression": entry["expression"], "pushStatus": push_status}


def _target_attributes(request: ApiRequest, mapping: Document) -> set[str]:
    """The attributes in the schema of the target."""
    if mapping["target"]["type"] == "user":
        schema = request.store.setting("user_schema")
    else:
        schema = request.store.get("appSchema", mapping["target"]["id"])
    definitions = (schema or {"definitions": {}})["definitions"]
    return {name for definition in definitions.values() for name in definition["properties"]} - {_UNMAPPED}


def _render(request: ApiRequest, mapping: Document, *, with_properties: bool = True) -> Document:
    members: Document = {
        "id": mapping["id"],
        "source": _render_end(request, mapping["source"]),
        "target": _render_end(request, mapping["target"]),
        "_links": {"self": {"href": request.url(f"mappings/{mapping['id']}")}},
    }
    if with_properties:
        members["properties"] = mapping["properties"]
    return members


def _render_end(request: ApiRequest, end: Document) -> Document:
    """The source or target of a mapping."""
    if end["type"] == "user":
        path, schema = f"meta/types/user/{end['id']}", f"meta/schemas/user/{user_schema_id(end['id'])}"
    else:
        path, schema = f"apps/{end['id']}", f"meta/schemas/apps/{end['id']}/default"
    links = {"self": {"href": request.url(path)}, "schema": {"href": request.url(schema)}}
    return {**end, "_links": links}


_READ, _MANAGE = ("okta.profileMappings.read",), ("okta.profileMappings.manage",)
_MAPPING = "/api/v1/mappings/{mapping_id}"
ROUTES = (
    Route("GET", "/api/v1/mappings", _list, _READ, "mappings"),
    Route("GET", _MAPPING, _get, _READ, "mappings"),
    Route("POST", _MAPPING, _update, _MANAGE, "mappings"),
)
