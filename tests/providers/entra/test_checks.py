"""The Entra checks: what each finds, and that what it would repair is repaired, and nothing else is broken."""

from __future__ import annotations

from typing import ClassVar

import pytest

from provisioner.providers.entra.checks.aadsts import MEANINGS, meaning
from tests.providers import check_harness
from tests.providers.entra.check_cases import SUITE


class TestTheHealthyTenant(check_harness.TheHealthyTenant):
    suite = SUITE


class TestCases(check_harness.TheCases):
    suite = SUITE


class TestFixes(check_harness.TheFixes):
    suite = SUITE


class TestDocumentation(check_harness.TheirDocumentation):
    suite = SUITE
    texts: ClassVar = tuple(text for found in MEANINGS.values() for text in (found.what, found.fix))
    rows: ClassVar = {
        "access token version",
        "scopes",
        "attribute mapping",
        "redirect URIs",
        "provision on demand",
        "profile deleted and created again",
    }


class TestGaps(check_harness.TheGaps):
    suite = SUITE


class TestSignInCodes:
    @pytest.mark.parametrize("code", sorted(MEANINGS))
    def test_every_known_code_is_explained_and_says_what_to_do(self, code):
        found = meaning(code, "what Entra says")
        assert found.what
        assert found.what != "what Entra says"
        assert found.benign or found.fix

    @pytest.mark.parametrize(("reason", "what"), [("odd", "odd"), (None, "not explained here")])
    def test_an_unknown_code_is_what_entra_says_with_a_link(self, reason, what):
        found = meaning(1, reason)
        assert (found.what, found.benign) == (what, False)
        assert found.fix.endswith("?code=1")
