"""One cycle of a synchronization job, from the directory to the SCIM endpoint.

"Provisioning cycles: Initial and incremental" in "How Application Provisioning works in Microsoft Entra ID" gives the
order: users and groups are matched, created or updated, then references are linked. Every cycle first asks the target
for a random user, which tells whether address and token are good.

Unlike the real service a sandbox cycle takes seconds, not 20 minutes and more.
"""

from __future__ import annotations

import copy
import uuid
from datetime import UTC, datetime
from typing import Any

from provisioner.sandbox.entra.provisioning import log
from provisioner.sandbox.entra.provisioning import status as job_status
from provisioner.sandbox.entra.provisioning.exporter import Exporter
from provisioner.sandbox.entra.provisioning.job import Job, read_job, running_alone
from provisioner.sandbox.entra.provisioning.outcome import Outcome, staged
from provisioner.sandbox.entra.provisioning.planning import Link, Plan, Settings, Task, in_scope, make_plan
from provisioner.sandbox.entra.provisioning.scim_client import ScimClient, UnusableEndpointError
from provisioner.sandbox.entra.provisioning.source import Scope, read_entry, read_scope
from provisioner.sandbox.entra.provisioning.status import Quarantine, Run, escrow_quarantine
from provisioner.sandbox.store import Store

Document = dict[str, Any]

_RETRY = "This operation was retried {} times. It will be retried again in the next cycle."


def run_cycle(directory: Store, job_id: str) -> None:
    """Run one cycle of a job, initial or incremental, and write its status and provisioning log.

    Nothing happens when the job is gone, not active (schedule.state), or carries the private ``_stalled``. Safe to call
    from any thread; runs of one job wait for each other, and no transaction is open during a call to the target.

    Args:
        directory: the directory store.
        job_id: the synchronization job's id.
    """
    with running_alone(directory, job_id):
        job = read_job(directory, job_id)
        if job is None or job.document.get("_stalled"):
            return
        if (job.document.get("schedule") or {}).get("state") != "Active":
            return
        links: dict[str, Link] = copy.deepcopy(job.document.get("_links") or {})
        run = Run(datetime.now(UTC), datetime.now(UTC), initial=job.initial)
        try:
            _export(directory, job, links, run)
        except UnusableEndpointError as error:
            run.quarantine = Quarantine("EncounteredQuarantineException", error.code, error.reason)
        run.ended = datetime.now(UTC)
        _save(directory, job, links, run)


def _export(directory: Store, job: Job, links: dict[str, Link], run: Run) -> None:
    with ScimClient(*job.credentials) as client:
        client.probe()
        scope = read_scope(directory, job.service_principal_id, everyone=job.sync_all)
        plan = _plan(directory, job, scope, links, run)
        held_back = _held_back(job, plan)
        exporter = Exporter(client, links, rematch=run.initial)
        for task in plan.tasks:
            if held_back and task.removes:
                mapping = job.mappings[task.entry.kind]
                run.outcomes.append(staged(task.entry, mapping, links[task.entry.id]["target"]))
            else:
                _carry_out(exporter, job, task, links, run)
        for entry in plan.skipped:
            outcome = Outcome(entry, job.mappings[entry.kind])
            outcome.skip_not_entitled()
            run.outcomes.append(outcome)
        _link(exporter, job, scope, run)
    run.quarantine = held_back or escrow_quarantine(run.outcomes)


def _plan(directory: Store, job: Job, scope: Scope, links: dict[str, Link], run: Run) -> Plan:
    linked = [
        read_entry(directory, scope, key, link["kind"])
        for key, link in links.items()
        if key not in scope.entries
    ]
    settings = Settings(
        initial=run.initial,
        skip_out_of_scope_deletions=job.skip_out_of_scope_deletions,
        escrowed=frozenset(job.document.get("_escrows") or ()),
    )
    plan = make_plan(scope, linked, links, job.mappings, settings)
    processed = [each.entry for each in plan.tasks] + plan.skipped
    entitled = [each for each in processed if in_scope(each, job.mappings[each.kind])]
    run.imported = len(scope.entries) + len(linked) if run.initial else len(processed)
    run.deltas = len(plan.tasks)
    run.entitled = len(entitled)
    run.entitled_for_provisioning = sum(each.enabled for each in entitled)
    return plan


