"""Profile mappings (Okta Management API 2026.06.3, ProfileMapping; recorded: TestAccResourceOktaProfileMapping_crud)."""

from __future__ import annotations

from typing import Any

from provisioner.sandbox.okta.management import paging
from provisioner.sandbox.okta.management.call import Call, Reply, Route
from provisioner.sandbox.okta.management.errors import OktaError, invalid
from provisioner.sandbox.okta.management.log_events import app_target, note
from provisioner.sandbox.okta.management.paging import Size
from provisioner.sandbox.store import Document

_PAGE = Size(20, 200)
_PUSH = ("PUSH", "DONT_PUSH")
_NOT_MAPPED = "userName"  # comes from the app's user name template


def _find(call: Call, mapping_id: str) -> Document:
    """The mapping; for an unknown one Okta answers 404 with no body (recorded by okta-sdk-python)."""
    found = call.store.get("mapping", mapping_id)
    if found is None:
        raise OktaError(404, "E0000007", "Not found", empty=True)
    return found


def _list(call: Call) -> Reply:
    """All mappings, or those of one source or target.

    Items have no properties, and links lose the filter, so that following ``next`` leads to mappings of others too (both
    recorded: test_filter_profile_mappings_by_target).
    """
    source, target = call.query.get("sourceId"), call.query.get("targetId")
    found = [
        each
        for each in call.store.containing("mapping", source or target or "")
        if source in (None, each["source"]["id"]) and target in (None, each["target"]["id"])
    ]
    return paging.page(
        call, found, _PAGE, lambda each: _render(call, each, whole=False), hidden=("sourceId", "targetId")
    )


def _get(call: Call, mapping_id: str) -> Reply:
    return Reply(200, _render(call, _find(call, mapping_id)))


def _update(call: Call, mapping_id: str) -> Reply:
    """Merge: what is not mentioned stays; null removes.

    Both ways of removing: ``"displayName": null`` is recorded, ``{"expression": null, "pushStatus": null}`` is the API
    description's example.
    """
    mapping, sent = _find(call, mapping_id), call.document().get("properties")
    if sent is None:
        sent = {}
    if not isinstance(sent, dict):
        raise invalid("properties", "properties: must be an object")
    properties = dict(mapping["properties"])
    for name, entry in sent.items():
        _merge(properties, name, entry, _attributes(call, mapping))
    if properties != mapping["properties"]:
        call.store.put("mapping", mapping_id, {**mapping, "properties": properties})
        app = call.store.get("app", mapping["_appId"])
        note(call, "application.provision.field_mapping_rule.change", *([app_target(app)] if app else []))
        call.touched.add(mapping["_appId"])
    return Reply(200, _render(call, {**mapping, "properties": properties}))


def _merge(properties: Document, name: str, entry: Any, known: set[str]) -> None:
    if entry is None or (isinstance(entry, dict) and entry.get("expression") is None):
        properties.pop(name, None)
        return
    if not isinstance(entry, dict) or not isinstance(entry["expression"], str):
        raise invalid("properties", f"{name}: an expression is needed")
    if name not in known:
        raise invalid("properties", f"Invalid target field {name}")
    push = entry.get("pushStatus") or properties.get(name, {}).get("pushStatus") or "DONT_PUSH"
    if push not in _PUSH:
        raise invalid("properties", f"{name}: pushStatus must be PUSH or DONT_PUSH")
    properties[name] = {"expression": entry["expression"], "pushStatus": push}


def _attributes(call: Call, mapping: Document) -> set[str]:
    """The attributes that the target's schema has."""
    if mapping["target"]["type"] == "user":
        schema = call.store.setting("user_schema")
    else:
        schema = call.store.get("appSchema", mapping["target"]["id"])
    definitions = (schema or {"definitions": {}})["definitions"]
    return {name for part in definitions.values() for name in part["properties"]} - {_NOT_MAPPED}


def _render(call: Call, mapping: Document, *, whole: bool = True) -> Document:
    shown: Document = {
        "id": mapping["id"],
        "source": _end(call, mapping["source"]),
        "target": _end(call, mapping["target"]),
        "_links": {"self": {"href": call.api(f"mappings/{mapping['id']}")}},
    }
    if whole:
        shown["properties"] = mapping["properties"]
    return shown


def _end(call: Call, end: Document) -> Document:
    if end["type"] == "user":
        paths = f"meta/types/user/{end['id']}", f"meta/schemas/user/osc{end['id'][3:]}"
    else:
        paths = f"apps/{end['id']}", f"meta/schemas/apps/{end['id']}/default"
    return {**end, "_links": {"self": {"href": call.api(paths[0])}, "schema": {"href": call.api(paths[1])}}}


_READ, _MANAGE = ("okta.profileMappings.read",), ("okta.profileMappings.manage",)
_ONE = "/api/v1/mappings/{mapping_id}"
ROUTES = (
    Route("GET", "/api/v1/mappings", _list, _READ, "mappings"),
    Route("GET", _ONE, _get, _READ, "mappings"),
    Route("POST", _ONE, _update, _MANAGE, "mappings"),
)
