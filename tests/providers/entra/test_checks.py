"""The Entra checks: what each finds, and that what it would repair is repaired, and nothing else is broken."""

from __future__ import annotations

import re
from functools import reduce
from operator import or_
from typing import Any

import pytest

from provisioner.core.check import SECTIONS, Check, Finding, Look, Severity, Status
from provisioner.core.plan import Desired, Guards, make_plan
from provisioner.core.snapshot import Gap, Snapshot
from provisioner.providers.entra.checks import CHECKS
from provisioner.providers.entra.checks.aadsts import MEANINGS, meaning
from provisioner.reports.json import dumps
from provisioner.reports.models import Target, audit_report
from tests.made_true import made_true
from tests.providers.entra.check_cases import CASES, HEALTHY, Case

PROVISIONING = {
    "entra-provisioning-job",
    "entra-attribute-mapping",
    "step",
    "entra-provisioning-secrets",
    "entra-provisioning-status",
}
WIDER_FIXES = {
    "entra-application-missing": {
        "entra-application",
        "entra-service-principal",
        "entra-group",
        "entra-group-assignment",
        "entra-provision-on-demand",
        *PROVISIONING,
    },
    "entra-escrowed-entries": {"entra-provisioning-status"},
    "entra-group-not-assigned": {"entra-group", "entra-group-assignment", "step"},
    "entra-not-provisioned": PROVISIONING,
    "entra-profile-recreated": PROVISIONING,
    "entra-quarantine": PROVISIONING,
    "entra-stale-execution": {"entra-provisioning-status"},
    "entra-user-consent-disabled": {"entra-admin-consent"},
}
"""The kinds that a fix sets, where they are others than what the finding is about."""

EVERY_CHECK = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)


def of_kind(kind: str, *, only_fixes: bool = False) -> list[Any]:
    """The cases whose name begins with a word."""
    return [
        pytest.param(case, id=str(case))
        for case in CASES
        if case.name.startswith(kind)
        and not (only_fixes and not any(find["fix"] for find in case.said["finds"]))
    ]


def failing(look: Look) -> set[str]:
    """The checks that fail."""
    return {finding.check for check in CHECKS for finding in check.run(look) if finding.status is Status.FAIL}


def fixed(fix: Desired, case: Case) -> Look:
    """What a fix makes of a case's snapshot."""
    plan = make_plan(fix, case.snapshot, Guards(max_removals=1))
    return Look(made_true(plan, case.snapshot), case.look.desired)


class TestTheHealthyTenant:
    @EVERY_CHECK
    def test_every_check_passes(self, check):
        assert [finding.status for finding in check.run(HEALTHY.look)] == [Status.PASS]

    def test_it_is_as_the_playbook_says(self):
        plan = make_plan(HEALTHY.playbook.desired(), HEALTHY.snapshot)
        assert (plan.pending, plan.waiting, plan.refusals) == ((), (), ())


class TestCases:
    @pytest.mark.parametrize("case", of_kind("pass"))
    def test_what_is_fine_passes(self, case):
        assert [finding.status for finding in case.findings()] == [Status.PASS]

    @pytest.mark.parametrize("case", of_kind("skip"))
    def test_what_cannot_be_told_is_skipped_with_the_reason(self, case):
        (finding,) = case.findings()
        assert finding.status is Status.SKIP
        assert case.said["skips"] in finding.message

    @pytest.mark.parametrize("case", of_kind("fail"))
    def test_what_is_wrong_is_found_with_its_evidence(self, case):
        found = case.findings()
        assert [finding.status for finding in found] == [Status.FAIL] * len(case.said["finds"])
        for finding, expected in zip(found, case.said["finds"], strict=True):
            assert expected["message"] in finding.message
            assert (expected["path"], expected["value"]) in [
                (evidence.path, evidence.value) for evidence in finding.evidence
            ]
            assert (finding.fix is not None) is expected["fix"]
            if "severity" in expected:
                assert finding.severity.label == expected["severity"]

    @pytest.mark.parametrize("case", of_kind("fail"))
    def test_a_finding_is_json_and_holds_no_secret(self, case):
        target = Target(playbook="p", name="kiro", provider="entra", tenant="t", sandbox=False)
        assert "hunter2" not in dumps(audit_report(target, case.findings()))

    def test_every_case_belongs_to_a_check_and_is_of_a_known_kind(self):
        assert {case.check_id for case in CASES} <= {check.id for check in CHECKS}
        assert not [str(case) for case in CASES if not re.match(r"(pass|fail|skip)(-|$)", case.name)]
        known = {"change", "add", "remove", "gaps", "problems", "playbook", "observed", "leaves"}
        for case in CASES:
            kind: set[str] = {"pass": set(), "fail": {"finds"}, "skip": {"skips"}}[case.name[:4]]
            assert kind <= case.said.keys() <= known | kind, str(case)


