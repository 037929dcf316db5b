"""Reads a tenant into a snapshot.

Reads that do not depend on each other share a round trip: first what has a name, then what belongs to the
application, then what belongs to its service principal, then the members of assigned groups, then the job.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from provisioner.core.errors import RemoteError
from provisioner.core.local_store import LocalStore, read_hint
from provisioner.core.resource import Resource, WriteOnlySecret
from provisioner.core.snapshot import Gap, Problem, Snapshot
from provisioner.providers.base.client import quote_path
from provisioner.providers.base.lookup import duplicate_entries
from provisioner.providers.base.permissions import RequiredPermission
from provisioner.providers.base.playbook_models import PrincipalEntry
from provisioner.providers.base.wire import Json, parse_resource, select
from provisioner.providers.dns.email_domains import EmailDomains
from provisioner.providers.dns.observations import EmailDomain

from . import lookup, observations, parse, permissions
from . import resources as kinds
from .audit_kinds import (
    APPLICATION_READS,
    JOB_READS,
    TENANT_READS,
    AuditRead,
    address_paths,
    deleted_applications_path,
    parse_deleted,
)
from .batch import BatchReader, OnMissing
from .client import GraphClient, Read, elements, filter_query, literal
from .hints import ApplicationHint, SecretsHint, application_hint, on_demand_hint, secrets_hint
from .mapping import SchemaError, read_mapping
from .playbook import EntraPlaybook

T = TypeVar("T")

APPLICATION_SELECT: Final = f"$select={select(kinds.Application)}"
PRINCIPAL_SELECT: Final = f"$select={select(kinds.ServicePrincipal)}"

_REPLICATION: Final = timedelta(minutes=10)
"""For this long after its creation, some replicas may not have an object yet (azuread Terraform provider)."""
_MAX_ADDRESS_READS: Final = 100
"""The most reads of users' addresses: five round trips at the same time."""


