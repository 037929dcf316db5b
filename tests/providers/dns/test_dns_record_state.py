"""The state of a record derived from answers, and the desired resources of a domain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.plan import Action, DesiredState, make_plan
from provisioner.core.snapshot import Snapshot
from provisioner.providers.dns import record_state
from provisioner.providers.dns.context import DomainContext, build_contexts
from provisioner.providers.dns.manual_steps import desired_resources
from provisioner.providers.dns.observations import Answer, ServerRole, TxtValue, Zone
from provisioner.providers.dns.playbook import DnsSection, DomainEntry
from provisioner.providers.dns.records import other_values
from provisioner.providers.dns.resources import OutdatedValue

NOW = datetime(2026, 11, 21, tzinfo=UTC)
TOKEN = "kiro-site-verification=11111111-2222-3333-4444-555555555555"
ROUTE53 = DnsSection(provider="route53")


def entry(**keys) -> DomainEntry:
    return DomainEntry(name="contoso.com", value=TOKEN, **keys)


def answer(server, *values, role=ServerRole.AUTHORITATIVE, name="kiro-app-1.contoso.com", **fields) -> Answer:
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


def context(*answers, **keys) -> DomainContext:
    zone = Zone(key="contoso.com", name="contoso.com", registered=True)
    (domain,) = build_contexts([entry(**keys).desired_record()], [zone, *answers])
    return domain


class TestExistingRecord:
    def test_it_does_not_exist_while_no_server_has_it(self):
        assert record_state.existing_record(context(answer("ns1"), answer("ns2", "other"))) is None

    def test_it_is_not_published_while_one_server_lacks_it(self):
        record = record_state.existing_record(context(answer("ns1", TOKEN), answer("ns2")))
        assert record.published is False

    def test_servers_that_do_not_respond_do_not_count(self):
        silent = answer("ns2").model_copy(update={"rcode": None, "failure": "timeout"})
        assert record_state.existing_record(context(answer("ns1", TOKEN, "other"), silent)).published is True

    def test_resolvers_count_where_no_server_of_the_zone_answers(self):
        cached = answer("1.1.1.1", TOKEN, role=ServerRole.RESOLVER)
        assert record_state.existing_record(context(cached)).published is True
        assert record_state.existing_record(context(cached, answer("ns1"))) is None

    @given(st.lists(st.booleans(), min_size=1, max_size=5))
    def test_a_plan_is_empty_exactly_when_every_server_has_it(self, servers):
        answers = [answer(f"ns{number}", *([TOKEN] if has else [])) for number, has in enumerate(servers)]
        record = record_state.existing_record(context(*answers, dns=ROUTE53))
        snapshot = Snapshot(resources=(record,) if record else ())
        desired = DesiredState(resources=(entry(dns=ROUTE53).desired_record(),))
        (change,) = make_plan(desired, snapshot).changes
        expected = Action.NOOP if all(servers) else Action.UPDATE if any(servers) else Action.CREATE
        assert change.action is expected


def test_only_other_verification_values_at_the_name_itself_are_outdated():
    other = f"{TOKEN[:-1]}6"
    apex = answer("ns1", other, name="contoso.com", purpose="apex")
    domain = context(answer("ns1", TOKEN, other, "v=spf1 -all"), answer("ns2", other), apex)
    assert list(record_state.outdated_values(domain)) == [
        OutdatedValue(
            key=f"contoso.com/{other}", domain="contoso.com", name="kiro-app-1.contoso.com", value=other
        )
    ]


class TestUnusableDomain:
    @pytest.mark.parametrize(("registered", "refused"), [(False, True), (True, False), (None, False)])
    def test_a_private_domain_that_the_public_dns_does_not_have(self, registered, refused):
        record = DomainEntry(name="hq.contoso.local").desired_record()
        (domain,) = build_contexts([record], [Zone(key=record.key, registered=registered)])
        problem = record_state.unusable_domain(domain)
        assert (problem is not None) is refused
        if problem:
            assert "cannot be verified" in problem.message
            assert problem.address == record.address

    def test_a_public_domain_that_is_not_registered_yet_is_usable(self):
        assert record_state.unusable_domain(context()) is None


class TestHistory:
    def test_first_missing_then_present_then_missing_again(self):
        missing = record_state.update_history(context(answer("ns1")), {}, NOW)
        assert missing == {
            "value": TOKEN,
            "first_seen_missing": NOW.isoformat(),
            "present_everywhere_since": None,
        }
        later = NOW + timedelta(minutes=5)
        present = record_state.update_history(context(answer("ns1", TOKEN)), missing, later)
        assert present == {**missing, "present_everywhere_since": later.isoformat()}
        unchanged = record_state.update_history(
            context(answer("ns1", TOKEN)), present, later + timedelta(days=1)
        )
        assert unchanged == present
        assert (
            record_state.update_history(context(answer("ns1")), present, later)["present_everywhere_since"]
            is None
        )

    def test_the_history_of_another_value_is_ignored(self):
        earlier = {
            "value": "another",
            "first_seen_missing": NOW.isoformat(),
            "present_everywhere_since": NOW.isoformat(),
        }
        assert record_state.update_history(context(), earlier, NOW) == {
            "value": TOKEN,
            "first_seen_missing": None,
            "present_everywhere_since": None,
        }


class TestDesiredResources:
    def resources(self, domain, variable="KIRO_DOMAIN_TOKEN"):
        return desired_resources(
            [domain], lambda key: variable if key == "domains[0].value" else "", ("step/kiro-profile",)
        )

    def test_without_a_value_a_manual_step_adds_the_domain_and_outputs_it(self):
        add_domain, create_record, record = self.resources(DomainEntry(name="bücher.example"))
        assert add_domain.outputs == (
            ("KIRO_DOMAIN_TOKEN", "the verification value of bücher.example (xn--bcher-kva.example)"),
        )
        assert add_domain.depends_on == ("step/kiro-profile",)
        assert create_record.depends_on == (add_domain.address,)
        assert record.depends_on == (create_record.address,)
        plan = make_plan(DesiredState(resources=(add_domain, create_record, record)), Snapshot())
        assert {change.action for change in plan.changes} == {Action.WAITING}

    def test_without_a_variable_the_value_goes_into_the_playbook(self):
        add_domain, *_ = self.resources(DomainEntry(name="contoso.com"), variable="")
        assert add_domain.outputs == ()
        assert "Write it into the playbook: value: ${KIRO_DOMAIN_TOKEN}" in add_domain.instructions

    def test_with_a_dns_provider_there_is_no_step_for_the_record(self):
        add_domain, record = self.resources(entry(dns=ROUTE53))
        assert add_domain.completed
        assert (record.depends_on, record.dns_provider, record.published) == (
            (add_domain.address,),
            "route53",
            True,
        )

    def test_the_step_for_the_record_is_done_when_every_server_has_it(self):
        add_domain, create_record, record = self.resources(entry())
        assert f"Value:  {TOKEN}" in create_record.instructions
        for published, is_pending in ((None, True), (False, True), (True, False)):
            existing = (record.model_copy(update={"published": published}),) if published is not None else ()
            desired = DesiredState(resources=(add_domain, create_record, record))
            plan = make_plan(desired, Snapshot(resources=existing))
            assert (create_record.address in [step.address for step in plan.pending_steps]) is is_pending
            assert not plan.pending


@pytest.mark.parametrize(
    ("keys", "warning"),
    [
        ({"name": "www.contoso.com", "value": TOKEN}, "begins with www"),
        ({"name": "contoso.com", "value": TOKEN, "record": "kiro-app-1.contoso.com"}, "includes the domain"),
        ({"name": "contoso.com", "value": "token"}, "does not begin with kiro-site-verification="),
    ],
)
def test_probable_mistakes_in_an_entry(keys, warning):
    (message,) = DomainEntry(**keys).warnings
    assert warning in message
    assert entry().warnings == ()


def test_other_values_are_those_at_the_name_of_the_record():
    apex = answer("ns1", "v=spf1 -all", name="contoso.com", purpose="apex")
    snapshot = Snapshot(resources=(answer("ns1", TOKEN, "b"), answer("ns2", TOKEN, "a"), apex))
    assert other_values(entry().desired_record(), snapshot) == ("a", "b")
