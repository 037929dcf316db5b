"""From an existing integration to the keys of a playbook that leaves it unchanged. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from provisioner.core.errors import PermissionDeniedError
from provisioner.core.snapshot import Snapshot
from provisioner.providers import kiro
from provisioner.providers.base.export import (
    DOMAINS_COMMENT,
    Candidate,
    Draft,
    VariableReference,
    default_order,
    loopback_ports,
    marker_owner,
    principal_entry,
    usable_name,
)
from provisioner.providers.base.playbook_models import https_url
from provisioner.providers.base.wire import Json

from . import permissions
from . import resources as kinds
from .playbook import ApplicationSection, ConnectionSection, DirectoryEntry, EntraPlaybook, ScimSection

SECTIONS: Final = {
    permissions.READ_PROVISIONING.any_of: "scim",
    permissions.READ_GROUPS.any_of: "groups",
    permissions.READ_USERS.any_of: "users",
}
"""The section that a playbook omits when a permission is missing."""

_GAP_KEYS: Final = {
    kinds.ProvisioningSecrets.kind: "scim",
    kinds.AdminConsent.kind: "application: admin_consent",
}
"""The playbook key that is not exported when a kind could not be read."""

_TEMPLATE_SCOPE: Final = "user_impersonation"
"""The scope of every application that is created from the non-gallery template."""


@dataclass(frozen=True)
class Integration:
    """What exists in the tenant.

    Attributes:
        candidate: the application.
        snapshot: read with a playbook that adopts the application.
        refused: what the credentials may not read.
        sign_in_names: user principal names, by object id.
    """

    candidate: Candidate
    snapshot: Snapshot
    refused: tuple[PermissionDeniedError, ...] = ()
    sign_in_names: Mapping[str, str | None] = field(default_factory=dict)


def parse_candidate(data: Json) -> Candidate:
    """A candidate, from a Graph application."""
    return Candidate(
        id=data["id"],
        client_id=data["appId"],
        name=str(data.get("displayName") or data["appId"]),
        created=data.get("createdDateTime"),
        owner=marker_owner(data.get("uniqueName")),
    )


def is_for_kiro(data: Json) -> bool:
    """Whether a Graph application carries a marker, or has a scope or redirect URI of Kiro."""
    api, public_client = data.get("api") or {}, data.get("publicClient") or {}
    scopes = {str(scope.get("value")) for scope in api.get("oauth2PermissionScopes") or ()}
    uris = map(str, public_client.get("redirectUris") or ())
    marked = marker_owner(data.get("uniqueName")) is not None
    return marked or not scopes.isdisjoint(kiro.SCOPES) or any(uri.startswith("kiro:") for uri in uris)


def adopting_playbook(connection: ConnectionSection, candidate: Candidate, name: str) -> EntraPlaybook:
    """A playbook that reads everything that may belong to an application."""
    return EntraPlaybook(
        version=1,
        name=name,
        provider="entra",
        connection=connection,
        application=ApplicationSection(client_id=candidate.client_id),
        scim=ScimSection(),
        groups=(),
        users=(),
    )


def draft_playbook(playbook: EntraPlaybook, integration: Integration) -> Draft:
    """The draft of a playbook that leaves an integration unchanged.

    Args:
        playbook: the playbook with which the integration was read.
        integration: the integration.
    """
    snapshot = integration.snapshot
    application = snapshot.require(kinds.Application, playbook.name)
    scim = _scim(playbook, snapshot)
    exported = EntraPlaybook(
        version=1,
        name=playbook.name,
        provider="entra",
        connection=playbook.connection,
        application=_application(playbook, application, integration),
        scim=scim,
        groups=_groups(playbook, snapshot) or None,
        users=_users(playbook, integration) or None,
    )
    keys = exported.model_dump(exclude_defaults=True)
    if scim is not None:
        keys["scim"] |= _credentials(playbook, snapshot)
    return Draft(
        keys=keys,
        comments=dict(_comments(keys, integration)),
        omitted=dict(_omitted(keys, integration)),
        inexpressible=(
            *_inexpressible_in_application(application, exported),
            *_other_jobs(playbook, snapshot),
            *_partial_consent(playbook, application, snapshot),
        ),
        unread=tuple(_unread(integration)),
    )


def _application(
    playbook: EntraPlaybook, application: kinds.Application, integration: Integration
) -> ApplicationSection:
    principal = integration.snapshot.get(kinds.ServicePrincipal, playbook.name)
    consent = integration.snapshot.get(kinds.AdminConsent, playbook.name)
    scopes = _scopes(application)
    is_default_name = application.display_name == playbook.name
    return ApplicationSection(
        display_name=None if is_default_name else usable_name(application.display_name),
        client_id=None if integration.candidate.owner else integration.candidate.client_id,
        scopes=scopes,
        loopback_ports=loopback_ports(application.redirect_uris or (), kiro.LOOPBACK_PORTS),
        assignment_required=principal is None or principal.assignment_required is not False,
        admin_consent=consent is not None and set(scopes) <= set(consent.scopes or ()),
    )


def _scopes(application: kinds.Application) -> tuple[str, ...]:
    """Kiro's scopes and those that this product created; apply does not change the others."""
    managed = [scope for scope in application.scopes or () if scope.value in kiro.SCOPES or scope.owned]
    return default_order(tuple(dict.fromkeys(scope.value for scope in managed)), kiro.SCOPES)


