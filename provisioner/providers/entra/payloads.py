"""From a change to the JSON that Graph wants. Pure functions.

Collections are replaced whole by a PATCH, so every body holds what must stay as well as what is new.
"""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import SecretStr

from . import resources as kinds
from .parse import notification_settings, scope_id
from .resources import Json

_PLAIN: Final = {
    "display_name": "displayName",
    "unique_name": "uniqueName",
    "tags": "tags",
    "sign_in_audience": "signInAudience",
    "identifier_uris": "identifierUris",
    "account_enabled": "accountEnabled",
    "assignment_required": "appRoleAssignmentRequired",
    "disabled": "isDisabled",
}
CREDENTIALS: Final = frozenset({"endpoint", "token", "accepted_by_kiro"})
"""Fields of the secrets that are written together, the endpoint with its token."""
_PLATFORMS: Final = {
    "redirect_uris": "publicClient",
    "web_redirect_uris": "web",
    "spa_redirect_uris": "spa",
}


def application_patches(wanted: dict[str, Any], app_id: str, raw_scopes: list[Json]) -> list[Json]:
    """The PATCH bodies that bring an application to the wanted values, in order.

    Args:
        wanted: the fields of :class:`~.resources.Application` to write, by name, merged with what is there.
        app_id: its client id.
        raw_scopes: its scopes as Graph returned them, so that nothing in them is lost.

    Returns:
        the bodies. Removing a scope takes two: Graph refuses to remove one that is enabled. The name and marker
        go first, alone, so that a refused marker cannot leave a half-configured application.
    """
    claim: Json = {}
    body: Json = {}
    first: Json = {}
    for name, value in wanted.items():
        listed = list(value) if isinstance(value, tuple) else value
        if name in ("display_name", "unique_name", "tags"):
            claim[_PLAIN[name]] = listed
        elif name in _PLAIN:
            body[_PLAIN[name]] = listed
        elif name == "other_identifier_uris":
            body["identifierUris"] = [f"api://{app_id}", *value]
        elif name in _PLATFORMS:
            body[_PLATFORMS[name]] = {"redirectUris": listed}
        elif name == "access_token_version":
            body.setdefault("api", {})["requestedAccessTokenVersion"] = value
        elif name == "scopes":
            disabling, final = scope_lists(value, app_id, raw_scopes)
            body.setdefault("api", {})["oauth2PermissionScopes"] = final
            if disabling is not None:
                first = {"api": {"oauth2PermissionScopes": disabling}}
    return [patch for patch in (claim, first, body) if patch]


def scope_lists(
    scopes: tuple[kinds.Scope, ...], app_id: str, raw: list[Json]
) -> tuple[list[Json] | None, list[Json]]:
    """The scope collection to write.

    Args:
        scopes: every scope that should be there afterwards.
        app_id: the application's client id.
        raw: the scopes that are there.

    Returns:
        a collection to write first, in which every scope to be removed is disabled (None when there is nothing
        to remove); and the final collection.
    """
    by_value = {scope["value"]: scope for scope in raw}
    final = [_scope(scope, app_id, by_value.get(scope.value)) for scope in scopes]
    kept = {scope["id"] for scope in final}
    doomed = [scope for scope in raw if scope["id"] not in kept]
    if not any(scope.get("isEnabled") for scope in doomed):
        return None, final
    return [*final, *({**scope, "isEnabled": False} for scope in doomed)], final


def _scope(scope: kinds.Scope, app_id: str, existing: Json | None) -> Json:
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
    changed = {
        "isEnabled": scope.enabled,
        "type": scope.type,
        "adminConsentDisplayName": scope.display_name,
    }
    return {**base, **{name: value for name, value in changed.items() if value is not None}}


def principal_patch(wanted: dict[str, Any]) -> Json:
    """The PATCH body that brings a service principal to the wanted values."""
    return {
        _PLAIN[name]: list(value) if isinstance(value, tuple) else value for name, value in wanted.items()
    }


def credentials(endpoint: str, token: SecretStr) -> list[Json]:
    """An endpoint and its token, as validateCredentials and secrets want them."""
    return [
        {"key": "BaseAddress", "value": endpoint},
        {"key": "SecretToken", "value": token.get_secret_value()},
    ]


def secret_values(wanted: kinds.ProvisioningSecrets, fields: set[str], settings: str | None) -> list[Json]:
    """The secrets to PUT; Graph leaves the keys that are not given alone.

    Args:
        wanted: what should be.
        fields: which of its fields differ.
        settings: SyncNotificationSettings as it is, a JSON text; its other members are kept.
    """
    values: list[Json] = []
    if fields & CREDENTIALS and wanted.endpoint and isinstance(wanted.token, SecretStr):
        values += credentials(wanted.endpoint, wanted.token)
    elif "endpoint" in fields and wanted.endpoint:
        values.append({"key": "BaseAddress", "value": wanted.endpoint})
    if fields & {"delete_threshold", "recipients"}:
        merged = {"Enabled": False, **notification_settings(settings)}
        if wanted.recipients is not None:
            merged |= {"Enabled": bool(wanted.recipients), "Recipients": ",".join(wanted.recipients)}
        if wanted.delete_threshold is not None:
            merged |= {"DeleteThresholdEnabled": True, "DeleteThresholdValue": wanted.delete_threshold}
        values.append({"key": "SyncNotificationSettings", "value": json.dumps(merged)})
    if "assigned_only" in fields:
        values.append({"key": "SyncAll", "value": "false" if wanted.assigned_only else "true"})
    return values


def on_demand(rule_id: str, group_id: str, members: list[str]) -> Json:
    """The body of provisionOnDemand for a group and at most five of its members."""
    links = [{"objectId": member, "objectTypeName": "User"} for member in members]
    subject = {"objectId": group_id, "objectTypeName": "Group", "links": {"members": links}}
    return {"parameters": [{"ruleId": rule_id, "subjects": [subject]}]}


def on_demand_result(answer: Json) -> tuple[str, str, str]:
    """The result of provisionOnDemand.

    Returns:
        ``Success``, ``Skipped`` or ``Failure`` (as Graph words it), the error code, and the reason. The documented
        answer is JSON in a string, twice.
    """
    key = _decoded(answer.get("key"))
    details = key.get("details")
    details = details if isinstance(details, dict) else {}
    return (
        str(key.get("result") or ""),
        str(details.get("errorCode") or ""),
        str(details.get("errorMessage") or details.get("message") or ""),
    )


def _decoded(text: Any) -> Json:
    try:
        value = json.loads(text or "{}")
    except (TypeError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
