"""What OData query options do to answers: selecting, filtering, searching, sorting, counting, paging, expanding."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from provisioner.sandbox.entra.graph import capabilities
from provisioner.sandbox.entra.graph import filter as odata_filter
from provisioner.sandbox.entra.graph.call import Call, Reply
from provisioner.sandbox.entra.graph.errors import bad_request, unsupported_query
from provisioner.sandbox.entra.graph.filter_evaluation import matches
from provisioner.sandbox.entra.graph.metadata import TYPES
from provisioner.sandbox.store import Document, Store

Relation = Callable[[Store, Document], list[Document]]
_EXPANDED_AT_MOST = 20  # "returns a maximum of 20 items" (Microsoft Graph, query parameters: expand)
_ODATA_TYPE = "@odata.type"
_SEARCH_TERM = re.compile(r'"(\w+):((?:[^"\\]|\\.)*)"')


def entity(
    call: Call, document: Document, type_name: str, context: str, relations: Mapping[str, Relation]
) -> Document:
    """One document as the answer to a GET, POST or action.

    Args:
        call: the request, for its options.
        document: the stored document.
        type_name: its type.
        context: the entity set for ``@odata.context``, such as ``applications``.
        relations: what ``$expand`` can bring in.
    """
    chosen = _selected(call, type_name)
    suffix = f"({','.join(chosen)})" if chosen else ""
    shown = _shape(document, type_name, chosen) | _expanded(call, document, relations)
    return {"@odata.context": f"{call.root}/$metadata#{context}{suffix}/$entity", **shown}


def public(document: Mapping[str, Any]) -> Document:
    """A document without what is private to the sandbox."""
    return {name: value for name, value in document.items() if not name.startswith("_")}


def collection(
    call: Call,
    documents: Iterable[Document],
    type_name: str,
    context: str,
    relations: Mapping[str, Relation] | None = None,
) -> Reply:
    """A page of documents that pass the request's query options.

    Args:
        call: the request.
        documents: every candidate, in the order of creation.
        type_name: the type of all, or ``directoryObject`` for a mixed list.
        context: the entity set for ``@odata.context``.
        relations: what ``$expand`` can bring in, for every type in the list.

    Raises:
        GraphError: 400 when an option is malformed or not supported for the type.
    """
    chosen = _selected(call, type_name)
    found = _sorted(call, _searched(call, _filtered(call, documents, type_name), type_name), type_name)
    page, next_link = _page(call, found, type_name)
    suffix = f"({','.join(chosen)})" if chosen else ""
    body: Document = {"@odata.context": f"{call.root}/$metadata#{context}{suffix}"}
    if _counts(call, type_name):
        body["@odata.count"] = len(found)
    if next_link:
        body["@odata.nextLink"] = next_link
    body["value"] = [
        _shape(item, type_name, chosen) | _expanded(call, item, relations or {}) for item in page
    ]
    return Reply(200, body)


def count(call: Call, documents: Iterable[Document], type_name: str) -> Reply:
    """``/$count``: a bare number; directory objects are counted in advanced queries only."""
    if not call.eventual:
        raise bad_request("$count is not currently supported.")
    return Reply(200, str(len(_searched(call, _filtered(call, documents, type_name, count=True), type_name))))


def _counts(call: Call, type_name: str) -> bool:
    """Without the header, ``$count=true`` on directory objects is silently ignored, as documented."""
    return call.counted and (call.eventual or not capabilities.of(type_name).directory)


def _selected(call: Call, type_name: str) -> list[str]:
    chosen = [name.strip() for name in call.options.get("select", "").split(",") if name.strip()]
    if "*" in chosen:
        return []
    names = _known(type_name)
    by_lower = {name.lower(): name for name in names}
    for name in chosen:
        if name.split("/")[0].lower() not in by_lower and "extension_" not in name:
            raise bad_request(
                f"Could not find a property named '{name}' on type 'microsoft.graph.{type_name}'.",
                "BadRequest",
            )
    return [by_lower.get(name.lower(), name) for name in chosen]


def _known(type_name: str) -> set[str]:
    if type_name == "directoryObject":
        return {name for kind in ("user", "group", "servicePrincipal", "application") for name in TYPES[kind]}
    return set(TYPES[type_name]) | {"id"}


def _shape(document: Document, type_name: str, chosen: Sequence[str]) -> Document:
    """The members to show: the chosen ones, else the type's default ones, else all."""
    shown = public(document)
    own_type = document.get(_ODATA_TYPE, f".{type_name}").rpartition(".")[2]
    returned = capabilities.of(own_type).returned
    if not chosen:
        unasked = returned | {_ODATA_TYPE}
        return {name: value for name, value in shown.items() if name in unasked} if returned else shown
    declared = TYPES.get(own_type, {})
    typed = {_ODATA_TYPE: document[_ODATA_TYPE]} if _ODATA_TYPE in document else {}
    present = [name for name in chosen if name in shown or name in declared]
    return typed | {name: shown.get(name, _absent(declared, name)) for name in present}