def _held_back(job: Job, plan: Plan) -> Quarantine | None:
    """The accidental deletion threshold: more removals than it allows are all held back.

    That the other changes of the cycle still flow, and the error's code, are not documented.
    """
    removals = sum(each.removes for each in plan.tasks)
    threshold = job.delete_threshold
    if threshold is None or removals <= threshold or job.document.get("_forceDeletes"):
        return None
    message = f"{removals} objects would be deleted or disabled; the deletion threshold is {threshold}."
    return Quarantine("TooManyDeletes", "TooManyDeletes", message)


def _carry_out(exporter: Exporter, job: Job, task: Task, links: dict[str, Link], run: Run) -> None:
    entry, mapping = task.entry, job.mappings[task.entry.kind]
    match task.action:
        case "provision":
            outcome = exporter.provision(entry, mapping)
        case "disable":
            outcome = exporter.disable(entry, mapping)
        case "delete":
            outcome = exporter.delete(entry, mapping)
        case "forget":
            del links[entry.id]
            return
    _note(job, outcome, run)


def _link(exporter: Exporter, job: Job, scope: Scope, run: Run) -> None:
    for entry in scope.entries.values():
        mapping = job.mappings.get(entry.kind)
        if mapping is not None and mapping.enabled:
            outcome = exporter.link(entry, mapping, scope.members.get(entry.id, ()))
            if outcome is not None:
                _note(job, outcome, run)


def _note(job: Job, outcome: Outcome, run: Run) -> None:
    if outcome.error is not None:
        retries = ((job.document.get("_escrows") or {}).get(outcome.entry.id) or {}).get("retries", 0)
        outcome.error.reason = f"{outcome.error.reason} {_RETRY.format(retries)}"
    run.outcomes.append(outcome)


def _save(directory: Store, job: Job, links: dict[str, Link], run: Run) -> None:
    """Write what the cycle found, on top of what happened to the job meanwhile."""
    cycle_id = str(uuid.uuid4())
    with directory.transaction():
        for outcome in run.outcomes:
            if outcome.skip_reason != "RedundantExport":
                entry = log.summary(outcome, job, cycle_id)
                directory.put("provisioningLog", entry["id"], entry)
        now = directory.get("synchronizationJob", job.id)
        if now is None:
            return
        active = (now.get("schedule") or {}).get("state") == "Active"
        now["status"] = job_status.after(now.get("status") or {}, run, links, job.mappings, active=active)
        now |= _kept(job, now, _private(directory, job, links, run))
        directory.put("synchronizationJob", job.id, now)


def _private(directory: Store, job: Job, links: dict[str, Link], run: Run) -> Document:
    """The private members as this cycle leaves them."""
    schema = directory.get("synchronizationSchema", job.id) or {}
    finished = run.state != "Failed" and schema.get("version") == job.schema.get("version")
    return {
        "_links": links,
        "_escrows": _escrows(job.document.get("_escrows") or {}, run),
        "_forceDeletes": False,
        "_watermark": log.timestamp(run.ended) if finished else job.document.get("_watermark"),
    }


def _kept(job: Job, now: Document, found: Document) -> Document:
    """Those of them that nobody changed while the cycle ran."""
    return {name: value for name, value in found.items() if now.get(name) == job.document.get(name)}


def _escrows(before: Document, run: Run) -> Document:
    """Failures to try again: this cycle's, and earlier ones that this cycle did not get to."""
    worked = {each.entry.id for each in run.outcomes}
    kept = {key: escrow for key, escrow in before.items() if key not in worked and run.state == "Failed"}
    for each in run.failures:
        assert each.error is not None
        known = before.get(each.entry.id) or {"firstFailure": log.timestamp(each.ended), "retries": -1}
        kept[each.entry.id] = known | {"errorCode": each.error.code, "retries": known["retries"] + 1}
    return kept
