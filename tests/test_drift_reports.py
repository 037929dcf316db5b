"""The state of each tenant in a drift report, and its text."""

from __future__ import annotations

from datetime import date

import pytest

from provisioner.core.guards import Refusal
from provisioner.reports.building import drift_report, has_drift
from provisioner.reports.models import ChangeReport, FindingReport, PlanReport, Target, WaiverReport
from provisioner.reports.text import drift_text

TARGET = Target(playbook="a.yaml", name="a", provider="entra", title="Entra", tenant="t", sandbox=False)


def waiver(*, expired=False):
    return WaiverReport(reason="r", owner="o", expires=date(2027, 1, 1), expired=expired)


def change(**other):
    return ChangeReport(**{"address": "x/a", "action": "update", "category": "configuration", **other})


def finding(**other):
    return FindingReport(
        check="c", status="fail", severity="low", message="bad", category="security", **other
    )


def plan(**other):
    in_sync = not other.get("changes") and not other.get("refusals")
    usual = {"summary": {"noop": 3}, "changes": (), "fingerprint": ""}
    return PlanReport(target=TARGET, in_sync=in_sync, **{**usual, **other})


@pytest.mark.parametrize(
    ("differences", "state"),
    [
        ({}, "in_sync"),
        ({"changes": (change(),)}, "drifted"),
        ({"changes": (change(waiver=waiver()),)}, "waived"),
        ({"changes": (change(waiver=waiver(expired=True)),)}, "drifted"),
        ({"findings": (finding(),)}, "drifted"),
        ({"findings": (finding(waiver=waiver()),)}, "waived"),
        ({"changes": (change(waiver=waiver()),), "findings": (finding(),)}, "drifted"),
        ({"refusals": (Refusal(reason="two of them"),)}, "drifted"),
    ],
)
def test_a_tenant_has_one_state_and_the_exit_code_agrees(differences, state):
    report = drift_report([plan(**differences)], [])
    assert {name for name, number in report.summary.items() if number} == {state}
    assert report.in_sync == (state == "in_sync")
    assert has_drift(report, only_security=False) == (state == "drifted")


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ({"changes": (change(),)}, False),
        ({"changes": (change(category="security"),)}, True),
        ({"changes": (change(category="security", waiver=waiver()),)}, False),
        ({"findings": (finding(),)}, True),
        ({"refusals": (Refusal(reason="two of them"),)}, False),
    ],
)
def test_only_security_counts_only_security(differences, expected):
    assert has_drift(drift_report([plan(**differences)], []), only_security=True) is expected


def test_a_tenant_with_a_failed_check_is_not_in_sync():
    assert "In sync: 3 unchanged." in drift_text(drift_report([plan()], []))
    output = drift_text(drift_report([plan(findings=(finding(),))], []))
    assert "In sync" not in output
    assert "Plan: 3 unchanged." in output
