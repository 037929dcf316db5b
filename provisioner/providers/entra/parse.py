"""From Graph's JSON to resources. Pure functions; what is absent in an answer becomes None."""

from __future__ import annotations

import json
import re
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from provisioner.core.resource import Resource, WriteOnlySecret
from provisioner.providers.dns.names import canonical_domain, within
from provisioner.providers.dns.observations import VENDOR_DOMAINS, VerifiedDomain

from . import observations as seen
from . import resources as kinds
from .resources import Json

NEVER = "0001-01-01T00:00:00Z"

APPLICATION_FIELDS = (
    "id,appId,displayName,uniqueName,tags,signInAudience,identifierUris,api,publicClient,web,spa,"
    "applicationTemplateId,createdDateTime,passwordCredentials,keyCredentials,isDisabled"
)
_IDS_IN_A_FILTER = 15  # Microsoft Graph, $filter: the in operator
PRINCIPAL_FIELDS = (
    "id,appId,displayName,accountEnabled,appRoleAssignmentRequired,appRoles,tags,appOwnerOrganizationId"
)


def scope_id(app_id: str, value: str) -> str:
    """The id this product gives a scope: the same for the same application and value, whoever asks."""
    return str(uuid.uuid5(uuid.UUID(app_id), f"scope:{value}"))


def application(key: str, data: Json) -> kinds.Application:
    """From a Graph application."""
    api = data.get("api") or {}
    app_id = data["appId"]
    default = f"api://{app_id}"
    uris = tuple(data.get("identifierUris") or ())
    return kinds.Application(
        key=key,
        id=data["id"],
        app_id=app_id,
        display_name=data.get("displayName"),
        unique_name=data.get("uniqueName"),
        tags=tuple(data.get("tags") or ()),
        sign_in_audience=data.get("signInAudience"),
        identifier_uris=uris,
        other_identifier_uris=tuple(uri for uri in uris if uri != default),
        access_token_version=api.get("requestedAccessTokenVersion"),
        scopes=tuple(_scope(app_id, scope) for scope in api.get("oauth2PermissionScopes") or ()),
        redirect_uris=_uris(data, "publicClient"),
        web_redirect_uris=_uris(data, "web"),
        spa_redirect_uris=_uris(data, "spa"),
        disabled=bool(data.get("isDisabled")),
        template_id=data.get("applicationTemplateId"),
        created=data.get("createdDateTime"),
        credentials=tuple(_credentials(data)),
    )


def _uris(data: Json, platform: str) -> tuple[str, ...]:
    return tuple((data.get(platform) or {}).get("redirectUris") or ())


def _scope(app_id: str, scope: Json) -> kinds.Scope:
    return kinds.Scope(
        value=scope["value"],
        id=scope["id"],
        enabled=scope.get("isEnabled"),
        type=scope.get("type"),
        display_name=scope.get("adminConsentDisplayName"),
        owned=scope["id"] == scope_id(app_id, scope["value"]),
    )


def _credentials(data: Json) -> Iterator[kinds.Credential]:
    for member, kind in (("passwordCredentials", "secret"), ("keyCredentials", "certificate")):
        for credential in data.get(member) or ():
            yield kinds.Credential(
                kind=kind, name=credential.get("displayName"), ends=credential.get("endDateTime")
            )


def service_principal(key: str, data: Json) -> kinds.ServicePrincipal:
    """From a Graph servicePrincipal."""
    return kinds.ServicePrincipal(
        key=key,
        id=data["id"],
        app_id=data.get("appId"),
        account_enabled=data.get("accountEnabled"),
        assignment_required=data.get("appRoleAssignmentRequired"),
        tags=tuple(data.get("tags") or ()),
        tenant_id=data.get("appOwnerOrganizationId"),
        app_roles=tuple(
            kinds.AppRole(
                id=role["id"], display_name=role.get("displayName") or "", enabled=role.get("isEnabled", True)
            )
            for role in data.get("appRoles") or ()
        ),
    )


def group(key: str, data: Json) -> kinds.Group:
    """From a Graph group."""
    return kinds.Group(
        key=key,
        id=data["id"],
        display_name=data.get("displayName"),
        security_enabled=data.get("securityEnabled"),
    )


def user(key: str, data: Json) -> kinds.User:
    """From a Graph user."""
    return kinds.User(key=key, id=data["id"], display_name=data.get("displayName"))


def address(data: Json) -> str | None:
    """The e-mail address of a Graph user, or else the sign-in name; that of a guest is nobody's address."""
    name = str(data.get("userPrincipalName") or "")
    return data.get("mail") or (None if "#EXT#" in name.upper() else name)


def where_people_are(found: Iterable[Resource]) -> Iterator[str]:
    """Paths of the addresses of those who are assigned: the first page of each group, and users by their ids.

    Only direct members: an assignment does not reach nested groups (Entra, Assign users and groups).
    """
    assigned = [each for each in found if isinstance(each, kinds.Assignment)]
    select = "?$select=id,mail,userPrincipalName"
    for each in assigned:
        if isinstance(each, kinds.GroupAssignment):
            yield f"/groups/{each.principal}/members/microsoft.graph.user{select}&$top=999"
    users = [f"'{each.principal}'" for each in assigned if isinstance(each, kinds.UserAssignment)]
    for at in range(0, len(users), _IDS_IN_A_FILTER):
        yield f"/users{select}&$filter=id%20in%20({','.join(users[at : at + _IDS_IN_A_FILTER])})"


