"""Resources, references and seals."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from provisioner.core.resource import KINDS, Reference, Resource, WriteOnlySecret, resolve
from tests.core.specimens import Landmark, Part, Thing

ID_OF_LANDMARK = Reference(address="test-landmark/north", field="id")


def test_an_address_is_the_kind_and_the_key():
    assert Thing(key="a b").address == "test-thing/a b"


def test_a_resource_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Thing(key="a").title = "new"


def test_a_resource_refuses_unknown_members():
    with pytest.raises(ValidationError, match="titel"):
        Thing(key="a", titel="typing error")


def test_the_managed_fields_are_those_that_can_be_desired_in_the_order_they_are_declared():
    assert list(Thing.managed_fields()) == [
        "title",
        "owner",
        "pages",
        "tags",
        "labels",
        "parts",
        "born",
        "token",
    ]
    assert Landmark.managed_fields() == {}


def test_every_kind_is_known_by_its_name():
    assert KINDS["test-thing"] is Thing
    assert "" not in KINDS


def test_two_kinds_cannot_have_one_name():
    with pytest.raises(TypeError, match="two kinds of resource are called test-thing"):

        class Impostor(Resource):
            kind: ClassVar[str] = "test-thing"


class TestReferences:
    def test_they_are_found_at_any_depth(self):
        in_tuple = Reference(address="x/y", field="id", template="api://{}")
        thing = Thing(key="a", owner=ID_OF_LANDMARK, labels=("plain", in_tuple))
        assert thing.references() == (ID_OF_LANDMARK, in_tuple)

    def test_a_resource_without_any_has_none(self):
        assert Thing(key="a", owner="me", parts=(Part(name="p"),)).references() == ()

    def test_they_say_what_they_stand_for(self):
        assert (
            str(Reference(address="x/y", field="id", template="api://{}"))
            == "api://(id of x/y, known after apply)"
        )

    def test_a_known_field_takes_their_place_in_its_form(self):
        known = {"test-landmark/north": Landmark(key="north", id="17")}
        in_tuple = ID_OF_LANDMARK.model_copy(update={"template": "no. {}"})
        resolved = resolve(Thing(key="a", owner=ID_OF_LANDMARK, labels=("plain", in_tuple)), known)
        assert (resolved.owner, resolved.labels) == ("17", ("plain", "no. 17"))

    @pytest.mark.parametrize(
        "known",
        [
            pytest.param({}, id="no such resource"),
            pytest.param({"test-landmark/north": Landmark(key="north")}, id="its field does not exist yet"),
            pytest.param({"test-landmark/north": Thing(key="north")}, id="None is not a value"),
        ],
    )
    def test_they_stay_until_their_value_is_known(self, known):
        thing = Thing(key="a", owner=ID_OF_LANDMARK)
        assert resolve(thing, known) is thing

    def test_a_field_the_resource_does_not_have_is_never_known(self):
        ref = Reference(address="test-landmark/north", field="nonsense")
        assert resolve(ref, {"test-landmark/north": Landmark(key="north", id="17")}) is ref

    def test_what_has_none_stays_the_same_object(self):
        thing = Thing(key="a", owner="me")
        assert resolve(thing, {"test-landmark/north": Landmark(key="north", id="17")}) is thing


class TestSeals:
    @settings(deadline=None, max_examples=15)
    @given(value=st.text(max_size=30), other=st.text(max_size=30))
    def test_they_match_the_value_they_were_made_of_and_no_other(self, value, other):
        seal = WriteOnlySecret.of(value)
        assert seal.matches(value) is True
        assert seal.matches(other) is (value == other)

    def test_they_cannot_tell_when_nothing_was_ever_written(self):
        assert WriteOnlySecret().matches("anything") is None

    def test_they_do_not_contain_the_value_and_two_of_one_value_differ(self):
        first, second = WriteOnlySecret.of("hunter2"), WriteOnlySecret.of("hunter2")
        assert "hunter2" not in repr(first)
        assert first != second


def test_a_secret_is_never_part_of_what_a_resource_prints():
    assert "hunter2" not in repr(Thing(key="a", token=SecretStr("hunter2")))
