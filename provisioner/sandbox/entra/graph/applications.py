"""Applications: ``/applications`` (Microsoft Graph v1.0, application resource and its operations)."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from provisioner.sandbox.entra.graph import application_rules, documents, recycle_bin
from provisioner.sandbox.entra.graph.call import NO_CONTENT, Call, Reply
from provisioner.sandbox.entra.graph.entities import (
    APPLICATIONS,
    EntitySet,
    alternate_key,
    bound_ids,
    find,
    referenced,
    shown,
)
from provisioner.sandbox.entra.graph.errors import GraphError, bad_request, not_found
from provisioner.sandbox.entra.graph.metadata import check_body, merged
from provisioner.sandbox.store import Document, Store

_SECRET_LIFETIME = timedelta(days=730)  # "the default is 2 years" (application: addPassword)
_ALLOWED_OWNERS = ("user", "servicePrincipal")


def create(call: Call) -> Reply:
    """``POST /applications``: the application alone, without a service principal."""
    return shown(call, APPLICATIONS, _created(call, call.json_object()), 201)


def _created(call: Call, body: Document) -> Document:
    _check(body)
    if not body.get("displayName"):
        raise bad_request("A value is required for property 'displayName' of resource 'Application'.")
    fresh = documents.application(body["displayName"], initial_domain(call.directory))
    fresh["createdByAppId"] = call.caller.app_id
    document = merged(fresh, body, "application")
    bound = bound_ids(call.directory, body, "owners")
    document["_owners"] = list(dict.fromkeys([*bound, call.caller.principal_id]))
    store(call, None, document)
    return document


def _check(body: Document) -> None:
    check_body(body, "application")
    if body.get("passwordCredentials"):
        raise bad_request(
            "Adding passwordCredentials is not supported; use addPassword.", "CannotUpdatePasswordCredentials"
        )
    for role in body.get("appRoles") or []:
        role.pop("origin", None)
        role["origin"] = "Application"


def initial_domain(directory: Store) -> str:
    """The tenant's ``onmicrosoft.com`` domain."""
    return next((str(domain["id"]) for domain in directory.all("domain") if domain["isInitial"]), "")


def store(call: Call, before: Document | None, after: Document) -> None:
    """Check an application against every rule, store it, and bring its service principal in step.

    Args:
        call: the request.
        before: the stored application, or None for a new one.
        after: the application as it shall be.

    Raises:
        GraphError: 400 when a rule forbids it.
    """
    directory = call.directory
    application_rules.check(before, after)
    others = [other for other in directory.all("application") if other["id"] != after["id"]]
    deleted = [item for item in directory.all("deletedItem") if item["@odata.type"].endswith(".application")]
    application_rules.check_uniqueness(after, others, deleted)
    policy = directory.get("policy", "defaultAppManagementPolicy") or {}
    domains = [domain["id"] for domain in directory.all("domain") if domain["isVerified"]]
    application_rules.check_identifier_policy(before, after, policy, call.tenant_id, domains)
    directory.put("application", after["id"], after)
    for principal in directory.all("servicePrincipal"):
        if principal["appId"] == after["appId"]:
            directory.put("servicePrincipal", principal["id"], documents.mirrored(principal, after))


def update(call: Call, key: str) -> Reply:
    """``PATCH /applications/{id}``; by unique name with ``Prefer: create-if-missing`` it creates too."""
    body = call.json_object()
    try:
        before = find(call.directory, APPLICATIONS, key)
    except GraphError as missing:
        alternate = alternate_key(key)
        if missing.status != 404 or not call.prefers("create-if-missing") or not alternate:
            raise
        if alternate[0] != "uniqueName":
            raise
        return shown(call, APPLICATIONS, _created(call, {**body, "uniqueName": alternate[1]}), 201)
    _check(body)
    store(call, before, merged(before, body, "application"))
    return NO_CONTENT


