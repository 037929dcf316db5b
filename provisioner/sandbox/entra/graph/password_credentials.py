"""Password credentials of applications and service principals: addPassword and removePassword (Microsoft Graph v1.0)."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from provisioner.sandbox.entra.graph.documents import new_id, timestamp
from provisioner.sandbox.entra.graph.entity_sets import EntitySet, find
from provisioner.sandbox.entra.graph.errors import bad_request
from provisioner.sandbox.entra.graph.request import NO_CONTENT, GraphRequest, GraphResponse

_SECRET_LIFETIME = timedelta(days=730)  # "the default is 2 years" (application: addPassword)


def add_password(entity_set: EntitySet, request: GraphRequest, key: str) -> GraphResponse:
    """``POST .../addPassword``: only this response contains the secret."""
    document = find(request.directory, entity_set, key)
    requested = (request.body or {}).get("passwordCredential") or {}
    secret = secrets.token_urlsafe(30)
    start = datetime.now(UTC)
    credential = {
        "customKeyIdentifier": None,
        "displayName": requested.get("displayName"),
        "endDateTime": requested.get("endDateTime") or timestamp(start + _SECRET_LIFETIME),
        "hint": secret[:3],
        "keyId": new_id(),
        "secretText": None,
        "startDateTime": requested.get("startDateTime") or timestamp(start),
    }
    changed = {
        **document,
        "passwordCredentials": [*document["passwordCredentials"], credential],
        "_secrets": {**document.get("_secrets", {}), credential["keyId"]: secret},
    }
    request.directory.put(entity_set.kind, document["id"], changed)
    context = f"{request.root}/$metadata#microsoft.graph.passwordCredential"
    return GraphResponse(200, {"@odata.context": context, **credential, "secretText": secret})


def remove_password(entity_set: EntitySet, request: GraphRequest, key: str) -> GraphResponse:
    """``POST .../removePassword``."""
    document = find(request.directory, entity_set, key)
    key_id = request.json_object().get("keyId")
    credentials = document["passwordCredentials"]
    remaining = [credential for credential in credentials if credential["keyId"] != key_id]
    if len(remaining) == len(credentials):
        raise bad_request(f"No password credential found with keyId '{key_id}'.")
    changed = {
        **document,
        "passwordCredentials": remaining,
        "_secrets": {name: secret for name, secret in document.get("_secrets", {}).items() if name != key_id},
    }
    request.directory.put(entity_set.kind, document["id"], changed)
    return NO_CONTENT
