"""Differences between a desired and an existing resource, field by field, and the values that apply would write."""

from __future__ import annotations

import json
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from provisioner.core.diff import (
    FieldChange,
    changed_fields,
    display_value,
    initial_fields,
    merge,
    overlay,
    secret_differs,
)
from provisioner.core.resource import KeyedBy, Model, Reference, Resource, WriteOnlySecret
from tests.core.sample_resources import Part, Thing, desired_things, existing_things

FIELDS = Thing.writable_fields()


def changed(desired, existing):
    """The names of the fields that differ."""
    return [change.name for change in changed_fields(desired, existing)]


class TestDifferences:
    def test_a_field_that_the_playbook_does_not_contain_is_not_managed(self):
        assert changed_fields(Thing(key="a"), Thing(key="a", title="set in the console", tags=("x",))) == ()

    def test_an_empty_list_means_none(self):
        (change,) = changed_fields(Thing(key="a", pages=()), Thing(key="a", pages=("x",)))
        assert change == FieldChange(name="pages", before=["x"], after=[])

    def test_a_read_only_field_never_differs(self):
        assert changed_fields(Thing(key="a", id="1"), Thing(key="a", id="2")) == ()

    def test_the_order_of_a_plain_collection_matters(self):
        assert changed(Thing(key="a", pages=("x", "y")), Thing(key="a", pages=("y", "x"))) == ["pages"]

    def test_the_order_of_an_unordered_collection_does_not_matter(self):
        assert changed(Thing(key="a", tags=("x", "y")), Thing(key="a", tags=("y", "x"))) == []

    def test_an_unordered_collection_with_a_repeated_element_differs(self):
        assert changed(Thing(key="a", tags=("x",)), Thing(key="a", tags=("x", "x"))) == ["tags"]

    def test_a_collection_that_was_not_read_differs(self):
        assert changed(Thing(key="a", tags=()), Thing(key="a")) == ["tags"]

    def test_a_containing_collection_can_have_other_elements(self):
        assert changed(Thing(key="a", labels=("x",)), Thing(key="a", labels=("y", "x"))) == []

    def test_missing_elements_are_added_to_a_containing_collection(self):
        (change,) = changed_fields(Thing(key="a", labels=("x", "z")), Thing(key="a", labels=("y", "x")))
        assert (change.before, change.after) == (["y", "x"], ["y", "x", "z"])

    def test_a_create_only_field_is_not_compared(self):
        assert changed_fields(Thing(key="a", region="new"), Thing(key="a", region="old")) == ()

    def test_the_changes_are_in_the_declared_order_of_the_fields(self):
        desired = Thing(key="a", parts=(Part(name="p"),), title="new", labels=("x",))
        assert changed(desired, Thing(key="a")) == ["title", "labels", "parts"]

    @settings(deadline=None)
    @given(desired=desired_things(), existing=existing_things())
    def test_no_difference_remains_after_the_merged_values_are_written(self, desired, existing):
        written = {
            change.name: merge(
                getattr(desired, change.name), getattr(existing, change.name), FIELDS[change.name]
            )
            for change in changed_fields(desired, existing)
        }
        assert changed_fields(desired, existing.model_copy(update=written)) == ()

    @settings(deadline=None)
    @given(desired=desired_things(), existing=existing_things())
    def test_the_changes_are_json(self, desired, existing):
        json.dumps([change.model_dump() for change in changed_fields(desired, existing)])

    @settings(deadline=None)
    @given(existing=existing_things())
    def test_a_resource_does_not_differ_from_itself(self, existing):
        assert changed_fields(existing, existing) == ()


