"""Failures in the System Log."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.providers.okta import logs, observations


def event(
    kind: str, reason: str | None, published: str, *targets: dict[str, Any], **more: Any
) -> dict[str, Any]:
    return {
        "eventType": kind,
        "outcome": {"result": "FAILURE", "reason": reason},
        "published": published,
        "target": list(targets),
        **more,
    }


APP = {"id": "0oa2", "type": "AppInstance", "alternateId": "Kiro-SCIM"}
ALICE = {"id": "00u1", "type": "User", "alternateId": "alice@acme.example", "displayName": "Alice"}
BOB = {"id": "00u2", "type": "AppUser", "alternateId": None, "displayName": "Bob"}


class TestFailures:
    def test_failures_are_grouped_by_event_and_reason_with_the_newest(self):
        events = [
            event("push", "Unauthorized", "3", APP, ALICE),
            event("push", "Unauthorized", "2", BOB),
            event("push", "Conflict", "1", BOB, APP),
        ]
        assert logs.group_failures(observations.ProvisioningFailure, events) == (
            observations.ProvisioningFailure(
                key="push: Unauthorized",
                event="push",
                reason="Unauthorized",
                count=2,
                subject="alice@acme.example",
                display_names=("Alice",),
                last="3",
            ),
            observations.ProvisioningFailure(
                key="push: Conflict",
                event="push",
                reason="Conflict",
                count=1,
                subject="Bob",
                display_names=("Bob",),
                last="1",
            ),
        )

    def test_a_failure_without_a_user_names_its_actor(self):
        actor = {"id": "00u9", "alternateId": "system@okta.com"}
        (failures,) = logs.group_failures(
            observations.SignInFailure, [event("x", None, "1", APP, actor=actor)]
        )
        assert (failures.key, failures.reason, failures.subject, failures.display_names) == (
            "x",
            None,
            "system@okta.com",
            (),
        )

    @pytest.mark.parametrize(
        "odd", [{}, {"eventType": "x"}, {"eventType": "x", "target": None, "outcome": None}]
    )
    def test_an_event_with_few_members_still_counts(self, odd):
        (failures,) = logs.group_failures(observations.SignInFailure, [odd])
        assert (failures.count, failures.subject, failures.last) == (1, None, None)

    @given(
        events=st.lists(
            st.builds(
                event,
                st.sampled_from(["a", "b"]),
                st.sampled_from([None, "", "x", "y"]),
                st.sampled_from(["1", "2"]),
            )
        )
    )
    def test_every_failure_counts_once_and_addresses_are_unique(self, events):
        failures = logs.group_failures(observations.ProvisioningFailure, events)
        assert sum(failure.count for failure in failures) == len(events)
        assert len({failure.address for failure in failures}) == len(failures)


class TestUnresolvedFailures:
    def unresolved(
        self, failed: list[dict[str, Any]], succeeded: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        return logs.unresolved_failures(failed, succeeded, "0oa2")

    def test_a_later_success_of_the_same_user_resolves_a_failure(self):
        failed = [event("push", "x", "2026-01-01T00:00:01.000Z", APP, ALICE)]
        assert self.unresolved(failed, [event("push", None, "2026-01-01T00:00:02.000Z", APP, ALICE)]) == []

    def test_a_success_of_another_user_does_not_resolve_it(self):
        failed = [event("push", "x", "2026-01-01T00:00:01.000Z", APP, ALICE)]
        assert self.unresolved(failed, [event("push", None, "2026-01-01T00:00:02.000Z", APP, BOB)]) == failed

    def test_an_earlier_success_does_not_resolve_it(self):
        failed = [event("push", "x", "2026-01-01T00:00:03.000Z", APP, ALICE)]
        assert (
            self.unresolved(failed, [event("push", None, "2026-01-01T00:00:02.000Z", APP, ALICE)]) == failed
        )

    def test_any_success_resolves_a_failure_of_the_application(self):
        failed = [event("authentication_failure", "x", "2026-01-01T00:00:01.000Z", APP)]
        succeeded = [event("push", None, "2026-01-01T00:00:02.000Z", APP, BOB)]
        assert self.unresolved(failed, succeeded) == []
        assert self.unresolved(failed, []) == failed