def _groups(playbook: EntraPlaybook, snapshot: Snapshot) -> tuple[DirectoryEntry, ...]:
    """The assigned groups; none if the credentials may not look them up."""
    if playbook.groups is None:
        return ()
    ids = {group.key: group.id or "" for group in snapshot.all(kinds.Group)}
    return _sorted(
        principal_entry(DirectoryEntry, assignment.principal_name, str(assignment.principal), ids)
        for assignment in snapshot.all(kinds.GroupAssignment)
    )


def _users(playbook: EntraPlaybook, integration: Integration) -> tuple[DirectoryEntry, ...]:
    """The directly assigned users; none if the credentials may not look them up."""
    if playbook.users is None:
        return ()
    ids = {user.key: user.id or "" for user in integration.snapshot.all(kinds.User)}
    assigned = [str(assignment.principal) for assignment in integration.snapshot.all(kinds.UserAssignment)]
    return _sorted(
        principal_entry(DirectoryEntry, integration.sign_in_names.get(object_id), object_id, ids)
        for object_id in assigned
    )


def _sorted(entries: Iterable[DirectoryEntry]) -> tuple[DirectoryEntry, ...]:
    """Each entry once, although a principal may be assigned with several roles."""
    return tuple(sorted(dict.fromkeys(entries), key=lambda entry: entry.key.casefold()))


def _scim(playbook: EntraPlaybook, snapshot: Snapshot) -> ScimSection | None:
    """The section for the existing provisioning; None if there is none, or it cannot be read."""
    job = snapshot.get(kinds.ProvisioningJob, playbook.name)
    if job is None or snapshot.gap_for(kinds.ProvisioningSecrets.kind):
        return None
    secrets = snapshot.get(kinds.ProvisioningSecrets, playbook.name)
    mapping = snapshot.get(kinds.AttributeMapping, playbook.name)
    is_minimal = mapping is not None and not (mapping.other or mapping.missing)
    threshold = secrets.delete_threshold if secrets else None
    return ScimSection.model_validate(
        {
            "mapping": "minimal" if is_minimal else "guide",
            "on_demand": all(group.provisioned for group in snapshot.all(kinds.ProvisionOnDemand)),
            "notify": (secrets.notify if secrets else None) or None,
            **({"delete_threshold": threshold} if threshold else {}),
        }
    )


def _credentials(playbook: EntraPlaybook, snapshot: Snapshot) -> dict[str, Any]:
    """Endpoint and token, in the order of the model; a variable where the value is, or may contain, a secret."""
    secrets = snapshot.get(kinds.ProvisioningSecrets, playbook.name)
    endpoint = secrets.endpoint if secrets else None
    return {
        "endpoint": endpoint if _can_be_written(endpoint) else VariableReference("KIRO_SCIM_ENDPOINT"),
        "token": VariableReference("KIRO_SCIM_TOKEN"),
    }


