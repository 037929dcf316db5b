"""``POST /$batch``: up to 20 requests in one (Microsoft Graph, "Combine multiple HTTP requests using JSON batching")."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from provisioner.sandbox.entra.graph.call import Reply
from provisioner.sandbox.entra.graph.errors import GraphError, bad_request
from provisioner.sandbox.store import Document

MAX_PARTS = 20


@dataclass(frozen=True, slots=True)
class Part:
    """One request of a batch: target is its url as sent, path and arguments the decoded parts of it."""

    key: str
    method: str
    target: str
    path: str
    arguments: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    depends_on: tuple[str, ...]


def parts(body: Any) -> list[Part]:
    """Read a batch.

    Raises:
        GraphError: 400 when the batch as a whole is malformed.
    """
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not all(isinstance(request, dict) for request in requests):
        raise bad_request("Invalid batch payload format.", "BadRequest")
    if len(requests) > MAX_PARTS:
        raise bad_request(
            f"Number of batch request steps exceeds the maximum value of {MAX_PARTS}.", "BadRequest"
        )
    read = [_part(request) for request in requests]
    keys = [part.key.lower() for part in read]
    if len(keys) != len(set(keys)):
        raise bad_request("Request Id should be unique in a batch request.", "BadRequest")
    for part in read:
        if not {dependency.lower() for dependency in part.depends_on} <= set(keys):
            raise bad_request(f"Write request id : {part.key} depends on an unknown request.", "BadRequest")
    return read


def _part(request: Document) -> Part:
    key, method, url = (request.get(name) for name in ("id", "method", "url"))
    if not (isinstance(key, str) and isinstance(method, str) and isinstance(url, str)):
        raise bad_request("Each request of a batch needs a string id, a method and a url.", "BadRequest")
    headers = {str(name).lower(): str(value) for name, value in (request.get("headers") or {}).items()}
    if "body" in request and "content-type" not in headers:
        raise bad_request(
            f"Write request id : {key} does not contain Content-Type header or body.", "BadRequest"
        )
    target = url if url.startswith("/") else f"/{url}"
    path, _, query = target.partition("?")
    return Part(
        key=key,
        method=method.upper(),
        target=target,
        path=unquote(path),
        arguments=dict(parse_qsl(query, keep_blank_values=True)),
        headers=headers,
        body=request.get("body"),
        depends_on=tuple(request.get("dependsOn") or ()),
    )


def run(read: list[Part], answer: Callable[[Part], Reply]) -> Reply:
    """Answer every part after those it depends on; the answers come in an order of their own.

    Args:
        read: the parts.
        answer: answers one part, errors included.
    """
    replies: dict[str, Reply] = {}
    for part in _ordered(read):
        failed = [key for key in part.depends_on if replies[key.lower()].status >= 400]
        replies[part.key.lower()] = _failed_dependency() if failed else answer(part)
    responses = [_response(part, replies[part.key.lower()]) for part in reversed(read)]
    return Reply(200, {"responses": responses})


def _ordered(read: list[Part]) -> Iterator[Part]:
    done: set[str] = set()
    waiting = list(read)
    while waiting:
        ready = [part for part in waiting if done.issuperset(key.lower() for key in part.depends_on)]
        if not ready:
            raise bad_request("The requests of the batch depend on each other in a circle.", "BadRequest")
        for part in ready:
            yield part
            done.add(part.key.lower())
        waiting = [part for part in waiting if part.key.lower() not in done]


def _failed_dependency() -> Reply:
    error = GraphError(424, "FailedDependency", "A request that this one depends on failed.")
    return Reply(424, error.body("", ""))


def _response(part: Part, reply: Reply) -> Document:
    headers = {"Cache-Control": "no-cache", **reply.headers}
    if reply.body is None:
        return {"id": part.key, "status": reply.status, "headers": headers}
    return {"id": part.key, "status": reply.status, "headers": headers, "body": reply.body}
