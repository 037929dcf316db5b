"""One cycle of a synchronization job, from the directory to the SCIM endpoint.

"Provisioning cycles: Initial and incremental" in "How Application Provisioning works in Microsoft Entra ID" gives the
order: users and groups are matched, created or updated, then references are linked. Every cycle first queries a random
user in the target, which shows whether address and token are valid.

A sandbox cycle takes seconds; one of the real service takes 20 minutes and more.
"""

from __future__ import annotations

import copy
import uuid
from datetime import UTC, datetime

from provisioner.sandbox.entra.provisioning.cycle_plan import CyclePlan, CycleSettings, Task, plan_cycle
from provisioner.sandbox.entra.provisioning.exporter import Exporter
from provisioner.sandbox.entra.provisioning.job import Job, Link, read_job, run_lock
from provisioner.sandbox.entra.provisioning.outcome import Outcome, staged_delete
from provisioner.sandbox.entra.provisioning.provisioning_log import object_summary, timestamp
from provisioner.sandbox.entra.provisioning.scim_client import ScimClient, UnusableEndpointError
from provisioner.sandbox.entra.provisioning.scoping import in_scope
from provisioner.sandbox.entra.provisioning.source import Scope, read_entry, read_scope
from provisioner.sandbox.entra.provisioning.status import (
    CycleRun,
    Quarantine,
    escrow_quarantine,
    status_after_cycle,
)
from provisioner.sandbox.store import Document, Store

_RETRY = "This operation was retried {} times. It will be retried again in the next cycle."


def run_cycle(directory: Store, job_id: str) -> None:
    """Run one cycle of a job, initial or incremental, and write its status and provisioning log.

    Nothing happens when the job does not exist, is not active (schedule.state), or has the private ``_stalled``. Safe to
    call from any thread; runs of one job wait for each other, and no transaction is open during a request to the target.

    Args:
        directory: the directory store.
        job_id: the synchronization job's id.
    """
    with run_lock(directory, job_id):
        job = read_job(directory, job_id)
        if job is None or job.document.get("_stalled"):
            return
        if (job.document.get("schedule") or {}).get("state") != "Active":
            return
        links = copy.deepcopy(job.links)
        run = CycleRun(datetime.now(UTC), datetime.now(UTC), initial=job.is_initial)
        try:
            _export(directory, job, links, run)
        except UnusableEndpointError as error:
            run.quarantine = Quarantine("EncounteredQuarantineException", error.code, error.reason)
        run.ended = datetime.now(UTC)
        _save(directory, job, links, run)


def _export(directory: Store, job: Job, links: dict[str, Link], run: CycleRun) -> None:
    with ScimClient(*job.credentials) as client:
        client.probe()
        scope = read_scope(directory, job.service_principal_id, sync_all=job.sync_all)
        plan = _plan(directory, job, scope, links, run)
        too_many_deletes = _check_delete_threshold(job, plan)
        exporter = Exporter(client, links, rematch=run.initial)
        for task in plan.tasks:
            if too_many_deletes and task.is_removal:
                mapping = job.mappings[task.entry.kind]
                run.outcomes.append(staged_delete(task.entry, mapping, links[task.entry.id]["target"]))
            else:
                _run_task(exporter, job, task, links, run)
        for entry in plan.skipped:
            outcome = Outcome(entry, job.mappings[entry.kind])
            outcome.skip_not_entitled()
            run.outcomes.append(outcome)
        _export_references(exporter, job, scope, run)
    run.quarantine = too_many_deletes or escrow_quarantine(run.outcomes)


def _plan(directory: Store, job: Job, scope: Scope, links: dict[str, Link], run: CycleRun) -> CyclePlan:
    linked = [
        read_entry(directory, scope, key, link["kind"])
        for key, link in links.items()
        if key not in scope.entries
    ]
    settings = CycleSettings(
        initial=run.initial,
        skip_out_of_scope_deletions=job.skip_out_of_scope_deletions,
        escrowed=frozenset(job.escrows),
    )
    plan = plan_cycle(scope, linked, links, job.mappings, settings)
    processed = [task.entry for task in plan.tasks] + plan.skipped
    entitled = [entry for entry in processed if in_scope(entry, job.mappings[entry.kind])]
    run.imported = len(scope.entries) + len(linked) if run.initial else len(processed)
    run.deltas = len(plan.tasks)
    run.entitled = len(entitled)
    run.entitled_for_provisioning = sum(entry.enabled for entry in entitled)
    return plan


