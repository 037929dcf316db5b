"""What the sign-in log and the provisioning log report. Pure functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from provisioner.providers.base.wire import Json

from .observations import ProvisioningFailure, SignInError, WrongExternalId


def parse_sign_ins(sign_ins: Iterable[Json]) -> Iterator[SignInError]:
    """The failed ones of Graph's signIns, grouped by error code."""
    failed: dict[int, list[Json]] = defaultdict(list)
    for sign_in in sign_ins:
        code = int((sign_in.get("status") or {}).get("errorCode") or 0)
        if code:
            failed[code].append(sign_in)
    for code, entries in failed.items():
        latest = max(entries, key=lambda entry: str(entry.get("createdDateTime")))
        yield SignInError(
            key=str(code),
            code=code,
            count=len(entries),
            reason=latest["status"].get("failureReason"),
            last=latest.get("createdDateTime"),
        )


def parse_provisioning_log(entries: Iterable[Json]) -> Iterator[ProvisioningFailure | WrongExternalId]:
    """Unresolved failures by error code, and users with a wrong externalId, from Graph's provisioningObjectSummaries.

    A failure is resolved when a later entry of the same object is a success.
    """
    failures: dict[str, list[Json]] = defaultdict(list)
    succeeded: set[str] = set()
    external_ids: dict[str, WrongExternalId | None] = {}
    newest_first = sorted(entries, key=lambda entry: str(entry.get("activityDateTime")), reverse=True)
    for entry in newest_first:
        source = entry.get("sourceIdentity") or {}
        outcome = entry.get("provisioningStatusInfo") or {}
        status, object_id = str(outcome.get("status", "")).lower(), str(source.get("id"))
        if status == "success":
            succeeded.add(object_id)
            is_user = str(source.get("identityType", "")).lower() == "user"
            external_id = _new_external_id(entry) if is_user else None
            if external_id is not None and object_id not in external_ids:
                external_ids[object_id] = _wrong_external_id(object_id, external_id, source)
        elif status == "failure" and object_id not in succeeded:
            code = str((outcome.get("errorInformation") or {}).get("errorCode") or "unknown")
            failures[code].append(entry)
    for code, failed in failures.items():
        yield _failure(code, failed)
    yield from filter(None, external_ids.values())


def _failure(code: str, entries: list[Json]) -> ProvisioningFailure:
    latest = entries[0]
    return ProvisioningFailure(
        key=code,
        code=code,
        count=len(entries),
        reason=(latest["provisioningStatusInfo"].get("errorInformation") or {}).get("reason"),
        subject=(latest.get("sourceIdentity") or {}).get("displayName"),
        last=latest.get("activityDateTime"),
    )


def _new_external_id(entry: Json) -> str | None:
    """The externalId that a log entry wrote, or None."""
    for change in entry.get("modifiedProperties") or ():
        if change.get("displayName") == "externalId" and change.get("newValue"):
            return str(change["newValue"]).strip('"')
    return None


def _wrong_external_id(object_id: str, external_id: str, source: Json) -> WrongExternalId | None:
    if external_id == object_id:
        return None
    return WrongExternalId(key=object_id, name=source.get("displayName"), external_id=external_id)
