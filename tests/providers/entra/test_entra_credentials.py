"""Signing in: for the playbook's tenant, and with a plain word where it fails."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.errors import RemoteError, UsageError
from provisioner.providers.entra.credentials import TenantCredential, no_token_error, tenant_credential

CASES = yaml.safe_load((Path(__file__).parent / "no_token.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_error_when_there_is_no_token(case):
    error = no_token_error(case["text"])
    assert type(error).__name__ == case.get("kind", "RemoteError")
    assert error.message == case["message"]
    assert (error.code, error.request_id) == (case.get("code", ""), case.get("request_id", ""))
    assert case["hint"] in error.hint


@given(st.text())
def test_any_message_becomes_an_error_with_a_hint(text):
    error = no_token_error(text)
    assert error.message.startswith("no access token for Microsoft Graph: ")
    assert error.hint


class RecordingCredential:
    """A credential that records the arguments and has no token."""

    def get_token(self, *scopes, **options):
        self.arguments = scopes, options
        raise OSError("no such luck")


def test_the_token_is_requested_for_the_tenant_of_the_playbook():
    credential = RecordingCredential()
    with pytest.raises(RemoteError, match="no such luck") as raised:
        TenantCredential(credential, "the-tenant").get_token("scope", claims="c")
    assert credential.arguments == (("scope",), {"tenant_id": "the-tenant", "claims": "c"})
    assert isinstance(raised.value.__cause__, OSError)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"AZURE_TOKEN_CREDENTIALS": "nonsense"}, "nonsense"),
        (
            {"AZURE_TENANT_ID": "no tenant", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "hunter2"},
            "tenant",
        ),
        (
            {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_CERTIFICATE_PATH": "/no.pem"},
            "/no.pem",
        ),
    ],
)
def test_invalid_credentials_in_the_environment_are_a_usage_error(monkeypatch, variables, words):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=re.escape(words)) as raised:
        tenant_credential("login.microsoftonline.com", "11111111-1111-1111-1111-111111111111")
    assert "hunter2" not in raised.value.message
    assert "AZURE_" in raised.value.hint


def test_the_library_prints_no_warning_of_its_own(capfd, monkeypatch):
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    credential = tenant_credential("login.microsoftonline.com", "11111111-1111-1111-1111-111111111111")
    monkeypatch.setattr(credential.credential, "credentials", ())
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with pytest.raises(RemoteError, match="no access token"):
        credential.get_token("https://graph.microsoft.com/.default")
    assert capfd.readouterr().err == ""
