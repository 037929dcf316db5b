"""OData query options: $select, $filter, $search, $orderby, $count, $top, $skiptoken and $expand."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from provisioner.sandbox.entra.graph.errors import bad_request, unsupported_query
from provisioner.sandbox.entra.graph.filter import parse_filter
from provisioner.sandbox.entra.graph.filter_evaluation import matches
from provisioner.sandbox.entra.graph.metadata import TYPES
from provisioner.sandbox.entra.graph.query_capabilities import capabilities_of, check_filter
from provisioner.sandbox.entra.graph.request import GraphRequest, GraphResponse
from provisioner.sandbox.store import Document, Store

Relationship = Callable[[Store, Document], list[Document]]
"""Finds the objects that are related to an object."""

_MAX_EXPANDED = 20  # "returns a maximum of 20 items" (Microsoft Graph, query parameters: expand)
_ODATA_TYPE = "@odata.type"
_SEARCH_TERM = re.compile(r'"(\w+):((?:[^"\\]|\\.)*)"')


def entity(
    request: GraphRequest,
    document: Document,
    type_name: str,
    context: str,
    relationships: Mapping[str, Relationship] | None = None,
) -> GraphResponse:
    """A response with one document.

    Args:
        request: the request, with its options.
        document: the stored document.
        type_name: its type.
        context: the entity set for ``@odata.context``, such as ``applications``.
        relationships: what ``$expand`` can add.

    Raises:
        GraphError: 400 when an option is malformed or not supported for the type.
    """
    selected = _selected_names(request, type_name)
    body = _select(document, type_name, selected) | _expand(request, document, relationships or {})
    return GraphResponse(200, {"@odata.context": f"{_context(request, context, selected)}/$entity", **body})


def _context(request: GraphRequest, context: str, selected: Sequence[str]) -> str:
    suffix = f"({','.join(selected)})" if selected else ""
    return f"{request.root}/$metadata#{context}{suffix}"


def public(document: Mapping[str, Any]) -> Document:
    """A document without the sandbox's private members, which start with an underscore."""
    return {name: value for name, value in document.items() if not name.startswith("_")}


def collection(
    request: GraphRequest,
    documents: Iterable[Document],
    type_name: str,
    context: str,
    relationships: Mapping[str, Relationship] | None = None,
) -> GraphResponse:
    """A response with one page of the documents that the query options select.

    Args:
        request: the request, with its options.
        documents: every candidate, in the order of creation.
        type_name: the type of all, or ``directoryObject`` for a mixed list.
        context: the entity set for ``@odata.context``.
        relationships: what ``$expand`` can add, for every type in the list.

    Raises:
        GraphError: 400 when an option is malformed or not supported for the type.
    """
    selected = _selected_names(request, type_name)
    matching = _sort(request, _search(request, _filter(request, documents, type_name), type_name), type_name)
    page, next_link = _page(request, matching, type_name)
    body: Document = {"@odata.context": _context(request, context, selected)}
    # Without the header, $count=true on directory objects is silently ignored, as documented.
    if request.wants_count and (request.eventual or not capabilities_of(type_name).directory):
        body["@odata.count"] = len(matching)
    if next_link:
        body["@odata.nextLink"] = next_link
    body["value"] = [
        _select(document, type_name, selected) | _expand(request, document, relationships or {})
        for document in page
    ]
    return GraphResponse(200, body)


def count(request: GraphRequest, documents: Iterable[Document], type_name: str) -> GraphResponse:
    """A response to ``/$count``: a bare number. Directory objects are counted in advanced queries only."""
    if not request.eventual:
        raise bad_request("$count is not currently supported.")
    matching = _search(request, _filter(request, documents, type_name, count=True), type_name)
    return GraphResponse(200, str(len(matching)))


def _selected_names(request: GraphRequest, type_name: str) -> list[str]:
    """The properties that ``$select`` names, as the type spells them; empty for the default properties."""
    selected = [name.strip() for name in request.options.get("select", "").split(",") if name.strip()]
    if "*" in selected:
        return []
    by_lower = {name.lower(): name for name in _property_names(type_name)}
    for name in selected:
        if name.split("/")[0].lower() not in by_lower and "extension_" not in name:
            raise bad_request(
                f"Could not find a property named '{name}' on type 'microsoft.graph.{type_name}'.",
                "BadRequest",
            )
    return [by_lower.get(name.lower(), name) for name in selected]


def _property_names(type_name: str) -> set[str]:
    if type_name == "directoryObject":
        return {name for kind in ("user", "group", "servicePrincipal", "application") for name in TYPES[kind]}
    return set(TYPES[type_name]) | {"id"}


def _select(document: Document, type_name: str, selected: Sequence[str]) -> Document:
    """The selected properties, else the type's default properties, else all."""
    properties = public(document)
    own_type = document.get(_ODATA_TYPE, f".{type_name}").rpartition(".")[2]
    if not selected:
        default = capabilities_of(own_type).default_properties
        if not default:
            return properties
        return {name: value for name, value in properties.items() if name in default | {_ODATA_TYPE}}
    declared = TYPES.get(own_type, {})
    result = {_ODATA_TYPE: document[_ODATA_TYPE]} if _ODATA_TYPE in document else {}
    for name in selected:
        if name in properties:
            result[name] = properties[name]
        elif name in declared:
            result[name] = [] if declared[name].is_collection else None
    return result


