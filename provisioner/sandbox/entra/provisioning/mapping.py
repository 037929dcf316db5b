"""Object mappings of a stored schema, ready to be applied to source objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.sandbox.entra.provisioning.expressions import (
    Node,
    attribute_names,
    evaluate,
    parse_source,
)
from provisioner.sandbox.entra.provisioning.functions import Value
from provisioner.sandbox.entra.provisioning.schema_validation import attribute_definitions
from provisioner.sandbox.entra.provisioning.scim_payloads import same_value
from provisioner.sandbox.store import Document

Values = dict[str, Value]
"""Values by target attribute name."""


@dataclass(frozen=True)
class AttributeMapping:
    """The mapping of one target attribute (Microsoft Graph v1.0, attributeMapping and attributeDefinition).

    Attributes:
        target: name of the target attribute.
        source: the expression of the value.
        matching_priority: above 0 the attribute is used for matching, the lowest first.
        flow_type: Always; ObjectAddOnly applies at creation only; the others never overwrite a value.
        flow_always: flowBehavior FlowAlways: part of every update that is sent, changed or not.
        default: the value at creation when the source is null ("This value is only provisioned when a user is created").
        boolean: whether the target's type is Boolean.
        reference: whether the target refers to another object, so that it is exported after the objects themselves.
        case_exact: whether a change of case is a change.
        required: whether an object cannot be created without it.
    """

    target: str
    source: Node
    matching_priority: int
    flow_type: str
    flow_always: bool
    default: str | None
    boolean: bool
    reference: bool
    case_exact: bool
    required: bool


@dataclass(frozen=True)
class ObjectMapping:
    """The mapping of one kind of source object (Microsoft Graph v1.0, objectMapping).

    Attributes:
        kind: "User" or "Group".
        target: the target object's name.
        rule: id of the synchronization rule.
        enabled: whether this kind is provisioned at all.
        flows: the enabled ones of Add, Update and Delete.
        scope: the scoping filter, or None.
        attributes: the attribute mappings, in the schema's order.
    """

    kind: str
    target: str
    rule: str
    enabled: bool
    flows: frozenset[str]
    scope: Document | None
    attributes: tuple[AttributeMapping, ...]

    @property
    def value_mappings(self) -> list[AttributeMapping]:
        return [mapping for mapping in self.attributes if not mapping.reference]

    @property
    def reference_mappings(self) -> list[AttributeMapping]:
        return [mapping for mapping in self.attributes if mapping.reference]

    @property
    def booleans(self) -> list[str]:
        """Names of the target attributes that are Boolean."""
        return [mapping.target for mapping in self.attributes if mapping.boolean]

    @property
    def matching_attributes(self) -> list[str]:
        """Names of the target attributes used for matching, in order of precedence."""
        matching = [mapping for mapping in self.attributes if mapping.matching_priority > 0]
        return [mapping.target for mapping in sorted(matching, key=lambda mapping: mapping.matching_priority)]

    def for_creation(self, attributes: Mapping[str, Value]) -> Values:
        """The values of a new object; null sources have defaults."""
        values = {
            mapping.target: evaluate(mapping.source, attributes) or mapping.default
            for mapping in self.value_mappings
        }
        return {name: value for name, value in values.items() if value}

    def for_update(self, attributes: Mapping[str, Value]) -> Values:
        """The values of an existing object. Nulls are not provisioned ("What you should know")."""
        values = {
            mapping.target: evaluate(mapping.source, attributes)
            for mapping in self.value_mappings
            if mapping.flow_type != "ObjectAddOnly"
        }
        return {name: value for name, value in values.items() if value}

    def for_disabling(self, attributes: Mapping[str, Value]) -> Values:
        """The values of an object that is out of scope: the attributes that depend on IsSoftDeleted, if any.

        "If you see IsSoftDeleted in your attribute mappings, it's used to determine the state of the user and whether to
        send an update request with active = false" (Deprovisioning).
        """
        dependent = {
            mapping.target
            for mapping in self.value_mappings
            if "IsSoftDeleted" in attribute_names(mapping.source)
        }
        return {name: value for name, value in self.for_update(attributes).items() if name in dependent}

    def changes(self, values: Values, current: Mapping[str, Value]) -> Values:
        """The values that an update sends, given the current values of the target object."""
        changed: Values = {}
        for mapping in self.value_mappings:
            value, before = values.get(mapping.target), current.get(mapping.target)
            if value is None or (mapping.flow_type != "Always" and before is not None):
                continue
            if before is None or not same_value(value, before, case_exact=mapping.case_exact):
                changed[mapping.target] = value
        if not changed:
            return {}
        always = [mapping.target for mapping in self.value_mappings if mapping.flow_always]
        return changed | {name: values[name] for name in always if name in values}

    def missing(self, values: Values) -> list[str]:
        """Required target attributes without a value."""
        return [
            mapping.target
            for mapping in self.value_mappings
            if mapping.required and not values.get(mapping.target)
        ]


def read_mappings(schema: Document) -> dict[str, ObjectMapping]:
    """The object mappings of a schema by kind of source object; the first rule that maps a kind applies."""
    mappings: dict[str, ObjectMapping] = {}
    rules = schema.get("synchronizationRules") or []
    for rule in sorted(rules, key=lambda rule: rule.get("priority") or 0):
        for mapping in rule.get("objectMappings") or []:
            definitions = attribute_definitions(
                schema, rule["targetDirectoryName"], mapping["targetObjectName"]
            )
            mappings.setdefault(mapping["sourceObjectName"], _object_mapping(rule, mapping, definitions))
    return mappings


def _object_mapping(rule: Document, mapping: Document, definitions: dict[str, Document]) -> ObjectMapping:
    return ObjectMapping(
        kind=mapping["sourceObjectName"],
        target=mapping["targetObjectName"],
        rule=str(rule.get("id")),
        enabled=mapping.get("enabled") is not False,
        flows=frozenset(flow.strip() for flow in str(mapping.get("flowTypes") or "").split(",")),
        scope=mapping.get("scope"),
        attributes=tuple(
            _attribute_mapping(attribute, definitions.get(attribute["targetAttributeName"], {}))
            for attribute in mapping.get("attributeMappings") or []
        ),
    )


def _attribute_mapping(mapping: Document, definition: Document) -> AttributeMapping:
    kind = str(definition.get("type") or "String").lower()
    return AttributeMapping(
        target=mapping["targetAttributeName"],
        source=parse_source(mapping["source"]),
        matching_priority=mapping.get("matchingPriority") or 0,
        flow_type=mapping.get("flowType") or "Always",
        flow_always=mapping.get("flowBehavior") == "FlowAlways",
        default=mapping.get("defaultValue") or definition.get("defaultValue") or None,
        boolean=kind == "boolean",
        reference=kind == "reference",
        case_exact=bool(definition.get("caseExact")),
        required=bool(definition.get("required")),
    )
