"""Reports: text for people as golden files, JSON for machines, and text from outside that cannot act on a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from click import unstyle
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from provisioner.core.check import Check, CheckContext, Evidence, Finding, Severity, Status, Violation
from provisioner.core.comparison import Difference
from provisioner.core.diff import FieldChange
from provisioner.core.guards import Refusal
from provisioner.core.manual_step import ManualStep
from provisioner.core.plan import Action, Change, DesiredState, Plan
from provisioner.core.provider import (
    HandoffValue,
    Outcome,
    PermissionStatus,
    PermissionSummary,
    RequestCounts,
)
from provisioner.core.resource import Reference
from provisioner.core.snapshot import Snapshot
from provisioner.providers.kiro import iam_policy
from provisioner.reports import text
from provisioner.reports.building import (
    apply_report,
    audit_report,
    doctor_report,
    drift_report,
    finding_reports,
    handoff_report,
    manual_step_report,
    permissions_report,
    plan_report,
)
from provisioner.reports.diff import SideReport, diff_report
from provisioner.reports.export import UnmanagedDifference, export_report
from provisioner.reports.json import dumps
from provisioner.reports.models import (
    AppliedChange,
    ApplyReport,
    AuditReport,
    ErrorReport,
    PlanReport,
    Target,
)
from provisioner.reports.registry import REPORTS
from provisioner.reports.wording import audit_counts, drift_counts, plain, plan_counts, plural
from tests.golden_files import assert_golden

HOSTILE = "Kiro\x1b[31m\x1b]0;x\x07\r\nreal: \u202eevil\u2028\x9b2J"
TARGET = Target(
    playbook="kiro.yaml",
    name="kiro",
    provider="entra",
    title="A Directory",
    tenant="contoso.com",
    sandbox=False,
)
STEP = ManualStep(
    key="token",
    title="generate the SCIM token",
    location="Kiro console, Settings",
    instructions=(
        "Click there.",
        Reference(address="entra-application/kiro", field="app_id", template="ID: {}"),
    ),
    outputs=(("KIRO_SCIM_TOKEN", "the access token"),),
)


def change(action: Action, address: str, *fields: tuple[str, Any, Any], why: str = "", **more: Any) -> Change:
    """A change with fields given as name, before and after."""
    changed = tuple(FieldChange(name=name, before=before, after=after) for name, before, after in fields)
    return Change(action=action, address=address, fields=changed, why=why, **more)


PLAN = Plan(
    changes=(
        change(
            Action.CREATE,
            "x/new",
            ("name", None, "New"),
            ("uris", None, ["http://a", "http://b"]),
            ("one", None, ["only"]),
            ("none", None, []),
            ("scopes", None, [{"value": "s:1", "enabled": False, "type": "Admin"}, {"value": "s:2"}]),
            ("on", None, True),
        ),
        change(
            Action.UPDATE,
            "x/changed",
            ("name", "Old", "New"),
            ("version", None, 2),
            ("uris", ["http://a", "http://c"], ["http://a", "http://b"]),
            ("order", ["a", "b"], ["b", "a"]),
            ("filled", None, ["x"]),
            ("emptied", ["x", "y"], []),
            ("token", "(secret)", "(secret, changed)"),
        ),
        change(Action.REPLACE, "x/replaced", ("key", 1, 2), why="it cannot be changed"),
        change(Action.DELETE, "x/old", why="the playbook does not list it"),
        change(Action.NOOP, "x/same"),
        change(Action.WAITING, "step/token", why="generate the SCIM token", after=STEP),
        change(Action.WAITING, "x/held", why="waits for step/token"),
    ),
    warnings=("2 users are assigned directly",),
)
REFUSED = Plan(
    changes=(change(Action.DELETE, "x/old"), change(Action.NOOP, "x/same")),
    refusals=(
        Refusal(reason="2 groups are called 'g'", hint="name it by its id", candidates=("id: 1", "id: 2")),
        Refusal(reason="too many would be deleted"),
    ),
)
IN_SYNC = Plan(changes=(change(Action.NOOP, "x/same"), change(Action.NOOP, "x/other")))
DONE = [
    (change(Action.CREATE, "x/new"), Outcome(note="restored")),
    (change(Action.UPDATE, "x/changed"), Outcome()),
    (change(Action.UPDATE, "x/changed-too"), Outcome()),
    (change(Action.DELETE, "x/old"), Outcome(note="in the recycle bin")),
]
HANDOFF = (
    HandoffValue(
        name="Application (client) ID",
        value="1234",
        source="Entra, Overview",
        destination="Kiro console, Application ID",
    ),
    HandoffValue(
        name="Tenant ID", value=None, source="Entra, Overview", destination="Kiro console, Tenant ID"
    ),
)
FINDINGS = [
    Finding(check="t-passes", status=Status.PASS, severity=Severity.HIGH, message="Everything is correct"),
    Finding(
        check="t-low",
        status=Status.FAIL,
        severity=Severity.LOW,
        address="x/1",
        message="somewhat wrong",
        evidence=(Evidence(path="x.value", value=None), Evidence(path="x.list", value=["a", 1])),
    ),
    Finding(check="t-medium", status=Status.FAIL, severity=Severity.MEDIUM, message="wrong"),
    Finding(
        check="t-skipped",
        status=Status.SKIP,
        severity=Severity.HIGH,
        message="x could not be read",
        permissions=("A.Read", "B.Read"),
    ),
    Finding(check="t-broken", status=Status.ERROR, severity=Severity.HIGH, message="the check itself failed"),
    Finding(
        check="t-high", status=Status.FAIL, severity=Severity.HIGH, message="quite wrong", fix=DesiredState()
    ),
]
FIXED = (AppliedChange(address="x/1", action=Action.UPDATE),)
PERMISSIONS = permissions_report(
    TARGET,
    PermissionSummary(
        kind="Some permissions",
        permissions=(
            PermissionStatus(
                purpose="read", any_of=("A.Read", "A.All"), commands=("plan", "apply"), granted=True
            ),
            PermissionStatus(
                purpose="write everything", any_of=("A.All",), commands=("apply",), granted=False
            ),
            PermissionStatus(purpose="audit", any_of=("L.Read",), commands=("doctor",)),
        ),
        role_holder="An admin also needs the role",
        role="Some Administrator",
        problem="no access token",
    ),
    {"Version": "2012-10-17", "Statement": []},
)
WAITING = Plan(changes=(change(Action.WAITING, "step/token", after=STEP),))
HANDOFF_REPORT = handoff_report(TARGET, HANDOFF, WAITING)


def applied(plan: Plan = PLAN, done: Any = DONE, **other: Any) -> ApplyReport:
    usual: dict[str, Any] = {"after": None, "requests": RequestCounts(read=12, write=1), "seconds": 1.23456}
    return apply_report(TARGET, plan, done, **{**usual, **other})


EXAMPLES: dict[str, BaseModel] = {
    "plan": plan_report(TARGET, PLAN),
    "apply": applied(handoff=HANDOFF),
    "drift": drift_report(
        (plan_report(TARGET, PLAN), plan_report(TARGET, REFUSED)),
        [ErrorReport(playbook="a.yaml", message="the tenant does not respond")],
    ),
    "doctor": doctor_report((audit_report(TARGET, FINDINGS, FIXED), audit_report(TARGET, []))),
    "permissions": PERMISSIONS,
    "handoff": HANDOFF_REPORT,
    "export": export_report(
        TARGET,
        "version: 1\n",
        PLAN,
        client_id="1",
        unmanaged=(UnmanagedDifference(address="x/y", field="f", effect="1 becomes 2"),),
        not_exported=("a claim",),
        unread=("groups",),
    ),
    "diff": diff_report(
        SideReport(file="a.yaml", source="playbook", name="a", provider="entra", tenant="t"),
        SideReport(file="b.json", source="snapshot", name="b", provider="entra", tenant="t"),
        [Difference(address="x/y", where="both", fields=(FieldChange(name="f", before=1, after=[2]),))],
    ),
}


class TestText:
    @pytest.mark.parametrize(
        ("name", "plan", "verbose"),
        [
            ("plan", PLAN, False),
            ("plan-verbose", PLAN, True),
            ("plan-refused", REFUSED, False),
            ("plan-in-sync", IN_SYNC, False),
            ("plan-in-sync-verbose", IN_SYNC, True),
        ],
    )
    def test_plans(self, name, plan, verbose):
        report = plan_report(TARGET, plan)
        assert_golden(f"report-{name}.txt", unstyle(text.plan_text(report, verbose=verbose)))

    @pytest.mark.parametrize(
        ("action", "start"),
        [(Action.CREATE, "\x1b[32m+"), (Action.DELETE, "\x1b[31m-"), (Action.UPDATE, "\x1b[33m~")],
    )
    def test_creations_are_green_deletions_red_and_updates_yellow(self, action, start):
        report = plan_report(TARGET, Plan(changes=(change(action, "x/1"),)))
        assert f"{start} x/1\x1b[0m" in text.plan_text(report)

    def test_a_refused_plan_without_changes_is_not_in_sync(self):
        refused = IN_SYNC.model_copy(update={"refusals": REFUSED.refusals})
        assert "In sync" not in text.plan_text(plan_report(TARGET, refused))

    def test_a_keyed_element_with_a_new_name_is_not_shown_as_two_equal_lines(self):
        before, after = ({"value": "s:1", "display_name": name} for name in ("old", "new"))
        plan = Plan(changes=(change(Action.UPDATE, "x/1", ("scopes", [before], [after])),))
        lines = unstyle(text.plan_text(plan_report(TARGET, plan))).splitlines()
        removed = next(line for line in lines if "- s:1" in line).split("- ")[1]
        assert removed not in [line.split("+ ")[1] for line in lines if "+ s:1" in line]

    def test_the_heading_names_the_sandbox(self):
        target = TARGET.model_copy(update={"sandbox": True})
        output = unstyle(text.plan_text(plan_report(target, IN_SYNC)))
        assert output.splitlines()[0] == "kiro  A Directory, sandbox"

    @pytest.mark.parametrize(
        ("name", "report"),
        [
            ("apply", applied(plan=IN_SYNC)),
            ("apply-with-steps", applied(handoff=HANDOFF)),
            ("apply-nothing", applied(plan=IN_SYNC, done=[])),
            ("destroy", applied(plan=IN_SYNC, command="destroy")),
            ("destroy-nothing", applied(plan=IN_SYNC, done=[], command="destroy")),
            ("apply-waiting", applied(done=[])),
            ("apply-stopped", applied(plan=IN_SYNC, error="the connection broke")),
            ("apply-stopped-at-once", applied(plan=IN_SYNC, done=[], error="not allowed")),
        ],
    )
    def test_results_of_apply_and_destroy(self, name, report):
        assert_golden(f"report-{name}.txt", unstyle(text.apply_text(report)))

    @pytest.mark.parametrize(("name", "verbose"), [("audit", False), ("audit-verbose", True)])
    def test_audits(self, name, verbose):
        report = doctor_report([audit_report(TARGET, FINDINGS, FIXED)])
        assert_golden(f"report-{name}.txt", unstyle(text.doctor_text(report, verbose=verbose)))

    def test_an_audit_without_failures_has_only_numbers(self):
        output = unstyle(text.doctor_text(doctor_report([audit_report(TARGET, FINDINGS[:1])])))
        assert output == "kiro  doctor, tenant contoso.com\n\n1 passed, 0 failed, 0 skipped, 0 errors"

    def test_a_finding_without_a_message_has_the_title_of_its_check(self):
        finding = Finding(check="t-1", status=Status.SKIP, severity=Severity.LOW)
        check = Check("t-1", documented_check, (), Severity.LOW)
        report = doctor_report([audit_report(TARGET, [finding], checks=[check])])
        assert "    The title" in text.doctor_text(report)

    def test_drift(self):
        assert_golden("report-drift.txt", unstyle(text.drift_text(EXAMPLES["drift"])))

    def test_permissions(self):
        assert_golden("report-permissions.txt", unstyle(text.permissions_text(PERMISSIONS)))

    def test_known_permissions_mention_no_problem(self):
        report = PERMISSIONS.model_copy(update={"problem": ""})
        assert "unknown:" not in text.permissions_text(report)

    def test_handoff(self):
        assert_golden("report-handoff.txt", unstyle(text.handoff_text(HANDOFF_REPORT)))

    def test_no_values_are_no_error(self):
        output = unstyle(text.handoff_text(handoff_report(TARGET, (), IN_SYNC)))
        assert output.endswith("Values to copy between the consoles")


class TestWording:
    def test_a_noun_has_the_right_plural(self):
        assert [plural(count, "change") for count in (0, 1, 2, 10_000)] == [
            "0 changes",
            "1 change",
            "2 changes",
            "10,000 changes",
        ]

    def test_plans_in_numbers(self):
        assert plan_counts({"noop": 2}, in_sync=True) == "In sync: 2 unchanged."
        assert plan_counts({"noop": 2}, in_sync=False) == "Plan: 2 unchanged."
        counts = {"create": 1, "waiting": 1, "noop": 0}
        assert plan_counts(counts, in_sync=False) == (
            "Plan: 1 to create, 1 waiting for a manual step, 0 unchanged."
        )

    def test_playbooks_and_findings_in_numbers(self):
        states = {"in_sync": 1, "drifted": 1, "waived": 0, "errors": 0}
        assert drift_counts(states) == "1 in sync, 1 drifted, 0 waived, 0 errors"
        statuses = {"pass": 3, "fail": 2, "skip": 0, "error": 1}
        assert audit_counts(statuses) == "3 passed, 2 failed, 0 skipped, 1 error"


def documented_check(context: CheckContext) -> Iterator[Violation]:
    """The title

    Why: the cause.

    Fix: the solution.
    """
    yield Violation("bad")


def hostile_reports(value: str) -> dict[str, str]:
    """Every text report, with this text wherever text comes from outside."""
    target = TARGET.model_copy(update={"tenant": value, "name": value})
    step = STEP.model_copy(update={"instructions": (value,)})
    plan = Plan(
        changes=(
            change(Action.CREATE, f"x/{value}", ("a", None, value), ("b", None, [value, {"value": value}])),
            change(
                Action.UPDATE, "x/2", ("a", value, value + "2"), ("b", [value], [{"k": value}]), why=value
            ),
            change(Action.WAITING, "step/1", why=value, after=step),
        ),
        refusals=(Refusal(reason=value, hint=value, candidates=(value,)),),
        warnings=(value,),
    )
    done = [(plan.changes[0], Outcome(note=value))]
    finding = Finding(
        check="t-1",
        status=Status.FAIL,
        severity=Severity.LOW,
        message=value,
        evidence=(Evidence(path=value, value=value), Evidence(path="p", value={value: [value]})),
        permissions=(value,),
    )
    handoff = (HandoffValue(name="ID", value=value, source="a", destination="b"),)
    audit = audit_report(target, [finding], (AppliedChange(address=value, action=Action.UPDATE),))
    permissions = PERMISSIONS.model_copy(update={"target": target, "problem": value})
    report = apply_report(
        target, plan, done, after=None, requests=RequestCounts(), seconds=0, handoff=handoff, error=value
    )
    return {
        "plan": text.plan_text(plan_report(target, plan), verbose=True),
        "apply": text.apply_text(report),
        "doctor": text.doctor_text(doctor_report([audit]), verbose=True),
        "permissions": text.permissions_text(permissions),
        "handoff": text.handoff_text(handoff_report(target, handoff, plan)),
    }


class TestTextFromOutside:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("Größe 日本 👍", "Größe 日本 👍"),
            ("a\nb", "a\\nb"),
            ("\x1b[2J", "\\x1b[2J"),
            ("\u202egnp", "\\u202egnp"),
            ("\ud800", "\\ud800"),
            (None, "null"),
            (True, "true"),
            (["a", 1], '["a", 1]'),
            ({"k": "\x1b"}, '{"k": "\\u001b"}'),
        ],
    )
    def test_it_becomes_one_line_of_printable_text(self, value, expected):
        assert plain(value) == expected

    @settings(deadline=None, max_examples=40)
    @given(value=st.text(st.characters(exclude_categories=())))
    def test_printable_text_does_not_change(self, value):
        output = plain(value)
        assert output.isprintable()
        assert output == value or not value.isprintable()

    @pytest.mark.parametrize("name", sorted(hostile_reports("")))
    def test_it_cannot_act_on_a_terminal_wherever_it_appears(self, name):
        usual, hostile = hostile_reports("x")[name], hostile_reports(HOSTILE)[name]
        lines = unstyle(hostile.replace(plain(HOSTILE), "x")).split("\n")
        assert all(line.isprintable() for line in lines)
        assert len(lines) == len(usual.split("\n"))
        assert hostile.count("\x1b") == usual.count("\x1b")

    @settings(deadline=None, max_examples=25)
    @given(value=st.text(st.characters(exclude_categories=()), max_size=8))
    def test_it_adds_no_line_to_a_report(self, value):
        usual = hostile_reports("x")
        for name, output in hostile_reports(value + "x").items():
            assert output.count("\n") == usual[name].count("\n"), name


class TestJson:
    def test_every_report_has_an_example(self):
        assert set(EXAMPLES) == set(REPORTS)
        assert all(isinstance(EXAMPLES[name], REPORTS[name]) for name in REPORTS)

    @pytest.mark.parametrize("name", sorted(REPORTS))
    def test_a_report_is_valid_by_its_schema_and_reads_back_the_same(self, name):
        schema = REPORTS[name].model_json_schema(by_alias=True)
        jsonschema.Draft202012Validator.check_schema(schema)
        data = json.loads(dumps(EXAMPLES[name]))
        jsonschema.Draft202012Validator(schema).validate(data)
        assert REPORTS[name].model_validate(data) == EXAMPLES[name]

    @pytest.mark.parametrize("name", sorted(REPORTS))
    def test_a_schema_refuses_unknown_members(self, name):
        validator = jsonschema.Draft202012Validator(REPORTS[name].model_json_schema(by_alias=True))
        data = json.loads(dumps(EXAMPLES[name]))
        assert not validator.is_valid({**data, "extra": 1})
        assert not validator.is_valid({**data, "schema": "provisioner.other/1"})

    @pytest.mark.parametrize("name", sorted(REPORTS))
    def test_a_report_names_its_shape_and_version(self, name):
        assert json.loads(dumps(EXAMPLES[name]))["schema"] == f"provisioner.{name}/1"

    @pytest.mark.parametrize("name", sorted(REPORTS))
    def test_a_version_only_gains_members(self, name):
        """The golden file is the published schema: it shows a removed or changed member."""
        schema = REPORTS[name].model_json_schema(by_alias=True)
        assert_golden(f"schema-{name}.json", json.dumps(schema, indent=2, sort_keys=True))

    def test_it_is_ascii_so_that_no_text_can_act_on_a_terminal(self):
        report = plan_report(TARGET.model_copy(update={"tenant": HOSTILE}), PLAN)
        output = dumps(report)
        assert output.isascii()
        assert all(line.isprintable() for line in output.split("\n"))
        assert json.loads(output)["target"]["tenant"] == HOSTILE


class TestModels:
    @pytest.mark.parametrize(
        ("plan", "in_sync"), [(IN_SYNC, True), (Plan(), True), (PLAN, False), (REFUSED, False)]
    )
    def test_in_sync_means_nothing_pending_waiting_or_refused(self, plan, in_sync):
        assert plan_report(TARGET, plan).in_sync is in_sync

    def test_waiting_alone_is_not_in_sync(self):
        report: PlanReport = plan_report(TARGET, WAITING)
        assert not report.in_sync
        assert [step.address for step in report.manual_steps] == ["step/token"]

    def test_the_manual_steps_are_those_that_are_pending_afterwards(self):
        assert [step.address for step in applied(after=None).manual_steps] == ["step/token"]
        assert applied(after=IN_SYNC).manual_steps == ()

    def test_a_reference_in_a_manual_step_becomes_a_description(self):
        assert manual_step_report(STEP).instructions[1] == (
            "ID: (app_id of entra-application/kiro, known after apply)"
        )

    def test_findings_are_counted_by_status_over_all_audits(self):
        report = doctor_report((audit_report(TARGET, FINDINGS), audit_report(TARGET, FINDINGS[:1])))
        assert report.summary == {"pass": 2, "fail": 3, "skip": 1, "error": 1}
        assert report.audits[1].summary == {"pass": 1, "fail": 0, "skip": 0, "error": 0}
        assert len(report.findings) == 7

    def test_a_failure_is_explained_by_the_documentation_of_its_check(self):
        check = Check("t-explained", documented_check, (), Severity.LOW)
        (finding,) = finding_reports(check.run(CheckContext(Snapshot())), [check])
        assert (finding.title, finding.why, finding.remedy) == ("The title", "the cause.", "the solution.")

    def test_only_what_failed_can_be_fixed(self):
        report: AuditReport = audit_report(TARGET, FINDINGS)
        assert {finding.check: finding.fix for finding in report.findings} == {
            "t-passes": None,
            "t-low": "manual",
            "t-medium": "manual",
            "t-skipped": None,
            "t-broken": None,
            "t-high": "automatic",
        }

    def test_seconds_are_rounded_to_thousandths(self):
        assert applied().seconds == 1.235


def test_the_aws_policy_is_well_formed():
    policy = iam_policy()
    assert policy["Version"] == "2012-10-17"
    (statement,) = policy["Statement"]
    assert (statement["Effect"], statement["Resource"]) == ("Allow", "*")
    assert len(set(statement["Action"])) == len(statement["Action"])
    assert all(action.split(":")[0] in ("codewhisperer", "q") for action in statement["Action"])
