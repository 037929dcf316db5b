"""Synchronization: ``/servicePrincipals/{id}/synchronization`` (Microsoft Graph v1.0).

The package ``provisioning`` runs the jobs; this module serves their documents. In every handler ``key`` is the service
principal's segment of the path: its id, or ``(appId='...')``. The only exception is `list_application_templates`, where it
is that of the application.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from provisioner.sandbox.entra import provisioning
from provisioner.sandbox.entra.graph.documents import new_id
from provisioner.sandbox.entra.graph.entity_sets import APPLICATIONS, SERVICE_PRINCIPALS, find
from provisioner.sandbox.entra.graph.errors import GraphError, bad_request
from provisioner.sandbox.entra.graph.odata import public
from provisioner.sandbox.entra.graph.relationships import application_of
from provisioner.sandbox.entra.graph.request import NO_CONTENT, GraphRequest, GraphResponse
from provisioner.sandbox.store import Document

_MASKED_SECRETS = frozenset(
    {
        "Password",
        "SecretToken",
        "ClientSecret",
        "Oauth2AccessToken",
        "Oauth2RefreshToken",
        "Oauth2ClientSecret",
        "AppKey",
    }
)
_RESET_SCOPES = frozenset(
    {"None", "ConnectorDataStore", "Escrows", "Watermark", "QuarantineState", "Full", "ForceDeletes"}
)
_DEFAULT_RESET_SCOPES = frozenset({"QuarantineState", "Watermark", "Escrows"})


def _find_principal(request: GraphRequest, key: str) -> Document:
    return find(request.directory, SERVICE_PRINCIPALS, key)


def _response(request: GraphRequest, key: str, path: str, body: Document, status: int = 200) -> GraphResponse:
    context = f"{request.root}/$metadata#servicePrincipals('{key}')/synchronization/{path}"
    return GraphResponse(status, {"@odata.context": context, **body})


def _resource_not_found(key: str) -> GraphError:
    return GraphError(404, "NotFound", f"Resource '{key}' was not found.")


# Templates.


def list_templates(request: GraphRequest, key: str) -> GraphResponse:
    """``GET .../synchronization/templates``."""
    templates = _templates(request, _find_principal(request, key)["appId"])
    return _response(request, key, "templates", {"value": templates})


def list_application_templates(request: GraphRequest, key: str) -> GraphResponse:
    """``GET /applications/{id}/synchronization/templates``."""
    templates = _templates(request, find(request.directory, APPLICATIONS, key)["appId"])
    context = f"{request.root}/$metadata#applications('{key}')/synchronization/templates"
    return GraphResponse(200, {"@odata.context": context, "value": templates})


def _templates(request: GraphRequest, app_id: str) -> list[Document]:
    application = application_of(request.directory, app_id)
    return provisioning.templates(application) if application else []


def read_template(request: GraphRequest, key: str, template_id: str) -> GraphResponse:
    """``GET .../synchronization/templates/{id}``."""
    for template in _templates(request, _find_principal(request, key)["appId"]):
        if template["id"] == template_id:
            return _response(request, key, "templates/$entity", template)
    raise _resource_not_found(template_id)


# Jobs.


def list_jobs(request: GraphRequest, key: str) -> GraphResponse:
    """``GET .../synchronization/jobs``. Also starts overdue cycles, as Entra's timer would."""
    principal_id = _find_principal(request, key)["id"]
    candidates = request.directory.containing("synchronizationJob", principal_id)
    jobs = [job for job in candidates if job["_servicePrincipalId"] == principal_id]
    request.scheduler.start_overdue(jobs)
    return _response(request, key, "jobs", {"value": [public(job) for job in jobs]})


def _find_job(request: GraphRequest, key: str, job_id: str) -> Document:
    principal = _find_principal(request, key)
    job = request.directory.get("synchronizationJob", job_id)
    if job is None or job["_servicePrincipalId"] != principal["id"]:
        raise _resource_not_found(job_id)
    return job


def create_job(request: GraphRequest, key: str) -> GraphResponse:
    """``POST .../synchronization/jobs {"templateId": ...}``.

    The reference's text has 201 and its example 200; the sandbox responds with 201. A second job of one template gets a
    suffix: Microsoft documents neither the format of job ids nor a limit; unverified.
    """
    principal = _find_principal(request, key)
    template_id = request.json_object().get("templateId")
    if template_id not in [template["id"] for template in _templates(request, principal["appId"])]:
        raise bad_request(
            f"The template '{template_id}' is not valid for this service principal.", "InvalidTemplate"
        )
    job_id = f"{template_id}.{request.tenant_id.replace('-', '')}.{principal['appId']}"
    if request.directory.get("synchronizationJob", job_id) is not None:
        job_id = f"{job_id}.{new_id()}"
    job = provisioning.new_job(job_id, str(template_id), principal["id"])
    _put_job(request, job)
    request.directory.put("synchronizationSchema", job_id, provisioning.default_schema(job_id))
    location = f"{request.root}/servicePrincipals/{principal['id']}/synchronization/jobs/{job_id}"
    response = _response(request, key, "jobs/$entity", public(job), 201)
    return replace(response, headers={"Location": location})


