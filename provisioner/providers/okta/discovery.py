"""Finding what is there already, for an export."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

from provisioner.core.errors import RemoteError
from provisioner.core.snapshot import Snapshot
from provisioner.providers.base.client import quote_path
from provisioner.providers.base.export import (
    Candidate,
    Draft,
    entries_by_name,
    not_adoptable_error,
    read_permitted,
)

from . import adoption, export
from . import observations as seen
from . import resources as kinds
from .adoption import Around, Server
from .batch import Memory
from .client import OktaClient, together
from .export import Found
from .playbook import OktaPlaybook
from .playbook_models import OktaPrincipalEntry
from .provider import OktaProvider
from .resources import Json

_ALSO = frozenset({seen.OtherRule.kind})
_APPS = "/api/v1/apps"
_SERVERS = "/api/v1/authorizationServers"


def connection(options: Mapping[str, str]) -> dict[str, Any]:
    """The ``connection:`` keys to begin with: variables as in the shipped playbook."""
    return {
        "org_url": "${OKTA_ORG_URL}",
        "client_id": "${OKTA_CLIENT_ID:-}",
        "private_key": "${OKTA_PRIVATE_KEY:-}",
        "token": "${OKTA_API_TOKEN:-}",
        **({"dpop": True} if "dpop" in options else {}),
    }


async def candidates(provider: OktaProvider, application: str | None) -> tuple[Candidate, ...]:
    """The OIDC applications that may be meant, oldest first.

    Args:
        provider: of the organization.
        application: an id, a client id or a label; None: every one that looks like Kiro's.
    """
    listed = await provider.client.read_all(_of_kind(kinds.OIDC_NAME))
    wanted = adoption.is_kiros if application is None else partial(adoption.is_meant, application=application)
    found = (adoption.candidate(data) for data in listed if wanted(data))
    return tuple(sorted(found, key=lambda one: (str(one.created), one.id)))


async def draft(provider: OktaProvider, candidate: Candidate, name: str) -> Draft:
    """Read all that belongs to an application, and say it as a playbook of this name.

    Raises:
        RefusedError: the application is another playbook's.
    """
    org = provider.client
    around = await _around(org, candidate, name)
    lacking = [needs for needs in export.SECTIONS if await org.may(*needs) is False]

    async def read(playbook: OktaPlaybook) -> tuple[Snapshot, Mapping[str, str | None]]:
        """First who is assigned, then whether their names lead to them."""
        first = await _read(provider, playbook)
        names = await _names(org, playbook, first)
        named = {
            section: None
            if getattr(playbook, section) is None
            else entries_by_name(OktaPrincipalEntry, _part(names, ids))
            for section, ids in _principals(first).items()
        }
        return await _read(provider, playbook.model_copy(update=named)), names

    playbook = export.provisional(provider.playbook.connection, candidate, around, name, lacking)
    without = {needs: partial(_reduced, needs=needs) for needs in export.SECTIONS}
    permitted = await read_permitted(read, playbook, without)
    snapshot, names = permitted.result
    if snapshot.get(kinds.Application, name) is None:
        raise not_adoptable_error(snapshot, candidate)
    missing = (*lacking, *(error.permissions for error in permitted.refused))
    return export.drafted(permitted.playbook, Found(candidate, around, snapshot, missing, names))


def _of_kind(name: str) -> str:
    """The path of all applications made from one entry of the catalogue."""
    query = urlencode({"filter": f'name eq "{name}"', "limit": 200})
    return f"{_APPS}?{query}"


async def _read(provider: OktaProvider, playbook: OktaPlaybook) -> Snapshot:
    return await replace(provider, playbook=playbook, memory=Memory()).read(_ALSO)


def _reduced(playbook: OktaPlaybook, needs: tuple[str, ...]) -> OktaPlaybook:
    return export.reduced(playbook, needs)


async def _around(org: OktaClient, candidate: Candidate, name: str) -> Around:
    servers, apps, data = await together(
        _servers(org),
        org.read_all(_of_kind(kinds.SCIM_NAME)),
        org.get(quote_path(f"{_APPS}/{{}}", candidate.id), expects_existing=True),
    )
    server = adoption.server_for(servers, candidate.client_id, name)
    policy = adoption.policy_of(server, candidate.client_id) if server else None
    rule = adoption.rule_of(await _rules(org, server, policy)) if server and policy else None
    claims = (
        await org.read_all(quote_path(f"{_SERVERS}/{{}}/claims", server.data["id"]), expects_existing=True)
        if server
        else []
    )
    scim, others = adoption.scim_for(apps, name)
    return Around(
        server=server,
        policy=policy["name"] if policy else None,
        rule=rule["name"] if rule else None,
        claims=tuple(str(claim.get("name")) for claim in claims if not claim.get("system")),
        scim=scim,
        scim_candidates=others,
        sign_in_policy=await _sign_in_policy(org, data),
    )


async def _servers(org: OktaClient) -> list[Server]:
    async def one(data: Json) -> Server:
        return Server(
            data,
            tuple(
                await org.read_all(quote_path(f"{_SERVERS}/{{}}/policies", data["id"]), expects_existing=True)
            ),
        )

    return await together(*map(one, await org.read_all(f"{_SERVERS}?limit=200")))


async def _rules(org: OktaClient, server: Server, policy: Json) -> list[Json]:
    where = quote_path(f"{_SERVERS}/{{}}/policies/{{}}/rules", server.data["id"], policy["id"])
    return await org.read_all(where, expects_existing=True)


async def _sign_in_policy(org: OktaClient, application: Json) -> str | None:
    """The name of an application's authentication policy, if a person chose it and it can be told by its name."""
    link = str((((application.get("_links") or {}).get("accessPolicy")) or {}).get("href") or "")
    if not link or await org.may("okta.policies.read") is False:
        return None
    try:
        listed = await org.read_all("/api/v1/policies?type=ACCESS_POLICY")
    except RemoteError:  # without the permission it is not managed, as in most playbooks
        return None
    chosen = next((one for one in listed if one["id"] == link.rpartition("/")[2]), None)
    alone = chosen is not None and sum(one.get("name") == chosen.get("name") for one in listed) == 1
    return str(chosen["name"]) if chosen and alone and not chosen.get("system") else None


