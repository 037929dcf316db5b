"""Tests of the checks of every provider. Cases are small changes of a healthy tenant.

A provider's test module names its :class:`Suite` and derives its test classes from those here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, reduce
from operator import or_
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from provisioner.core.check import SECTIONS, Check, CheckContext, Finding, Severity, Status
from provisioner.core.guards import Guards
from provisioner.core.plan import DesiredState, Plan, make_plan
from provisioner.core.resource import KINDS
from provisioner.core.snapshot import Gap, Snapshot
from provisioner.reports.building import audit_report
from provisioner.reports.json import dumps
from provisioner.reports.models import Target
from tests.simulated_apply import apply_to_snapshot


@dataclass(frozen=True)
class Suite:
    """The checks of one provider, with their cases.

    Attributes:
        provider: its name, with which the ids of its checks begin.
        folder: contains ``healthy.yaml`` and ``cases/<check>/<case>.yaml``.
        model: the model of its playbooks.
        wider_fixes: by check, the kinds that its fix sets if they differ from the kind of the finding.
        removing: checks with a fix that deletes something.
    """

    provider: str
    folder: Path
    checks: tuple[Check, ...]
    model: Any
    wider_fixes: Mapping[str, AbstractSet[str]] = field(default_factory=dict)
    removing: AbstractSet[str] = frozenset()

    @cached_property
    def by_id(self) -> dict[str, Check]:
        return {check.id: check for check in self.checks}

    @cached_property
    def tenant(self) -> dict[str, Any]:
        """The healthy tenant and its playbook, as in the file."""
        data: dict[str, Any] = yaml.safe_load((self.folder / "healthy.yaml").read_text(encoding="utf-8"))
        return data

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        return tuple(
            Case(self, file.parent.name, file.stem, yaml.safe_load(file.read_text(encoding="utf-8")))
            for file in sorted((self.folder / "cases").glob("*/*.yaml"))
        )

    @cached_property
    def healthy(self) -> Case:
        return self.case({})

    def case(self, content: dict[str, Any]) -> Case:
        """A case without a file."""
        return Case(self, "", "healthy", content)

    def failing(self, context: CheckContext) -> set[str]:
        """The ids of the checks that fail."""
        return {finding.check for finding in self.failures(context)}

    def failures(self, context: CheckContext) -> list[Finding]:
        """The findings of every check that fails."""
        findings = (finding for check in self.checks for finding in check.run(context))
        return [finding for finding in findings if finding.status is Status.FAIL]

    def mentioned(self, text: str) -> set[str]:
        """The ids of checks of this provider in a text."""
        return set(re.findall(rf"(?<![\w-]){self.provider}-[a-z0-9-]*[a-z0-9]", text))


@dataclass(frozen=True)
class Case:
    """One case file.

    Attributes:
        content: ``change``, ``add`` and ``remove`` resources, ``gaps``, ``problems``, ``playbook`` (sections that
            replace those of the healthy one); and ``finds`` or ``skips``. ``leaves`` are fields after the fixes.
            ``observed`` is the reason why a fix cannot show in the snapshot, ``waits`` why it needs a manual step.
    """

    suite: Suite
    check_id: str
    name: str
    content: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.check_id}/{self.name}"

    @cached_property
    def snapshot(self) -> Snapshot:
        """The healthy tenant with the changes of this case."""
        resources = {f"{saved['kind']}/{saved['key']}": saved for saved in self.suite.tenant["resources"]}
        for address, fields in self.content.get("change", {}).items():
            unknown = fields.keys() - KINDS[resources[address]["kind"]].model_fields.keys()
            assert not unknown, f"{self}: {address} has no {unknown}"
            resources[address] = {**resources[address], **fields}
        for address in self.content.get("remove", []):
            del resources[address]
        for saved in self.content.get("add", []):
            resources[f"{saved['kind']}/{saved['key']}"] = saved
        return Snapshot.model_validate(
            {
                "resources": [_with_times(saved) for saved in resources.values()],
                "gaps": self.content.get("gaps", []),
                "problems": self.content.get("problems", []),
            }
        )

    @cached_property
    def context(self) -> CheckContext:
        """What the checks read."""
        return CheckContext(self.snapshot, self.playbook.desired_state())

    @cached_property
    def playbook(self) -> Any:
        """The healthy playbook with the sections of this case."""
        keys = dict(self.suite.tenant["playbook"])
        for name, value in self.content.get("playbook", {}).items():
            keys[name] = {**keys[name], **value} if isinstance(value, dict) and name in keys else value
        return self.suite.model.model_validate(keys)

    def findings(self) -> list[Finding]:
        """The findings of the check."""
        return list(self.suite.by_id[self.check_id].run(self.context))

    def plan_of(self, fix: DesiredState) -> Plan:
        """The plan of a fix, within the limits of the playbook."""
        return make_plan(fix, self.snapshot, self.playbook.guards)

    def after(self, fix: DesiredState) -> CheckContext:
        """What the checks read after a fix."""
        plan = make_plan(fix, self.snapshot, Guards(max_removals=1))
        return CheckContext(apply_to_snapshot(plan, self.snapshot), self.context.desired_state)

    def drift(self, context: CheckContext) -> set[tuple[str, str]]:
        """The addresses and fields that apply would still change."""
        plan = make_plan(context.desired_state, context.snapshot, Guards(max_removals=1))
        return {(change.address, field.name) for change in plan.pending for field in change.fields}


def _with_times(saved: dict[str, Any]) -> dict[str, Any]:
    """``@-25h`` stands for 25 hours ago."""
    return {name: _time(value) if str(value).startswith("@") else value for name, value in saved.items()}


def _time(ago: str) -> str:
    return (datetime.now(UTC) + timedelta(hours=int(ago.strip("@h")))).isoformat()


class SuiteTests:
    """Tests of a suite; one run for each ``passing``, ``skipping``, ``failing`` or ``fixable`` case."""

    suite: ClassVar[Suite]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give each test its cases."""
        prefixes = {"passing": "pass", "skipping": "skip", "failing": "fail", "fixable": "fail"}
        for name in metafunc.fixturenames:
            if prefix := prefixes.get(name):
                metafunc.parametrize(name, self._cases(prefix, only_fixable=name == "fixable"), ids=str)

    def _cases(self, prefix: str, *, only_fixable: bool) -> list[Case]:
        return [
            case
            for case in self.suite.cases
            if case.name.startswith(prefix)
            and not (only_fixable and not any(expected["fix"] for expected in case.content["finds"]))
        ]


