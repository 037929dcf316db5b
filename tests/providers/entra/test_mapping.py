"""The attribute mapping inside a synchronization schema: read, and edited without touching anything else."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.core.diff import changed_fields
from provisioner.providers.entra.mapping import SchemaError, edited, is_right, read_mapping
from provisioner.providers.entra.resources import (
    REQUIRED_ATTRIBUTES,
    UNSUPPORTED_ATTRIBUTES,
    AttributeMapping,
)
from tests.providers.entra.schemas import (
    RULE,
    attribute,
    default_schema,
    entry,
    function,
    mapping,
    schema,
    schemas,
)

GUIDE = AttributeMapping(key="k", external_id="objectId", unsupported=(), missing=(), disabled=())
MINIMAL = GUIDE.model_copy(update={"other": ()})
nothing_or_empty = st.none() | st.just(())
desired_mappings = st.builds(
    AttributeMapping,
    key=st.just("k"),
    external_id=st.none() | st.sampled_from(["objectId", "employeeId"]),
    unsupported=nothing_or_empty,
    missing=nothing_or_empty,
    other=nothing_or_empty,
    disabled=nothing_or_empty,
)


def users_of(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The attribute mappings of users."""
    return [
        one
        for rule in found["synchronizationRules"]
        for object_mapping in rule["objectMappings"]
        if object_mapping["sourceObjectName"] == "User"
        for one in object_mapping["attributeMappings"]
    ]


def targets_of(found: dict[str, Any]) -> list[str]:
    return [one["targetAttributeName"] for one in users_of(found)]


def source_of(found: dict[str, Any], target: str) -> dict[str, Any]:
    return next(one["source"] for one in users_of(found) if one["targetAttributeName"] == target)


def with_users(*entries: dict[str, Any], **options: Any) -> dict[str, Any]:
    """A schema with these user entries."""
    return schema([mapping("User", list(entries), **options)])


class TestReading:
    def test_the_default_mapping_is_what_the_guide_warns_of(self):
        found = read_mapping("k", default_schema())
        assert found.external_id == "mailNickname"
        assert set(found.unsupported or ()) == set(UNSUPPORTED_ATTRIBUTES)
        assert (found.missing, found.disabled, found.rule_id) == ((), (), RULE)
        assert not is_right(found)

    @pytest.mark.parametrize(
        ("source", "told"),
        [
            (attribute("objectId"), "objectId"),
            ({**attribute("objectId"), "type": "attribute"}, "objectId"),
            (function("Join([a], [b])"), "Join([a], [b])"),
            ({"type": "Function", "name": "Join"}, "Function Join"),
            ({"type": "Attribute"}, None),
            ({}, None),
            (None, None),
        ],
    )
    def test_the_source_of_externalid_is_told_by_its_attribute_or_its_expression(self, source, told):
        assert read_mapping("k", with_users(entry("externalId", source))).external_id == told

    def test_a_function_that_computes_the_object_id_is_not_the_object_id(self):
        found = read_mapping("k", with_users(entry("externalId", function("[objectId]"))))
        assert found.external_id != "objectId"

    def test_a_constant_that_says_objectid_is_not_the_object_id(self):
        source = {"expression": "objectId", "name": "objectId", "type": "Constant", "parameters": []}
        assert read_mapping("k", with_users(entry("externalId", source))).external_id != "objectId"

    @pytest.mark.parametrize("rules", [1, 2])
    def test_every_user_mapping_counts_not_only_the_last(self, rules):
        wrong = mapping("User", [entry(name, attribute("mail")) for name in REQUIRED_ATTRIBUTES])
        right = mapping("User", [entry(name, attribute("objectId")) for name in REQUIRED_ATTRIBUTES])
        found = schema([wrong, right]) if rules == 1 else schema([right], [wrong])
        assert not is_right(read_mapping("k", found))

    def test_what_is_required_and_not_mapped_is_told(self):
        found = read_mapping("k", with_users(entry("userName", attribute("mail"))))
        assert found.missing == ("externalId", "active")

    def test_what_kiro_does_not_need_is_told_too(self):
        found = read_mapping("k", with_users(entry("title", attribute("jobTitle"))))
        assert (found.other, found.unsupported) == (("title",), ())

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({}, ()),
            ({"flows": "Delete, Update, Add"}, ()),
            ({"flows": "Add,Update"}, ("User: does not delete",)),
            ({"flows": "None"}, ("User: does not add or update or delete",)),
            ({"flows": None}, ("User: does not add or update or delete",)),
            ({"enabled": False, "flows": "Add"}, ("User: switched off",)),
        ],
    )
    def test_what_does_not_flow_is_told(self, options, told):
        assert read_mapping("k", with_users(**options)).disabled == told

    def test_what_does_not_say_that_it_is_off_is_on(self):
        found = with_users()
        del found["synchronizationRules"][0]["objectMappings"][0]["enabled"]
        assert read_mapping("k", found).disabled == ()

    def test_groups_must_flow_too_but_not_what_kiro_does_not_know(self):
        off = [mapping(source, [], enabled=False) for source in ("Group", "Device")]
        found = read_mapping("k", schema([mapping("User", []), *off]))
        assert found.disabled == ("Group: switched off",)

    @pytest.mark.parametrize(
        "without",
        [
            {},
            {"synchronizationRules": None},
            schema(),
            schema([mapping("Group", [])]),
            {"synchronizationRules": [{"id": "x"}]},
            {"synchronizationRules": [{"objectMappings": [{"sourceObjectName": "User"}]}]},
        ],
    )
    def test_a_schema_that_maps_no_users_is_an_error(self, without):
        with pytest.raises(SchemaError, match="maps no users"):
            read_mapping("k", without)
        with pytest.raises(SchemaError, match="maps no users"):
            edited(without, GUIDE)


