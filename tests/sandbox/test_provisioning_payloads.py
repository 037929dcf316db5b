"""Target attribute names, request bodies, PATCH operations, scoping filters and source attributes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.sandbox.entra.provisioning.scim_payloads import (
    AttributePath,
    creation_body,
    member_operations,
    parse_path,
    read_attribute,
    same_value,
    update_operations,
)
from provisioner.sandbox.entra.provisioning.scoping import passes_filter
from provisioner.sandbox.entra.provisioning.source import Entry
from tests.sandbox.provisioning_fixtures import ENTERPRISE


def text_of(path: AttributePath) -> str:
    """The name of a target attribute."""
    schema = f"{path.schema}:" if path.schema else ""
    where = f'[{path.where[0]} eq "{path.where[1]}"]' if path.where else ""
    return f"{schema}{path.attribute}{where}{'.' + path.sub if path.sub else ''}"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("userName", AttributePath("userName")),
        ("name.givenName", AttributePath("name", sub="givenName")),
        ('emails[type eq "work"].value', AttributePath("emails", where=("type", "work"), sub="value")),
        (
            'roles[primary eq "True"].display',
            AttributePath("roles", where=("primary", "True"), sub="display"),
        ),
        (f"{ENTERPRISE}:department", AttributePath("department", schema=ENTERPRISE)),
        (f"{ENTERPRISE}:manager.value", AttributePath("manager", schema=ENTERPRISE, sub="value")),
        ("urn:x:CustomExtension:2.0:User:tag", AttributePath("tag", schema="urn:x:CustomExtension:2.0:User")),
    ],
)
def test_names_of_target_attributes(name: str, path: AttributePath) -> None:
    assert parse_path(name) == path
    assert text_of(path) == name


@pytest.mark.parametrize(
    "name", ["", "a b", "emails[type eq work].value", "emails[].value", ".x", "name.", "a[b"]
)
def test_invalid_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a SCIM attribute"):
        parse_path(name)


def test_creation_body() -> None:
    body = creation_body(
        "User",
        {
            "userName": "a",
            "active": "True",
            'emails[type eq "work"].value': "a@x.example",
            'addresses[type eq "work"].streetAddress': "1 Road",
            'addresses[type eq "work"].locality': "Town",
            'addresses[type eq "other"].locality': "City",
            f"{ENTERPRISE}:department": "Sales",
            'roles[primary eq "True"].value': "Admin",
            "title": None,
        },
        ["active"],
    )
    assert body == {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "userName": "a",
        "active": True,
        "emails": [{"primary": True, "type": "work", "value": "a@x.example"}],
        "addresses": [
            {"type": "work", "streetAddress": "1 Road", "locality": "Town"},
            {"type": "other", "locality": "City"},
        ],
        ENTERPRISE: {"department": "Sales"},
        "roles": [{"primary": True, "value": "Admin"}],
        "meta": {"resourceType": "User"},
    }


def test_patches_without_the_flag_follow_the_compatibility_page() -> None:
    assert update_operations({"active": "False"}, ["active"], ["active"], compliant=False) == [
        {"op": "Replace", "path": "active", "value": "False"}
    ]
    assert update_operations({"nickName": "Babs"}, [], compliant=False) == [
        {"op": "Add", "path": "nickName", "value": "Babs"}
    ]
    assert member_operations([], ["u1091"], compliant=False) == [
        {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "u1091"}]}
    ]


def test_patches_with_the_flag_follow_the_compatibility_page() -> None:
    assert update_operations({"active": "False"}, ["active"], ["active"], compliant=True) == [
        {"op": "replace", "path": "active", "value": False}
    ]
    assert update_operations({"nickName": "Babs"}, [], compliant=True) == [
        {"op": "add", "path": "nickName", "value": "Babs"}
    ]
    assert member_operations([], ["7f4b"], compliant=True) == [
        {"op": "remove", "path": 'members[value eq "7f4b"]'}
    ]
    changes = {
        "displayName": "Bjfe",
        'emails[type eq "work"].value': "TestMhvaes@test.microsoft.com",
        "name.givenName": "Kkom",
        "name.familyName": "Unua",
        f"{ENTERPRISE}:employeeNumber": "Aklq",
    }
    assert update_operations(changes, changes, compliant=True) == [
        {
            "op": "replace",
            "path": 'emails[type eq "work"].value',
            "value": "TestMhvaes@test.microsoft.com",
        },
        {
            "op": "replace",
            "value": {
                "displayName": "Bjfe",
                "name.givenName": "Kkom",
                "name.familyName": "Unua",
                f"{ENTERPRISE}:employeeNumber": "Aklq",
            },
        },
    ]


@pytest.mark.parametrize(
    ("left", "right", "case_exact", "equal"),
    [
        ("a", "A", False, True),
        ("a", "A", True, False),
        (None, "", False, True),
        (["a"], ["a"], False, True),
        (["a"], "a", False, False),
    ],
)
def test_same_value(left: object, right: object, case_exact: bool, equal: bool) -> None:
    assert same_value(left, right, case_exact=case_exact) is equal  # type: ignore[arg-type]


no_deadline = settings(deadline=None)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,8}", fullmatch=True)
filters = st.tuples(names, names)
paths = st.builds(
    AttributePath,
    names,
    st.none() | st.builds("urn:ietf:params:scim:schemas:{}:2.0:User".format, names),
    st.none() | filters,
    st.none() | names,
)


@no_deadline
@given(paths)
def test_paths_round_trip(path: AttributePath) -> None:
    assert parse_path(text_of(path)) == path


@no_deadline
@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        path = parse_path(text)
    except ValueError:
        return
    assert text_of(path) == text


typed = st.builds(
    lambda attribute, kind: AttributePath(attribute, None, ("type", kind), "value"), names, names
)
simple = st.builds(AttributePath, names)
extension = st.builds(lambda attribute: AttributePath(attribute, ENTERPRISE), names)


@no_deadline
@given(st.dictionaries(simple | typed | extension, st.text(min_size=1, max_size=5), max_size=8))
def test_the_values_of_a_body_are_read_back(values: dict[AttributePath, str]) -> None:
    reserved = {"schemas", "meta"}
    expected: dict[str, str] = {}
    seen: dict[tuple[object, ...], AttributePath] = {}
    for path, value in values.items():
        kind = path.where is not None
        clash = seen.setdefault((path.schema, path.attribute), path)
        folded = {
            other.where[1].casefold() for other in values if other.where and other.attribute == path.attribute
        }
        several = sum(1 for other in values if other.where and other.attribute == path.attribute)
        if path.attribute not in reserved and (clash.where is not None) is kind and len(folded) == several:
            expected[text_of(path)] = value
    body = creation_body("User", expected)
    assert {name: read_attribute(body, name) for name in expected} == expected


def clause(operator: str, value: str = "", attribute: str = "department") -> dict:
    return {"operatorName": operator, "sourceOperandName": attribute, "targetOperand": {"values": [value]}}


@pytest.mark.parametrize(
    ("operator", "operand", "value", "holds"),
    [
        ("EQUALS", "Sales", "Sales", True),
        ("EQUALS", "Sales", "sales", False),
        ("NOT EQUALS", "Sales", "IT", True),
        ("NOT EQUALS", "Sales", None, False),
        ("INCLUDES", "ale", "Sales", True),
        ("ENDS_WITH", "les", "Sales", True),
        ("IS TRUE", "", "True", True),
        ("IS FALSE", "", "True", False),
        ("IS NULL", "", None, True),
        ("IS NOT NULL", "", None, False),
        ("REGEX MATCH", r"(1[0-9]{6})", "1234567", True),
        ("REGEX MATCH", "(", "x", False),
        ("NOT REGEX MATCH", "^S", "IT", True),
        ("NOT REGEX MATCH", "^S", None, False),
        ("GREATER_THAN", "5", "6", True),
        ("GREATER_THAN", "5", "x", False),
        ("GREATER_THAN_OR_EQUALS", "5", "5", True),
        ("IsMemberOf", "group", "group", False),
    ],
)
def test_clauses_of_scoping_filters(operator: str, operand: str, value: str | None, holds: bool) -> None:
    assert (
        passes_filter({"groups": [{"clauses": [clause(operator, operand)]}]}, {"department": value}) is holds
    )


def test_clauses_are_joined_by_and_filters_by_or() -> None:
    attributes = {"department": "Sales", "state": "NY"}
    satisfied, violated = clause("EQUALS", "Sales"), clause("EQUALS", "CA", "state")
    assert not passes_filter({"groups": [{"clauses": [satisfied, violated]}]}, attributes)
    assert passes_filter({"groups": [{"clauses": [violated]}, {"clauses": [satisfied]}]}, attributes)
    assert passes_filter(None, attributes)
    assert passes_filter({"groups": []}, attributes)


def test_attributes_have_the_names_of_the_provisioning_service() -> None:
    document = {
        "id": "1",
        "userPrincipalName": "a_home.example#EXT#@contoso.example",
        "mobilePhone": "1",
        "faxNumber": "2",
        "businessPhones": ["3", "4"],
        "officeLocation": "5",
        "onPremisesExtensionAttributes": {"extensionAttribute7": "6"},
        "employeeOrgData": {"division": "7"},
        "otherMails": ["8"],
        "accountEnabled": True,
        "manager": {"id": "9"},
    }
    attributes = Entry("1", "User", document, assigned=True, roles=("Admin",)).attributes(in_scope=True)
    expected = {
        "objectId": "1",
        "userPrincipalName": "a@home.example",
        "originalUserPrincipalName": "a_home.example#EXT#@contoso.example",
        "mobile": "1",
        "facsimileTelephoneNumber": "2",
        "telephoneNumber": "3",
        "physicalDeliveryOfficeName": "5",
        "extensionAttribute7": "6",
        "employeeOrgData.division": "7",
        "otherMails": ["8"],
        "accountEnabled": "True",
        "manager": "9",
        "appRoleAssignments": ["Admin"],
        "IsSoftDeleted": "False",
        "department": None,
    }
    assert {name: attributes.get(name) for name in expected} == expected
