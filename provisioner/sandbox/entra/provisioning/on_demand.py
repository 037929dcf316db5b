"""Provision on demand: one user, or one group with up to five of its members.

Microsoft Graph v1.0, synchronizationJob: provisionOnDemand, gives the request and the response, in which ``key`` and
``value`` are JSON documents in strings. "On-demand provisioning in Microsoft Entra ID", Known limitations, gives the
limits. The job need not be started, and its status does not change. The texts of Graph's errors are not documented.
"""

from __future__ import annotations

import copy
import json
import uuid
from dataclasses import dataclass
from http import HTTPStatus

from provisioner.sandbox.entra.provisioning.exporter import Exporter
from provisioner.sandbox.entra.provisioning.job import Job, Link, read_job, run_lock
from provisioner.sandbox.entra.provisioning.mapping import ObjectMapping
from provisioner.sandbox.entra.provisioning.outcome import Outcome, Step
from provisioner.sandbox.entra.provisioning.provisioning_log import (
    modified_properties,
    object_summary,
    timestamp,
)
from provisioner.sandbox.entra.provisioning.scim_client import ScimClient, UnusableEndpointError
from provisioner.sandbox.entra.provisioning.scoping import in_scope
from provisioner.sandbox.entra.provisioning.source import Entry, Scope, read_entry, read_scope
from provisioner.sandbox.entra.provisioning.template import SOURCE_DIRECTORY, TARGET_DIRECTORY
from provisioner.sandbox.store import Document, Store

MAX_MEMBERS = 5
_REDUNDANT = "The state of the {} in both the source and target systems already match."


class InvalidRequestError(Exception):
    """Graph responds to the request with 400."""


@dataclass(frozen=True)
class Subject:
    """The object to provision: its id and kind, and for a group the ids of the members to provision with it."""

    key: str
    kind: str
    members: tuple[str, ...]


def provision_on_demand(directory: Store, job_id: str, body: Document) -> tuple[int, Document]:
    """Provision one object.

    Args:
        directory: the directory store.
        job_id: the synchronization job's id.
        body: ``{"parameters": [{"ruleId", "subjects": [{"objectId", "objectTypeName", "links"?}]}]}``.

    Returns:
        200 and ``{"key", "value"}`` (JSON in strings) whether the object was provisioned, skipped or failed; or 400 and a
        Graph error's ``{"code", "message"}`` when the request is invalid.
    """
    try:
        with run_lock(directory, job_id):
            return HTTPStatus.OK, _process(directory, job_id, body)
    except InvalidRequestError as error:
        return HTTPStatus.BAD_REQUEST, {"code": "BadRequest", "message": str(error)}


def _process(directory: Store, job_id: str, body: Document) -> Document:
    job = read_job(directory, job_id)
    if job is None:
        raise InvalidRequestError(f"The job {job_id} does not exist.")
    subject = _parse_request(body, job)
    scope = read_scope(directory, job.service_principal_id, sync_all=job.sync_all)
    entry = read_entry(directory, scope, subject.key, subject.kind)
    if entry.document is None:
        raise InvalidRequestError(f"The {subject.kind} {subject.key!r} does not exist in {SOURCE_DIRECTORY}.")
    links = copy.deepcopy(job.links)
    outcomes = _provision_subject(job, scope, entry, subject, links)
    _save(directory, job, links, outcomes)
    return _response(entry, outcomes)


def _parse_request(body: Document, job: Job) -> Subject:
    """Parse the request.

    Raises:
        InvalidRequestError: when it is not one object of a known rule, or a group with more than five members.
    """
    parameters = body.get("parameters")
    if not isinstance(parameters, list) or len(parameters) != 1 or not isinstance(parameters[0], dict):
        raise InvalidRequestError("Exactly one set of parameters is required.")
    subjects = parameters[0].get("subjects")
    if not isinstance(subjects, list) or len(subjects) != 1 or not isinstance(subjects[0], dict):
        raise InvalidRequestError("Exactly one subject is required.")
    rule, kind = parameters[0].get("ruleId"), str(subjects[0].get("objectTypeName") or "").capitalize()
    if rule not in {mapping.rule for mapping in job.mappings.values()}:
        raise InvalidRequestError(f"The synchronization rule {rule!r} does not exist.")
    mapping = job.mappings.get(kind)
    if mapping is None or not mapping.enabled:
        raise InvalidRequestError(f"{kind or 'None'} objects are not provisioned by this job.")
    members = (subjects[0].get("links") or {}).get("members") or []
    if len(members) > MAX_MEMBERS:
        raise InvalidRequestError(f"A group can be provisioned with at most {MAX_MEMBERS} members at a time.")
    keys = tuple(str(member.get("objectId")) for member in members if isinstance(member, dict))
    return Subject(str(subjects[0].get("objectId") or ""), kind, keys)


