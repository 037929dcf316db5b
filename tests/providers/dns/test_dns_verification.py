"""What follows from what was seen, and what a playbook asks for so that a domain becomes Verified."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.plan import Action, DesiredState, make_plan
from provisioner.core.snapshot import Snapshot
from provisioner.providers.dns import deciding, manual_steps
from provisioner.providers.dns.context import sights
from provisioner.providers.dns.observations import Answer, Role, TxtValue, Zone
from provisioner.providers.dns.playbook import DnsSection, DomainEntry
from provisioner.providers.dns.records import beside
from provisioner.providers.dns.resources import DomainRecord, OutdatedValue

NOW = datetime(2026, 11, 21, tzinfo=UTC)
TOKEN = "kiro-site-verification=11111111-2222-3333-4444-555555555555"
BY_APPLY = DnsSection(provider="route53")


def keys(**more):
    return DomainEntry(name="contoso.com", value=TOKEN, **more)


def answer(server, *values, role=Role.AUTHORITATIVE, name="kiro-app-1.contoso.com", **fields):
    return Answer(
        key=f"contoso.com/{server}/{name}",
        domain="contoso.com",
        server=server,
        role=role,
        name=name,
        rcode="NOERROR" if values else "NXDOMAIN",
        values=tuple(TxtValue(strings=(value,)) for value in values),
        authoritative=True,
        at=NOW,
        **fields,
    )


def sight(*seen, **more):
    (found,) = sights(
        [keys(**more).wanted()], [Zone(key="contoso.com", zone="contoso.com", registered=True), *seen]
    )
    return found


class TestObserved:
    def test_nothing_is_there_while_no_server_has_it(self):
        assert deciding.observed(sight(answer("ns1"), answer("ns2", "other"))) is None

    def test_it_is_there_but_not_published_while_one_server_lacks_it(self):
        assert deciding.observed(sight(answer("ns1", TOKEN), answer("ns2"))).published is False

    def test_servers_that_say_nothing_are_not_waited_for(self):
        silent = answer("ns2").model_copy(update={"rcode": None, "failure": "timeout"})
        assert deciding.observed(sight(answer("ns1", TOKEN, "other"), silent)).published is True

    def test_resolvers_count_where_no_server_of_the_zone_can_be_asked(self):
        cached = answer("1.1.1.1", TOKEN, role=Role.RESOLVER)
        assert deciding.observed(sight(cached)).published is True
        assert deciding.observed(sight(cached, answer("ns1"))) is None

    @given(st.lists(st.booleans(), min_size=1, max_size=5))
    def test_a_plan_is_empty_exactly_when_every_server_has_it(self, have):
        seen = [answer(f"ns{number}", *([TOKEN] if has else [])) for number, has in enumerate(have)]
        found = deciding.observed(sight(*seen, dns=BY_APPLY))
        snapshot = Snapshot(resources=(found,) if found else ())
        (change,) = make_plan(DesiredState(resources=(keys(dns=BY_APPLY).wanted(),)), snapshot).changes
        expected = Action.NOOP if all(have) else Action.UPDATE if any(have) else Action.CREATE
        assert change.action is expected


class TestOutdated:
    def test_only_other_verification_values_at_the_name_itself(self):
        other = f"{TOKEN[:-1]}6"
        elsewhere = answer("ns1", other, name="contoso.com", place="apex")
        found = list(deciding.outdated(sight(answer("ns1", TOKEN, other, "v=spf1 -all"), elsewhere)))
        assert [(one.key, one.value) for one in found] == [(f"contoso.com/{other}", other)]
        assert isinstance(found[0], OutdatedValue)


class TestImpossible:
    @pytest.mark.parametrize(("registered", "refused"), [(False, True), (True, False), (None, False)])
    def test_a_private_domain_is_refused_where_the_public_dns_does_not_have_it(self, registered, refused):
        record = DomainEntry(name="hq.contoso.local").wanted()
        (found,) = sights([record], [Zone(key=record.key, registered=registered)])
        problem = deciding.impossible(found)
        assert (problem is not None) is refused
        if problem:
            assert "cannot be verified" in problem.message
            assert problem.address == record.address

    def test_a_public_one_that_is_not_registered_yet_is_not(self):
        assert deciding.impossible(sight()) is None


class TestHistory:
    def test_first_missing_then_there_then_gone(self):
        missing = deciding.history(sight(answer("ns1")), {}, NOW)
        assert missing == {"value": TOKEN, "first_missing": NOW.isoformat(), "first_present": None}
        later = NOW + timedelta(minutes=5)
        there = deciding.history(sight(answer("ns1", TOKEN)), missing, later)
        assert there == {**missing, "first_present": later.isoformat()}
        assert deciding.history(sight(answer("ns1", TOKEN)), there, later + timedelta(1)) == there
        assert deciding.history(sight(answer("ns1")), there, later)["first_present"] is None

    def test_of_another_value_nothing_is_remembered(self):
        earlier = {"value": "another", "first_missing": NOW.isoformat(), "first_present": NOW.isoformat()}
        assert deciding.history(sight(), earlier, NOW) == {
            "value": TOKEN,
            "first_missing": None,
            "first_present": None,
        }


class TestSteps:
    def asked(self, domain, variable="KIRO_DOMAIN_TOKEN"):
        return manual_steps.desired(
            [domain], lambda key: variable if key == "domains[0].value" else "", ("step/kiro-profile",)
        )

    def test_without_a_value_somebody_adds_the_domain_and_brings_it(self):
        added, made, record = self.asked(DomainEntry(name="bücher.example"))
        assert added.outputs == (
            ("KIRO_DOMAIN_TOKEN", "the verification token of bücher.example (xn--bcher-kva.example)"),
        )
        assert added.depends_on == ("step/kiro-profile",)
        assert made.depends_on == (added.address,)
        assert record.depends_on == (made.address,)
        plan = make_plan(DesiredState(resources=(added, made, record)), Snapshot())
        assert {change.action for change in plan.changes} == {Action.WAITING}

    def test_a_value_that_no_variable_brings_is_written_into_the_playbook(self):
        added, *_ = self.asked(DomainEntry(name="contoso.com"), variable="")
        assert added.outputs == ()
        assert "Write it into the playbook: value: ${KIRO_DOMAIN_TOKEN}" in added.instructions

    def test_with_a_writer_there_is_no_step_for_the_record(self):
        added, record = self.asked(keys(dns=BY_APPLY))
        assert added.completed
        assert (record.depends_on, record.writer, record.published) == ((added.address,), "route53", True)

    def test_a_person_s_step_is_done_when_every_server_has_the_record(self):
        added, made, record = self.asked(keys())
        assert f"Value:  {TOKEN}" in made.instructions
        for published, waits in ((None, True), (False, True), (True, False)):
            there = (record.model_copy(update={"published": published}),) if published is not None else ()
            plan = make_plan(DesiredState(resources=(added, made, record)), Snapshot(resources=there))
            assert (made.address in [step.address for step in plan.pending_steps]) is waits
            assert not plan.pending


def test_the_values_beside_a_record_are_those_at_its_name():
    record = keys().wanted()
    apex = answer("ns1", "v=spf1 -all", name="contoso.com", place="apex")
    snapshot = Snapshot(resources=(answer("ns1", TOKEN, "b"), answer("ns2", TOKEN, "a"), apex))
    assert beside(record, snapshot) == ("a", "b")
    assert isinstance(record, DomainRecord)
