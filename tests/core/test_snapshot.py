"""Snapshots: looking things up, and JSON both ways for every kind there is."""

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
from tests.core.specimens import Landmark, Thing


def _import_every_kind() -> None:
    for module in pkgutil.walk_packages(provisioner.providers.__path__, "provisioner.providers."):
        if module.name.endswith((".resources", ".observations")):
            importlib.import_module(module.name)


_import_every_kind()
OURS = sorted(name for name, kind in KINDS.items() if kind.__module__.startswith("provisioner."))

SCALARS: dict[type, st.SearchStrategy[typing.Any]] = {
    str: st.text(max_size=12),
    int: st.integers(-(2**40), 2**40),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
    datetime: st.datetimes(timezones=st.just(UTC)),
}


def values(annotation: typing.Any) -> st.SearchStrategy[typing.Any]:
    """Values of an annotated field, as they can be observed: a secret is only ever a seal."""
    if annotation in SCALARS:
        return SCALARS[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    if annotation is SecretStr:
        return st.nothing()
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return models(annotation)
    return _composed(annotation, typing.get_origin(annotation), typing.get_args(annotation))


def _composed(
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
    """Models with every field generated."""
    return st.builds(model, **{name: values(info.annotation) for name, info in model.model_fields.items()})


class TestJson:
    @pytest.mark.parametrize("kind", OURS)
    @settings(deadline=None, max_examples=12)
    @given(data=st.data())
    def test_every_kind_survives_it(self, kind, data):
        snapshot = Snapshot(resources=(data.draw(models(KINDS[kind])),))
        again = Snapshot.model_validate_json(snapshot.model_dump_json())
        assert again == snapshot
        assert type(again.resources[0]) is KINDS[kind]

    def test_there_are_kinds_to_try(self):
        assert {"step", "entra-application", "entra-sign-in-error"} <= set(OURS)

    @settings(deadline=None, max_examples=30)
    @given(gaps=st.lists(models(Gap)), message=st.text(), fault=st.sampled_from(ProblemKind))
    def test_gaps_and_problems_survive_it(self, gaps, message, fault):
        problem = Problem(kind=fault, address="a/b", message=message, candidates=("x",))
        snapshot = Snapshot(gaps=tuple(gaps), problems=(problem,))
        assert Snapshot.model_validate_json(snapshot.model_dump_json()) == snapshot

    def test_it_names_the_kind_of_every_resource(self):
        data = json.loads(Snapshot(resources=(Landmark(key="x"), Thing(key="y"))).model_dump_json())
        assert [saved["kind"] for saved in data["resources"]] == ["test-landmark", "test-thing"]

    def test_a_secret_is_not_in_it(self):
        snapshot = Snapshot(resources=(Thing(key="a", token=SecretStr("hunter2")),))
        assert "hunter2" not in snapshot.model_dump_json()

    @pytest.mark.parametrize("kind", ["test-nonsense", "", None])
    def test_an_unknown_kind_is_refused_by_name(self, kind):
        saved = {"key": "a"} if kind is None else {"kind": kind, "key": "a"}
        with pytest.raises(ValidationError, match="unknown kind of resource"):
            Snapshot.model_validate({"resources": [saved]})

    def test_something_else_than_a_resource_is_refused(self):
        with pytest.raises(ValidationError):
            Snapshot.model_validate({"resources": ["test-thing"]})


class TestLookingUp:
    SNAPSHOT = Snapshot(
        resources=(Thing(key="a"), Landmark(key="a"), Thing(key="b")),
        gaps=(Gap(kind="test-gone", reason="403", permissions=("Some.Read",)),),
        problems=(Problem(kind=ProblemKind.MISSING, address="x/y", message="no"),),
    )

    def test_by_kind_and_key(self):
        assert self.SNAPSHOT.get(Thing, "a") == Thing(key="a")
        assert self.SNAPSHOT.get(Landmark, "b") is None

    def test_what_must_be_there_by_now(self):
        assert self.SNAPSHOT.require(Thing, "b") == Thing(key="b")
        with pytest.raises(LookupError, match="test-landmark/b does not exist yet"):
            self.SNAPSHOT.require(Landmark, "b")

    def test_all_or_the_first_of_a_kind(self):
        assert self.SNAPSHOT.all(Thing) == (Thing(key="a"), Thing(key="b"))
        assert self.SNAPSHOT.all(Resource) == self.SNAPSHOT.resources
        assert self.SNAPSHOT.first(Thing) == Thing(key="a")
        assert Snapshot().first(Thing) is None

    def test_why_a_kind_could_not_be_read(self):
        gap = self.SNAPSHOT.gap_for("test-gone")
        assert gap is not None
        assert gap.permissions == ("Some.Read",)
        assert self.SNAPSHOT.gap_for("test-thing") is None

    def test_the_problem_with_an_address(self):
        problem = self.SNAPSHOT.problem_for("x/y")
        assert problem is not None
        assert problem.message == "no"
        assert self.SNAPSHOT.problem_for("x/z") is None


class TestUpdating:
    def test_what_is_new_takes_the_place_of_what_was_known(self):
        before = Snapshot(resources=(Thing(key="a", title="old"), Thing(key="b")))
        after = before.updated([Thing(key="a", title="new"), Thing(key="c")])
        assert after.resources == (Thing(key="a", title="new"), Thing(key="b"), Thing(key="c"))
        assert before.resources[0] == Thing(key="a", title="old")

    def test_references_to_what_is_known_now_are_resolved(self):
        waiting = Thing(key="a", owner=Reference(address="test-landmark/x", field="id"))
        after = Snapshot(resources=(waiting,)).updated([Landmark(key="x", id="7")])
        assert after.require(Thing, "a").owner == "7"

    def test_gaps_and_problems_stay(self):
        before = TestLookingUp.SNAPSHOT
        after = before.updated([])
        assert (after.gaps, after.problems) == (before.gaps, before.problems)
