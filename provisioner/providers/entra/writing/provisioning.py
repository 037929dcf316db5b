"""Writes the provisioning job, its secrets, its attribute mapping and its status.

The gate: Kiro does not let a user's externalId change. So nothing may start a job, restart it or provision on demand
before the attribute mapping has been read back and is correct. The three requests that do so take a :class:`Proof`,
and only :meth:`ProvisioningWriter.prove` makes one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pydantic import SecretStr

from provisioner.core.diff import changed_fields
from provisioner.core.errors import PermissionDeniedError, RefusedError, RemoteError
from provisioner.core.local_store import LocalStore
from provisioner.core.plan import Action, Change
from provisioner.core.provider import Outcome
from provisioner.core.resource import WriteOnlySecret
from provisioner.core.snapshot import Snapshot
from provisioner.providers.base.client import quote_path
from provisioner.providers.base.wire import Json
from provisioner.providers.entra import parse, payloads
from provisioner.providers.entra import resources as kinds
from provisioner.providers.entra.client import GraphClient
from provisioner.providers.entra.hints import on_demand_hint, secrets_hint
from provisioner.providers.entra.mapping import edit_mapping, is_correct, read_mapping
from provisioner.providers.entra.playbook import EntraPlaybook

MEMBERS_PER_CALL: Final = 5
"""Microsoft Entra, on-demand provisioning: known limitations."""
MAX_ON_DEMAND: Final = 50
"""Larger groups wait for the first cycle: with 5 members per call and 5 calls in 10 seconds, provisioning on demand
would take longer."""

_GATE: Final = object()
_NOT_STORED: Final = frozenset({"token", "accepted_by_kiro", "depends_on", "key"})
"""Fields of the secrets that the hint does not contain."""


@dataclass(frozen=True)
class Proof:
    """Proof that the attribute mapping was read back and is correct. Only the gate makes one.

    Attributes:
        job: path of the job.
        rule_id: id of the synchronization rule.
    """

    job: str
    rule_id: str
    key: object = field(repr=False, default=None)

    def __post_init__(self) -> None:
        if self.key is not _GATE:
            raise RefusedError("provisioning may not start before its attribute mapping has been read back")


@dataclass
class ProvisioningWriter:
    """Writes to the synchronization of the service principal."""

    client: GraphClient
    playbook: EntraPlaybook
    store: LocalStore
    _proof: Proof | None = None

    # -- the gate ----------------------------------------------------------------------------------------

    async def prove(self, state: Snapshot) -> Proof:
        """Read the attribute mapping and prove that it is correct.

        Raises:
            RefusedError: it is not correct; nothing was started.
        """
        job_path = self._job_path(state)
        if self._proof and self._proof.job == job_path:
            return self._proof
        return self._prove(job_path, await self._read_mapping(job_path))

    def _prove(self, job_path: str, mapping: kinds.AttributeMapping) -> Proof:
        if not is_correct(mapping):
            faults = [f"externalId comes from {mapping.external_id!r}"]
            faults += [f"{', '.join(mapping.unsupported)} still mapped"] if mapping.unsupported else []
            faults += [f"{', '.join(mapping.missing)} not mapped"] if mapping.missing else []
            raise RefusedError(
                f"provisioning was not started: {', '.join(faults)}",
                hint="the mapping was changed during this run: run apply again",
            )
        self._proof = Proof(job_path, mapping.rule_id or "", _GATE)
        return self._proof

    async def _start(self, proof: Proof) -> None:
        await self.client.write("POST", f"{proof.job}/start")

    async def _restart(self, proof: Proof, *, full: bool = False) -> None:
        """Reset escrowed entries and the quarantine; ``full``: reset everything, so that every object is sent again."""
        criteria = {"criteria": {"resetScope": "Full" if full else "Escrows, QuarantineState"}}
        await self.client.write("POST", f"{proof.job}/restart", criteria)

    async def _post_on_demand(self, proof: Proof, group: str, users: list[str]) -> Json:
        body = payloads.on_demand_body(proof.rule_id, group, users)
        return await self.client.write("POST", f"{proof.job}/provisionOnDemand", body)

    # -- job ---------------------------------------------------------------------------------------------

    async def write_job(self, change: Change, state: Snapshot) -> Outcome:
        """Create the job, or delete a job that the playbook does not list.

        Graph creates a second job without an error. So the existing jobs are read first: the plan may be based on a
        lagging replica.
        """
        jobs_path = f"{self._synchronization_path(state)}/jobs"
        if change.action is Action.DELETE and isinstance(change.before, kinds.ProvisioningJob):
            await self.client.write("DELETE", quote_path(f"{jobs_path}/{{}}", change.before.id or ""))
            return Outcome()
        desired = change.desired(kinds.ProvisioningJob)

        def parse_created(data: Json) -> kinds.ProvisioningJob:
            return parse.parse_job(desired.key, data)

        async def find() -> kinds.ProvisioningJob | None:
            existing = await self.client.read_pages(jobs_path, expects_existing=True)
            return next(iter(parse.parse_jobs(desired.key, existing)), None)

        body = {"templateId": desired.template_id}
        job = await find() or await self.client.create(jobs_path, body, find, parse_created)
        return Outcome(resources=(job,))

    # -- secrets -----------------------------------------------------------------------------------------

    async def write_secrets(self, change: Change, state: Snapshot) -> Outcome:
        """Validate and store the credentials; write only the settings that differ.

        A job that has run with other credentials is restarted. With another endpoint it is reset in full, because
        nothing that it has sent so far exists there (Kiro, Microsoft Entra guide, profile deletion warning).
        """
        desired = change.desired(kinds.ProvisioningSecrets)
        fields = {change.name for change in change.fields}
        base = self._synchronization_path(state)
        if fields & payloads.CREDENTIALS and desired.endpoint and isinstance(desired.token, SecretStr):
            await self._validate(self._job_path(state), desired.endpoint, desired.token)
        settings = None
        if fields & {"delete_threshold", "notify"} and change.before is not None:
            settings = await self._read_notification_settings(base)
        values = payloads.secret_values(desired, fields, settings)
        await self.client.write("PUT", f"{base}/secrets", {"value": values})
        if isinstance(change.before, kinds.ProvisioningSecrets) and fields & payloads.CREDENTIALS:
            await self._restart(await self.prove(state), full="endpoint" in fields)
        return Outcome(resources=(self._store_hint(desired, state),))

    async def _validate(self, job_path: str, endpoint: str, token: SecretStr) -> None:
        body = {"credentials": payloads.scim_credentials(endpoint, token)}
        try:
            await self.client.write("POST", f"{job_path}/validateCredentials", body)
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

    async def _read_notification_settings(self, base: str) -> str | None:
        response = await self.client.get(f"{base}/secrets", expects_existing=True)
        values = {entry.get("key"): entry.get("value") for entry in response.get("value") or ()}
        return values.get("SyncNotificationSettings")

    def _store_hint(self, desired: kinds.ProvisioningSecrets, state: Snapshot) -> kinds.ProvisioningSecrets:
        """Store what was written, with a fingerprint of the token; returns the resource after the write."""
        job = state.require(kinds.ProvisioningJob, desired.key)
        before = state.get(kinds.ProvisioningSecrets, desired.key)
        token = WriteOnlySecret()
        if isinstance(desired.token, SecretStr):
            token = WriteOnlySecret.of(desired.token.get_secret_value())
        after = desired.model_copy(update={"token": token, "depends_on": ()})
        written = after.model_dump(mode="json", exclude=set(_NOT_STORED), exclude_none=True)
        if before:
            written = {**before.model_dump(mode="json", exclude=set(_NOT_STORED)), **written}
        hint = {"token": token.fingerprint, "written": written}
        self.store.put(secrets_hint(self.playbook, job.id or ""), hint)
        return after

    # -- attribute mapping -------------------------------------------------------------------------------

    async def write_mapping(self, change: Change, state: Snapshot) -> Outcome:
        """Back up the schema, edit it where it differs, and read it back.

        A running job is paused in the meantime, so that no cycle runs with an incomplete mapping.
        """
        desired = change.desired(kinds.AttributeMapping)
        job_path = self._job_path(state)
        schema = await self.client.get(f"{job_path}/schema", expects_existing=True)
        edited = edit_mapping(schema, desired)
        note = ""
        if edited != schema:
            backup = self.store.back_up(f"{self.playbook.name}-schema", schema)
            note = f"the previous schema is saved in {backup}"
            status = state.get(kinds.ProvisioningStatus, self.playbook.name)
            runs = status is not None and status.on
            if runs:
                await self.client.write("POST", f"{job_path}/pause")
            await self.client.write("PUT", f"{job_path}/schema", edited)
            if runs:
                await self._start(self._prove(job_path, await self._read_back(job_path, desired)))
        mapping = await self._read_back(job_path, desired)
        if is_correct(mapping):
            self._prove(job_path, mapping)
        return Outcome(resources=(mapping,), note=note)

    async def _read_mapping(self, job_path: str) -> kinds.AttributeMapping:
        schema = await self.client.get(f"{job_path}/schema", expects_existing=True)
        return read_mapping(self.playbook.name, schema)

    async def _read_back(self, job_path: str, desired: kinds.AttributeMapping) -> kinds.AttributeMapping:
        async def find() -> kinds.AttributeMapping | None:
            mapping = await self._read_mapping(job_path)
            return None if changed_fields(desired, mapping) else mapping

        mapping = await self.client.wait_for(find)
        if mapping is None:
            raise RemoteError(
                "the attribute mapping was written, but reads differently",
                hint="run apply again; provisioning stays off until the mapping is correct",
            )
        return mapping

    # -- status ------------------------------------------------------------------------------------------

    async def write_status(self, change: Change, state: Snapshot) -> Outcome:
        """Switch provisioning on (through the gate) or off, or restart it."""
        desired = change.desired(kinds.ProvisioningStatus)
        fields = {change.name for change in change.fields}
        if desired.on is False:
            await self.client.write("POST", f"{self._job_path(state)}/pause")
            return Outcome(resources=(desired,))
        proof = await self.prove(state)
        if "on" in fields:
            await self._start(proof)
        if "healthy" in fields:
            await self._restart(proof)
        return Outcome(resources=(desired,))

    # -- on demand ---------------------------------------------------------------------------------------

    async def provision_on_demand(self, change: Change, state: Snapshot) -> Outcome:
        """Provision the members of a small group on demand, at most 5 per call."""
        desired = change.desired(kinds.ProvisionOnDemand)
        proof = await self.prove(state)
        group = str(desired.group)
        members_path = quote_path("/groups/{}/members", group) + "?$select=id&$top=999"
        members = parse.user_ids(await self.client.read_pages(members_path, expects_existing=True))
        note = ""
        if len(members) > MAX_ON_DEMAND:
            note = f"the first cycle will provision the {len(members)} members"
        else:
            failures = [
                failure
                for batch in _batches(members)
                if (failure := await self._provision(proof, group, batch)) is not None
            ]
            note = "; ".join(dict.fromkeys(failures))
        job = state.require(kinds.ProvisioningJob, self.playbook.name)
        self.store.put(on_demand_hint(job.id or "", desired.key), True)
        return Outcome(resources=(desired,), note=note)

    async def _provision(self, proof: Proof, group: str, members: list[str]) -> str | None:
        """Provision one batch. A new assignment takes a while to take effect, so a failed attempt is repeated.

        Returns:
            why it did not succeed, or None.
        """
        results: list[str] = []

        async def attempt() -> str | None:
            try:
                response = await self._post_on_demand(proof, group, members)
            except PermissionDeniedError:
                raise
            except RemoteError as error:
                results.append(str(error))
                return None
            result, code, reason = payloads.on_demand_result(response)
            results.append(": ".join(filter(None, (result, code, reason))))
            return result if result.lower() == "success" or code == "RedundantExport" else None

        if await self.client.wait_for(attempt) is not None:
            return None
        return f"on-demand provisioning did not succeed ({results[-1]}); the next cycle tries again"

    # -- paths -------------------------------------------------------------------------------------------

    def _synchronization_path(self, state: Snapshot) -> str:
        principal = state.require(kinds.ServicePrincipal, self.playbook.name)
        return quote_path("/servicePrincipals/{}/synchronization", principal.id or "")

    def _job_path(self, state: Snapshot) -> str:
        job = state.require(kinds.ProvisioningJob, self.playbook.name)
        return quote_path(f"{self._synchronization_path(state)}/jobs/{{}}", job.id or "")


def _batches(members: list[str]) -> Iterator[list[str]]:
    """Batches of at most 5. A group without members is one empty batch, so that the group itself is provisioned."""
    for start in range(0, max(len(members), 1), MEMBERS_PER_CALL):
        yield members[start : start + MEMBERS_PER_CALL]