def _provision_subject(
    job: Job, scope: Scope, entry: Entry, subject: Subject, links: dict[str, Link]
) -> list[Outcome]:
    """The outcomes; the subject's own is last."""
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
    mapping = job.mappings["Group"]
    outcomes.append(_provision(exporter, entry, mapping, links))
    members = scope.members.get(entry.id, ())
    references = exporter.export_references(entry, mapping, members, only=subject.members)
    return outcomes if references is None else [*outcomes, references]


def _provision(exporter: Exporter, entry: Entry, mapping: ObjectMapping, links: dict[str, Link]) -> Outcome:
    """Provision an object, or disable a user who was unassigned.

    "It doesn't support disabling or deleting users that have been disabled or deleted from Microsoft Entra ID".
    """
    scoped = in_scope(entry, mapping)
    if scoped and entry.enabled:
        return exporter.provision(entry, mapping)
    link = links.get(entry.id)
    if not scoped and entry.enabled and entry.kind == "User" and link is not None and link["managed"]:
        return exporter.disable(entry, mapping)
    outcome = Outcome(entry, mapping)
    outcome.add_import_step(entry.attributes(in_scope=scoped))
    outcome.add_scoping_step()
    outcome.skip_not_entitled()
    return outcome


def _response(entry: Entry, outcomes: list[Outcome]) -> Document:
    failed = next((outcome for outcome in outcomes if outcome.status == "failure"), None)
    succeeded = [outcome for outcome in outcomes if outcome.status == "success"]
    if entry.kind == "Group" and failed is None and succeeded:
        key, value = {"result": "Success", "details": {}}, {}  # the documented response for a group
    else:
        reported = failed or outcomes[-1]
        key, value = _result(reported), _change(reported)
    return {"key": json.dumps(key), "value": json.dumps(value)}


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
    return {
        "action": outcome.action.capitalize(),
        "changeId": str(uuid.uuid4()),
        "startTime": timestamp(outcome.began),
        "endTime": timestamp(outcome.ended),
        "modifiedProperties": modified_properties(outcome),
        "provisioningSteps": [
            {
                "name": step.name,
                "type": step.kind,
                "status": step.status,
                "description": step.description,
                "timestamp": timestamp(step.at),
                "details": step.details,
            }
            for step in outcome.steps
        ],
        "reportableIdentifier": outcome.entry.label,
        "statusInfo": _status_info(outcome),
        "sourceIdentity": _identity(outcome.entry.id, outcome.entry.kind),
        "sourceSystem": _system(SOURCE_DIRECTORY),
        "targetIdentity": _identity(outcome.target_id or "", outcome.mapping.target),
        "targetSystem": _system(TARGET_DIRECTORY),
    }


def _status_info(outcome: Outcome) -> Document:
    error = outcome.error
    return {
        "status": outcome.status.capitalize(),
        "errorCode": error.code if error else None,
        "reason": error.reason if error else None,
        "additionalDetails": None,
        "errorCategory": "NonServiceFailure" if error else None,
        "recommendedAction": None,
    }


def _identity(key: str, kind: str) -> Document:
    return {"id": key, "type": kind, "displayName": None, "details": None}


def _system(name: str) -> Document:
    return {"id": None, "name": name, "details": None}


def _save(directory: Store, job: Job, links: dict[str, Link], outcomes: list[Outcome]) -> None:
    run_id = str(uuid.uuid4())
    with directory.transaction():
        for outcome in outcomes:
            entry = object_summary(outcome, job, run_id)
            directory.put("provisioningLog", entry["id"], entry)
        current = directory.get("synchronizationJob", job.id)
        if current is not None and current.get("_links") == job.document.get("_links"):
            directory.put("synchronizationJob", job.id, current | {"_links": links})
