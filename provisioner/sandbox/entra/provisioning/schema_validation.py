"""The validation of a synchronizationSchema before it replaces the stored one.

``PUT .../schema`` replaces the whole schema (Microsoft Graph v1.0, "Update synchronizationSchema": "make sure that you
include the entire schema, including the unmodified parts"). A client that loses members when it parses the schema and
writes it back would therefore break the job. Microsoft's error texts are not documented; those here are the sandbox's own
and start with a JSON path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from provisioner.sandbox.entra.provisioning.expressions import (
    attribute_names,
    parse_expression,
    parse_source,
)
from provisioner.sandbox.entra.provisioning.functions import ExpressionError
from provisioner.sandbox.store import Document

_Objects = dict[str, dict[str, Document]]  # object name -> attribute name -> definition

_JSON_TYPES = {
    str: "id name type key expression flowTypes flowType flowBehavior sourceDirectoryName targetDirectoryName "
    "sourceObjectName targetObjectName targetAttributeName defaultValue discoverabilities",
    int: "priority matchingPriority",
    bool: "enabled anchor required multivalued caseExact",
    dict: "source scope",
    list: "directories objects attributes synchronizationRules objectMappings attributeMappings parameters",
}
_TYPES = {name: json_type for json_type, names in _JSON_TYPES.items() for name in names.split()}
_FLOW_TYPES = re.compile(r"(None|Add|Update|Delete)(, ?(None|Add|Update|Delete))*")
_ATTRIBUTE_FLOWS = {"Always", "ObjectAddOnly", "MultiValueAddOnly", "ValueAddOnly", "AttributeAddOnly"}


def schema_problems(schema: Document) -> list[str]:
    """The problems of a schema.

    Args:
        schema: the body of the PUT, a Graph synchronizationSchema.

    Returns:
        One sentence for each problem, which starts with its JSON path; empty when the schema is valid.
    """
    if problems := list(_type_problems(schema, "")):
        return problems
    directories = {str(directory.get("name")): directory for directory in _dicts(schema.get("directories"))}
    if not directories:
        return ["directories: the definitions of both directories are missing."]
    rules = _dicts(schema.get("synchronizationRules"))
    if not rules:
        return ["synchronizationRules: at least one rule is needed."]
    for directory in directories.values():
        problems += _directory_problems(directory)
    objects = {name: _objects(directory) for name, directory in directories.items()}
    for i, rule in enumerate(rules):
        problems += _rule_problems(f"synchronizationRules[{i}]", rule, objects)
    return problems


def attribute_definitions(schema: Document, directory: str, name: str) -> dict[str, Document]:
    """Definitions of one object's attributes by attribute name; empty when the schema does not define the object."""
    for definition in _dicts(schema.get("directories")):
        if definition.get("name") == directory:
            return _objects(definition).get(name, {})
    return {}


def _type_problems(value: Document, path: str) -> Iterator[str]:
    """Members with the wrong JSON type."""
    for name, inner in value.items():
        at = f"{path}.{name}".lstrip(".")
        if _TYPES.get(name) is list:
            if inner is not None and not isinstance(inner, list):
                yield f"{at}: must be a list."
            for i, item in enumerate(inner if isinstance(inner, list) else ()):
                if isinstance(item, dict):
                    yield from _type_problems(item, f"{at}[{i}]")
                else:
                    yield f"{at}[{i}]: must be an object."
        elif name in _TYPES and inner is not None and not isinstance(inner, _TYPES[name]):
            yield f"{at}: has the wrong type."
        elif name in {"source", "value"} and isinstance(inner, dict):
            yield from _type_problems(inner, at)


def _directory_problems(directory: Document) -> Iterator[str]:
    path = f"directories[{directory.get('name')}]"
    if not directory.get("discoverabilities"):
        yield f"{path}.discoverabilities: missing."
    objects = _dicts(directory.get("objects"))
    if not objects:
        yield f"{path}.objects: the object definitions are missing."
    for definition in objects:
        if not _dicts(definition.get("attributes")):
            name = definition.get("name")
            yield f"{path}.objects[{name}].attributes: the attribute definitions are missing."


def _rule_problems(path: str, rule: Document, objects: dict[str, _Objects]) -> Iterator[str]:
    for end in ("sourceDirectoryName", "targetDirectoryName"):
        if rule.get(end) not in objects:
            yield f"{path}.{end}: {rule.get(end)!r} is not one of the directories."
    mappings = _dicts(rule.get("objectMappings"))
    if not mappings:
        yield f"{path}.objectMappings: missing."
    source = objects.get(str(rule.get("sourceDirectoryName")), {})
    target = objects.get(str(rule.get("targetDirectoryName")), {})
    for i, mapping in enumerate(mappings):
        yield from _mapping_problems(f"{path}.objectMappings[{i}]", mapping, source, target)


def _mapping_problems(path: str, mapping: Document, source: _Objects, target: _Objects) -> Iterator[str]:
    if not _FLOW_TYPES.fullmatch(str(mapping.get("flowTypes") or "")):
        yield f"{path}.flowTypes: {mapping.get('flowTypes')!r} is not a list of Add, Update and Delete."
    for end, directory in (("sourceObjectName", source), ("targetObjectName", target)):
        if mapping.get(end) not in directory:
            yield f"{path}.{end}: {mapping.get(end)!r} is not defined in its directory."
    attributes = _dicts(mapping.get("attributeMappings"))
    if not any((attribute.get("matchingPriority") or 0) > 0 for attribute in attributes):
        yield f"{path}.attributeMappings: no attribute has a matchingPriority above 0."
    names = [attribute.get("targetAttributeName") for attribute in attributes]
    for name in sorted({str(name) for name in names if name and names.count(name) > 1}):
        yield f"{path}.attributeMappings: {name!r} is mapped more than once."
    for i, attribute in enumerate(attributes):
        yield from _attribute_problems(
            f"{path}.attributeMappings[{i}]",
            attribute,
            source.get(str(mapping.get("sourceObjectName")), {}),
            target.get(str(mapping.get("targetObjectName")), {}),
        )


def _attribute_problems(
    path: str, mapping: Document, source: dict[str, Document], target: dict[str, Document]
) -> Iterator[str]:
    name = mapping.get("targetAttributeName")
    if not name:
        yield f"{path}.targetAttributeName: missing."
    elif name not in target:
        yield f"{path}.targetAttributeName: {name!r} is not an attribute of the target object."
    if (mapping.get("flowType") or "Always") not in _ATTRIBUTE_FLOWS:
        yield f"{path}.flowType: {mapping['flowType']!r} is unknown."
    expression = mapping.get("source")
    if not isinstance(expression, dict) or not expression:
        yield f"{path}.source: missing."
        return
    try:
        yield from _source_problems(path, expression, source)
    except ExpressionError as error:
        yield f"{path}.source: {error}."


def _source_problems(path: str, expression: Document, source: dict[str, Document]) -> Iterator[str]:
    node = parse_source(expression)
    text = expression.get("expression")
    if text and parse_expression(text) != node:
        yield f"{path}.source: the expression {text!r} differs from type, name and parameters."
    for name in sorted(attribute_names(node) - set(source)):
        yield f"{path}.source: {name!r} is not an attribute of the source object."


def _objects(directory: Document) -> _Objects:
    return {
        str(definition.get("name")): {
            str(attribute.get("name")): attribute for attribute in _dicts(definition.get("attributes"))
        }
        for definition in _dicts(directory.get("objects"))
    }


def _dicts(value: Any) -> list[Document]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
