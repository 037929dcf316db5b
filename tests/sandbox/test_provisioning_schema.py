"""The default schema of the template ``scim``, and the validation of a replacement."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from openapi_schema_validator import OAS30Validator

from provisioner.sandbox.entra.provisioning import default_schema, schema_problems, templates
from provisioner.sandbox.entra.provisioning.mapping import read_mappings
from tests.sandbox.provisioning_fixtures import (
    ENTERPRISE,
    attribute_mapping,
    object_mapping,
    shared,
    unknown_members,
)

Document = dict[str, Any]

DOCUMENTED_USER_TARGETS = {
    "active",
    "displayName",
    "title",
    'emails[type eq "work"].value',
    "preferredLanguage",
    "name.givenName",
    "name.familyName",
    "name.formatted",
    'addresses[type eq "work"].formatted',
    'addresses[type eq "work"].streetAddress',
    'addresses[type eq "work"].locality',
    'addresses[type eq "work"].region',
    'addresses[type eq "work"].postalCode',
    'addresses[type eq "work"].country',
    'phoneNumbers[type eq "work"].value',
    'phoneNumbers[type eq "mobile"].value',
    'phoneNumbers[type eq "fax"].value',
    "externalId",
    "userName",
    f"{ENTERPRISE}:employeeNumber",
    f"{ENTERPRISE}:department",
    f"{ENTERPRISE}:manager",
}


@pytest.fixture(scope="module")
def contract() -> Document:
    loaded: Document = yaml.load(shared("contracts/graph-subset.yaml").read_text(), Loader=yaml.CSafeLoader)
    return loaded


@pytest.fixture
def schema() -> Document:
    return default_schema("scim.tenant.app")


def contract_errors(contract: Document, name: str, value: object) -> list[str]:
    reference = {"$ref": f"#/components/schemas/microsoft.graph.{name}", "components": contract["components"]}
    return [f"{list(error.path)}: {error.message}" for error in OAS30Validator(reference).iter_errors(value)]


def test_the_default_schema_matches_the_official_description(contract: Document, schema: Document) -> None:
    assert contract_errors(contract, "synchronizationSchema", schema) == []
    assert contract_errors(contract, "synchronizationSchema", schema | {"synchronizationRules": [1]}) != []
    assert unknown_members(schema, "microsoft.graph.synchronizationSchema") == []


def test_the_template_matches_the_official_description(contract: Document) -> None:
    app_id = "8d5c1d2a-0000-4000-8000-000000000001"
    (template,) = templates({"id": "object", "appId": app_id})
    assert contract_errors(contract, "synchronizationTemplate", template) == []
    assert unknown_members(template, "microsoft.graph.synchronizationTemplate") == []
    assert (template["id"], template["factoryTag"], template["applicationId"]) == ("scim", "scim", app_id)
    assert template["default"] is True


def test_the_default_schema_is_valid(schema: Document) -> None:
    assert schema_problems(schema) == []
    assert schema_problems(json.loads(json.dumps(schema))) == []


def test_it_has_the_mappings_of_the_tutorials(schema: Document) -> None:
    user, group = object_mapping(schema, "User"), object_mapping(schema, "Group")
    assert {
        attribute["targetAttributeName"] for attribute in user["attributeMappings"]
    } == DOCUMENTED_USER_TARGETS
    assert attribute_mapping(user, "externalId")["source"]["name"] == "mailNickname"
    assert attribute_mapping(user, "userName")["matchingPriority"] == 1
    switch = attribute_mapping(user, "active")["source"]
    assert switch["expression"] == 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'
    assert switch["type"] == "Function"
    assert attribute_mapping(group, "externalId")["source"]["name"] == "objectId"
    assert attribute_mapping(group, "displayName")["matchingPriority"] == 1
    assert group["flowTypes"] == user["flowTypes"] == "Add,Update,Delete"


def test_it_has_the_shape_of_the_published_sample(schema: Document) -> None:
    (rule,) = schema["synchronizationRules"]
    assert rule["name"] == "USERGROUP_OUTBOUND_USERGROUP"
    assert rule["id"].endswith("#V2")
    assert [directory["name"] for directory in schema["directories"]] == [
        "Azure Active Directory",
        "customappsso",
    ]
    assert {item["key"] for item in rule["metadata"]} == {
        "defaultSourceObjectMappings",
        "supportsProvisionOnDemand",
    }
    defaults = json.loads(rule["metadata"][0]["value"])
    assert [mapping["SourceObjectName"] for mapping in defaults] == ["Group", "User"]
    assert len(defaults[1]["AttributeMappings"]) == len(DOCUMENTED_USER_TARGETS)


def test_schemas_share_no_objects() -> None:
    first, second = default_schema("a"), default_schema("b")
    object_mapping(first, "User")["attributeMappings"].clear()
    assert len(object_mapping(second, "User")["attributeMappings"]) == len(DOCUMENTED_USER_TARGETS)


def test_the_mappings_have_the_types_of_the_target_attributes(schema: Document) -> None:
    user = read_mappings(schema)["User"]
    assert user.booleans == ["active"]
    assert [mapping.target for mapping in user.reference_mappings] == [f"{ENTERPRISE}:manager"]
    assert user.matching_attributes == ["userName"]


def user_mapping(schema: Document) -> Document:
    return object_mapping(schema, "User")


def name_source(schema: Document) -> Document:
    source: Document = attribute_mapping(user_mapping(schema), "displayName")["source"]
    return source


def drop_first_source(schema: Document) -> None:
    del user_mapping(schema)["attributeMappings"][0]["source"]


REFUSED: dict[str, tuple[Callable[[Document], object], str]] = {
    "no directories": (lambda s: s.pop("directories"), "directories:"),
    "empty directories": (lambda s: s.update(directories=[]), "directories:"),
    "no rules": (lambda s: s.update(synchronizationRules=[]), "synchronizationRules:"),
    "no objects": (lambda s: s["directories"][1].update(objects=[]), "directories[customappsso].objects:"),
    "no attributes": (
        lambda s: s["directories"][0]["objects"][0].update(attributes=[]),
        "directories[Azure Active Directory].objects[User].attributes:",
    ),
    "no discoverabilities": (
        lambda s: s["directories"][0].pop("discoverabilities"),
        "directories[Azure Active Directory].discoverabilities:",
    ),
    "missing target directory": (lambda s: s["directories"].pop(), "targetDirectoryName:"),
    "no object mappings": (
        lambda s: s["synchronizationRules"][0].update(objectMappings=[]),
        "objectMappings:",
    ),
    "no flow types": (lambda s: user_mapping(s).pop("flowTypes"), "flowTypes:"),
    "empty flow types": (lambda s: user_mapping(s).update(flowTypes=""), "flowTypes:"),
    "flow types as a list": (lambda s: user_mapping(s).update(flowTypes=["Add"]), "flowTypes:"),
    "unknown source object": (
        lambda s: user_mapping(s).update(sourceObjectName="Person"),
        "sourceObjectName:",
    ),
    "nothing matches": (
        lambda s: attribute_mapping(user_mapping(s), "userName").update(matchingPriority=0),
        "matchingPriority",
    ),
    "no target": (
        lambda s: attribute_mapping(user_mapping(s), "title").update(targetAttributeName=None),
        "targetAttributeName: missing",
    ),
    "unknown target": (
        lambda s: attribute_mapping(user_mapping(s), "title").update(targetAttributeName="tittle"),
        "'tittle' is not an attribute of the target object",
    ),
    "a target twice": (
        lambda s: attribute_mapping(user_mapping(s), "title").update(targetAttributeName="displayName"),
        "'displayName' is mapped more than once",
    ),
    "no source": (drop_first_source, "source: missing"),
    "empty source": (
        lambda s: attribute_mapping(user_mapping(s), "title").update(source={}),
        "source: missing",
    ),
    "unknown source attribute": (
        lambda s: name_source(s).update(name="nickname", expression="[nickname]"),
        "'nickname' is not an attribute of the source object",
    ),
    "only the expression changed": (
        lambda s: name_source(s).update(expression="[mail]"),
        "the expression '[mail]' differs from",
    ),
    "only the name changed": (lambda s: name_source(s).update(name="mail"), "differs from"),
    "an expression that is none": (lambda s: name_source(s).update(expression="[mail"), "unexpected text"),
    "an unknown function": (
        lambda s: name_source(s).update(type="Function", name="Reverse", expression="Reverse([mail])"),
        "unknown function 'Reverse'",
    ),
    "an unknown flow type of an attribute": (
        lambda s: attribute_mapping(user_mapping(s), "title").update(flowType="Sometimes"),
        "flowType:",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_invalid_schemas_are_refused(schema: Document, name: str) -> None:
    damage, expected = REFUSED[name]
    damage(schema)
    problems = schema_problems(schema)
    assert any(expected in problem for problem in problems), problems


@pytest.mark.parametrize(
    "body", [{}, {"directories": None}, {"directories": "x"}, {"synchronizationRules": {}}]
)
def test_other_json_is_refused(body: Document) -> None:
    assert schema_problems(body)


@pytest.mark.parametrize("value", ["removed", None, "text", 5, True, [], {}, [None]])
def test_no_invalid_member_raises(schema: Document, value: object) -> None:
    """Every single member of the schema, removed or of another type, is either valid or reported as a problem."""
    text = json.dumps(schema)
    for path in list(_paths(schema)):
        damaged = json.loads(text)
        if value == "removed":
            del _parent(damaged, path)[path[-1]]
        else:
            _parent(damaged, path)[path[-1]] = value
        if not schema_problems(damaged):
            read_mappings(damaged)


def test_an_expression_alone_is_enough(schema: Document) -> None:
    attribute_mapping(user_mapping(schema), "externalId")["source"] = {"expression": "[objectId]"}
    assert schema_problems(schema) == []
    assert read_mappings(schema)["User"].for_creation({"objectId": "1"})["externalId"] == "1"


def test_the_source_object_alone_is_enough(schema: Document) -> None:
    attribute_mapping(user_mapping(schema), "externalId")["source"] = {
        "name": "objectId",
        "type": "Attribute",
    }
    assert schema_problems(schema) == []


def test_whitespace_in_texts_does_not_matter(schema: Document) -> None:
    user_mapping(schema)["flowTypes"] = "Add, Update, Delete"
    source = attribute_mapping(user_mapping(schema), "name.formatted")["source"]
    source["expression"] = 'Join( " ",[givenName] ,[surname] )'
    assert schema_problems(schema) == []


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Any:
    """Paths of the members, of long lists only those in the first two elements."""
    items = (
        value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    )
    for key, inner in items:
        yield (*path, key)
        yield from _paths(inner, (*path, key))


def _parent(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value
