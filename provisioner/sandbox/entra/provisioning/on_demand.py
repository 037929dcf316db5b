"""Provision on demand: one user, or one group with up to five of its members, at once.

Microsoft Graph v1.0, synchronizationJob: provisionOnDemand, gives the request and the answer, whose ``key`` and ``value``
are JSON documents in strings. "On-demand provisioning in Microsoft Entra ID", Known limitations, gives the limits. The job
need not be started, and is left as it is. How Graph words its refusals is not documented.
"""

from __future__ import annotations

import copy
import json
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from provisioner.sandbox.entra.provisioning import log
from provisioner.sandbox.entra.provisioning.exporter import Exporter
from provisioner.sandbox.entra.provisioning.job import Job, read_job, running_alone
from provisioner.sandbox.entra.provisioning.mapping import ObjectMapping
from provisioner.sandbox.entra.provisioning.outcome import Outcome, Step
from provisioner.sandbox.entra.provisioning.planning import Link, in_scope
from provisioner.sandbox.entra.provisioning.scim_client import ScimClient, UnusableEndpointError
from provisioner.sandbox.entra.provisioning.source import Entry, Scope, read_entry, read_scope
from provisioner.sandbox.entra.provisioning.template import SOURCE_DIRECTORY, TARGET_DIRECTORY
from provisioner.sandbox.store import Store

Document = dict[str, Any]

MAX_MEMBERS = 5
_REDUNDANT = "The state of the {} in both the source and target systems already match."


class BadRequest(Exception):  # noqa: N818  an answer, not a fault
    """A request that Graph answers with 400."""


@dataclass(frozen=True)
class Subject:
    """What to provision: an object, and for a group the members to bring along."""

    key: str
    kind: str
    members: tuple[str, ...]


def provision_on_demand(directory: Store, job_id: str, body: Document) -> tuple[int, Document]:
    """Provision one object now.

    Args:
        directory: the directory store.
        job_id: the synchronization job's id.
        body: ``{"parameters": [{"ruleId", "subjects": [{"objectId", "objectTypeName", "links"?}]}]}``.

    Returns:
        200 and ``{"key", "value"}`` (JSON in strings) whatever became of the object, or 400 and a Graph error's
        ``{"code", "message"}`` when the request itself is wrong.
    """
    with running_alone(directory, job_id):
        job = read_job(directory, job_id)
        if job is None:
            return _refused(f"The job {job_id} does not exist.")
        try:
            subject = _read(body, job)
        except BadRequest as problem:
            return _refused(str(problem))
        scope = read_scope(directory, job.service_principal_id, everyone=job.sync_all)
        entry = read_entry(directory, scope, subject.key, subject.kind)
        if entry.document is None:
            return _refused(f"The {subject.kind} {subject.key!r} does not exist in {SOURCE_DIRECTORY}.")
        links: dict[str, Link] = copy.deepcopy(job.document.get("_links") or {})
        outcomes = _run(job, scope, entry, subject, links)
        _save(directory, job, links, outcomes)
    return HTTPStatus.OK, _answer(entry, outcomes)


def _refused(message: str) -> tuple[int, Document]:
    return HTTPStatus.BAD_REQUEST, {"code": "BadRequest", "message": message}


def _read(body: Document, job: Job) -> Subject:
    """Take the request apart.

    Raises:
        BadRequest: when it is not one object of a known rule, or a group with more than five members.
    """
    parameters = body.get("parameters")
    if not isinstance(parameters, list) or len(parameters) != 1 or not isinstance(parameters[0], dict):
        raise BadRequest("Exactly one set of parameters is required.")
    subjects = parameters[0].get("subjects")
    if not isinstance(subjects, list) or len(subjects) != 1 or not isinstance(subjects[0], dict):
        raise BadRequest("Exactly one subject is required.")
    rule, kind = parameters[0].get("ruleId"), str(subjects[0].get("objectTypeName") or "").capitalize()
    if rule not in {each.rule for each in job.mappings.values()}:
        raise BadRequest(f"The synchronization rule {rule!r} does not exist.")
    mapping = job.mappings.get(kind)
    if mapping is None or not mapping.enabled:
        raise BadRequest(f"{kind or 'None'} objects are not provisioned by this job.")
    members = (subjects[0].get("links") or {}).get("members") or []
    if len(members) > MAX_MEMBERS:
        raise BadRequest(f"A group can be provisioned with at most {MAX_MEMBERS} members at a time.")
    keys = tuple(str(each.get("objectId")) for each in members if isinstance(each, dict))
    return Subject(str(subjects[0].get("objectId") or ""), kind, keys)


