"""Finding and reading an integration that no playbook describes yet, for an export."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final
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
from provisioner.providers.base.wire import Json

from . import adoption, export
from . import resources as kinds
from .adoption import RelatedObjects, ServerWithPolicies
from .client import APPS, SERVERS, OktaClient, gather_all
from .export import Integration
from .observations import OtherRule
from .parse import parse_application
from .playbook import OktaPlaybook, OktaPrincipalEntry
from .provider import OktaProvider
from .run_cache import RunCache

_EXTRA_KINDS: Final = frozenset({OtherRule.kind})


def connection(options: Mapping[str, str]) -> dict[str, Any]:
    """The initial keys of ``connection:``, with the variables of the shipped playbook."""
    return {
        "org_url": "${OKTA_ORG_URL}",
        "client_id": "${OKTA_CLIENT_ID:-}",
        "private_key": "${OKTA_PRIVATE_KEY:-}",
        "token": "${OKTA_API_TOKEN:-}",
        **({"dpop": True} if "dpop" in options else {}),
    }


async def candidates(provider: OktaProvider, application: str | None) -> tuple[Candidate, ...]:
    """The OIDC applications that can be exported, oldest first.

    Args:
        provider: connected to the organization.
        application: an id, a client id or a label; None: every application that looks like Kiro's.
    """
    is_selected = (
        adoption.looks_like_kiro
        if application is None
        else partial(adoption.is_named, application=application)
    )
    applications = await provider.client.read_all(_applications_of(kinds.OIDC_NAME))
    selected = (adoption.parse_candidate(data) for data in applications if is_selected(data))
    return tuple(sorted(selected, key=lambda candidate: (str(candidate.created), candidate.id)))


async def draft(provider: OktaProvider, candidate: Candidate, name: str) -> Draft:
    """Read everything that belongs to an application, and draft a playbook of this name.

    Raises:
        RefusedError: the application belongs to another playbook.
    """
    client = provider.client
    related = await _read_related_objects(client, candidate, name)
    denied = [scopes for scopes in export.SECTIONS if await client.request_scopes(*scopes) is False]

    async def read(playbook: OktaPlaybook) -> tuple[Snapshot, Mapping[str, str | None]]:
        """Read the assignments first, then look the assigned groups and users up by their names."""
        assigned = await _read_snapshot(provider, playbook)
        names = await _read_names(client, playbook, assigned)
        entries = {
            section: None
            if getattr(playbook, section) is None
            else entries_by_name(OktaPrincipalEntry, {key: names.get(key) for key in ids})
            for section, ids in _principal_ids(assigned).items()
        }
        return await _read_snapshot(provider, playbook.model_copy(update=entries)), names

    playbook = export.adopting_playbook(provider.playbook.connection, candidate, related, name, denied)
    without = {
        permission: partial(export.without_permission, permission=permission)
        for permission in export.SECTIONS
    }
    permitted = await read_permitted(read, playbook, without)
    snapshot, names = permitted.result
    if snapshot.get(kinds.Application, name) is None:
        raise not_adoptable_error(snapshot, candidate)
    missing = (*denied, *(error.permissions for error in permitted.refused))
    return export.draft_playbook(
        permitted.playbook, Integration(candidate, related, snapshot, missing, names)
    )


def _applications_of(catalog_key: str) -> str:
    """The path of all applications that were created from one entry of the catalog."""
    query = urlencode({"filter": f'name eq "{catalog_key}"', "limit": 200})
    return f"{APPS}?{query}"


async def _read_snapshot(provider: OktaProvider, playbook: OktaPlaybook) -> Snapshot:
    return await replace(provider, playbook=playbook, cache=RunCache()).read(_EXTRA_KINDS)


async def _read_related_objects(client: OktaClient, candidate: Candidate, name: str) -> RelatedObjects:
    servers, applications, data = await gather_all(
        _read_servers(client),
        client.read_all(_applications_of(kinds.SCIM_NAME)),
        client.get(quote_path(f"{APPS}/{{}}", candidate.id), expects_existing=True),
    )
    scim, scim_candidates = adoption.find_scim_application(applications, name)
    related = RelatedObjects(
        scim=scim,
        scim_candidates=scim_candidates,
        authentication_policy=await _read_authentication_policy(client, data),
    )
    server = adoption.find_server(servers, candidate.client_id, name)
    if server is None:
        return related
    path = quote_path(f"{SERVERS}/{{}}", server.data["id"])
    policy = adoption.find_policy(server, candidate.client_id)
    rule = None
    if policy:
        rules = quote_path("/policies/{}/rules", policy["id"])
        rule = adoption.find_rule(await client.read_all(path + rules, expects_existing=True))
    claims = await client.read_all(f"{path}/claims", expects_existing=True)
    return replace(
        related,
        server=server,
        policy=policy["name"] if policy else None,
        rule=rule["name"] if rule else None,
        claims=tuple(str(claim.get("name")) for claim in claims if not claim.get("system")),
    )


async def _read_servers(client: OktaClient) -> list[ServerWithPolicies]:
    async def read_policies(server: Json) -> ServerWithPolicies:
        path = quote_path(f"{SERVERS}/{{}}/policies", server["id"])
        return ServerWithPolicies(server, tuple(await client.read_all(path, expects_existing=True)))

    return await gather_all(*map(read_policies, await client.read_all(f"{SERVERS}?limit=200")))


async def _read_authentication_policy(client: OktaClient, application: Json) -> str | None:
    """The name of an application's authentication policy, unless it is the default or its name is not unique."""
    policy_id = parse_application("", application).policy_id
    if not policy_id or await client.request_scopes("okta.policies.read") is False:
        return None
    try:
        policies = await client.read_all("/api/v1/policies?type=ACCESS_POLICY")
    except RemoteError:  # without the permission, the playbook does not manage it, as most playbooks
        return None
    policy = next((policy for policy in policies if policy["id"] == policy_id), None)
    if policy is None or policy.get("system"):
        return None
    is_unique = sum(other.get("name") == policy.get("name") for other in policies) == 1
    return str(policy["name"]) if is_unique else None


def _principal_ids(snapshot: Snapshot) -> dict[str, set[str]]:
    """Ids of the groups and users that are assigned or pushed, by the playbook section that lists them."""

    def assigned(*assignment_kinds: type[kinds.Assignment]) -> set[str]:
        return {str(assignment.principal) for kind in assignment_kinds for assignment in snapshot.all(kind)}

    return {
        "groups": assigned(kinds.GroupAssignment, kinds.ScimGroupAssignment),
        "users": assigned(kinds.UserAssignment, kinds.ScimUserAssignment),
        "push": {str(push.group) for push in snapshot.all(kinds.GroupPush)},
    }


async def _read_names(
    client: OktaClient, playbook: OktaPlaybook, snapshot: Snapshot
) -> dict[str, str | None]:
    """Names of groups and logins of users, by id: assignments contain no login, and pushes no name."""
    ids = _principal_ids(snapshot)
    groups: Iterable[str] = ids["groups"] | ids["push"] if playbook.groups is not None else ()
    users: Iterable[str] = ids["users"] if playbook.users is not None else ()

    async def read_name(collection: str, key: str, member: str) -> tuple[str, str | None]:
        principal = await client.find(quote_path(f"/api/v1/{collection}/{{}}", key))
        return key, ((principal or {}).get("profile") or {}).get(member)

    reads = [read_name("groups", key, "name") for key in groups]
    reads += [read_name("users", key, "login") for key in users]
    return dict(await gather_all(*reads))
