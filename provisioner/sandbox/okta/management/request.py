"""Requests to the Management API, their responses, and the routes between them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioner.sandbox.okta.management.errors import malformed_body
from provisioner.sandbox.store import Document, Store


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated caller.

    Attributes:
        key: identifies the caller to the rate limiter.
        kind: ``User`` for the owner of an API token, ``PublicClientApp`` for a service app.
        id: id of the user or app.
        alternate_id: login or client id.
        name: display name.
        scopes: scopes of the access token; None for an API token, which has its owner's permissions.
    """

    key: str
    kind: str
    id: str
    alternate_id: str
    name: str
    scopes: frozenset[str] | None = None


ANONYMOUS = Caller("anonymous", "User", "unknown", "unknown", "unknown")


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request.

    Attributes:
        method: HTTP method.
        path: path without a trailing slash.
        query: query parameters; of a repeated one the first.
        body: parsed JSON, or None.
        base_url: scheme and host of the request; the links of the response begin with it.
        caller: who sent it.
        store: the org's documents.
        request_id: id in the response header and in the system log.
        ip_address: IP address of the client.
        user_agent: User-Agent of the client.
        apps_to_push: ids of applications to provision in the background, after the deferred work.
        deferred: work to run once the request's changes are stored; the setting ``async_seconds`` delays it.
        group_names: cache of group names by id for rendering; reading a group costs as much as it has members.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    base_url: str
    caller: Caller
    store: Store
    request_id: str
    ip_address: str = ""
    user_agent: str = ""
    apps_to_push: set[str] = field(default_factory=set)
    deferred: list[Callable[[], None]] = field(default_factory=list)
    group_names: dict[str, str] = field(default_factory=dict)

    @property
    def operation(self) -> str:
        """The last segment of the path, such as ``suspend`` in ``/api/v1/users/{id}/lifecycle/suspend``."""
        return self.path.rpartition("/")[2]

    @property
    def target_status(self) -> str:
        """The status after ``.../lifecycle/activate`` (ACTIVE) or ``.../lifecycle/deactivate`` (INACTIVE)."""
        return "ACTIVE" if self.operation == "activate" else "INACTIVE"

    def url(self, path: str) -> str:
        """The URL of a path below ``/api/v1/``."""
        return f"{self.base_url}/api/v1/{path}"

    def link(self, path: str, *methods: str) -> Document:
        """A HAL link to a path below ``/api/v1/`` with the methods that it allows."""
        return {"href": self.url(path), "hints": {"allow": list(methods)}}

    def json_object(self) -> Document:
        """The body, which must be a JSON object.

        Raises:
            OktaError: 400 for anything else.
        """
        if not isinstance(self.body, dict):
            raise malformed_body()
        return self.body

    def flag(self, name: str, *, default: bool) -> bool:
        """A boolean query parameter."""
        return self.query.get(name, str(default)).lower() == "true"


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A response: HTTP status, JSON (None for no body), additional headers, and values of Link headers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    links: tuple[str, ...] = ()


Handler = Callable[..., ApiResponse]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API.

    Attributes:
        method: HTTP method.
        path: path template such as ``/api/v1/apps/{app_id}``; its names are the handler's arguments.
        handler: handles the request.
        scopes: required OAuth scopes, all of them.
        bucket: rate limit bucket, a key of `rate_limits.LIMITS`.
    """

    method: str
    path: str
    handler: Handler
    scopes: tuple[str, ...]
    bucket: str


def lifecycle_routes(
    path: str,
    handler: Handler,
    scopes: tuple[str, ...],
    bucket: str,
    operations: Collection[str] = ("activate", "deactivate"),
) -> tuple[Route, ...]:
    """The routes ``POST {path}/lifecycle/{operation}``, with the arguments of `Route`."""
    return tuple(
        Route("POST", f"{path}/lifecycle/{operation}", handler, scopes, bucket) for operation in operations
    )
