"""From what an organization has to the keys of a playbook that leaves it as it is. Pure."""

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

from . import observations as seen
from . import permissions
from . import resources as kinds
from .adoption import Around, owner_of
from .playbook import OktaPlaybook
from .playbook_models import (
    ApplicationSection,
    AuthorizationServerSection,
    ConnectionSection,
    OktaPrincipalEntry,
    ScimSection,
)

GROUPS: Final = permissions.READ_GROUPS.any_of
USERS: Final = permissions.READ_USERS.any_of
MAPPINGS: Final = permissions.READ_MAPPINGS.any_of
SECTIONS: Final = {GROUPS: "groups, push", USERS: "users", MAPPINGS: "scim: mapping"}
"""What a playbook does without when a permission is missing, by the permission."""

_NEW_LIFETIMES: Final = {"access_minutes": 60, "refresh_minutes": 0, "refresh_window_minutes": 10080}
"""What a rule has that apply makes; see :func:`.bodies.rule_body`."""
_USUAL_ISSUER: Final = "DYNAMIC"
"""The issuer mode of a server that is made without one."""
_OKTA_ID: Final = re.compile(r"[A-Za-z0-9]{20}")


@dataclass(frozen=True)
class Found:
    """What was found of an integration.

    Attributes:
        snapshot: read with a playbook that adopts everything.
        refused: permissions that the credentials lack.
        names: of groups and logins of users, by id.
    """

    candidate: Candidate
    around: Around
    snapshot: Snapshot
    refused: tuple[tuple[str, ...], ...] = ()
    names: Mapping[str, str | None] = field(default_factory=dict)


def provisional(
    connection: ConnectionSection,
    found: Candidate,
    around: Around,
    name: str,
    without: Iterable[tuple[str, ...]],
) -> OktaPlaybook:
    """A playbook that has everything read that may belong to an application.

    Args:
        connection: the keys to go on with.
        found: the application.
        around: what belongs to it.
        name: the playbook's.
        without: permissions that the credentials lack.
    """
    playbook = OktaPlaybook(
        version=1,
        name=name,
        provider="okta",
        connection=connection,
        application=ApplicationSection(label=usable_name(found.name), id=found.id),
        authorization_server=_named_server(around, pinned=True),
        scim=_named_scim(around, pinned=True),
        groups=(),
        users=(),
        push=() if around.scim else None,
    )
    for needs in without:
        playbook = reduced(playbook, needs)
    return playbook


def reduced(playbook: OktaPlaybook, needs: tuple[str, ...]) -> OktaPlaybook:
    """The same without what this permission is needed for."""
    if needs == GROUPS:
        return playbook.model_copy(update={"groups": None, "push": None})
    if needs == USERS:
        return playbook.model_copy(update={"users": None})
    scim = playbook.scim and playbook.scim.model_copy(update={"mapping": "unmanaged"})
    return playbook.model_copy(update={"scim": scim})


def drafted(playbook: OktaPlaybook, found: Found) -> Draft:
    """The draft of a playbook.

    Args:
        playbook: with which everything was read.
        found: what was.
    """
    application = found.snapshot.require(kinds.Application, playbook.name)
    mine = found.candidate.owner == playbook.name
    whole = OktaPlaybook(
        version=1,
        name=playbook.name,
        provider="okta",
        connection=ConnectionSection(org_url=playbook.connection.org_url),
        application=ApplicationSection(
            label=None if application.label == playbook.name else usable_name(application.label),
            id=None if mine and not _namesakes(found.snapshot, kinds.OIDC_NAME) else found.candidate.id,
            loopback_ports=loopback_ports(application.redirect_uris or (), kiro.LOOPBACK_PORTS),
            authentication_policy=found.around.sign_in_policy,
        ),
        authorization_server=_server(playbook, found),
        scim=_scim(playbook, found),
        groups=_assigned(playbook, found, kinds.GroupAssignment, kinds.ScimGroupAssignment) or None,
        users=_assigned(playbook, found, kinds.UserAssignment, kinds.ScimUserAssignment) or None,
        push=_pushed(playbook, found) or None,
    )
    keys = whole.model_dump(exclude_defaults=True)
    keys["connection"] = _connection(playbook.connection)
    return Draft(
        keys=keys,
        comments=dict(_remarks(keys, found)),
        omitted=dict(_absent(keys, playbook, found)),
        inexpressible=tuple(_left_alone(playbook, found)),
        unread=tuple(f"{SECTIONS[needs]}: needs {' or '.join(needs)}" for needs in found.refused),
    )


