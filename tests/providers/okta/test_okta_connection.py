"""The keys of an Okta playbook."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from provisioner.providers.okta.connection import OKTA_DOMAINS, ConnectionSection, is_custom_domain, org_url
from provisioner.providers.okta.playbook import OktaPlaybook


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://acme.okta.com", "https://acme.okta.com"),
        ("acme.okta.com", "https://acme.okta.com"),
        ("https://acme.okta.com/", "https://acme.okta.com"),
        ("https://ACME.Okta.com//", "https://acme.okta.com"),
        ("https://acme-admin.okta.com/admin/dashboard", "https://acme.okta.com"),
        ("https://acme-admin.oktapreview.com?x=1#y", "https://acme.oktapreview.com"),
        ("https://acme-admin-admin.okta.com", "https://acme.okta.com"),
        ("https://acme.okta.com.", "https://acme.okta.com"),
        ("  https://acme.okta.com \n", "https://acme.okta.com"),
        ("https://acme.okta.com:443", "https://acme.okta.com"),
        ("https://acme.okta.com:8443", "https://acme.okta.com:8443"),
        ("https://admin.okta.com", "https://admin.okta.com"),
        ("https://login.acme.com/oauth2", "https://login.acme.com"),
        ("https://login-admin.acme.com", "https://login-admin.acme.com"),
        ("http://localhost:8080/x", "http://localhost:8080"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://[::1]", "http://[::1]"),
        ("https://localhost:8443", "https://localhost:8443"),
    ],
)
def test_parts_copied_with_the_url_are_removed(written, meant):
    assert org_url(written) == meant
    assert org_url(meant) == meant


@pytest.mark.parametrize("domain", OKTA_DOMAINS)
def test_okta_s_domains_are_not_custom_domains(domain):
    assert org_url(f"https://acme-admin.{domain}") == f"https://acme.{domain}"
    assert not is_custom_domain(f"https://acme.{domain}")


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "acme",
        "http://acme.okta.com",
        "ftp://acme.okta.com",
        "http://localhost.evil.example",
        "https://",
        "https:acme.okta.com",
        "https://.okta.com",
        "https://-admin.okta.com",
        "https://a..okta.com",
        "https://ac me.okta.com",
        "https://acme%2f.okta.com",
        "https://evil.example\\.okta.com",
        "https://acme。okta.com",
        "https://ácme.okta.com",
        "https://admin:hunter2@acme.okta.com",
        "https://admin@acme.okta.com",
        "https://:hunter2@acme.okta.com",
        "http://:hunter2@localhost",
        "https://acme.okta.com:99999",
        "https://acme.okta.com:x",
        "https://[acme.okta.com",
        "javascript://acme.okta.com",
    ],
)
def test_other_urls_are_refused_and_not_quoted(written):
    with pytest.raises(ValueError, match="expected a URL") as raised:
        org_url(written)
    assert "hunter2" not in str(raised.value)


@given(
    written=st.text()
    | st.from_regex(r"(https?://)?[a-zA-Z0-9.:@/\[\]-]{1,20}(\.okta\.com)?[/:?]?", fullmatch=True)
)
@example("https://acme-admin-admin.okta.com")
@example("http://[::1]:1")
@example("https://İ.okta.com")
def test_any_text_is_refused_or_has_a_normal_form(written):
    with suppress(ValueError):
        normal = org_url(written)
        assert org_url(normal) == normal
        parts = urlsplit(normal)
        assert normal == f"{parts.scheme}://{parts.netloc}"
        assert parts.hostname
        assert parts.scheme == "https" or parts.hostname in ("127.0.0.1", "localhost", "::1")
        assert "@" not in normal
        assert normal.isascii()


@pytest.mark.parametrize(
    ("url", "custom"),
    [
        ("https://login.acme.com", True),
        ("https://okta.com.evil.example", True),
        ("https://acme.okta.com.evil.example", True),
        ("https://okta.com", True),
        ("https://a.b.okta.com", True),
        ("https://acme.okta.com", False),
        ("http://localhost:1", False),
        ("http://[::1]:1", False),
    ],
)
def test_other_domains_are_custom_domains(url, custom):
    assert is_custom_domain(url) is custom


class TestConnection:
    def keys(self, **more: Any) -> ConnectionSection:
        return ConnectionSection.model_validate({"org_url": "https://acme.okta.com", **more})

    def test_blank_variables_count_as_absent(self):
        assert self.keys(client_id="", private_key="", key_id="", token="") == self.keys()

    @pytest.mark.parametrize("half", [{"client_id": "0oaserviceapp"}, {"private_key": "k"}])
    def test_a_client_needs_its_key_and_a_key_its_client(self, half):
        with pytest.raises(ValidationError, match="client_id and private_key go together"):
            self.keys(**half)

    def test_secrets_are_not_shown(self):
        keys = self.keys(client_id="0oaserviceapp", private_key="hunter2", token="hunter2")
        assert keys.token == SecretStr("hunter2")
        assert "hunter2" not in repr(keys)

    @pytest.mark.parametrize("client_id", ["short", "0oa service", "x" * 101])
    def test_a_malformed_client_id_is_refused(self, client_id):
        with pytest.raises(ValidationError):
            self.keys(client_id=client_id, private_key="k")


def playbook(**keys: Any) -> OktaPlaybook:
    base = {
        "version": 1,
        "name": "kiro",
        "provider": "okta",
        "connection": {"org_url": "https://acme.okta.com"},
    }
    return OktaPlaybook.model_validate({**base, **keys})


@pytest.mark.parametrize(
    "keys",
    [
        {"authorization_server": {"access_token_minutes": 4}},
        {"authorization_server": {"access_token_minutes": 1441}},
        {"authorization_server": {"refresh_token_minutes": -1}},
        {"authorization_server": {"refresh_window_minutes": 9}},
        {"authorization_server": {"refresh_window_minutes": 2_628_001}},
        {"authorization_server": {"issuer_mode": "org_url"}},
        {"authorization_server": {"scopes": ["a", "a"]}},
        {"authorization_server": {"audience": ""}},
        {"application": {"loopback_ports": [0]}},
        {"application": {"loopback_ports": [1, 1]}},
        {"application": {"id": "0oashort"}},
        {"scim": {"endpoint": "http://scim.example.com"}},
        {"scim": {"mapping": "none"}},
        {"scim": {"token": "hunter2"}},
        {"push": [{"name": "a"}]},
        {"groups": [{"name": "a"}, {"name": "a"}]},
        {"groups": [{"name": "a", "id": "00g00000000000000001"}]},
        {"groups": [{}]},
        {"groups": [{"id": "not an id"}]},
        {"safety": {"max_removals": 1.1}},
        {"connection": {"org_url": "https://acme.okta.com", "tenant": "x"}},
    ],
)
def test_invalid_keys_are_refused(keys):
    with pytest.raises(ValidationError):
        playbook(**keys)


@pytest.mark.parametrize(
    "keys",
    [
        {"authorization_server": {"access_token_minutes": 5, "refresh_window_minutes": 10}},
        {"authorization_server": {"access_token_minutes": 1440, "refresh_window_minutes": 2_628_000}},
        {"authorization_server": {"refresh_token_minutes": 0}},
        {"application": {"loopback_ports": []}},
        {"push": []},
        {"scim": {"endpoint": "http://localhost:1/scim"}},
        {"users": [{"name": "alice"}, {"id": "00u00000000000000001"}]},
    ],
)
def test_valid_keys_are_accepted(keys):
    playbook(**keys)
