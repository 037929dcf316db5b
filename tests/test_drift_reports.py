"""What a tenant counts as in a report of drift, and what is said of it."""

from __future__ import annotations

from datetime import date

import pytest

from provisioner.reports.drift import deviates, drift_report
from provisioner.reports.models import (
    ChangeReport,
    FindingReport,
    PlanReport,
    RefusalReport,
    Target,
    WaiverReport,
)
from provisioner.reports.text import drift_text

TARGET = Target(playbook="a.yaml", name="a", provider="entra", title="Entra", tenant="t", sandbox=False)


def waiver(*, expired=False):
    return WaiverReport(reason="r", owner="o", expires=date(2027, 1, 1), expired=expired)


def change(**more):
    return ChangeReport(address="x/a", action="update", category="configuration", **more)


def finding(**more):
    return FindingReport(check="c", status="fail", severity="low", message="bad", category="security", **more)


def plan(**more):
    in_sync = not more.get("changes") and not more.get("refusals")
    usual = {"summary": {"noop": 3}, "changes": (), "fingerprint": ""}
    return PlanReport(target=TARGET, in_sync=in_sync, **{**usual, **more})


@pytest.mark.parametrize(
    ("found", "state"),
    [
        ({}, "in_sync"),
        ({"changes": (change(),)}, "drifted"),
        ({"changes": (change(waiver=waiver()),)}, "waived"),
        ({"changes": (change(waiver=waiver(expired=True)),)}, "drifted"),
        ({"findings": (finding(),)}, "drifted"),
        ({"findings": (finding(waiver=waiver()),)}, "waived"),
        ({"changes": (change(waiver=waiver()),), "findings": (finding(),)}, "drifted"),
        ({"refusals": (RefusalReport(reason="two of them"),)}, "drifted"),
    ],
)
def test_a_tenant_counts_as_one_thing_and_the_verdict_is_the_same(found, state):
    report = drift_report([plan(**found)], [])
    assert {name for name, number in report.summary.items() if number} == {state}
    assert report.in_sync == (state == "in_sync")
    assert deviates(report, only_security=False) == (state == "drifted")


def test_a_tenant_with_a_fault_is_not_called_in_sync():
    assert "In sync: 3 unchanged." in drift_text(drift_report([plan()], []))
    told = drift_text(drift_report([plan(findings=(finding(),))], []))
    assert "In sync" not in told
    assert "Plan: 3 unchanged." in told
