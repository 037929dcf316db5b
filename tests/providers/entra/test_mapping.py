"""The attribute mapping in a synchronization schema: it is read, and edited without any other change."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.core.diff import changed_fields
from provisioner.providers.entra.mapping import SchemaError, edit_mapping, is_correct, read_mapping
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


def users_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The attribute mappings of users."""
    return [
        mapped
        for rule in document["synchronizationRules"]
        for object_mapping in rule["objectMappings"]
        if object_mapping["sourceObjectName"] == "User"
        for mapped in object_mapping["attributeMappings"]
    ]


def targets_of(document: dict[str, Any]) -> list[str]:
    return [mapped["targetAttributeName"] for mapped in users_of(document)]


def source_of(document: dict[str, Any], target: str) -> dict[str, Any]:
    return next(mapped["source"] for mapped in users_of(document) if mapped["targetAttributeName"] == target)


def with_users(*entries: dict[str, Any], **options: Any) -> dict[str, Any]:
    """A schema with these user entries."""
    return schema([mapping("User", list(entries), **options)])


class TestReading:
    def test_the_default_mapping_has_the_faults_that_the_guide_names(self):
        parsed = read_mapping("k", default_schema())
        assert parsed.external_id == "mailNickname"
        assert set(parsed.unsupported or ()) == set(UNSUPPORTED_ATTRIBUTES)
        assert (parsed.missing, parsed.disabled, parsed.rule_id) == ((), (), RULE)
        assert not is_correct(parsed)

    @pytest.mark.parametrize(
        ("source", "expected"),
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
    def test_the_source_of_externalid_is_its_attribute_or_its_expression(self, source, expected):
        assert read_mapping("k", with_users(entry("externalId", source))).external_id == expected

    def test_a_function_that_computes_the_object_id_is_not_the_object_id(self):
        parsed = read_mapping("k", with_users(entry("externalId", function("[objectId]"))))
        assert parsed.external_id != "objectId"

    def test_a_constant_objectid_is_not_the_object_id(self):
        source = {"expression": "objectId", "name": "objectId", "type": "Constant", "parameters": []}
        assert read_mapping("k", with_users(entry("externalId", source))).external_id != "objectId"

    @pytest.mark.parametrize("rules", [1, 2])
    def test_every_user_mapping_counts_not_only_the_last(self, rules):
        update = mapping("User", [entry(name, attribute("mail")) for name in REQUIRED_ATTRIBUTES])
        right = mapping("User", [entry(name, attribute("objectId")) for name in REQUIRED_ATTRIBUTES])
        document = schema([update, right]) if rules == 1 else schema([right], [update])
        assert not is_correct(read_mapping("k", document))

    def test_required_attributes_that_are_not_mapped_are_missing(self):
        parsed = read_mapping("k", with_users(entry("userName", attribute("mail"))))
        assert parsed.missing == ("externalId", "active")

    def test_further_attributes_are_other(self):
        parsed = read_mapping("k", with_users(entry("title", attribute("jobTitle"))))
        assert (parsed.other, parsed.unsupported) == (("title",), ())

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({}, ()),
            ({"flows": "Delete, Update, Add"}, ()),
            ({"flows": "Add,Update"}, ("User: does not delete",)),
            ({"flows": "None"}, ("User: does not add or update or delete",)),
            ({"flows": None}, ("User: does not add or update or delete",)),
            ({"enabled": False, "flows": "Add"}, ("User: switched off",)),
        ],
    )
    def test_object_mappings_that_are_off_or_incomplete_are_disabled(self, options, expected):
        assert read_mapping("k", with_users(**options)).disabled == expected

    def test_an_object_mapping_is_on_by_default(self):
        document = with_users()
        del document["synchronizationRules"][0]["objectMappings"][0]["enabled"]
        assert read_mapping("k", document).disabled == ()

    def test_groups_count_but_not_devices(self):
        off = [mapping(source, [], enabled=False) for source in ("Group", "Device")]
        parsed = read_mapping("k", schema([mapping("User", []), *off]))
        assert parsed.disabled == ("Group: switched off",)

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
        with pytest.raises(SchemaError, match="has no mapping for users"):
            read_mapping("k", without)
        with pytest.raises(SchemaError, match="has no mapping for users"):
            edit_mapping(without, GUIDE)


