"""Resources from Graph's JSON, where a field is computed. Pure functions.

A resource whose fields are all members of one object needs no function here: see
:func:`provisioner.providers.base.wire.parse_resource`.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from provisioner.core.resource import WriteOnlySecret
from provisioner.providers.base.wire import Json, parse_fields, parse_resource
from provisioner.providers.dns.names import canonical_domain, within
from provisioner.providers.dns.observations import MICROSOFT_DOMAINS, VerifiedDomain

from . import observations
from . import resources as kinds

NEVER: Final = "0001-01-01T00:00:00Z"
"""Graph's value for a time that has not come yet."""
DEFAULT_ACCESS: Final = "(default access)"

_DURATION: Final = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>[\d.]+)S)?)?"
)


def scope_id(app_id: str, value: str) -> str:
    """The id that this product gives a scope; it depends on the application and the value only."""
    return str(uuid.uuid5(uuid.UUID(app_id), f"scope:{value}"))


def parse_application(key: str, data: Json) -> kinds.Application:
    """An application, from a Graph application."""
    fields = parse_fields(kinds.Application, data)
    app_id = fields["app_id"]
    return kinds.Application(
        key=key,
        **{
            **fields,
            "other_identifier_uris": tuple(
                uri for uri in fields["identifier_uris"] if uri != f"api://{app_id}"
            ),
            "scopes": tuple(
                scope.model_copy(update={"owned": scope.id == scope_id(app_id, scope.value)})
                for scope in fields["scopes"]
            ),
        },
    )


def parse_assignment(
    data: Json, principal: kinds.ServicePrincipal, names: dict[str, str]
) -> kinds.Assignment | None:
    """An assignment, from a Graph appRoleAssignment.

    Args:
        data: the appRoleAssignment.
        principal: the service principal that declares the roles.
        names: the playbook's names of groups and users, by object id.

    Returns:
        None when a service principal is assigned.
    """
    kind = {"Group": kinds.GroupAssignment, "User": kinds.UserAssignment}.get(str(data.get("principalType")))
    if kind is None:
        return None
    principal_id, role_id = data["principalId"], data["appRoleId"]
    roles = {role.id: role.display_name for role in principal.app_roles}
    roles.setdefault(kinds.ZERO_ROLE, DEFAULT_ACCESS if roles else kinds.USER_ROLE)
    key = names.get(principal_id) or f"{data.get('principalDisplayName')} ({principal_id})"
    return parse_resource(kind, key, data, role=roles.get(role_id, role_id))


def parse_consent(key: str, grants: Iterable[Json]) -> Iterator[kinds.AdminConsent]:
    """Admin consent, from Graph oAuth2PermissionGrants; the consent of single users is left out."""
    for grant in grants:
        if grant.get("consentType") == "AllPrincipals":
            yield kinds.AdminConsent(
                key=key, id=grant["id"], scopes=tuple(str(grant.get("scope") or "").split())
            )


def parse_jobs(key: str, jobs: list[Json]) -> tuple[kinds.ProvisioningJob, ...]:
    """The jobs of a service principal. The first SCIM job gets the playbook's key, the others their id."""
    ordered = sorted(jobs, key=lambda data: str(data.get("templateId")).lower() != "scim")
    return tuple(parse_job(data["id"] if number else key, data) for number, data in enumerate(ordered))


def parse_job(key: str, data: Json, now: datetime | None = None) -> kinds.ProvisioningJob:
    """A provisioning job, from a Graph synchronizationJob.

    Args:
        key: the key of the resource.
        data: the synchronizationJob.
        now: the time with which to decide whether the job is overdue; the current time when None.
    """
    status, schedule = data.get("status") or {}, data.get("schedule") or {}
    last, success = status.get("lastExecution") or {}, status.get("lastSuccessfulExecution") or {}
    error = (status.get("quarantine") or {}).get("error") or last.get("error") or {}
    counts = {
        str(entry.get("key")): int(entry.get("value") or 0)
        for entry in status.get("synchronizedEntryCountByType") or ()
    }
    interval, last_run = parse_duration(schedule.get("interval")), _time(last.get("timeEnded"))
    return parse_resource(
        kinds.ProvisioningJob,
        key,
        data,
        interval_seconds=interval,
        quarantine_error=": ".join(filter(None, (error.get("code"), error.get("message")))) or None,
        last_run=last_run,
        last_success=_time(success.get("timeEnded")),
        overdue=schedule.get("state") == "Active" and _overdue(last_run, interval, now or datetime.now(UTC)),
        synced_users=_count(counts, "user"),
        synced_groups=_count(counts, "group"),
    )


def _overdue(last_run: str | None, interval: float | None, now: datetime) -> bool:
    """Whether the last cycle ended more than two intervals ago."""
    if not last_run or not interval:
        return False
    return (now - datetime.fromisoformat(last_run)).total_seconds() > 2 * interval


