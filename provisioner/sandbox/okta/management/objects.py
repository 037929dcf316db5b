"""Stored API objects: ids, timestamps, lookups, and checks of the members that a request sends.

Ids and timestamps have the form of recorded traffic of terraform-provider-okta and okta-sdk-python: 20 letters and digits
that begin with a prefix for the type, and UTC timestamps in whole seconds that end with ``.000Z``.

Members whose name begins with an underscore, such as ``_appId``, are the sandbox's own and never part of a response.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from provisioner.sandbox.okta.management.errors import invalid, not_found, required_field
from provisioner.sandbox.store import Document, Store

_ALPHABET = string.ascii_letters + string.digits
_ID_LENGTH = 20

_TYPE_NAMES = {
    "apiToken": "ApiToken",
    "app": "AppInstance",
    "appGroup": "GroupAssignment",
    "appUser": "AppUser",
    "authClaim": "OAuth2Claim",
    "authPolicy": "Policy",
    "authRule": "PolicyRule",
    "authScope": "OAuth2Scope",
    "authorizationServer": "AuthorizationServer",
    "clientSecret": "OAuth2ClientSecret",
    "domain": "CustomDomain",
    "grant": "OAuth2ScopeConsentGrant",
    "group": "UserGroup",
    "groupRule": "GroupRule",
    "mapping": "ProfileMapping",
    "pushMapping": "GroupPushMapping",
    "signInPolicy": "Policy",
    "user": "User",
}
"""The type in "Resource not found: ... (AppInstance)", by the kind of document in the store."""
_KEYED_BY_APP = ("appGroup", "appUser", "clientSecret")
"""Kinds with keys of the form ``{application}:{id}``."""


def new_id(prefix: str) -> str:
    """A unique id, such as ``0oauj9hxrlQXoHCca1d7`` for the prefix ``0oa``."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH - len(prefix)))


def now(delay: timedelta = timedelta()) -> str:
    """The current time plus a delay, as a timestamp."""
    return (datetime.now(UTC) + delay).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def public_members(document: Document) -> Document:
    """The members that a response shows."""
    return {name: value for name, value in document.items() if not name.startswith("_")}


def find(store: Store, kind: str, key: str, **members: str) -> Document:
    """The document with a key; ``default`` is the key of the authorization server that every org has.

    Args:
        store: the org.
        kind: kind of document.
        key: its key.
        members: values that the document must have, such as ``_serverId``.

    Raises:
        OktaError: 404 when no such document exists.
    """
    if kind == "authorizationServer" and key == "default":
        key = str(store.setting("default_server"))
    document = store.get(kind, key)
    if document is None or any(document[name] != value for name, value in members.items()):
        raise not_found(key, _TYPE_NAMES[kind])
    return document


def find_in_app(store: Store, kind: str, app_id: str, key: str) -> Document:
    """A document that belongs to an application.

    Raises:
        OktaError: 404 when the application or the document does not exist.
    """
    find(store, "app", app_id)
    document = store.get(kind, f"{app_id}:{key}") if kind in _KEYED_BY_APP else store.get(kind, key)
    if document is None or document.get("_appId", app_id) != app_id:
        raise not_found(key, _TYPE_NAMES[kind])
    return document


def select(store: Store, kind: str, **members: str) -> list[Document]:
    """The documents of a kind whose members have the given values, oldest first."""
    candidates = store.containing(kind, next(iter(members.values())))
    return [document for document in candidates if members.items() <= document.items()]


def delete_matching(store: Store, kind: str, **members: str) -> None:
    """Delete the documents of a kind whose members have the given values."""
    store.delete_many(kind, [document["id"] for document in select(store, kind, **members)])


def required_text(body: Document, name: str, max_length: int | None = None) -> str:
    """A member that must be a non-blank string.

    Raises:
        OktaError: 400 when it is missing, blank or too long.
    """
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise required_field(name)
    if max_length is not None and len(value) > max_length:
        raise invalid(name, f"{name}: The field is too long (at most {max_length} characters)")
    return value


def one_of(path: str, value: Any, choices: Collection[str]) -> str:
    """A value that must be one of the choices.

    Args:
        path: dotted path of the member, which the error names.
        value: the value in the request.
        choices: the allowed values.

    Raises:
        OktaError: 400 for any other value.
    """
    if value not in choices:
        name = path.rpartition(".")[2]
        raise invalid(path, f"{name}: must be one of {', '.join(choices)}")
    return str(value)