def _check_delete_threshold(job: Job, plan: CyclePlan) -> Quarantine | None:
    """The quarantine when the plan has more removals than the accidental deletion threshold allows, else None.

    None of the removals is then exported. That the other changes of the cycle are exported, and the error's code, are not
    documented.
    """
    removals = sum(task.is_removal for task in plan.tasks)
    threshold = job.delete_threshold
    if threshold is None or removals <= threshold or job.document.get("_forceDeletes"):
        return None
    message = f"{removals} objects would be deleted or disabled; the deletion threshold is {threshold}."
    return Quarantine("TooManyDeletes", "TooManyDeletes", message)


def _run_task(exporter: Exporter, job: Job, task: Task, links: dict[str, Link], run: CycleRun) -> None:
    entry, mapping = task.entry, job.mappings[task.entry.kind]
    match task.action:
        case "provision":
            outcome = exporter.provision(entry, mapping)
        case "disable":
            outcome = exporter.disable(entry, mapping)
        case "delete":
            outcome = exporter.delete(entry, mapping)
        case "unlink":
            del links[entry.id]
            return
    _add_outcome(job, outcome, run)


def _export_references(exporter: Exporter, job: Job, scope: Scope, run: CycleRun) -> None:
    for entry in scope.entries.values():
        mapping = job.mappings.get(entry.kind)
        if mapping is not None and mapping.enabled:
            outcome = exporter.export_references(entry, mapping, scope.members.get(entry.id, ()))
            if outcome is not None:
                _add_outcome(job, outcome, run)


def _add_outcome(job: Job, outcome: Outcome, run: CycleRun) -> None:
    if outcome.error is not None:
        retries = (job.escrows.get(outcome.entry.id) or {}).get("retries", 0)
        outcome.error.reason = f"{outcome.error.reason} {_RETRY.format(retries)}"
    run.outcomes.append(outcome)


def _save(directory: Store, job: Job, links: dict[str, Link], run: CycleRun) -> None:
    """Write the log, the status and the private members; changes to the job during the cycle are kept."""
    cycle_id = str(uuid.uuid4())
    with directory.transaction():
        for outcome in run.outcomes:
            if outcome.skip_reason != "RedundantExport":
                entry = object_summary(outcome, job, cycle_id)
                directory.put("provisioningLog", entry["id"], entry)
        current = directory.get("synchronizationJob", job.id)
        if current is None:
            return
        active = (current.get("schedule") or {}).get("state") == "Active"
        current["status"] = status_after_cycle(current["status"], run, links, job.mappings, active=active)
        for name, value in _private_members(directory, job, links, run).items():
            if current.get(name) == job.document.get(name):
                current[name] = value
        directory.put("synchronizationJob", job.id, current)


def _private_members(directory: Store, job: Job, links: dict[str, Link], run: CycleRun) -> Document:
    """The private members of the job after this cycle."""
    schema = directory.get("synchronizationSchema", job.id) or {}
    finished = run.state != "Failed" and schema.get("version") == job.schema.get("version")
    return {
        "_links": links,
        "_escrows": _escrows(job.escrows, run),
        "_forceDeletes": False,
        "_watermark": timestamp(run.ended) if finished else job.document.get("_watermark"),
    }


def _escrows(before: Document, run: CycleRun) -> Document:
    """The failures to retry: those of this cycle, and earlier ones that this cycle did not process."""
    processed = {outcome.entry.id for outcome in run.outcomes}
    escrows = {
        key: escrow for key, escrow in before.items() if key not in processed and run.state == "Failed"
    }
    for outcome in run.failures:
        assert outcome.error is not None
        first: Document = {"firstFailure": timestamp(outcome.ended), "retries": -1}
        escrow = before.get(outcome.entry.id) or first
        escrows[outcome.entry.id] = escrow | {
            "errorCode": outcome.error.code,
            "retries": escrow["retries"] + 1,
        }
    return escrows
