"""Request bodies for Graph, and the result of provisioning on demand. Pure functions.

PATCH replaces a collection as a whole, so a body contains the elements that stay as well as the new ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import SecretStr

from provisioner.providers.base.wire import Json, build_body

from . import resources as kinds
from .parse import notification_settings, scope_id

CREDENTIALS: Final = frozenset({"endpoint", "token", "accepted_by_kiro"})
"""Fields of the secrets that are written together: the endpoint always goes with its token."""

_CLAIM: Final = frozenset({"display_name", "unique_name", "tags"})
"""Fields of the application that identify its owner."""


def application_patches(fields: Mapping[str, Any], app_id: str, existing_scopes: list[Json]) -> list[Json]:
    """The PATCH bodies that set fields of an application, in order.

    Args:
        fields: the values to write, by field of :class:`.resources.Application`, merged with what stays.
        app_id: the client id.
        existing_scopes: the permissionScopes as Graph returned them, so that none of their members is lost.

    Returns:
        the bodies. Name and marker go first and alone, so that a refused marker leaves no half-configured
        application. To remove a scope takes 2 bodies: Graph refuses to remove one that is enabled.
    """
    claim = build_body(kinds.Application, {name: fields[name] for name in fields if name in _CLAIM})
    body = build_body(kinds.Application, {name: fields[name] for name in fields if name not in _CLAIM})
    disabling: Json = {}
    if "other_identifier_uris" in fields:
        body["identifierUris"] = [f"api://{app_id}", *fields["other_identifier_uris"]]
    if "scopes" in fields:
        disabled, final = scope_lists(fields["scopes"], app_id, existing_scopes)
        body["api"]["oauth2PermissionScopes"] = final
        if disabled is not None:
            disabling = {"api": {"oauth2PermissionScopes": disabled}}
    return [patch for patch in (claim, disabling, body) if patch]


def scope_lists(
    scopes: tuple[kinds.Scope, ...], app_id: str, existing: list[Json]
) -> tuple[list[Json] | None, list[Json]]:
    """The scope collections to write.

    Args:
        scopes: every scope that remains.
        app_id: the client id of the application.
        existing: the existing permissionScopes.

    Returns:
        a collection to write first, in which every scope to be removed is disabled (None if no enabled scope is
        removed), and the final collection.
    """
    by_value = {scope["value"]: scope for scope in existing}
    final = [_scope_body(scope, app_id, by_value.get(scope.value)) for scope in scopes]
    remaining = {scope["id"] for scope in final}
    removed = [scope for scope in existing if scope["id"] not in remaining]
    if not any(scope.get("isEnabled") for scope in removed):
        return None, final
    return [*final, *({**scope, "isEnabled": False} for scope in removed)], final


def _scope_body(scope: kinds.Scope, app_id: str, existing: Json | None) -> Json:
    base = existing or {
        "id": scope_id(app_id, scope.value),
        "value": scope.value,
        "type": "User",
        "isEnabled": True,
        "adminConsentDisplayName": scope.value,
        "adminConsentDescription": scope.value,
        "userConsentDisplayName": None,
        "userConsentDescription": None,
    }
    fields = scope.model_dump(include={"enabled", "type", "display_name"}, exclude_none=True)
    return {**base, **build_body(kinds.Scope, fields)}


def scim_credentials(endpoint: str, token: SecretStr) -> list[Json]:
    """A SCIM endpoint and its token, as key and value, for validateCredentials and secrets."""
    return [
        {"key": "BaseAddress", "value": endpoint},
        {"key": "SecretToken", "value": token.get_secret_value()},
    ]


def secret_values(desired: kinds.ProvisioningSecrets, fields: set[str], settings: str | None) -> list[Json]:
    """The secrets to PUT, as key and value. Graph leaves keys that are not in the body unchanged.

    Args:
        desired: the desired endpoint, token and settings.
        fields: names of the fields that differ.
        settings: the current SyncNotificationSettings, JSON in a string; members that do not differ stay.
    """
    values: list[Json] = []
    if fields & CREDENTIALS and desired.endpoint and isinstance(desired.token, SecretStr):
        values += scim_credentials(desired.endpoint, desired.token)
    elif "endpoint" in fields and desired.endpoint:
        values.append({"key": "BaseAddress", "value": desired.endpoint})
    if fields & {"delete_threshold", "notify"}:
        merged = {"Enabled": False, **notification_settings(settings)}
        if desired.notify is not None:
            merged |= {"Enabled": bool(desired.notify), "Recipients": ",".join(desired.notify)}
        if desired.delete_threshold is not None:
            merged |= {"DeleteThresholdEnabled": True, "DeleteThresholdValue": desired.delete_threshold}
        values.append({"key": "SyncNotificationSettings", "value": json.dumps(merged)})
    if "assigned_only" in fields:
        values.append({"key": "SyncAll", "value": "false" if desired.assigned_only else "true"})
    return values


def on_demand_body(rule_id: str, group_id: str, members: list[str]) -> Json:
    """The body of provisionOnDemand.

    Args:
        rule_id: the synchronization rule.
        group_id: object id of the group.
        members: object ids of at most 5 of its members.
    """
    links = [{"objectId": member, "objectTypeName": "User"} for member in members]
    subject = {"objectId": group_id, "objectTypeName": "Group", "links": {"members": links}}
    return {"parameters": [{"ruleId": rule_id, "subjects": [subject]}]}


def on_demand_result(response: Json) -> tuple[str, str, str]:
    """The result of provisionOnDemand, whose documented response is JSON in a string, in JSON.

    Returns:
        ``Success``, ``Skipped`` or ``Failure`` (Graph's words), the error code, and the reason; empty if unknown.
    """
    key = _parse_object(response.get("key"))
    details = key.get("details")
    details = details if isinstance(details, dict) else {}
    return (
        str(key.get("result") or ""),
        str(details.get("errorCode") or ""),
        str(details.get("errorMessage") or details.get("message") or ""),
    )


def _parse_object(text: Any) -> Json:
    try:
        value = json.loads(text or "{}")
    except (TypeError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
