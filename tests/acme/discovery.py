"""Finding and reading an application that no playbook describes yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.providers.base.export import Candidate, Draft, VariableReference

from .provider import AcmeProvider


def connection(_options: Mapping[str, str]) -> dict[str, Any]:
    return {"url": "${ACME_URL}"}


async def candidates(provider: AcmeProvider, application: str | None) -> tuple[Candidate, ...]:
    found = await provider.client.send("GET", "/acme/applications")
    return tuple(
        Candidate(id=data["id"], client_id=data["id"], name=data["name"], owner=data["name"])
        for data in found
        if application in (None, data["id"], data["name"])
    )


async def draft(provider: AcmeProvider, candidate: Candidate, name: str) -> Draft:
    applications = await provider.client.send("GET", "/acme/applications")
    groups = await provider.client.send("GET", "/acme/groups")
    data = next(data for data in applications if data["id"] == candidate.id)
    return Draft(
        keys={
            "version": 1,
            "name": name,
            "provider": "acme",
            "connection": {"url": VariableReference("ACME_URL")},
            "application": {"redirect_uris": data["redirectUris"]},
            "groups": [{"name": group["name"]} for group in groups if group["id"] in data["groups"]],
        }
    )
