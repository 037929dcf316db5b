"""The Entra checks."""

from __future__ import annotations

from typing import ClassVar

import pytest

from provisioner.providers.entra.checks.aadsts import EXPLANATIONS, explain
from tests.providers import check_harness
from tests.providers.entra.check_cases import SUITE


class TestTheHealthyTenant(check_harness.HealthyTenantTests):
    suite = SUITE


class TestCases(check_harness.CaseTests):
    suite = SUITE


class TestFixes(check_harness.FixTests):
    suite = SUITE


class TestDocumentation(check_harness.DocumentationTests):
    suite = SUITE
    texts: ClassVar = tuple(
        text for explanation in EXPLANATIONS.values() for text in (explanation.cause, explanation.fix)
    )
    rows: ClassVar = {
        "access token version",
        "scopes",
        "attribute mapping",
        "redirect URIs",
        "provision on demand",
        "profile deleted and created again",
    }


class TestGaps(check_harness.GapTests):
    suite = SUITE


class TestSignInCodes:
    def test_every_known_code_has_a_cause_and_a_fix_unless_it_is_benign(self):
        for code in EXPLANATIONS:
            explanation = explain(code, "Entra's reason")
            assert explanation.cause, code
            assert explanation.cause != "Entra's reason", code
            assert explanation.benign or explanation.fix, code

    @pytest.mark.parametrize(("reason", "cause"), [("odd", "odd"), (None, "not explained here")])
    def test_an_unknown_code_has_entra_s_reason_and_a_link(self, reason, cause):
        explanation = explain(1, reason)
        assert (explanation.cause, explanation.benign) == (cause, False)
        assert explanation.fix.endswith("?code=1")
