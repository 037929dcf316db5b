"""Writing the system log.

Form: Okta Management API 2026.06.3, schema LogEvent; event types and their texts: Okta Developer, "Event types".
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from provisioner.sandbox.okta.management.call import Call
from provisioner.sandbox.store import Document, Store

_MESSAGES = {
    "app.oauth2.token.grant.access_token": "OAuth2 access token is granted",
    "application.configuration.update": "Update application configuration",
    "application.lifecycle.activate": "Activate application",
    "application.lifecycle.create": "Create application",
    "application.lifecycle.deactivate": "Deactivate application",
    "application.lifecycle.delete": "Delete application",
    "application.lifecycle.update": "Update application",
    "application.policy.sign_on.update": "Update application sign on policy",
    "application.provision.field_mapping_rule.change": "Change field mapping rule",
    "application.user_membership.add": "Add user to application membership",
    "application.user_membership.change_username": "Change user name in application",
    "application.user_membership.remove": "Remove user's application membership",
    "application.user_membership.update": "Update user's application membership",
    "app.oauth2.client.scope.consent.grant": "Grant user privilege",
    "group.application_assignment.add": "Add assigned application to group",
    "group.application_assignment.remove": "Remove assigned application from group",
    "group.application_assignment.update": "Update assigned application of group",
    "group.lifecycle.create": "Create Okta group",
    "group.lifecycle.delete": "Delete Okta group",
    "group.profile.update": "Update Okta group profile",
    "group.user_membership.add": "Add user to group membership",
    "group.user_membership.remove": "Remove user from group membership",
    "oauth2.as.activated": "OAuth2 authorization server is activated",
    "oauth2.as.created": "OAuth2 authorization server is created",
    "oauth2.as.deactivated": "OAuth2 authorization server is deactivated",
    "oauth2.as.deleted": "OAuth2 authorization server is deleted",
    "oauth2.as.updated": "OAuth2 authorization server is updated",
    "oauth2.claim.created": "OAuth2 claim is created",
    "oauth2.claim.deleted": "OAuth2 claim is deleted",
    "oauth2.claim.updated": "OAuth2 claim is updated",
    "oauth2.scope.created": "OAuth2 scope is created",
    "oauth2.scope.deleted": "OAuth2 scope is deleted",
    "oauth2.scope.updated": "OAuth2 scope is updated",
    "policy.lifecycle.activate": "Activate policy",
    "policy.lifecycle.create": "Create policy",
    "policy.lifecycle.deactivate": "Deactivate policy",
    "policy.lifecycle.delete": "Delete policy",
    "policy.lifecycle.update": "Update policy",
    "policy.rule.activate": "Activate policy rule",
    "policy.rule.add": "Add policy rule",
    "policy.rule.deactivate": "Deactivate policy rule",
    "policy.rule.delete": "Delete policy rule",
    "policy.rule.update": "Update policy rule",
    "user.lifecycle.activate": "Activate Okta user",
    "user.lifecycle.create": "Create Okta user",
    "user.lifecycle.deactivate": "Deactivate Okta user",
    "user.lifecycle.delete.initiated": "Delete Okta user",
    "user.lifecycle.reactivate": "Reactivate Okta user",
    "user.lifecycle.suspend": "Suspend Okta user",
    "user.lifecycle.unsuspend": "Unsuspend Okta user",
    "user.account.update_profile": "Update user profile for Okta",
}
SYSTEM = {
    "id": "okta",
    "type": "SystemPrincipal",
    "alternateId": "system@okta.com",
    "displayName": "Okta System",
}


def target(kind: str, key: str, name: str, alternate_id: str = "unknown") -> Document:
    """Something that an event is about.

    Args:
        kind: ``AppInstance``, ``User``, ``UserGroup``, ``AppUser``, ``PolicyEntity`` ...
        key: its id.
        name: its display name.
        alternate_id: another name of it, such as a login.
    """
    return {
        "id": key,
        "type": kind,
        "alternateId": alternate_id,
        "displayName": name,
        "detailEntry": None,
    }


def app_target(app: Document) -> Document:
    """An application, as the log names it."""
    return target("AppInstance", app["id"], str(app.get("_title") or app["label"]), app["label"])


def user_target(user: Document) -> Document:
    """A user, as the log names it."""
    return target("User", user["id"], full_name(user), user["profile"]["login"])


def group_target(group: Document) -> Document:
    """A group, as the log names it."""
    return target("UserGroup", group["id"], group["profile"]["name"])


def full_name(user: Document) -> str:
    """First and last name."""
    return f"{user['profile'].get('firstName', '')} {user['profile'].get('lastName', '')}".strip()


def write(
    store: Store,
    event_type: str,
    targets: Sequence[Document],
    *,
    actor: Document = SYSTEM,
    result: str = "SUCCESS",
    reason: str | None = None,
    severity: str = "INFO",
    message: str | None = None,
    debug: Document | None = None,
    client: Document | None = None,
    transaction: str | None = None,
) -> Document:
    """Add an event.

    Args:
        store: the org.
        event_type: such as ``application.lifecycle.create``.
        targets: what it is about, see `target`.
        actor: who did it; Okta itself by default.
        result: ``SUCCESS``, ``FAILURE``, ``SKIPPED`` ...
        reason: why it failed.
        severity: ``DEBUG``, ``INFO``, ``WARN`` or ``ERROR``.
        message: the text shown; by default the event type's own.
        debug: what ``debugContext.debugData`` tells.
        client: where the request came from.
        transaction: id of the request.

    Returns:
        the event.
    """
    key = str(uuid.uuid4())
    published = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event: dict[str, Any] = {
        "actor": {"detailEntry": None, **actor},
        "client": client or _NO_CLIENT,
        "device": None,
        "authenticationContext": _NO_CONTEXT,
        "displayMessage": message or _MESSAGES.get(event_type, event_type),
        "eventType": event_type,
        "outcome": {"result": result, "reason": reason},
        "published": published,
        "securityContext": _NO_SECURITY,
        "severity": severity,
        "debugContext": {"debugData": debug or {}},
        "legacyEventType": None,
        "transaction": {"type": "WEB" if client else "JOB", "id": transaction or key, "detail": {}},
        "uuid": key,
        "version": "0",
        "request": {"ipChain": []},
        "target": list(targets) or None,
    }
    store.put("logEvent", key, event)
    return event


def note(call: Call, event_type: str, *targets: Document, **more: Any) -> None:
    """Add an event about a request's own doing; ``more`` as for `write`."""
    caller = call.caller
    actor = {
        "id": caller.id,
        "type": caller.kind,
        "alternateId": caller.alternate_id,
        "displayName": caller.name,
    }
    client = {
        "userAgent": {"rawUserAgent": call.agent, "os": "Unknown", "browser": "UNKNOWN"},
        "zone": "null",
        "device": "Unknown",
        "id": None,
        "ipAddress": call.address,
        "geographicalContext": None,
    }
    debug = {"requestId": call.request_id, "requestUri": call.path, "url": call.path, **more.pop("debug", {})}
    write(
        call.store,
        event_type,
        targets,
        actor=actor,
        client=client,
        transaction=call.request_id,
        debug=debug,
        **more,
    )


_NO_CLIENT = {
    "userAgent": None,
    "zone": None,
    "device": None,
    "id": None,
    "ipAddress": None,
    "geographicalContext": None,
}
_NO_CONTEXT = {
    "authenticationProvider": None,
    "credentialProvider": None,
    "credentialType": None,
    "issuer": None,
    "interface": None,
    "authenticationStep": 0,
    "externalSessionId": "unknown",
}
_NO_SECURITY = {"asNumber": None, "asOrg": None, "isp": None, "domain": None, "isProxy": None}
