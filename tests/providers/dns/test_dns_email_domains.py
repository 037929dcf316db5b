"""The domains of users' e-mail addresses: counting and checks. Each file in ``email_domain_cases`` is a case."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.check import SECTIONS, CheckContext, Finding, Status
from provisioner.core.plan import DesiredState
from provisioner.core.snapshot import Gap, Snapshot
from provisioner.providers.dns.checks.email_domains import PUBLIC_MAIL, check
from provisioner.providers.dns.email_domains import EmailDomains
from provisioner.providers.dns.names import canonical_domain, parse_domain
from provisioner.providers.dns.observations import EmailDomain, VerifiedDomain, Zone
from provisioner.providers.dns.resources import DomainRecord

CHECKS = {registered.id: registered for registered in check}


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes:
        content: ``playbook``: its domains, contoso.com if absent; number of ``people`` by domain, and whether the count
            is ``complete``; ``verified``: the tenant's domains, each with whether it is the default; ``suffixes`` of this
            DNS; ``gaps``; and ``finds`` or ``skips``.
    """

    check_id: str
    name: str
    content: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.check_id}/{self.name}"

    @cached_property
    def context(self) -> CheckContext:
        records = tuple(
            DomainRecord(key=name, label="kiro-app-1", name=f"kiro-app-1.{name}")
            for name in self.content.get("playbook", ["contoso.com"])
        )
        complete = self.content.get("complete", True)
        people = (
            EmailDomain(key=name, people=count, complete=complete)
            for name, count in self.content["people"].items()
        )
        verified = (
            VerifiedDomain(key=name, default=default)
            for name, default in self.content.get("verified", {}).items()
        )
        zones = (Zone(key=record.key, suffixes=tuple(self.content.get("suffixes", ()))) for record in records)
        gaps = tuple(Gap(**gap) for gap in self.content.get("gaps", ()))
        snapshot = Snapshot(resources=(*people, *verified, *zones), gaps=gaps)
        saved = Snapshot.model_validate_json(snapshot.model_dump_json())
        return CheckContext(saved, DesiredState(resources=records))

    @cached_property
    def findings(self) -> list[Finding]:
        return list(CHECKS[self.check_id].run(self.context))


CASES = [
    Case(file.parent.name, file.stem, yaml.safe_load(file.read_text(encoding="utf-8")))
    for file in sorted((Path(__file__).parent / "email_domain_cases").glob("*/*.yaml"))
]


def cases(kind: str) -> list[Case]:
    return [case for case in CASES if case.name.startswith(kind)]


@pytest.mark.parametrize("case", cases("fail"), ids=str)
def test_a_violation_has_evidence_and_a_next_step(case):
    expectations = case.content["finds"]
    assert [finding.address for finding in case.findings] == [item["address"] for item in expectations]
    for finding, expected in zip(case.findings, expectations, strict=True):
        assert finding.status is Status.FAIL
        assert finding.severity.label == expected["severity"]
        assert expected["message"] in finding.message
        assert f"; {expected['next_step']}" in finding.message
        evidence = {item.path: item.value for item in finding.evidence}
        assert expected.get("evidence", {}).items() <= evidence.items()
        assert finding.fix is None


@pytest.mark.parametrize("case", cases("pass"), ids=str)
def test_a_covered_domain_passes(case):
    assert [finding.status for finding in case.findings] == [Status.PASS]


@pytest.mark.parametrize("case", cases("skip"), ids=str)
def test_a_skipped_check_has_a_reason(case):
    (finding,) = case.findings
    assert finding.status is Status.SKIP
    assert case.content["skips"] in finding.message
    assert finding.permissions == tuple(
        permission for gap in case.content.get("gaps", ()) for permission in gap["permissions"]
    )


def test_no_domain_is_reported_twice():
    for case in CASES:
        findings = [finding for registered in check for finding in registered.run(case.context)]
        failed = [finding.address for finding in findings if finding.status is Status.FAIL]
        assert len(set(failed)) == len(failed), str(case)


def test_every_file_is_a_case_of_a_check():
    assert {case.check_id for case in CASES} == set(CHECKS)
    known = {"playbook", "people", "complete", "verified", "suffixes", "gaps", "finds", "skips"}
    for case in CASES:
        assert re.match(r"(pass|fail|skip)(-|$)", case.name)
        assert {"people"} <= case.content.keys() <= known, str(case)


@pytest.mark.parametrize("registered", CHECKS.values(), ids=list(CHECKS))
class TestDocumentation:
    def test_it_has_its_sections_and_cases(self, registered):
        assert tuple(registered.sections) == SECTIONS
        assert all(text.endswith(".") for text in registered.sections.values())
        assert registered.title
        assert not registered.title.endswith(".")
        assert registered.function.__name__ == registered.id.removeprefix("dns-").replace("-", "_")
        kinds = {case.name[:4] for case in CASES if case.check_id == registered.id}
        assert kinds == {"pass", "fail", "skip"}

    def test_an_empty_snapshot_is_skipped(self, registered):
        assert [finding.status for finding in registered.run(CheckContext(Snapshot()))] == [Status.SKIP]


class TestCounting:
    def test_users_are_counted_once_by_domain(self):
        email_domains = EmailDomains()
        for user, address in [
            ("1", "alice@contoso.com"),
            ("2", "Bob@CONTOSO.com"),
            ("2", "bob@fabrikam.com"),
            ("3", "carol@contoso.com."),
            ("4", "dan@bücher.de"),
            ("5", "erin@xn--bcher-kva.de"),
            ("6", '"odd@one"@contoso.com'),
        ]:
            email_domains.add(user, address)
        assert email_domains.domains() == (
            EmailDomain(key="contoso.com", people=4),
            EmailDomain(key="xn--bcher-kva.de", people=2),
        )

    @pytest.mark.parametrize("address", [None, "", "alice", "alice@", "@", "alice@ .", "alice@.."])
    def test_other_texts_than_addresses_are_not_counted(self, address):
        email_domains = EmailDomains()
        assert not email_domains.addresses_hidden
        email_domains.add("1", address)
        assert email_domains.domains() == ()
        assert email_domains.addresses_hidden
        email_domains.add("2", "bob@contoso.com")
        assert not email_domains.addresses_hidden

    @pytest.mark.parametrize(
        ("domain", "canonical"),
        [("CORP.local", "corp.local"), ("CORP", "corp"), ("my_corp.com", "my_corp.com"), ("a..b", "a..b")],
    )
    def test_a_domain_that_the_dns_cannot_have_is_in_lower_case(self, domain, canonical):
        assert canonical_domain(domain) == canonical

    def test_an_incomplete_count_is_marked(self):
        email_domains = EmailDomains(complete=False)
        email_domains.add("1", "alice@contoso.com")
        assert email_domains.domains() == (EmailDomain(key="contoso.com", people=1, complete=False),)

    @given(
        st.lists(
            st.tuples(
                st.integers(0, 30).map(str), st.one_of(st.none(), st.text(), st.text().map("a@{}".format))
            )
        )
    )
    def test_no_user_is_counted_twice(self, people):
        email_domains = EmailDomains()
        for user, address in people:
            email_domains.add(user, address)
        domains = email_domains.domains()
        assert all(domain.key for domain in domains)
        counted = sum(domain.people for domain in domains)
        assert counted <= len({user for user, _ in people})
        assert email_domains.addresses_hidden is (bool(people) and not counted)


def test_public_mail_providers_are_in_canonical_form():
    assert {parse_domain(name).ascii for name in PUBLIC_MAIL} == PUBLIC_MAIL
