"""Whatever proxy the environment names: the sandbox is on this machine, and nothing to it goes elsewhere."""

from __future__ import annotations

import asyncio

import pytest

from provisioner.core.errors import UsageError
from provisioner.providers.entra.credentials import Given
from provisioner.providers.entra.graph import Graph

PROXIES = ("http://127.0.0.1:1", "socks5://127.0.0.1:1", "nonsense://[")
VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture(params=PROXIES)
def proxy(request, monkeypatch):
    for name in VARIABLES:
        monkeypatch.setenv(name, request.param)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("provider", ["entra", "okta"])
@pytest.mark.usefixtures("proxy")
def test_the_sandbox_is_reached_without_it(product):
    first = product.apply()
    assert first.code == 0, first.err
    again = product.apply()
    assert (again.code, again.json["requests"]["write"]) == (0, 0)
    assert product.doctor().code == 0


@pytest.mark.parametrize(
    ("variable", "value"),
    [*(("ALL_PROXY", proxy) for proxy in PROXIES[1:]), ("SSL_CERT_FILE", "/no/such.pem")],
)
def test_what_cannot_be_used_is_not_our_bug(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    graph = Graph(root="https://graph.invalid/v1.0", credential=Given("t"), scope="s")
    with pytest.raises(UsageError, match="cannot be set up as the environment says") as raised:
        asyncio.run(graph.get("/x"))
    assert "HTTPS_PROXY" in raised.value.hint
