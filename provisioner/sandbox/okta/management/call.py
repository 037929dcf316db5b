"""A request on its way to a handler, and what the handler gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioner.sandbox.okta.management.errors import malformed
from provisioner.sandbox.store import Document, Store


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls.

    Attributes:
        key: what rate limits are counted by.
        kind: ``User`` for an API token's owner, ``PublicClientApp`` for a service app.
        id: the user's or the app's id.
        alternate_id: login or client id.
        name: display name.
        scopes: the access token's scopes; None for an API token, which has its owner's rights.
    """

    key: str
    kind: str
    id: str
    alternate_id: str
    name: str
    scopes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A request.

    Attributes:
        method: HTTP method.
        path: the path.
        query: query parameters, the first of each name.
        body: parsed JSON, or None.
        root: scheme and host that the request came to; every link in the answer begins with it.
        caller: who calls.
        store: the org's documents.
        request_id: as in the header of the answer and in the system log.
        address: the client's IP address.
        agent: the client's User-Agent.
        touched: apps whose provisioning may have work to do after this request.
        later: work to be done after the answer's transaction, by a name; the last of a name counts.
        names: names of groups that were looked up for this request: a group may be as large as the org.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    root: str
    caller: Caller
    store: Store
    request_id: str
    address: str = ""
    agent: str = ""
    touched: set[str] = field(default_factory=set)
    later: dict[str, Callable[[], None]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def api(self, path: str) -> str:
        """The address of a path below ``/api/v1/``."""
        return f"{self.root}/api/v1/{path}"

    def document(self) -> Document:
        """The body as an object.

        Raises:
            OktaError: 400 when it is none.
        """
        if not isinstance(self.body, dict):
            raise malformed()
        return self.body

    def flag(self, name: str, *, default: bool) -> bool:
        """A query parameter that says true or false."""
        return self.query.get(name, str(default)).lower() == "true"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status, JSON (None for no body), extra headers; ``links`` become Link headers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    links: tuple[str, ...] = ()


Handler = Callable[..., Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API.

    Attributes:
        method: HTTP method.
        path: template such as ``/api/v1/apps/{app_id}``; the names are the handler's arguments.
        handler: answers it.
        scopes: the OAuth scopes it needs, all of them.
        bucket: the rate limit that it counts against, a key of `limits.LIMITS`.
    """

    method: str
    path: str
    handler: Handler
    scopes: tuple[str, ...]
    bucket: str
