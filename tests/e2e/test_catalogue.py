"""Every check, over its whole life: break it, find it with evidence, repair it, find nothing."""

from __future__ import annotations

import pytest

from provisioner.providers import NAMES, entry
from provisioner.sandbox import breaks

CHECKS = {check.id: name for name in NAMES for check in entry(name).checks()}
"""The provider of each check."""

CONSEQUENCES = {
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


def failed(report):
    return {finding["check"] for finding in report["findings"] if finding["status"] == "fail"}


def test_every_check_can_be_broken_and_every_fault_is_checked():
    assert set(CHECKS) == set(breaks.CATALOGUE)


@pytest.mark.parametrize(("name", "provider"), CHECKS.items(), ids=list(CHECKS))
def test_break_find_repair(applied, name, provider):
    broken = applied("sandbox", "break", name)
    assert broken.code == 0, broken.err

    found = applied.doctor()
    assert found.code == 3, found.out
    assert name in failed(found.json)
    assert failed(found.json) <= {name} | CONSEQUENCES.get(name, set())
    findings = [finding for finding in found.json["findings"] if finding["check"] == name]
    assert all(finding["message"] and finding["evidence"] for finding in findings)

    repaired = applied.doctor("--fix")
    if any(finding["fix"] == "automatic" for finding in findings):
        assert repaired.code == 0, repaired.out
        assert repaired.json["audits"][0]["fixed"]
        again = applied.doctor()
        assert again.code == 0, again.out
        assert not failed(again.json)
        assert applied.apply().json["requests"]["write"] == 0
    else:
        assert repaired.code == 3
        assert name in failed(repaired.json)
