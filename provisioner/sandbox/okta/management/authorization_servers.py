"""Authorization servers and their signing keys.

Okta Management API 2026.06.3, AuthorizationServer, AuthorizationServerKeys; recorded: terraform-provider-okta
TestAccResourceOktaAuthServer*.
"""

from __future__ import annotations

from typing import Any

from provisioner.sandbox.okta.login import signing_keys
from provisioner.sandbox.okta.management.authorization_server_scopes import (
    add_system_scopes_and_claims,
    server_target,
)
from provisioner.sandbox.okta.management.errors import invalid, not_found, unsupported_operation
from provisioner.sandbox.okta.management.objects import (
    delete_matching,
    find,
    new_id,
    now,
    public_members,
    required_text,
    select,
)
from provisioner.sandbox.okta.management.pagination import PageSize, paginate
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse, Route, lifecycle_routes
from provisioner.sandbox.okta.management.system_log import log_request
from provisioner.sandbox.store import Document, Store

_PAGE = PageSize(200, 200)
_ISSUER_MODES = ("ORG_URL", "CUSTOM_URL", "DYNAMIC")


def new_server(
    store: Store, name: str, description: str | None, audiences: list[str], issuer_mode: str
) -> Document:
    """Store a new authorization server with its system scopes, its claim ``sub`` and a signing key.

    Args:
        store: the org.
        name: the name.
        description: the description.
        audiences: audiences of its tokens.
        issuer_mode: ``ORG_URL``, ``CUSTOM_URL`` or ``DYNAMIC``.
    """
    server_id, timestamp = new_id("aus"), now()
    server: Document = {
        "id": server_id,
        "name": name,
        "description": description,
        "audiences": audiences,
        "issuer": stored_issuer(store, server_id, issuer_mode),
        "issuerMode": issuer_mode,
        "status": "ACTIVE",
        "created": timestamp,
        "lastUpdated": timestamp,
        "credentials": {"signing": signing_keys.rotate(store, server_id, "AUTO")},
        "default": False,
    }
    store.put("authorizationServer", server_id, server)
    add_system_scopes_and_claims(store, server_id)
    return server


def stored_issuer(store: Store, server_id: str, issuer_mode: str) -> str:
    """The issuer below the org's URL, or below its custom domain."""
    base_url = str(store.setting("root", ""))
    if issuer_mode == "CUSTOM_URL":
        domain = next(iter(store.all("domain")), None)
        base_url = f"https://{domain['domain']}" if domain else base_url
    return f"{base_url}/oauth2/{server_id}"


def issuer_for(request: ApiRequest, server: Document) -> str:
    """The issuer in a response; with ``DYNAMIC`` it has the host of the request.

    Okta Management API 2026.06.3, AuthorizationServer.issuerMode. The issuer of the default server ends with its name.
    """
    issuer = str(server["issuer"])
    if server["issuerMode"] == "DYNAMIC" or issuer.startswith("/"):
        return f"{request.base_url}/oauth2/{issuer.rpartition('/')[2]}"
    return issuer


def _render(request: ApiRequest, server: Document) -> Document:
    base, issuer = f"authorizationServers/{server['id']}", issuer_for(request, server)
    operation = "deactivate" if server["status"] == "ACTIVE" else "activate"
    links: dict[str, Any] = {
        "rotateKey": request.link(f"{base}/credentials/lifecycle/keyRotate", "POST"),
        "metadata": [
            {"name": name, "href": f"{issuer}/.well-known/{name}", "hints": {"allow": ["GET"]}}
            for name in ("oauth-authorization-server", "openid-configuration")
        ],
        "keys": request.link(f"{base}/credentials/keys", "GET"),
        "claims": request.link(f"{base}/claims", "GET", "POST"),
        "policies": request.link(f"{base}/policies", "GET", "POST"),
        "self": request.link(base, "GET", "DELETE", "PUT"),
        "scopes": request.link(f"{base}/scopes", "GET", "POST"),
        operation: request.link(f"{base}/lifecycle/{operation}", "POST"),
    }
    return {**public_members(server), "issuer": issuer, "_links": links}


def _find(request: ApiRequest, server_id: str) -> Document:
    return find(request.store, "authorizationServer", server_id)


def _list(request: ApiRequest) -> ApiResponse:
    servers = request.store.all("authorizationServer")
    if q := request.query.get("q", "").lower():
        servers = [
            server
            for server in servers
            if any(q in text.lower() for text in [server["name"], *server["audiences"]])
        ]
    return paginate(request, servers, _PAGE, lambda server: _render(request, server))


def _requested_members(request: ApiRequest) -> tuple[str, str | None, list[str], str]:
    """Name, description, audiences and issuer mode in a request; Okta supports exactly one audience."""
    body = request.json_object()
    name, audiences = required_text(body, "name"), body.get("audiences")
    if not isinstance(audiences, list) or len(audiences) != 1 or not isinstance(audiences[0], str):
        raise invalid("audiences", "audiences: exactly one audience is needed")
    mode = body.get("issuerMode") or "DYNAMIC"
    if mode not in _ISSUER_MODES or (mode == "CUSTOM_URL" and not request.store.all("domain")):
        raise invalid("issuerMode", f"issuerMode: '{mode}' is not available in this org")
    return name, body.get("description"), list(audiences), str(mode)