def verified_domains(organizations: Iterable[Json]) -> Iterator[VerifiedDomain]:
    """From Graph organizations; without the names that Microsoft gave."""
    for data in organizations:
        for domain in data.get("verifiedDomains") or ():
            name = canonical_domain(domain["name"])
            if not any(within(name, vendor) for vendor in VENDOR_DOMAINS):
                yield VerifiedDomain(key=name, default=bool(domain.get("isDefault")))


def assignment(
    data: Json, principal: kinds.ServicePrincipal, names: dict[str, str]
) -> kinds.Assignment | None:
    """From a Graph appRoleAssignment.

    Args:
        data: the assignment.
        principal: the service principal whose roles it names.
        names: the playbook's name for a principal, by object id.

    Returns:
        None for an assignment to another service principal.
    """
    kind = {"Group": kinds.GroupAssignment, "User": kinds.UserAssignment}.get(str(data.get("principalType")))
    if kind is None:
        return None
    roles = {role.id: role.display_name for role in principal.app_roles}
    zero = "(default access)" if roles else kinds.USER_ROLE  # without roles, the zero role is the right one
    role_id, who = data["appRoleId"], data["principalId"]
    return kind(
        key=names.get(who) or f"{data.get('principalDisplayName')} ({who})",
        id=data["id"],
        principal=who,
        principal_name=data.get("principalDisplayName"),
        role_id=role_id,
        role=roles.get(role_id, zero if role_id == kinds.ZERO_ROLE else role_id),
    )


def job(key: str, data: Json, now: datetime | None = None) -> kinds.ProvisioningJob:
    """From a Graph synchronizationJob.

    Args:
        key: the key of the resource.
        data: the job.
        now: when it was read, to tell whether it is overdue; the present when None.
    """
    status, schedule = data.get("status") or {}, data.get("schedule") or {}
    last, success = status.get("lastExecution") or {}, status.get("lastSuccessfulExecution") or {}
    quarantine = status.get("quarantine") or {}
    error = quarantine.get("error") or last.get("error") or {}
    counts = {
        str(entry.get("key")): int(entry.get("value") or 0)
        for entry in status.get("synchronizedEntryCountByType") or ()
    }
    interval, last_run = seconds(schedule.get("interval")), _moment(last.get("timeEnded"))
    return kinds.ProvisioningJob(
        key=key,
        id=data["id"],
        template_id=data.get("templateId"),
        status=status.get("code"),
        schedule=schedule.get("state"),
        interval_seconds=interval,
        quarantine=quarantine.get("reason"),
        quarantine_error=": ".join(filter(None, (error.get("code"), error.get("message")))) or None,
        last_run=last_run,
        last_state=last.get("state"),
        last_success=_moment(success.get("timeEnded")),
        overdue=schedule.get("state") == "Active" and _overdue(last_run, interval, now or datetime.now(UTC)),
        escrowed=int(last.get("countEscrowed") or 0),
        synced_users=_count(counts, "user"),
        synced_groups=_count(counts, "group"),
    )


def _overdue(last_run: str | None, interval: float | None, now: datetime) -> bool:
    """Whether two cycles should have come and gone since the last one."""
    if not last_run or not interval:
        return False
    return (now - datetime.fromisoformat(last_run)).total_seconds() > 2 * interval


def _count(counts: dict[str, int], word: str) -> int:
    """Entry types are free text (``User``, ``urn:...:User``, ``Users``), so a word in their last part decides."""
    return sum(value for name, value in counts.items() if word in name.rpartition(":")[2].lower())


def _moment(text: str | None) -> str | None:
    return None if not text or text == NEVER else text


_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>[\d.]+)S)?)?"
)


def seconds(duration: str | None) -> float | None:
    """An ISO 8601 duration of days and smaller units, such as ``PT40M``, in seconds."""
    match = _DURATION.fullmatch(duration or "")
    if not match or not any(match.groups()):
        return None
    days, hours, minutes, rest = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def secrets(
    job: kinds.ProvisioningJob, data: Json, remembered: WriteOnlySecret
) -> kinds.ProvisioningSecrets | None:
    """From the job's secrets; None when nothing is configured.

    Args:
        job: the job that works with them.
        data: ``{"value": [{"key", "value"}]}``, secret values masked.
        remembered: what this machine knows of the token it last wrote.
    """
    values = {entry.get("key"): entry.get("value") for entry in data.get("value") or ()}
    if not values.get("BaseAddress"):
        return None
    settings = notification_settings(values.get("SyncNotificationSettings"))
    return kinds.ProvisioningSecrets(
        key=job.key,
        endpoint=values["BaseAddress"],
        token=remembered if values.get("SecretToken") else None,
        accepted_by_kiro=accepted(job),
        assigned_only=str(values.get("SyncAll", "")).lower() == "false",
        delete_threshold=settings.get("DeleteThresholdValue")
        if settings.get("DeleteThresholdEnabled")
        else None,
        recipients=tuple(filter(None, (settings.get("Recipients") or "").split(",")))
        if settings.get("Enabled")
        else (),
    )