class TestTheGate:
    RIGHT = AttributeMapping(key="k", external_id="objectId", unsupported=(), missing=())

    def test_it_opens_for_the_object_id_with_everything_required_and_nothing_unsupported(self):
        assert is_right(self.RIGHT)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"external_id": "mailNickname"},
            {"external_id": None},
            {"external_id": "OBJECTID"},
            {"missing": ("active",)},
            {"missing": None},
            {"unsupported": (UNSUPPORTED_ATTRIBUTES[0],)},
            {"unsupported": None},
        ],
    )
    def test_it_stays_shut_for_anything_else_and_for_what_is_not_known(self, wrong):
        assert not is_right(self.RIGHT.model_copy(update=wrong))


class TestEditing:
    def test_the_guides_mapping_leaves_everything_else_in_its_place(self):
        before, after = default_schema(), edited(default_schema(), GUIDE)
        assert is_right(read_mapping("k", after))
        kept = [one for one in users_of(before) if one["targetAttributeName"] not in UNSUPPORTED_ATTRIBUTES]
        for one in kept:
            if one["targetAttributeName"] == "externalId":
                one["source"] = attribute("objectId")
        assert users_of(after) == kept

    def test_the_minimal_mapping_is_the_three_that_kiro_requires(self):
        assert sorted(targets_of(edited(default_schema(), MINIMAL))) == sorted(REQUIRED_ATTRIBUTES)

    def test_what_is_missing_is_added_with_the_defaults_of_entra(self):
        after = edited(with_users(), GUIDE)
        assert targets_of(after) == list(REQUIRED_ATTRIBUTES)
        user_name, external_id, active = users_of(after)
        assert user_name == entry("userName", attribute("userPrincipalName"), 1)
        assert external_id == entry("externalId", attribute("objectId"))
        parameters = [{"key": "source", "value": attribute("IsSoftDeleted")}]
        assert active == entry("active", {**function("Not([IsSoftDeleted])"), "parameters": parameters})

    def test_two_that_were_added_share_nothing(self):
        found = schema([mapping("User", []), mapping("User", [])])
        first, second = (
            part["attributeMappings"]
            for part in edited(found, GUIDE)["synchronizationRules"][0]["objectMappings"]
        )
        assert first == second
        assert all(one["source"] is not other["source"] for one, other in zip(first, second, strict=True))

    def test_externalid_is_added_where_only_its_source_is_desired(self):
        after = edited(with_users(), AttributeMapping(key="k", external_id="objectId"))
        assert targets_of(after) == ["externalId"]

    def test_a_right_source_keeps_its_own_spelling(self):
        spelled = {**attribute("objectId"), "extra": "kept"}
        after = edited(with_users(entry("externalId", spelled)), GUIDE)
        assert source_of(after, "externalId") == spelled

    def test_right_flow_types_keep_their_own_spelling(self):
        found = with_users(flows="Delete, Update, Add")
        after = edited(found, AttributeMapping(key="k", disabled=()))
        assert after == found

    def test_what_kiro_does_not_know_is_not_switched_on(self):
        found = schema([mapping("User", []), mapping("Device", [], enabled=False, flows="Add")])
        assert edited(found, AttributeMapping(key="k", disabled=())) == found

    @settings(deadline=None, max_examples=100)
    @given(found=schemas(), desired=desired_mappings)
    def test_what_is_desired_holds_afterwards(self, found, desired):
        assert changed_fields(desired, read_mapping("k", edited(found, desired))) == ()

    @settings(deadline=None, max_examples=100)
    @given(found=schemas(), desired=desired_mappings)
    def test_editing_twice_is_editing_once(self, found, desired):
        once = edited(found, desired)
        assert edited(once, desired) == once

    @settings(deadline=None, max_examples=100)
    @given(found=schemas(), desired=desired_mappings)
    def test_what_is_right_already_is_not_changed(self, found, desired):
        if not changed_fields(desired, read_mapping("k", found)):
            assert edited(found, desired) == found

    @settings(deadline=None, max_examples=100)
    @given(found=schemas(), desired=desired_mappings)
    def test_nothing_else_is_touched(self, found, desired):
        original = copy.deepcopy(found)
        after = edited(found, desired)
        assert found == original
        assert _rest(after, desired) == _rest(found, desired)
        assert _untouched(after, found, desired) == _untouched(found, found, desired)


def _untouched(after: dict[str, Any], before: dict[str, Any], desired: AttributeMapping) -> list[Any]:
    """The user entries that are none of the edit's business; of externalId, all but its source."""
    present = set(targets_of(before))
    if desired.other == ():
        present &= set(REQUIRED_ATTRIBUTES)
    if desired.unsupported == ():
        present -= set(UNSUPPORTED_ATTRIBUTES)
    return [
        {**one, "source": None} if one["targetAttributeName"] == "externalId" else one
        for one in users_of(after)
        if one["targetAttributeName"] in present
    ]


def _rest(found: dict[str, Any], desired: AttributeMapping) -> dict[str, Any]:
    """The schema without what an edit may change."""
    rest = copy.deepcopy(found)
    for rule in rest["synchronizationRules"]:
        for part in rule["objectMappings"]:
            if part["sourceObjectName"] == "User":
                del part["attributeMappings"]
            if desired.disabled == ():
                del part["enabled"], part["flowTypes"]
    return rest
