"""Finding what is there already, for an export."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from provisioner.core.errors import RemoteError
from provisioner.core.snapshot import Snapshot
from provisioner.providers.base.export import (
    Candidate,
    Draft,
    entries_by_name,
    not_adoptable_error,
    read_permitted,
)

from . import export, parse
from . import resources as kinds
from .batch import elements
from .client import GraphClient, Read, literal, path
from .playbook import DirectoryEntry, EntraPlaybook
from .provider import EntraProvider
from .resources import Json

_ALSO = frozenset({kinds.Consent.kind})
_FIELDS = f"$select={parse.APPLICATION_FIELDS}"


def connection(options: Mapping[str, str]) -> dict[str, Any]:
    """The ``connection:`` keys to begin with: the tenant as the shipped playbook has it, and the cloud."""
    return {"tenant": "${ENTRA_TENANT_ID}", **{key: options[key] for key in ("cloud",) if key in options}}


async def candidates(provider: EntraProvider, application: str | None) -> tuple[Candidate, ...]:
    """The applications that may be meant, oldest first.

    Graph cannot filter by scope or by a public client's redirect URI (Microsoft Graph, application: properties), so
    without a name all applications are listed.

    Args:
        provider: of the tenant.
        application: a client id or a display name; None: every one that looks like Kiro's.
    """
    graph = provider.client
    if application is None:
        listed = await graph.pages(f"/applications?$top=999&{_FIELDS}")
        found = [data for data in listed if export.is_kiros(data)]
    elif _is_guid(application):
        one = await graph.find(path("/applications(appId='{}')", application) + f"?{_FIELDS}")
        found = [one] if one else []
    else:
        found = await graph.pages(
            f"/applications?$filter=displayName%20eq%20{literal(application)}&{_FIELDS}"
        )
    return tuple(sorted(map(export.candidate, found), key=lambda one: (str(one.created), one.id)))


async def drafted(provider: EntraProvider, candidate: Candidate, name: str) -> Draft:
    """Read all that belongs to an application, and say it as a playbook of this name.

    Raises:
        RefusedError: the name, or the application, is another playbook's.
    """
    used: list[EntraPlaybook] = []

    async def read(playbook: EntraPlaybook) -> tuple[Snapshot, Mapping[str, str | None]]:
        """First who is assigned, then whether their names lead to them."""
        used.append(playbook)
        first = await replace(provider, playbook=playbook).read(_ALSO)
        logins = await _sign_in_names(provider.client, first) if playbook.users is not None else {}
        named = playbook.model_copy(
            update={
                "groups": None
                if playbook.groups is None
                else entries_by_name(DirectoryEntry, _group_names(first)),
                "users": None if playbook.users is None else entries_by_name(DirectoryEntry, logins),
            }
        )
        return await replace(provider, playbook=named).read(_ALSO), logins

    playbook = export.provisional(provider.playbook.connection, candidate, name)
    without = {needs: _without(section) for needs, section in export.SECTIONS.items()}
    (snapshot, logins), refused = await read_permitted(read, playbook, without)
    if snapshot.get(kinds.Application, name) is None:
        raise not_adoptable_error(snapshot, candidate)
    return export.drafted(used[-1], export.Found(candidate, snapshot, refused, logins))


def _group_names(snapshot: Snapshot) -> dict[str, str | None]:
    return {str(one.principal): one.principal_name for one in snapshot.all(kinds.GroupAssignment)}


async def _sign_in_names(graph: GraphClient, snapshot: Snapshot) -> dict[str, str | None]:
    """User principal names by object id: an assignment tells display names only."""
    ids = list(dict.fromkeys(str(one.principal) for one in snapshot.all(kinds.UserAssignment)))
    reads = [Read(path("/users/{}", key) + "?$select=userPrincipalName", may_be_absent=True) for key in ids]
    answers = await graph.read_all(reads) if reads else []
    refused = next((answer for answer in answers if isinstance(answer, RemoteError)), None)
    if refused is not None:
        raise refused
    return {key: _login(answer) for key, answer in zip(ids, answers, strict=True)}


def _login(answer: Json | RemoteError | None) -> str | None:
    found = elements(answer) if isinstance(answer, dict) else []
    return next((str(data.get("userPrincipalName")) for data in found), None)


def _without(section: str) -> Callable[[EntraPlaybook], EntraPlaybook]:
    def without(playbook: EntraPlaybook) -> EntraPlaybook:
        return playbook.model_copy(update={section: None})

    return without


def _is_guid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