def _expand(request: GraphRequest, document: Document, relationships: Mapping[str, Relationship]) -> Document:
    """The members that ``$expand`` adds; a nested ``$select`` applies to them."""
    result: Document = {}
    for part in re.findall(r"\w+(?:\([^)]*\))?", request.options.get("expand", "")):
        name, _, nested = part.partition("(")
        if name not in relationships:
            raise bad_request(
                f"Parsing OData Select and Expand failed: Could not find a property named '{name}'.",
                "BadRequest",
            )
        selected = re.sub(r"^\$?select=|\)$", "", nested).split(",") if nested else []
        related = relationships[name](request.directory, document)[:_MAX_EXPANDED]
        result[name] = [_select(item, "directoryObject", selected) for item in related]
    return result


def _filter(
    request: GraphRequest, documents: Iterable[Document], type_name: str, *, count: bool = False
) -> list[Document]:
    text = request.options.get("filter")
    if text is None:
        return list(documents)
    expression = parse_filter(text)
    check_filter(expression, type_name, advanced=request.eventual and (count or request.wants_count))
    case_sensitive = capabilities_of(type_name).case_sensitive
    return [
        document
        for document in documents
        if matches(
            expression, {"owners": document.get("_owners", []), **document}, case_sensitive=case_sensitive
        )
    ]


def _search(request: GraphRequest, documents: list[Document], type_name: str) -> list[Document]:
    """``$search="displayName:word"``: terms joined with OR or AND; a term matches the beginning of a word."""
    text = request.options.get("search")
    if text is None:
        return documents
    if not request.eventual:
        raise unsupported_query(
            "Request with $search query parameter only works through MSGraph with a special request header: "
            "'ConsistencyLevel: eventual'"
        )
    terms = _SEARCH_TERM.findall(text)
    searchable = capabilities_of(type_name).searchable
    if not terms or any(name not in searchable for name, _ in terms):
        raise unsupported_query("Unrecognized query argument specified: '$search'.")
    combine = all if re.search(r'"\s+AND\s+"', text, re.IGNORECASE) else any
    return [
        document
        for document in documents
        if combine(_has_words(document.get(name), term) for name, term in terms)
    ]


def _has_words(value: Any, term: str) -> bool:
    texts = value if isinstance(value, list) else [value or ""]
    words = [word for text in texts for word in re.split(r"[\s\-_.@]+", f"{text}".casefold())]
    return all(any(word.startswith(prefix) for word in words) for prefix in term.casefold().split())


def _sort(request: GraphRequest, documents: list[Document], type_name: str) -> list[Document]:
    text = request.options.get("orderby")
    if text is None:
        return documents
    name, _, direction = text.strip().partition(" ")
    capabilities = capabilities_of(type_name)
    advanced_only = "filter" in request.options or name not in capabilities.sortable
    if capabilities.directory and not request.is_advanced_query and advanced_only:
        raise unsupported_query("Sorting not supported for current query.")
    sortable = capabilities.sortable | capabilities.sortable_advanced
    if name not in sortable or direction.lower() not in ("", "asc", "desc"):
        raise unsupported_query(f"Unsupported sort property '{name}' for '{type_name}'.")
    return sorted(
        documents,
        key=lambda document: str(document.get(name) or "").casefold(),
        reverse=direction.lower() == "desc",
    )


def _page(
    request: GraphRequest, documents: list[Document], type_name: str
) -> tuple[list[Document], str | None]:
    """The requested page and the link to the next one, or None."""
    if "skip" in request.options:
        raise bad_request("'$skip' is not supported by the service.", "BadRequest")
    size = _page_size(request, type_name)
    start = _page_start(request, documents)
    page = documents[start : start + size]
    if start + size >= len(documents):
        return page, None
    return page, _next_link(request, {"after": page[-1].get("id"), "offset": start + size})


def _page_size(request: GraphRequest, type_name: str) -> int:
    capabilities = capabilities_of(type_name)
    text = request.options.get("top", str(capabilities.page_size))
    if not text.isdecimal():
        raise bad_request(f"Invalid value '{text}' for $top query option found.", "BadRequest")
    if not 1 <= int(text) <= capabilities.max_page_size:
        raise unsupported_query(
            f"Invalid page size specified: '{text}'. Must be between 1 and {capabilities.max_page_size} inclusive."
        )
    return int(text)


def _page_start(request: GraphRequest, documents: list[Document]) -> int:
    """Where a page begins: after the last document of the previous page, even if others were added or deleted."""
    token = request.options.get("skiptoken")
    if token is None:
        return 0
    try:
        position = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        after, offset = position["after"], int(position["offset"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise bad_request(
            "The specified page token value has expired or is invalid.", "Directory_ExpiredPageToken"
        ) from None
    ids = [document.get("id") for document in documents]
    return ids.index(after) + 1 if after in ids else offset


def _next_link(request: GraphRequest, position: Mapping[str, Any]) -> str:
    token = base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")
    options = {**request.options, "skiptoken": token}
    query = "&".join(f"${name}={quote(value, safe='')}" for name, value in options.items())
    path = quote(request.path, safe="/()'$,=")
    return f"{request.root}{path}?{query}"