def _run(job: Job, scope: Scope, entry: Entry, subject: Subject, links: dict[str, Link]) -> list[Outcome]:
    """The outcomes, the subject's own last."""
    mapping = job.mappings[entry.kind]
    try:
        with ScimClient(*job.credentials) as client:
            client.compliant = False  # "this feature flag currently doesn't work with on-demand provisioning"
            client.probe()
            exporter = Exporter(client, links, rematch=True)
            if entry.kind == "User":
                return [_provision(exporter, entry, mapping, links)]
            return _provision_group(exporter, job, scope, entry, subject, links)
    except UnusableEndpointError as error:
        outcome = Outcome(entry, mapping)
        outcome.status, outcome.error = "failure", error
        outcome.steps.append(
            Step("TestConnection", "Processing", "Failure", error.reason, {"ErrorCode": error.code})
        )
        return [outcome]


def _provision_group(
    exporter: Exporter, job: Job, scope: Scope, entry: Entry, subject: Subject, links: dict[str, Link]
) -> list[Outcome]:
    outcomes = []
    users = job.mappings.get("User")
    for key in subject.members:
        member = scope.entries.get(key)
        if member is not None and users is not None and users.enabled:
            outcomes.append(_provision(exporter, member, users, links))
    group = _provision(exporter, entry, job.mappings["Group"], links)
    outcomes.append(group)
    linked = exporter.link(entry, group.mapping, scope.members.get(entry.id, ()), only=subject.members)
    return outcomes if linked is None else [*outcomes, linked]


def _provision(exporter: Exporter, entry: Entry, mapping: ObjectMapping, links: dict[str, Link]) -> Outcome:
    """Provision, or disable a user who was unassigned; "it doesn't support disabling or deleting users that have been
    disabled or deleted from Microsoft Entra ID".
    """
    scoped = in_scope(entry, mapping)
    if scoped and entry.enabled:
        return exporter.provision(entry, mapping)
    link = links.get(entry.id)
    if not scoped and entry.enabled and entry.kind == "User" and link is not None and link["managed"]:
        return exporter.disable(entry, mapping)
    outcome = Outcome(entry, mapping)
    outcome.imported(entry.attributes(in_scope=scoped))
    outcome.scoped()
    outcome.skip_not_entitled()
    return outcome


def _answer(entry: Entry, outcomes: list[Outcome]) -> Document:
    failed = next((each for each in outcomes if each.status == "failure"), None)
    shown = failed or outcomes[-1]
    done = [each for each in outcomes if each.status == "success"]
    if entry.kind == "Group" and failed is None and done:
        key, value = {"result": "Success", "details": {}}, {}  # the documented answer for a group
    else:
        key, value = _result(shown), _change(shown)
    return {
        "key": json.dumps(key),
        "value": json.dumps(value),
    }


def _result(outcome: Outcome) -> Document:
    if outcome.error is not None:
        details = {"errorCode": outcome.error.code, "errorMessage": outcome.error.reason}
        return {"result": "Failure", "details": details}
    if outcome.skip_reason is None:
        return {"result": "Success", "details": {}}
    redundant = outcome.skip_reason == "RedundantExport"
    message = _REDUNDANT.format(outcome.entry.kind.lower()) if redundant else outcome.steps[-1].description
    return {"result": "Skipped", "details": {"errorCode": outcome.skip_reason, "errorMessage": message}}


def _change(outcome: Outcome) -> Document:
    error = outcome.error
    return {
        "action": outcome.action.capitalize(),
        "changeId": str(uuid.uuid4()),
        "startTime": log.timestamp(outcome.began),
        "endTime": log.timestamp(outcome.ended),
        "modifiedProperties": log.modified_properties(outcome),
        "provisioningSteps": [
            {
                "name": each.name,
                "type": each.kind,
                "status": each.status,
                "description": each.description,
                "timestamp": log.timestamp(each.at),
                "details": each.details,
            }
            for each in outcome.steps
        ],
        "reportableIdentifier": outcome.entry.label,
        "statusInfo": {
            "status": outcome.status.capitalize(),
            "errorCode": error.code if error else None,
            "reason": error.reason if error else None,
            "additionalDetails": None,
            "errorCategory": "NonServiceFailure" if error else None,
            "recommendedAction": None,
        },
        "sourceIdentity": {
            "id": outcome.entry.id,
            "type": outcome.entry.kind,
            "displayName": None,
            "details": None,
        },
        "sourceSystem": {"id": None, "name": SOURCE_DIRECTORY, "details": None},
        "targetIdentity": {
            "id": outcome.target_id or "",
            "type": outcome.mapping.target,
            "displayName": None,
            "details": None,
        },
        "targetSystem": {"id": None, "name": TARGET_DIRECTORY, "details": None},
    }


def _save(directory: Store, job: Job, links: dict[str, Link], outcomes: list[Outcome]) -> None:
    run_id = str(uuid.uuid4())
    with directory.transaction():
        for outcome in outcomes:
            entry = log.summary(outcome, job, run_id)
            directory.put("provisioningLog", entry["id"], entry)
        now = directory.get("synchronizationJob", job.id)
        if now is not None and now.get("_links") == job.document.get("_links"):
            directory.put("synchronizationJob", job.id, now | {"_links": links})
