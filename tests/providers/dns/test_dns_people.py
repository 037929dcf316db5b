"""People's e-mail domains: how they are counted, and what is said of them. Each file in ``people_cases`` is a case."""

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
from provisioner.providers.dns.checks.email_domains import PUBLIC_MAIL, EmailDomains, canonical, check
from provisioner.providers.dns.names import parse_domain
from provisioner.providers.dns.observations import EmailDomain, VerifiedDomain, Zone
from provisioner.providers.dns.resources import DomainRecord

CHECKS = {one.id: one for one in check}


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes:
        said: ``playbook``: its domains, contoso.com if absent; ``people`` by domain, and whether the count is
            ``complete``; ``verified``: the tenant's domains, each with whether it is the default; ``suffixes`` of this
            DNS; ``gaps``; and ``finds`` or ``skips``.
    """

    check: str
    name: str
    said: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.check}/{self.name}"

    @cached_property
    def look(self) -> CheckContext:
        wanted = tuple(
            DomainRecord(key=name, label="kiro-app-1", name=f"kiro-app-1.{name}")
            for name in self.said.get("playbook", ["contoso.com"])
        )
        complete = self.said.get("complete", True)
        people = (
            EmailDomain(key=name, people=count, complete=complete)
            for name, count in self.said["people"].items()
        )
        verified = (
            VerifiedDomain(key=name, default=default)
            for name, default in self.said.get("verified", {}).items()
        )
        zones = (Zone(key=one.key, suffixes=tuple(self.said.get("suffixes", ()))) for one in wanted)
        gaps = tuple(Gap(**gap) for gap in self.said.get("gaps", ()))
        snapshot = Snapshot(resources=(*people, *verified, *zones), gaps=gaps)
        saved = Snapshot.model_validate_json(snapshot.model_dump_json())
        return CheckContext(saved, DesiredState(resources=wanted))

    @cached_property
    def findings(self) -> list[Finding]:
        return list(CHECKS[self.check].run(self.look))


CASES = [
    Case(file.parent.name, file.stem, yaml.safe_load(file.read_text(encoding="utf-8")))
    for file in sorted((Path(__file__).parent / "people_cases").glob("*/*.yaml"))
]


def cases(kind: str) -> list[Case]:
    return [case for case in CASES if case.name.startswith(kind)]


@pytest.mark.parametrize("case", cases("fail"), ids=str)
def test_what_will_happen_is_told_with_what_to_do(case):
    assert [one.address for one in case.findings] == [expected["address"] for expected in case.said["finds"]]
    for found, expected in zip(case.findings, case.said["finds"], strict=True):
        assert found.status is Status.FAIL
        assert found.severity.label == expected["severity"]
        assert expected["message"] in found.message
        assert f"; {expected['step']}" in found.message
        evidence = {seen.path: seen.value for seen in found.evidence}
        assert expected.get("evidence", {}).items() <= evidence.items()
        assert found.fix is None


@pytest.mark.parametrize("case", cases("pass"), ids=str)
def test_what_is_fine_is_not_told(case):
    assert [one.status for one in case.findings] == [Status.PASS]


@pytest.mark.parametrize("case", cases("skip"), ids=str)
def test_what_cannot_be_told_is_skipped_with_the_reason(case):
    (found,) = case.findings
    assert found.status is Status.SKIP
    assert case.said["skips"] in found.message
    assert found.permissions == tuple(
        need for gap in case.said.get("gaps", ()) for need in gap["permissions"]
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_domain_is_reported_twice(case):
    found = [one for each in check for one in each.run(case.look) if one.status is Status.FAIL]
    assert len({one.address for one in found}) == len(found)


def test_every_file_is_a_case_of_a_check():
    assert {case.check for case in CASES} == set(CHECKS)
    known = {"playbook", "people", "complete", "verified", "suffixes", "gaps", "finds", "skips"}
    for case in CASES:
        assert re.match(r"(pass|fail|skip)(-|$)", case.name)
        assert {"people"} <= case.said.keys() <= known, str(case)


@pytest.mark.parametrize("one", CHECKS.values(), ids=list(CHECKS))
class TestAsDocumentation:
    def test_it_has_its_sections_and_cases(self, one):
        assert tuple(one.sections) == SECTIONS
        assert all(text.endswith(".") for text in one.sections.values())
        assert one.title
        assert not one.title.endswith(".")
        assert one.function.__name__ == one.id.removeprefix("dns-").replace("-", "_")
        assert {case.name[:4] for case in CASES if case.check == one.id} == {"pass", "fail", "skip"}

    def test_nothing_at_all_breaks_nothing(self, one):
        assert [found.status for found in one.run(CheckContext(Snapshot()))] == [Status.SKIP]


class TestCounting:
    def test_people_are_counted_once_and_by_domain(self):
        census = EmailDomains()
        for person, address in [
            ("1", "alice@contoso.com"),
            ("2", "Bob@CONTOSO.com"),
            ("2", "bob@fabrikam.com"),
            ("3", "carol@contoso.com."),
            ("4", "dan@bücher.de"),
            ("5", "erin@xn--bcher-kva.de"),
            ("6", '"odd@one"@contoso.com'),
        ]:
            census.add(person, address)
        assert census.domains() == (
            EmailDomain(key="contoso.com", people=4),
            EmailDomain(key="xn--bcher-kva.de", people=2),
        )

    @pytest.mark.parametrize("address", [None, "", "alice", "alice@", "@", "alice@ .", "alice@.."])
    def test_what_is_no_address_is_not_counted_but_noticed(self, address):
        census = EmailDomains()
        assert not census.blind
        census.add("1", address)
        assert census.domains() == ()
        assert census.blind
        census.add("2", "bob@contoso.com")
        assert not census.blind

    @pytest.mark.parametrize(
        ("written", "known"),
        [("CORP.local", "corp.local"), ("CORP", "corp"), ("my_corp.com", "my_corp.com"), ("a..b", "a..b")],
    )
    def test_a_domain_that_is_none_for_the_dns_is_counted_as_it_is(self, written, known):
        assert canonical(written) == known

    def test_that_not_everybody_was_read_is_kept(self):
        census = EmailDomains(whole=False)
        census.add("1", "alice@contoso.com")
        assert census.domains() == (EmailDomain(key="contoso.com", people=1, complete=False),)

    @given(
        st.lists(
            st.tuples(
                st.integers(0, 30).map(str), st.one_of(st.none(), st.text(), st.text().map("a@{}".format))
            )
        )
    )
    def test_whatever_people_are_called_nobody_is_counted_twice(self, people):
        census = EmailDomains()
        for person, address in people:
            census.add(person, address)
        assert all(found.key for found in census.domains())
        counted = sum(found.people for found in census.domains())
        assert counted <= len({person for person, _ in people})
        assert census.blind is (bool(people) and not counted)


def test_the_best_known_mail_providers_are_written_as_the_dns_knows_them():
    assert {parse_domain(name).ascii for name in PUBLIC_MAIL} == PUBLIC_MAIL