def _connection(connection: ConnectionSection) -> dict[str, Any]:
    """The organization, and as whom: by variables, as in the shipped playbook."""
    return {
        "org_url": connection.org_url,
        "client_id": VariableReference("OKTA_CLIENT_ID", ""),
        "private_key": VariableReference("OKTA_PRIVATE_KEY", ""),
        **({"dpop": True} if connection.dpop else {}),
        "token": VariableReference("OKTA_API_TOKEN", ""),
    }


def _named_server(around: Around, *, pinned: bool) -> AuthorizationServerSection:
    server = around.server.data if around.server else {}
    named = {
        "name": usable_name(server.get("name")),
        "policy": usable_name(around.policy),
        "rule": usable_name(around.rule),
    }
    key = str(server.get("id")) if pinned and _OKTA_ID.fullmatch(str(server.get("id"))) else None
    return AuthorizationServerSection.model_validate({"id": key, **{k: v for k, v in named.items() if v}})


def _named_scim(around: Around, *, pinned: bool) -> ScimSection | None:
    if around.scim is None:
        return None
    label = usable_name(around.scim.get("label"))
    named = {"label": label} if label else {}
    return ScimSection.model_validate({"id": around.scim["id"] if pinned else None, **named})


def _server(playbook: OktaPlaybook, found: Found) -> AuthorizationServerSection:
    snapshot, around = found.snapshot, found.around
    there = snapshot.get(kinds.AuthorizationServer, playbook.name)
    rule = snapshot.get(kinds.PolicyRule, playbook.name)
    mine = around.server is not None and around.server.owner == playbook.name
    named = _named_server(around, pinned=not mine)
    if there is None:
        return named
    known = {scope.key for scope in snapshot.all(kinds.Scope)}
    asked = (rule.scopes if rule else None) or ()
    scopes = tuple(scope for scope in asked if scope in known)
    lifetimes = {
        key: getattr(rule, key) for key, usual in _NEW_LIFETIMES.items() if getattr(rule, key, None) != usual
    }
    update: dict[str, Any] = {
        "audience": there.audience or named.audience,
        "scopes": default_order(
            scopes or tuple(scope for scope in kiro.SCOPES if scope in known), kiro.SCOPES
        ),
        "openid": kinds.OPENID in asked,
        "access_token_minutes": lifetimes.get("access_minutes"),
        "refresh_token_minutes": lifetimes.get("refresh_minutes"),
        "refresh_window_minutes": lifetimes.get("refresh_window_minutes"),
        "issuer_mode": None if there.issuer_mode == _USUAL_ISSUER else there.issuer_mode,
    }
    return named.model_copy(update=update)


def _scim(playbook: OktaPlaybook, found: Found) -> ScimSection | None:
    """The provisioning application; its mapping is left alone where it is not as the guide says."""
    app = found.around.scim
    named = _named_scim(found.around, pinned=app is not None and owner_of(app) != playbook.name)
    if named is None:
        return None
    mapping = found.snapshot.get(kinds.ScimAttributeMapping, playbook.name)
    guided = mapping is not None and not mapping.unsupported
    return named.model_copy(update={"mapping": "guide" if guided else "unmanaged"})


def _assigned(
    playbook: OktaPlaybook, found: Found, sign_in: type[kinds.Assignment], scim: type[kinds.Assignment]
) -> tuple[OktaPrincipalEntry, ...]:
    """Who is assigned to both applications; nothing where the two differ, or where they may not be looked up."""
    both, _, _ = _by_application(playbook, found.snapshot, sign_in, scim)
    users = sign_in is kinds.UserAssignment
    if (playbook.users if users else playbook.groups) is None:
        return ()
    return _keys(both, found, kinds.User if users else kinds.Group)


def _by_application(
    playbook: OktaPlaybook, snapshot: Snapshot, sign_in: type[kinds.Assignment], scim: type[kinds.Assignment]
) -> tuple[set[str], set[str], set[str]]:
    """Ids of those who are assigned: to both, if the applications do not differ; only to sign in; only to be provisioned."""
    first = {str(one.principal) for one in snapshot.all(sign_in)}
    second = {str(one.principal) for one in snapshot.all(scim)} if playbook.scim else first
    return (first if first == second else set()), first - second, second - first


def _pushed(playbook: OktaPlaybook, found: Found) -> tuple[OktaPrincipalEntry, ...]:
    if playbook.push is None:
        return ()
    return _keys({str(one.group) for one in found.snapshot.all(kinds.GroupPush)}, found, kinds.Group)