def _create(request: ApiRequest) -> ApiResponse:
    server = new_server(request.store, *_requested_members(request))
    log_request(request, "oauth2.as.created", server_target(server))
    return ApiResponse(201, _render(request, server))


def _get(request: ApiRequest, server_id: str) -> ApiResponse:
    return ApiResponse(200, _render(request, _find(request, server_id)))


def _replace(request: ApiRequest, server_id: str) -> ApiResponse:
    server = _find(request, server_id)
    name, description, audiences, mode = _requested_members(request)
    issuer_id = "default" if server["default"] else server["id"]
    changed = {
        **server,
        "name": name,
        "description": description,
        "audiences": audiences,
        "issuerMode": mode,
        "issuer": stored_issuer(request.store, issuer_id, mode),
        "lastUpdated": now(),
    }
    signing = (request.json_object().get("credentials") or {}).get("signing") or {}
    rotation_mode = signing.get("rotationMode")
    if rotation_mode in ("AUTO", "MANUAL"):
        before = server["credentials"]["signing"]
        changed["credentials"] = {"signing": signing_keys.with_rotation_mode(before, rotation_mode)}
    request.store.put("authorizationServer", server["id"], changed)
    log_request(request, "oauth2.as.updated", server_target(changed))
    return ApiResponse(200, _render(request, changed))


def _delete(request: ApiRequest, server_id: str) -> ApiResponse:
    server, store = _find(request, server_id), request.store
    if server["default"]:
        raise unsupported_operation()
    for policy in select(store, "authPolicy", _serverId=server["id"]):
        delete_matching(store, "authRule", _policyId=policy["id"])
    for kind in ("authPolicy", "authScope", "authClaim"):
        delete_matching(store, kind, _serverId=server["id"])
    store.delete_many("signingKey", store.keys("signingKey", f"{server['id']}:"))
    store.delete("authorizationServer", server["id"])
    log_request(request, "oauth2.as.deleted", server_target(server))
    return ApiResponse(204)


def _change_status(request: ApiRequest, server_id: str) -> ApiResponse:
    server, status = _find(request, server_id), request.target_status
    if server["status"] != status:
        changed = {**server, "status": status, "lastUpdated": now()}
        request.store.put("authorizationServer", server["id"], changed)
        log_request(request, f"oauth2.as.{request.operation}d", server_target(server))
    return ApiResponse(204)


def _list_keys(request: ApiRequest, server_id: str) -> ApiResponse:
    return ApiResponse(200, _render_keys(request, _find(request, server_id)))


def _render_keys(request: ApiRequest, server: Document) -> list[Document]:
    base = f"authorizationServers/{server['id']}/credentials/keys"
    return [
        {**key, "_links": {"self": request.link(f"{base}/{key['kid']}", "GET")}}
        for key in signing_keys.public_keys(request.store, server["id"])
    ]


def _get_key(request: ApiRequest, server_id: str, key_id: str) -> ApiResponse:
    for key in _render_keys(request, _find(request, server_id)):
        if key["kid"] == key_id:
            return ApiResponse(200, key)
    raise not_found(key_id, "JsonWebKey")


def _rotate_keys(request: ApiRequest, server_id: str) -> ApiResponse:
    server = _find(request, server_id)
    if request.json_object().get("use") != "sig":
        raise invalid("use", "use: must be 'sig'")
    mode = server["credentials"]["signing"]["rotationMode"]
    changed = {**server, "credentials": {"signing": signing_keys.rotate(request.store, server["id"], mode)}}
    request.store.put("authorizationServer", server["id"], changed)
    log_request(request, "oauth2.as.updated", server_target(changed))
    return ApiResponse(200, _render_keys(request, changed))


_READ, _MANAGE = ("okta.authorizationServers.read",), ("okta.authorizationServers.manage",)
_BUCKET = "authorizationServers"
_SERVERS = "/api/v1/authorizationServers"
_SERVER = f"{_SERVERS}/{{server_id}}"
_CREDENTIALS = f"{_SERVER}/credentials"
ROUTES = (
    Route("GET", _SERVERS, _list, _READ, _BUCKET),
    Route("POST", _SERVERS, _create, _MANAGE, _BUCKET),
    Route("GET", _SERVER, _get, _READ, _BUCKET),
    Route("PUT", _SERVER, _replace, _MANAGE, _BUCKET),
    Route("DELETE", _SERVER, _delete, _MANAGE, _BUCKET),
    *lifecycle_routes(_SERVER, _change_status, _MANAGE, _BUCKET),
    Route("GET", f"{_CREDENTIALS}/keys", _list_keys, _READ, _BUCKET),
    Route("GET", f"{_CREDENTIALS}/keys/{{key_id}}", _get_key, _READ, _BUCKET),
    Route("POST", f"{_CREDENTIALS}/lifecycle/keyRotate", _rotate_keys, _MANAGE, _BUCKET),
)
