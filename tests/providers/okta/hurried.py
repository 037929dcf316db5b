"""A client of Okta's that hurries, and what tests do with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from provisioner.core.retry import RetryPolicy
from provisioner.providers.okta.client import OktaClient
from provisioner.providers.okta.credentials import ApiToken, ServiceApp
from tests.providers.okta.loopback import Loopback

APPS = "/api/v1/apps"
TOKEN = "00hunter2"
PATIENCE = RetryPolicy(budget=100, initial_delay=1, max_delay=8, consistency_window=0)


@dataclass(kw_only=True)
class Hurried(OktaClient):
    """A client that notes how long it would wait, and does not."""

    paused: list[tuple[float, str]] = field(default_factory=list)

    async def _pause(self, seconds: float, reason: str) -> None:
        self.paused.append((seconds, reason))


def client(server: Loopback, credentials: ApiToken | ServiceApp | None = None, **more: Any) -> Hurried:
    """A client of the server that goes through no proxy."""
    options = {"direct": True, "retry_policy": PATIENCE, **more}
    return Hurried(root=server.url, credentials=credentials or ApiToken(TOKEN), **options)


def done(org: OktaClient, work: Any) -> Any:
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
