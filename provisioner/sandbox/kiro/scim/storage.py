"""The provisioned users and groups of a Kiro profile, in the Kiro store.

Kinds in the store: ``scimUser:<profile>`` and ``scimGroup:<profile>`` hold the SCIM resources by id.
``scimIndex:<profile>`` holds their ids by the attributes that clients filter by.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, cast

from scim2_models import (
    Meta,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    ScimProvider,
    SearchRequest,
    UniquenessException,
)
from scim2_server.memory import InMemoryStorage
from scim2_server.storage import ScimStorage, SearchPage

from provisioner.sandbox.store import Document, Store

_INDEXED = ("userName", "externalId", "displayName")
_LOOKUP = re.compile(rf'({"|".join(_INDEXED)}) eq ("(?:[^"\\]|\\.)*")')


class ProfileStorage(ScimStorage):
    """The SCIM resources of one Kiro profile; safe between threads and between processes."""

    supports_cursors = True

    def __init__(self, store: Store, profile: str, provider: ScimProvider) -> None:
        """Serve a profile.

        Args:
            store: the Kiro store.
            profile: the profile's id.
            provider: the schemas of the SCIM service; its models parse the stored documents.
        """
        self._store = store
        self._profile = profile
        self._provider = provider

    def operation(self) -> AbstractContextManager[None]:
        """A transaction for the whole SCIM operation."""
        return self._store.transaction()

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,  # noqa: ARG002  the whole resource is always right
    ) -> Resource[Any]:
        return self._resource(resource_type, self._document(resource_type, resource_id))

    def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        """Search. A filter for equality of an indexed attribute reads only the documents that the index names."""
        candidates = InMemoryStorage()
        candidates.resources = [
            self._resource(resource_type, document)
            for resource_type in resource_types
            for document in self._candidates(resource_type, str(search_request.filter or ""))
        ]
        return candidates.search(resource_types, search_request, position=position)

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        now = datetime.now(UTC)
        stored = resource.model_copy(deep=True)
        stored.id = str(uuid.uuid4())
        stored.meta = Meta(
            resource_type=resource_type.name, created=now, last_modified=now, version=_new_version()
        )
        with self._store.transaction():
            return self._save(resource_type, stored)

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        with self._store.transaction():
            before = self._current(resource_type, str(resource.id), expected_version)
            assert before.meta is not None
            stored = resource.model_copy(deep=True)
            stored.meta = before.meta.model_copy(
                update={"location": None, "last_modified": datetime.now(UTC), "version": _new_version()}
            )
            return self._save(resource_type, stored, before=before.model_dump())

    def delete(
        self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None
    ) -> None:
        with self._store.transaction():
            before = self._current(resource_type, resource_id, expected_version)
            self._store.delete(self._kind(resource_type), resource_id)
            self._remove_from_index(resource_type, before.model_dump())
            self._remove_memberships(resource_id)

    def _save(
        self, resource_type: ResourceType, resource: Resource[Any], *, before: Document | None = None
    ) -> Resource[Any]:
        document = resource.model_dump()
        name = document.get("userName")
        if name is not None and set(self._ids(resource_type, "userName", name)) - {document["id"]}:
            raise UniquenessException(detail=f"userName: {name!r} is already taken.")
        if before is not None:
            self._remove_from_index(resource_type, before)
        self._store.put(self._kind(resource_type), document["id"], document)
        for key in _keys(resource_type, document):
            self._put_index(key, [*self._index(key), document["id"]])
        return self._resource(resource_type, document)

    def _remove_from_index(self, resource_type: ResourceType, document: Document) -> None:
        for key in _keys(resource_type, document):
            self._put_index(
                key, [resource_id for resource_id in self._index(key) if resource_id != document["id"]]
            )

    def _remove_memberships(self, key: str) -> None:
        kind = f"scimGroup:{self._profile}"
        for group in self._store.all(kind):
            members = group.get("members") or []
            remaining = [member for member in members if member.get("value") != key]
            if len(remaining) < len(members):
                self._store.put(kind, group["id"], group | {"members": remaining})

    def _candidates(self, resource_type: ResourceType, scim_filter: str) -> list[Document]:
        lookup = _LOOKUP.fullmatch(scim_filter)
        if lookup is None:
            return self._store.all(self._kind(resource_type))
        ids = self._ids(resource_type, lookup[1], json.loads(lookup[2]))
        documents = [self._store.get(self._kind(resource_type), resource_id) for resource_id in ids]
        return [document for document in documents if document is not None]

    def _ids(self, resource_type: ResourceType, attribute: str, value: str) -> list[str]:
        return self._index(_key(resource_type, attribute, value))

    def _index(self, key: str) -> list[str]:
        return list((self._store.get(f"scimIndex:{self._profile}", key) or {"ids": []})["ids"])

    def _put_index(self, key: str, ids: list[str]) -> None:
        if ids:
            self._store.put(f"scimIndex:{self._profile}", key, {"id": key, "ids": ids})
        else:
            self._store.delete(f"scimIndex:{self._profile}", key)

    def _current(self, resource_type: ResourceType, key: str, expected_version: str | None) -> Resource[Any]:
        stored = self.get(resource_type, key)
        assert stored.meta is not None
        if expected_version is not None and stored.meta.version != expected_version:
            raise PreconditionFailedException
        return stored

    def _document(self, resource_type: ResourceType, key: str) -> Document:
        document = self._store.get(self._kind(resource_type), key)
        if document is None:
            raise NotFoundException(detail=f"{resource_type.name} {key!r} not found")
        return document

    def _resource(self, resource_type: ResourceType, document: Document) -> Resource[Any]:
        model = cast("type[Resource[Any]]", self._provider.model_for(resource_type))
        return model.model_validate(document)

    def _kind(self, resource_type: ResourceType) -> str:
        return f"scim{resource_type.name}:{self._profile}"


def _keys(resource_type: ResourceType, document: Document) -> Iterator[str]:
    for attribute in _INDEXED:
        if document.get(attribute):
            yield _key(resource_type, attribute, document[attribute])


def _key(resource_type: ResourceType, attribute: str, value: str) -> str:
    """Key in the index. Its case is folded: the index may return too much, and the filter decides."""
    return f"{resource_type.name}.{attribute}={value.casefold()}"


def _new_version() -> str:
    return f'W/"{uuid.uuid4().hex}"'
