"""The System Log: the filters of its queries, and the failures in its events. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from provisioner.providers.base.wire import Json

from .observations import LoggedFailure

F = TypeVar("F", bound=LoggedFailure)

LOG_WINDOW: Final = timedelta(days=7)
PROVISIONING_EVENTS: Final = (
    '(eventType sw "application.provision" or eventType sw "application.integration")'
)
SIGN_IN_EVENTS: Final = '(eventType sw "app.oauth2" or eventType eq "app.generic.unauth_app_access_attempt")'

_USER_TYPES: Final = ("User", "AppUser")


def log_path(events: str, result: str, target: str, *, since: str = "", limit: int = 100) -> str:
    """The path of a query for events, newest first. One page is enough to show what fails.

    Args:
        events: a filter expression, such as :data:`SIGN_IN_EVENTS`.
        result: ``SUCCESS`` or ``FAILURE``.
        target: id of the application, or its client id.
        since: time of the oldest event; default: :data:`LOG_WINDOW` ago.
        limit: maximum number of events.
    """
    oldest = since or (datetime.now(UTC) - LOG_WINDOW).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    condition = f'{events} and outcome.result eq "{result}" and target.id eq "{target}"'
    query = {"filter": condition, "since": oldest, "sortOrder": "DESCENDING", "limit": limit}
    return f"/api/v1/logs?{urlencode(query)}"


def group_failures(kind: type[F], events: Iterable[Json]) -> tuple[F, ...]:
    """Failures by event type and reason, from failed events, newest first."""
    groups: dict[tuple[str, str | None], list[Json]] = {}
    for event in events:
        group = (str(event.get("eventType")), (event.get("outcome") or {}).get("reason") or None)
        groups.setdefault(group, []).append(event)
    return tuple(
        kind(
            key=": ".join(filter(None, (event_type, reason))),
            event=event_type,
            reason=reason,
            count=len(failures),
            subject=_subject(failures[0]),
            display_names=_display_names(failures[0]),
            last=failures[0].get("published"),
        )
        for (event_type, reason), failures in groups.items()
    )


def unresolved_failures(failed: Iterable[Json], succeeded: Iterable[Json], app_id: str) -> list[Json]:
    """The failures after which nothing succeeded for the same target.

    A failure that concerns only the application, such as a refused token, is resolved when anything succeeded.

    Args:
        failed: failed events, newest first.
        succeeded: successful events, newest first.
        app_id: id of the application, which is a target of every event.
    """
    last_success: dict[str, str] = {}
    for event in succeeded:
        for target in (*_target_ids(event, app_id), app_id):
            last_success.setdefault(target, str(event.get("published")))
    return [
        event
        for event in failed
        if not any(
            last_success.get(target, "") > str(event.get("published"))
            for target in _target_ids(event, app_id) or (app_id,)
        )
    ]


def _target_ids(event: Json, app_id: str) -> tuple[str, ...]:
    """Ids of the event's targets other than the application."""
    ids = (str(target.get("id")) for target in event.get("target") or ())
    return tuple(target for target in ids if target != app_id)


def _subject(event: Json) -> Any:
    """The name of the first user or group among the targets, else of the actor."""
    targets = event.get("target") or ()
    principals = [target for target in targets if target.get("type") in (*_USER_TYPES, "UserGroup")]
    subject = principals[0] if principals else event.get("actor") or {}
    return subject.get("alternateId") or subject.get("displayName")


def _display_names(event: Json) -> tuple[str, ...]:
    """Display names of the users among the targets and the actor, each once."""
    participants = (*(event.get("target") or ()), event.get("actor") or {})
    users = (participant for participant in participants if participant.get("type") in _USER_TYPES)
    return tuple(dict.fromkeys(str(user["displayName"]) for user in users if user.get("displayName")))
