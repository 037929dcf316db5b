"""Which objects of an organization belong to an application, where no playbook says so. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from provisioner.providers.base.export import Candidate, marker_owner

from . import lookup
from . import resources as kinds
from .resources import Json


@dataclass(frozen=True)
class Server:
    """An authorization server with its access policies, as Okta tells them."""

    data: Json
    policies: tuple[Json, ...] = ()

    @property
    def owner(self) -> str | None:
        """The name of the playbook whose marker it carries, if it carries one."""
        return owner_of(self.data)


@dataclass(frozen=True)
class Around:
    """What belongs to an application, besides itself.

    Attributes:
        server: whose policy lets the application have tokens.
        policy, rule: names of that policy and of its rule, if there are any.
        claims: names of the server's own claims.
        scim: the application that provisions.
        scim_candidates: those that may be it, where there is no telling.
        sign_in_policy: the name of the authentication policy, if it is not the usual one.
    """

    server: Server | None = None
    policy: str | None = None
    rule: str | None = None
    claims: tuple[str, ...] = ()
    scim: Json | None = None
    scim_candidates: tuple[Json, ...] = ()
    sign_in_policy: str | None = None


def owner_of(data: Json) -> str | None:
    """The name of the playbook whose marker an application or server carries, if it carries one."""
    return marker_owner(lookup.owner_of(data))


def candidate(data: Json) -> Candidate:
    """From an OIDC application."""
    client = (data.get("credentials") or {}).get("oauthClient") or {}
    return Candidate(
        id=data["id"],
        client_id=str(client.get("client_id") or data["id"]),
        name=str(data.get("label") or data["id"]),
        created=data.get("created"),
        owner=owner_of(data),
    )


def is_kiros(data: Json) -> bool:
    """Whether an OIDC application looks as if Kiro's users signed in with it."""
    client = (data.get("settings") or {}).get("oauthClient") or {}
    uris = map(str, client.get("redirect_uris") or ())
    return owner_of(data) is not None or any(uri.startswith("kiro:") for uri in uris)


def is_meant(data: Json, application: str) -> bool:
    """Whether an OIDC application has this id, client id or label."""
    known = candidate(data)
    return application in (known.id, known.client_id, known.name)


def server_for(servers: Iterable[Server], client_id: str, name: str) -> Server | None:
    """The authorization server that gives an application its tokens.

    The one with the playbook's marker, else one with a policy for this very client, else one for all clients that has Kiro's name;
    Okta's own default server is for all clients, so being for all of them is not enough.
    """
    listed = tuple(servers)
    marked = [one for one in listed if one.owner == name]
    naming = [one for one in listed if any(client_id in _clients(policy) for policy in one.policies)]
    called = [one for one in listed if "kiro" in str(one.data.get("name")).lower()]
    return next(iter([*marked, *naming, *called]), None)


def policy_of(server: Server, client_id: str) -> Json | None:
    """The access policy that is for the application: the first that names it, else the first for all clients."""
    ordered = sorted(server.policies, key=lambda policy: int(policy.get("priority") or 0))
    naming = [policy for policy in ordered if client_id in _clients(policy)]
    open_ = [policy for policy in ordered if kinds.ANY_CLIENT in _clients(policy)]
    return next(iter([*naming, *open_]), None)


def rule_of(rules: Iterable[Json]) -> Json | None:
    """The rule that lets people have tokens: the first for the authorization code grant, else the first."""
    ordered = sorted(rules, key=lambda rule: int(rule.get("priority") or 0))
    fitting = [rule for rule in ordered if "authorization_code" in _grants(rule)]
    return next(iter([*fitting, *ordered]), None)


def scim_for(listed: Iterable[Json], name: str) -> tuple[Json | None, tuple[Json, ...]]:
    """The application that provisions to Kiro, and where there is no telling, those that may be it.

    The catalogue's "AWS IAM Identity Center" is what it says in most organizations, so one is taken only if it carries the marker or
    has Kiro in its label.
    """
    apps = tuple(listed)
    marked = [app for app in apps if owner_of(app) == name]
    called = [app for app in apps if "kiro" in str(app.get("label")).lower()]
    meant = marked or called
    return (meant[0], ()) if len(meant) == 1 else (None, tuple(meant or apps))


def _clients(policy: Json) -> tuple[str, ...]:
    conditions = policy.get("conditions") or {}
    return tuple(map(str, (conditions.get("clients") or {}).get("include") or ()))


def _grants(rule: Json) -> tuple[str, ...]:
    conditions = rule.get("conditions") or {}
    return tuple(map(str, (conditions.get("grantTypes") or {}).get("include") or ()))
