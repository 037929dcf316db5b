"""Pagination: ``limit``, ``after``, and Link headers (Okta Developer, "Pagination").

The links repeat the request's own parameters (recorded: test_list_applications_with_query_parameters) and use the host of
the request. A cursor is the id of the last item of the page, as recorded for mappings
(test_filter_profile_mappings_by_target).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from provisioner.sandbox.okta.management.errors import invalid, invalid_cursor
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse
from provisioner.sandbox.store import Document

_CURSOR = re.compile(r"[\w.@-]{1,100}")


@dataclass(frozen=True, slots=True)
class PageSize:
    """The default and the allowed range of ``limit``."""

    default: int
    maximum: int
    minimum: int = 1


def page_limit(request: ApiRequest, size: PageSize) -> int:
    """The page size of a request.

    Okta's reaction to a limit outside the documented range is not recorded; the sandbox refuses it.

    Raises:
        OktaError: 400 when ``limit`` is not a number in range.
    """
    limit = request.query.get("limit")
    if limit is None:
        return size.default
    if not limit.isdecimal() or not size.minimum <= int(limit) <= size.maximum:
        raise invalid("limit", f"limit: must be between {size.minimum} and {size.maximum}")
    return int(limit)


def page_cursor(request: ApiRequest) -> str:
    """The cursor of a request, or an empty string.

    Raises:
        OktaError: 400 when Okta cannot have issued it.
    """
    after = request.query.get("after", "")
    if after and not _CURSOR.fullmatch(after):
        raise invalid_cursor()
    return after


def paginate(
    request: ApiRequest,
    documents: Sequence[Document],
    size: PageSize,
    render: Callable[[Document], Any],
    *,
    hidden: Collection[str] = (),
) -> ApiResponse:
    """One page of a list.

    Args:
        request: the request.
        documents: the whole list, in order.
        size: page sizes.
        render: returns the JSON of an item.
        hidden: query parameters that Okta leaves out of the links.

    Raises:
        OktaError: 400 for an invalid limit or cursor.
    """
    limit, after = page_limit(request, size), page_cursor(request)
    start = 0
    if after:
        start = next((index + 1 for index, item in enumerate(documents) if item["id"] == after), -1)
        if start < 0:
            raise invalid_cursor()
    items = documents[start : start + limit]
    next_cursor = items[-1]["id"] if start + limit < len(documents) and items else None
    return page_response(request, [render(item) for item in items], limit, next_cursor, hidden)


def paginate_stored(
    request: ApiRequest,
    kind: str,
    size: PageSize,
    render: Callable[[Document], Any],
    *,
    prefix: str = "",
    include: Callable[[Document], bool] = lambda _: True,
) -> ApiResponse:
    """One page of the documents of a kind, by key; it reads only that page: an org may have 100,000 users.

    Args:
        request: the request.
        kind: kind of document.
        size: page sizes.
        render: returns the JSON of a document.
        prefix: prefix of the keys; the rest of a key is the document's id.
        include: whether the list has a document.

    Raises:
        OktaError: 400 for an invalid limit or cursor.
    """
    limit, after = page_limit(request, size), page_cursor(request)
    documents: list[Document] = []
    while True:
        batch = request.store.page(kind, prefix, limit + 1, f"{prefix}{after}" if after else "")
        documents += filter(include, batch)
        if len(documents) > limit or len(batch) <= limit:
            break
        after = batch[-1]["id"]
    next_cursor = documents[limit - 1]["id"] if len(documents) > limit else None
    return page_response(request, [render(document) for document in documents[:limit]], limit, next_cursor)


def page_response(
    request: ApiRequest, items: list[Any], limit: int, next_cursor: str | None, hidden: Collection[str] = ()
) -> ApiResponse:
    """The response for the items of one page.

    Args:
        request: the request.
        items: JSON of the items.
        limit: page size.
        next_cursor: cursor of the next page; None for the last page.
        hidden: query parameters that Okta leaves out of the links.
    """
    omitted = {"limit", "after", *hidden}
    repeated = {name: value for name, value in request.query.items() if name not in omitted}
    current = {"after": request.query["after"]} if request.query.get("after") else {}
    links = [_link(request, {**current, "limit": str(limit), **repeated}, "self")]
    if next_cursor is not None:
        links.append(_link(request, {"after": next_cursor, "limit": str(limit), **repeated}, "next"))
    return ApiResponse(200, items, links=tuple(links))


def _link(request: ApiRequest, parameters: Mapping[str, str], relation: str) -> str:
    query = "&".join(f"{name}={quote_plus(value)}" for name, value in parameters.items())
    return f'<{request.base_url}{request.path}?{query}>; rel="{relation}"'
