"""From what a tenant has to the keys of a playbook that leaves it as it is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from provisioner.core.errors import PermissionDeniedError
from provisioner.core.snapshot import Snapshot
from provisioner.providers import kiro
from provisioner.providers.base.export import (
    DOMAINS,
    Candidate,
    Draft,
    VariableReference,
    in_order,
    owner_in,
    ports,
    principal_entry,
)
from provisioner.providers.base.playbook_models import https_url

from . import permissions
from . import resources as kinds
from .playbook import ApplicationSection, ConnectionSection, DirectoryEntry, EntraPlaybook, ScimSection
from .resources import Json

SECTIONS: Final = {
    permissions.READ_PROVISIONING.any_of: "scim",
    permissions.READ_GROUPS.any_of: "groups",
    permissions.READ_USERS.any_of: "users",
}
"""What a playbook does without when a permission is missing, by the permissions of which any one would do."""

_OF_THE_TEMPLATE: Final = "user_impersonation"
"""The scope of whatever was made from the non-gallery template."""
_LONGEST: Final = 120


@dataclass(frozen=True)
class Found:
    """What was found of an integration.

    Attributes:
        snapshot: read with a playbook that adopts the application.
        refused: what the credentials may not read.
        sign_in_names: user principal names by object id.
    """

    candidate: Candidate
    snapshot: Snapshot
    refused: tuple[PermissionDeniedError, ...] = ()
    sign_in_names: Mapping[str, str | None] | None = None


def candidate(data: Json) -> Candidate:
    """From a Graph application."""
    return Candidate(
        id=data["id"],
        client_id=data["appId"],
        name=str(data.get("displayName") or data["appId"]),
        created=data.get("createdDateTime"),
        owner=owner_in(data.get("uniqueName")),
    )


def is_kiros(data: Json) -> bool:
    """Whether a Graph application looks as if Kiro's users signed in with it."""
    api, public = data.get("api") or {}, data.get("publicClient") or {}
    scopes = {str(scope.get("value")) for scope in api.get("oauth2PermissionScopes") or ()}
    uris = map(str, public.get("redirectUris") or ())
    marked = owner_in(data.get("uniqueName")) is not None
    return marked or not scopes.isdisjoint(kiro.SCOPES) or any(uri.startswith("kiro:") for uri in uris)


def provisional(connection: ConnectionSection, found: Candidate, name: str) -> EntraPlaybook:
    """A playbook that has everything read that may belong to an application."""
    return EntraPlaybook(
        version=1,
        name=name,
        provider="entra",
        connection=connection,
        application=ApplicationSection(client_id=found.client_id),
        scim=ScimSection(),
        groups=(),
        users=(),
    )


def drafted(playbook: EntraPlaybook, found: Found) -> Draft:
    """The draft of a playbook.

    Args:
        playbook: with which everything was read.
        found: what was.
    """
    application = found.snapshot.require(kinds.Application, playbook.name)
    scim = _scim(playbook, found.snapshot)
    groups, users = _assigned(playbook, found)
    whole = EntraPlaybook(
        version=1,
        name=playbook.name,
        provider="entra",
        connection=playbook.connection,
        application=_application(playbook, application, found),
        scim=scim,
        groups=groups or None,
        users=users or None,
    )
    keys = whole.model_dump(exclude_defaults=True)
    if scim is not None:
        keys["scim"] |= _credentials(playbook, found.snapshot)
    return Draft(
        keys=keys,
        comments=dict(_remarks(keys, found)),
        omitted=dict(_absent(keys, found)),
        inexpressible=(*_left_alone(application, whole), *_left_in_job(playbook, found.snapshot)),
        unread=tuple(_unread(found)),
    )


def _application(playbook: EntraPlaybook, application: kinds.Application, found: Found) -> ApplicationSection:
    there = found.snapshot.get(kinds.ServicePrincipal, playbook.name)
    scopes = _scopes(application)
    consent = found.snapshot.get(kinds.Consent, playbook.name)
    named = application.display_name or ""
    return ApplicationSection(
        display_name=named if named.strip() and named != playbook.name and len(named) <= _LONGEST else None,
        client_id=None if found.candidate.owner else found.candidate.client_id,
        scopes=scopes,
        loopback_ports=ports(application.redirect_uris or (), kiro.LOOPBACK_PORTS),
        assignment_required=there is None or there.assignment_required is not False,
        admin_consent=consent is not None and set(scopes) <= set(consent.scopes or ()),
    )


def _scopes(application: kinds.Application) -> tuple[str, ...]:
    """Kiro's, and those that this product made; others are left alone by apply."""
    found = [scope for scope in application.scopes or () if scope.value in kiro.SCOPES or scope.owned]
    return in_order(tuple(dict.fromkeys(scope.value for scope in found)), kiro.SCOPES)


def _assigned(
    playbook: EntraPlaybook, found: Found
) -> tuple[tuple[DirectoryEntry, ...], tuple[DirectoryEntry, ...]]:
    """Groups and users that are assigned; nothing where they may not be looked up."""
    snapshot, names = found.snapshot, found.sign_in_names or {}
    ids: dict[str, str] = {one.key: one.id or "" for one in snapshot.all(kinds.Group)}
    logins: dict[str, str] = {one.key: one.id or "" for one in snapshot.all(kinds.User)}
    groups = (
        principal_entry(DirectoryEntry, one.principal_name, str(one.principal), ids)
        for one in snapshot.all(kinds.GroupAssignment)
        if playbook.groups is not None
    )
    users = (
        principal_entry(DirectoryEntry, names.get(str(one.principal)), str(one.principal), logins)
        for one in snapshot.all(kinds.UserAssignment)
        if playbook.users is not None
    )
    return _by_name(groups), _by_name(users)


