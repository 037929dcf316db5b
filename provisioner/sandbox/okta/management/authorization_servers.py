"""Authorization servers, their keys, scopes and claims (Okta Management API 2026.06.3, AuthorizationServer*)."""

from __future__ import annotations

from typing import Any

from provisioner.sandbox.okta.login import signing_keys
from provisioner.sandbox.okta.management import filters, paging, server_documents
from provisioner.sandbox.okta.management.call import Call, Reply, Route
from provisioner.sandbox.okta.management.errors import OktaError, invalid, not_found
from provisioner.sandbox.okta.management.identity import new_id, now
from provisioner.sandbox.okta.management.log_events import note, target
from provisioner.sandbox.okta.management.paging import Size
from provisioner.sandbox.okta.management.server_documents import find, link, render
from provisioner.sandbox.store import Document

_PAGE = Size(200, 200)
_MODES = ("ORG_URL", "CUSTOM_URL", "DYNAMIC")
_SCOPE_PAGE = Size(200, 200)
_CONSENTS = ("FLEXIBLE", "IMPLICIT", "REQUIRED")
_PUBLISH = ("ALL_CLIENTS", "NO_CLIENTS")
_CLAIM_TYPES = ("IDENTITY", "RESOURCE")
_VALUE_TYPES = ("EXPRESSION", "GROUPS", "SYSTEM")
_ABOUT = {"authScope": ("scope", "scope"), "authClaim": ("claim", "claim")}


def _target(server: Document) -> Document:
    return target("AuthorizationServer", server["id"], server["name"])


def _list(call: Call) -> Reply:
    found = call.store.all("authorizationServer")
    if q := call.query.get("q", "").lower():
        found = [
            each for each in found if any(q in text.lower() for text in [each["name"], *each["audiences"]])
        ]
    return paging.page(call, found, _PAGE, lambda each: render(call, each))


def _sent(call: Call) -> tuple[str, str | None, list[str], str]:
    """Name, description, audiences and issuer mode of a request; just one audience is supported."""
    sent = call.document()
    name, audiences = sent.get("name"), sent.get("audiences")
    if not isinstance(name, str) or not name.strip():
        raise invalid("name", "name: The field cannot be left blank")
    if not isinstance(audiences, list) or len(audiences) != 1 or not isinstance(audiences[0], str):
        raise invalid("audiences", "audiences: exactly one audience is needed")
    mode = sent.get("issuerMode") or "DYNAMIC"
    if mode not in _MODES or (mode == "CUSTOM_URL" and not call.store.all("domain")):
        raise invalid("issuerMode", f"issuerMode: '{mode}' is not available in this org")
    return name, sent.get("description"), list(audiences), str(mode)


def _create(call: Call) -> Reply:
    name, description, audiences, mode = _sent(call)
    server = server_documents.create(call.store, name, description, audiences, mode)
    note(call, "oauth2.as.created", _target(server))
    return Reply(201, render(call, server))


def _get(call: Call, server_id: str) -> Reply:
    return Reply(200, render(call, find(call.store, server_id)))


def _replace(call: Call, server_id: str) -> Reply:
    server = find(call.store, server_id)
    name, description, audiences, mode = _sent(call)
    changed = {
        **server,
        "name": name,
        "description": description,
        "audiences": audiences,
        "issuerMode": mode,
        "issuer": server_documents.issuer_of(
            call.store, "default" if server["default"] else server["id"], mode
        ),
        "lastUpdated": now(),
    }
    rotation = ((call.document().get("credentials") or {}).get("signing") or {}).get("rotationMode")
    if rotation in ("AUTO", "MANUAL"):
        changed["credentials"] = {
            "signing": signing_keys.scheduled(server["credentials"]["signing"], rotation)
        }
    call.store.put("authorizationServer", server["id"], changed)
    note(call, "oauth2.as.updated", _target(changed))
    return Reply(200, render(call, changed))