def _keys(
    ids: Iterable[str], found: Found, kind: type[kinds.Group | kinds.User]
) -> tuple[OktaPrincipalEntry, ...]:
    leads_to = {one.key: str(one.id) for one in found.snapshot.all(kind)}
    named = (principal_entry(OktaPrincipalEntry, found.names.get(key), key, leads_to) for key in ids)
    return tuple(sorted(named, key=lambda one: one.key.casefold()))


def _namesakes(snapshot: Snapshot, kind: str) -> bool:
    return any(one.name == kind for one in snapshot.all(seen.OtherApplication))


def _remarks(keys: dict[str, Any], found: Found) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if found.candidate.owner:
        yield ("name",), "as the marker on the application says; do not change it"
    else:
        yield ("name",), "would mark what apply makes; what is there stays without a marker"
    yield ("connection", "client_id"), "a service app with a private key, or else an API token"
    if found.around.scim:
        yield ("scim",), f"by the application {found.around.scim.get('label')!r}"
    for section in ("application", "authorization_server", "scim"):
        yield (
            (section, "id"),
            "adopts it: it does not carry this playbook's marker, or is not alone with its name",
        )
    for section in ("groups", "users", "push"):
        for number, entry in enumerate(keys.get(section, ())):
            if name := found.names.get(entry.get("id", "")):
                yield (section, number, "id"), name


def _absent(
    keys: dict[str, Any], playbook: OktaPlaybook, found: Found
) -> Iterator[tuple[str, tuple[str, ...]]]:
    if "scim" not in keys:
        listed = tuple(f"  id: {app['id']} # {app.get('label')}" for app in found.around.scim_candidates)
        why = (
            "One of these may provision to Kiro:"
            if listed
            else "Nothing provisions to Kiro. To let apply set it up:"
        )
        yield "scim", (why, "scim:", *(listed or ("  label: Kiro-SCIM",)))
    for section, pair in _PAIRS.items():
        both, only_first, only_second = _by_application(playbook, found.snapshot, *pair)
        if getattr(playbook, section) is None or both:
            continue
        if only_first or only_second:
            yield section, tuple(_differing(section, only_first, only_second, found))
        else:
            yield section, (f"No {section} are assigned. To have it stay so:", f"{section}: []")
    if playbook.push is not None and "push" not in keys:
        yield "push", ("No groups are pushed. To have it stay so:", "push: []")
    yield "domains", DOMAINS_COMMENT


_PAIRS: Final = {
    "groups": (kinds.GroupAssignment, kinds.ScimGroupAssignment),
    "users": (kinds.UserAssignment, kinds.ScimUserAssignment),
}


def _differing(section: str, first: set[str], second: set[str], found: Found) -> Iterator[str]:
    """Why groups or users are not managed: a playbook has one list for both applications."""
    yield f"The two applications do not have the same {section}; one list is for both:"
    yield f"{section}:"
    for ids, where in ((first, "only to sign in"), (second, "only to be provisioned")):
        yield from (
            f"  - id: {key} # {found.names.get(key) or 'name unknown'}, {where}" for key in sorted(ids)
        )


def _left_alone(playbook: OktaPlaybook, found: Found) -> Iterator[str]:
    snapshot, chosen = found.snapshot, found.around.policy
    yield from (f"the claim {name!r} of the authorization server" for name in found.around.claims)
    rules = {scope for rule in snapshot.all(kinds.PolicyRule) for scope in rule.scopes or ()}
    for scope in snapshot.all(kinds.Scope):
        if scope.key not in rules and scope.key not in kiro.SCOPES:
            yield f"the scope {scope.key}"
    for policy in snapshot.all(seen.OtherPolicy):
        if found.candidate.client_id in policy.clients and policy.name != chosen:
            yield f"the access policy {policy.name!r}, which is for the application too"
    for rule in snapshot.all(seen.OtherRule):
        if rule.policy == getattr(snapshot.get(kinds.AccessPolicy, playbook.name), "id", None):
            yield f"the rule {rule.name!r} of the access policy"
    mapping = snapshot.get(kinds.ScimAttributeMapping, playbook.name)
    if mapping and mapping.unsupported:
        yield f"the mapping of {', '.join(mapping.unsupported)}, which Kiro does not support: scim: mapping: unmanaged"
    for section, pair in _PAIRS.items():
        if any(_by_application(playbook, snapshot, *pair)[1:]):
            yield f"the {section} that are assigned: the two applications do not have the same"
