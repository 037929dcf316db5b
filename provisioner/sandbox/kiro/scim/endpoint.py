"""The emulated SCIM endpoint of Kiro, a WSGI application under ``/scim/<profile id>/v2/...``.

It is a real SCIM server (the ``scim2-server`` package) behind the rules of `kiro.scim.rules`. Refusals are SCIM errors
(RFC 7644, section 3.12) with the status codes of AWS's IAM Identity Center SCIM reference. Kiro's own error bodies are not
published.
"""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from werkzeug.wrappers import Request, Response

from provisioner.sandbox.kiro import console
from provisioner.sandbox.kiro.scim import patch, rules
from provisioner.sandbox.store import Store

if TYPE_CHECKING:
    from scim2_models import ScimProvider
    from scim2_server.handler import ScimHandler
    from scim2_server.requests import ScimRequest
    from scim2_server.service import ScimService

StartResponse = Callable[..., Any]
Body = dict[str, Any]

MAX_LISTED = 50
_ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"
_WRITES = {"POST", "PUT", "PATCH"}
_KINDS = {"users": "User", "groups": "Group"}


class KiroEndpoint:
    """SCIM for every profile of one Kiro store."""

    def __init__(self, store: Store, *, strict: Callable[[], bool] | None = None) -> None:
        """Serve a Kiro store. The SCIM server is loaded at the first request.

        Args:
            store: the Kiro store.
            strict: whether all of AWS's rules apply; called at each write. By default they do not.
        """
        self._store = store
        self._strict = strict or (lambda: False)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Respond to a WSGI request. The application may be mounted at ``/scim`` or at the root of the server."""
        try:
            profile, request = _read(environ)
            self._authenticate(profile, environ.get("HTTP_AUTHORIZATION", ""))
            status, body, headers = self._respond(profile, request)
        except rules.Refusal as refusal:
            status, body, headers = refusal.status, _error(refusal), {}
        payload = b"" if body is None else json.dumps(body).encode()
        headers |= {
            "Content-Type": "application/scim+json",
            "Content-Length": str(len(payload)),
            "x-amzn-RequestId": str(uuid.uuid4()),
        }
        start_response(f"{status.value} {status.phrase}", list(headers.items()))
        return [payload]

    def handle(self, request: Request) -> Response:
        """The response to a request."""
        return Response.from_app(self, request.environ, buffered=True)

    def error_response(self, status: int, retry_after: int | None) -> Response:
        """A SCIM error (RFC 7644, section 3.12)."""
        body = {"schemas": [_ERROR_SCHEMA], "status": str(status), "detail": "A fault was injected here."}
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return Response(json.dumps(body), status, headers, content_type="application/scim+json")

    def _authenticate(self, profile: str, header: str) -> None:
        """Refuse a wrong token, and a wrong profile in the same way (AWS: "also occurs if the tenant ID is incorrect")."""
        scheme, _, token = header.partition(" ")
        if scheme.casefold() != "bearer" or not console.accepts(self._store, profile, token.strip()):
            raise rules.Refusal(HTTPStatus.UNAUTHORIZED, "The bearer token is missing or invalid.")

    def _respond(self, profile: str, request: ScimRequest) -> tuple[HTTPStatus, Body | None, dict[str, str]]:
        rules.check_operation(request.method, request.path)
        rules.check_query(dict(request.query))
        handler = self._handler(profile)
        with self._store.transaction() if request.method in _WRITES else nullcontext():
            if request.method in _WRITES and not self._prepare_write(handler, request):
                return HTTPStatus.NO_CONTENT, None, {}
            return _serve(handler, request)

    def _prepare_write(self, handler: ScimHandler, request: ScimRequest) -> bool:
        """Apply the rules to a write, and bring its body into the form that the SCIM server accepts.

        Returns:
            False when nothing is left to do, such as after the removal of a user who is not a member.
        """
        endpoint, _, key = request.path.strip("/").partition("/")
        kind = _KINDS.get(endpoint.casefold())
        if kind is None:
            return True
        body = _parse_body(request.body)
        current = _stored(handler, kind, key) if key else None
        strict = self._strict()
        if strict and request.method == "PATCH" and not request.header("User-Agent"):
            # Reported behaviour of AWS's endpoint.
            raise rules.Refusal(HTTPStatus.FORBIDDEN, "A User-Agent header is required.")
        write = rules.Write(request.method, kind, body, current)
        rules.check_write(write, strict=strict)
        for name in rules.group_names(write):
            _check_group_name(handler, name, key)
        if current is not None and request.method == "PATCH":
            body = {**body, "Operations": patch.normalize(rules.operations(body), current)}
        elif current is not None and current.get("externalId"):
            body = {**body, "externalId": current["externalId"]}  # immutable: a PUT without it keeps it
        request.body = json.dumps(body).encode()
        return body.get("Operations") != []

    def _handler(self, profile: str) -> ScimHandler:
        from scim2_server.handler import ScimHandler  # noqa: PLC0415  start-up time

        from provisioner.sandbox.kiro.scim.storage import ProfileStorage  # noqa: PLC0415  start-up time

        service = _service()
        return ScimHandler(service, ProfileStorage(self._store, profile, service.provider))


@functools.cache
def _service() -> ScimService:
    from scim2_server.service import ScimService  # noqa: PLC0415  start-up time

    return ScimService(_provider())


def _provider() -> ScimProvider:
    """The RFC's users and groups without what Kiro's guide calls unsupported, and AWS's capabilities."""
    from scim2_models import ScimProvider, ServiceProviderConfig  # noqa: PLC0415  start-up time
    from scim2_server.utils import load_default_resource_types, load_default_schemas  # noqa: PLC0415

    schemas = load_default_schemas()
    extension = schemas[rules.ENTERPRISE]
    extension.attributes = [
        attribute
        for attribute in extension.attributes or []
        if (attribute.name or "").casefold() not in rules.UNSUPPORTED_EXTENSION
    ]
    for attribute in schemas[rules.CORE_USER].attributes or []:
        for part in attribute.sub_attributes or [] if attribute.name == "phoneNumbers" else []:
            supported = set(part.canonical_values or ()) - set(rules.UNSUPPORTED_PHONES)
            part.canonical_values = sorted(supported) or None
    config = ServiceProviderConfig.model_validate(
        {
            "patch": {"supported": True},
            "bulk": {"supported": False, "maxOperations": 1, "maxPayloadSize": 1048576},
            "filter": {"supported": True, "maxResults": MAX_LISTED},
            "changePassword": {"supported": False},
            "sort": {"supported": False},
            "etag": {"supported": False},
            "authenticationSchemes": [
                {
                    "type": "oauthbearertoken",
                    "name": "OAuth Bearer Token",
                    "description": "Authentication scheme using the OAuth Bearer Token Standard",
                }
            ],
        }
    )
    return ScimProvider.from_discovery(
        schemas.values(), load_default_resource_types().values(), config=config
    )


