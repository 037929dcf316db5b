"""Writing provisioning: the job, its secrets, its attribute mapping, its switch; and the gate.

The gate is the product's strongest promise. Kiro does not let a user's externalId change, so nothing may start a
job, restart it or provision on demand before the mapping has been read back and found right. The three requests
that can do so take a :class:`Proof`, and only :meth:`ProvisioningWriter.prove` makes one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from pydantic import SecretStr

from provisioner.core.diff import changed_fields
from provisioner.core.errors import PermissionDeniedError, RefusedError, RemoteError
from provisioner.core.local_store import LocalStore
from provisioner.core.plan import Action, Change
from provisioner.core.provider import Outcome
from provisioner.core.resource import Resource, WriteOnlySecret
from provisioner.core.snapshot import Snapshot
from provisioner.providers.entra import lookup, parse, payloads
from provisioner.providers.entra import resources as kinds
from provisioner.providers.entra.client import GraphClient, path
from provisioner.providers.entra.mapping import edited, is_right, read_mapping
from provisioner.providers.entra.playbook import EntraPlaybook
from provisioner.providers.entra.reading import first_sync_hint, secrets_hint
from provisioner.providers.entra.resources import Json

BATCH: Final = 5
"""Members per call (Microsoft Entra, on-demand provisioning: known limitations)."""
MOST_ON_DEMAND: Final = 50
"""Larger groups are left to the first cycle: at five members a call and five calls in ten seconds, they would
take longer than it is worth."""

_GATE: Final = object()
_NOT_NOTED: Final = frozenset({"token", "accepted_by_kiro", "depends_on", "key"})


@dataclass(frozen=True)
class Proof:
    """That the mapping was read back and is right. Only the gate makes one."""

    job: str
    rule_id: str
    key: object = field(repr=False, default=None)

    def __post_init__(self) -> None:
        if self.key is not _GATE:
            raise RefusedError("provisioning may not start before its attribute mapping has been read back")


@dataclass
class ProvisioningWriter:
    """Writes to the service principal's synchronization."""

    client: GraphClient
    playbook: EntraPlaybook
    store: LocalStore
    _proof: Proof | None = None

    # -- the gate ----------------------------------------------------------------------------------------

    async def prove(self, world: Snapshot) -> Proof:
        """Read the mapping back and prove that it is right.

        Raises:
            RefusedError: it is not; nothing was started.
        """
        base = self._job_path(world)
        if self._proof and self._proof.job == base:
            return self._proof
        mapping = read_mapping(
            self.playbook.name, await self.client.get(f"{base}/schema", expects_existing=True)
        )
        return self._prove(base, mapping)

    def _prove(self, base: str, mapping: kinds.AttributeMapping) -> Proof:
        if not is_right(mapping):
            raise RefusedError(
                f"provisioning was not started: externalId comes from {mapping.external_id!r}"
                f"{', ' + ', '.join(mapping.unsupported) + ' still mapped' if mapping.unsupported else ''}"
                f"{', ' + ', '.join(mapping.missing) + ' not mapped' if mapping.missing else ''}",
                hint="somebody changed the mapping meanwhile: run apply again",
            )
        self._proof = Proof(base, mapping.rule_id or "", _GATE)
        return self._proof

    async def _start(self, proof: Proof) -> None:
        await self.client.write("POST", f"{proof.job}/start")

    async def _restart(self, proof: Proof, *, full: bool = False) -> None:
        """Forget escrows and quarantine; ``full``: forget everything, so that every object is pushed again."""
        criteria = {"criteria": {"resetScope": "Full" if full else "Escrows, QuarantineState"}}
        await self.client.write("POST", f"{proof.job}/restart", criteria)

    async def _on_demand(self, proof: Proof, group: str, users: list[str]) -> Json:
        body = payloads.on_demand(proof.rule_id, group, users)
        return await self.client.write("POST", f"{proof.job}/provisionOnDemand", body)

    # -- job ---------------------------------------------------------------------------------------------

    async def job(self, change: Change, world: Snapshot) -> Outcome:
        """Create the job, or delete one that should not be there.

        Graph makes a second job without a murmur, so it looks first: the plan may come from a lagging replica.
        """
        base = f"{self._base(world)}/jobs"
        if change.action is Action.DELETE and isinstance(change.before, kinds.ProvisioningJob):
            await self.client.write("DELETE", path(f"{base}/{{}}", change.before.id or ""))
            return Outcome()
        wanted = change.desired(kinds.ProvisioningJob)

        def made(data: Json) -> kinds.ProvisioningJob:
            return parse.job(wanted.key, data)

        async def look() -> kinds.ProvisioningJob | None:
            entries = await self.client.pages(base, expects=True)
            return next(iter(lookup.jobs(wanted.key, entries)), None)

        body = {"templateId": wanted.template_id}
        job = await look() or await self.client.create(base, body, look, made)
        return Outcome(resources=(job,))

    # -- secrets -----------------------------------------------------------------------------------------

    async def secrets(self, change: Change, world: Snapshot) -> Outcome:
        """Validate the credentials, then store them; settings that did not change are not written.

        A job that has worked with other credentials starts again: with another endpoint from scratch, because
        nothing it pushed so far is there (Kiro, Microsoft Entra guide, profile deletion warning).
        """
        wanted = change.desired(kinds.ProvisioningSecrets)
        fields = {change.name for change in change.fields}
        base = self._base(world)
        if fields & payloads.CREDENTIALS and wanted.endpoint and isinstance(wanted.token, SecretStr):
            await self._validate(self._job_path(world), wanted.endpoint, wanted.token)
        current = None
        if fields & {"delete_threshold", "recipients"} and change.before is not None:
            current = await self._notification_settings(base)
        values = payloads.secret_values(wanted, fields, current)
        await self.client.write("PUT", f"{base}/secrets", {"value": values})
        if isinstance(change.before, kinds.ProvisioningSecrets) and fields & payloads.CREDENTIALS:
            await self._restart(await self.prove(world), full="endpoint" in fields)
        return Outcome(resources=(self._store_secrets_hint(wanted, world),))

    async def _validate(self, job: str, endpoint: str, token: SecretStr) -> None:
        body = {"credentials": payloads.credentials(endpoint, token)}
        try:
            await self.client.write("POST", f"{job}/validateCredentials", body)
        except RemoteError as error:
            if error.status != 400:
                raise
            raise RemoteError(
                f"Entra could not sign in to Kiro's SCIM endpoint with this token: {error.message}",
                status=error.status,
                code=error.code,
                request_id=error.request_id,
                hint="copy the endpoint again from the Kiro console (Settings, Identity Management), "
                "generate a new access token there, and run apply again",
            ) from error

    async def _notification_settings(self, base: str) -> str | None:
        answer = await self.client.get(f"{base}/secrets", expects_existing=True)
        values = {entry.get("key"): entry.get("value") for entry in answer.get("value") or ()}
        return values.get("SyncNotificationSettings")

    def _store_secrets_hint(
        self, wanted: kinds.ProvisioningSecrets, world: Snapshot
    ) -> kinds.ProvisioningSecrets:
        job = world.require(kinds.ProvisioningJob, wanted.key)
        before = world.get(kinds.ProvisioningSecrets, wanted.key)
        token = wanted.token
        sealed = (
            WriteOnlySecret.of(token.get_secret_value())
            if isinstance(token, SecretStr)
            else WriteOnlySecret()
        )
        plain = wanted.model_copy(update={"token": sealed, "depends_on": ()})
        written = plain.model_dump(mode="json", exclude=set(_NOT_NOTED), exclude_none=True)
        if before:
            written = {**before.model_dump(mode="json", exclude=set(_NOT_NOTED)), **written}
        note = {"token": sealed.fingerprint, "written": written}
        self.store.put(secrets_hint(self.playbook, job.id or ""), note)
        return plain

    # -- attribute mapping -------------------------------------------------------------------------------

    async def mapping(self, change: Change, world: Snapshot) -> Outcome:
        """Edit the schema where it differs, with a backup, and read it back.

        A running job is paused meanwhile, so that no cycle works with half a mapping; the switch is a resource of
        its own, and comes after.
        """
        wanted = change.desired(kinds.AttributeMapping)
        base = self._job_path(world)
        schema = await self.client.get(f"{base}/schema", expects_existing=True)
        right = edited(schema, wanted)
        resources: list[Resource] = []
        note = ""
        if right != schema:
            backup = self.store.back_up(f"{self.playbook.name}-schema", schema)
            note = f"the schema as it was is kept in {backup}"
            status = world.get(kinds.ProvisioningStatus, self.playbook.name)
            if status and status.on:
                await self.client.write("POST", f"{base}/pause")
            await self.client.write("PUT", f"{base}/schema", right)
            if status and status.on:
                await self._start(self._prove(base, await self._read_back(base, wanted)))
        found = await self._read_back(base, wanted)
        if is_right(found):
            self._prove(base, found)
        return Outcome(resources=(*resources, found), note=note)

    async def _read_back(self, base: str, wanted: kinds.AttributeMapping) -> kinds.AttributeMapping:
        async def look() -> kinds.AttributeMapping | None:
            found = read_mapping(
                self.playbook.name, await self.client.get(f"{base}/schema", expects_existing=True)
            )
            return None if changed_fields(wanted, found) else found

        found = await self.client.appears(look)
        if found is None:
            raise RemoteError(
                "the attribute mapping was written, but reads differently",
                hint="run apply again; provisioning stays off until it reads right",
            )
        return found

    # -- switch ------------------------------------------------------------------------------------------

    async def status(self, change: Change, world: Snapshot) -> Outcome:
        """Switch provisioning on (through the gate) or off, or get it going again."""
        wanted = change.desired(kinds.ProvisioningStatus)
        fields = {change.name for change in change.fields}
        if wanted.on is False:
            await self.client.write("POST", f"{self._job_path(world)}/pause")
            return Outcome(resources=(wanted,))
        proof = await self.prove(world)
        if "on" in fields:
            await self._start(proof)
        if "healthy" in fields:
            await self._restart(proof)
        return Outcome(resources=(wanted,))

    # -- on demand ---------------------------------------------------------------------------------------

    async def first_sync(self, change: Change, world: Snapshot) -> Outcome:
        """Provision a small group's members at once, at most five a call."""
        wanted = change.desired(kinds.FirstSync)
        proof = await self.prove(world)
        group = str(wanted.group)
        where = path("/groups/{}/members", group) + "?$select=id&$top=999"
        members = lookup.user_ids(await self.client.pages(where, expects=True))
        note = ""
        if len(members) > MOST_ON_DEMAND:
            note = f"{len(members)} members are left to the first cycle"
        else:
            failed = [
                message
                for batch in _batches(members)
                if (message := await self._provision(proof, group, batch)) is not None
            ]
            note = "; ".join(dict.fromkeys(failed))
        job = world.require(kinds.ProvisioningJob, self.playbook.name)
        self.store.put(first_sync_hint(job.id or "", wanted.key), True)
        return Outcome(resources=(wanted,), note=note)

    async def _provision(self, proof: Proof, group: str, members: list[str]) -> str | None:
        """Provision one batch; a fresh assignment takes a while to be honoured, and a first attempt may fail.

        Returns:
            why it did not succeed, or None.
        """

        async def attempt() -> str | None:
            try:
                answer = await self._on_demand(proof, group, members)
            except PermissionDeniedError:
                raise
            except RemoteError as error:
                told.append(str(error))
                return None
            result, code, reason = payloads.on_demand_result(answer)
            told.append(": ".join(filter(None, (result, code, reason))))
            return result if result.lower() == "success" or code == "RedundantExport" else None

        told: list[str] = []
        if await self.client.appears(attempt) is not None:
            return None
        return f"on-demand provisioning did not succeed ({told[-1]}); the next cycle tries again"

    # -- paths -------------------------------------------------------------------------------------------

    def _base(self, world: Snapshot) -> str:
        principal = world.require(kinds.ServicePrincipal, self.playbook.name)
        return path("/servicePrincipals/{}/synchronization", principal.id or "")

    def _job_path(self, world: Snapshot) -> str:
        job = world.require(kinds.ProvisioningJob, self.playbook.name)
        return path(f"{self._base(world)}/jobs/{{}}", job.id or "")


def _batches(members: list[str]) -> Iterator[list[str]]:
    """Groups of at most five; one empty batch for a group without members, so that the group itself appears."""
    rest = iter(members)
    first = list(islice(rest, BATCH))
    yield first
    while batch := list(islice(rest, BATCH)):
        yield batch
