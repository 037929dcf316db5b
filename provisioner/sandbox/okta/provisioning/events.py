"""System log events of provisioning.

Names of event types: "Event types" (developer.okta.com). The texts shown for the failures of users and groups follow
public reports; the other texts are the sandbox's own.
"""

from __future__ import annotations

from provisioner.sandbox.okta.management import log_events
from provisioner.sandbox.store import Document, Store

_MAX_REASON = 255  # Okta Management API 2026.06.3, LogOutcome: reason, maxLength
_MESSAGES = {
    "application.provision.user.push": "Push new user to external application",
    "application.provision.user.push_profile": "Push user's profile to external application",
    "application.provision.user.deactivate": "Deactivate user in external application",
    "application.provision.user.reactivate": "Reactivate user in external application",
    "application.provision.group_push.pushed": "Push group to external application",
    "application.provision.group_push.updated": "Update pushed group in external application",
    "application.provision.group_push.push_memberships": "Push group memberships to external application",
    "application.provision.group_push.removed": "Remove pushed group from external application",
    "application.provision.group_push.mapping.update.or.delete.failed.with.error": (
        "Update or deletion of a pushed group failed"
    ),
    "application.integration.authentication_failure": "Authentication with external application failed",
    "application.integration.general_failure": "Integration with external application failed",
}


def note(store: Store, event_type: str, targets: list[Document], reason: str | None = None) -> None:
    """Write an event of Okta's own doing.

    Args:
        store: the org.
        event_type: which.
        targets: see ``log_events``.
        reason: why it failed; None when it did not.
    """
    failed = reason is not None
    log_events.write(
        store,
        event_type,
        targets,
        result="FAILURE" if failed else "SUCCESS",
        reason=reason[:_MAX_REASON] if reason else None,
        severity="ERROR" if failed else "INFO",
        message=_MESSAGES.get(event_type),
    )