def accepted(job: kinds.ProvisioningJob) -> bool:
    """Whether the job is not in quarantine because Kiro refused its credentials.

    The code is that of Microsoft's sample (Microsoft Entra, application provisioning quarantine status).
    """
    return not (job.quarantine and "InvalidCredentials" in (job.quarantine_error or ""))


def notification_settings(text: str | None) -> Json:
    """``SyncNotificationSettings`` is JSON in a string."""
    try:
        settings = json.loads(text or "{}")
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}


def sign_in_errors(sign_ins: Iterable[Json]) -> Iterator[seen.SignInError]:
    """Failed sign-ins, grouped by error code."""
    groups: dict[int, list[Json]] = defaultdict(list)
    for sign_in in sign_ins:
        code = int((sign_in.get("status") or {}).get("errorCode") or 0)
        if code:
            groups[code].append(sign_in)
    for code, entries in groups.items():
        newest = max(entries, key=lambda entry: str(entry.get("createdDateTime")))
        yield seen.SignInError(
            key=str(code),
            code=code,
            count=len(entries),
            reason=newest["status"].get("failureReason"),
            last=newest.get("createdDateTime"),
        )


def provisioning_log(
    entries: Iterable[Json],
) -> Iterator[seen.ProvisioningFailure | seen.WrongExternalId]:
    """What the provisioning log says went wrong: failures by code, and users with a wrong externalId.

    A failure that a later success of the same object has mended is left out.
    """
    newest_first = sorted(entries, key=lambda entry: str(entry.get("activityDateTime")), reverse=True)
    mended: set[str] = set()
    groups: dict[str, list[Json]] = defaultdict(list)
    external_ids: dict[str, seen.WrongExternalId | None] = {}
    for entry in newest_first:
        source = entry.get("sourceIdentity") or {}
        outcome = entry.get("provisioningStatusInfo") or {}
        status = str(outcome.get("status", "")).lower()
        who = str(source.get("id"))
        if status == "success":
            mended.add(who)
            _note_external_id(entry, source, external_ids)
        elif status == "failure" and who not in mended:
            code = str((outcome.get("errorInformation") or {}).get("errorCode") or "unknown")
            groups[code].append(entry)
    for code, failures in groups.items():
        yield _failure(code, failures)
    yield from filter(None, external_ids.values())


def _failure(code: str, failures: list[Json]) -> seen.ProvisioningFailure:
    newest = failures[0]
    return seen.ProvisioningFailure(
        key=code,
        code=code,
        count=len(failures),
        reason=(newest["provisioningStatusInfo"].get("errorInformation") or {}).get("reason"),
        who=(newest.get("sourceIdentity") or {}).get("displayName"),
        last=newest.get("activityDateTime"),
    )


def _note_external_id(entry: Json, source: Json, noted: dict[str, seen.WrongExternalId | None]) -> None:
    """Remember the newest externalId a user was given, if it is not the object id."""
    who = str(source.get("id"))
    if who in noted or str(source.get("identityType", "")).lower() != "user":
        return
    for change in entry.get("modifiedProperties") or ():
        if change.get("displayName") == "externalId" and change.get("newValue"):
            value = str(change["newValue"]).strip('"')
            wrong = value != who
            noted[who] = (
                seen.WrongExternalId(key=who, name=source.get("displayName"), external_id=value)
                if wrong
                else None
            )


def conditional_access(policies: Iterable[Json], app_id: str) -> Iterator[seen.ConditionalAccessPolicy]:
    """Policies that are switched on and cover the application."""
    for policy in policies:
        scope = (policy.get("conditions") or {}).get("applications") or {}
        included = set(scope.get("includeApplications") or ())
        covered = included & {"All", app_id} and app_id not in (scope.get("excludeApplications") or ())
        if policy.get("state") == "enabled" and covered:
            yield seen.ConditionalAccessPolicy(
                key=policy["id"],
                display_name=policy.get("displayName") or policy["id"],
                controls=tuple((policy.get("grantControls") or {}).get("builtInControls") or ()),
            )


def consent_policy(key: str, data: Json) -> seen.ConsentPolicy:
    """From the authorizationPolicy."""
    granted = (data.get("defaultUserRolePermissions") or {}).get("permissionGrantPoliciesAssigned") or ()
    return seen.ConsentPolicy(
        key=key, user_consent=any("managepermissiongrantsforself" in entry.lower() for entry in granted)
    )


def licences(key: str, skus: Iterable[Json]) -> seen.Licences:
    """The enabled service plans of the tenant's subscriptions that have to do with Entra ID."""
    plans = {
        plan["servicePlanName"]
        for sku in skus
        if sku.get("capabilityStatus") == "Enabled"
        for plan in sku.get("servicePlans") or ()
        if str(plan.get("servicePlanName", "")).startswith("AAD_")
    }
    return seen.Licences(key=key, plans=tuple(sorted(plans)))
