"""``POST /$batch``: up to 20 requests in one (Microsoft Graph, "Combine multiple HTTP requests using JSON batching")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any
from urllib.parse import parse_qsl, unquote

from provisioner.sandbox.entra.graph.errors import GraphError, bad_request
from provisioner.sandbox.entra.graph.request import GraphResponse
from provisioner.sandbox.store import Document

MAX_PARTS = 20


@dataclass(frozen=True, slots=True)
class BatchPart:
    """One part of a batch: a request, and its place among the others.

    Attributes:
        id: its id in the batch.
        method: HTTP method.
        url: its relative URL as sent, with a leading slash.
        path: the decoded path of the URL.
        arguments: the decoded query arguments of the URL.
        headers: its headers by lower-case name.
        body: its JSON body, or None.
        depends_on: ids of the parts that must succeed first, in lower case.
    """

    id: str
    method: str
    url: str
    path: str
    arguments: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    depends_on: tuple[str, ...]

    @property
    def key(self) -> str:
        """The id in lower case, which is unique in a batch."""
        return self.id.lower()


def parse_batch(body: Any) -> list[BatchPart]:
    """Parse the body of a batch.

    Returns:
        the parts in an order in which they can run: each after those it depends on.

    Raises:
        GraphError: 400 when the batch as a whole is malformed.
    """
    items = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise bad_request("Invalid batch payload format.", "BadRequest")
    if len(items) > MAX_PARTS:
        raise bad_request(
            f"Number of batch request steps exceeds the maximum value of {MAX_PARTS}.", "BadRequest"
        )
    parts = [_parse_part(item) for item in items]
    by_key = {part.key: part for part in parts}
    if len(by_key) < len(parts):
        raise bad_request("Request Id should be unique in a batch request.", "BadRequest")
    for part in parts:
        if not by_key.keys() >= set(part.depends_on):
            raise bad_request(f"Write request id : {part.id} depends on an unknown request.", "BadRequest")
    try:
        return [by_key[key] for key in _execution_order(parts)]
    except CycleError:
        raise bad_request(
            "The requests of the batch depend on each other in a circle.", "BadRequest"
        ) from None


def _execution_order(parts: list[BatchPart]) -> list[str]:
    """The keys of the parts, each after those it depends on; without dependencies in the order of the batch.

    Raises:
        CycleError: parts depend on each other in a circle.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for part in parts:
        sorter.add(part.key)
    for part in parts:
        sorter.add(part.key, *part.depends_on)
    return list(sorter.static_order())


def _parse_part(item: Document) -> BatchPart:
    part_id, method, url = (item.get(name) for name in ("id", "method", "url"))
    if not (isinstance(part_id, str) and isinstance(method, str) and isinstance(url, str)):
        raise bad_request("Each request of a batch needs a string id, a method and a url.", "BadRequest")
    headers = {str(name).lower(): str(value) for name, value in (item.get("headers") or {}).items()}
    if "body" in item and "content-type" not in headers:
        raise bad_request(
            f"Write request id : {part_id} does not contain Content-Type header or body.", "BadRequest"
        )
    url = url if url.startswith("/") else f"/{url}"
    path, _, query = url.partition("?")
    return BatchPart(
        id=part_id,
        method=method.upper(),
        url=url,
        path=unquote(path),
        arguments=dict(parse_qsl(query, keep_blank_values=True)),
        headers=headers,
        body=item.get("body"),
        depends_on=tuple(key.lower() for key in item.get("dependsOn") or ()),
    )


def run_batch(parts: list[BatchPart], respond: Callable[[BatchPart], GraphResponse]) -> GraphResponse:
    """Run the parts of a batch; a part fails with 424 when one that it depends on failed.

    The responses are in reverse order: Graph guarantees no order, and clients must match them by id.

    Args:
        parts: the parts, in an order in which they can run.
        respond: returns the response to one part; an error is a response too.
    """
    responses: dict[str, GraphResponse] = {}
    for part in parts:
        failed = any(responses[key].status >= 400 for key in part.depends_on)
        responses[part.key] = _failed_dependency() if failed else respond(part)
    items = [_response_item(part, responses[part.key]) for part in reversed(parts)]
    return GraphResponse(200, {"responses": items})


def _failed_dependency() -> GraphResponse:
    error = GraphError(424, "FailedDependency", "A request that this one depends on failed.")
    return GraphResponse(424, error.body("", ""))


def _response_item(part: BatchPart, response: GraphResponse) -> Document:
    headers = {"Cache-Control": "no-cache", **response.headers}
    item: Document = {"id": part.id, "status": response.status, "headers": headers}
    return item if response.body is None else {**item, "body": response.body}