def read_job(request: GraphRequest, key: str, job_id: str) -> GraphResponse:
    """``GET .../synchronization/jobs/{id}``. Also starts the job's cycle if it is overdue, as Entra's timer would."""
    job = _find_job(request, key, job_id)
    request.scheduler.start_overdue([job])
    return _response(request, key, "jobs/$entity", public(job))


def update_job(request: GraphRequest, key: str, job_id: str) -> GraphResponse:
    """``PATCH .../synchronization/jobs/{id}``: only synchronizationJobSettings is writable."""
    job = _find_job(request, key, job_id)
    body = {name: value for name, value in request.json_object().items() if "@" not in name}
    read_only = set(body) - {"synchronizationJobSettings"}
    if read_only:
        raise bad_request(f"Property '{min(read_only)}' is read-only and cannot be set.")
    _put_job(request, {**job, **body})
    return NO_CONTENT


def delete_job(request: GraphRequest, key: str, job_id: str) -> GraphResponse:
    """``DELETE .../synchronization/jobs/{id}``: the job, its state and its schema."""
    job = _find_job(request, key, job_id)
    request.directory.delete("synchronizationJob", job["id"])
    request.directory.delete("synchronizationSchema", job["id"])
    return NO_CONTENT


def _put_job(request: GraphRequest, job: Document) -> None:
    request.directory.put("synchronizationJob", job["id"], job)


def _with_state(job: Document, schedule_state: str, status_code: str) -> Document:
    return {
        **job,
        "schedule": {**job["schedule"], "state": schedule_state},
        "status": {**job["status"], "code": status_code},
    }


def start_job(request: GraphRequest, key: str, job_id: str) -> GraphResponse:
    """``POST .../start``: the schedule becomes active, and a cycle runs in the background.

    A quarantined job stays in quarantine until a cycle succeeds.
    """
    return _start(request, _find_job(request, key, job_id))


def _start(request: GraphRequest, job: Document) -> GraphResponse:
    code = "Quarantine" if job["status"]["quarantine"] else "Active"
    _put_job(request, _with_state(job, "Active", code))
    request.scheduler.start(job["id"])
    return NO_CONTENT


def pause_job(request: GraphRequest, key: str, job_id: str) -> GraphResponse:
    """``POST .../pause``: the job keeps its state, and the next start continues from it."""
    _put_job(request, _with_state(_find_job(request, key, job_id), "Paused", "Paused"))
    return NO_CONTENT


def restart_job(request: GraphRequest, key: str, job_id: str) -> GraphResponse:
    """``POST .../restart``: clears the state that ``criteria.resetScope`` names, then starts the job.

    An empty scope is "Restart provisioning" in the portal: quarantine, watermark and escrows
    (synchronizationJobRestartCriteria resource).
    """
    job = _find_job(request, key, job_id)
    criteria = (request.body or {}).get("criteria") or {}
    return _start(request, _reset(job, _parse_reset_scopes(criteria.get("resetScope"))))


def _parse_reset_scopes(text: Any) -> frozenset[str]:
    scopes = frozenset(part.strip() for part in str(text or "").split(",") if part.strip())
    if scopes - _RESET_SCOPES:
        raise bad_request(f"Requested value '{text}' was not found.", "BadRequest")
    return scopes or _DEFAULT_RESET_SCOPES


_JOB_STATE = {"Watermark": "_watermark", "Escrows": "_escrows", "ConnectorDataStore": "_links"}
"""Private members of a job (see ``provisioning.job``), by the reset scope that clears them."""


def _reset(job: Document, scopes: frozenset[str]) -> Document:
    """A job without the state that the scopes name. Any reset also ends a simulated hang (``_stalled``).

    ForceDeletes allows the next cycle the pending deletions, which the accidental deletion threshold holds back. ``Full`` is
    "all of the options". That it does not include ForceDeletes is the sandbox's cautious interpretation.
    """
    full = "Full" in scopes
    cleared = [member for scope, member in _JOB_STATE.items() if full or scope in scopes]
    status = dict(job["status"])
    if full or "QuarantineState" in scopes:
        status |= {"quarantine": None, "countSuccessiveCompleteFailures": 0}
    force_deletes = {"_forceDeletes": True} if "ForceDeletes" in scopes else {}
    return _without(job, *cleared, "_stalled") | {"status": status, **force_deletes}


def _without(job: Document, *members: str) -> Document:
    return {name: value for name, value in job.items() if name not in members}


# Schema.