def _can_be_written(endpoint: str | None) -> bool:
    """Whether a playbook accepts an endpoint, and it cannot contain a secret."""
    try:
        parts = urlsplit(https_url(endpoint or ""))
    except ValueError:
        return False
    return not (parts.query or parts.fragment)


def _comments(keys: dict[str, Any], integration: Integration) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if integration.candidate.owner:
        yield ("name",), "from the marker on the application; do not change it"
    else:
        yield ("name",), "apply would mark the application with it; do not change it later"
        yield (
            ("application", "client_id"),
            "adopts the application, which does not carry this playbook's marker",
        )
    yield ("scim", "token"), "Graph does not return it; set the variable to have it written"
    if isinstance(keys.get("scim", {}).get("endpoint"), VariableReference):
        yield ("scim", "endpoint"), "from the Kiro console"
    assignments = integration.snapshot.all(kinds.Assignment)
    names = {str(assignment.principal): assignment.principal_name for assignment in assignments}
    for section in ("groups", "users"):
        for number, entry in enumerate(keys.get(section, ())):
            if name := names.get(entry.get("id", "")):
                yield (section, number, "id"), name


def _omitted(keys: dict[str, Any], integration: Integration) -> Iterator[tuple[str, tuple[str, ...]]]:
    unknown = {SECTIONS[error.permissions] for error in integration.refused}
    if integration.snapshot.gap_for(kinds.ProvisioningSecrets.kind):
        unknown.add("scim")
    if "scim" not in keys and "scim" not in unknown:
        yield (
            "scim",
            ("Provisioning is not set up. To have apply set it up:", "scim:", "  token: ${KIRO_SCIM_TOKEN}"),
        )
    for section in ("groups", "users"):
        if section not in keys and section not in unknown:
            yield (
                section,
                (f"No {section} are assigned. To have apply remove new assignments:", f"{section}: []"),
            )
    yield "domains", DOMAINS_COMMENT


def _inexpressible_in_application(application: kinds.Application, exported: EntraPlaybook) -> Iterator[str]:
    credentials = Counter(
        secret=len(application.password_credentials), certificate=len(application.key_credentials)
    )
    for noun, count in credentials.items():
        if count:
            yield f"{count} {noun}{'s' if count > 1 else ''} of the application: Kiro's clients need none"
    for uri in application.other_identifier_uris or ():
        yield f"the identifier URI {uri}"
    for scope in application.scopes or ():
        if scope.value not in (*exported.application.scopes, _TEMPLATE_SCOPE):
            yield f"the scope {scope.value}"
    for platform, uris in (("Web", application.web_redirect_uris), ("SPA", application.spa_redirect_uris)):
        for uri in uris or ():
            yield f"the redirect URI {uri} of the platform {platform}"
    if application.disabled:
        yield "that the application is deactivated for sign-in everywhere"


def _other_jobs(playbook: EntraPlaybook, snapshot: Snapshot) -> Iterator[str]:
    for job in snapshot.all(kinds.ProvisioningJob):
        if job.key != playbook.name:
            yield f"the second provisioning job {job.id}"


def _partial_consent(
    playbook: EntraPlaybook, application: kinds.Application, snapshot: Snapshot
) -> Iterator[str]:
    consent = snapshot.get(kinds.AdminConsent, playbook.name)
    consented = set(consent.scopes or ()) if consent else set()
    if consent and not set(_scopes(application)) <= consented:
        yield f"the admin consent to {' '.join(consent.scopes or ()) or 'no scope'}"


def _unread(integration: Integration) -> Iterator[str]:
    for error in integration.refused:
        yield f"{SECTIONS[error.permissions]}: needs {' or '.join(error.permissions)}"
    for gap in integration.snapshot.gaps:
        if gap.kind in _GAP_KEYS:
            reason = f"needs {' or '.join(gap.permissions)}" if gap.permissions else gap.reason
            yield f"{_GAP_KEYS[gap.kind]}: {reason}"
