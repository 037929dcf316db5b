"""The system log: writing events, and ``GET /api/v1/logs`` (Okta Management API 2026.06.3, listLogEvents).

Form: Okta Management API 2026.06.3, schema LogEvent. Event types and their texts: Okta Developer, "Event types"; the texts of
provisioning events are the sandbox's own. A bounded query (with ``until``) ends; without ``until`` the last page still has a
``next`` link, for polling (Okta Developer, "System Log query").
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from provisioner.sandbox.okta.management.errors import invalid, invalid_cursor
from provisioner.sandbox.okta.management.filters import parse_filter
from provisioner.sandbox.okta.management.objects import one_of
from provisioner.sandbox.okta.management.pagination import PageSize, page_cursor, page_limit, page_response
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse, Route
from provisioner.sandbox.store import Document, Store

_PAGE = PageSize(100, 1000, minimum=0)
_DEFAULT_SPAN = timedelta(days=7)
_MAX_KEYWORDS, _MAX_KEYWORD_LENGTH = 10, 40
_MAX_REASON_LENGTH = 255  # Okta Management API 2026.06.3, LogOutcome: reason, maxLength
_MESSAGES = {
    "app.oauth2.as.authorize": "OAuth2 authorization request",
    "app.oauth2.client.scope.consent.grant": "Grant user privilege",
    "app.oauth2.token.grant.access_token": "OAuth2 access token is granted",
    "application.configuration.update": "Update application configuration",
    "application.integration.authentication_failure": "Authentication with external application failed",
    "application.integration.general_failure": "Integration with external application failed",
    "application.lifecycle.activate": "Activate application",
    "application.lifecycle.create": "Create application",
    "application.lifecycle.deactivate": "Deactivate application",
    "application.lifecycle.delete": "Delete application",
    "application.lifecycle.update": "Update application",
    "application.policy.sign_on.update": "Update application sign on policy",
    "application.provision.field_mapping_rule.change": "Change field mapping rule",
    "application.provision.group_push.mapping.update.or.delete.failed.with.error": (
        "Update or deletion of a pushed group failed"
    ),
    "application.provision.group_push.push_memberships": "Push group memberships to external application",
    "application.provision.group_push.pushed": "Push group to external application",
    "application.provision.group_push.removed": "Remove pushed group from external application",
    "application.provision.group_push.updated": "Update pushed group in external application",
    "application.provision.user.deactivate": "Deactivate user in external application",
    "application.provision.user.push": "Push new user to external application",
    "application.provision.user.push_profile": "Push user's profile to external application",
    "application.provision.user.reactivate": "Reactivate user in external application",
    "application.user_membership.add": "Add user to application membership",
    "application.user_membership.change_username": "Change user name in application",
    "application.user_membership.remove": "Remove user's application membership",
    "application.user_membership.update": "Update user's application membership",
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
_NO_CLIENT = dict.fromkeys(("userAgent", "zone", "device", "id", "ipAddress", "geographicalContext"))
_NO_CONTEXT = {
    **dict.fromkeys(
        ("authenticationProvider", "credentialProvider", "credentialType", "issuer", "interface")
    ),
    "authenticationStep": 0,
    "externalSessionId": "unknown",
}
_NO_SECURITY = {"asNumber": None, "asOrg": None, "isp": None, "domain": None, "isProxy": None}


def target(kind: str, key: str, name: str, alternate_id: str = "unknown") -> Document:
    """A target of an event.

    Args:
        kind: type, such as ``AppInstance``, ``User``, ``UserGroup``, ``AppUser`` or ``PolicyEntity``.
        key: its id.
        name: its display name.
        alternate_id: its alternate id, such as a login.
    """
    return {"id": key, "type": kind, "alternateId": alternate_id, "displayName": name, "detailEntry": None}


def app_target(app: Document) -> Document:
    """An application as a target."""
    return target("AppInstance", app["id"], str(app.get("_title") or app["label"]), app["label"])


def user_target(user: Document) -> Document:
    """A user as a target."""
    return target("User", user["id"], full_name(user), user["profile"]["login"])


def group_target(group: Document) -> Document:
    """A group as a target."""
    return target("UserGroup", group["id"], group["profile"]["name"])


def full_name(user: Document) -> str:
    """First and last name."""
    return f"{user['profile'].get('firstName', '')} {user['profile'].get('lastName', '')}".strip()


def write_event(
    store: Store,
    event_type: str,
    targets: Sequence[Document],
    *,
    actor: Document = SYSTEM,
    failure: str | None = None,
    severity: str | None = None,
    debug_data: Document | None = None,
    client: Document | None = None,
    request_id: str | None = None,
) -> None:
    """Write an event.

    Args:
        store: the org.
        event_type: such as ``application.lifecycle.create``.
        targets: its targets, see `target`.
        actor: who did it; by default Okta itself.
        failure: reason of a failure; None for a success.
        severity: ``DEBUG``, ``INFO``, ``WARN`` or ``ERROR``; by default ERROR for a failure, INFO for a success.
        debug_data: ``debugContext.debugData``.
        client: the client of the request that caused the event.
        request_id: id of that request.
    """
    key = str(uuid.uuid4())
    published = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    failed = failure is not None
    event: dict[str, Any] = {
        "actor": {"detailEntry": None, **actor},
        "client": client or _NO_CLIENT,
        "device": None,
        "authenticationContext": _NO_CONTEXT,
        "displayMessage": _MESSAGES.get(event_type, event_type),
        "eventType": event_type,
        "outcome": {
            "result": "FAILURE" if failed else "SUCCESS",
            "reason": failure[:_MAX_REASON_LENGTH] if failure else None,
        },
        "published": published,
        "securityContext": _NO_SECURITY,
        "severity": severity or ("ERROR" if failed else "INFO"),
        "debugContext": {"debugData": debug_data or {}},
        "legacyEventType": None,
        "transaction": {"type": "WEB" if client else "JOB", "id": request_id or key, "detail": {}},
        "uuid": key,
        "version": "0",
        "request": {"ipChain": []},
        "target": list(targets) or None,
    }
    store.put("logEvent", key, event)


def log_request(request: ApiRequest, event_type: str, *targets: Document) -> None:
    """Write the event of a successful request, with its caller as the actor."""
    caller = request.caller
    actor = target(caller.kind, caller.id, caller.name, caller.alternate_id)
    client = {
        "userAgent": {"rawUserAgent": request.user_agent, "os": "Unknown", "browser": "UNKNOWN"},
        "zone": "null",
        "device": "Unknown",
        "id": None,
        "ipAddress": request.ip_address,
        "geographicalContext": None,
    }
    debug_data = {"requestId": request.request_id, "requestUri": request.path, "url": request.path}
    write_event(
        request.store,
        event_type,
        targets,
        actor=actor,
        client=client,
        request_id=request.request_id,
        debug_data=debug_data,
    )


def _list(request: ApiRequest) -> ApiResponse:
    limit, after = page_limit(request, _PAGE), page_cursor(request)
    order = one_of("sortOrder", request.query.get("sortOrder", "ASCENDING"), ("ASCENDING", "DESCENDING"))
    until = _timestamp(request, "until")
    since = _timestamp(request, "since") or (until or datetime.now(UTC)) - _DEFAULT_SPAN
    events = [event for event in request.store.all("logEvent") if _published_between(event, since, until)]
    events = _filter(request, events)
    if order == "DESCENDING":
        events.reverse()
    if after:
        index = next((index for index, event in enumerate(events) if event["uuid"] == after), None)
        if index is None:
            raise invalid_cursor()
        events = events[index + 1 :]
    page = events[:limit]
    last = page[-1]["uuid"] if page else after
    polling = until is None and order == "ASCENDING"
    next_cursor = last if len(events) > limit or polling else None
    return page_response(request, page, limit, next_cursor or None)


def _timestamp(request: ApiRequest, name: str) -> datetime | None:
    text = request.query.get(name)
    if text is None:
        return None
    try:
        timestamp = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid(name, f"{name}: The date format in your query is not recognized.") from error
    return timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)


def _published_between(event: Document, since: datetime, until: datetime | None) -> bool:
    published = datetime.fromisoformat(event["published"])
    return since <= published and (until is None or published < until)


def _filter(request: ApiRequest, events: list[Document]) -> list[Document]:
    if expression := request.query.get("filter"):
        matches = parse_filter(expression)
        events = [event for event in events if matches(event)]
    if q := request.query.get("q"):
        keywords = q.lower().split()
        if len(keywords) > _MAX_KEYWORDS or any(len(keyword) > _MAX_KEYWORD_LENGTH for keyword in keywords):
            raise invalid("q", f"q: at most {_MAX_KEYWORDS} keywords of {_MAX_KEYWORD_LENGTH} characters")
        events = [event for event in events if all(word in json.dumps(event).lower() for word in keywords)]
    return events


ROUTES = (Route("GET", "/api/v1/logs", _list, ("okta.logs.read",), "logs"),)
