"""What the sign-in log and the provisioning log report."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.providers.entra.logs import parse_provisioning_log, parse_sign_ins


def test_failed_sign_ins_are_grouped_by_code_with_the_reason_of_the_latest():
    def sign_in(code: int | None, when: str, reason: str) -> dict[str, Any]:
        return {"createdDateTime": when, "status": {"errorCode": code, "failureReason": reason}}

    entries = [
        sign_in(50011, "2026-11-20T10:00:00Z", "older"),
        sign_in(0, "2026-11-20T11:00:00Z", "fine"),
        sign_in(50011, "2026-11-21T10:00:00Z", "newer"),
        sign_in(65001, "2026-11-19T10:00:00Z", "consent"),
        sign_in(None, "2026-11-19T10:00:00Z", "?"),
        {"status": None},
    ]
    first, second = parse_sign_ins(entries)
    assert (first.key, first.code, first.count, first.reason, first.last) == (
        "50011",
        50011,
        2,
        "newer",
        "2026-11-21T10:00:00Z",
    )
    assert (second.code, second.count) == (65001, 1)


class TestProvisioningLog:
    @staticmethod
    def entry(object_id: str, status: str, hour: int, **more: Any) -> dict[str, Any]:
        return {
            "activityDateTime": f"2026-11-21T{hour:02}:00:00Z",
            "sourceIdentity": {"id": object_id, "displayName": object_id.title(), "identityType": "user"},
            "provisioningStatusInfo": {"status": status, **more.pop("info", {})},
            **more,
        }

    @staticmethod
    def external_id(value: str) -> dict[str, Any]:
        return {"modifiedProperties": [{"displayName": "externalId", "newValue": value}]}

    def read(self, *entries: dict[str, Any]) -> dict[str, Any]:
        return {resource.address: resource for resource in parse_provisioning_log(entries)}

    def test_failures_are_grouped_by_code_with_the_reason_of_the_latest(self):
        info = {"info": {"errorInformation": {"errorCode": "Bad", "reason": "phone"}}}
        older = {"info": {"errorInformation": {"errorCode": "Bad", "reason": "older"}}}
        resources = self.read(
            self.entry("ann", "failure", 1, **older),
            self.entry("bob", "Failure", 2, **info),
            self.entry("cy", "failure", 1),
        )
        bad = resources["entra-provisioning-failure/Bad"]
        assert (bad.count, bad.reason, bad.subject, bad.last) == (2, "phone", "Bob", "2026-11-21T02:00:00Z")
        assert resources["entra-provisioning-failure/unknown"].reason is None

    def test_a_failure_before_a_success_is_resolved(self):
        assert self.read(self.entry("ann", "failure", 1), self.entry("ann", "success", 2)) == {}

    def test_a_failure_after_a_success_is_unresolved(self):
        assert len(self.read(self.entry("ann", "success", 1), self.entry("ann", "failure", 2))) == 1

    @pytest.mark.parametrize("status", ["skipped", "warning"])
    def test_other_results_are_ignored(self, status):
        assert self.read(self.entry("ann", status, 2, **self.external_id("x"))) == {}

    @pytest.mark.parametrize("value", ["alice", '"alice"'])
    def test_a_user_with_another_external_id_than_the_object_id(self, value):
        resources = self.read(self.entry("o1", "success", 1, **self.external_id(value)))
        wrong = resources["entra-wrong-external-id/o1"]
        assert (wrong.name, wrong.external_id) == ("O1", "alice")

    @pytest.mark.parametrize(
        "properties",
        [
            {"modifiedProperties": [{"displayName": "externalId", "newValue": '"o1"'}]},
            {"modifiedProperties": [{"displayName": "userName", "newValue": "alice"}]},
            {"modifiedProperties": [{"displayName": "externalId", "newValue": None}]},
            {"modifiedProperties": None},
        ],
    )
    def test_a_user_with_a_correct_or_unknown_external_id(self, properties):
        assert self.read(self.entry("o1", "success", 1, **properties)) == {}

    @pytest.mark.parametrize(("first", "last", "count"), [("alice", "o1", 0), ("o1", "alice", 1)])
    def test_the_newest_external_id_counts(self, first, last, count):
        resources = self.read(
            self.entry("o1", "success", 1, **self.external_id(first)),
            self.entry("o1", "success", 2, **self.external_id(last)),
        )
        assert len(resources) == count

    def test_a_group_may_have_any_external_id(self):
        entry = self.entry("g1", "success", 1, **self.external_id("x"))
        entry["sourceIdentity"]["identityType"] = "group"
        assert self.read(entry) == {}

    def test_an_empty_entry_is_ignored(self):
        assert self.read({}) == {}