class HealthyTenantTests(SuiteTests):
    """The healthy tenant has no faults."""

    def test_every_check_passes(self):
        context = self.suite.healthy.context
        not_passed = [
            finding
            for check in self.suite.checks
            for finding in check.run(context)
            if finding.status is not Status.PASS
        ]
        assert not_passed == []

    def test_it_matches_the_playbook(self):
        healthy = self.suite.healthy
        plan = make_plan(healthy.playbook.desired_state(), healthy.snapshot)
        assert (plan.pending, plan.waiting, plan.refusals) == ((), (), ())


class CaseTests(SuiteTests):
    """Each case file states what its check finds."""

    def test_a_correct_configuration_passes(self, passing):
        assert [finding.status for finding in passing.findings()] == [Status.PASS]

    def test_a_check_that_does_not_apply_is_skipped_with_the_reason(self, skipping):
        (finding,) = skipping.findings()
        assert finding.status is Status.SKIP
        assert skipping.content["skips"] in finding.message

    def test_a_fault_is_found_with_its_evidence(self, failing):
        findings, finds = failing.findings(), failing.content["finds"]
        assert [finding.status for finding in findings] == [Status.FAIL] * len(finds)
        for finding, expected in zip(findings, finds, strict=True):
            assert expected["message"] in finding.message
            assert (expected["path"], expected["value"]) in [
                (evidence.path, evidence.value) for evidence in finding.evidence
            ]
            assert (finding.fix is not None) is expected["fix"]
            if "severity" in expected:
                assert finding.severity.label == expected["severity"]

    def test_findings_are_json_without_secrets(self):
        target = Target(playbook="p", name="kiro", provider=self.suite.provider, tenant="t", sandbox=False)
        for case in self._cases("fail", only_fixable=False):
            assert "hunter2" not in dumps(audit_report(target, case.findings())), str(case)

    def test_every_case_belongs_to_a_check_and_has_known_keys(self):
        cases = self.suite.cases
        assert {case.check_id for case in cases} <= self.suite.by_id.keys()
        assert not [str(case) for case in cases if not re.match(r"(pass|fail|skip)(-|$)", case.name)]
        known = {"change", "add", "remove", "gaps", "problems", "playbook", "observed", "waits", "leaves"}
        for case in cases:
            result: set[str] = {"pass": set(), "fail": {"finds"}, "skip": {"skips"}}[case.name[:4]]
            assert result <= case.content.keys() <= known | result, str(case)