def _delete(call: Call, server_id: str) -> Reply:
    server, store = find(call.store, server_id), call.store
    if server["default"]:
        raise OktaError(403, "E0000060", "Unsupported operation.")
    policies = [each["id"] for each in store.all("authPolicy") if each["_serverId"] == server["id"]]
    rules = [each["id"] for each in store.all("authRule") if each["_policyId"] in policies]
    store.delete_many("authRule", rules)
    store.delete_many("authPolicy", policies)
    for kind in ("authScope", "authClaim"):
        store.delete_many(kind, [each["id"] for each in store.all(kind) if each["_serverId"] == server["id"]])
    store.delete_many("signingKey", store.keys("signingKey", f"{server['id']}:"))
    store.delete("authorizationServer", server["id"])
    note(call, "oauth2.as.deleted", _target(server))
    return Reply(204)


def _turn(call: Call, server_id: str) -> Reply:
    server = find(call.store, server_id)
    status = "ACTIVE" if call.path.endswith("/activate") else "INACTIVE"
    if server["status"] != status:
        call.store.put(
            "authorizationServer", server["id"], {**server, "status": status, "lastUpdated": now()}
        )
        event = "oauth2.as.activated" if status == "ACTIVE" else "oauth2.as.deactivated"
        note(call, event, _target(server))
    return Reply(204)


def _keys(call: Call, server_id: str) -> Reply:
    server = find(call.store, server_id)
    return Reply(200, _shown_keys(call, server))


def _shown_keys(call: Call, server: Document) -> list[Document]:
    base = f"authorizationServers/{server['id']}/credentials/keys"
    return [
        {**key, "_links": {"self": link(call, f"{base}/{key['kid']}", "GET")}}
        for key in signing_keys.listed(call.store, server["id"])
    ]


def _key(call: Call, server_id: str, key_id: str) -> Reply:
    found = next(
        (key for key in _shown_keys(call, find(call.store, server_id)) if key["kid"] == key_id), None
    )
    if found is None:
        raise not_found(key_id, "JsonWebKey")
    return Reply(200, found)


def _rotate(call: Call, server_id: str) -> Reply:
    server = find(call.store, server_id)
    if call.document().get("use") != "sig":
        raise invalid("use", "use: must be 'sig'")
    mode = server["credentials"]["signing"]["rotationMode"]
    changed = {**server, "credentials": {"signing": signing_keys.rotated(call.store, server["id"], mode)}}
    call.store.put("authorizationServer", server["id"], changed)
    note(call, "oauth2.as.updated", _target(changed))
    return Reply(200, _shown_keys(call, changed))


def _parts(call: Call, kind: str, server: Document) -> list[Document]:
    """The server's scopes or claims: its own first, then those it came with (recorded: test_list_oauth2_scopes)."""
    found = [each for each in call.store.containing(kind, server["id"]) if each["_serverId"] == server["id"]]
    return sorted(found, key=lambda each: bool(each["system"]))


def _part(call: Call, kind: str, server_id: str, key: str) -> Document:
    server = find(call.store, server_id)
    found = call.store.get(kind, key)
    if found is None or found["_serverId"] != server["id"]:
        raise not_found(key, "OAuth2Scope" if kind == "authScope" else "OAuth2Claim")
    return found


def _render_part(call: Call, part: Document) -> Document:
    collection = "scopes" if part["id"].startswith("scp") else "claims"
    path = f"authorizationServers/{part['_serverId']}/{collection}/{part['id']}"
    shown = {name: value for name, value in part.items() if not name.startswith("_")}
    return {**shown, "_links": {"self": link(call, path, "GET", "PUT", "DELETE")}}


def _note_part(call: Call, kind: str, what: str, part: Document) -> None:
    server = find(call.store, part["_serverId"])
    name = "scope" if kind == "authScope" else "claim"
    note(call, f"oauth2.{name}.{what}", target(name, part["id"], part["name"]), _target(server))


