"""Finds and reads an integration that no playbook describes yet, for export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

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

from . import export
from . import resources as kinds
from .client import GraphClient, Read, filter_query, literal
from .playbook import DirectoryEntry, EntraPlaybook
from .provider import EntraProvider
from .reading import APPLICATION_SELECT

_EXTRA_KINDS = frozenset({kinds.AdminConsent.kind})


def connection(options: Mapping[str, str]) -> dict[str, Any]:
    """The ``connection:`` keys to start with: the tenant as in the shipped playbook, and the cloud."""
    return {"tenant": "${ENTRA_TENANT_ID}", **{key: options[key] for key in ("cloud",) if key in options}}


async def candidates(provider: EntraProvider, application: str | None) -> tuple[Candidate, ...]:
    """The applications that can be exported, oldest first.

    Graph cannot filter by scope or by redirect URI of a public client (Microsoft Graph, application: properties), so
    without a name all applications are read.

    Args:
        provider: the connected provider.
        application: a client id or a display name; None for every application that looks like Kiro's.
    """
    graph = provider.client
    if application is None:
        every = await graph.read_pages(f"/applications?$top=999&{APPLICATION_SELECT}")
        matching = [data for data in every if export.is_for_kiro(data)]
    elif _is_guid(application):
        data = await graph.find(
            quote_path("/applications(appId='{}')", application) + f"?{APPLICATION_SELECT}"
        )
        matching = [data] if data else []
    else:
        condition = filter_query(f"displayName eq {literal(application)}")
        matching = await graph.read_pages(f"/applications?{condition}&{APPLICATION_SELECT}")
    parsed = map(export.parse_candidate, matching)
    return tuple(sorted(parsed, key=lambda candidate: (str(candidate.created), candidate.id)))


async def draft(provider: EntraProvider, candidate: Candidate, name: str) -> Draft:
    """Read everything that belongs to an application, as a playbook with this name.

    Raises:
        RefusedError: a playbook with this name cannot adopt the application.
    """

    async def read(playbook: EntraPlaybook) -> tuple[Snapshot, Mapping[str, str | None]]:
        """Read who is assigned; then look up their names, to see whether each name leads to its principal."""
        snapshot = await replace(provider, playbook=playbook).read(_EXTRA_KINDS)
        sign_in_names = await _sign_in_names(provider.client, snapshot) if playbook.users is not None else {}
        update: dict[str, Any] = {}
        if playbook.groups is not None:
            update["groups"] = entries_by_name(DirectoryEntry, _group_names(snapshot))
        if playbook.users is not None:
            update["users"] = entries_by_name(DirectoryEntry, sign_in_names)
        named = playbook.model_copy(update=update)
        return await replace(provider, playbook=named).read(_EXTRA_KINDS), sign_in_names

    playbook = export.adopting_playbook(provider.playbook.connection, candidate, name)
    without = {any_of: partial(_without, section=section) for any_of, section in export.SECTIONS.items()}
    permitted = await read_permitted(read, playbook, without)
    snapshot, sign_in_names = permitted.result
    if snapshot.get(kinds.Application, name) is None:
        raise not_adoptable_error(snapshot, candidate)
    integration = export.Integration(candidate, snapshot, permitted.refused, sign_in_names)
    return export.draft_playbook(permitted.playbook, integration)


def _without(playbook: EntraPlaybook, section: str) -> EntraPlaybook:
    return playbook.model_copy(update={section: None})


def _group_names(snapshot: Snapshot) -> dict[str, str | None]:
    return {
        str(assignment.principal): assignment.principal_name
        for assignment in snapshot.all(kinds.GroupAssignment)
    }


async def _sign_in_names(graph: GraphClient, snapshot: Snapshot) -> dict[str, str | None]:
    """User principal names by object id: an assignment contains only the display name."""
    assigned = snapshot.all(kinds.UserAssignment)
    ids = list(dict.fromkeys(str(assignment.principal) for assignment in assigned))
    reads = [
        Read(quote_path("/users/{}", key) + "?$select=userPrincipalName", may_be_absent=True) for key in ids
    ]
    results = await graph.read_all(reads) if reads else []
    error = next((result for result in results if isinstance(result, RemoteError)), None)
    if error is not None:
        raise error
    return {
        key: str(result.get("userPrincipalName")) if isinstance(result, dict) else None
        for key, result in zip(ids, results, strict=True)
    }


def _is_guid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
