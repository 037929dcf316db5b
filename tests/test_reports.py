"""Reports: text for people as whole files, JSON for machines, and text from outside that cannot act on a terminal."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from click import unstyle
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from provisioner.core.check import Check, CheckContext, Evidence, Finding, Severity, Status, Violation
from provisioner.core.diff import FieldChange
from provisioner.core.manual_step import ManualStep
from provisioner.core.plan import Action, Change, DesiredState, Plan, Refusal
from provisioner.core.provider import HandoffValue, Outcome, RequestCounts
from provisioner.core.resource import Reference
from provisioner.core.snapshot import Snapshot
from provisioner.providers.kiro import iam_policy
from provisioner.reports import text
from provisioner.reports.building import (
    apply_report,
    audit_report,
    doctor_report,
    finding_reports,
    handoff_reports,
    plan_report,
    step_report,
)
from provisioner.reports.exports import (
    DifferenceReport,
    DiffReport,
    FieldDifference,
    LeftAloneReport,
    SideReport,
    export_report,
)
from provisioner.reports.json import dumps
from provisioner.reports.models import (
    ApplyReport,
    AuditReport,
    DoneReport,
    DriftReport,
    HandoffSheet,
    PermissionReport,
    PermissionsReport,
    PlanReport,
    Target,
)
from provisioner.reports.registry import REPORTS
from tests.golden_files import assert_golden

HOSTILE = "Kiro\x1b[31m\x1b]0;x\x07\r\nreal: \u202eevil\u2028\x9b2J"
TARGET = Target(playbook="kiro.yaml", name="kiro", provider="entra", tenant="contoso.com", sandbox=False)
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
        change(Action.DELETE, "x/old", why="is there, but should not be"),
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
        Refusal(reason="too much would go"),
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
    Finding(check="t-passes", status=Status.PASS, severity=Severity.HIGH, message="All is well"),
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
FIXED = (DoneReport(address="x/1", action="update"),)
PERMISSIONS = PermissionsReport(
    target=TARGET,
    permissions=(
        PermissionReport(
            purpose="read", any_of=("A.Read", "A.All"), commands=("plan", "apply"), granted=True
        ),
        PermissionReport(purpose="write everything", any_of=("A.All",), commands=("apply",), granted=False),
        PermissionReport(purpose="look", any_of=("L.Read",), commands=("doctor",), granted=None),
    ),
    missing=("write everything",),
    kind="Some permissions",
    role_holder="A person also needs the role",
    role="Some Administrator",
    problem="no access token",
    aws_policy={"Version": "2012-10-17", "Statement": []},
)
SHEET = HandoffSheet(target=TARGET, values=handoff_reports(HANDOFF), steps=(step_report(STEP),))


def applied(plan: Plan = PLAN, done: Any = DONE, **more: Any) -> ApplyReport:
    usual: dict[str, Any] = {"after": None, "requests": RequestCounts(read=12, write=3), "seconds": 1.23456}
    return apply_report(TARGET, plan, list(done), **{**usual, **more})


EXAMPLES: dict[str, BaseModel] = {
    "plan": plan_report(TARGET, PLAN),
    "apply": applied(handoff=HANDOFF),
    "drift": DriftReport(in_sync=False, plans=(plan_report(TARGET, PLAN), plan_report(TARGET, REFUSED))),
    "doctor": doctor_report((audit_report(TARGET, FINDINGS, FIXED), audit_report(TARGET, []))),
    "permissions": PERMISSIONS,
    "handoff": SHEET,
    "export": export_report(
        TARGET,
        "version: 1\n",
        PLAN,
        client_id="1",
        unmanaged=(LeftAloneReport(address="x/y", field="f", otherwise="1 becomes 2"),),
        left_alone=("a claim",),
        unread=("groups",),
    ),
    "diff": DiffReport(
        left=SideReport(file="a.yaml", what="playbook", name="a", provider="entra", tenant="t"),
        right=SideReport(file="b.json", what="snapshot", name="b", provider="entra", tenant="t"),
        same=False,
        differences=(
            DifferenceReport(
                address="x/y", where="both", fields=(FieldDifference(name="f", left=1, right=[2]),)
            ),
        ),
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
        assert_golden(f"report-{name}.txt", unstyle(text.plan_text(report, "A Directory", verbose=verbose)))

    @pytest.mark.parametrize(
        ("action", "start"),
        [(Action.CREATE, "\x1b[32m+"), (Action.DELETE, "\x1b[31m-"), (Action.UPDATE, "\x1b[33m~")],
    )
    def test_what_is_new_is_green_what_goes_is_red_and_what_changes_is_yellow(self, action, start):
        report = plan_report(TARGET, Plan(changes=(change(action, "x/1"),)))
        assert f"{start} x/1\x1b[0m" in text.plan_text(report, "A Directory")

    def test_a_plan_that_is_refused_without_any_change_does_not_claim_to_be_in_sync(self):
        refused = IN_SYNC.model_copy(update={"refusals": REFUSED.refusals})
        assert "In sync" not in text.plan_text(plan_report(TARGET, refused), "A Directory")

    def test_a_keyed_element_whose_name_changes_is_not_shown_as_itself_twice(self):
        before, after = ({"value": "s:1", "display_name": name} for name in ("old", "new"))
        plan = Plan(changes=(change(Action.UPDATE, "x/1", ("scopes", [before], [after])),))
        lines = unstyle(text.plan_text(plan_report(TARGET, plan), "A Directory")).splitlines()
        gone = next(line for line in lines if "- s:1" in line).split("- ")[1]
        assert gone not in [line.split("+ ")[1] for line in lines if "+ s:1" in line]

    def test_a_rehearsal_says_so(self):
        target = TARGET.model_copy(update={"sandbox": True})
        found = unstyle(text.plan_text(plan_report(target, IN_SYNC), "A Directory"))
        assert found.splitlines()[0] == "kiro  A Directory, sandbox"

    @pytest.mark.parametrize(
        ("name", "report"),
        [
            ("apply", applied(plan=IN_SYNC)),
            ("apply-with-steps", applied(handoff=HANDOFF)),
            ("apply-nothing", applied(plan=IN_SYNC, done=[])),
            ("apply-waiting", applied(done=[])),
            ("apply-stopped", applied(plan=IN_SYNC, error="the connection broke")),
            ("apply-stopped-at-once", applied(plan=IN_SYNC, done=[], error="not allowed")),
        ],
    )
    def test_what_came_of_applying(self, name, report):
        assert_golden(f"report-{name}.txt", unstyle(text.apply_text(report)))

    @pytest.mark.parametrize(("name", "verbose"), [("audit", False), ("audit-verbose", True)])
    def test_audits(self, name, verbose):
        report = audit_report(TARGET, FINDINGS, FIXED)
        assert_golden(f"report-{name}.txt", unstyle(text.audit_text(report, {}, verbose=verbose)))

    def test_an_audit_without_anything_to_say(self):
        found = unstyle(text.audit_text(audit_report(TARGET, FINDINGS[:1]), {}))
        assert found == "kiro  doctor, tenant contoso.com\n\n1 passed, 0 failed, 0 skipped, 0 broken"

    def test_a_finding_without_a_message_has_the_title_of_its_check(self):
        finding = Finding(check="t-1", status=Status.SKIP, severity=Severity.LOW)
        assert "    The title" in text.audit_text(audit_report(TARGET, [finding]), {"t-1": "The title"})

    def test_permissions(self):
        assert_golden("report-permissions.txt", unstyle(text.permissions_text(PERMISSIONS, "A Directory")))

    def test_permissions_that_are_known_name_no_problem(self):
        report = PERMISSIONS.model_copy(update={"problem": ""})
        assert "unknown:" not in text.permissions_text(report, "A Directory")

    def test_handoff(self):
        assert_golden("report-handoff.txt", unstyle(text.handoff_text(SHEET, "A Directory")))

    def test_no_values_are_no_error(self):
        assert [unstyle(line) for line in text.handoff_lines(())] == ["Values to carry between the consoles"]


def hostile_reports(value: str) -> dict[str, str]:
    """Every text report with text from outside wherever there can be any."""
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
    handoff = (HandoffValue(name="ID", value=value, source="here", destination="there"),)
    audit = audit_report(target, [finding], (DoneReport(address=value, action="update"),))
    permissions = PERMISSIONS.model_copy(update={"target": target, "problem": value})
    sheet = HandoffSheet(target=target, values=handoff_reports(handoff), steps=(step_report(step),))
    report = apply_report(
        target, plan, done, after=None, requests=RequestCounts(), seconds=0, handoff=handoff, error=value
    )
    return {
        "plan": text.plan_text(plan_report(target, plan), "A Directory", verbose=True),
        "apply": text.apply_text(report),
        "audit": text.audit_text(audit, {}, verbose=True),
        "permissions": text.permissions_text(permissions, "A Directory"),
        "handoff": text.handoff_text(sheet, "A Directory"),
    }


class TestTextFromOutside:
    @pytest.mark.parametrize(
        ("value", "told"),
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
    def test_it_is_one_line_of_harmless_text(self, value, told):
        assert text.plain(value) == told

    @settings(deadline=None, max_examples=40)
    @given(value=st.text(st.characters(exclude_categories=())))
    def test_it_is_printable_and_what_is_printable_stays(self, value):
        found = text.plain(value)
        assert found.isprintable()
        assert found == value or not value.isprintable()

    @pytest.mark.parametrize("name", sorted(hostile_reports("")))
    def test_it_cannot_act_on_a_terminal_wherever_it_stands(self, name):
        usual, hostile = hostile_reports("x")[name], hostile_reports(HOSTILE)[name]
        lines = unstyle(hostile.replace(text.plain(HOSTILE), "x")).split("\n")
        assert all(line.isprintable() for line in lines)
        assert len(lines) == len(usual.split("\n"))
        assert hostile.count("\x1b") == usual.count("\x1b")

    @settings(deadline=None, max_examples=25)
    @given(value=st.text(st.characters(exclude_categories=()), max_size=8))
    def test_no_report_has_a_line_that_is_not_ours(self, value):
        usual = hostile_reports("x")
        for name, found in hostile_reports(value + "x").items():
            assert found.count("\n") == usual[name].count("\n"), name


class TestJson:
    def test_there_is_an_example_of_every_report(self):
        assert set(EXAMPLES) == set(REPORTS)
        assert all(isinstance(EXAMPLES[name], REPORTS[name]) for name in REPORTS)

    @pytest.mark.parametrize("name", sorted(REPORTS))
    def test_a_report_is_as_its_schema_says_and_reads_back_the_same(self, name):
        schema = REPORTS[name].model_json_schema(by_alias=True)
        jsonschema.Draft202012Validator.check_schema(schema)
        data = json.loads(dumps(EXAMPLES[name]))
        jsonschema.Draft202012Validator(schema).validate(data)
        assert REPORTS[name].model_validate(data) == EXAMPLES[name]

    @pytest.mark.parametrize("name", sorted(REPORTS))
    def test_a_schema_refuses_what_is_not_documented(self, name):
        validator = jsonschema.Draft202012Validator(REPORTS[name].model_json_schema(by_alias=True))
        data = json.loads(dumps(EXAMPLES[name]))
        assert not validator.is_valid({**data, "extra": 1})
        assert not validator.is_valid({**data, "schema": "provisioner.other/1"})

    @pytest.mark.parametrize("name", sorted(REPORTS))
    def test_a_report_names_its_shape_and_version(self, name):
        assert json.loads(dumps(EXAMPLES[name]))["schema"] == f"provisioner.{name}/1"

    @pytest.mark.parametrize("name", sorted(REPORTS))
    def test_the_members_of_a_version_are_only_ever_added_to(self, name):
        """The golden file is the published schema: a member that vanishes or changes shows here."""
        schema = REPORTS[name].model_json_schema(by_alias=True)
        assert_golden(f"schema-{name}.json", json.dumps(schema, indent=2, sort_keys=True))

    def test_it_is_ascii_so_that_no_remote_text_can_act_on_a_terminal(self):
        report = plan_report(TARGET.model_copy(update={"tenant": HOSTILE}), PLAN)
        found = dumps(report)
        assert found.isascii()
        assert all(line.isprintable() for line in found.split("\n"))
        assert json.loads(found)["target"]["tenant"] == HOSTILE


class TestModels:
    @pytest.mark.parametrize(
        ("plan", "in_sync"), [(IN_SYNC, True), (Plan(), True), (PLAN, False), (REFUSED, False)]
    )
    def test_in_sync_means_nothing_pending_waiting_or_refused(self, plan, in_sync):
        assert plan_report(TARGET, plan).in_sync is in_sync

    def test_waiting_alone_is_not_in_sync(self):
        waiting = Plan(changes=(change(Action.WAITING, "step/token", after=STEP),))
        report: PlanReport = plan_report(TARGET, waiting)
        assert not report.in_sync
        assert [step.address for step in report.steps] == ["step/token"]

    def test_steps_that_still_wait_afterwards_are_reported_not_those_before(self):
        assert [step.address for step in applied(after=None).steps] == ["step/token"]
        assert applied(after=IN_SYNC).steps == ()

    def test_a_reference_in_a_step_is_told_in_words(self):
        assert step_report(STEP).instructions[1] == (
            "ID: (app_id of entra-application/kiro, known after apply)"
        )

    def test_findings_are_counted_by_status_over_all_audits(self):
        report = doctor_report((audit_report(TARGET, FINDINGS), audit_report(TARGET, FINDINGS[:1])))
        assert report.summary == {"pass": 2, "fail": 3, "skip": 1, "error": 1}
        assert report.audits[1].summary == {"pass": 1, "fail": 0, "skip": 0, "error": 0}
        assert len(report.findings) == 7

    def test_what_failed_is_explained_from_the_page_of_its_check(self):
        def judge(look):
            """The title.

            Why: the reason.

            Fix: the way out.
            """
            yield Violation("bad")

        check = Check("t-explained", judge, (), Severity.LOW)
        (found,) = finding_reports(check.run(CheckContext(Snapshot())), [check])
        assert (found.title, found.why, found.remedy) == ("The title.", "the reason.", "the way out.")

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

    def test_seconds_are_told_in_thousandths(self):
        assert applied().seconds == 1.235


def test_the_policy_for_aws_is_one_that_aws_accepts_in_form():
    policy = iam_policy()
    assert policy["Version"] == "2012-10-17"
    (statement,) = policy["Statement"]
    assert (statement["Effect"], statement["Resource"]) == ("Allow", "*")
    assert len(set(statement["Action"])) == len(statement["Action"])
    assert all(action.split(":")[0] in ("codewhisperer", "q") for action in statement["Action"])
