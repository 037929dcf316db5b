"""Drift: its category, the waivers that cover it, and unmanaged values."""

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


def planned_changes(resources=(), existing=(), exhaustive=()):
    desired = DesiredState(resources=tuple(resources), exhaustive=frozenset(kind.kind for kind in exhaustive))
    return make_plan(desired, Snapshot(resources=tuple(existing))).changes


def waiver(**fields):
    return Waiver.model_validate({"reason": "r", "owner": "o", "expires": "2026-12-31", **fields})


class TestCategory:
    @pytest.mark.parametrize(
        ("desired", "existing", "expected"),
        [
            ({"colour": "red"}, {"colour": "blue"}, Category.CONFIGURATION),
            ({"open": False}, {"open": True}, Category.SECURITY),
            ({"keys": ("a",)}, {"keys": ("a", "b")}, Category.SECURITY),
            ({"keys": ("a", "b")}, {"keys": ("a",)}, Category.CONFIGURATION),
            ({"keys": ("a",)}, {"keys": ("b",)}, Category.SECURITY),
            ({"colour": "red", "open": False}, {"colour": "blue", "open": True}, Category.SECURITY),
        ],
    )
    def test_of_a_difference(self, desired, existing, expected):
        (change,) = planned_changes([Door(key="d", **desired)], [Door(key="d", **existing)])
        assert drift_category(change) is expected

    def test_a_missing_resource_grants_no_access(self):
        (change,) = planned_changes([Guest(key="g", name="Gina")])
        assert drift_category(change) is Category.CONFIGURATION

    def test_an_unlisted_resource_that_grants_access_is_security_drift(self):
        (change,) = planned_changes(existing=[Guest(key="g", name="Gina")], exhaustive=[Guest])
        assert drift_category(change) is Category.SECURITY


class TestWaivers:
    def change(self):
        (change,) = planned_changes(
            [Door(key="d", open=False, colour="red")], [Door(key="d", open=True, colour="blue")]
        )
        return change

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
    def test_which_changes_they_cover(self, fields, covers):
        assert (waiver_for([waiver(**fields)], self.change()) is not None) is covers

    def test_which_findings_they_cover(self):
        waivers = [waiver(check="a"), waiver(check="b", resource="test-door/*")]
        assert waiver_for_finding(waivers, "a", "") is waivers[0]
        assert waiver_for_finding(waivers, "b", "test-door/d") is waivers[1]
        assert waiver_for_finding(waivers, "b", "test-window/w") is None

    def test_of_several_waivers_the_one_that_expires_last_counts(self):
        longer = waiver(resource="*", expires="2027-01-31")
        assert waiver_for([waiver(resource="*"), longer], self.change()) is longer

    def test_a_waiver_expires_after_its_last_day(self):
        assert not waiver(resource="*").expired(date(2026, 12, 31))
        assert waiver(resource="*").expired(date(2027, 1, 1))

    @pytest.mark.parametrize(
        "fields", [{}, {"fields": ["a"], "check": "x"}, {"resource": "a", "reason": " "}]
    )
    def test_a_waiver_without_a_valid_subject_or_reason_is_refused(self, fields):
        with pytest.raises(ValidationError):
            waiver(**fields)


def test_unmanaged_values_are_of_the_kinds_that_the_playbook_manages():
    desired = DesiredState(resources=(Door(key="d", colour="red"),))
    existing = (
        Door(key="d", colour="red", open=True, keys=(), secret=WriteOnlySecret()),
        Door(key="e", colour="green"),
        Guest(key="g", name="Gina"),
    )
    unmanaged = unmanaged_values(desired, Snapshot(resources=existing))
    assert [(value.address, value.field, value.value) for value in unmanaged] == [
        ("test-door/d", "open", True),
        ("test-door/e", "colour", "green"),
    ]