class TestTheGate:
    CORRECT = AttributeMapping(key="k", external_id="objectId", unsupported=(), missing=())

    def test_it_opens_for_a_correct_mapping(self):
        assert is_correct(self.CORRECT)

    @pytest.mark.parametrize(
        "update",
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
    def test_it_stays_closed_for_a_wrong_or_unknown_mapping(self, update):
        assert not is_correct(self.CORRECT.model_copy(update=update))


class TestEditing:
    def test_the_mapping_of_the_guide_keeps_the_order_of_all_other_entries(self):
        before, after = default_schema(), edit_mapping(default_schema(), GUIDE)
        assert is_correct(read_mapping("k", after))
        remaining = [
            mapped
            for mapped in users_of(before)
            if mapped["targetAttributeName"] not in UNSUPPORTED_ATTRIBUTES
        ]
        for mapped in remaining:
            if mapped["targetAttributeName"] == "externalId":
                mapped["source"] = attribute("objectId")
        assert users_of(after) == remaining

    def test_the_minimal_mapping_is_the_three_that_kiro_requires(self):
        assert sorted(targets_of(edit_mapping(default_schema(), MINIMAL))) == sorted(REQUIRED_ATTRIBUTES)

    def test_missing_entries_are_added_with_the_defaults_of_entra(self):
        after = edit_mapping(with_users(), GUIDE)
        assert targets_of(after) == list(REQUIRED_ATTRIBUTES)
        user_name, external_id, active = users_of(after)
        assert user_name == entry("userName", attribute("userPrincipalName"), 1)
        assert external_id == entry("externalId", attribute("objectId"))
        parameters = [{"key": "source", "value": attribute("IsSoftDeleted")}]
        assert active == entry("active", {**function("Not([IsSoftDeleted])"), "parameters": parameters})

    def test_added_entries_share_no_objects(self):
        document = schema([mapping("User", []), mapping("User", [])])
        first, second = (
            part["attributeMappings"]
            for part in edit_mapping(document, GUIDE)["synchronizationRules"][0]["objectMappings"]
        )
        assert first == second
        assert all(left["source"] is not right["source"] for left, right in zip(first, second, strict=True))

    def test_externalid_is_added_where_only_its_source_is_desired(self):
        after = edit_mapping(with_users(), AttributeMapping(key="k", external_id="objectId"))
        assert targets_of(after) == ["externalId"]

    def test_a_correct_source_stays_unchanged(self):
        spelled = {**attribute("objectId"), "extra": "remaining"}
        after = edit_mapping(with_users(entry("externalId", spelled)), GUIDE)
        assert source_of(after, "externalId") == spelled

    def test_correct_flow_types_stay_unchanged(self):
        document = with_users(flows="Delete, Update, Add")
        after = edit_mapping(document, AttributeMapping(key="k", disabled=()))
        assert after == document

    def test_device_mappings_are_not_switched_on(self):
        document = schema([mapping("User", []), mapping("Device", [], enabled=False, flows="Add")])
        assert edit_mapping(document, AttributeMapping(key="k", disabled=())) == document

    @settings(deadline=None, max_examples=100)
    @given(document=schemas(), desired=desired_mappings)
    def test_the_desired_mapping_holds_after_an_edit(self, document, desired):
        assert changed_fields(desired, read_mapping("k", edit_mapping(document, desired))) == ()

    @settings(deadline=None, max_examples=100)
    @given(document=schemas(), desired=desired_mappings)
    def test_editing_twice_is_editing_once(self, document, desired):
        once = edit_mapping(document, desired)
        assert edit_mapping(once, desired) == once

    @settings(deadline=None, max_examples=100)
    @given(document=schemas(), desired=desired_mappings)
    def test_a_correct_mapping_is_not_changed(self, document, desired):
        if not changed_fields(desired, read_mapping("k", document)):
            assert edit_mapping(document, desired) == document

    @settings(deadline=None, max_examples=100)
    @given(document=schemas(), desired=desired_mappings)
    def test_an_edit_changes_nothing_else(self, document, desired):
        original = copy.deepcopy(document)
        after = edit_mapping(document, desired)
        assert document == original
        assert _rest(after, desired) == _rest(document, desired)
        assert _unaffected(after, document, desired) == _unaffected(document, document, desired)


def _unaffected(after: dict[str, Any], before: dict[str, Any], desired: AttributeMapping) -> list[Any]:
    """The user entries that an edit must not change; of externalId, everything except its source."""
    present = set(targets_of(before))
    if desired.other == ():
        present &= set(REQUIRED_ATTRIBUTES)
    if desired.unsupported == ():
        present -= set(UNSUPPORTED_ATTRIBUTES)
    return [
        {**mapped, "source": None} if mapped["targetAttributeName"] == "externalId" else mapped
        for mapped in users_of(after)
        if mapped["targetAttributeName"] in present
    ]


def _rest(document: dict[str, Any], desired: AttributeMapping) -> dict[str, Any]:
    """The schema without what an edit may change."""
    rest = copy.deepcopy(document)
    for rule in rest["synchronizationRules"]:
        for part in rule["objectMappings"]:
            if part["sourceObjectName"] == "User":
                del part["attributeMappings"]
            if desired.disabled == ():
                del part["enabled"], part["flowTypes"]
    return rest