class TestKeyedCollections:
    def test_a_changed_element_keeps_its_place_and_its_unmanaged_fields(self):
        existing = (Part(name="a", size=1, note="keep"), Part(name="b"))
        desired = (Part(name="a", size=2),)
        assert merge(desired, existing, FIELDS["parts"]) == (
            Part(name="a", size=2, note="keep"),
            Part(name="b"),
        )

    def test_an_element_that_another_admin_created_stays(self):
        assert merge((), (Part(name="a"),), FIELDS["parts"]) == (Part(name="a"),)

    def test_an_owned_element_is_removed_if_it_is_no_longer_desired(self):
        existing = (Part(name="a", owned=True), Part(name="b", owned=True))
        assert merge((Part(name="b"),), existing, FIELDS["parts"]) == (Part(name="b", owned=True),)

    def test_an_element_without_ownership_stays(self):
        class Plain(Model):
            name: str

        class Holder(Resource):
            plain: Annotated[tuple[Plain, ...] | None, KeyedBy("name")] = None

        existing = (Plain(name="a"),)
        assert merge((), existing, Holder.writable_fields()["plain"]) == existing

    def test_new_elements_come_last(self):
        existing = (Part(name="b"),)
        assert [part.name for part in merge((Part(name="a"), Part(name="b")), existing, FIELDS["parts"])] == [
            "b",
            "a",
        ]

    def test_a_missing_collection_becomes_the_desired_elements(self):
        assert merge((Part(name="a"),), None, FIELDS["parts"]) == (Part(name="a"),)

    def test_only_the_fields_that_are_set_overlay_an_element(self):
        base = Part(name="a", size=1, note="n", owned=True)
        assert overlay(base, Part(name="a", size=None)) == base
        assert overlay(base, Part(name="a", size=0)) == base.model_copy(update={"size": 0})


class TestSecrets:
    def test_a_missing_secret_differs(self):
        assert secret_differs(SecretStr("x"), None)

    def test_a_secret_that_this_machine_never_wrote_does_not_differ(self):
        assert not secret_differs(SecretStr("x"), WriteOnlySecret())

    def test_a_secret_differs_from_the_one_that_this_machine_wrote_last(self):
        existing = WriteOnlySecret.of("x")
        assert not secret_differs(SecretStr("x"), existing)
        assert secret_differs(SecretStr("y"), existing)

    def test_a_change_contains_neither_value(self):
        desired, existing = Thing(key="a", token=SecretStr("hunter2")), Thing(key="a", token=None)
        (change,) = changed_fields(desired, existing)
        assert (change.before, change.after) == ("(secret)", "(secret, changed)")

    def test_a_write_only_secret_is_not_written(self):
        assert changed_fields(Thing(key="a", token=WriteOnlySecret()), Thing(key="a")) == ()


class TestInitialFields:
    def test_they_contain_every_managed_value(self):
        thing = Thing(
            key="a",
            title="t",
            owner=Reference(address="x/y", field="id"),
            parts=(Part(name="p", size=1),),
            region="now",
            token=SecretStr("hunter2"),
            id="not managed",
        )
        assert {change.name: change.after for change in initial_fields(thing)} == {
            "title": "t",
            "owner": "(id of x/y, known after apply)",
            "parts": [{"name": "p", "size": 1, "owned": False}],
            "region": "now",
            "token": "(secret)",
        }

    def test_they_omit_unmanaged_fields(self):
        assert initial_fields(Thing(key="a", title=None)) == ()

    def test_they_contain_empty_collections(self):
        assert initial_fields(Thing(key="a", tags=())) == (FieldChange(name="tags", after=[]),)

    def test_they_contain_empty_text(self):
        assert initial_fields(Thing(key="a", title="")) == (FieldChange(name="title", after=""),)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (SecretStr("hunter2"), "(secret)"),
        (WriteOnlySecret.of("hunter2"), "(secret)"),
        ((1, [SecretStr("hunter2")]), [1, ["(secret)"]]),
        (Thing(key="a", token=SecretStr("hunter2")), {"key": "a", "token": "(secret)"}),
        (None, None),
        (False, False),
    ],
)
def test_a_value_is_displayed_as_json_without_secrets(value, expected):
    assert display_value(value) == expected


@settings(deadline=None)
@given(text=st.text(min_size=4, alphabet="abcdefgh"))
def test_no_secret_is_displayed_wherever_it_is(text):
    thing = Thing(key="k", token=SecretStr(f"<{text}>"))
    displayed = [
        *initial_fields(thing),
        *changed_fields(thing, Thing(key="k")),
        display_value(thing),
        display_value((thing,)),
    ]
    assert f"<{text}>" not in repr(displayed)
