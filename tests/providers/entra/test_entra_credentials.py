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
from provisioner.providers.entra.credentials import SignedIn, no_token, signed_in

CASES = yaml.safe_load((Path(__file__).parent / "no_token.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_why_there_is_no_token(case):
    error = no_token(case["text"])
    assert type(error).__name__ == case.get("kind", "RemoteError")
    assert error.message == case["message"]
    assert (error.code, error.request_id) == (case.get("code", ""), case.get("request_id", ""))
    assert case["hint"] in error.hint


@given(st.text())
def test_whatever_is_said_becomes_an_error_with_a_next_step(text):
    error = no_token(text)
    assert error.message.startswith("no access token for Microsoft Graph: ")
    assert error.hint


class Asked:
    """A credential that notes what it was asked, and has nothing to give."""

    def get_token(self, *scopes, **options):
        self.asked = scopes, options
        raise OSError("no such luck")


def test_the_token_is_for_the_tenant_of_the_playbook_and_the_cause_is_kept():
    asked = Asked()
    with pytest.raises(RemoteError, match="no such luck") as raised:
        SignedIn(asked, "the-tenant").get_token("scope", claims="c")
    assert asked.asked == (("scope",), {"tenant_id": "the-tenant", "claims": "c"})
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
def test_an_environment_that_cannot_be_right_is_not_our_bug(monkeypatch, variables, words):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=re.escape(words)) as raised:
        signed_in("login.microsoftonline.com", "11111111-1111-1111-1111-111111111111")
    assert "hunter2" not in raised.value.message
    assert "AZURE_" in raised.value.hint


def test_the_library_does_not_warn_of_what_is_told_anyway(capfd, monkeypatch):
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    credential = signed_in("login.microsoftonline.com", "11111111-1111-1111-1111-111111111111")
    monkeypatch.setattr(credential.credential, "credentials", ())
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with pytest.raises(RemoteError, match="no access token"):
        credential.get_token("https://graph.microsoft.com/.default")
    assert capfd.readouterr().err == ""