@dataclass
class Reader:
    """Reads what belongs to one playbook. Use once.

    Attributes:
        extra_kinds: names of kinds to read in addition to those of a plan. If they cannot be read, they become gaps.
    """

    client: GraphClient
    playbook: EntraPlaybook
    store: LocalStore
    extra_kinds: frozenset[str] = frozenset()
    _resources: list[Resource] = field(default_factory=list)
    _gaps: list[Gap] = field(default_factory=list)
    _problems: list[Problem] = field(default_factory=list)

    async def read(self) -> Snapshot:
        """Read everything.

        Raises:
            RemoteError: something that a plan needs could not be read.
        """
        application = await self._read_application()
        principal = await self._read_service_principal(application) if application else None
        if principal:
            job = await self._read_provisioning(principal)
            await self._read_members()
            await self._read_email_domains()
            if job:
                await self._read_mapping(principal, job)
        return Snapshot(
            resources=tuple({resource.address: resource for resource in self._resources}.values()),
            gaps=tuple(self._gaps),
            problems=tuple(self._problems),
        )

    # -- round 1: what has a name ------------------------------------------------------------------------

    async def _read_application(self) -> kinds.Application | None:
        """Read the application, the groups and users that the playbook names, and the tenant."""
        batch = BatchReader(self.client)
        applications: dict[str, Json] = {}
        owned: dict[str, Json] = {}

        def add_applications(response: Json | None) -> None:
            applications.update({data["id"]: data for data in elements(response)})

        def add_owned(response: Json | None) -> None:
            add_applications(response)
            owned.update({data["id"]: data for data in elements(response)})

        hint = read_hint(self.store, application_hint(self.playbook), ApplicationHint) or ApplicationHint()
        for owned_path in self._owned_paths(hint):
            batch.add(Read(f"{owned_path}?{APPLICATION_SELECT}", may_be_absent=True), add_owned)
        batch.add(Read(self._applications_by_name()), add_applications)
        for group in self.playbook.groups or ():
            self._add_principal(batch, group, kinds.Group, "/groups", "displayName")
        for user in self.playbook.users or ():
            self._add_principal(batch, user, kinds.User, "/users", "userPrincipalName")
        self._add_audit_reads(batch, TENANT_READS, self.playbook)
        await batch.run()
        self._problems.extend(duplicate_entries(self._resources, kinds.Group, kinds.User))
        match = lookup.match_application(self.playbook, applications.values(), tuple(owned.values()))
        self._resources.extend(match.others)
        self._problems.extend([match.problem] if match.problem else [])
        data = match.chosen or await self._wait_for_new_application(hint)
        if data is None:
            await self._read_deleted_applications()
            return None
        application = parse.parse_application(self.playbook.name, data)
        self._resources.append(application)
        return application

    def _owned_paths(self, hint: ApplicationHint) -> Iterator[str]:
        """Paths of the applications that are this playbook's by pin, by marker, or by the hint of this machine."""
        if pinned := self.playbook.application.client_id:
            yield quote_path("/applications(appId='{}')", pinned)
        yield quote_path("/applications(uniqueName='{}')", self.playbook.marker)
        if hint.id:
            yield quote_path("/applications/{}", hint.id)

    def _applications_by_name(self) -> str:
        named = f"displayName eq {literal(self.playbook.display_name)}"
        provisional = f"startswith(displayName,{literal(lookup.provisional_prefix(self.playbook))})"
        return f"/applications?{filter_query(f'{named} or {provisional}')}&{APPLICATION_SELECT}"

    def _add_principal(
        self,
        batch: BatchReader,
        entry: PrincipalEntry,
        kind: type[kinds.Group | kinds.User],
        collection: str,
        name_member: str,
    ) -> None:
        if entry.id:
            principal_path = quote_path(f"{collection}/{{}}", entry.id) + f"?$select={select(kind)}"
        else:
            condition = filter_query(f"{name_member} eq {literal(entry.name or '')}")
            principal_path = f"{collection}?{condition}&$select={select(kind)}"

        def add(response: Json | None) -> None:
            match = lookup.match_principal(entry, kind, elements(response))
            if isinstance(match, Problem):
                self._problems.append(match)
            else:
                self._resources.append(match)

        batch.add(Read(principal_path, may_be_absent=True), add)

    async def _wait_for_new_application(self, hint: ApplicationHint) -> Json | None:
        """Wait for an application that this machine has just created, so that it is not created again."""
        if time.time() - hint.at > self.client.retry_policy.consistency_window:
            return None

        async def find() -> Json | None:
            if hint.id:
                return await self.client.find(
                    quote_path("/applications/{}", hint.id) + f"?{APPLICATION_SELECT}"
                )
            return next(iter(await self.client.read_pages(self._applications_by_name())), None)

        self.client.on_wait("waiting until the application that an earlier run created becomes visible")
        return await self.client.wait_for(find)

    async def _read_deleted_applications(self) -> None:
        """Without an application, a plan needs the deleted ones: one of them may have the playbook's marker."""
        if not self._is_requested(observations.DeletedApplication):
            response = await self.client.get(deleted_applications_path(self.playbook))
            self._resources.extend(parse_deleted(elements(response)))

    # -- round 2: what belongs to the application --------------------------------------------------------

    async def _read_service_principal(self, application: kinds.Application) -> kinds.ServicePrincipal | None:
        batch = BatchReader(self.client)
        responses: list[Json | None] = []
        by_app_id = quote_path("/servicePrincipals(appId='{}')", application.app_id or "")
        principal_path = f"{by_app_id}?{PRINCIPAL_SELECT}"
        batch.add(Read(principal_path, may_be_absent=True), responses.append)
        self._add_audit_reads(batch, APPLICATION_READS, application)
        await batch.run()
        data = responses[0]
        if data is None and _is_new_from_template(application):
            data = await self.client.wait_for(partial(self.client.find, principal_path))
        if data is None:
            return None
        principal = parse_resource(kinds.ServicePrincipal, self.playbook.name, data)
        self._resources.append(principal)
        return principal

    # -- round 3: what belongs to the service principal --------------------------------------------------

    async def _read_provisioning(self, principal: kinds.ServicePrincipal) -> kinds.ProvisioningJob | None:
        """Read assignments, jobs, secrets and consent; returns the job that the playbook manages."""
        batch = BatchReader(self.client)
        assignments: list[Json] = []
        job_entries: list[Json] = []
        secrets: list[Json] = []
        base = quote_path("/servicePrincipals/{}", principal.id or "")
        batch.add(
            Read(f"{base}/appRoleAssignedTo?$top=999", expects_existing=True),
            lambda response: assignments.extend(elements(response)),
            all_pages=True,
        )
        if self.playbook.scim is not None:
            batch.add(
                Read(f"{base}/synchronization/jobs", expects_existing=True),
                lambda response: job_entries.extend(elements(response)),
            )
            batch.add(
                Read(f"{base}/synchronization/secrets", may_be_absent=True),
                lambda response: secrets.append(response or {}),
                self._gap(
                    permissions.READ_PROVISIONING, kinds.ProvisioningSecrets
                ),  # not documented as readable
            )
        if self.playbook.application.admin_consent or self._is_requested(kinds.AdminConsent):
            optional = self._gap(permissions.READ_CONSENT, kinds.AdminConsent)
            batch.add(
                Read(consent_path(principal)),
                lambda response: self._resources.extend(
                    parse.parse_consent(self.playbook.name, elements(response))
                ),
                None if self.playbook.application.admin_consent else optional,
            )
        await batch.run()
        self._add_assignments(assignments, principal)
        jobs = parse.parse_jobs(self.playbook.name, job_entries)
        self._resources.extend(jobs)
        if jobs:
            self._add_secrets(jobs[0], secrets)
            self._add_status(jobs[0])
        return next(iter(jobs), None)

    def _add_assignments(self, assignments: list[Json], principal: kinds.ServicePrincipal) -> None:
        names = {
            str(resource.id): resource.key
            for resource in self._resources
            if isinstance(resource, kinds.Group | kinds.User)
        }
        parsed = (parse.parse_assignment(data, principal, names) for data in assignments)
        self._resources.extend(filter(None, parsed))

    def _add_secrets(self, job: kinds.ProvisioningJob, responses: list[Json]) -> None:
        """Add what Graph returned; if the read was refused, what this machine last wrote."""
        hint = read_hint(self.store, secrets_hint(self.playbook, job.id or ""), SecretsHint)
        token = WriteOnlySecret(fingerprint=hint.token if hint else None)
        if responses:
            secrets = parse.parse_secrets(job, responses[0], token)
            self._resources.extend([secrets] if secrets else [])
        elif hint:
            current = {"key": job.key, "token": token, "accepted_by_kiro": parse.accepted_by_kiro(job)}
            self._resources.append(kinds.ProvisioningSecrets.model_validate({**hint.written, **current}))

    def _add_status(self, job: kinds.ProvisioningJob) -> None:
        """Add the resources that represent the state of a job: its status, and the provisioning on demand of each group."""
        on = job.schedule == "Active" and job.status != "Paused"
        healthy = not (job.quarantine or job.escrowed or job.overdue)
        self._resources.append(kinds.ProvisioningStatus(key=self.playbook.name, on=on, healthy=healthy))
        for group in self.playbook.groups or ():
            hint = self.store.get(on_demand_hint(job.id or "", group.key))
            self._resources.append(
                kinds.ProvisionOnDemand(key=group.key, provisioned=bool(job.last_success or hint))
            )

    # -- round 4: members of the assigned groups ---------------------------------------------------------

    async def _read_members(self) -> None:
        """Read how many users each assigned group has, and the names of the groups in it."""
        if not self._is_requested(observations.GroupMembers):
            return
        batch = BatchReader(self.client)
        users: dict[str, int] = {}
        nested: dict[str, tuple[str, ...]] = {}

        def add_users(key: str, response: Json | None) -> None:
            users[key] = len(parse.user_ids(elements(response)))

        def add_nested(key: str, response: Json | None) -> None:
            nested[key] = tuple(str(group["displayName"]) for group in elements(response))

        on_missing = self._gap(permissions.READ_GROUPS, observations.GroupMembers)
        for assignment in self._assigned(kinds.GroupAssignment):
            members = quote_path("/groups/{}/members", str(assignment.principal))
            for query, on_result in (
                ("?$select=id&$top=999", partial(add_users, assignment.key)),
                ("/microsoft.graph.group?$select=id,displayName", partial(add_nested, assignment.key)),
            ):
                batch.add(Read(members + query, may_be_absent=True), on_result, on_missing, all_pages=True)
        await batch.run()
        self._resources.extend(
            observations.GroupMembers(key=key, users=count, nested=nested.get(key, ()))
            for key, count in users.items()
        )

    async def _read_email_domains(self) -> None:
        """Read the domains of the e-mail addresses of assigned users and of direct members of assigned groups."""
        if not self._is_requested(EmailDomain):
            return
        paths = address_paths(self._assigned(kinds.GroupAssignment), self._assigned(kinds.UserAssignment))
        batch, domains = BatchReader(self.client), EmailDomains(complete=len(paths) <= _MAX_ADDRESS_READS)

        def add(response: Json | None) -> None:
            domains.complete &= "@odata.nextLink" not in (response or {})
            for user in elements(response):
                domains.add(user["id"], parse.email_address(user))

        on_missing = self._gap(permissions.READ_EMAIL_ADDRESSES, EmailDomain)
        for users_path in paths[:_MAX_ADDRESS_READS]:
            batch.add(Read(users_path, may_be_absent=True), add, on_missing)
        await batch.run()
        self._resources.extend(domains.domains())
        if domains.addresses_hidden:
            reason = "Graph returned only the ids of users, not their addresses"
            self._gaps.append(
                Gap(kind=EmailDomain.kind, reason=reason, permissions=permissions.READ_EMAIL_ADDRESSES.any_of)
            )

    # -- round 5: what belongs to the job ----------------------------------------------------------------

    async def _read_mapping(self, principal: kinds.ServicePrincipal, job: kinds.ProvisioningJob) -> None:
        """Read the attribute mapping and the provisioning log."""
        batch = BatchReader(self.client)
        base = quote_path("/servicePrincipals/{}/synchronization/jobs/{}", principal.id or "", job.id or "")
        batch.add(Read(f"{base}/schema", expects_existing=True), self._add_mapping)
        self._add_audit_reads(batch, JOB_READS, job)
        await batch.run()

    def _add_mapping(self, response: Json | None) -> None:
        try:
            self._resources.append(read_mapping(self.playbook.name, response or {}))
        except SchemaError as error:
            self._gaps.append(Gap(kind=kinds.AttributeMapping.kind, reason=str(error)))

    # -- what all rounds share ---------------------------------------------------------------------------

    def _is_requested(self, *requested: type[Resource]) -> bool:
        return any(kind.kind in self.extra_kinds for kind in requested)

    def _assigned(self, kind: type[T]) -> list[T]:
        return [resource for resource in self._resources if isinstance(resource, kind)]

    def _add_audit_reads(self, batch: BatchReader, reads: Iterable[AuditRead[T]], subject: T) -> None:
        """Add the reads whose kinds are requested; ``subject`` is what their paths depend on."""
        for row in reads:
            if self._is_requested(*row.kinds):
                batch.add(
                    Read(row.path(subject)),
                    partial(self._add_parsed, row, subject),
                    self._gap(row.permission, *row.kinds),
                    all_pages=row.all_pages,
                )

    def _add_parsed(self, row: AuditRead[T], subject: T, response: Json | None) -> None:
        self._resources.extend(row.parse(subject, elements(response)))

    def _gap(self, permission: RequiredPermission, *missing: type[Resource]) -> OnMissing:
        """A callback that makes gaps of these kinds; a refused read names the permission."""

        def on_missing(error: RemoteError) -> None:
            required = permission.any_of if error.status == 403 else ()
            self._gaps.extend(
                Gap(kind=kind.kind, reason=error.message, permissions=required) for kind in missing
            )

        return on_missing


def consent_path(principal: kinds.ServicePrincipal) -> str:
    """The consent grants to the application's own scopes."""
    principal_id = literal(principal.id or "")
    condition = f"clientId eq {principal_id} and resourceId eq {principal_id}"
    return f"/oauth2PermissionGrants?{filter_query(condition)}"


def _is_new_from_template(application: kinds.Application) -> bool:
    """Whether an application has a service principal that replicas may not show yet."""
    created = datetime.fromisoformat(application.created) if application.created else None
    is_new = created is not None and datetime.now(UTC) - created <= _REPLICATION
    return is_new and application.template_id is not None
