"""Unmanaged rules: plans ignore what they match, and nothing else."""

from __future__ import annotations

import re
from glob import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from provisioner.core.plan import Action, DesiredState, make_plan
from provisioner.core.resource import Reference
from provisioner.core.snapshot import Snapshot
from provisioner.core.unmanaged import UnmanagedRule, address_matches, suggestion, unused_rules
from tests.core.sample_resources import Thing

ALL_THINGS = UnmanagedRule(resource="test-thing/*")
THING_A = UnmanagedRule(resource="test-thing/a")


def fields_rule(*names):
    return UnmanagedRule(resource="test-thing/*", fields=names)


def plan(resources, existing, *rules, exhaustive=frozenset(), absent=()):
    desired = DesiredState(
        resources=tuple(resources), exhaustive=exhaustive, absent=tuple(absent), unmanaged=rules
    )
    return make_plan(desired, Snapshot(resources=tuple(existing)))


def test_an_unmanaged_field_does_not_differ():
    desired = Thing(key="a", title="new", pages=("1",))
    existing = Thing(key="a", title="old", pages=())
    (change,) = plan([desired], [existing], fields_rule("title")).pending
    assert [field.name for field in change.fields] == ["pages"]
    assert change.desired(Thing).title is None
    assert plan([desired], [existing], fields_rule("title"), fields_rule("pages")).pending == ()


def test_a_new_resource_is_created_with_its_unmanaged_fields():
    (change,) = plan([Thing(key="a", title="new")], [], fields_rule("title")).pending
    assert (change.action, change.desired(Thing).title) == (Action.CREATE, "new")


def test_an_unmanaged_resource_is_not_created_changed_or_deleted():
    assert plan([Thing(key="a", title="new")], [], ALL_THINGS).changes == ()
    assert plan([Thing(key="a", title="new")], [Thing(key="a")], ALL_THINGS).changes == ()
    existing = [Thing(key="a"), Thing(key="b")]
    unlisted = plan([], existing, THING_A, exhaustive=frozenset({Thing.kind})).pending
    assert [(change.action, change.address) for change in unlisted] == [(Action.DELETE, "test-thing/b")]
    absent = plan([], existing, THING_A, absent=[thing.address for thing in existing]).pending
    assert [(change.action, change.address) for change in absent] == [(Action.DELETE, "test-thing/b")]


def test_a_reference_to_an_unmanaged_resource_that_does_not_exist_is_refused():
    desired = [Thing(key="a"), Thing(key="b", owner=Reference(address="test-thing/a", field="id"))]
    (refusal,) = plan(desired, [], THING_A).refusals
    assert "test-thing/b needs test-thing/a, which is unmanaged and does not exist" in refusal.reason
    assert plan(desired, [Thing(key="a", id="1")], THING_A).refusals == ()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            {"resource": "test-thin/a"},
            "no kind of resource is called 'test-thin'; did you mean 'test-thing'?",
        ),
        (
            {"resource": "test-thing/a", "fields": ["titel"]},
            "test-thing has no field 'titel'; did you mean 'title'?",
        ),
        ({"resource": "test-thing/a", "fields": ["id"]}, "test-thing has no field 'id'"),
        ({"resource": " "}, "at least 1 character"),
    ],
)
def test_a_rule_that_cannot_match_is_refused(rule, message):
    with pytest.raises(ValidationError, match=re.escape(message)):
        UnmanagedRule.model_validate(rule)


def test_a_rule_that_matches_no_resource_is_unused():
    unused = UnmanagedRule(resource="test-thing/b*")
    assert list(unused_rules([THING_A, unused], ["test-thing/a"])) == [unused]


def test_a_name_with_the_same_prefix_is_suggested_before_a_similar_name():
    known = ["okta-group-assignment/Kiro-Users", "okta-group-assignment/Everyone (00gdZwIoXQ6DGhBTuJTn)"]
    assert "'okta-group-assignment/Everyone (" in suggestion("okta-group-assignment/Everyone", known)
    assert suggestion("okta-group-assignment/Everyone", []) == ""


@given(address=st.text(max_size=20), another=st.text(max_size=20))
def test_an_escaped_address_matches_only_itself(address, another):
    assert address_matches(escape(address), address)
    assert address_matches(escape(address), another) == (address == another)


@given(
    st.lists(st.sampled_from(["title", "pages", "tags", "parts"]), unique=True),
    st.builds(Thing, key=st.just("a"), title=st.none() | st.text(), tags=st.none() | st.tuples(st.text())),
    st.builds(Thing, key=st.just("a"), title=st.none() | st.text(), tags=st.none() | st.tuples(st.text())),
)
def test_only_the_unmanaged_fields_are_missing_from_the_changes(unmanaged, desired, existing):
    def changed_fields(*rules):
        return [field for change in plan([desired], [existing], *rules).pending for field in change.fields]

    rules = (fields_rule(*unmanaged),) if unmanaged else ()
    assert changed_fields(*rules) == [field for field in changed_fields() if field.name not in unmanaged]