def _principals(snapshot: Snapshot) -> dict[str, set[str]]:
    """Ids of the groups and users that are assigned or pushed, by the key that lists them."""

    def ids(*wanted: type[kinds.Assignment]) -> set[str]:
        return {str(one.principal) for kind in wanted for one in snapshot.all(kind)}

    return {
        "groups": ids(kinds.GroupAssignment, kinds.ScimGroupAssignment),
        "users": ids(kinds.UserAssignment, kinds.ScimUserAssignment),
        "push": {str(one.group) for one in snapshot.all(kinds.GroupPush)},
    }


async def _names(org: OktaClient, playbook: OktaPlaybook, snapshot: Snapshot) -> dict[str, str | None]:
    """Names of groups, and logins of users, by id: assignments do not tell a login, nor pushes a name."""
    listed = _principals(snapshot)
    groups = listed["groups"] | listed["push"] if playbook.groups is not None else set()
    users = listed["users"] if playbook.users is not None else set()

    async def name(what: str, key: str, member: str) -> tuple[str, str | None]:
        found = await org.find(quote_path(f"/api/v1/{what}/{{}}", key))
        return key, ((found or {}).get("profile") or {}).get(member)

    looked = [name("groups", key, "name") for key in groups] + [name("users", key, "login") for key in users]
    return dict(await together(*looked))


def _part(names: Mapping[str, str | None], ids: Iterable[str]) -> dict[str, str | None]:
    return {key: names.get(key) for key in ids}
