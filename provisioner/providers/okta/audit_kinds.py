"""The kinds that only an audit reads: one row each in :data:`AUDIT_KINDS`, and how each is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from provisioner.core.resource import Resource
from provisioner.core.snapshot import Snapshot
from provisioner.providers.base.client import quote_path
from provisioner.providers.base.permissions import RequiredPermission
from provisioner.providers.base.wire import parse_resource
from provisioner.providers.dns.observations import EmailDomain

from . import logs, observations, permissions
from . import resources as kinds
from .app_users import MAX_NAMES, AppUsers, compare_users
from .client import OktaClient, gather_all
from .credentials import ApiToken, ServiceApp
from .parse import parse_custom_domain

R = TypeVar("R", bound=Resource)

_DISCOVERY_DOCUMENTS: Final = ("openid-configuration", "oauth-authorization-server")


@dataclass(frozen=True)
class AuditSource:
    """What the audit-only kinds are read from.

    Attributes:
        client: the organization.
        snapshot: what a plan reads.
        users: the users of each application, by the application's kind, if they were read.
        pushed: keys of the groups that the playbook pushes.
    """

    client: OktaClient
    snapshot: Snapshot
    users: Mapping[type[Resource], AppUsers]
    pushed: frozenset[str]


@dataclass(frozen=True)
class AuditKind:
    """A kind that only an audit reads. If it cannot be read, the snapshot has a gap.

    Attributes:
        kind: the kind.
        read: reads it.
        permission: the permission to request for it; None if the permissions of a plan are enough.
        credentials: the types of credentials with which it is read.
    """

    kind: type[Resource]
    read: Callable[[AuditSource], Awaitable[Iterable[Resource]]]
    permission: RequiredPermission | None = None
    credentials: tuple[type[ApiToken | ServiceApp], ...] = (ApiToken, ServiceApp)


async def _read_sign_in_failures(source: AuditSource) -> Iterable[Resource]:
    application = source.snapshot.first(kinds.Application)
    if application is None:
        return ()
    path = logs.log_path(logs.SIGN_IN_EVENTS, "FAILURE", application.client_id or "")
    return logs.group_failures(observations.SignInFailure, await source.client.get(path))


async def _read_provisioning_failures(source: AuditSource) -> Iterable[Resource]:
    """Read the failures after which the same user or group did not succeed."""
    application = source.snapshot.first(kinds.ScimApplication)
    if application is None:
        return ()
    app_id = application.id or ""
    failed = await source.client.get(logs.log_path(logs.PROVISIONING_EVENTS, "FAILURE", app_id))
    if not failed:
        return ()
    oldest = str(failed[-1].get("published"))
    path = logs.log_path(logs.PROVISIONING_EVENTS, "SUCCESS", app_id, since=oldest, limit=1000)
    unresolved = logs.unresolved_failures(failed, await source.client.get(path), app_id)
    return logs.group_failures(observations.ProvisioningFailure, unresolved)


async def _read_discovery_documents(source: AuditSource) -> Iterable[Resource]:
    """Read both documents from the organization's own URL, so that no token is sent elsewhere."""
    server = source.snapshot.first(kinds.AuthorizationServer)
    if server is None:
        return ()
    paths = {
        name: quote_path("/oauth2/{}/.well-known/{}", server.id or "", name) for name in _DISCOVERY_DOCUMENTS
    }
    documents = await gather_all(*map(source.client.find, paths.values()))
    return [
        parse_resource(observations.DiscoveryDocument, name, data, url=source.client.root + path)
        for (name, path), data in zip(paths.items(), documents, strict=True)
        if data
    ]


async def _read_custom_domains(source: AuditSource) -> Iterable[Resource]:
    response = await source.client.get("/api/v1/domains")
    return map(parse_custom_domain, response.get("domains") or ())


async def _read_api_tokens(source: AuditSource) -> Iterable[Resource]:
    owner = await source.client.get("/api/v1/users/me")
    return [
        parse_resource(observations.ApiToken, data["id"], data)
        for data in await source.client.read_all("/api/v1/api-tokens")
        if data.get("userId") == owner["id"]
    ]


async def _compare_users(source: AuditSource) -> Iterable[Resource]:
    application = source.snapshot.first(kinds.Application)
    users = source.users.get(kinds.Application)
    if application is None or users is None:
        return ()
    return (compare_users(application.key, users, source.users.get(kinds.ScimApplication)),)


async def _count_email_domains(source: AuditSource) -> Iterable[Resource]:
    users = source.users.get(kinds.Application)
    return users.email_domains.domains() if users else ()


async def _read_unassigned_members(source: AuditSource) -> Iterable[Resource]:
    """Read the members of the pushed groups, and compare them with the users of the SCIM application."""
    provisioned = source.users.get(kinds.ScimApplication)
    if provisioned is None:
        return ()
    groups = (group for group in source.snapshot.all(kinds.Group) if group.key in source.pushed)
    return [await _read_members(source.client, group, provisioned) for group in groups]


async def _read_members(
    client: OktaClient, group: kinds.Group, provisioned: AppUsers
) -> observations.UnassignedMembers:
    total, unassigned = 0, []
    path = quote_path("/api/v1/groups/{}/users", group.id or "")
    async for user in client.read_each(f"{path}?limit=200", expects_existing=True):
        total += 1
        if user["id"] not in provisioned.names:
            unassigned.append(str((user.get("profile") or {}).get("login") or user["id"]))
    return observations.UnassignedMembers(
        key=group.key,
        members=total,
        unassigned=tuple(sorted(unassigned)[:MAX_NAMES]),
        unassigned_count=len(unassigned),
    )


AUDIT_KINDS: Final = (
    AuditKind(observations.SignInFailure, _read_sign_in_failures, permissions.READ_LOGS),
    AuditKind(observations.ProvisioningFailure, _read_provisioning_failures, permissions.READ_LOGS),
    AuditKind(observations.DiscoveryDocument, _read_discovery_documents),
    AuditKind(observations.CustomDomain, _read_custom_domains, permissions.READ_DOMAINS),
    AuditKind(observations.ApiToken, _read_api_tokens, permissions.READ_TOKENS, (ApiToken,)),
    AuditKind(observations.UserComparison, _compare_users),
    AuditKind(EmailDomain, _count_email_domains),
    AuditKind(observations.UnassignedMembers, _read_unassigned_members),
)


def requested_audit_kinds(
    extra_kinds: frozenset[str], credentials: ApiToken | ServiceApp
) -> tuple[AuditKind, ...]:
    """The rows of :data:`AUDIT_KINDS` to read."""
    return tuple(
        row
        for row in AUDIT_KINDS
        if row.kind.kind in extra_kinds and isinstance(credentials, row.credentials)
    )
