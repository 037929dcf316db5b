"""What only audits read: one row per read, with its path, its parser and the permission that it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar

from provisioner.core.resource import Resource
from provisioner.providers.base.permissions import RequiredPermission
from provisioner.providers.base.wire import Json, parse_resource, select
from provisioner.providers.dns.observations import VerifiedDomain

from . import logs, observations, parse, permissions
from .client import filter_query, literal
from .playbook import EntraPlaybook
from .resources import Application, GroupAssignment, ProvisioningJob, UserAssignment

LOG_WINDOW: Final = timedelta(days=1)
"""The part of the provisioning log that is read."""
SIGN_IN_WINDOW: Final = timedelta(days=7)
"""The part of the sign-in log that is read."""

_MAX_IDS: Final = 15
"""The most values of the ``in`` operator (Microsoft Graph, $filter)."""

T = TypeVar("T")


@dataclass(frozen=True)
class AuditRead(Generic[T]):
    """A read that only audits make. If it is refused, its kinds become gaps.

    Attributes:
        kinds: the kinds that it yields.
        permission: what it needs.
        path: path and query, given the object that it depends on.
        parse: makes the resources from that object and the elements of the response.
        all_pages: read every page, not only the first.
    """

    kinds: tuple[type[Resource], ...]
    permission: RequiredPermission
    path: Callable[[T], str]
    parse: Callable[[T, list[Json]], Iterable[Resource]]
    all_pages: bool = False


def deleted_applications_path(playbook: EntraPlaybook) -> str:
    """The applications in the recycle bin that have the playbook's display name."""
    condition = filter_query(f"displayName eq {literal(playbook.display_name)}")
    fields = select(observations.DeletedApplication)
    return f"/directory/deletedItems/microsoft.graph.application?{condition}&$select={fields}"


def parse_deleted(applications: Iterable[Json]) -> list[observations.DeletedApplication]:
    """Applications in the recycle bin."""
    return [parse_resource(observations.DeletedApplication, data["id"], data) for data in applications]


def address_paths(groups: Iterable[GroupAssignment], users: Iterable[UserAssignment]) -> tuple[str, ...]:
    """Paths of users' e-mail addresses: the first page of the members of each group, and users by their ids.

    Only direct members: an assignment does not include nested groups (Entra, Assign users and groups).
    """
    fields = "$select=id,mail,userPrincipalName"
    ids = [f"'{user.principal}'" for user in users]
    chunks = [",".join(ids[start : start + _MAX_IDS]) for start in range(0, len(ids), _MAX_IDS)]
    return (
        *(f"/groups/{group.principal}/members/microsoft.graph.user?{fields}&$top=999" for group in groups),
        *(f"/users?{fields}&{filter_query(f'id in ({chunk})')}" for chunk in chunks),
    )


def _failed_sign_ins(application: Application) -> str:
    condition = (
        f"appId eq {literal(application.app_id or '')} and createdDateTime ge {_since(SIGN_IN_WINDOW)}"
    )
    return f"/auditLogs/signIns?{filter_query(condition)}&$top=1000"


def _provisioning_log(job: ProvisioningJob) -> str:
    condition = f"jobId eq {literal(job.id or '')} and activityDateTime gt {_since(LOG_WINDOW)}"
    return f"/auditLogs/provisioning?{filter_query(condition)}&$top=999"


def _since(window: timedelta) -> str:
    return (datetime.now(UTC) - window).strftime("%Y-%m-%dT%H:%M:%SZ")


TENANT_READS: Final[tuple[AuditRead[EntraPlaybook], ...]] = (
    AuditRead(
        (observations.Licences,),
        permissions.READ_LICENCES,
        lambda _: "/subscribedSkus?$select=capabilityStatus,servicePlans",
        lambda playbook, skus: [parse.parse_licences(playbook.name, skus)],
    ),
    AuditRead(
        (observations.ConsentPolicy,),
        permissions.READ_POLICIES,
        lambda _: "/policies/authorizationPolicy",
        lambda playbook, policies: [parse.parse_consent_policy(playbook.name, policy) for policy in policies],
    ),
    AuditRead(
        (observations.DeletedApplication,),
        permissions.READ_APPLICATIONS,
        deleted_applications_path,
        lambda _, applications: parse_deleted(applications),
    ),
    AuditRead(
        (VerifiedDomain,),
        permissions.READ_DOMAINS,
        lambda _: "/organization?$select=verifiedDomains",
        lambda _, organizations: parse.parse_verified_domains(organizations),
    ),
)

APPLICATION_READS: Final[tuple[AuditRead[Application], ...]] = (
    AuditRead(
        (observations.SignInError,),
        permissions.READ_SIGN_INS,
        _failed_sign_ins,
        lambda _, sign_ins: logs.parse_sign_ins(sign_ins),
    ),
    AuditRead(
        (observations.ConditionalAccessPolicy,),
        permissions.READ_POLICIES,
        lambda _: (
            "/identity/conditionalAccess/policies?$select=id,displayName,state,conditions,grantControls"
        ),
        lambda application, policies: parse.parse_conditional_access(policies, application.app_id or ""),
        all_pages=True,
    ),
)

JOB_READS: Final[tuple[AuditRead[ProvisioningJob], ...]] = (
    AuditRead(
        (observations.ProvisioningFailure, observations.WrongExternalId),
        permissions.READ_PROVISIONING_LOG,
        _provisioning_log,
        lambda _, entries: logs.parse_provisioning_log(entries),
    ),
)
