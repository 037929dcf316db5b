"""Object mappings of a stored schema, ready to be applied to source objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.sandbox.entra.provisioning.expressions import Node, attributes_of, evaluate, from_source
from provisioner.sandbox.entra.provisioning.functions import Value
from provisioner.sandbox.entra.provisioning.schema_rules import attribute_definitions
from provisioner.sandbox.entra.provisioning.target import same

Document = dict[str, Any]
Values = dict[str, Value]


@dataclass(frozen=True)
class AttributeMapping:
    """How one target attribute gets its value (Microsoft Graph v1.0, attributeMapping and attributeDefinition).

    Attributes:
        target: name of the target attribute.
        source: where the value comes from.
        priority: matchingPriority; above 0 the attribute serves to match, the lowest first.
        flow: flowType. Always; ObjectAddOnly flows at creation only; the others never overwrite a value.
        always: flowBehavior FlowAlways: part of every update that is sent, changed or not.
        default: flows at creation when the source is null ("This value is only provisioned when a user is created").
        boolean: whether the target's type is Boolean.
        reference: whether the target refers to another object, so that it flows after the objects themselves.
        case_exact: whether a change of case is a change.
        required: whether an object cannot be created without it.
    """

    target: str
    source: Node
    priority: int
    flow: str
    always: bool
    default: str | None
    boolean: bool
    reference: bool
    case_exact: bool
    required: bool


@dataclass(frozen=True)
class ObjectMapping:
    """How one kind of source object is provisioned.

    Attributes:
        kind: "User" or "Group".
        target: the target object's name.
        rule: id of the synchronization rule.
        enabled: whether this kind is provisioned at all.
        flows: which of Add, Update and Delete may happen.
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
    def plain(self) -> list[AttributeMapping]:
        return [each for each in self.attributes if not each.reference]

    @property
    def references(self) -> list[AttributeMapping]:
        return [each for each in self.attributes if each.reference]

    @property
    def booleans(self) -> list[str]:
        return [each.target for each in self.attributes if each.boolean]

    @property
    def matching(self) -> list[AttributeMapping]:
        """Attributes that match, in order of precedence."""
        return sorted((each for each in self.attributes if each.priority > 0), key=lambda each: each.priority)

    def for_creation(self, attributes: Mapping[str, Value]) -> Values:
        """What a new object gets: values and, for null sources, defaults."""
        values = {each.target: evaluate(each.source, attributes) or each.default for each in self.plain}
        return {name: value for name, value in values.items() if value}

    def for_update(self, attributes: Mapping[str, Value]) -> Values:
        """What an existing object should have. Nulls are not provisioned ("What you should know")."""
        flowing = [each for each in self.plain if each.flow != "ObjectAddOnly"]
        values = {each.target: evaluate(each.source, attributes) for each in flowing}
        return {name: value for name, value in values.items() if value}

    def for_disabling(self, attributes: Mapping[str, Value]) -> Values:
        """What an object that is out of scope should have: the attributes that depend on IsSoftDeleted, maybe none.

        "If you see IsSoftDeleted in your attribute mappings, it's used to determine the state of the user and whether to
        send an update request with active = false" (Deprovisioning).
        """
        depending = {each.target for each in self.plain if "IsSoftDeleted" in attributes_of(each.source)}
        return {name: value for name, value in self.for_update(attributes).items() if name in depending}

    def changes(self, wanted: Values, present: Mapping[str, Value]) -> Values:
        """The part of ``wanted`` that an update sends, given the values the target has now."""
        changed: Values = {}
        for each in self.plain:
            value, now = wanted.get(each.target), present.get(each.target)
            if value is None or (each.flow != "Always" and now is not None):
                continue
            if now is None or not same(value, now, case_exact=each.case_exact):
                changed[each.target] = value
        forced = {
            each.target: wanted[each.target] for each in self.plain if each.always and each.target in wanted
        }
        return changed | forced if changed else {}

    def missing(self, values: Values) -> list[str]:
        """Required target attributes without a value."""
        return [each.target for each in self.plain if each.required and not values.get(each.target)]


def read_mappings(schema: Document) -> dict[str, ObjectMapping]:
    """The object mappings of a schema by kind of source object; the first rule that maps a kind counts."""
    found: dict[str, ObjectMapping] = {}
    rules = schema.get("synchronizationRules") or []
    for rule in sorted(rules, key=lambda each: each.get("priority") or 0):
        for mapping in rule.get("objectMappings") or []:
            definitions = attribute_definitions(
                schema, rule["targetDirectoryName"], mapping["targetObjectName"]
            )
            found.setdefault(mapping["sourceObjectName"], _object_mapping(rule, mapping, definitions))
    return found


def _object_mapping(rule: Document, mapping: Document, definitions: dict[str, Document]) -> ObjectMapping:
    return ObjectMapping(
        kind=mapping["sourceObjectName"],
        target=mapping["targetObjectName"],
        rule=str(rule.get("id")),
        enabled=mapping.get("enabled") is not False,
        flows=frozenset(each.strip() for each in str(mapping.get("flowTypes") or "").split(",")),
        scope=mapping.get("scope"),
        attributes=tuple(
            _attribute_mapping(each, definitions.get(each["targetAttributeName"], {}))
            for each in mapping.get("attributeMappings") or []
        ),
    )


def _attribute_mapping(mapping: Document, definition: Document) -> AttributeMapping:
    kind = str(definition.get("type") or "String").lower()
    return AttributeMapping(
        target=mapping["targetAttributeName"],
        source=from_source(mapping["source"]),
        priority=mapping.get("matchingPriority") or 0,
        flow=mapping.get("flowType") or "Always",
        always=mapping.get("flowBehavior") == "FlowAlways",
        default=mapping.get("defaultValue") or definition.get("defaultValue") or None,
        boolean=kind == "boolean",
        reference=kind == "reference",
        case_exact=bool(definition.get("caseExact")),
        required=bool(definition.get("required")),
    )
