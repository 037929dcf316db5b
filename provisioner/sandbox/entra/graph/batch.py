"""``POST /$batch``: up to 20 requests in one (Microsoft Graph, "Combine multiple HTTP requests using JSON batching")."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from provisioner.sandbox.entra.graph.errors import GraphError, bad_request
from provisioner.sandbox.entra.graph.request import GraphResponse
from provisioner.sandbox.store import Document

MAX_REQUESTS = 20


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One request of a batch.

    Attributes:
        id: its id in the batch.
        method: HTTP method.
        url: its relative URL as sent, with a leading slash.
        path: the decoded path of the URL.
        arguments: the decoded query arguments of the URL.
        headers: its headers by lower-case name.
        body: its JSON body, or None.
        depends_on: ids of the requests that must succeed first.
    """

    id: str
    method: str
    url: str
    path: str
    arguments: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    depends_on: tuple[str, ...]


def parse_batch(body: Any) -> list[BatchRequest]:
    """Parse the body of a batch.

    Raises:
        GraphError: 400 when the batch as a whole is malformed.
    """
    items = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise bad_request("Invalid batch payload format.", "BadRequest")
    if len(items) > MAX_REQUESTS:
        raise bad_request(
            f"Number of batch request steps exceeds the maximum value of {MAX_REQUESTS}.", "BadRequest"
        )
    requests = [_parse_request(item) for item in items]
    ids = [request.id.lower() for request in requests]
    if len(ids) != len(set(ids)):
        raise bad_request("Request Id should be unique in a batch request.", "BadRequest")
    for request in requests:
        if not {dependency.lower() for dependency in request.depends_on} <= set(ids):
            raise bad_request(f"Write request id : {request.id} depends on an unknown request.", "BadRequest")
    return requests


def _parse_request(item: Document) -> BatchRequest:
    request_id, method, url = (item.get(name) for name in ("id", "method", "url"))
    if not (isinstance(request_id, str) and isinstance(method, str) and isinstance(url, str)):
        raise bad_request("Each request of a batch needs a string id, a method and a url.", "BadRequest")
    headers = {str(name).lower(): str(value) for name, value in (item.get("headers") or {}).items()}
    if "body" in item and "content-type" not in headers:
        raise bad_request(
            f"Write request id : {request_id} does not contain Content-Type header or body.", "BadRequest"
        )
    url = url if url.startswith("/") else f"/{url}"
    path, _, query = url.partition("?")
    return BatchRequest(
        id=request_id,
        method=method.upper(),
        url=url,
        path=unquote(path),
        arguments=dict(parse_qsl(query, keep_blank_values=True)),
        headers=headers,
        body=item.get("body"),
        depends_on=tuple(item.get("dependsOn") or ()),
    )


def run_batch(
    requests: list[BatchRequest], respond: Callable[[BatchRequest], GraphResponse]
) -> GraphResponse:
    """Run each request after those it depends on. The responses are not in the order of the requests.

    Args:
        requests: the requests of the batch.
        respond: returns the response to one request; an error is a response too.
    """
    responses: dict[str, GraphResponse] = {}
    for request in _in_order_of_dependency(requests):
        failed = any(responses[dependency.lower()].status >= 400 for dependency in request.depends_on)
        responses[request.id.lower()] = _failed_dependency() if failed else respond(request)
    items = [_response_item(request, responses[request.id.lower()]) for request in reversed(requests)]
    return GraphResponse(200, {"responses": items})


def _in_order_of_dependency(requests: list[BatchRequest]) -> Iterator[BatchRequest]:
    done: set[str] = set()
    waiting = list(requests)
    while waiting:
        ready = [
            request for request in waiting if done.issuperset(item.lower() for item in request.depends_on)
        ]
        if not ready:
            raise bad_request("The requests of the batch depend on each other in a circle.", "BadRequest")
        yield from ready
        done.update(request.id.lower() for request in ready)
        waiting = [request for request in waiting if request.id.lower() not in done]


def _failed_dependency() -> GraphResponse:
    error = GraphError(424, "FailedDependency", "A request that this one depends on failed.")
    return GraphResponse(424, error.body("", ""))


def _response_item(request: BatchRequest, response: GraphResponse) -> Document:
    headers = {"Cache-Control": "no-cache", **response.headers}
    item: Document = {"id": request.id, "status": response.status, "headers": headers}
    return item if response.body is None else {**item, "body": response.body}
