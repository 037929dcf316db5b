"""What a playbook leaves alone: no plan touches it, everything else is as without it."""

from __future__ import annotations

from glob import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from provisioner.core.plan import Action, DesiredState, make_plan
from provisioner.core.resource import Reference
from provisioner.core.snapshot import Snapshot
from provisioner.core.unmanaged import UnmanagedRule, address_matches, suggestion, unused_rules
from tests.core.specimens import Thing

ALL = UnmanagedRule(resource="test-thing/*")


def fields_of(*names, resource="test-thing/*"):
    return UnmanagedRule(resource=resource, fields=names)


def plan(wanted, there=(), *left_alone, exhaustive=frozenset(), absent=()):
    desired = DesiredState(
        resources=tuple(wanted), exhaustive=exhaustive, absent=tuple(absent), unmanaged=left_alone
    )
    return make_plan(desired, Snapshot(resources=tuple(there)))


def test_a_field_that_is_left_alone_does_not_differ():
    wanted = Thing(key="a", title="new", pages=("1",))
    there = Thing(key="a", title="old", pages=())
    (change,) = plan([wanted], [there], fields_of("title")).pending
    assert [field.name for field in change.fields] == ["pages"]
    assert change.desired(Thing).title is None
    assert plan([wanted], [there], fields_of("title"), fields_of("pages")).pending == ()


def test_what_has_yet_to_be_made_is_made_as_the_playbook_says():
    (change,) = plan([Thing(key="a", title="new")], [], fields_of("title")).pending
    assert (change.action, change.desired(Thing).title) == (Action.CREATE, "new")


def test_all_of_a_resource_is_neither_made_nor_changed_nor_removed():
    assert plan([Thing(key="a", title="new")], [], ALL).changes == ()
    assert plan([Thing(key="a", title="new")], [Thing(key="a")], ALL).changes == ()
    extra = [Thing(key="a"), Thing(key="b")]
    kinds = frozenset({Thing.kind})
    gone = plan([], extra, UnmanagedRule(resource="test-thing/a"), exhaustive=kinds).pending
    assert [(change.action, change.address) for change in gone] == [(Action.DELETE, "test-thing/b")]
    named = plan(
        [], extra, UnmanagedRule(resource="test-thing/a"), absent=[thing.address for thing in extra]
    ).pending
    assert [(change.action, change.address) for change in named] == [(Action.DELETE, "test-thing/b")]


def test_what_needs_something_that_is_left_alone_and_not_there_is_refused():
    wanted = [Thing(key="a"), Thing(key="b", owner=Reference(address="test-thing/a", field="id"))]
    left_alone = UnmanagedRule(resource="test-thing/a")
    (refusal,) = plan(wanted, [], left_alone).refusals
    assert "test-thing/b needs test-thing/a, which is unmanaged and does not exist" in refusal.reason
    assert plan(wanted, [Thing(key="a", id="1")], left_alone).refusals == ()


@pytest.mark.parametrize(
    ("keys", "words"),
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
def test_what_cannot_be_meant_is_told(keys, words):
    with pytest.raises(ValidationError, match=words.replace("?", r"\?")):
        UnmanagedRule.model_validate(keys)


def test_what_is_said_of_nothing_is_found():
    one, other = UnmanagedRule(resource="test-thing/a"), UnmanagedRule(resource="test-thing/b*")
    assert list(unused_rules([one, other], ["test-thing/a"])) == [other]


def test_what_goes_on_as_it_was_begun_is_nearer_than_what_is_alike():
    there = ["okta-group-assignment/Kiro-Users", "okta-group-assignment/Everyone (00gdZwIoXQ6DGhBTuJTn)"]
    assert "'okta-group-assignment/Everyone (" in suggestion("okta-group-assignment/Everyone", there)
    assert suggestion("okta-group-assignment/Everyone", []) == ""


@given(name=st.text(max_size=20), other=st.text(max_size=20))
def test_an_escaped_address_is_about_that_address_only(name, other):
    assert address_matches(escape(name), name)
    assert address_matches(escape(name), other) == (name == other)


@given(
    st.lists(st.sampled_from(["title", "pages", "tags", "parts"]), unique=True),
    st.builds(Thing, key=st.just("a"), title=st.none() | st.text(), tags=st.none() | st.tuples(st.text())),
    st.builds(Thing, key=st.just("a"), title=st.none() | st.text(), tags=st.none() | st.tuples(st.text())),
)
def test_fields_are_left_out_of_the_changes_and_nothing_else_is(left_alone, wanted, there):
    def changed(*entries):
        return [field for change in plan([wanted], [there], *entries).pending for field in change.fields]

    entries = (fields_of(*left_alone),) if left_alone else ()
    assert changed(*entries) == [field for field in changed() if field.name not in left_alone]
