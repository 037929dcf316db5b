"""The SCIM client of the emulated provisioning service: HTTP requests to the configured tenant URL.

Requests follow "Develop and plan provisioning for a SCIM endpoint in Microsoft Entra ID". Error codes are those of "How
to analyze the Microsoft Entra provisioning logs", Error codes. Those with the prefix
SystemForCrossDomainIdentityManagement, and the texts of the reasons, follow published logs of customappsso applications.
The header User-Agent that the real service sends is not documented.
"""

from __future__ import annotations

import http
import uuid
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, urlunsplit

from provisioner.sandbox.scim import (
    PATCH_SCHEMA,
    AddressError,
    Body,
    NoResponseError,
    ScimHttp,
    equals,
    is_header_text,
    parse_address,
)

if TYPE_CHECKING:
    import httpx

_CONNECTOR = "SystemForCrossDomainIdentityManagement"
INVALID_CREDENTIALS = f"{_CONNECTOR}InvalidCredentials"
SERVICE_INCOMPATIBLE = f"{_CONNECTOR}ServiceIncompatible"
SERVICE_UNAVAILABLE = f"{_CONNECTOR}ServiceUnavailable"

COMPLIANT_PATCH = "aadOptscim062020"
"""Flag in the tenant URL that makes PATCH requests follow RFC 7644."""

_NO_TENANT_URL = (
    "Please provide a valid tenant URL for your application."  # as in Microsoft's sample of such a job
)
_BAD_CREDENTIALS = (  # as seen in public reports
    "You appear to have entered invalid credentials. Please confirm you are using the correct information for an "
    "administrative account."
)
_SENDING_FAILED = "An error occurred while sending the request."  # as seen in a public report
_USER_AGENT = "provisioner-sandbox (emulated Microsoft Entra provisioning service)"
_TIMED_OUT = "Timeout"
_PROTOCOL_ERROR = "WebExceptionProtocolError"
_NO_RESPONSE = {_TIMED_OUT, _PROTOCOL_ERROR}
_ERROR_CODES = {
    400: f"{_CONNECTOR}BadRequest",
    403: "InsufficientRights",
    404: "InvalidAnchor",
    405: "MethodNotAllowed",
    409: f"{_CONNECTOR}EntryConflict",  # documented with the connector's name in front: "ContosoEntryConflict"
    422: "UnprocessableEntity",
    429: "TooManyRequests",
    500: "InternalServerError",
    501: "NotImplemented",
}


class ScimError(Exception):
    """One request failed.

    Attributes:
        code: the provisioning log's error code.
        reason: its text, which contains the endpoint's response.
        status: the HTTP status; None when there was no usable response.
    """

    def __init__(self, code: str, reason: str, status: int | None = None) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.status = status


class UnusableEndpointError(ScimError):
    """The endpoint cannot be used: invalid address, invalid token, no response. Quarantines the job."""


@dataclass(frozen=True)
class TenantUrl:
    """The parts of the secret BaseAddress.

    Attributes:
        base: the SCIM root without a trailing slash.
        query: the query without the flag, sent with every request.
        compliant: whether the flag aadOptscim062020 is set.
    """

    base: str
    query: tuple[tuple[str, str], ...]
    compliant: bool


def parse_tenant_url(address: str) -> TenantUrl:
    """Parse a tenant URL.

    Raises:
        UnusableEndpointError: when it is not an http(s) URL, or points outside this machine.
    """
    try:
        parts = parse_address(address)
    except AddressError as error:
        if error.foreign_host:
            raise UnusableEndpointError(SERVICE_UNAVAILABLE, str(error)) from error
        raise UnusableEndpointError(INVALID_CREDENTIALS, _NO_TENANT_URL) from error
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    query = tuple((name, value) for name, value in parameters if name != COMPLIANT_PATCH)
    base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    return TenantUrl(base, query, compliant=len(query) < len(parameters))


