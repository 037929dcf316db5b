"""Error responses (Microsoft Graph, "Error responses and resource types")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

BAD_REQUEST = "Request_BadRequest"
UNSUPPORTED_QUERY = "Request_UnsupportedQuery"


class GraphError(Exception):
    """An error response: HTTP status, Graph's error code and message, extra headers."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def body(self, request_id: str, client_request_id: str) -> dict[str, Any]:
        """The documented error object."""
        inner = {
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id,
            "client-request-id": client_request_id,
        }
        return {"error": {"code": self.code, "message": self.message, "innerError": inner}}


def bad_request(message: str, code: str = BAD_REQUEST) -> GraphError:
    """400, by default with the code of most directory errors."""
    return GraphError(400, code, message)


def unsupported_query(message: str) -> GraphError:
    """400 for a query that the directory does not support."""
    return GraphError(400, UNSUPPORTED_QUERY, message)


def not_found(key: str) -> GraphError:
    """404 for a directory object that does not exist."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{key}' does not exist or one of its queried reference-property objects are not present.",
    )


def invalid_property(name: str) -> GraphError:
    """400 for a property that the type does not declare."""
    return bad_request(f"Invalid property '{name}'.")


def already_exists(name: str) -> GraphError:
    """400 for a value that must be unique."""
    return bad_request(f"Another object with the same value for property {name} already exists.")


def method_not_allowed() -> GraphError:
    """405: no route of this path has this method."""
    return GraphError(405, BAD_REQUEST, "Specified HTTP method is not allowed for the request target.")


def access_denied() -> GraphError:
    """403: the caller does not have the permission."""
    return GraphError(
        403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
    )


def unauthenticated(message: str) -> GraphError:
    """401: no valid access token."""
    return GraphError(
        401,
        "InvalidAuthenticationToken",
        message,
        {"WWW-Authenticate": 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common"'},
    )


def throttled(retry_after: int | None) -> GraphError:
    """429; without Retry-After when it is None (some identity APIs send none)."""
    headers = {"x-ms-throttle-information": "ResourceUnitLimitExceeded"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return GraphError(429, "TooManyRequests", "Too many requests.", headers)


_INJECTED = {
    403: ("Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
    404: (
        "Request_ResourceNotFound",
        "Resource does not exist or one of its queried reference-property objects are not present.",
    ),
    409: ("Request_MultipleObjectsWithSameKeyValue", "A conflicting object is being written at this moment."),
    423: ("resourceLocked", "The resource that is being accessed is locked."),
    429: ("TooManyRequests", "Too many requests."),
    500: ("InternalServerError", "An internal server error occurred while processing the request."),
    502: ("BadGateway", "The gateway received an invalid answer from the service."),
    503: (
        "serviceNotAvailable",
        "The service is temporarily unavailable. Try the request again after a delay.",
    ),
    504: ("GatewayTimeout", "The service did not answer the gateway in time."),
}


def injected_error(status: int, retry_after: int | None) -> GraphError:
    """The error response of an injected fault.

    Only the codes of 403, 404 and 429 come from Microsoft's texts; the others are plausible.
    """
    if status == 429:
        return throttled(retry_after)
    code, message = _INJECTED[status]
    return GraphError(status, code, message, {} if retry_after is None else {"Retry-After": str(retry_after)})
