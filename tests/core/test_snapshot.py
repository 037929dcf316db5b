"""Snapshots: lookups, updates, and JSON in both directions for every kind of resource."""

from __future__ import annotations

import importlib
import json
import pkgutil
import types
import typing
from datetime import UTC, datetime
from enum import Enum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

import provisioner.providers
from provisioner.core.resource import KINDS, Model, Reference, Resource
from provisioner.core.snapshot import Gap, Problem, ProblemKind, Snapshot
from tests.core.sample_resources import Landmark, Thing


def product_kinds() -> list[str]:
    """The kinds of resource that the product defines."""
    for module in pkgutil.walk_packages(provisioner.providers.__path__, "provisioner.providers."):
        if module.name.endswith((".resources", ".observations")):
            importlib.import_module(module.name)
    return sorted(name for name, kind in KINDS.items() if kind.__module__.startswith("provisioner."))


SCALARS: dict[type, st.SearchStrategy[typing.Any]] = {
    str: st.text(max_size=12),
    int: st.integers(-(2**40), 2**40),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
    datetime: st.datetimes(timezones=st.just(UTC)),
}


def values(annotation: typing.Any) -> st.SearchStrategy[typing.Any]:
    """Values that an annotated field can have in a snapshot: a secret is always a write-only secret."""
    if annotation in SCALARS:
        return SCALARS[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    if annotation is SecretStr:
        return st.nothing()
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return models(annotation)
    return _composite_values(annotation, typing.get_origin(annotation), typing.get_args(annotation))


def _composite_values(
    annotation: typing.Any, origin: typing.Any, args: tuple[typing.Any, ...]
) -> st.SearchStrategy[typing.Any]:
    if origin is typing.Annotated:
        return values(args[0])
    if origin in (typing.Union, types.UnionType):
        return st.one_of(map(values, args))
    if origin is tuple and args[-1] is Ellipsis:
        return st.lists(values(args[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, args))
    raise TypeError(f"no strategy for {annotation}")


def models(model: type[Model]) -> st.SearchStrategy[Model]:
    """Models in which every field has a generated value."""
    return st.builds(model, **{name: values(info.annotation) for name, info in model.model_fields.items()})


def assert_json_round_trip(kind: type[Resource]) -> None:
    """Resources of a kind are equal after a round trip through JSON."""

    @settings(deadline=None, max_examples=12)
    @given(resource=models(kind))
    def round_trip(resource):
        snapshot = Snapshot(resources=(resource,))
        loaded = Snapshot.model_validate_json(snapshot.model_dump_json())
        assert loaded == snapshot
        assert type(loaded.resources[0]) is kind

    round_trip()


class TestJson:
    def test_a_resource_of_every_kind_is_equal_after_a_round_trip(self):
        kinds = product_kinds()
        assert {"step", "entra-application", "entra-sign-in-error"} <= set(kinds)
        for kind in kinds:
            assert_json_round_trip(KINDS[kind])

    @settings(deadline=None, max_examples=30)
    @given(gaps=st.lists(models(Gap)), message=st.text(), kind=st.sampled_from(ProblemKind))
    def test_gaps_and_problems_are_equal_after_a_round_trip(self, gaps, message, kind):
        problem = Problem(kind=kind, address="a/b", message=message, candidates=("x",))
        snapshot = Snapshot(gaps=tuple(gaps), problems=(problem,))
        assert Snapshot.model_validate_json(snapshot.model_dump_json()) == snapshot

    def test_it_names_the_kind_of_every_resource(self):
        data = json.loads(Snapshot(resources=(Landmark(key="x"), Thing(key="y"))).model_dump_json())
        assert [saved["kind"] for saved in data["resources"]] == ["test-landmark", "test-thing"]

    def test_it_contains_no_secret(self):
        snapshot = Snapshot(resources=(Thing(key="a", token=SecretStr("hunter2")),))
        assert "hunter2" not in snapshot.model_dump_json()

    @pytest.mark.parametrize("kind", ["test-nonsense", "", None])
    def test_an_unknown_kind_is_refused_by_name(self, kind):
        saved = {"key": "a"} if kind is None else {"kind": kind, "key": "a"}
        with pytest.raises(ValidationError, match="unknown kind of resource"):
            Snapshot.model_validate({"resources": [saved]})

    def test_an_element_that_is_not_a_resource_is_refused(self):
        with pytest.raises(ValidationError):
            Snapshot.model_validate({"resources": ["test-thing"]})


class TestLookups:
    SNAPSHOT = Snapshot(
        resources=(Thing(key="a"), Landmark(key="a"), Thing(key="b")),
        gaps=(Gap(kind="test-unread", reason="403", permissions=("Some.Read",)),),
        problems=(Problem(kind=ProblemKind.MISSING, address="x/y", message="no"),),
    )

    def test_by_kind_and_key(self):
        assert self.SNAPSHOT.get(Thing, "a") == Thing(key="a")
        assert self.SNAPSHOT.get(Landmark, "b") is None

    def test_a_required_resource_must_exist(self):
        assert self.SNAPSHOT.require(Thing, "b") == Thing(key="b")
        with pytest.raises(LookupError, match="test-landmark/b does not exist yet"):
            self.SNAPSHOT.require(Landmark, "b")

    def test_all_resources_or_the_first_of_a_kind(self):
        assert self.SNAPSHOT.all(Thing) == (Thing(key="a"), Thing(key="b"))
        assert self.SNAPSHOT.all(Resource) == self.SNAPSHOT.resources
        assert self.SNAPSHOT.first(Thing) == Thing(key="a")
        assert Snapshot().first(Thing) is None

    def test_the_gap_for_a_kind(self):
        gap = self.SNAPSHOT.gap_for("test-unread")
        assert gap is not None
        assert gap.permissions == ("Some.Read",)
        assert self.SNAPSHOT.gap_for("test-thing") is None

    def test_the_problem_for_an_address(self):
        problem = self.SNAPSHOT.problem_for("x/y")
        assert problem is not None
        assert problem.message == "no"
        assert self.SNAPSHOT.problem_for("x/z") is None


class TestUpdates:
    def test_an_updated_resource_replaces_the_earlier_one(self):
        before = Snapshot(resources=(Thing(key="a", title="old"), Thing(key="b")))
        after = before.updated([Thing(key="a", title="new"), Thing(key="c")])
        assert after.resources == (Thing(key="a", title="new"), Thing(key="b"), Thing(key="c"))
        assert before.resources[0] == Thing(key="a", title="old")

    def test_references_to_an_added_resource_are_resolved(self):
        unresolved = Thing(key="a", owner=Reference(address="test-landmark/x", field="id"))
        after = Snapshot(resources=(unresolved,)).updated([Landmark(key="x", id="7")])
        assert after.require(Thing, "a").owner == "7"

    def test_gaps_and_problems_stay(self):
        before = TestLookups.SNAPSHOT
        after = before.updated([])
        assert (after.gaps, after.problems) == (before.gaps, before.problems)