class FixTests(SuiteTests):
    """The fix of a finding fixes the fault and causes no other."""

    def test_a_fix_writes_something_fixes_the_fault_and_causes_no_other(self, fixable):
        before = self.suite.failing(fixable.context)
        for finding in fixable.findings():
            if finding.fix is None:
                continue
            plan = fixable.plan_of(finding.fix)
            assert plan.pending
            assert bool(plan.waiting) is ("waits" in fixable.content)
            assert not plan.refusals
            after = fixable.after(finding.fix)
            if "observed" not in fixable.content:
                assert self.suite.failing(after) <= before
                remaining = self.suite.by_id[fixable.check_id].run(after)
                assert (finding.address, finding.message) not in [
                    (other.address, other.message) for other in remaining
                ]

    def test_all_fixes_of_a_check_together_make_it_pass(self, fixable):
        if "observed" in fixable.content:
            pytest.skip(fixable.content["observed"])
        findings = fixable.findings()
        after = fixable.after(_combined(findings))
        statuses = [finding.status for finding in self.suite.by_id[fixable.check_id].run(after)]
        without_fix = [Status.FAIL for finding in findings if finding.fix is None]
        assert statuses == (without_fix or [Status.PASS])
        for address, fields in fixable.content.get("leaves", {}).items():
            dumped = after.snapshot.by_address[address].model_dump(mode="json")
            assert {name: dumped[name] for name in fields} == fields

    def test_the_fixes_of_all_checks_together_do_not_undo_each_other(self, fixable):
        if "observed" in fixable.content:
            pytest.skip(fixable.content["observed"])
        findings = self.suite.failures(fixable.context)
        fixed = {finding.check for finding in findings if finding.fix is not None}
        manual = {finding.check for finding in findings if finding.fix is None}
        after = self.suite.failing(fixable.after(_combined(findings)))
        assert after.isdisjoint(fixed - manual)

    def test_a_fix_causes_no_drift(self, fixable):
        before = fixable.drift(fixable.context)
        for finding in fixable.findings():
            if finding.fix is not None:
                assert fixable.drift(fixable.after(finding.fix)) <= before

    def test_a_fix_changes_only_what_the_finding_is_about(self, fixable):
        for finding in fixable.findings():
            fix = finding.fix or DesiredState()
            kinds = {resource.kind for resource in fix.resources}
            kinds |= {address.partition("/")[0] for address in fix.absent}
            assert kinds <= self.suite.wider_fixes.get(fixable.check_id, {finding.address.partition("/")[0]})
            assert fix.exhaustive == frozenset()
            assert not fix.absent or fixable.check_id in self.suite.removing


def _combined(findings: Iterable[Finding]) -> DesiredState:
    return reduce(or_, [finding.fix for finding in findings if finding.fix], DesiredState())