def delete(call: Call, key: str) -> Reply:
    """``DELETE /applications/{id}``: into the recycle bin for 30 days.

    The service principal of the home tenant goes there too. Microsoft's pages say so for the portal; reports about
    the API disagree, so this is unverified.
    """
    document = find(call.directory, APPLICATIONS, key)
    recycle_bin.discard(call.directory, "application", document)
    for principal in call.directory.all("servicePrincipal"):
        if principal["appId"] == document["appId"]:
            recycle_bin.discard(call.directory, "servicePrincipal", principal)
    return NO_CONTENT


def add_password(entity_set: EntitySet, call: Call, key: str) -> Reply:
    """``POST .../addPassword``: the secret is shown in this answer and never again."""
    document = find(call.directory, entity_set, key)
    wanted = (call.body or {}).get("passwordCredential") or {}
    secret = secrets.token_urlsafe(30)
    start = datetime.now(UTC)
    credential = {
        "customKeyIdentifier": None,
        "displayName": wanted.get("displayName"),
        "endDateTime": wanted.get("endDateTime") or _written(start + _SECRET_LIFETIME),
        "hint": secret[:3],
        "keyId": documents.new_id(),
        "secretText": None,
        "startDateTime": wanted.get("startDateTime") or _written(start),
    }
    private = {**document.get("_secrets", {}), credential["keyId"]: secret}
    kept = [*document["passwordCredentials"], credential]
    call.directory.put(
        entity_set.kind, document["id"], {**document, "passwordCredentials": kept, "_secrets": private}
    )
    context = f"{call.root}/$metadata#microsoft.graph.passwordCredential"
    return Reply(200, {"@odata.context": context, **credential, "secretText": secret})


def remove_password(entity_set: EntitySet, call: Call, key: str) -> Reply:
    """``POST .../removePassword``."""
    document = find(call.directory, entity_set, key)
    key_id = call.json_object().get("keyId")
    kept = [c for c in document["passwordCredentials"] if c["keyId"] != key_id]
    if len(kept) == len(document["passwordCredentials"]):
        raise bad_request(f"No password credential found with keyId '{key_id}'.")
    private = {name: secret for name, secret in document.get("_secrets", {}).items() if name != key_id}
    call.directory.put(
        entity_set.kind, document["id"], {**document, "passwordCredentials": kept, "_secrets": private}
    )
    return NO_CONTENT


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def add_owner(entity_set: EntitySet, call: Call, key: str) -> Reply:
    """``POST .../owners/$ref``: owners are users or service principals."""
    document = find(call.directory, entity_set, key)
    owner = referenced(call.directory, call.json_object().get("@odata.id"))
    kind = owner["@odata.type"].rpartition(".")[2]
    if kind not in _ALLOWED_OWNERS:
        raise bad_request(
            f"The reference target '{kind.capitalize()}_{owner['id']}' of type '{kind.capitalize()}' is invalid for "
            "the 'owners' reference."
        )
    return _with_owners(
        call, entity_set, document, [*_without(document, owner["id"], expected=False), owner["id"]]
    )


def remove_owner(entity_set: EntitySet, call: Call, key: str, owner: str) -> Reply:
    """``DELETE .../owners/{id}/$ref``."""
    document = find(call.directory, entity_set, key)
    return _with_owners(call, entity_set, document, _without(document, owner, expected=True))


def _without(document: Document, owner: str, *, expected: bool) -> list[str]:
    """The owners but one, which has to be among them, or must not be."""
    if (owner in document["_owners"]) != expected:
        if expected:
            raise not_found(owner)
        raise bad_request(
            "One or more added object references already exist for the following modified properties: 'owners'."
        )
    return [key for key in document["_owners"] if key != owner]


def _with_owners(call: Call, entity_set: EntitySet, document: Document, owners: list[str]) -> Reply:
    changed: dict[str, Any] = {**document, "_owners": owners}
    call.directory.put(entity_set.kind, document["id"], changed)
    return NO_CONTENT


def backing(directory: Store, app_id: str) -> Document | None:
    """The application with this application id, if it is registered here."""
    return next((a for a in directory.all("application") if a["appId"] == app_id), None)