def _count(counts: dict[str, int], word: str) -> int:
    """The entries whose type has a word in its last part: types are free text (``User``, ``urn:...:User``, ``Users``)."""
    return sum(count for name, count in counts.items() if word in name.rpartition(":")[2].lower())


def _time(text: str | None) -> str | None:
    return None if not text or text == NEVER else text


def parse_duration(text: str | None) -> float | None:
    """Seconds in an ISO 8601 duration of days and smaller units, such as ``PT40M``; None when it is none."""
    match = _DURATION.fullmatch(text or "")
    if not match or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def parse_secrets(
    job: kinds.ProvisioningJob, data: Json, token: WriteOnlySecret
) -> kinds.ProvisioningSecrets | None:
    """The endpoint and the settings of a job, from its synchronization secrets.

    Args:
        job: the job.
        data: ``{"value": [{"key", "value"}]}``; Graph masks the values of secrets.
        token: the token that this machine last wrote.

    Returns:
        None when no endpoint is set.
    """
    values = {entry.get("key"): entry.get("value") for entry in data.get("value") or ()}
    if not values.get("BaseAddress"):
        return None
    settings = notification_settings(values.get("SyncNotificationSettings"))
    has_threshold, notifies = settings.get("DeleteThresholdEnabled"), settings.get("Enabled")
    return kinds.ProvisioningSecrets(
        key=job.key,
        endpoint=values["BaseAddress"],
        token=token if values.get("SecretToken") else None,
        accepted_by_kiro=accepted_by_kiro(job),
        assigned_only=str(values.get("SyncAll", "")).lower() == "false",
        delete_threshold=settings.get("DeleteThresholdValue") if has_threshold else None,
        notify=tuple(filter(None, (settings.get("Recipients") or "").split(","))) if notifies else (),
    )


def accepted_by_kiro(job: kinds.ProvisioningJob) -> bool:
    """Whether the job is not in quarantine because Kiro refused its credentials.

    The error code is that of Microsoft's sample (Microsoft Entra, application provisioning quarantine status).
    """
    return not (job.quarantine and "InvalidCredentials" in (job.quarantine_error or ""))


def notification_settings(text: str | None) -> Json:
    """The members of ``SyncNotificationSettings``, which is JSON in a string; empty when it is not JSON."""
    try:
        settings = json.loads(text or "{}")
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}


def user_ids(members: list[Json]) -> list[str]:
    """The ids of the users among the members of a group."""
    return [str(member["id"]) for member in members if member.get("@odata.type") == "#microsoft.graph.user"]


def email_address(user: Json) -> str | None:
    """The e-mail address of a Graph user: its mail, or else its sign-in name. A guest's sign-in name is no address."""
    name = str(user.get("userPrincipalName") or "")
    return user.get("mail") or (None if "#EXT#" in name.upper() else name)


def parse_verified_domains(organizations: Iterable[Json]) -> Iterator[VerifiedDomain]:
    """The verified domains of a Graph organization, without those that Microsoft assigned."""
    for organization in organizations:
        for domain in organization.get("verifiedDomains") or ():
            name = canonical_domain(domain["name"])
            if not any(within(name, suffix) for suffix in MICROSOFT_DOMAINS):
                yield VerifiedDomain(key=name, default=bool(domain.get("isDefault")))


def parse_conditional_access(
    policies: Iterable[Json], app_id: str
) -> Iterator[observations.ConditionalAccessPolicy]:
    """The Graph conditionalAccessPolicies that are enabled and cover the application."""
    for policy in policies:
        applications = (policy.get("conditions") or {}).get("applications") or {}
        included = not {"All", app_id}.isdisjoint(applications.get("includeApplications") or ())
        excluded = app_id in (applications.get("excludeApplications") or ())
        if policy.get("state") == "enabled" and included and not excluded:
            yield observations.ConditionalAccessPolicy(
                key=policy["id"],
                display_name=policy.get("displayName") or policy["id"],
                controls=tuple((policy.get("grantControls") or {}).get("builtInControls") or ()),
            )


def parse_consent_policy(key: str, policy: Json) -> observations.ConsentPolicy:
    """Whether users can consent, from Graph's authorizationPolicy."""
    granted = (policy.get("defaultUserRolePermissions") or {}).get("permissionGrantPoliciesAssigned") or ()
    return observations.ConsentPolicy(
        key=key, user_consent=any("managepermissiongrantsforself" in entry.lower() for entry in granted)
    )


def parse_licences(key: str, skus: Iterable[Json]) -> observations.Licences:
    """The Entra ID service plans of the enabled Graph subscribedSkus."""
    plans = {
        plan["servicePlanName"]
        for sku in skus
        if sku.get("capabilityStatus") == "Enabled"
        for plan in sku.get("servicePlans") or ()
        if str(plan.get("servicePlanName", "")).startswith("AAD_")
    }
    return observations.Licences(key=key, plans=tuple(sorted(plans)))
