"""Resources, references and write-only secrets."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from provisioner.core.resource import KINDS, Reference, Resource, WriteOnlySecret, resolve
from tests.core.sample_resources import Landmark, Part, Thing

ID_OF_LANDMARK = Reference(address="test-landmark/north", field="id")


def test_an_address_is_the_kind_and_the_key():
    assert Thing(key="a b").address == "test-thing/a b"


def test_a_resource_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Thing(key="a").title = "new"


def test_a_resource_refuses_unknown_members():
    with pytest.raises(ValidationError, match="titel"):
        Thing(key="a", titel="typing error")


def test_the_managed_fields_are_the_writable_fields_in_their_declared_order():
    assert list(Thing.writable_fields()) == [
        "title",
        "owner",
        "pages",
        "tags",
        "labels",
        "parts",
        "region",
        "token",
    ]
    assert Landmark.writable_fields() == {}


def test_every_kind_is_registered_by_its_name():
    assert KINDS["test-thing"] is Thing
    assert "" not in KINDS


def test_two_kinds_cannot_have_one_name():
    with pytest.raises(TypeError, match="two kinds of resource are called test-thing"):

        class Duplicate(Resource):
            kind: ClassVar[str] = "test-thing"


class TestReferences:
    def test_they_are_collected_at_any_depth(self):
        in_labels = Reference(address="x/y", field="id", template="api://{}")
        thing = Thing(key="a", owner=ID_OF_LANDMARK, labels=("plain", in_labels))
        assert thing.references() == (ID_OF_LANDMARK, in_labels)

    def test_a_resource_without_references_has_none(self):
        assert Thing(key="a", owner="me", parts=(Part(name="p"),)).references() == ()

    def test_they_print_as_the_value_that_is_known_after_apply(self):
        assert (
            str(Reference(address="x/y", field="id", template="api://{}"))
            == "api://(id of x/y, known after apply)"
        )

    def test_a_known_value_replaces_them_in_their_template(self):
        known = {"test-landmark/north": Landmark(key="north", id="17")}
        in_labels = ID_OF_LANDMARK.model_copy(update={"template": "no. {}"})
        resolved = resolve(Thing(key="a", owner=ID_OF_LANDMARK, labels=("plain", in_labels)), known)
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
        reference = Reference(address="test-landmark/north", field="nonsense")
        assert resolve(reference, {"test-landmark/north": Landmark(key="north", id="17")}) is reference

    def test_a_resource_without_references_stays_the_same_object(self):
        thing = Thing(key="a", owner="me")
        assert resolve(thing, {"test-landmark/north": Landmark(key="north", id="17")}) is thing


class TestWriteOnlySecrets:
    @settings(deadline=None, max_examples=15)
    @given(value=st.text(max_size=30), another=st.text(max_size=30))
    def test_they_match_their_value_and_no_other(self, value, another):
        secret = WriteOnlySecret.of(value)
        assert secret.matches(value) is True
        assert secret.matches(another) is (value == another)

    def test_they_do_not_know_whether_a_value_matches_if_none_was_written(self):
        assert WriteOnlySecret().matches("anything") is None

    def test_they_do_not_contain_the_value_and_two_of_the_same_value_differ(self):
        first, second = WriteOnlySecret.of("hunter2"), WriteOnlySecret.of("hunter2")
        assert "hunter2" not in repr(first)
        assert first != second


def test_a_resource_does_not_print_its_secrets():
    assert "hunter2" not in repr(Thing(key="a", token=SecretStr("hunter2")))