class TestFixes:
    @pytest.mark.parametrize("case", of_kind("fail", only_fixes=True))
    def test_a_fix_writes_something_mends_what_was_found_and_breaks_nothing(self, case):
        before = failing(case.look)
        for finding in case.findings():
            assert finding.fix is not None
            plan = make_plan(finding.fix, case.snapshot)
            assert plan.pending
            assert not plan.waiting
            assert not plan.refusals
            after = fixed(finding.fix, case)
            if "observed" not in case.said:
                assert failing(after) <= before
                again = next(check for check in CHECKS if check.id == case.check_id).run(after)
                assert (finding.address, finding.message) not in [(one.address, one.message) for one in again]

    @pytest.mark.parametrize("case", of_kind("fail", only_fixes=True))
    def test_all_fixes_of_a_check_together_make_it_pass(self, case):
        if "observed" in case.said:
            pytest.skip(case.said["observed"])
        fixes = [finding.fix for finding in case.findings() if finding.fix]
        after = fixed(reduce(or_, fixes), case)
        check = next(check for check in CHECKS if check.id == case.check_id)
        assert [finding.status for finding in check.run(after)] == [Status.PASS]
        for address, fields in case.said.get("leaves", {}).items():
            left = after.snapshot.by_address[address].model_dump(mode="json")
            assert {name: left[name] for name in fields} == fields

    @pytest.mark.parametrize("case", of_kind("fail", only_fixes=True))
    def test_a_fix_touches_only_what_the_finding_is_about(self, case):
        for finding in case.findings():
            fix = finding.fix or Desired()
            kinds = {resource.kind for resource in fix.resources}
            assert kinds <= WIDER_FIXES.get(case.check_id, {finding.address.partition("/")[0]})
            assert (fix.absent, fix.exhaustive) == ((), frozenset())


class TestDocumentation:
    def test_every_id_is_used_once(self):
        assert len({check.id for check in CHECKS}) == len(CHECKS)

    @EVERY_CHECK
    def test_the_id_says_whose_check_it_is(self, check):
        assert re.fullmatch(r"entra-[a-z-]{4,40}", check.id)

    @EVERY_CHECK
    def test_it_has_a_title_in_one_line(self, check):
        assert check.title
        assert check.title[0].isalnum()
        assert len(check.title) <= 100
        assert not check.title.endswith(".")

    @EVERY_CHECK
    def test_it_has_all_four_sections_in_their_order(self, check):
        assert tuple(check.sections) == SECTIONS
        for text in check.sections.values():
            assert text.endswith(".")

    @EVERY_CHECK
    def test_its_code_is_called_as_it_is(self, check):
        assert check.judge.__name__ == check.id.removeprefix("entra-").replace("-", "_")

    @EVERY_CHECK
    def test_it_has_a_case_that_passes_and_one_that_fails(self, check):
        names = [case.name[:4] for case in CASES if case.check_id == check.id]
        assert {"pass", "fail"} <= set(names)

    def test_every_row_of_the_vendors_table_that_is_about_entra_is_covered(self):
        assert {check.row for check in CHECKS} - {""} == {
            "access token version",
            "scopes",
            "attribute mapping",
            "redirect URIs",
            "provision on demand",
            "profile deleted and created again",
        }

    @EVERY_CHECK
    def test_other_checks_that_it_mentions_exist(self, check):
        told = " ".join([check.title, *check.sections.values(), *map(str, _texts())])
        assert set(re.findall(r"entra-[a-z-]*[a-z]", told)) <= {one.id for one in CHECKS}


def _texts() -> list[str]:
    return [text for found in MEANINGS.values() for text in (found.what, found.fix)]


class TestGaps:
    @pytest.mark.parametrize(
        ("check", "kind"),
        [
            pytest.param(check, kind.kind, id=f"{check.id}-{kind.kind}")
            for check in CHECKS
            for kind in check.reads
        ],
    )
    def test_what_may_not_be_read_makes_a_check_skip_with_the_permission_named(self, check: Check, kind: str):
        resources = tuple(found for found in HEALTHY.snapshot.resources if found.kind != kind)
        gap = Gap(kind=kind, reason="Insufficient privileges", needs=("Some.Read.All",))
        snapshot = Snapshot(resources=resources, gaps=(gap,))
        (finding,) = check.run(Look(snapshot, HEALTHY.look.desired))
        assert finding.status is Status.SKIP
        assert "Insufficient privileges" in finding.message
        assert finding.needs == ("Some.Read.All",)

    @EVERY_CHECK
    def test_an_empty_tenant_and_an_empty_playbook_break_no_check(self, check):
        for look in (Look(Snapshot()), Look(Snapshot(), HEALTHY.look.desired), Look(HEALTHY.snapshot)):
            assert all(finding.status is not Status.ERROR for finding in check.run(look))

    @EVERY_CHECK
    def test_it_judges_everything_absent_without_breaking(self, check):
        for gone in HEALTHY.snapshot.resources:
            rest = tuple(found for found in HEALTHY.snapshot.resources if found is not gone)
            findings: list[Finding] = list(check.run(Look(Snapshot(resources=rest), HEALTHY.look.desired)))
            assert findings
            assert all(finding.status is not Status.ERROR for finding in findings)


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


def test_severities_are_those_that_exist():
    assert {check.severity for check in CHECKS} == set(Severity)
