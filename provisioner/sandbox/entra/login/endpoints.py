"""The emulated Microsoft identity platform: discovery documents, signing keys, and the token endpoint.

Client credentials only. Fields and values follow the live discovery document and "OAuth 2.0 client credentials flow
on the Microsoft identity platform"; the AADSTS texts follow "Microsoft Entra authentication and authorization error
codes".
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.wrappers import Request, Response

from provisioner.sandbox.entra.login.tokens import (
    GRAPH_APP_ID,
    GRAPH_AUDIENCE,
    LIFETIME,
    Tokens,
    service_principal,
)
from provisioner.sandbox.store import Document, Store

_DISCOVERY = re.compile(r"/([^/]+)/v2\.0/\.well-known/openid-configuration")
_KEYS = re.compile(r"/([^/]+)/discovery/v2\.0/keys")
_TOKEN = re.compile(r"/([^/]+)/oauth2/v2\.0/token")
_ANY_TENANT = ("common", "organizations", "consumers")


class _Refusal(Exception):  # noqa: N818 (a response to the client; nothing went wrong)
    """The refusal of a token request.

    Attributes:
        error: OAuth error code.
        number: AADSTS number.
        text: description after the number.
        status: HTTP status.
    """

    def __init__(self, error: str, number: int, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.error, self.number, self.text, self.status = error, number, text, status


class LoginApi:
    """Handles requests below ``/{tenant}/``."""

    def __init__(self, directory: Store, tokens: Tokens) -> None:
        self._directory = directory
        self._tokens = tokens

    def handle(self, request: Request) -> Response:
        """The response to a request."""
        if request.path == "/common/discovery/instance":
            return _json(_instance(request))
        if match := _DISCOVERY.fullmatch(request.path):
            tenant = match.group(1)
            if tenant in _ANY_TENANT or self._is_tenant(tenant):
                return _json(discovery(request.host_url.rstrip("/"), tenant))
            return _failure(_unknown_tenant(tenant))
        if _KEYS.fullmatch(request.path):
            return _json({"keys": self._tokens.public_keys()})
        if match := _TOKEN.fullmatch(request.path):
            return self._token_response(request, match.group(1))
        raise NotFound

    def error_response(self, status: int, retry_after: int | None) -> Response:
        response = _failure(
            _Refusal("temporarily_unavailable", 90033, "A transient error has occurred.", status)
        )
        if retry_after is not None:
            response.headers["Retry-After"] = str(retry_after)
        return response

    def _token_response(self, request: Request, tenant: str) -> Response:
        if request.method != "POST":
            raise MethodNotAllowed(["POST"])
        try:
            return _json(self._issue_token(request, tenant))
        except _Refusal as refusal:
            return _failure(refusal)

    def _issue_token(self, request: Request, tenant: str) -> Document:
        if not self._is_tenant(tenant):
            raise _unknown_tenant(tenant)
        form: Mapping[str, str] = request.form
        if form.get("grant_type") != "client_credentials":
            raise _Refusal(
                "unsupported_grant_type",
                70003,
                f"The app requested an unsupported grant type '{form.get('grant_type')}'.",
            )
        client_id, secret = _client_credentials(request)
        application = self._application(client_id)
        principal = service_principal(self._directory, client_id)
        if principal is not None and not principal["accountEnabled"]:
            raise _Refusal("unauthorized_client", 7000112, f"Application '{client_id}' is disabled.")
        _check_secret(client_id, [application, principal or {}], secret)
        self._check_scope(form.get("scope", ""), request)
        app_id = application["appId"]
        token = self._tokens.issue(app_id, granted_roles(self._directory, app_id))
        return {
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "ext_expires_in": LIFETIME,
            "access_token": token,
        }

    def _is_tenant(self, name: str) -> bool:
        domains = [domain["id"] for domain in self._directory.all("domain") if domain["isVerified"]]
        return name.lower() in [self._directory.setting("tenant_id"), *domains]

    def _application(self, client_id: str) -> Document:
        for application in self._directory.all("application"):
            if application["appId"] == client_id:
                return application
        tenant = self._directory.setting("tenant_id")
        raise _Refusal(
            "unauthorized_client",
            700016,
            f"Application with identifier '{client_id}' was not found in the directory '{tenant}'.",
        )

    def _check_scope(self, scope: str, request: Request) -> None:
        resource, default, _ = scope.rpartition("/.default")
        if not default:
            raise _Refusal(
                "invalid_scope",
                1002012,
                f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
                "/.default suffixed to the resource identifier (application ID URI).",
            )
        if resource.rstrip("/") not in (GRAPH_AUDIENCE, GRAPH_APP_ID, request.host_url.rstrip("/")):
            raise _Refusal(
                "invalid_resource",
                500011,
                f"The resource principal named {resource} was not found in the tenant.",
            )


def granted_roles(directory: Store, app_id: str) -> list[str]:
    """The Graph application permissions of a client.

    Those of the automation client are the tenant's setting ``permissions``, those of any other client its app role
    assignments on the Microsoft Graph service principal.
    """
    if app_id == directory.setting("client_id"):
        return list(directory.setting("permissions", []))
    graph, client = service_principal(directory, GRAPH_APP_ID), service_principal(directory, app_id)
    if graph is None or client is None:
        return []
    names = {role["id"]: role["value"] for role in graph["appRoles"]}
    return [
        names[assignment["appRoleId"]]
        for assignment in directory.all("appRoleAssignment")
        if (assignment["principalId"], assignment["resourceId"]) == (client["id"], graph["id"])
        and assignment["appRoleId"] in names
    ]


def _client_credentials(request: Request) -> tuple[str, str]:
    """Client id and secret from the form, or from HTTP Basic."""
    form = request.form
    if "client_id" in form and "client_secret" in form:
        return form["client_id"], form["client_secret"]
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(encoded).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            name, secret = "", ""
        return unquote(name), unquote(secret)
    if "client_id" in form:
        text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
        raise _Refusal("invalid_client", 7000218, text, 401)
    raise _Refusal(
        "invalid_request", 900144, "The request body must contain the following parameter: 'client_id'."
    )


def _check_secret(client_id: str, registrations: Iterable[Document], secret: str) -> None:
    """Accept a secret of the application or of its service principal until it expires or is removed."""
    for registration in registrations:
        stored = registration.get("_secrets", {})
        for credential in registration.get("passwordCredentials", []):
            expected = stored.get(credential["keyId"], "")
            if expected and hmac.compare_digest(expected.encode(), secret.encode()):
                if _is_past(credential["endDateTime"]):
                    raise _Refusal(
                        "invalid_client", 7000222, "The provided client secret keys are expired.", 401
                    )
                return
    raise _Refusal("invalid_client", 7000215, f"Invalid client secret provided for app '{client_id}'.", 401)


def _is_past(moment: str | None) -> bool:
    return moment is not None and datetime.fromisoformat(moment) < datetime.now(UTC)


def _unknown_tenant(tenant: str) -> _Refusal:
    return _Refusal(
        "invalid_request",
        90002,
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
    )


def discovery(root: str, tenant: str) -> Document:
    """The OpenID Connect discovery document of a tenant, with the sandbox's addresses.

    Args:
        root: the server's address.
        tenant: as it is in the path of the request.
    """
    base = f"{root}/{tenant}"
    return {
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": [
            "client_secret_post",
            "private_key_jwt",
            "client_secret_basic",
        ],
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": f"{base}/v2.0",
        "request_uri_parameter_supported": False,
        "userinfo_endpoint": f"{root}/oidc/userinfo",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "http_logout_supported": True,
        "frontchannel_logout_supported": True,
        "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
        "claims_supported": [
            *("sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name"),
            *("msgraph_host", "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name"),
            *("tid", "ver", "at_hash", "c_hash", "email"),
        ],
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
        "rbac_url": "https://pas.windows.net",
    }


def _instance(request: Request) -> Document:
    """The instance discovery document; the sandbox's host is the only authority in it."""
    root, host = request.host_url.rstrip("/"), request.host
    tenant = re.search(rf"{re.escape(host)}/([^/]+)", request.args.get("authorization_endpoint", ""))
    return {
        "tenant_discovery_endpoint": f"{root}/{tenant.group(1) if tenant else 'common'}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    }


def _json(body: Any, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(json.dumps(body), status, headers, content_type="application/json; charset=utf-8")


def _failure(refusal: _Refusal) -> Response:
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    description = f"AADSTS{refusal.number}: {refusal.text}"
    body = {
        "error": refusal.error,
        "error_description": f"{description} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {moment}",
        "error_codes": [refusal.number],
        "timestamp": moment,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={refusal.number}",
    }
    return _json(body, refusal.status)
