"""Reading a tenant into a snapshot: as few round trips as the dependencies between the reads allow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from provisioner.core.local_store import LocalStore
from provisioner.core.resource import Resource, WriteOnlySecret
from provisioner.core.snapshot import Gap, Problem, Snapshot
from provisioner.providers.base.lookup import duplicate_names
from provisioner.providers.base.playbook_models import PrincipalEntry
from provisioner.providers.dns.email_domains import EmailDomains
from provisioner.providers.dns.observations import EmailDomain, VerifiedDomain

from . import lookup, parse
from . import observations as seen
from . import resources as kinds
from .batch import BatchReader, elements
from .client import GraphClient, Read, literal, path
from .mapping import SchemaError, read_mapping
from .permissions import READ_PEOPLE
from .playbook import EntraPlaybook
from .resources import Json

LOG_WINDOW: Final = timedelta(days=1)
SIGN_IN_WINDOW: Final = timedelta(days=7)

_YOUNG: Final = timedelta(minutes=10)
"""For so long after its creation an object may be missing from some replicas (azuread Terraform provider)."""
_PLACES: Final = 100
"""Reads of people's addresses at most: five round trips at the same time."""
_APPLICATION: Final = f"$select={parse.APPLICATION_FIELDS}"

Parsed = Callable[[list[Json]], Iterable[Resource]]
"""Makes resources of the elements of an answer."""


def application_hint(playbook: EntraPlaybook) -> str:
    """Under which name the notebook keeps the id of the application this machine created."""
    return f"{playbook.connection.tenant}/{playbook.name}/application"


def secrets_hint(playbook: EntraPlaybook, job_id: str) -> str:
    """Under which name the notebook keeps what this machine last wrote, the token as a seal."""
    return f"{playbook.connection.tenant}/{playbook.name}/secrets/{job_id}"


def first_sync_hint(job_id: str, group: str) -> str:
    """Under which name the notebook keeps that a group was provisioned on demand."""
    return f"{job_id}/first-sync/{group}"


