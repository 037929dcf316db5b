"""What holds for the clients of every vendor."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from provisioner.core.errors import UnreachableError
from provisioner.core.retry import RetryPolicy
from provisioner.providers.base.client import Client
from provisioner.providers.entra.client import GraphClient
from provisioner.providers.entra.credentials import AccessTokenCredential
from provisioner.providers.okta.client import OktaClient
from provisioner.providers.okta.credentials import ApiToken

UNREACHABLE = "http://127.0.0.1:1"
POLICY = RetryPolicy(budget=100, first_contact_budget=30, initial_delay=1, max_delay=8)


@dataclass(kw_only=True)
class Recording(Client[Any]):
    """Records how long it would wait, and does not wait."""

    paused: list[float] = field(default_factory=list)

    async def _pause(self, seconds: float, reason: str) -> None:
        assert reason == "no response (Connect call failed ('127.0.0.1', 1))"
        self.paused.append(seconds)


@dataclass(kw_only=True)
class RecordingGraph(Recording, GraphClient):
    pass


@dataclass(kw_only=True)
class RecordingOkta(Recording, OktaClient):
    pass


CLIENTS = {
    "entra": lambda: RecordingGraph(
        root=UNREACHABLE,
        credential=AccessTokenCredential("t"),
        scope=f"{UNREACHABLE}/.default",
        retry_policy=POLICY,
    ),
    "okta": lambda: RecordingOkta(
        root=UNREACHABLE, credentials=ApiToken("t"), direct=True, retry_policy=POLICY
    ),
}


@pytest.mark.parametrize("make", CLIENTS.values(), ids=CLIENTS)
def test_a_host_that_has_not_answered_yet_has_a_smaller_budget(make):
    client = make()

    async def read() -> None:
        try:
            await client.get("/x")
        finally:
            await client.close()

    words = rf"{UNREACHABLE} cannot be reached: Connect call failed .*; gave up after \d+ s"
    with pytest.raises(UnreachableError, match=words) as raised:
        asyncio.run(read())
    assert "check the address, the network and HTTPS_PROXY" in raised.value.hint
    assert POLICY.first_contact_budget / 2 < sum(client.paused) <= POLICY.first_contact_budget