def read_schema(request: GraphRequest, key: str, job_id: str) -> GraphResponse:
    """``GET .../jobs/{id}/schema``."""
    job = _find_job(request, key, job_id)
    schema = request.directory.get("synchronizationSchema", job["id"])
    if schema is None:
        raise _resource_not_found(job_id)
    return _response(request, key, f"jobs('{job_id}')/schema/$entity", public(schema))


def replace_schema(request: GraphRequest, key: str, job_id: str) -> GraphResponse:
    """``PUT .../jobs/{id}/schema``: replaces the whole schema; the next cycle is an initial one."""
    job = _find_job(request, key, job_id)
    body = request.json_object()
    problems = provisioning.schema_problems(body)
    if problems:
        raise bad_request("The synchronization schema is invalid: " + "; ".join(problems), "InvalidSchema")
    _put_schema(request, job, body)
    return NO_CONTENT


def reset_schema(request: GraphRequest, key: str, job_id: str) -> GraphResponse:
    """``DELETE .../jobs/{id}/schema``: restores the template's schema."""
    job = _find_job(request, key, job_id)
    _put_schema(request, job, provisioning.default_schema(job["id"]))
    return NO_CONTENT


def _put_schema(request: GraphRequest, job: Document, schema: Document) -> None:
    before = request.directory.get("synchronizationSchema", job["id"]) or {}
    after = {name: value for name, value in schema.items() if "@odata.context" not in name}
    after |= {"id": job["id"], "version": _next_version(before.get("version"))}
    request.directory.put("synchronizationSchema", job["id"], after)
    _put_job(request, _without(job, _JOB_STATE["Watermark"]))


def _next_version(current: Any) -> str:
    """A larger number. Clients must not interpret a version."""
    digits = "".join(c for c in str(current or "") if c.isdigit())
    return str(int(digits or 0) + 1)


# Secrets and credentials.


def write_secrets(request: GraphRequest, key: str) -> GraphResponse:
    """``PUT .../synchronization/secrets``: sets values by key; an empty value deletes the key.

    Omitted keys keep their values: not in the reference, but Terraform's azuread provider relies on it.
    """
    principal = _find_principal(request, key)
    changes = _parse_pairs(request.json_object().get("value"))
    secrets = {**_secrets(request, principal["id"]), **changes}
    values = {name: value for name, value in secrets.items() if value != ""}
    request.directory.put("synchronizationSecrets", principal["id"], {"values": values})
    return NO_CONTENT


def _parse_pairs(pairs: Any) -> dict[str, str]:
    if not isinstance(pairs, list) or not all(
        isinstance(pair, dict) and isinstance(pair.get("key"), str) for pair in pairs
    ):
        raise bad_request("A collection of key and value pairs is expected.", "BadRequest")
    return {pair["key"]: str(pair.get("value") or "") for pair in pairs}


def _secrets(request: GraphRequest, principal_id: str) -> dict[str, str]:
    document = request.directory.get("synchronizationSecrets", principal_id) or {"values": {}}
    return dict(document["values"])


def read_secrets(request: GraphRequest, key: str) -> GraphResponse:
    """``GET .../synchronization/secrets``: secret values are shown as ``*``.

    Not in the reference; Microsoft's support articles show it and Terraform's azuread provider relies on it.
    """
    secrets = _secrets(request, _find_principal(request, key)["id"])
    pairs = [
        {"key": name, "value": "*" if name in _MASKED_SECRETS else value} for name, value in secrets.items()
    ]
    return _response(request, key, "secrets", {"value": pairs})


def validate_credentials(request: GraphRequest, key: str, job_id: str | None = None) -> GraphResponse:
    """``POST .../jobs/{id}/validateCredentials`` and ``POST .../jobs/validateCredentials``: calls the SCIM endpoint."""
    principal = _find_principal(request, key)
    if job_id is not None:
        _find_job(request, key, job_id)
    body = request.body or {}
    values = _secrets(request, principal["id"])
    if not body.get("useSavedCredentials"):
        values |= _parse_pairs(body.get("credentials") or [])
    if not values.get("BaseAddress") or not values.get("SecretToken"):
        raise bad_request("The credentials BaseAddress and SecretToken are required.", "CredentialsMissing")
    problem = provisioning.validate_credentials(values["BaseAddress"], values["SecretToken"])
    if problem:
        raise GraphError(400, problem["code"], problem["message"])
    return NO_CONTENT


def provision_on_demand(request: GraphRequest, key: str, job_id: str) -> GraphResponse:
    """``POST .../jobs/{id}/provisionOnDemand``: at most 5 requests in 10 seconds, 5 members of a group per request."""
    job = _find_job(request, key, job_id)
    status, body = provisioning.provision_on_demand(request.directory, job["id"], request.json_object())
    if status >= 400:
        raise GraphError(status, body["code"], body["message"])
    context = f"{request.root}/$metadata#microsoft.graph.stringKeyStringValuePair"
    return GraphResponse(status, {"@odata.context": context, **body})
