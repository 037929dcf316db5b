"""What a synchronizationSchema must contain before it replaces the stored one.

``PUT .../schema`` replaces the whole schema (Microsoft Graph v1.0, "Update synchronizationSchema": "make sure that you
include the entire schema, including the unmodified parts"). A client that reads the schema into types which lose
members, and writes them back, would therefore break the job. How Microsoft words the refusal is not documented; the
texts here are the sandbox's own and name the path at fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from provisioner.sandbox.entra.provisioning.expressions import attributes_of, from_source, parse
from provisioner.sandbox.entra.provisioning.functions import ExpressionError

Document = dict[str, Any]
_Directory = dict[str, dict[str, Document]]  # object name -> attribute name -> definition

_LISTS = {
    *("directories", "objects", "attributes"),
    *("synchronizationRules", "objectMappings", "attributeMappings", "parameters"),
}
_TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(
        ("id", "name", "type", "key", "expression", "flowTypes", "flowType", "flowBehavior"), str
    ),
    **dict.fromkeys(
        ("sourceDirectoryName", "targetDirectoryName", "sourceObjectName", "targetObjectName"), str
    ),
    **dict.fromkeys(("targetAttributeName", "defaultValue", "discoverabilities"), str),
    **dict.fromkeys(("priority", "matchingPriority"), int),
    **dict.fromkeys(("enabled", "anchor", "required", "multivalued", "caseExact"), bool),
    **dict.fromkeys(("source", "scope"), dict),
}
_FLOW_TYPES = re.compile(r"(None|Add|Update|Delete)(, ?(None|Add|Update|Delete))*")
_ATTRIBUTE_FLOWS = {"Always", "ObjectAddOnly", "MultiValueAddOnly", "ValueAddOnly", "AttributeAddOnly"}


def schema_problems(schema: Document) -> list[str]:
    """Why a schema is refused.

    Args:
        schema: the body of the PUT, a Graph synchronizationSchema.

    Returns:
        One sentence a problem, each starting with the JSON path; empty when the schema is acceptable.
    """
    if malformed := list(_malformed(schema, "")):
        return malformed
    directories = {str(each.get("name")): each for each in _dicts(schema.get("directories"))}
    if not directories:
        return ["directories: the definitions of both directories are missing."]
    rules = _dicts(schema.get("synchronizationRules"))
    if not rules:
        return ["synchronizationRules: at least one rule is needed."]
    problems = [problem for each in directories.values() for problem in _directory_problems(each)]
    known = {name: _attributes(each) for name, each in directories.items()}
    for i, rule in enumerate(rules):
        problems += _rule_problems(f"synchronizationRules[{i}]", rule, known)
    return problems


def attribute_definitions(schema: Document, directory: str, name: str) -> dict[str, Document]:
    """Definitions of one object's attributes by attribute name; empty when the schema does not define it."""
    found = next((each for each in _dicts(schema.get("directories")) if each.get("name") == directory), {})
    return _attributes(found).get(name, {})


def _malformed(value: Document, path: str) -> Iterator[str]:
    """Members whose JSON type is wrong, by name."""
    for name, inner in value.items():
        at = f"{path}.{name}".lstrip(".")
        if name in _LISTS:
            if inner is not None and not isinstance(inner, list):
                yield f"{at}: must be a list."
            for i, each in enumerate(inner if isinstance(inner, list) else ()):
                if isinstance(each, dict):
                    yield from _malformed(each, f"{at}[{i}]")
                else:
                    yield f"{at}[{i}]: must be an object."
        elif name in _TYPES and inner is not None and not isinstance(inner, _TYPES[name]):
            yield f"{at}: has the wrong type."
        elif name in {"source", "value"} and isinstance(inner, dict):
            yield from _malformed(inner, at)


def _directory_problems(directory: Document) -> Iterator[str]:
    path = f"directories[{directory.get('name')}]"
    if not directory.get("discoverabilities"):
        yield f"{path}.discoverabilities: missing."
    objects = _dicts(directory.get("objects"))
    if not objects:
        yield f"{path}.objects: the object definitions are missing."
    for each in objects:
        if not _dicts(each.get("attributes")):
            yield f"{path}.objects[{each.get('name')}].attributes: the attribute definitions are missing."


def _rule_problems(path: str, rule: Document, known: dict[str, _Directory]) -> Iterator[str]:
    for end in ("sourceDirectoryName", "targetDirectoryName"):
        if rule.get(end) not in known:
            yield f"{path}.{end}: {rule.get(end)!r} is not one of the directories."
    mappings = _dicts(rule.get("objectMappings"))
    if not mappings:
        yield f"{path}.objectMappings: missing."
    source = known.get(str(rule.get("sourceDirectoryName")), {})
    target = known.get(str(rule.get("targetDirectoryName")), {})
    for i, mapping in enumerate(mappings):
        yield from _mapping_problems(f"{path}.objectMappings[{i}]", mapping, source, target)


def _mapping_problems(path: str, mapping: Document, source: _Directory, target: _Directory) -> Iterator[str]:
    if not _FLOW_TYPES.fullmatch(str(mapping.get("flowTypes") or "")):
        yield f"{path}.flowTypes: {mapping.get('flowTypes')!r} is not a list of Add, Update and Delete."
    for end, directory in (("sourceObjectName", source), ("targetObjectName", target)):
        if mapping.get(end) not in directory:
            yield f"{path}.{end}: {mapping.get(end)!r} is not defined in its directory."
    attributes = _dicts(mapping.get("attributeMappings"))
    if not any((each.get("matchingPriority") or 0) > 0 for each in attributes):
        yield f"{path}.attributeMappings: no attribute has a matchingPriority above 0."
    names = [each.get("targetAttributeName") for each in attributes]
    for name in sorted({str(each) for each in names if each and names.count(each) > 1}):
        yield f"{path}.attributeMappings: {name!r} is mapped more than once."
    for i, each in enumerate(attributes):
        yield from _attribute_problems(
            f"{path}.attributeMappings[{i}]",
            each,
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
    given = mapping.get("source")
    if not isinstance(given, dict) or not given:
        yield f"{path}.source: missing."
        return
    try:
        yield from _source_problems(path, given, source)
    except ExpressionError as error:
        yield f"{path}.source: {error}."


def _source_problems(path: str, given: Document, source: dict[str, Document]) -> Iterator[str]:
    node = from_source(given)
    text = given.get("expression")
    if text and parse(text) != node:
        yield f"{path}.source: the expression {text!r} does not say the same as type, name and parameters."
    for name in sorted(attributes_of(node) - set(source)):
        yield f"{path}.source: {name!r} is not an attribute of the source object."


def _attributes(directory: Document) -> _Directory:
    return {
        str(each.get("name")): {str(a.get("name")): a for a in _dicts(each.get("attributes"))}
        for each in _dicts(directory.get("objects"))
    }


def _dicts(value: Any) -> list[Document]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