def _scopes(call: Call, server_id: str) -> Reply:
    found = _parts(call, "authScope", find(call.store, server_id))
    if q := call.query.get("q", "").lower():
        found = [each for each in found if q in each["name"].lower()]
    if expression := call.query.get("filter"):
        fits = filters.parse(expression)
        found = [each for each in found if fits(each)]
    if "limit" not in call.query and "after" not in call.query:
        return Reply(200, [_render_part(call, each) for each in found])
    return paging.page(call, found, _SCOPE_PAGE, lambda each: _render_part(call, each))


def _get_scope(call: Call, server_id: str, scope_id: str) -> Reply:
    return Reply(200, _render_part(call, _part(call, "authScope", server_id, scope_id)))


def _scope(call: Call, server: Document, own_id: str = "") -> Document:
    """The members that a request gives a scope, with defaults of the API description; names are unique in a server."""
    sent = call.document()
    name = sent.get("name")
    if not isinstance(name, str) or not name.strip() or any(map(str.isspace, name)):
        raise invalid("name", "name: The field cannot be left blank")
    if any(each["name"] == name and each["id"] != own_id for each in _parts(call, "authScope", server)):
        raise invalid("name", f"name: Scope name '{name}' already exists in this authorization server.")
    consent, publish = sent.get("consent") or "IMPLICIT", sent.get("metadataPublish") or "NO_CLIENTS"
    _one_of("consent", consent, _CONSENTS)
    _one_of("metadataPublish", publish, _PUBLISH)
    title = {} if sent.get("displayName") is None else {"displayName": sent["displayName"]}
    return {
        "name": name,
        **title,
        "description": sent.get("description"),
        "system": False,
        "metadataPublish": publish,
        "consent": consent,
        "optional": bool(sent.get("optional", False)),
        "apiResourceId": None,
        "default": bool(sent.get("default", False)),
    }


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise invalid(name, f"{name}: must be one of {', '.join(allowed)}")


def _create_scope(call: Call, server_id: str) -> Reply:
    server = find(call.store, server_id)
    made = {"id": new_id("scp"), **_scope(call, server), "_serverId": server["id"]}
    call.store.put("authScope", made["id"], made)
    _note_part(call, "authScope", "created", made)
    return Reply(201, _render_part(call, made))


def _replace_scope(call: Call, server_id: str, scope_id: str) -> Reply:
    before, server = _part(call, "authScope", server_id, scope_id), find(call.store, server_id)
    kept = {name: before[name] for name in ("id", "_serverId")}
    changed = {**kept, **_scope(call, server, scope_id), "system": before["system"]}
    if before["system"] and changed["name"] != before["name"]:
        raise invalid("name", "name: A system scope cannot be renamed.")
    call.store.put("authScope", scope_id, changed)
    _note_part(call, "authScope", "updated", changed)
    return Reply(200, _render_part(call, changed))


def _delete_part(call: Call, kind: str, server_id: str, key: str) -> Reply:
    found = _part(call, kind, server_id, key)
    if found["system"]:
        raise OktaError(403, "E0000060", "Unsupported operation.")
    call.store.delete(kind, key)
    _note_part(call, kind, "deleted", found)
    return Reply(204)


def _delete_scope(call: Call, server_id: str, scope_id: str) -> Reply:
    return _delete_part(call, "authScope", server_id, scope_id)


def _claims(call: Call, server_id: str) -> Reply:
    found = _parts(call, "authClaim", find(call.store, server_id))
    return Reply(200, [_render_part(call, each) for each in found])


def _get_claim(call: Call, server_id: str, claim_id: str) -> Reply:
    return Reply(200, _render_part(call, _part(call, "authClaim", server_id, claim_id)))


