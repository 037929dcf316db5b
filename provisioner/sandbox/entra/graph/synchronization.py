"""Provisioning: ``/servicePrincipals/{id}/synchronization`` (Microsoft Graph v1.0, synchronization).

The engine behind it is ``provisioner.sandbox.entra.provisioning``; here are the documents and the calls.
"""

from __future__ import annotations

from typing import Any

from provisioner.sandbox.entra.graph import documents, odata
from provisioner.sandbox.entra.graph.applications import backing
from provisioner.sandbox.entra.graph.call import NO_CONTENT, Call, Reply
from provisioner.sandbox.entra.graph.entities import APPLICATIONS, SERVICE_PRINCIPALS, find
from provisioner.sandbox.entra.graph.errors import GraphError, bad_request
from provisioner.sandbox.store import Document

_MASKED = frozenset(
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
_SCOPES = frozenset(
    {"None", "ConnectorDataStore", "Escrows", "Watermark", "QuarantineState", "Full", "ForceDeletes"}
)
_DEFAULT_SCOPES = frozenset({"QuarantineState", "Watermark", "Escrows"})


def _principal(call: Call, key: str) -> Document:
    return find(call.directory, SERVICE_PRINCIPALS, key)


def _context(call: Call, key: str, rest: str) -> str:
    return f"{call.root}/$metadata#servicePrincipals('{key}')/synchronization/{rest}"


def _list(call: Call, key: str, name: str, items: list[Document]) -> Reply:
    return Reply(200, {"@odata.context": _context(call, key, name), "value": items})


# Templates.


def list_templates(call: Call, key: str) -> Reply:
    """``GET .../synchronization/templates``."""
    return _list(call, key, "templates", _templates(call, _principal(call, key)["appId"]))


def list_application_templates(call: Call, key: str) -> Reply:
    """``GET /applications/{id}/synchronization/templates``."""
    templates = _templates(call, find(call.directory, APPLICATIONS, key)["appId"])
    context = f"{call.root}/$metadata#applications('{key}')/synchronization/templates"
    return Reply(200, {"@odata.context": context, "value": templates})


def _templates(call: Call, app_id: str) -> list[Document]:
    from provisioner.sandbox.entra import provisioning  # noqa: PLC0415 (start-up time)

    application = backing(call.directory, app_id)
    return provisioning.templates(application) if application else []


def read_template(call: Call, key: str, template: str) -> Reply:
    """``GET .../synchronization/templates/{id}``."""
    found = next((t for t in _templates(call, _principal(call, key)["appId"]) if t["id"] == template), None)
    if found is None:
        raise _no_resource(template)
    return Reply(200, {"@odata.context": _context(call, key, "templates/$entity"), **found})


# Jobs.


def list_jobs(call: Call, key: str) -> Reply:
    """``GET .../synchronization/jobs``."""
    jobs = _jobs(call, _principal(call, key)["id"])
    call.cycles.catch_up(jobs)
    return _list(call, key, "jobs", [odata.public(job) for job in jobs])


def _jobs(call: Call, principal_id: str) -> list[Document]:
    candidates = call.directory.containing("synchronizationJob", principal_id)
    return [job for job in candidates if job["_servicePrincipalId"] == principal_id]


def _job(call: Call, key: str, job: str) -> Document:
    principal = _principal(call, key)
    found = call.directory.get("synchronizationJob", job)
    if found is None or found["_servicePrincipalId"] != principal["id"]:
        raise _no_resource(job)
    return found


def _no_resource(key: str) -> GraphError:
    return GraphError(404, "NotFound", f"Resource '{key}' was not found.")


def create_job(call: Call, key: str) -> Reply:
    """``POST .../synchronization/jobs {"templateId": ...}``.

    The reference's text promises 201 and its example shows 200; the sandbox answers 201. A second job of one template
    gets a suffix: Microsoft documents neither the format of job ids nor a limit; unverified.
    """
    from provisioner.sandbox.entra import provisioning  # noqa: PLC0415 (start-up time)

    principal = _principal(call, key)
    template = call.json_object().get("templateId")
    if template not in [item["id"] for item in _templates(call, principal["appId"])]:
        raise bad_request(
            f"The template '{template}' is not valid for this service principal.", "InvalidTemplate"
        )
    job_id = f"{template}.{call.tenant_id.replace('-', '')}.{principal['appId']}"
    if call.directory.get("synchronizationJob", job_id) is not None:
        job_id = f"{job_id}.{documents.new_id()}"
    job = documents.synchronization_job(job_id, str(template), principal["id"])
    call.directory.put("synchronizationJob", job_id, job)
    call.directory.put("synchronizationSchema", job_id, provisioning.default_schema(job_id))
    headers = {"Location": f"{call.root}/servicePrincipals/{principal['id']}/synchronization/jobs/{job_id}"}
    return Reply(201, {"@odata.context": _context(call, key, "jobs/$entity"), **odata.public(job)}, headers)


def read_job(call: Call, key: str, job: str) -> Reply:
    """``GET .../synchronization/jobs/{id}``."""
    found = _job(call, key, job)
    call.cycles.catch_up([found])
    return Reply(200, {"@odata.context": _context(call, key, "jobs/$entity"), **odata.public(found)})


def update_job(call: Call, key: str, job: str) -> Reply:
    """``PATCH .../synchronization/jobs/{id}``: only the settings are writable."""
    found = _job(call, key, job)
    body = {name: value for name, value in call.json_object().items() if "@" not in name}
    refused = set(body) - {"synchronizationJobSettings"}
    if refused:
        raise bad_request(f"Property '{min(refused)}' is read-only and cannot be set.")
    _put_job(call, {**found, **body})
    return NO_CONTENT


def delete_job(call: Call, key: str, job: str) -> Reply:
    """``DELETE .../synchronization/jobs/{id}``: the job, its state and its schema."""
    found = _job(call, key, job)
    call.directory.delete("synchronizationJob", found["id"])
    call.directory.delete("synchronizationSchema", found["id"])
    return NO_CONTENT


def _put_job(call: Call, job: Document) -> None:
    call.directory.put("synchronizationJob", job["id"], job)


def _switched(job: Document, schedule: str, code: str, **status: Any) -> Document:
    return {
        **job,
        "schedule": {**job["schedule"], "state": schedule},
        "status": {**job["status"], "code": code, **status},
    }


def start_job(call: Call, key: str, job: str) -> Reply:
    """``POST .../start``: the schedule becomes active and a cycle runs at once, in the background.

    Starting a quarantined job leaves it in quarantine until a cycle succeeds.
    """
    found = _job(call, key, job)
    code = "Quarantine" if found["status"]["quarantine"] else "Active"
    _put_job(call, _switched(found, "Active", code))
    call.cycles.start(found["id"])
    return NO_CONTENT


def pause_job(call: Call, key: str, job: str) -> Reply:
    """``POST .../pause``: state is kept; the next start goes on from there."""
    _put_job(call, _switched(_job(call, key, job), "Paused", "Paused"))
    return NO_CONTENT


def restart_job(call: Call, key: str, job: str) -> Reply:
    """``POST .../restart``: clears what ``criteria.resetScope`` names, then works as start does.

    An empty scope is "Restart provisioning" of the portal: quarantine, watermark and escrows
    (synchronizationJobRestartCriteria resource).
    """
    found = _job(call, key, job)
    reset = _reset(found, _reset_scopes((call.body or {}).get("criteria") or {}))
    code = "Quarantine" if reset["status"]["quarantine"] else "Active"
    _put_job(call, _switched(reset, "Active", code))
    call.cycles.start(found["id"])
    return NO_CONTENT


def _reset_scopes(criteria: Document) -> frozenset[str]:
    text = criteria.get("resetScope")
    scopes = frozenset(part.strip() for part in str(text or "").split(",") if part.strip())
    if scopes - _SCOPES:
        raise bad_request(f"Requested value '{text}' was not found.", "BadRequest")
    return scopes or _DEFAULT_SCOPES


# What the provisioning engine keeps in a job's document, by the reset scope that clears it.
_ENGINE_STATE = {"Watermark": "_watermark", "Escrows": "_escrows", "ConnectorDataStore": "_links"}


def _reset(job: Document, scopes: frozenset[str]) -> Document:
    """A job without the state that the scopes name.

    ``Full`` is "all of the options"; that it does not include ForceDeletes, which lets pending deletions through, is
    the sandbox's cautious reading.
    """
    full = "Full" in scopes
    dropped = [member for scope, member in _ENGINE_STATE.items() if full or scope in scopes]
    dropped.append("_stalled")
    status = dict(job["status"])
    if full or "QuarantineState" in scopes:
        status |= {"quarantine": None, "countSuccessiveCompleteFailures": 0}
    force = {"_forceDeletes": True} if "ForceDeletes" in scopes else {}
    return {name: value for name, value in job.items() if name not in dropped} | {"status": status, **force}


# Schema.


def read_schema(call: Call, key: str, job: str) -> Reply:
    """``GET .../jobs/{id}/schema``."""
    found = call.directory.get("synchronizationSchema", _job(call, key, job)["id"])
    if found is None:
        raise _no_resource(job)
    return Reply(
        200, {"@odata.context": _context(call, key, f"jobs('{job}')/schema/$entity"), **odata.public(found)}
    )


def replace_schema(call: Call, key: str, job: str) -> Reply:
    """``PUT .../jobs/{id}/schema``: replaces all of it; the next cycle is an initial one."""
    from provisioner.sandbox.entra import provisioning  # noqa: PLC0415 (start-up time)

    found = _job(call, key, job)
    body = call.json_object()
    problems = provisioning.schema_problems(body)
    if problems:
        raise bad_request("The synchronization schema is invalid: " + "; ".join(problems), "InvalidSchema")
    _store_schema(call, found, body)
    return NO_CONTENT


def reset_schema(call: Call, key: str, job: str) -> Reply:
    """``DELETE .../jobs/{id}/schema``: back to the template's."""
    from provisioner.sandbox.entra import provisioning  # noqa: PLC0415 (start-up time)

    found = _job(call, key, job)
    _store_schema(call, found, provisioning.default_schema(found["id"]))
    return NO_CONTENT


def _store_schema(call: Call, job: Document, schema: Document) -> None:
    stored = call.directory.get("synchronizationSchema", job["id"]) or {}
    kept = {name: value for name, value in schema.items() if "@odata.context" not in name}
    renewed = {**kept, "id": job["id"], "version": _next_version(stored.get("version"))}
    call.directory.put("synchronizationSchema", job["id"], renewed)
    _put_job(call, _reset(job, frozenset({"Watermark"})))


def _next_version(current: Any) -> str:
    """Versions are opaque to clients; the sandbox counts."""
    digits = "".join(c for c in str(current or "") if c.isdigit())
    return str(int(digits or 0) + 1)


# Secrets and credentials.


def write_secrets(call: Call, key: str) -> Reply:
    """``PUT .../synchronization/secrets``: per key; an empty value deletes the key.

    That keys left out stay as they were is how Terraform's azuread provider uses the call; not in the reference.
    """
    principal = _principal(call, key)
    given = _credentials(call.json_object().get("value"))
    values = {**_secrets(call, principal["id"]), **given}
    kept = {name: value for name, value in values.items() if value != ""}
    call.directory.put("synchronizationSecrets", principal["id"], {"values": kept})
    return NO_CONTENT


def _credentials(pairs: Any) -> dict[str, str]:
    if not isinstance(pairs, list) or not all(
        isinstance(p, dict) and isinstance(p.get("key"), str) for p in pairs
    ):
        raise bad_request("A collection of key and value pairs is expected.", "BadRequest")
    return {pair["key"]: str(pair.get("value") or "") for pair in pairs}


def _secrets(call: Call, principal_id: str) -> dict[str, str]:
    stored = call.directory.get("synchronizationSecrets", principal_id) or {"values": {}}
    return dict(stored["values"])


def read_secrets(call: Call, key: str) -> Reply:
    """``GET .../synchronization/secrets``: secret values come back as ``*``.

    Not in the reference; Microsoft's support articles show it and Terraform's azuread provider relies on it.
    """
    values = _secrets(call, _principal(call, key)["id"])
    pairs = [{"key": name, "value": "*" if name in _MASKED else value} for name, value in values.items()]
    return _list(call, key, "secrets", pairs)


def validate_credentials(call: Call, key: str, job: str | None = None) -> Reply:
    """``POST .../jobs/{id}/validateCredentials`` and ``POST .../jobs/validateCredentials``: tries the SCIM endpoint."""
    from provisioner.sandbox.entra import provisioning  # noqa: PLC0415 (start-up time)

    principal = _principal(call, key)
    if job is not None:
        _job(call, key, job)
    body = call.body or {}
    saved = _secrets(call, principal["id"])
    values = (
        saved if body.get("useSavedCredentials") else {**saved, **_credentials(body.get("credentials") or [])}
    )
    if not values.get("BaseAddress") or not values.get("SecretToken"):
        raise bad_request("The credentials BaseAddress and SecretToken are required.", "CredentialsMissing")
    problem = provisioning.validate_credentials(values["BaseAddress"], values["SecretToken"])
    if problem:
        raise GraphError(400, problem["code"], problem["message"])
    return NO_CONTENT


def provision_on_demand(call: Call, key: str, job: str) -> Reply:
    """``POST .../jobs/{id}/provisionOnDemand``: at most 5 requests in 10 seconds, 5 members of a group per request."""
    from provisioner.sandbox.entra import provisioning  # noqa: PLC0415 (start-up time)

    found = _job(call, key, job)
    status, answer = provisioning.provision_on_demand(call.directory, found["id"], call.json_object())
    if status >= 400:
        raise GraphError(status, answer["code"], answer["message"])
    context = f"{call.root}/$metadata#microsoft.graph.stringKeyStringValuePair"
    return Reply(status, {"@odata.context": context, **answer})