def _by_name(keys: Iterable[DirectoryEntry]) -> tuple[DirectoryEntry, ...]:
    """Each once: a principal may be assigned with several roles."""
    return tuple(sorted(dict.fromkeys(keys), key=lambda one: one.key.casefold()))


def _scim(playbook: EntraPlaybook, snapshot: Snapshot) -> ScimSection | None:
    """The keys that a playbook needs for the provisioning there is; None where there is none, or it cannot be read."""
    job = snapshot.get(kinds.ProvisioningJob, playbook.name)
    if job is None or snapshot.gap_for(kinds.ProvisioningSecrets.kind):
        return None
    secrets = snapshot.get(kinds.ProvisioningSecrets, playbook.name)
    mapping = snapshot.get(kinds.AttributeMapping, playbook.name)
    minimal = mapping is not None and not (mapping.other or mapping.missing)
    threshold = (secrets and secrets.delete_threshold) or None
    notified = (secrets and secrets.recipients) or None
    synced = all(one.provisioned for one in snapshot.all(kinds.FirstSync))
    return ScimSection.model_validate(
        {
            "mapping": "minimal" if minimal else "guide",
            "on_demand": synced,
            "notify": notified,
            **({"delete_threshold": threshold} if threshold else {}),
        }
    )


def _credentials(playbook: EntraPlaybook, snapshot: Snapshot) -> dict[str, Any]:
    """Endpoint and token, in the order of the model; a variable where the value is a secret or may hold one."""
    secrets = snapshot.get(kinds.ProvisioningSecrets, playbook.name)
    endpoint = secrets.endpoint if secrets else None
    written = endpoint if endpoint and _presentable(endpoint) else VariableReference("KIRO_SCIM_ENDPOINT")
    return {"endpoint": written, "token": VariableReference("KIRO_SCIM_TOKEN")}


def _presentable(endpoint: str) -> bool:
    """Whether an endpoint fits into a playbook, and cannot hold a secret."""
    try:
        parts = urlsplit(https_url(endpoint))
    except ValueError:
        return False
    return not (parts.query or parts.fragment)


def _remarks(keys: dict[str, Any], found: Found) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if found.candidate.owner:
        yield ("name",), "as the marker on the application says; do not change it"
    else:
        yield ("name",), "would mark the application; do not change it later"
        yield ("application", "client_id"), "adopts it: it does not carry this playbook's marker"
    yield ("scim", "token"), "Graph does not give it back; set the variable to have it written"
    if isinstance(keys.get("scim", {}).get("endpoint"), VariableReference):
        yield ("scim", "endpoint"), "from the Kiro console"
    told = {str(one.principal): one.principal_name for one in found.snapshot.all(kinds.Assignment)}
    for section in ("groups", "users"):
        for number, entry in enumerate(keys.get(section, ())):
            if name := told.get(entry.get("id", "")):
                yield (section, number, "id"), name


def _absent(keys: dict[str, Any], found: Found) -> Iterator[tuple[str, tuple[str, ...]]]:
    refused = {SECTIONS[error.permissions] for error in found.refused}
    if (
        "scim" not in keys
        and "scim" not in refused
        and not found.snapshot.gap_for(kinds.ProvisioningSecrets.kind)
    ):
        yield (
            "scim",
            ("Provisioning is not set up. To let apply do it:", "scim:", "  token: ${KIRO_SCIM_TOKEN}"),
        )
    for section in ("groups", "users"):
        if section not in keys and section not in refused:
            yield section, (f"No {section} are assigned. To have it stay so:", f"{section}: []")
    yield "domains", DOMAINS


def _left_alone(application: kinds.Application, whole: EntraPlaybook) -> Iterator[str]:
    kinds_ = [credential.kind for credential in application.credentials]
    for kind in dict.fromkeys(kinds_):
        yield f"{kinds_.count(kind)} {kind}(s) of the application: Kiro's clients need none"
    for uri in application.other_identifier_uris or ():
        yield f"the identifier URI {uri}"
    for scope in application.scopes or ():
        if scope.value not in (*whole.application.scopes, _OF_THE_TEMPLATE):
            yield f"the scope {scope.value}"
    for platform, uris in (("Web", application.web_redirect_uris), ("SPA", application.spa_redirect_uris)):
        for uri in uris or ():
            yield f"the redirect URI {uri} of the platform {platform}"
    if application.disabled:
        yield "that the application is deactivated for sign-in everywhere"


def _left_in_job(playbook: EntraPlaybook, snapshot: Snapshot) -> Iterator[str]:
    for job in snapshot.all(kinds.ProvisioningJob):
        if job.key != playbook.name:
            yield f"the second provisioning job {job.id}"
    consent = snapshot.get(kinds.Consent, playbook.name)
    if consent and not set(_scopes(snapshot.require(kinds.Application, playbook.name))) <= set(
        consent.scopes or ()
    ):
        yield f"the admin consent to {' '.join(consent.scopes or ()) or 'nothing'}"


def _unread(found: Found) -> Iterator[str]:
    for error in found.refused:
        yield f"{SECTIONS[error.permissions]}: needs {' or '.join(error.permissions)}"
    sections = {kinds.ProvisioningSecrets.kind: "scim", kinds.Consent.kind: "application: admin_consent"}
    for gap in found.snapshot.gaps:
        if gap.kind in sections:
            needs = f"needs {' or '.join(gap.permissions)}" if gap.permissions else gap.reason
            yield f"{sections[gap.kind]}: {needs}"
