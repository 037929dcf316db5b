"""Every check, over its whole life: break it, find it with evidence, repair it, find nothing."""

from __future__ import annotations

import pytest

from provisioner.providers import CHECK_PREFIXES, checks_of
from provisioner.sandbox import misconfigurations
from tests.sandbox.test_dns_breaks import OF_PLAYBOOKS as OF_ONE_PLAYBOOK

OF_PLAYBOOKS = {*OF_ONE_PLAYBOOK, "dns-verified-domain-candidate"}
"""Faults that are in what a playbook says, not in a tenant or the DNS; see test_domains.py."""

CHECKS = {
    check.id: name for name in CHECK_PREFIXES for check in checks_of(name) if check.id not in OF_PLAYBOOKS
}
"""Whose each check is."""

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
"""Checks that cannot but fail as well."""

PASSING = {"dns-negative-ttl-long"}
"""Faults that matter no more once what they prolong is over."""

LEFT = {"dns-value-malformed": {"dns-tokens-several"}, "dns-value-other": {"dns-tokens-several"}}
"""What is left to a person when a fault was repaired: other values at the name are never touched."""


def failed(report):
    return {finding["check"] for finding in report["findings"] if finding["status"] == "fail"}


def test_every_check_can_be_broken_and_every_fault_is_checked():
    assert set(CHECKS) == set(misconfigurations.CATALOGUE)


@pytest.fixture
def integrated(applied, whose, tmp_path):
    """The product in front of a tenant in which everything is right; a playbook has domains where they are what breaks."""
    keys = {"name": "${KIRO_DOMAIN}", "value": "${KIRO_DOMAIN_TOKEN}", "dns": {"provider": "route53"}}
    domains = [keys] if whose == "dns" else None
    applied.playbook = applied.variant(tmp_path / f"{applied.provider}.yaml", domains=domains)
    return applied


@pytest.fixture
def provider(whose):
    return "entra" if whose == "dns" else whose


@pytest.mark.parametrize(("name", "whose"), CHECKS.items(), ids=list(CHECKS))
def test_break_find_repair(integrated, name):
    applied = integrated
    broken = applied("sandbox", "break", name)
    assert broken.code == 0, broken.err

    found = applied.doctor()
    assert found.code == 3, found.out
    assert name in failed(found.json)
    assert failed(found.json) <= {name} | CONSEQUENCES.get(name, set())
    findings = [finding for finding in found.json["findings"] if finding["check"] == name]
    assert all(finding["message"] and finding["evidence"] for finding in findings)

    repaired = applied.doctor("--fix")
    if name in PASSING or any(finding["fix"] == "automatic" for finding in findings):
        assert repaired.json["audits"][0]["fixed"]
        again = applied.doctor()
        assert failed(again.json) == failed(repaired.json) == LEFT.get(name, set()), again.out
        assert again.code == (3 if name in LEFT else 0)
        assert applied.apply().json["requests"]["write"] == 0
    else:
        assert repaired.code == 3
        assert name in failed(repaired.json)
