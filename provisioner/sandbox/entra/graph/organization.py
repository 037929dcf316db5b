"""Organization, domains, subscribed SKUs and policies of the tenant, read as they are stored.

The routes bind the first arguments of these handlers:

- ``kind``: kind of the documents in the store, which is also the name of their type in `metadata`;
- ``context``: the entity set for ``@odata.context``, such as ``domains``;
- ``name``: name of a policy, such as ``authorizationPolicy``.
"""

from __future__ import annotations

from provisioner.sandbox.entra.graph import odata
from provisioner.sandbox.entra.graph.errors import not_found
from provisioner.sandbox.entra.graph.request import GraphRequest, GraphResponse


def list_documents(kind: str, context: str, request: GraphRequest) -> GraphResponse:
    """A collection such as ``GET /domains``."""
    return odata.collection(request, request.directory.all(kind), kind, context)


def read_document(kind: str, context: str, request: GraphRequest, key: str) -> GraphResponse:
    """One document of a collection."""
    document = request.directory.get(kind, key)
    if document is None:
        raise not_found(key)
    return odata.entity(request, document, kind, context)


def read_policy(name: str, request: GraphRequest) -> GraphResponse:
    """A singleton policy such as ``/policies/authorizationPolicy``."""
    document = request.directory.get("policy", name) or {}
    context = f"{request.root}/$metadata#policies/{name}/$entity"
    return GraphResponse(200, {"@odata.context": context, **odata.public(document)})
