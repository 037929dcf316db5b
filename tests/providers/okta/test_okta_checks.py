"""The Okta checks: what each finds, and that what it would repair is repaired, and nothing else is broken."""

from __future__ import annotations

from typing import ClassVar

import pytest

from provisioner.providers.okta.checks.required import join_names
from tests.providers import check_harness
from tests.providers.okta.okta_checks import SUITE


class TestTheHealthyOrganization(check_harness.HealthyTenantTests):
    suite = SUITE


class TestCases(check_harness.CaseTests):
    suite = SUITE


class TestFixes(check_harness.FixTests):
    suite = SUITE


class TestDocumentation(check_harness.DocumentationTests):
    suite = SUITE
    rows: ClassVar = {"User was not added to the OIDC app", "Did not enable provisioning to create users"}
    unmentioned: ClassVar = {"okta-provider-issues"}


class TestGaps(check_harness.GapTests):
    suite = SUITE


@pytest.mark.parametrize(
    ("names", "count", "expected"),
    [
        ("a", 1, "a"),
        ("abcde", 5, "a, b, c, d, e"),
        ("abcdef", 6, "a, b, c, d, e and 1 more"),
        ("abcdefg", 700, "a, b, c, d, e and 695 more"),
    ],
)
def test_at_most_five_names_are_shown(names, count, expected):
    assert join_names(tuple(names), count) == expected
