"""Authentication and authorization of API requests: API tokens and the access tokens of service apps."""

from __future__ import annotations

from dataclasses import replace

from werkzeug.wrappers import Request

from provisioner.sandbox.okta.login import dpop, token_endpoint
from provisioner.sandbox.okta.management import errors
from provisioner.sandbox.okta.management.app_settings import app_with_client_id
from provisioner.sandbox.okta.management.org import api_token
from provisioner.sandbox.okta.management.request import ApiRequest, Caller, Route
from provisioner.sandbox.okta.management.system_log import full_name
from provisioner.sandbox.store import Store


def authenticate(request: ApiRequest, http_request: Request) -> ApiRequest:
    """The request with its caller.

    ``SSWS`` needs no space before the token; this is inferred from clients that omit it.

    Raises:
        OktaError: 401 without a valid token.
    """
    header = http_request.headers.get("Authorization", "").strip()
    if header[:4].upper() == "SSWS":
        return replace(request, caller=_token_owner(request.store, header[4:].strip()))
    scheme, _, token = header.partition(" ")
    if scheme.lower() in ("bearer", "dpop"):
        return replace(request, caller=_service_app(request, http_request, scheme.lower(), token.strip()))
    raise errors.invalid_token()


def _token_owner(store: Store, value: str) -> Caller:
    token = api_token(store, value)
    owner = store.get("user", token["userId"]) if token else None
    if token is None or owner is None or owner["status"] in ("DEPROVISIONED", "SUSPENDED"):
        raise errors.invalid_token()
    return Caller(token["id"], "User", owner["id"], owner["profile"]["login"], full_name(owner))


def _service_app(request: ApiRequest, http_request: Request, scheme: str, token: str) -> Caller:
    claims = token_endpoint.read_access_token(request.store, token)
    if claims is None:
        raise errors.invalid_token()
    thumbprint = (claims.get("cnf") or {}).get("jkt")
    url = f"{request.base_url}{http_request.path}"
    proof = http_request.headers.get("DPoP")
    if bool(thumbprint) != (scheme == "dpop"):
        raise errors.invalid_token()
    if thumbprint and not dpop.is_valid_proof(proof, request.method, url, token, thumbprint):
        raise errors.invalid_token()
    client_id = claims["cid"]
    app = app_with_client_id(request.store, client_id)
    if app is None or app["status"] != "ACTIVE":
        raise errors.invalid_token()
    scopes = frozenset(claims["scp"])
    return Caller(client_id, "PublicClientApp", app["id"], client_id, app["label"], scopes)


def authorize(request: ApiRequest, route: Route) -> None:
    """Check every scope in ``security`` of the API description; ``manage`` does not include ``read``.

    Scopes in the setting ``denied`` are refused to every caller.

    Raises:
        OktaError: 403 when a scope is missing.
    """
    denied = set(request.store.setting("denied", default=[]))
    granted = request.caller.scopes
    if not any(scope in denied or (granted is not None and scope not in granted) for scope in route.scopes):
        return
    if granted is None:
        raise errors.access_denied()
    base_url = request.base_url
    challenge = (
        f'Bearer authorization_uri="{base_url}/oauth2/v1/authorize", realm="{base_url}", '
        f'scope="{" ".join(route.scopes)}", error="insufficient_scope", '
        'error_description="The access token provided does not contain the required scopes.", '
        f'resource="{request.path}"'
    )
    raise errors.access_denied({"WWW-Authenticate": challenge})
