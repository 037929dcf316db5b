"""Another admin may change the tenant between the plan and its confirmation."""

from __future__ import annotations

import asyncio

import pytest

from provisioner import engine
from provisioner.core.errors import RefusedError
from provisioner.journal import Journal
from provisioner.playbook import load
from provisioner.providers import SandboxConnection, provider_module
from provisioner.sandbox import control
from provisioner.settings import Variables
from tests.e2e.product import PLAYBOOK


class Silent:
    def starting(self, change): ...

    def finished(self, change, outcome): ...

    def waiting(self, reason): ...


def test_a_plan_that_no_longer_fits_is_not_applied(applied):
    applied("sandbox", "break", "entra-token-version")
    with applied.sandbox() as sandbox:
        sandbox.start()
        access = SandboxConnection(sandbox.url, sandbox.access_token())
        playbook = load(PLAYBOOK, Variables(sandbox.variables())).playbook

        async def work():
            provider = provider_module("entra").connect(
                playbook, Journal(sandbox.home), lambda _: None, access
            )
            try:
                planned = await engine.plan(provider)
                assert planned.plan.pending
                control.misconfigure(sandbox, "entra-identifier-uri")
                done = engine.ApplyResult()
                with pytest.raises(RefusedError, match="changed after the plan was shown"):
                    await engine.apply(provider, planned, Silent(), done, fresh=False)
                assert done.done == []
                assert provider.requests().write == 0
                again = await engine.plan(provider)
                await engine.apply(provider, again, Silent(), done, fresh=False)
                assert not (await engine.plan(provider)).plan.pending
            finally:
                await provider.close()

        asyncio.run(work())


def test_without_a_terminal_it_refuses_to_ask(capsys):
    from provisioner.cli.changes import confirm
    from provisioner.cli.output import Output

    with pytest.raises(RefusedError, match="no terminal to ask on"):
        confirm(Output())


def test_without_credentials_it_says_how_to_sign_in(product, monkeypatch):
    monkeypatch.setenv("ENTRA_TENANT_ID", "11111111-1111-1111-1111-111111111111")
    monkeypatch.setenv("KIRO_DOMAIN", "contoso.example")
    result = product("plan", str(PLAYBOOK), "--format", "json")
    assert result.code == 1
    assert "no access token for Microsoft Graph" in result.err
    assert "az login" in result.err