def _serve(handler: ScimHandler, request: ScimRequest) -> tuple[HTTPStatus, Body | None, dict[str, str]]:
    from scim2_models import SCIMException  # noqa: PLC0415  start-up time

    try:
        response = handler.handle(request)
    except SCIMException as error:
        response_error = handler.service.error_of(error)
        status = HTTPStatus(response_error.status or 500)
        if status == HTTPStatus.NOT_IMPLEMENTED:  # AWS: 400 "if the operation is unsupported"
            status = HTTPStatus.BAD_REQUEST
        raise rules.Refusal(status, response_error.detail or str(error), response_error.scim_type) from error
    return response.status, response.body, dict(response.headers)


def _stored(handler: ScimHandler, kind: str, key: str) -> Body:
    from scim2_models import NotFoundException  # noqa: PLC0415  start-up time

    try:
        return handler.storage.get(handler.service.get_resource_type(kind), key).model_dump()
    except NotFoundException as error:
        raise rules.Refusal(HTTPStatus.NOT_FOUND, f"{kind} {key!r} does not exist.") from error


def _check_group_name(handler: ScimHandler, name: str, key: str) -> None:
    from scim2_models import SearchRequest  # noqa: PLC0415  start-up time
    from scim2_server.utils import parametrize  # noqa: PLC0415

    group = handler.service.get_resource_type("Group")
    request = parametrize(SearchRequest, handler.service.get_model(group))
    search = request.model_validate({"filter": f"displayName eq {json.dumps(name)}"})
    if any(resource.id != key for resource in handler.storage.search([group], search).resources):
        raise rules.Refusal(HTTPStatus.CONFLICT, f"displayName: {name!r} is already taken.", "uniqueness")


def _read(environ: dict[str, Any]) -> tuple[str, ScimRequest]:
    """The id of the profile, and the request relative to the profile's root."""
    from scim2_server.requests import ScimRequest  # noqa: PLC0415  start-up time

    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    _, mount, rest = path.partition("/scim/")
    profile, _, inner = rest.partition("/")
    version, _, inner = inner.partition("/")
    if not mount or version != "v2":
        raise rules.Refusal(HTTPStatus.NOT_FOUND, f"{path} is not a SCIM endpoint.")
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    headers = {
        k.removeprefix("HTTP_").replace("_", "-"): v for k, v in environ.items() if k.startswith("HTTP_")
    }
    headers["Content-Type"] = environ.get("CONTENT_TYPE", "")
    length = int(environ.get("CONTENT_LENGTH") or (-1 if environ.get("wsgi.input_terminated") else 0))
    return profile, ScimRequest(
        method=environ["REQUEST_METHOD"].upper(),
        base_url=f"{environ['wsgi.url_scheme']}://{host}/scim/{profile}/v2",
        path=f"/{inner}",
        query=dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)),
        headers=headers,
        body=environ["wsgi.input"].read(length) if length else b"",
    )


def _parse_body(body: bytes) -> Body:
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise rules.Refusal(HTTPStatus.BAD_REQUEST, "The request is not a JSON object.", "invalidSyntax")
    return value


def _error(refusal: rules.Refusal) -> Body:
    error = {"schemas": [_ERROR_SCHEMA], "status": str(refusal.status.value), "detail": refusal.detail}
    return error | ({"scimType": refusal.scim_type} if refusal.scim_type else {})