def _claim(call: Call) -> Document:
    sent = call.document()
    if not isinstance(sent.get("name"), str) or not sent["name"].strip():
        raise invalid("name", "name: The field cannot be left blank")
    _one_of("claimType", sent.get("claimType"), _CLAIM_TYPES)
    value_type = sent.get("valueType") or "EXPRESSION"
    _one_of("valueType", value_type, _VALUE_TYPES)
    found = {
        "name": sent["name"],
        "status": sent.get("status") or "ACTIVE",
        "claimType": sent["claimType"],
        "valueType": value_type,
        "value": sent.get("value"),
        "conditions": {"scopes": (sent.get("conditions") or {}).get("scopes") or []},
        "system": False,
        "alwaysIncludeInToken": bool(sent.get("alwaysIncludeInToken", sent["claimType"] == "RESOURCE")),
        "apiResourceId": None,
    }
    if value_type == "GROUPS":
        found["group_filter_type"] = sent.get("group_filter_type")
    return found


def _create_claim(call: Call, server_id: str) -> Reply:
    server = find(call.store, server_id)
    made = {"id": new_id("ocl"), **_claim(call), "_serverId": server["id"]}
    call.store.put("authClaim", made["id"], made)
    _note_part(call, "authClaim", "created", made)
    return Reply(201, _render_part(call, made))


def _replace_claim(call: Call, server_id: str, claim_id: str) -> Reply:
    before = _part(call, "authClaim", server_id, claim_id)
    changed = {**before, **_claim(call), "system": before["system"]}
    call.store.put("authClaim", claim_id, changed)
    _note_part(call, "authClaim", "updated", changed)
    return Reply(200, _render_part(call, changed))


def _delete_claim(call: Call, server_id: str, claim_id: str) -> Reply:
    return _delete_part(call, "authClaim", server_id, claim_id)


_READ, _MANAGE = ("okta.authorizationServers.read",), ("okta.authorizationServers.manage",)
_BUCKET = "authorizationServers"
_ALL = "/api/v1/authorizationServers"
_ONE = f"{_ALL}/{{server_id}}"
_SCOPE, _CLAIM = f"{_ONE}/scopes/{{scope_id}}", f"{_ONE}/claims/{{claim_id}}"
ROUTES = (
    Route("GET", _ALL, _list, _READ, _BUCKET),
    Route("POST", _ALL, _create, _MANAGE, _BUCKET),
    Route("GET", _ONE, _get, _READ, _BUCKET),
    Route("PUT", _ONE, _replace, _MANAGE, _BUCKET),
    Route("DELETE", _ONE, _delete, _MANAGE, _BUCKET),
    Route("POST", f"{_ONE}/lifecycle/activate", _turn, _MANAGE, _BUCKET),
    Route("POST", f"{_ONE}/lifecycle/deactivate", _turn, _MANAGE, _BUCKET),
    Route("GET", f"{_ONE}/credentials/keys", _keys, _READ, _BUCKET),
    Route("GET", f"{_ONE}/credentials/keys/{{key_id}}", _key, _READ, _BUCKET),
    Route("POST", f"{_ONE}/credentials/lifecycle/keyRotate", _rotate, _MANAGE, _BUCKET),
    Route("GET", f"{_ONE}/scopes", _scopes, _READ, _BUCKET),
    Route("POST", f"{_ONE}/scopes", _create_scope, _MANAGE, _BUCKET),
    Route("GET", _SCOPE, _get_scope, _READ, _BUCKET),
    Route("PUT", _SCOPE, _replace_scope, _MANAGE, _BUCKET),
    Route("DELETE", _SCOPE, _delete_scope, _MANAGE, _BUCKET),
    Route("GET", f"{_ONE}/claims", _claims, _READ, _BUCKET),
    Route("POST", f"{_ONE}/claims", _create_claim, _MANAGE, _BUCKET),
    Route("GET", _CLAIM, _get_claim, _READ, _BUCKET),
    Route("PUT", _CLAIM, _replace_claim, _MANAGE, _BUCKET),
    Route("DELETE", _CLAIM, _delete_claim, _MANAGE, _BUCKET),
)
