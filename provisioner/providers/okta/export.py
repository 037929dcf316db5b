"""From the objects of an organization to the keys of a playbook that changes nothing. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from provisioner.core.snapshot import Snapshot
from provisioner.providers import kiro
from provisioner.providers.base.export import (
    DOMAINS_COMMENT,
    Candidate,
    Draft,
    VariableReference,
    default_order,
    loopback_ports,
    principal_entry,
    usable_name,
)

from . import observations, permissions
from . import resources as kinds
from .adoption import RelatedObjects, owner_of
from .connection import ConnectionSection
from .playbook import (
    ApplicationSection,
    AuthorizationServerSection,
    OktaPlaybook,
    OktaPrincipalEntry,
    ScimSection,
)

GROUPS: Final = permissions.READ_GROUPS.any_of
USERS: Final = permissions.READ_USERS.any_of
MAPPINGS: Final = permissions.READ_MAPPINGS.any_of
SECTIONS: Final = {GROUPS: "groups, push", USERS: "users", MAPPINGS: "scim: mapping"}
"""The keys that an export leaves out when a permission is missing, by the permission."""

_DEFAULT_ISSUER_MODE: Final = "DYNAMIC"
"""The issuer mode of a server that is created without one."""
_ASSIGNMENT_KINDS: Final = {
    "groups": (kinds.GroupAssignment, kinds.ScimGroupAssignment),
    "users": (kinds.UserAssignment, kinds.ScimUserAssignment),
}
"""The assignments to the OIDC and to the SCIM application, by playbook section."""
_OKTA_ID: Final = re.compile(r"[A-Za-z0-9]{20}")


@dataclass(frozen=True)
class Integration:
    """What was read of an integration.

    Attributes:
        related: the objects that belong to the application.
        snapshot: read with a playbook that adopts everything.
        refused: permissions that the credentials lack.
        names: names of groups and logins of users, by id.
    """

    candidate: Candidate
    related: RelatedObjects
    snapshot: Snapshot
    refused: tuple[tuple[str, ...], ...] = ()
    names: Mapping[str, str | None] = field(default_factory=dict)


def adopting_playbook(
    connection: ConnectionSection,
    candidate: Candidate,
    related: RelatedObjects,
    name: str,
    refused: Iterable[tuple[str, ...]],
) -> OktaPlaybook:
    """A playbook that adopts an application and its related objects, so that all of them are read.

    Args:
        connection: the connection to use.
        candidate: the application.
        related: the objects that belong to it.
        name: the playbook's name.
        refused: permissions that the credentials lack.
    """
    playbook = OktaPlaybook(
        version=1,
        name=name,
        provider="okta",
        connection=connection,
        application=ApplicationSection(label=usable_name(candidate.name), id=candidate.id),
        authorization_server=_named_server(related, pinned=True),
        scim=_named_scim(related, pinned=True),
        groups=(),
        users=(),
        push=() if related.scim else None,
    )
    for permission in refused:
        playbook = without_permission(playbook, permission)
    return playbook


def without_permission(playbook: OktaPlaybook, permission: tuple[str, ...]) -> OktaPlaybook:
    """The same playbook without the keys that need this permission."""
    if permission == GROUPS:
        return playbook.model_copy(update={"groups": None, "push": None})
    if permission == USERS:
        return playbook.model_copy(update={"users": None})
    scim = playbook.scim and playbook.scim.model_copy(update={"mapping": "unmanaged"})
    return playbook.model_copy(update={"scim": scim})


def draft_playbook(playbook: OktaPlaybook, integration: Integration) -> Draft:
    """The draft of a playbook.

    Args:
        playbook: the playbook with which everything was read.
        integration: what was read.
    """
    application = integration.snapshot.require(kinds.Application, playbook.name)
    pushed = {str(push.group) for push in integration.snapshot.all(kinds.GroupPush)}
    is_marked = integration.candidate.owner == playbook.name
    has_namesakes = any(
        other.name == kinds.OIDC_NAME for other in integration.snapshot.all(observations.OtherApplication)
    )
    complete = OktaPlaybook(
        version=1,
        name=playbook.name,
        provider="okta",
        connection=ConnectionSection(org_url=playbook.connection.org_url),
        application=ApplicationSection(
            label=None if application.label == playbook.name else usable_name(application.label),
            id=None if is_marked and not has_namesakes else integration.candidate.id,
            loopback_ports=loopback_ports(application.redirect_uris or (), kiro.LOOPBACK_PORTS),
            authentication_policy=integration.related.authentication_policy,
        ),
        authorization_server=_server_section(playbook, integration),
        scim=_scim_section(playbook, integration),
        groups=_assigned_entries(playbook, integration, "groups") or None,
        users=_assigned_entries(playbook, integration, "users") or None,
        push=None if playbook.push is None else _entries(pushed, integration, kinds.Group) or None,
    )
    keys = complete.model_dump(exclude_defaults=True)
    keys["connection"] = _connection_keys(playbook.connection)
    return Draft(
        keys=keys,
        comments=dict(_comments(keys, integration)),
        omitted=dict(_omitted_keys(keys, playbook, integration)),
        inexpressible=tuple(_inexpressible(playbook, integration)),
        unread=tuple(
            f"{SECTIONS[permission]}: needs {' or '.join(permission)}" for permission in integration.refused
        ),
    )


def _connection_keys(connection: ConnectionSection) -> dict[str, Any]:
    """The organization, and the variables of the shipped playbook for the credentials."""
    return {
        "org_url": connection.org_url,
        "client_id": VariableReference("OKTA_CLIENT_ID", ""),
        "private_key": VariableReference("OKTA_PRIVATE_KEY", ""),
        **({"dpop": True} if connection.dpop else {}),
        "token": VariableReference("OKTA_API_TOKEN", ""),
    }


def _named_server(related: RelatedObjects, *, pinned: bool) -> AuthorizationServerSection:
    server = related.server.data if related.server else {}
    names = {
        "name": usable_name(server.get("name")),
        "policy": usable_name(related.policy),
        "rule": usable_name(related.rule),
    }
    server_id = str(server.get("id"))
    return AuthorizationServerSection.model_validate(
        {
            "id": server_id if pinned and _OKTA_ID.fullmatch(server_id) else None,
            **{key: name for key, name in names.items() if name},
        }
    )


def _named_scim(related: RelatedObjects, *, pinned: bool) -> ScimSection | None:
    if related.scim is None:
        return None
    label = usable_name(related.scim.get("label"))
    return ScimSection.model_validate(
        {"id": related.scim["id"] if pinned else None, **({"label": label} if label else {})}
    )


def _server_section(playbook: OktaPlaybook, integration: Integration) -> AuthorizationServerSection:
    snapshot, related = integration.snapshot, integration.related
    server = snapshot.get(kinds.AuthorizationServer, playbook.name)
    rule = snapshot.get(kinds.PolicyRule, playbook.name)
    is_marked = related.server is not None and related.server.owner == playbook.name
    section = _named_server(related, pinned=not is_marked)
    if server is None:
        return section
    existing = {scope.key for scope in snapshot.all(kinds.Scope)}
    allowed = (rule.scopes if rule else None) or ()
    scopes = tuple(scope for scope in allowed if scope in existing)
    update: dict[str, Any] = {
        "audience": server.audience or section.audience,
        "scopes": default_order(
            scopes or tuple(scope for scope in kiro.SCOPES if scope in existing), kiro.SCOPES
        ),
        "openid": kinds.OPENID in allowed,
        "issuer_mode": None if server.issuer_mode == _DEFAULT_ISSUER_MODE else server.issuer_mode,
        **{
            key: None if getattr(rule, key, None) == default else getattr(rule, key, None)
            for key, default in kinds.DEFAULT_LIFETIMES.items()
        },
    }
    return section.model_copy(update=update)


def _scim_section(playbook: OktaPlaybook, integration: Integration) -> ScimSection | None:
    """The SCIM application. Its mapping is unmanaged where it differs from the guide."""
    application = integration.related.scim
    if application is None:
        return None
    section = _named_scim(integration.related, pinned=owner_of(application) != playbook.name)
    mapping = integration.snapshot.get(kinds.AttributeMapping, playbook.name)
    follows_guide = mapping is not None and not mapping.unsupported
    update = {"mapping": "guide" if follows_guide else "unmanaged"}
    return section and section.model_copy(update=update)


def _assigned_entries(
    playbook: OktaPlaybook, integration: Integration, section: str
) -> tuple[OktaPrincipalEntry, ...]:
    """The groups or users assigned to both applications; empty if the applications differ, or they could not be read."""
    if getattr(playbook, section) is None:
        return ()
    both, _, _ = _assigned_ids(playbook, integration.snapshot, section)
    return _entries(both, integration, kinds.Group if section == "groups" else kinds.User)


def _assigned_ids(
    playbook: OktaPlaybook, snapshot: Snapshot, section: str
) -> tuple[set[str], set[str], set[str]]:
    """Ids of the assigned groups or users: of both applications if they do not differ, of one only, of the other only."""
    oidc_kind, scim_kind = _ASSIGNMENT_KINDS[section]
    oidc = {str(assignment.principal) for assignment in snapshot.all(oidc_kind)}
    scim = {str(assignment.principal) for assignment in snapshot.all(scim_kind)} if playbook.scim else oidc
    return (oidc if oidc == scim else set()), oidc - scim, scim - oidc


def _entries(
    ids: Iterable[str], integration: Integration, kind: type[kinds.Group | kinds.User]
) -> tuple[OktaPrincipalEntry, ...]:
    ids_by_name = {principal.key: str(principal.id) for principal in integration.snapshot.all(kind)}
    entries = (
        principal_entry(OktaPrincipalEntry, integration.names.get(key), key, ids_by_name) for key in ids
    )
    return tuple(sorted(entries, key=lambda entry: entry.key.casefold()))


def _comments(keys: dict[str, Any], integration: Integration) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if integration.candidate.owner:
        yield ("name",), "from the marker on the application; do not change it"
    else:
        yield ("name",), "marks what apply creates; existing objects stay without a marker"
    yield ("connection", "client_id"), "a service app with a private key, or else an API token"
    if integration.related.scim:
        yield ("scim",), f"the application {integration.related.scim.get('label')!r}"
    for section in ("application", "authorization_server", "scim"):
        yield (
            (section, "id"),
            "adopts it: it does not carry this playbook's marker, or its name is not unique",
        )
    for section in ("groups", "users", "push"):
        for number, entry in enumerate(keys.get(section, ())):
            if name := integration.names.get(entry.get("id", "")):
                yield (section, number, "id"), name


def _omitted_keys(
    keys: dict[str, Any], playbook: OktaPlaybook, integration: Integration
) -> Iterator[tuple[str, tuple[str, ...]]]:
    if "scim" not in keys:
        candidates = tuple(
            f"  id: {application['id']} # {application.get('label')}"
            for application in integration.related.scim_candidates
        )
        reason = (
            "One of these applications may provision to Kiro:"
            if candidates
            else "No application provisions to Kiro. To let apply set it up:"
        )
        yield "scim", (reason, "scim:", *(candidates or ("  label: Kiro-SCIM",)))
    for section in _ASSIGNMENT_KINDS:
        both, only_oidc, only_scim = _assigned_ids(playbook, integration.snapshot, section)
        if getattr(playbook, section) is None or both:
            continue
        if only_oidc or only_scim:
            yield section, tuple(_differing_assignments(section, only_oidc, only_scim, integration))
        else:
            yield section, (f"No {section} are assigned. To keep it so:", f"{section}: []")
    if playbook.push is not None and "push" not in keys:
        yield "push", ("No groups are pushed. To keep it so:", "push: []")
    yield "domains", DOMAINS_COMMENT


def _differing_assignments(
    section: str, only_oidc: set[str], only_scim: set[str], integration: Integration
) -> Iterator[str]:
    yield f"The two applications have different {section}, but a playbook has one list for both:"
    yield f"{section}:"
    for ids, purpose in ((only_oidc, "only to sign in"), (only_scim, "only to be provisioned")):
        yield from (
            f"  - id: {key} # {integration.names.get(key) or 'name unknown'}, {purpose}"
            for key in sorted(ids)
        )


def _inexpressible(playbook: OktaPlaybook, integration: Integration) -> Iterator[str]:
    """What exists in the organization, cannot be stated in a playbook, and is not changed by apply."""
    snapshot, related = integration.snapshot, integration.related
    yield from (f"the claim {name!r} of the authorization server" for name in related.claims)
    allowed = {scope for rule in snapshot.all(kinds.PolicyRule) for scope in rule.scopes or ()}
    for scope in snapshot.all(kinds.Scope):
        if scope.key not in allowed and scope.key not in kiro.SCOPES:
            yield f"the scope {scope.key}"
    for policy in snapshot.all(observations.OtherPolicy):
        if integration.candidate.client_id in (policy.clients or ()) and policy.name != related.policy:
            yield f"the access policy {policy.name!r}, which also includes the application"
    own_policy = snapshot.get(kinds.AccessPolicy, playbook.name)
    for rule in snapshot.all(observations.OtherRule):
        if own_policy and rule.policy == own_policy.id:
            yield f"the rule {rule.name!r} of the access policy"
    mapping = snapshot.get(kinds.AttributeMapping, playbook.name)
    if mapping and mapping.unsupported:
        yield f"the mapping of {', '.join(mapping.unsupported)}, which Kiro does not support: scim: mapping: unmanaged"
    for section in _ASSIGNMENT_KINDS:
        if any(_assigned_ids(playbook, snapshot, section)[1:]):
            yield f"the assigned {section}: the two applications have different ones"