@dataclass
class Reader:
    """Reads what one playbook is about. Use once.

    Attributes:
        also: names of kinds to read besides those a plan needs. What may not be read of these becomes a gap.
    """

    client: GraphClient
    playbook: EntraPlaybook
    store: LocalStore
    extra_kinds: frozenset[str] = frozenset()
    _found: list[Resource] = field(default_factory=list)
    _gaps: list[Gap] = field(default_factory=list)
    _problems: list[Problem] = field(default_factory=list)

    async def read(self) -> Snapshot:
        """Everything asked for.

        Raises:
            RemoteError: something a plan cannot do without could not be read.
        """
        application = await self._what_has_a_name()
        principal = await self._what_has_the_client_id(application) if application else None
        job = await self._what_hangs_on_the_principal(principal) if principal else None
        if principal and job:
            await self._what_hangs_on_the_job(principal, job)
        return Snapshot(
            resources=tuple({found.address: found for found in self._found}.values()),
            gaps=tuple(self._gaps),
            problems=tuple(self._problems),
        )

    def _round(self) -> BatchReader:
        return BatchReader(self.client, self._gaps)

    def _wants(self, kind: type[Resource]) -> bool:
        return kind.kind in self.extra_kinds

    async def _what_has_a_name(self) -> kinds.Application | None:
        round_ = self._round()
        applications: dict[str, Json] = {}
        owned: dict[str, Json] = {}

        def keep(answer: Json | None) -> None:
            applications.update({data["id"]: data for data in elements(answer)})

        def keep_owned(answer: Json | None) -> None:
            keep(answer)
            owned.update({data["id"]: data for data in elements(answer)})

        playbook = self.playbook
        noted = self.store.get(application_hint(playbook)) or {}
        marked = path("/applications(uniqueName='{}')", playbook.marker)
        if pinned := playbook.application.client_id:
            by_client_id = path("/applications(appId='{}')", pinned)
            round_.add(Read(f"{by_client_id}?{_APPLICATION}", may_be_absent=True), keep_owned)
        round_.add(Read(f"{marked}?{_APPLICATION}", may_be_absent=True), keep_owned)
        if "id" in noted:
            by_id = path("/applications/{}", noted["id"])
            round_.add(Read(f"{by_id}?{_APPLICATION}", may_be_absent=True), keep_owned)
        round_.add(Read(self._by_name_path()), keep)
        self._ask_for_principals(round_)
        self._ask_for_tenant(round_)
        await round_.run()
        self._problems.extend(duplicate_names(self._found, kinds.Group, kinds.User))
        choice = lookup.choose(playbook, applications.values(), tuple(owned.values()))
        self._found.extend(choice.others)
        self._problems.extend([choice.problem] if choice.problem else [])
        data = choice.application or await self._just_created(noted)
        if data is None:
            await self._deleted_copies()
            return None
        application = parse.application(playbook.name, data)
        self._found.append(application)
        return application

    def _by_name_path(self) -> str:
        named = f"displayName eq {literal(self.playbook.display_name)}"
        provisional = f"startswith(displayName,{literal(lookup.provisional_prefix(self.playbook))})"
        return f"/applications?$filter={_spaced(f'{named} or {provisional}')}&{_APPLICATION}"

    def _ask_for_principals(self, round_: BatchReader) -> None:
        for keys in self.playbook.groups or ():
            fields = "id,displayName,securityEnabled"
            self._ask_for_principal(round_, keys, ("group", "displayName", fields), parse.group)
        for keys in self.playbook.users or ():
            self._ask_for_principal(round_, keys, ("user", "userPrincipalName", "id,displayName"), parse.user)

    def _ask_for_principal(
        self,
        round_: BatchReader,
        keys: PrincipalEntry,
        how: tuple[str, str, str],
        parsed: Callable[[str, Json], Resource],
    ) -> None:
        what, name_field, fields = how
        if keys.id:
            where = path(f"/{what}s/{{}}", keys.id) + f"?$select={fields}"
        else:
            condition = _spaced(f"{name_field} eq {literal(keys.name or '')}")
            where = f"/{what}s?$filter={condition}&$select={fields}"

        def keep(answer: Json | None) -> None:
            match = lookup.matched(keys, what, elements(answer), parsed)
            if isinstance(match, Problem):
                self._problems.append(match)
            else:
                self._found.append(match)

        round_.add(Read(where, may_be_absent=True), keep)

    def _ask_for_tenant(self, round_: BatchReader) -> None:
        name = self.playbook.name
        optional: dict[type[Resource], tuple[str, Parsed]] = {
            seen.Licences: (
                "/subscribedSkus?$select=capabilityStatus,servicePlans",
                lambda found: [parse.licences(name, found)],
            ),
            seen.ConsentPolicy: (
                "/policies/authorizationPolicy",
                lambda found: [parse.consent_policy(name, data) for data in found],
            ),
            seen.DeletedApplication: (self._deleted_path(), lambda found: map(lookup.deleted, found)),
            VerifiedDomain: ("/organization?$select=verifiedDomains", parse.verified_domains),
        }
        for kind, (where, parsed) in optional.items():
            if self._wants(kind):
                round_.add(Read(where), partial(self._keep, parsed), kind)

    def _keep(self, parsed: Parsed, answer: Json | None) -> None:
        self._found.extend(parsed(elements(answer)))

    async def _just_created(self, noted: Json) -> Json | None:
        """An application that this machine created a moment ago may not be visible yet: do not make another."""
        if time.time() - float(noted.get("at", 0)) > self.client.retry_policy.consistency_window:
            return None

        async def look() -> Json | None:
            if "id" in noted:
                where = path("/applications/{}", noted["id"])
                return await self.client.find(f"{where}?{_APPLICATION}")
            matches = await self.client.pages(self._by_name_path())
            return next(iter(matches), None)

        self.client.on_wait(
            "an earlier run has just created the application: waiting for it to become visible"
        )
        return await self.client.appears(look)

    def _deleted_path(self) -> str:
        condition = _spaced(f"displayName eq {literal(self.playbook.display_name)}")
        fields = "id,appId,displayName,uniqueName,deletedDateTime"
        return f"/directory/deletedItems/microsoft.graph.application?$filter={condition}&$select={fields}"

    async def _deleted_copies(self) -> None:
        """Where there is no application, a plan must know of a copy in the recycle bin: it holds the marker."""
        if not self._wants(seen.DeletedApplication):
            self._found.extend(map(lookup.deleted, elements(await self.client.get(self._deleted_path()))))

    async def _what_has_the_client_id(self, application: kinds.Application) -> kinds.ServicePrincipal | None:
        round_ = self._round()
        principals: list[kinds.ServicePrincipal] = []
        app_id = application.app_id or ""
        where = path("/servicePrincipals(appId='{}')", app_id)
        round_.add(
            Read(f"{where}?$select={parse.PRINCIPAL_FIELDS}", may_be_absent=True),
            lambda answer: principals.extend(
                parse.service_principal(self.playbook.name, data) for data in elements(answer)
            ),
        )
        if self._wants(seen.SignInError):
            condition = _spaced(f"appId eq {literal(app_id)} and createdDateTime ge {_since(SIGN_IN_WINDOW)}")
            failed = Read(f"/auditLogs/signIns?$filter={condition}&$top=1000")
            round_.add(failed, partial(self._keep, parse.sign_in_errors), seen.SignInError)
        if self._wants(seen.ConditionalAccessPolicy):
            fields = "id,displayName,state,conditions,grantControls"
            policies = Read(f"/identity/conditionalAccess/policies?$select={fields}")
            keep = partial(self._keep, partial(parse.conditional_access, app_id=app_id))
            round_.add(policies, keep, seen.ConditionalAccessPolicy, follow=True)
        await round_.run()
        principal = next(iter(principals), None) or await self._young_principal(application)
        self._found.extend([principal] if principal else [])
        return principal

    async def _young_principal(self, application: kinds.Application) -> kinds.ServicePrincipal | None:
        """The service principal of an application that was created a moment ago may not be visible yet."""
        created = datetime.fromisoformat(application.created) if application.created else None
        if created is None or application.template_id is None or datetime.now(UTC) - created > _YOUNG:
            return None

        async def look() -> kinds.ServicePrincipal | None:
            where = path("/servicePrincipals(appId='{}')", application.app_id or "")
            data = await self.client.find(f"{where}?$select={parse.PRINCIPAL_FIELDS}")
            return parse.service_principal(self.playbook.name, data) if data else None

        return await self.client.appears(look)

    async def _what_hangs_on_the_principal(
        self, principal: kinds.ServicePrincipal
    ) -> kinds.ProvisioningJob | None:
        round_ = self._round()
        assignments: list[Json] = []
        entries: list[Json] = []
        secrets: list[Json] = []
        base = path("/servicePrincipals/{}", principal.id or "")
        assigned = Read(f"{base}/appRoleAssignedTo?$top=999", expects_existing=True)
        round_.add(assigned, lambda answer: assignments.extend(elements(answer)), follow=True)
        if self.playbook.scim is not None:
            found = Read(f"{base}/synchronization/jobs", expects_existing=True)
            round_.add(found, lambda answer: entries.extend(elements(answer)))
            round_.add(
                Read(f"{base}/synchronization/secrets", may_be_absent=True),
                lambda answer: secrets.append(answer or {}),
                kinds.ProvisioningSecrets,  # reading them is not documented, so being refused is no error
            )
        if self.playbook.application.admin_consent or self._wants(kinds.Consent):
            own = literal(principal.id or "")
            condition = _spaced(f"clientId eq {own} and resourceId eq {own}")
            grants = Read(f"/oauth2PermissionGrants?$filter={condition}")
            round_.add(grants, self._keep_consent, *self._gap_for_consent())
        await round_.run()
        self._keep_assignments(assignments, principal)
        jobs = lookup.jobs(self.playbook.name, entries)
        self._found.extend(jobs)
        if jobs:
            self._keep_secrets(jobs[0], secrets)
            self._keep_states(jobs[0])
        await self._members()
        if self._wants(EmailDomain):
            await self._people()
        return next(iter(jobs), None)

    def _gap_for_consent(self) -> tuple[type[Resource], ...]:
        return () if self.playbook.application.admin_consent else (kinds.Consent,)

    def _keep_consent(self, answer: Json | None) -> None:
        for grant in elements(answer):
            if grant.get("consentType") == "AllPrincipals":
                scopes = tuple(str(grant.get("scope") or "").split())
                self._found.append(kinds.Consent(key=self.playbook.name, id=grant["id"], scopes=scopes))

    def _keep_assignments(self, assignments: list[Json], principal: kinds.ServicePrincipal) -> None:
        names = {
            str(found.id): found.key for found in self._found if isinstance(found, kinds.Group | kinds.User)
        }
        found = (parse.assignment(data, principal, names) for data in assignments)
        self._found.extend(filter(None, found))

    def _keep_secrets(self, job: kinds.ProvisioningJob, answers: list[Json]) -> None:
        """What Graph tells, or else what this machine last wrote: the best there is where reading is refused."""
        noted = self.store.get(secrets_hint(self.playbook, job.id or "")) or {}
        seal = WriteOnlySecret(fingerprint=noted.get("token"))
        if answers:
            found = parse.secrets(job, answers[0], seal)
            self._found.extend([found] if found else [])
        elif noted:
            now = {"key": job.key, "token": seal, "accepted_by_kiro": parse.accepted(job)}
            written = {**noted["written"], **now}
            self._found.append(kinds.ProvisioningSecrets.model_validate(written))

    def _keep_states(self, job: kinds.ProvisioningJob) -> None:
        """A job's switch, and whether its groups have been provisioned once, are resources of their own."""
        on = job.schedule == "Active" and job.status != "Paused"
        healthy = not (job.quarantine or job.escrowed or job.overdue)
        self._found.append(kinds.ProvisioningStatus(key=self.playbook.name, on=on, healthy=healthy))
        for group in self.playbook.groups or ():
            noted = self.store.get(first_sync_hint(job.id or "", group.key))
            self._found.append(kinds.FirstSync(key=group.key, provisioned=bool(job.last_success or noted)))

    async def _members(self) -> None:
        """Who is in the assigned groups: users, counted, and groups, by name."""
        if not self._wants(seen.GroupMembers):
            return
        round_ = self._round()
        users: dict[str, int] = {}
        nested: dict[str, tuple[str, ...]] = {}

        def keep_users(key: str, answer: Json | None) -> None:
            users[key] = len(lookup.user_ids(elements(answer)))

        def keep_nested(key: str, answer: Json | None) -> None:
            nested[key] = tuple(str(group["displayName"]) for group in elements(answer))

        for assigned in [found for found in self._found if isinstance(found, kinds.GroupAssignment)]:
            where = path("/groups/{}/members", str(assigned.principal))
            everybody = Read(f"{where}?$select=id&$top=999", may_be_absent=True)
            round_.add(everybody, partial(keep_users, assigned.key), seen.GroupMembers, follow=True)
            groups = Read(f"{where}/microsoft.graph.group?$select=id,displayName", may_be_absent=True)
            round_.add(groups, partial(keep_nested, assigned.key), seen.GroupMembers, follow=True)
        await round_.run()
        self._found.extend(
            seen.GroupMembers(key=key, users=count, nested=nested.get(key, ()))
            for key, count in users.items()
        )

    async def _people(self) -> None:
        """The domains of the addresses of those who are assigned, directly or by a group."""
        places = tuple(parse.where_people_are(self._found))
        round_, census = self._round(), EmailDomains(complete=len(places) <= _PLACES)

        def keep(answer: Json | None) -> None:
            census.complete &= "@odata.nextLink" not in (answer or {})
            for user in elements(answer):
                census.add(user["id"], parse.address(user))

        for where in places[:_PLACES]:
            round_.add(Read(where, may_be_absent=True), keep, EmailDomain)
        await round_.run()
        self._found.extend(census.domains())
        if census.addresses_hidden:
            reason = "Graph tells the ids of people only"
            self._gaps.append(Gap(kind=EmailDomain.kind, reason=reason, permissions=READ_PEOPLE.any_of))

    async def _what_hangs_on_the_job(
        self, principal: kinds.ServicePrincipal, job: kinds.ProvisioningJob
    ) -> None:
        round_ = self._round()
        base = path("/servicePrincipals/{}/synchronization/jobs/{}", principal.id or "", job.id or "")
        round_.add(Read(f"{base}/schema", expects_existing=True), self._keep_mapping)
        if self._wants(seen.ProvisioningFailure):
            since = _since(LOG_WINDOW)
            condition = _spaced(f"jobId eq {literal(job.id or '')} and activityDateTime gt {since}")
            log = Read(f"/auditLogs/provisioning?$filter={condition}&$top=999")
            keep = partial(self._keep, parse.provisioning_log)
            round_.add(log, keep, seen.ProvisioningFailure, seen.WrongExternalId)
        await round_.run()

    def _keep_mapping(self, answer: Json | None) -> None:
        try:
            self._found.append(read_mapping(self.playbook.name, answer or {}))
        except SchemaError as error:
            self._gaps.append(Gap(kind=kinds.AttributeMapping.kind, reason=str(error)))


def _since(window: timedelta) -> str:
    return (datetime.now(UTC) - window).strftime("%Y-%m-%dT%H:%M:%SZ")


def _spaced(condition: str) -> str:
    """A filter for a URL; the literals in it are quoted already."""
    return condition.replace(" ", "%20")
