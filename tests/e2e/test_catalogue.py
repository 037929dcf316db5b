"""Every check with its misconfiguration: break it, report it with evidence, fix it, report nothing."""

from __future__ import annotations

import pytest

from provisioner.providers import check_prefixes, checks_of
from provisioner.sandbox import control
from tests.sandbox.test_dns_misconfigurations import PLAYBOOK_CHECKS

OF_PLAYBOOKS = {*PLAYBOOK_CHECKS, "dns-verified-domain-candidate"}
"""Checks of the playbook itself, not of a tenant or the DNS; see test_domains.py."""

CHECKS = {
    check.id: name for name in check_prefixes() for check in checks_of(name) if check.id not in OF_PLAYBOOKS
}
"""The provider of each check."""

CONSEQUENCES = {
    "dns-negative-ttl-long": {"dns-record-missing"},
    "dns-zone-not-found": {"dns-record-missing"},
    "entra-application-missing": {"entra-recycle-bin"},
    "entra-group-missing": {"entra-group-not-assigned"},
    "entra-group-not-assigned": set(),
    "entra-redirect-uri-kiro-auth": {"entra-redirect-uri-extra"},
    "okta-authorization-code-grant": {"okta-extra-grants"},
    "okta-everyone-assigned": {"okta-user-not-in-scim-app"},
    "okta-group-not-assigned": {"okta-user-not-in-oidc-app"},
    "okta-push-error": {"okta-provisioning-failures"},
    "okta-redirect-uri-port-2128": {"okta-redirect-uri-missing"},
    "okta-sync-errors": {"okta-provisioning-failures"},
}
"""Other checks that fail as a consequence."""

PASSING = {"dns-negative-ttl-long"}
"""Misconfigurations that end when the problem that they prolong is fixed."""

REMAINING = {"dns-value-malformed": {"dns-tokens-several"}, "dns-value-other": {"dns-tokens-several"}}
"""Checks that fail after the fix: other values at the name are never deleted."""


def failed(report):
    return {finding["check"] for finding in report["findings"] if finding["status"] == "fail"}


def test_every_check_has_a_misconfiguration_and_the_reverse():
    assert set(CHECKS) == set(control.misconfigurations())


@pytest.fixture
def integrated(applied, provider_of_check, tmp_path):
    """The product and a tenant without problems; the playbook has domains if a DNS check is tested."""
    keys = {"name": "${KIRO_DOMAIN}", "value": "${KIRO_DOMAIN_TOKEN}", "dns": {"provider": "route53"}}
    domains = [keys] if provider_of_check == "dns" else None
    applied.playbook = applied.variant(tmp_path / f"{applied.provider}.yaml", domains=domains)
    return applied


@pytest.fixture
def provider(provider_of_check):
    return "entra" if provider_of_check == "dns" else provider_of_check


@pytest.mark.parametrize(("name", "provider_of_check"), CHECKS.items(), ids=list(CHECKS))
def test_break_report_fix(integrated, name):
    applied = integrated
    broken = applied("sandbox", "break", name)
    assert broken.code == 0, broken.err

    audit = applied.doctor()
    assert audit.code == 3, audit.out
    assert name in failed(audit.json)
    assert failed(audit.json) <= {name} | CONSEQUENCES.get(name, set())
    findings = [finding for finding in audit.json["findings"] if finding["check"] == name]
    assert all(finding["message"] and finding["evidence"] for finding in findings)

    fixed = applied.doctor("--fix")
    if name in PASSING or any(finding["fix"] == "automatic" for finding in findings):
        assert fixed.json["audits"][0]["fixed"]
        again = applied.doctor()
        assert failed(again.json) == failed(fixed.json) == REMAINING.get(name, set()), again.out
        assert again.code == (3 if name in REMAINING else 0)
        assert applied.apply().json["requests"]["write"] == 0
    else:
        assert fixed.code == 3
        assert name in failed(fixed.json)
