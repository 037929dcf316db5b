"""What holds for the clients of both vendors."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from provisioner.core.errors import UnreachableError
from provisioner.core.retry import RetryPolicy
from provisioner.providers.base.client import Client
from provisioner.providers.entra.client import GraphClient
from provisioner.providers.entra.credentials import Given
from provisioner.providers.okta.client import OktaClient
from provisioner.providers.okta.credentials import ApiToken

NOBODY = "http://127.0.0.1:1"
PATIENCE = RetryPolicy(budget=100, first_contact_budget=30, initial_delay=1, max_delay=8)


@dataclass(kw_only=True)
class Noting(Client[Any]):
    """Notes how long it would wait, and does not."""

    paused: list[float] = field(default_factory=list)

    async def _pause(self, seconds: float, reason: str) -> None:
        assert reason == "no response (Connect call failed ('127.0.0.1', 1))"
        self.paused.append(seconds)


@dataclass(kw_only=True)
class NotingGraph(Noting, GraphClient):
    pass


@dataclass(kw_only=True)
class NotingOrg(Noting, OktaClient):
    pass


CLIENTS = {
    "entra": lambda: NotingGraph(
        root=NOBODY, credential=Given("t"), scope=f"{NOBODY}/.default", retry_policy=PATIENCE
    ),
    "okta": lambda: NotingOrg(root=NOBODY, credentials=ApiToken("t"), direct=True, retry_policy=PATIENCE),
}


@pytest.mark.parametrize("make", CLIENTS.values(), ids=CLIENTS)
def test_a_host_that_never_answered_is_not_waited_for_as_long_as_one_that_has(make):
    client = make()

    async def asking() -> None:
        try:
            await client.get("/x")
        finally:
            await client.close()

    words = rf"{NOBODY} cannot be reached: Connect call failed .*; gave up after \d+ s"
    with pytest.raises(UnreachableError, match=words) as raised:
        asyncio.run(asking())
    assert "check the address, the network and HTTPS_PROXY" in raised.value.hint
    assert PATIENCE.first_contact_budget / 2 < sum(client.paused) <= PATIENCE.first_contact_budget
