"""Which objects of an organization belong to an application that no playbook describes yet. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from provisioner.providers.base.export import Candidate, marker_owner
from provisioner.providers.base.wire import Json, parse_fields

from . import resources as kinds
from .lookup import marker_of


@dataclass(frozen=True)
class ServerWithPolicies:
    """An authorization server and its access policies, as Okta returns them."""

    data: Json
    policies: tuple[Json, ...] = ()

    @property
    def owner(self) -> str | None:
        """The name of the playbook whose marker it carries, if it carries one."""
        return owner_of(self.data)


@dataclass(frozen=True)
class RelatedObjects:
    """The objects that belong to an application.

    Attributes:
        server: the authorization server whose policy includes the application.
        policy, rule: names of that policy and of its rule.
        claims: names of the server's custom claims.
        scim: the SCIM application.
        scim_candidates: the applications that may be it, if it cannot be determined.
        authentication_policy: name of the authentication policy, if it is not the default.
    """

    server: ServerWithPolicies | None = None
    policy: str | None = None
    rule: str | None = None
    claims: tuple[str, ...] = ()
    scim: Json | None = None
    scim_candidates: tuple[Json, ...] = ()
    authentication_policy: str | None = None


def owner_of(data: Json) -> str | None:
    """The name of the playbook whose marker an application or server carries, if it carries one."""
    return marker_owner(marker_of(data))


def parse_candidate(data: Json) -> Candidate:
    """A candidate, from an OIDC application."""
    fields = parse_fields(kinds.Application, data)
    return Candidate(
        id=data["id"],
        client_id=fields["client_id"] or data["id"],
        name=fields["label"] or data["id"],
        created=data.get("created"),
        owner=owner_of(data),
    )


def looks_like_kiro(data: Json) -> bool:
    """Whether an OIDC application carries a marker or has a redirect URI of Kiro's IDE."""
    uris = parse_fields(kinds.Application, data)["redirect_uris"]
    return owner_of(data) is not None or any(uri.startswith("kiro:") for uri in uris)


def is_named(data: Json, application: str) -> bool:
    """Whether an OIDC application has this id, client id or label."""
    candidate = parse_candidate(data)
    return application in (candidate.id, candidate.client_id, candidate.name)


def find_server(
    servers: Iterable[ServerWithPolicies], client_id: str, name: str
) -> ServerWithPolicies | None:
    """The authorization server that issues an application's tokens.

    It is the one with the playbook's marker, else one with a policy for this client, else one with Kiro's name. A policy for
    all clients is not enough: Okta's default server has one.

    Args:
        servers: the servers of the organization.
        client_id: the application's client id.
        name: the playbook's name.
    """
    listed = tuple(servers)
    marked = [server for server in listed if server.owner == name]
    for_client = [
        server for server in listed if any(client_id in _clients(policy) for policy in server.policies)
    ]
    named = [server for server in listed if "kiro" in str(server.data.get("name")).lower()]
    return next(iter([*marked, *for_client, *named]), None)


def find_policy(server: ServerWithPolicies, client_id: str) -> Json | None:
    """The access policy for an application: the first that lists it, else the first for all clients."""
    ordered = _by_priority(server.policies)
    for_client = [policy for policy in ordered if client_id in _clients(policy)]
    for_all = [policy for policy in ordered if kinds.ANY_CLIENT in _clients(policy)]
    return next(iter([*for_client, *for_all]), None)


def find_rule(rules: Iterable[Json]) -> Json | None:
    """The rule for sign-in: the first with the authorization code grant, else the first."""
    ordered = _by_priority(rules)
    with_code = [
        rule
        for rule in ordered
        if "authorization_code" in parse_fields(kinds.PolicyRule, rule)["grant_types"]
    ]
    return next(iter([*with_code, *ordered]), None)


def find_scim_application(applications: Iterable[Json], name: str) -> tuple[Json | None, tuple[Json, ...]]:
    """The application that provisions to Kiro, or the candidates if it cannot be determined.

    In most organizations, "AWS IAM Identity Center" provisions to AWS. So one is selected only if it carries the playbook's
    marker or has Kiro in its label.

    Args:
        applications: the applications created from this entry of the catalog.
        name: the playbook's name.
    """
    listed = tuple(applications)
    marked = [app for app in listed if owner_of(app) == name]
    named = [app for app in listed if "kiro" in str(app.get("label")).lower()]
    selected = marked or named
    return (selected[0], ()) if len(selected) == 1 else (None, tuple(selected or listed))


def _by_priority(objects: Iterable[Json]) -> list[Json]:
    return sorted(objects, key=lambda data: int(data.get("priority") or 0))


def _clients(policy: Json) -> tuple[str, ...]:
    clients: tuple[str, ...] = parse_fields(kinds.AccessPolicy, policy)["clients"]
    return clients
