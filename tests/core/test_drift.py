"""What a deviation means, and what lets it pass."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar

import pytest
from pydantic import ValidationError

from provisioner.core.drift import Category, drift_category, unmanaged_values
from provisioner.core.plan import DesiredState, make_plan
from provisioner.core.resource import SECRET, SECURITY, UNORDERED, Resource, WriteOnlySecret
from provisioner.core.snapshot import Snapshot
from provisioner.core.waivers import Waiver, waiver_for, waiver_for_finding


class Door(Resource):
    kind: ClassVar[str] = "test-door"

    colour: str | None = None
    open: Annotated[bool | None, SECURITY] = None
    keys: Annotated[tuple[str, ...] | None, UNORDERED, SECURITY] = None
    secret: Annotated[WriteOnlySecret | None, SECRET] = None


class Guest(Resource):
    kind: ClassVar[str] = "test-guest"
    grants_access: ClassVar[bool] = True

    name: str | None = None


def changes(wanted=(), there=(), exhaustive=()):
    desired = DesiredState(resources=tuple(wanted), exhaustive=frozenset(kind.kind for kind in exhaustive))
    return make_plan(desired, Snapshot(resources=tuple(there))).changes


def waiver(**fields):
    return Waiver.model_validate({"reason": "r", "owner": "o", "expires": "2026-12-31", **fields})


class TestCategory:
    @pytest.mark.parametrize(
        ("wanted", "there", "expected"),
        [
            ({"colour": "red"}, {"colour": "blue"}, Category.CONFIGURATION),
            ({"open": False}, {"open": True}, Category.SECURITY),
            ({"keys": ("a",)}, {"keys": ("a", "b")}, Category.SECURITY),
            ({"keys": ("a", "b")}, {"keys": ("a",)}, Category.CONFIGURATION),
            ({"keys": ("a",)}, {"keys": ("b",)}, Category.SECURITY),
            ({"colour": "red", "open": False}, {"colour": "blue", "open": True}, Category.SECURITY),
        ],
    )
    def test_of_a_difference(self, wanted, there, expected):
        (change,) = changes([Door(key="d", **wanted)], [Door(key="d", **there)])
        assert drift_category(change) is expected

    def test_something_that_is_missing_lets_nobody_in(self):
        (change,) = changes([Guest(key="g", name="Gina")])
        assert drift_category(change) is Category.CONFIGURATION

    def test_somebody_who_was_let_in_besides(self):
        (change,) = changes(there=[Guest(key="g", name="Gina")], exhaustive=[Guest])
        assert drift_category(change) is Category.SECURITY


class TestWaivers:
    def change(self):
        (found,) = changes(
            [Door(key="d", open=False, colour="red")], [Door(key="d", open=True, colour="blue")]
        )
        return found

    @pytest.mark.parametrize(
        ("fields", "covers"),
        [
            ({"resource": "test-door/d"}, True),
            ({"resource": "test-door/*"}, True),
            ({"resource": "test-guest/*"}, False),
            ({"resource": "test-door/d", "fields": ["open"]}, False),
            ({"resource": "test-door/d", "fields": ["open", "colour"]}, True),
            ({"resource": "test-door/d", "check": "x"}, False),
        ],
    )
    def test_what_they_cover(self, fields, covers):
        assert (waiver_for([waiver(**fields)], self.change()) is not None) is covers

    def test_findings(self):
        waivers = [waiver(check="a"), waiver(check="b", resource="test-door/*")]
        assert waiver_for_finding(waivers, "a", "") is waivers[0]
        assert waiver_for_finding(waivers, "b", "test-door/d") is waivers[1]
        assert waiver_for_finding(waivers, "b", "test-window/w") is None

    def test_the_one_that_lasts_longest_counts(self):
        longer = waiver(resource="*", expires="2027-01-31")
        assert waiver_for([waiver(resource="*"), longer], self.change()) is longer

    def test_the_last_day_still_counts(self):
        assert not waiver(resource="*").expired(date(2026, 12, 31))
        assert waiver(resource="*").expired(date(2027, 1, 1))

    @pytest.mark.parametrize(
        "fields", [{}, {"fields": ["a"], "check": "x"}, {"resource": "a", "reason": " "}]
    )
    def test_one_about_nothing_is_refused(self, fields):
        with pytest.raises(ValidationError):
            waiver(**fields)


def test_what_is_left_alone_is_what_nobody_asked_for_of_the_kinds_in_question():
    desired = DesiredState(resources=(Door(key="d", colour="red"),))
    there = (
        Door(key="d", colour="red", open=True, keys=(), secret=WriteOnlySecret()),
        Door(key="e", colour="green"),
        Guest(key="g", name="Gina"),
    )
    found = unmanaged_values(desired, Snapshot(resources=there))
    assert [(one.address, one.field, one.value) for one in found] == [
        ("test-door/d", "open", True),
        ("test-door/e", "colour", "green"),
    ]