def _absent(declared: Mapping[str, Any], name: str) -> Any:
    return [] if name in declared and declared[name].many else None


def _expanded(call: Call, document: Document, relations: Mapping[str, Relation]) -> Document:
    """What ``$expand`` adds, with a nested ``$select`` honoured."""
    result: Document = {}
    for part in re.findall(r"\w+(?:\([^)]*\))?", call.options.get("expand", "")):
        name, _, nested = part.partition("(")
        if name not in relations:
            raise bad_request(
                f"Parsing OData Select and Expand failed: Could not find a property named '{name}'.",
                "BadRequest",
            )
        chosen = re.sub(r"^\$?select=|\)$", "", nested).split(",") if nested else []
        items = relations[name](call.directory, document)[:_EXPANDED_AT_MOST]
        result[name] = [_shape(item, "directoryObject", chosen) for item in items]
    return result


def _filtered(
    call: Call, documents: Iterable[Document], type_name: str, *, count: bool = False
) -> list[Document]:
    text = call.options.get("filter")
    if text is None:
        return list(documents)
    expression = odata_filter.parse(text)
    capabilities.check_filter(expression, type_name, advanced=call.eventual and (count or call.counted))
    sensitive = capabilities.of(type_name).case_sensitive
    return [
        document
        for document in documents
        if matches(expression, {"owners": document.get("_owners", []), **document}, case_sensitive=sensitive)
    ]


def _searched(call: Call, documents: list[Document], type_name: str) -> list[Document]:
    """``$search="displayName:word"``, terms joined with OR or AND; words are matched by their beginning."""
    text = call.options.get("search")
    if text is None:
        return documents
    if not call.eventual:
        raise unsupported_query(
            "Request with $search query parameter only works through MSGraph with a special request header: "
            "'ConsistencyLevel: eventual'"
        )
    terms = _SEARCH_TERM.findall(text)
    searchable = capabilities.of(type_name).searches
    if not terms or any(name not in searchable for name, _ in terms):
        raise unsupported_query("Unrecognized query argument specified: '$search'.")
    combine = all if re.search(r'"\s+AND\s+"', text, re.IGNORECASE) else any
    return [
        document
        for document in documents
        if combine(_mentions(document.get(name), word) for name, word in terms)
    ]


def _mentions(value: Any, term: str) -> bool:
    texts = value if isinstance(value, list) else [value or ""]
    words = [word for text in texts for word in re.split(r"[\s\-_.@]+", f"{text}".casefold())]
    return all(any(word.startswith(part) for word in words) for part in term.casefold().split())


def _sorted(call: Call, documents: list[Document], type_name: str) -> list[Document]:
    text = call.options.get("orderby")
    if text is None:
        return documents
    name, _, direction = text.strip().partition(" ")
    capable = capabilities.of(type_name)
    if capable.directory and not call.advanced and ("filter" in call.options or name not in capable.sorts):
        raise unsupported_query("Sorting not supported for current query.")
    if name not in capable.sorts | capable.advanced_sorts or direction.lower() not in ("", "asc", "desc"):
        raise unsupported_query(f"Unsupported sort property '{name}' for '{type_name}'.")
    return sorted(
        documents, key=lambda item: str(item.get(name) or "").casefold(), reverse=direction.lower() == "desc"
    )


def _page(call: Call, documents: list[Document], type_name: str) -> tuple[list[Document], str | None]:
    """The requested page and, when there is more, the link to the next one."""
    if "skip" in call.options:
        raise bad_request("'$skip' is not supported by the service.", "BadRequest")
    size = _size(call, type_name)
    start = _start(call, documents)
    page = documents[start : start + size]
    if start + size >= len(documents):
        return page, None
    return page, _next_link(call, {"after": page[-1].get("id"), "offset": start + size})


def _size(call: Call, type_name: str) -> int:
    capable = capabilities.of(type_name)
    text = call.options.get("top", str(capable.page))
    if not text.isdecimal():
        raise bad_request(f"Invalid value '{text}' for $top query option found.", "BadRequest")
    if not 1 <= int(text) <= capable.max_page:
        raise unsupported_query(
            f"Invalid page size specified: '{text}'. Must be between 1 and {capable.max_page} inclusive."
        )
    return int(text)


def _start(call: Call, documents: list[Document]) -> int:
    """Where a page begins: after the last document of the page before, even if others came or went."""
    token = call.options.get("skiptoken")
    if token is None:
        return 0
    try:
        position = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        after, offset = position["after"], int(position["offset"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise bad_request(
            "The specified page token value has expired or is invalid.", "Directory_ExpiredPageToken"
        ) from None
    identifiers = [document.get("id") for document in documents]
    return identifiers.index(after) + 1 if after in identifiers else offset


def _next_link(call: Call, position: Mapping[str, Any]) -> str:
    token = base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")
    kept = {name: value for name, value in call.options.items() if name != "skiptoken"}
    query = "&".join(
        f"${name}={quote(value, safe='')}" for name, value in {**kept, "skiptoken": token}.items()
    )
    path = quote(call.path, safe="/()'$,=")
    return f"{call.root}{path}?{query}"
