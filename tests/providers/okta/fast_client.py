"""A client that does not wait between retries, and what tests do with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from provisioner.core.retry import RetryPolicy
from provisioner.providers.okta.client import OktaClient
from provisioner.providers.okta.credentials import ApiToken, ServiceApp
from tests.providers.okta.stub_server import StubServer

APPS = "/api/v1/apps"
TOKEN = "00hunter2"
RETRY_POLICY = RetryPolicy(budget=100, initial_delay=1, max_delay=8, consistency_window=0)


@dataclass(kw_only=True)
class FastClient(OktaClient):
    """A client that records its waits instead of waiting."""

    paused: list[tuple[float, str]] = field(default_factory=list)

    async def _pause(self, seconds: float, reason: str) -> None:
        self.paused.append((seconds, reason))


def make_client(
    server: StubServer, credentials: ApiToken | ServiceApp | None = None, **more: Any
) -> FastClient:
    """A client of the server, without a proxy."""
    options = {"direct": True, "retry_policy": RETRY_POLICY, **more}
    return FastClient(root=server.url, credentials=credentials or ApiToken(TOKEN), **options)


def run(client: OktaClient, work: Any) -> Any:
    """The result of a coroutine; the client is closed afterwards."""

    async def run_and_close() -> Any:
        try:
            return await work
        finally:
            await client.close()

    return asyncio.run(run_and_close())


def get(server: StubServer, path: str = APPS, **more: Any) -> Any:
    client = make_client(server, **more)
    return run(client, client.get(path))
