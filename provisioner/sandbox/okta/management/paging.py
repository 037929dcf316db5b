"""Lists by pages: ``limit``, ``after``, and Link headers.

The links repeat the request's own parameters (recorded: test_list_applications_with_query_parameters) and use the host
that the request came to. A cursor is the id of the last item shown, as recorded for mappings
(test_filter_profile_mappings_by_target).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from provisioner.sandbox.okta.management.call import Call, Reply
from provisioner.sandbox.okta.management.errors import invalid, invalid_cursor
from provisioner.sandbox.store import Document

_CURSOR = re.compile(r"[\w.@-]{1,100}")


@dataclass(frozen=True, slots=True)
class Size:
    """How many items a page may have."""

    default: int
    largest: int
    least: int = 1


def limit(call: Call, size: Size) -> int:
    """The page size that the request asks for.

    What Okta does with a limit outside its documented range is not recorded; the sandbox refuses it.

    Raises:
        OktaError: 400 when it is not a number in range.
    """
    asked = call.query.get("limit")
    if asked is None:
        return size.default
    if not asked.isdecimal() or not size.least <= int(asked) <= size.largest:
        raise invalid("limit", f"limit: must be between {size.least} and {size.largest}")
    return int(asked)


def cursor(call: Call) -> str:
    """The cursor of the request, or empty.

    Raises:
        OktaError: 400 when Okta cannot have given it out.
    """
    after = call.query.get("after", "")
    if after and not _CURSOR.fullmatch(after):
        raise invalid_cursor()
    return after


def page(
    call: Call,
    found: Sequence[Document],
    size: Size,
    render: Callable[[Document], Any],
    *,
    hidden: Collection[str] = (),
) -> Reply:
    """A page of what was found.

    Args:
        call: the request.
        found: everything that fits, in order.
        size: page sizes.
        render: makes the JSON of an item.
        hidden: query parameters that Okta leaves out of the links.

    Raises:
        OktaError: 400 for a bad limit or cursor.
    """
    count, after = limit(call, size), cursor(call)
    start = 0
    if after:
        start = next((at + 1 for at, item in enumerate(found) if item["id"] == after), -1)
        if start < 0:
            raise invalid_cursor()
    chosen = found[start : start + count]
    more = chosen[-1]["id"] if start + count < len(found) and chosen else None
    return answer(call, [render(item) for item in chosen], count, more, hidden)


def answer(call: Call, items: list[Any], count: int, more: str | None, hidden: Collection[str] = ()) -> Reply:
    """A page that was read already.

    Args:
        call: the request.
        items: its JSON.
        count: the page size.
        more: the cursor of the next page, None when this is the last.
        hidden: query parameters that Okta leaves out of the links.
    """
    left_out = {"limit", "after", *hidden}
    kept = {name: value for name, value in call.query.items() if name not in left_out}
    own = {"after": call.query["after"]} if call.query.get("after") else {}
    links = [_link(call, {**own, "limit": str(count), **kept}, "self")]
    if more is not None:
        links.append(_link(call, {"after": more, "limit": str(count), **kept}, "next"))
    return Reply(200, items, links=tuple(links))


def _link(call: Call, parameters: Mapping[str, str], relation: str) -> str:
    query = "&".join(f"{name}={quote_plus(value)}" for name, value in parameters.items())
    return f'<{call.root}{call.path}?{query}>; rel="{relation}"'