class DocumentationTests(SuiteTests):
    """The docstring of a check is its documentation page."""

    texts: ClassVar[tuple[str, ...]] = ()
    """Other texts of the provider that mention checks."""
    rows: ClassVar[AbstractSet[str]]
    """The rows of the vendor's troubleshooting table that concern this provider."""
    unmentioned: ClassVar[AbstractSet[str]] = frozenset()
    """Words that look like the id of a check, such as the name of a repository."""

    def test_every_id_is_unique_and_begins_with_the_provider(self):
        assert len(self.suite.by_id) == len(self.suite.checks)
        for check in self.suite.checks:
            assert re.fullmatch(rf"{self.suite.provider}-[a-z0-9-]{{4,40}}", check.id), check.id

    def test_every_function_has_the_name_of_its_check(self):
        for check in self.suite.checks:
            name = check.id.removeprefix(f"{self.suite.provider}-").replace("-", "_")
            assert check.function.__name__ == name, check.id

    def test_every_title_is_one_line(self):
        for check in self.suite.checks:
            assert check.title, check.id
            assert check.title[0].isalnum(), check.id
            assert len(check.title) <= 100, check.id
            assert not check.title.endswith("."), check.id

    def test_every_check_has_the_four_sections_in_order(self):
        for check in self.suite.checks:
            assert tuple(check.sections) == SECTIONS, check.id
            assert all(text.endswith(".") for text in check.sections.values()), check.id

    def test_every_check_has_a_case_that_passes_and_one_that_fails(self):
        for check in self.suite.checks:
            results = {case.name[:4] for case in self.suite.cases if case.check_id == check.id}
            assert {"pass", "fail"} <= results, check.id

    def test_every_row_of_the_vendor_s_table_is_covered(self):
        assert {check.troubleshooting_row for check in self.suite.checks} - {""} == self.rows

    def test_every_check_that_is_mentioned_exists(self):
        known = self.suite.by_id.keys() | self.unmentioned
        for check in self.suite.checks:
            text = " ".join([check.title, *check.sections.values(), *self.texts])
            assert self.suite.mentioned(text) <= known, check.id

    def test_every_check_that_a_skipped_one_mentions_exists(self):
        kinds = {kind for kind in KINDS if kind.startswith(self.suite.provider)}
        for case in self._cases("skip", only_fixable=False):
            (finding,) = case.findings()
            assert self.suite.mentioned(finding.message) <= self.suite.by_id.keys() | kinds, str(case)

    def test_every_severity_is_used(self):
        assert {check.severity for check in self.suite.checks} == set(Severity)


class GapTests(SuiteTests):
    """Missing data breaks no check."""

    def test_a_check_is_skipped_and_names_the_permission_when_a_kind_could_not_be_read(self):
        healthy = self.suite.healthy
        for check in self.suite.checks:
            for kind in (read.kind for read in check.reads):
                others = tuple(resource for resource in healthy.snapshot.resources if resource.kind != kind)
                gap = Gap(kind=kind, reason="Insufficient privileges", permissions=("Some.Read.All",))
                context = CheckContext(Snapshot(resources=others, gaps=(gap,)), healthy.context.desired_state)
                (finding,) = check.run(context)
                assert finding.status is Status.SKIP, (check.id, kind)
                assert "Insufficient privileges" in finding.message, (check.id, kind)
                assert finding.permissions == ("Some.Read.All",), (check.id, kind)

    def test_an_empty_tenant_and_an_empty_playbook_break_no_check(self):
        healthy = self.suite.healthy
        for context in (
            CheckContext(Snapshot()),
            CheckContext(Snapshot(), healthy.context.desired_state),
            CheckContext(healthy.snapshot),
        ):
            self._assert_no_error(context)

    def test_a_missing_resource_breaks_no_check(self):
        healthy = self.suite.healthy
        for missing in healthy.snapshot.resources:
            others = tuple(resource for resource in healthy.snapshot.resources if resource is not missing)
            self._assert_no_error(CheckContext(Snapshot(resources=others), healthy.context.desired_state))

    def _assert_no_error(self, context: CheckContext) -> None:
        for check in self.suite.checks:
            findings = list(check.run(context))
            assert findings, check.id
            errors = [finding.message for finding in findings if finding.status is Status.ERROR]
            assert errors == [], check.id
