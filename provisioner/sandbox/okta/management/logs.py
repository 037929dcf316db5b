"""Reading the system log (Okta Management API 2026.06.3, listLogEvents).

A bounded query (with ``until``) ends; without it the last page still has a ``next`` link, for polling (Okta Developer,
"System Log query").
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from provisioner.sandbox.okta.management import filters, paging
from provisioner.sandbox.okta.management.call import Call, Reply, Route
from provisioner.sandbox.okta.management.errors import invalid, invalid_cursor
from provisioner.sandbox.okta.management.paging import Size
from provisioner.sandbox.store import Document

_PAGE = Size(100, 1000, least=0)
_USUAL_SPAN = timedelta(days=7)
_ORDERS = ("ASCENDING", "DESCENDING")
_MOST_WORDS, _WORD_LENGTH = 10, 40


def _moment(call: Call, name: str) -> datetime | None:
    text = call.query.get(name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid(name, f"{name}: The date format in your query is not recognized.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _list(call: Call) -> Reply:
    count, after = paging.limit(call, _PAGE), paging.cursor(call)
    order = call.query.get("sortOrder", "ASCENDING")
    if order not in _ORDERS:
        raise invalid("sortOrder", "sortOrder: must be ASCENDING or DESCENDING")
    until = _moment(call, "until")
    since = _moment(call, "since") or (until or datetime.now(UTC)) - _USUAL_SPAN
    found = [each for each in call.store.all("logEvent") if _within(each, since, until)]
    found = _fitting(call, found)
    if order == "DESCENDING":
        found.reverse()
    if after:
        at = next((index for index, each in enumerate(found) if each["uuid"] == after), None)
        if at is None:
            raise invalid_cursor()
        found = found[at + 1 :]
    chosen = found[:count]
    last = chosen[-1]["uuid"] if chosen else after
    more = last if len(found) > count or (until is None and order == "ASCENDING") else None
    return paging.answer(call, chosen, count, more or None)


def _within(event: Document, since: datetime, until: datetime | None) -> bool:
    published = datetime.fromisoformat(event["published"])
    return since <= published and (until is None or published < until)


def _fitting(call: Call, found: list[Document]) -> list[Document]:
    if expression := call.query.get("filter"):
        fits = filters.parse(expression)
        found = [each for each in found if fits(each)]
    if q := call.query.get("q"):
        words = q.lower().split()
        if len(words) > _MOST_WORDS or any(len(word) > _WORD_LENGTH for word in words):
            raise invalid("q", f"q: at most {_MOST_WORDS} keywords of {_WORD_LENGTH} characters")
        found = [each for each in found if all(word in json.dumps(each).lower() for word in words)]
    return found


ROUTES = (Route("GET", "/api/v1/logs", _list, ("okta.logs.read",), "logs"),)
