"""A client of Okta's that hurries, and what tests do with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from provisioner.core.patience import Patience
from provisioner.providers.okta.credentials import ApiToken, ServiceApp
from provisioner.providers.okta.org import Org
from tests.providers.okta.loopback import Loopback

APPS = "/api/v1/apps"
TOKEN = "00hunter2"
PATIENCE = Patience(budget=100, first=1, most=8, settle=0)


@dataclass(kw_only=True)
class Hurried(Org):
    """A client that notes how long it would wait, and does not."""

    paused: list[tuple[float, str]] = field(default_factory=list)

    async def _pause(self, seconds: float, reason: str) -> None:
        self.paused.append((seconds, reason))


def client(server: Loopback, credentials: ApiToken | ServiceApp | None = None, **more: Any) -> Hurried:
    """A client of the server that goes through no proxy."""
    options = {"direct": True, "patience": PATIENCE, **more}
    return Hurried(root=server.url, credentials=credentials or ApiToken(TOKEN), **options)


def done(org: Org, work: Any) -> Any:
    """What comes of it, with the client closed afterwards."""

    async def doing() -> Any:
        try:
            return await work
        finally:
            await org.close()

    return asyncio.run(doing())


def got(server: Loopback, where: str = APPS, **more: Any) -> Any:
    org = client(server, **more)
    return done(org, org.get(where))
