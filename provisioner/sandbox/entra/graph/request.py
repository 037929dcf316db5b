"""A request to the emulated Graph and its response, as the handlers see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provisioner.sandbox.entra.graph.errors import bad_request
from provisioner.sandbox.store import Document, Store

if TYPE_CHECKING:
    from provisioner.sandbox.entra.graph.scheduler import CycleScheduler

_QUERY_OPTIONS = frozenset(
    {"filter", "select", "top", "count", "orderby", "search", "skiptoken", "skip", "expand"}
)


@dataclass(frozen=True, slots=True)
class Caller:
    """The application (or user) behind a token: its application id, service principal id and permissions."""

    app_id: str
    principal_id: str
    permissions: frozenset[str]
    delegated: bool = False


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """A parsed request.

    Attributes:
        method: HTTP method.
        path: path below the API version, e.g. ``/applications/{id}``.
        options: OData query options by lower-case name without ``$``.
        headers: request headers by lower-case name.
        body: parsed JSON, or None.
        root: URL of the API version, e.g. ``http://127.0.0.1:8400/v1.0``.
        tenant_id: the emulated tenant.
        caller: the authenticated client.
        directory: the tenant's documents.
        scheduler: runs provisioning cycles in the background.
    """

    method: str
    path: str
    options: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    root: str
    tenant_id: str
    caller: Caller
    directory: Store
    scheduler: CycleScheduler

    def json_object(self) -> Document:
        """The body, which must be a JSON object.

        Raises:
            GraphError: 400 when it is absent or something else.
        """
        if not isinstance(self.body, dict):
            raise bad_request("Empty Payload. JSON content expected.", "BadRequest")
        return self.body

    def prefers(self, preference: str) -> bool:
        """Whether the Prefer header names this preference."""
        return preference in self.headers.get("prefer", "").replace(" ", "").split(",")

    @property
    def eventual(self) -> bool:
        """Whether the header ``ConsistencyLevel: eventual`` is set."""
        return self.headers.get("consistencylevel", "").lower() == "eventual"

    @property
    def wants_count(self) -> bool:
        """Whether the query has ``$count=true``."""
        return self.options.get("count", "").lower() == "true"

    @property
    def is_advanced_query(self) -> bool:
        """Whether both advanced query parameters are set (Microsoft Graph, "Advanced query capabilities")."""
        return self.eventual and self.wants_count


@dataclass(frozen=True, slots=True)
class GraphResponse:
    """A response: status, JSON body (None for no body), headers."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


NO_CONTENT = GraphResponse(204)


def query_options(arguments: Mapping[str, str]) -> dict[str, str]:
    """OData options from query arguments: names are case-insensitive and the ``$`` may be left out."""
    options = ((name.removeprefix("$").lower(), value) for name, value in arguments.items())
    return {name: value for name, value in options if name in _QUERY_OPTIONS}
