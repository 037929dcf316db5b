"""Environments: proxies, missing certificates, folders that cannot be written."""

from __future__ import annotations

import asyncio

import pytest

from provisioner.core.errors import UsageError
from provisioner.providers.entra.client import GraphClient
from provisioner.providers.entra.credentials import AccessTokenCredential
from tests.e2e.product import PLAYBOOKS

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
def test_the_sandbox_is_reached_without_the_proxy(product):
    first = product.apply()
    assert first.code == 0, first.err
    again = product.apply()
    assert (again.code, again.json["requests"]["write"]) == (0, 0)
    assert product.doctor().code == 0


def test_a_missing_certificate_file_does_not_affect_the_sandbox(product, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such.pem")
    result = product.apply()
    assert result.code == 0, result.err


@pytest.mark.parametrize(
    "command", [("apply", str(PLAYBOOKS / "entra.yaml"), "--sandbox"), ("sandbox", "show")]
)
def test_a_state_folder_that_cannot_be_created_is_an_error(product, tmp_path, command):
    (tmp_path / "file").touch()
    product.state = tmp_path / "file" / "state"
    result = product(*command)
    assert result.code == 1
    assert "its content cannot be kept in" in result.err
    assert "PROVISIONER_STATE_DIR" in result.err


def test_a_bug_of_the_sandbox_is_reported_in_one_line(product, monkeypatch):
    def explode(*_arguments):
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr("provisioner.sandbox.entra.provisioning.validate_credentials", explode)
    result = product.apply()
    assert result.code == 1
    assert "failed inside the sandbox: this is a bug in provisioner: ZeroDivisionError" in result.err
    assert "Traceback" not in result.err
    assert "hunter2" not in result.err
    assert [*(product.state / "crashes").iterdir()]


@pytest.mark.parametrize(
    ("variable", "value"),
    [*(("ALL_PROXY", proxy) for proxy in PROXIES[1:]), ("SSL_CERT_FILE", "/no/such.pem")],
)
def test_unusable_proxies_and_certificates_are_usage_errors(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    graph = GraphClient(root="https://graph.invalid/v1.0", credential=AccessTokenCredential("t"), scope="s")
    with pytest.raises(UsageError, match="settings in the environment cannot be used") as raised:
        asyncio.run(graph.get("/x"))
    assert "HTTPS_PROXY" in raised.value.hint
