"""What differs, field by field, and the values that would be written."""

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
from provisioner.core.resource import KEYED, Model, Reference, Resource, WriteOnlySecret
from tests.core.specimens import Part, Thing, desired_things, observed_things

INFOS = Thing.managed_fields()


def changed(desired, observed):
    """The names of the fields that differ."""
    return [change.name for change in changed_fields(desired, observed)]


class TestDifferences:
    def test_what_the_author_did_not_write_is_not_managed(self):
        assert changed_fields(Thing(key="a"), Thing(key="a", title="by hand", tags=("x",))) == ()

    def test_an_empty_list_means_none(self):
        (change,) = changed_fields(Thing(key="a", pages=()), Thing(key="a", pages=("x",)))
        assert change == FieldChange(name="pages", before=["x"], after=[])

    def test_what_is_only_observed_never_differs(self):
        assert changed_fields(Thing(key="a", id="1"), Thing(key="a", id="2")) == ()

    def test_a_plain_collection_has_an_order(self):
        assert changed(Thing(key="a", pages=("x", "y")), Thing(key="a", pages=("y", "x"))) == ["pages"]

    def test_an_unordered_collection_has_none(self):
        assert changed(Thing(key="a", tags=("x", "y")), Thing(key="a", tags=("y", "x"))) == []

    def test_an_unordered_collection_counts_its_elements(self):
        assert changed(Thing(key="a", tags=("x",)), Thing(key="a", tags=("x", "x"))) == ["tags"]

    def test_a_collection_that_nobody_could_read_differs(self):
        assert changed(Thing(key="a", tags=()), Thing(key="a")) == ["tags"]

    def test_a_containing_collection_may_hold_more(self):
        assert changed(Thing(key="a", labels=("x",)), Thing(key="a", labels=("y", "x"))) == []

    def test_what_a_containing_collection_lacks_is_added_and_the_rest_stays(self):
        (change,) = changed_fields(Thing(key="a", labels=("x", "z")), Thing(key="a", labels=("y", "x")))
        assert (change.before, change.after) == (["y", "x"], ["y", "x", "z"])

    def test_a_field_for_creation_is_ignored_afterwards(self):
        assert changed_fields(Thing(key="a", born="new"), Thing(key="a", born="old")) == ()

    def test_they_are_in_the_order_in_which_the_fields_are_declared(self):
        desired = Thing(key="a", parts=(Part(name="p"),), title="new", labels=("x",))
        assert changed(desired, Thing(key="a")) == ["title", "labels", "parts"]

    @settings(deadline=None)
    @given(desired=desired_things(), observed=observed_things())
    def test_writing_the_merged_values_leaves_none(self, desired, observed):
        written = {
            change.name: merge(
                getattr(desired, change.name), getattr(observed, change.name), INFOS[change.name]
            )
            for change in changed_fields(desired, observed)
        }
        assert changed_fields(desired, observed.model_copy(update=written)) == ()

    @settings(deadline=None)
    @given(desired=desired_things(), observed=observed_things())
    def test_they_are_json(self, desired, observed):
        json.dumps([change.model_dump() for change in changed_fields(desired, observed)])

    @settings(deadline=None)
    @given(observed=observed_things())
    def test_what_is_as_it_was_read_does_not_differ(self, observed):
        assert changed_fields(observed, observed) == ()


class TestKeyedCollections:
    def test_an_element_is_changed_in_place_and_keeps_what_nobody_wrote(self):
        found = (Part(name="a", size=1, note="keep"), Part(name="b"))
        wanted = (Part(name="a", size=2),)
        assert merge(wanted, found, INFOS["parts"]) == (
            Part(name="a", size=2, note="keep"),
            Part(name="b"),
        )

    def test_what_somebody_else_made_stays(self):
        assert merge((), (Part(name="a"),), INFOS["parts"]) == (Part(name="a"),)

    def test_what_this_product_made_goes_when_it_is_not_desired_any_more(self):
        found = (Part(name="a", owned=True), Part(name="b", owned=True))
        assert merge((Part(name="b"),), found, INFOS["parts"]) == (Part(name="b", owned=True),)

    def test_what_does_not_say_whose_it_is_stays(self):
        class Plain(Model):
            name: str

        class Holder(Resource):
            plain: Annotated[tuple[Plain, ...] | None, KEYED("name")] = None

        found = (Plain(name="a"),)
        assert merge((), found, Holder.managed_fields()["plain"]) == found

    def test_what_is_new_comes_last(self):
        found = (Part(name="b"),)
        assert [part.name for part in merge((Part(name="a"), Part(name="b")), found, INFOS["parts"])] == [
            "b",
            "a",
        ]

    def test_where_nothing_was_there_what_is_desired_is_all(self):
        assert merge((Part(name="a"),), None, INFOS["parts"]) == (Part(name="a"),)

    def test_an_element_is_only_overlaid_with_what_was_written(self):
        base = Part(name="a", size=1, note="n", owned=True)
        assert overlay(base, Part(name="a", size=None)) == base
        assert overlay(base, Part(name="a", size=0)) == base.model_copy(update={"size": 0})


class TestSecrets:
    def test_a_missing_one_differs(self):
        assert secret_differs(SecretStr("x"), None)

    def test_one_that_was_never_written_from_here_is_unknowable_which_is_no_difference(self):
        assert not secret_differs(SecretStr("x"), WriteOnlySecret())

    def test_the_one_that_was_written_from_here_does_not_differ_and_another_does(self):
        seal = WriteOnlySecret.of("x")
        assert not secret_differs(SecretStr("x"), seal)
        assert secret_differs(SecretStr("y"), seal)

    def test_neither_value_is_told(self):
        desired, observed = Thing(key="a", token=SecretStr("hunter2")), Thing(key="a", token=None)
        (change,) = changed_fields(desired, observed)
        assert (change.before, change.after) == ("(secret)", "(secret, changed)")

    def test_a_seal_is_nothing_to_write(self):
        assert changed_fields(Thing(key="a", token=WriteOnlySecret()), Thing(key="a")) == ()


class TestCreation:
    def test_it_tells_every_managed_value(self):
        thing = Thing(
            key="a",
            title="t",
            owner=Reference(address="x/y", field="id"),
            parts=(Part(name="p", size=1),),
            born="now",
            token=SecretStr("hunter2"),
            id="not managed",
        )
        assert {change.name: change.after for change in initial_fields(thing)} == {
            "title": "t",
            "owner": "(id of x/y, known after apply)",
            "parts": [{"name": "p", "size": 1, "owned": False}],
            "born": "now",
            "token": "(secret)",
        }

    def test_it_leaves_out_what_is_not_managed(self):
        assert initial_fields(Thing(key="a", title=None)) == ()

    def test_it_tells_that_a_collection_is_to_be_empty(self):
        assert initial_fields(Thing(key="a", tags=())) == (FieldChange(name="tags", after=[]),)

    def test_it_tells_what_is_false_or_zero_or_an_empty_text(self):
        assert [change.name for change in initial_fields(Thing(key="a", title=""))] == ["title"]


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
def test_a_value_is_shown_as_json_without_secrets(value, expected):
    assert display_value(value) == expected


@settings(deadline=None)
@given(text=st.text(min_size=4, alphabet="abcdefgh"))
def test_no_secret_is_shown_wherever_it_stands(text):
    thing = Thing(key="k", token=SecretStr(f"<{text}>"))
    told = [
        *initial_fields(thing),
        *changed_fields(thing, Thing(key="k")),
        display_value(thing),
        display_value((thing,)),
    ]
    assert f"<{text}>" not in repr(told)
