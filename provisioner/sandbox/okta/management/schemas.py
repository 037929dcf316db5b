"""User types and profile schemas (Okta Management API 2026.06.3, Schema; recorded: AppUserBaseSchema_change)."""

from __future__ import annotations

from typing import Any

from provisioner.sandbox.okta.management import schema_documents
from provisioner.sandbox.okta.management.apps import find
from provisioner.sandbox.okta.management.call import Call, Reply, Route
from provisioner.sandbox.okta.management.errors import invalid, not_found
from provisioner.sandbox.okta.management.identity import now
from provisioner.sandbox.okta.management.log_events import app_target, note
from provisioner.sandbox.store import Document


def _types(call: Call) -> Reply:
    return Reply(200, [_type(call, each) for each in call.store.all("userType")])


def _one_type(call: Call, type_id: str) -> Reply:
    found = next(
        (
            each
            for each in call.store.all("userType")
            if type_id in (each["id"], "default" if each["default"] else "")
        ),
        None,
    )
    if found is None:
        raise not_found(type_id, "UserType")
    return Reply(200, _type(call, found))


def _type(call: Call, found: Document) -> Document:
    schema = {"rel": "schema", "href": call.api(f"meta/schemas/user/osc{found['id'][3:]}"), "method": "GET"}
    itself = {"rel": "self", "href": call.api(f"meta/types/user/{found['id']}"), "method": "GET"}
    return {**found, "_links": {"schema": schema, "self": itself}}


def _app_schema(call: Call, app_id: str) -> Document:
    app = find(call.store, app_id)
    found = call.store.get("appSchema", app_id)
    if found is None:
        found = schema_documents.of_app(app)
        call.store.put("appSchema", app_id, found)
    return found


def _get_app(call: Call, app_id: str) -> Reply:
    return Reply(200, _render(call, f"apps/{app_id}/default", _app_schema(call, app_id)))


def _update_app(call: Call, app_id: str) -> Reply:
    """Partial: base attributes may become required or not; custom ones come, change and, by null, go."""
    schema, sent = _app_schema(call, app_id), call.document().get("definitions") or {}
    base, custom = schema["definitions"]["base"], schema["definitions"]["custom"]
    for name, wanted in ((sent.get("base") or {}).get("properties") or {}).items():
        _change_base(base, name, wanted)
    for name, wanted in ((sent.get("custom") or {}).get("properties") or {}).items():
        if wanted is None:
            custom["properties"].pop(name, None)
        elif name in base["properties"]:
            raise invalid("definitions", f"{name}: is a base property")
        else:
            kept = {key: value for key, value in wanted.items() if value is not None}
            custom["properties"][name] = {"scope": "NONE", **kept}
    schema["lastUpdated"] = now()
    call.store.put("appSchema", app_id, schema)
    note(call, "application.configuration.update", app_target(find(call.store, app_id)))
    return Reply(200, _render(call, f"apps/{app_id}/default", schema))


def _change_base(base: Document, name: str, wanted: Any) -> None:
    known = base["properties"].get(name)
    if known is None or wanted is None:
        raise invalid("definitions", f"{name}: base properties can be neither added nor removed")
    if wanted.get("required"):
        known["required"] = True
    else:
        known.pop("required", None)
    base["required"] = [each for each, kept in base["properties"].items() if kept.get("required")]


def _get_user(call: Call, schema_id: str) -> Reply:
    default = next(each["id"] for each in call.store.all("userType") if each["default"])
    own = f"osc{default[3:]}"
    if schema_id not in ("default", own):
        raise not_found(schema_id, "UserSchema")
    return Reply(200, _render(call, f"user/{own}", call.store.setting("user_schema")))


def _render(call: Call, path: str, schema: Document) -> Document:
    itself = {"rel": "self", "href": call.api(f"meta/schemas/{path}"), "method": "GET"}
    return {"id": f"{call.root}/meta/schemas/{path}", **schema, "_links": {"self": itself}}


_APP = "/api/v1/meta/schemas/apps/{app_id}/default"
ROUTES = (
    Route("GET", "/api/v1/meta/types/user", _types, ("okta.userTypes.read",), "other"),
    Route("GET", "/api/v1/meta/types/user/{type_id}", _one_type, ("okta.userTypes.read",), "other"),
    Route("GET", _APP, _get_app, ("okta.schemas.read",), "other"),
    Route("POST", _APP, _update_app, ("okta.schemas.manage",), "other"),
    Route("GET", "/api/v1/meta/schemas/user/{schema_id}", _get_user, ("okta.schemas.read",), "other"),
)