class ScimClient:
    """One connection to a SCIM endpoint; a context manager."""

    def __init__(self, address: str, token: str) -> None:
        """Prepare the connection; no request is sent.

        Args:
            address: the secret BaseAddress ("Tenant URL").
            token: the secret SecretToken, sent as a bearer token.

        Raises:
            UnusableEndpointError: when the address cannot be used.
        """
        self._url = parse_tenant_url(address)
        self.compliant = self._url.compliant
        if not is_header_text(token):
            raise UnusableEndpointError(INVALID_CREDENTIALS, _BAD_CREDENTIALS)
        # The real service would send its own token instead of a blank one.
        self._http = ScimHttp(self._url.base, token, _USER_AGENT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def probe(self) -> None:
        """Query a user that cannot exist, as Test Connection and every cycle do.

        "Microsoft Entra ID makes requests to fetch a random user and group to ensure that the endpoint and the
        credentials are valid" ("Develop and plan provisioning ...", General guidelines).

        Raises:
            UnusableEndpointError: when the response is not an empty list.
        """
        try:
            self.find("User", "userName", str(uuid.uuid4()))
        except UnusableEndpointError:
            raise
        except ScimError as error:
            unavailable = error.code in _NO_RESPONSE or (error.status or 0) >= 500
            code = SERVICE_UNAVAILABLE if unavailable else SERVICE_INCOMPATIBLE
            raise UnusableEndpointError(code, error.reason, error.status) from error

    def find(self, kind: str, attribute: str, value: str) -> Body | None:
        """The only resource with this value of an attribute, or None.

        Raises:
            ScimError: DuplicateTargetEntries when there are several, or the endpoint's error.
        """
        query = {"excludedAttributes": "members"} if kind == "Group" else {}
        body = self._send("GET", f"/{kind}s", query=query | {"filter": equals(attribute, value)})
        resources = body.get("Resources") or [] if body else []
        if body is None or not isinstance(body.get("totalResults"), int) or not isinstance(resources, list):
            raise ScimError(SERVICE_INCOMPATIBLE, "The response to a query is not a SCIM ListResponse.")
        if len(resources) > 1:
            raise ScimError("DuplicateTargetEntries", f"More than one {kind} has {attribute} {value!r}.")
        return resources[0] if resources else None

    def get(self, kind: str, key: str) -> Body:
        """A resource by its SCIM id (a group without its members)."""
        query = {"excludedAttributes": "members"} if kind == "Group" else {}
        return self._send("GET", f"/{kind}s/{key}", query=query) or {}

    def create(self, kind: str, body: Body) -> Body:
        """Create a resource; returns the response, which has an ``id``."""
        created = self._send("POST", f"/{kind}s", body=body) or {}
        if not created.get("id"):
            raise ScimError(SERVICE_INCOMPATIBLE, "The response to a creation carries no id.")
        return created

    def patch(self, kind: str, key: str, operations: list[Body]) -> None:
        self._send("PATCH", f"/{kind}s/{key}", body={"schemas": [PATCH_SCHEMA], "Operations": operations})

    def delete(self, kind: str, key: str) -> None:
        self._send("DELETE", f"/{kind}s/{key}")

    def _send(
        self, method: str, path: str, *, query: dict[str, str] | None = None, body: Body | None = None
    ) -> Body | None:
        parameters = [*self._url.query, *(query or {}).items()]
        try:
            response = self._http.request(method, path, query=parameters, body=body)
        except NoResponseError as error:
            raise _no_response_error(error) from error
        return _parse_response(response)


def _no_response_error(error: NoResponseError) -> ScimError:
    match error.failure:
        case "unreachable":
            return UnusableEndpointError(SERVICE_UNAVAILABLE, f"{_SENDING_FAILED} {error}")
        case "timeout":
            return ScimError(_TIMED_OUT, f"The target application took too long to respond. {error}")
        case "broken":
            return ScimError(_PROTOCOL_ERROR, f"{_SENDING_FAILED} {error}")
        case "address":
            return UnusableEndpointError(INVALID_CREDENTIALS, _NO_TENANT_URL)


def _parse_response(response: httpx.Response) -> Body | None:
    status = response.status_code
    if status == http.HTTPStatus.UNAUTHORIZED:
        raise UnusableEndpointError(INVALID_CREDENTIALS, _BAD_CREDENTIALS, status)
    if not response.is_success:
        raise ScimError(_ERROR_CODES.get(status, _PROTOCOL_ERROR), _reason(response), status)
    if not response.content:
        return None
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ScimError(
            SERVICE_INCOMPATIBLE,
            "The response of the target application cannot be parsed: it is not a JSON object.",
            status,
        )
    return body


def _reason(response: httpx.Response) -> str:
    try:
        name = http.HTTPStatus(response.status_code).phrase.replace(" ", "")
    except ValueError:
        name = str(response.status_code)
    return (
        f"StatusCode: {name} Message: Processing of the HTTP request resulted in an exception. Please see the HTTP "
        "response returned by the 'Response' property of this exception for details. "
        f"Web Response: {response.text.strip()}"
    )


def validate_credentials(base_address: str, token: str) -> dict[str, str] | None:
    """Check a tenant URL and token with a request to the endpoint (Test Connection).

    Microsoft Graph v1.0, synchronizationJob: validateCredentials, documents only the 204 of success. The code for an
    endpoint that does not respond, CredentialValidationUnavailable, comes from a public report; the others are those of
    the quarantine with the same cause.

    Args:
        base_address: the secret BaseAddress.
        token: the secret SecretToken.

    Returns:
        None if they are valid, else a Graph error ``{"code", "message"}``.
    """
    try:
        with ScimClient(base_address, token) as client:
            client.probe()
    except UnusableEndpointError as error:
        unavailable = error.code == SERVICE_UNAVAILABLE
        return {
            "code": "CredentialValidationUnavailable" if unavailable else error.code,
            "message": error.reason,
        }
    return None
