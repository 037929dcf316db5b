"""Writes the provisioning job, its secrets, its attribute mapping and its status.

The gate: Kiro does not let a user's externalId change. So nothing may start a job, restart it or provision on demand
before the attribute mapping has been read back and is correct. The three requests that do so take a
:class:`MappingProof`. Only :meth:`ProvisioningWriter._prove` makes one, from a mapping that was read back.
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
from provisioner.providers import kiro
from provisioner.providers.base.client import quote_path
from provisioner.providers.base.kinds import changed_field_names
from provisioner.providers.base.wire import Json
from provisioner.providers.entra import parse, payloads
from provisioner.providers.entra import resources as kinds
from provisioner.providers.entra.client import GraphClient
from provisioner.providers.entra.hints import on_demand_hint, secrets_hint
from provisioner.providers.entra.mapping import edit_mapping, is_correct, read_mapping
from provisioner.providers.entra.playbook import EntraPlaybook

MEMBERS_PER_CALL: Final = 5
"""The members that one call provisions (Microsoft Entra, on-demand provisioning: known limitations)."""
MAX_ON_DEMAND_MEMBERS: Final = 50
"""Larger groups are left to the first cycle, so that apply does not wait for many calls. Each call provisions 5
members, and Graph allows 5 calls in 10 seconds."""

_SEAL: Final = object()
"""Without it, no :class:`MappingProof` can be made; only the gate uses it."""
_NOT_STORED: Final = frozenset({"token", "accepted_by_kiro", "depends_on", "key"})
"""Fields of the secrets that the hint does not contain."""


@dataclass(frozen=True)
class MappingProof:
    """Proof that the attribute mapping was read back and is correct. Only the gate makes one.

    Attributes:
        job_path: path of the job.
        rule_id: id of the synchronization rule.
        private_seal: the seal of this module, which shows that the gate made the proof.
    """

    job_path: str
    rule_id: str
    private_seal: object = field(repr=False, default=None)

    def __post_init__(self) -> None:
        if self.private_seal is not _SEAL:
            raise RefusedError("provisioning may not start before its attribute mapping has been read back")


@dataclass
class ProvisioningWriter:
    """Writes to the synchronization of the service principal."""

    client: GraphClient
    playbook: EntraPlaybook
    store: LocalStore
    _proof: MappingProof | None = None

    # -- the gate ----------------------------------------------------------------------------------------

    async def prove(self, state: Snapshot) -> MappingProof:
        """Return this run's proof; without one, read the attribute mapping and check it.

        Raises:
            RefusedError: the mapping is not correct; nothing was started.
        """
        job_path = self._job_path(state)
        if self._proof and self._proof.job_path == job_path:
            return self._proof
        return self._prove(job_path, await self._read_mapping(job_path))

    def _prove(self, job_path: str, mapping: kinds.AttributeMapping) -> MappingProof:
        """Make this run's proof from a mapping that was read back.

        Raises:
            RefusedError: the mapping is not correct.
        """
        if not is_correct(mapping):
            raise RefusedError(
                f"provisioning must not run with this attribute mapping: {', '.join(_mapping_faults(mapping))}",
                hint="something changed the mapping after the plan was made: run apply again",
            )
        self._proof = MappingProof(job_path, mapping.rule_id or "", _SEAL)
        return self._proof

    async def _start(self, proof: MappingProof) -> None:
        await self.client.write("POST", f"{proof.job_path}/start")

    async def _restart(self, proof: MappingProof, *, full: bool = False) -> None:
        """Reset escrowed entries and the quarantine; ``full``: reset everything, so that every object is sent again."""
        criteria = {"criteria": {"resetScope": "Full" if full else "Escrows, QuarantineState"}}
        await self.client.write("POST", f"{proof.job_path}/restart", criteria)

    async def _post_on_demand(self, proof: MappingProof, group: str, users: list[str]) -> Json:
        body = payloads.on_demand_body(proof.rule_id, group, users)
        return await self.client.write("POST", f"{proof.job_path}/provisionOnDemand", body)

    # -- job ---------------------------------------------------------------------------------------------

    async def write_job(self, change: Change, state: Snapshot) -> Outcome:
        """Create the job, or delete a surplus job.

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

        A job that has run with other credentials is restarted. With another endpoint it restarts from the beginning,
        because nothing that it has sent so far exists there (Kiro, Microsoft Entra guide, profile deletion warning).
        """
        desired = change.desired(kinds.ProvisioningSecrets)
        fields = changed_field_names(change)
        base = self._synchronization_path(state)
        if fields & payloads.CREDENTIALS and desired.endpoint and isinstance(desired.token, SecretStr):
            await self._validate(self._job_path(state), desired.endpoint, desired.token)
        settings = None
        # Both are members of one setting, a JSON string: the member that does not differ must be written again.
        if fields & {"delete_threshold", "notify"} and change.before is not None:
            settings = await self._read_notification_settings(base)
        values = payloads.secret_values(desired, fields, settings)
        await self.client.write("PUT", f"{base}/secrets", {"value": values})
        if isinstance(change.before, kinds.ProvisioningSecrets) and fields & payloads.CREDENTIALS:
            await self._restart(await self.prove(state), full="endpoint" in fields)
        written = _without_token(desired)
        self._store_hint(written, state)
        return Outcome(resources=(written,))

    async def _validate(self, job_path: str, endpoint: str, token: SecretStr) -> None:
        body = {"credentials": payloads.scim_credentials(endpoint, token)}
        try:
            await self.client.write("POST", f"{job_path}/validateCredentials", body)
        except RemoteError as error:
            if error.status != 400:
                raise
            raise RemoteError(
                f"Kiro's SCIM endpoint did not accept these credentials when Entra tested them: {error.message}",
                status=error.status,
                code=error.code,
                request_id=error.request_id,
                hint=f"copy the endpoint again ({kiro.IDENTITY_SETTINGS}), "
                "generate a new access token there, and run apply again",
            ) from error

    async def _read_notification_settings(self, base: str) -> str | None:
        """The threshold and the addresses to notify: JSON in a string; None if they are not set."""
        response = await self.client.get(f"{base}/secrets", expects_existing=True)
        values = {entry.get("key"): entry.get("value") for entry in response.get("value") or ()}
        return values.get("SyncNotificationSettings")

    def _store_hint(self, written: kinds.ProvisioningSecrets, state: Snapshot) -> None:
        """Store the secrets for later comparisons: earlier values where nothing was written; of the token, a fingerprint.

        Args:
            written: the secrets after the write.
            state: the state before the write.
        """
        job = state.require(kinds.ProvisioningJob, written.key)
        before = state.get(kinds.ProvisioningSecrets, written.key)
        values = written.model_dump(mode="json", exclude=set(_NOT_STORED), exclude_none=True)
        if before:
            values = {**before.model_dump(mode="json", exclude=set(_NOT_STORED)), **values}
        fingerprint = written.token.fingerprint if isinstance(written.token, WriteOnlySecret) else None
        hint = {"token": fingerprint, "written": values}
        self.store.put(secrets_hint(self.playbook, job.id or ""), hint)

    # -- attribute mapping -------------------------------------------------------------------------------

    async def write_mapping(self, change: Change, state: Snapshot) -> Outcome:
        """Back up the schema, edit it where it differs, and read it back.

        A running job is paused in the meantime, so that no cycle runs with an incomplete mapping. The job stays paused if
        the mapping is not correct.
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
            is_running = status is not None and status.on
            if is_running:
                await self.client.write("POST", f"{job_path}/pause")
            await self.client.write("PUT", f"{job_path}/schema", edited)
            if is_running:
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
        fields = changed_field_names(change)
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
        """Provision the members of a small group on demand, at most 5 per call.

        The hint is stored after failures too: the next cycle tries again, so another apply need not.
        """
        desired = change.desired(kinds.ProvisionOnDemand)
        proof = await self.prove(state)
        group = str(desired.group)
        members_path = quote_path("/groups/{}/members", group) + "?$select=id&$top=999"
        members = parse.user_ids(await self.client.read_pages(members_path, expects_existing=True))
        if len(members) > MAX_ON_DEMAND_MEMBERS:
            note = (
                f"the group has more than {MAX_ON_DEMAND_MEMBERS} members: "
                f"the first cycle provisions its {len(members)} members"
            )
        else:
            note = await self._provision_members(proof, group, members)
        job = state.require(kinds.ProvisioningJob, self.playbook.name)
        self.store.put(on_demand_hint(job.id or "", desired.key), True)
        return Outcome(resources=(desired,), note=note)

    async def _provision_members(self, proof: MappingProof, group: str, members: list[str]) -> str:
        """Provision all members, batch by batch.

        Returns:
            the reasons of the failures, each once; empty if all batches succeeded.
        """
        reasons: list[str] = []
        for batch in _batches(members):
            reason = await self._provision_batch(proof, group, batch)
            if reason and reason not in reasons:
                reasons.append(reason)
        return "; ".join(reasons)

    async def _provision_batch(self, proof: MappingProof, group: str, batch: list[str]) -> str:
        """Provision one batch. A new assignment takes a while to take effect, so a failed attempt is repeated.

        Returns:
            the reason of the last failure; empty if an attempt succeeded.
        """
        result = ""

        async def attempt() -> bool | None:
            nonlocal result
            try:
                response = await self._post_on_demand(proof, group, batch)
            except PermissionDeniedError:
                raise
            except RemoteError as error:
                result = str(error)
                return None
            status, code, reason = payloads.on_demand_result(response)
            result = ": ".join(filter(None, (status, code, reason)))
            is_up_to_date = code == "RedundantExport"  # Kiro already has the user as it is in Entra
            return True if status.lower() == "success" or is_up_to_date else None

        if await self.client.wait_for(attempt):
            return ""
        return f"on-demand provisioning did not succeed ({result}); the next cycle tries again"

    # -- paths -------------------------------------------------------------------------------------------

    def _synchronization_path(self, state: Snapshot) -> str:
        principal = state.require(kinds.ServicePrincipal, self.playbook.name)
        return quote_path("/servicePrincipals/{}/synchronization", principal.id or "")

    def _job_path(self, state: Snapshot) -> str:
        job = state.require(kinds.ProvisioningJob, self.playbook.name)
        return quote_path(f"{self._synchronization_path(state)}/jobs/{{}}", job.id or "")


def _mapping_faults(mapping: kinds.AttributeMapping) -> Iterator[str]:
    """Why provisioning must not run with a mapping; see :func:`.is_correct`."""
    if mapping.external_id != "objectId":
        source = repr(mapping.external_id) if mapping.external_id else "no attribute"
        yield f"externalId comes from {source}"
    if mapping.unsupported:
        yield f"{', '.join(mapping.unsupported)} still mapped"
    if mapping.missing:
        yield f"{', '.join(mapping.missing)} not mapped"


def _without_token(desired: kinds.ProvisioningSecrets) -> kinds.ProvisioningSecrets:
    """The secrets after the write: as they are read, with a fingerprint in place of the token."""
    token = WriteOnlySecret()
    if isinstance(desired.token, SecretStr):
        token = WriteOnlySecret.of(desired.token.get_secret_value())
    return desired.model_copy(update={"token": token, "depends_on": ()})


def _batches(members: list[str]) -> Iterator[list[str]]:
    """Batches of at most 5. A group without members is one empty batch, so that the group itself is provisioned."""
    for start in range(0, max(len(members), 1), MEMBERS_PER_CALL):
        yield members[start : start + MEMBERS_PER_CALL]
