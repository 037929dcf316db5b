"""Expressions of attribute mappings: the examples of Microsoft's reference, and properties of the parser."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.sandbox.entra.provisioning.expressions import (
    Attribute,
    Constant,
    FunctionCall,
    Node,
    attribute_names,
    evaluate,
    expression_text,
    parse_expression,
    parse_source,
    source_object,
)
from provisioner.sandbox.entra.provisioning.functions import FUNCTIONS, OPERATORS, ExpressionError, Value
from tests.sandbox.provisioning_fixtures import shared

PHONE = r'"\\+(?<isdCode>\\d* )(?<phoneNumber>\\d{10})"'

# Expression, attributes, result: from "Reference for writing expressions for attribute mappings".
DOCUMENTED: list[tuple[str, dict[str, Value], Value]] = [
    (
        'Append([userPrincipalName], ".test")',
        {"userPrincipalName": "John.Doe@contoso.com"},
        "John.Doe@contoso.com.test",
    ),
    (
        "Coalesce([mail],[userPrincipalName])",
        {"userPrincipalName": "John.Doe@contoso.com"},
        "John.Doe@contoso.com",
    ),
    ('ConvertToBase64("Hello world!")', {}, "SABlAGwAbABvACAAdwBvAHIAbABkACEA"),
    ('ConvertToUTF8Hex("Hello world!")', {}, "48656C6C6F20776F726C6421"),
    ('IIF([country]="USA",[country],[department])', {"country": "USA", "department": "IT"}, "USA"),
    ('IIF([country]="USA",[country],[department])', {"country": "UK", "department": "IT"}, "IT"),
    (
        'IIF([country]="USA",IIF([state]="CA","True","False"),"False")',
        {"country": "USA", "state": "CA"},
        "True",
    ),
    ("Item([proxyAddresses], 1)", {"proxyAddresses": ["first", "second"]}, "first"),
    ('Left("John Doe", 3)', {}, "Joh"),
    ("NormalizeDiacritics([givenName])", {"givenName": "Zoë"}, "Zoe"),
    (
        'Replace([BusinessTitle],"Product Developer", , , "Software Engineer", , )',
        {"BusinessTitle": "Product Developer"},
        "Software Engineer",
    ),
    (
        'Replace([UserID],"<username>", , , , , "<username>@contoso.com")',
        {"UserID": "jsmith"},
        "jsmith@contoso.com",
    ),
    (
        f'Replace([telephoneNumber], , {PHONE}, , "${{phoneNumber}}", , )',
        {"telephoneNumber": "+91 9998887777"},
        "9998887777",
    ),
    # The reference prints 19998887777 here, but its expression does not remove the plus sign.
    (r'Replace([mobile], , "[()\\s-]+", , "", , )', {"mobile": "+1 (999) 888-7777"}, "+19998887777"),
    (
        r'Replace([AddressLineData], ,"(?<streetNumber>^\\d*)","streetNumber", "888", , )',
        {"AddressLineData": "545 Tremont Street"},
        "888 Tremont Street",
    ),
    (
        'Replace([userPrincipalName], , "(?<Suffix>@(.)*)", "Suffix", "", , )',
        {"userPrincipalName": "jsmith@contoso.com"},
        "jsmith",
    ),
    (
        f'Replace([telephoneNumber], , {PHONE}, "phoneNumber" , , [mobile], )',
        {"mobile": "+91 8887779999"},
        "8887779999",
    ),
    ('Replace([mailNickname], , "[a-zA-Z_]*", , "", , )', {"mailNickname": "john_doe72"}, "72"),
    ('Replace([mail], "@contoso.com", , ,"", ,)', {"mail": "john.doe@contoso.com"}, "john.doe"),
    (
        'Split([extensionAttribute5], ",")',
        {"extensionAttribute5": "PermissionSetOne, PermissionSetTwo"},
        ["PermissionSetOne", "PermissionSetTwo"],
    ),
    (
        'Switch([state], "Australia/Sydney", "NSW", "Australia/Sydney","QLD", "Australia/Brisbane")',
        {"state": "QLD"},
        "Australia/Brisbane",
    ),
    ('Switch([statusFlag], "Default Value", "true", "1", "", "0")', {}, "0"),
    ('Switch([IsSoftDeleted], , "False", "True", "True", "False")', {"IsSoftDeleted": "False"}, "True"),
    ('Switch([IsSoftDeleted], , "False", "True", "True", "False")', {"IsSoftDeleted": "True"}, "False"),
    (
        'ToLower(Join("@", NormalizeDiacritics(StripSpaces(Join(".",  [First], [Last]))), "contoso.com"))',
        {"First": "John", "Last": "Smith"},
        "john.smith@contoso.com",
    ),
    ('Word("The quick brown fox",3," ")', {}, "brown"),
    ('Word("This,string!has&many separators",3,",!&#")', {}, "has"),
    (
        "Append(Mid([givenName], 1, 3), Mid([surname], 1, 5))",
        {"givenName": "John", "surname": "Doe"},
        "JohDoe",
    ),
    ('Join(", ", "", [surname], [givenName])', {"givenName": "John", "surname": "Doe"}, "Doe, John"),
]


@pytest.mark.parametrize(("text", "attributes", "expected"), DOCUMENTED)
def test_examples_of_the_reference(text: str, attributes: dict[str, Value], expected: Value) -> None:
    node = parse_expression(text)
    assert evaluate(node, attributes) == expected
    assert parse_expression(expression_text(node)) == node
    assert parse_source(source_object(node)) == node


@pytest.mark.parametrize(
    ("text", "attributes", "expected"),
    [
        ("Not([a])", {"a": "True"}, "False"),
        ("Not([a])", {}, "True"),
        ("IsNull([a])", {}, "True"),
        ("IsNullOrEmpty([a])", {"a": "x"}, "False"),
        ("IsPresent([a])", {"a": "x"}, "True"),
        ("IsString([a])", {"a": ["x"]}, "False"),
        ("Count([a])", {"a": ["x", "y"]}, "2"),
        ("RemoveDuplicates([a])", {"a": ["x", "y", "x"]}, ["x", "y"]),
        ('Join("-", [a], [b])', {"a": ["x", "y"], "b": "z"}, "x-y-z"),
        ("SingleAppRoleAssignment([appRoleAssignments])", {"appRoleAssignments": ["Admin"]}, "Admin"),
        ("IgnoreFlowIfNullOrEmpty([a])", {"a": ""}, None),
        ("ToUpper([a])", {"a": "x"}, "X"),
        ("ToUpper([a])", {}, None),
        ("CBool([a])", {"a": "1"}, "True"),
        ("Redact([a])", {"a": "x"}, "x"),
        ('IIF([a] > 9, "more", "less")', {"a": "10"}, "more"),
        ('IIF([a] <> "b", "other", "same")', {"a": "b"}, "same"),
        (
            'IIF([a] = "", "empty", "not")',
            {},
            "not",
        ),  # "if the source attribute is empty or null, the check fails"
        ('"constant"', {}, "constant"),
        ("[a]", {}, None),
        (r'"a \"quoted\" \\ word"', {}, r'a "quoted" \ word'),
    ],
)
def test_other_functions(text: str, attributes: dict[str, Value], expected: Value) -> None:
    assert evaluate(parse_expression(text), attributes) == expected


def test_the_documented_parse_of_an_expression() -> None:
    """Microsoft Graph beta, synchronizationSchema: parseExpression."""
    example = json.loads(
        shared("examples/graph/beta-synchronization-synchronizationschema-parseexpression-1.json").read_text()
    )["responseBody"]
    documented: dict[str, Any] = example["parsedExpression"]
    assert parse_source(documented) == parse_expression(documented["expression"])
    assert [evaluate(parse_source(documented), {"preferredLanguage": "EN-US"})] == example["evaluationResult"]
    result = source_object(parse_expression(documented["expression"]))
    assert [parameter["value"] for parameter in result["parameters"]] == [
        parameter["value"] for parameter in documented["parameters"]
    ]
    assert (result["name"], result["type"]) == (documented["name"], documented["type"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "[]",
        '"open',
        "Not(",
        "Not()",
        "Not([a], [b])",
        "Not([a]))",
        "Unknown([a])",
        "not([a])",
        "Not [a]",
        "Mid([a], 1)",
        'Switch([a], , "key")',
        "[a] [b]",
        "[a] = ",
        "Not(" * 60 + "[a]" + ")" * 60,
    ],
)
def test_invalid_expressions_are_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_expression(text)


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("Mid([a], [b], 1)", {"a": "x", "b": "two"}),
        ('Replace([a], , "(", , "", , )', {"a": "x"}),
        ('Replace([a], , "x", "name", "", , )', {"a": "x"}),
        ('Replace([a], , "x", , "${name}", , )', {"a": "x"}),
    ],
)
def test_invalid_arguments_are_refused(text: str, attributes: dict[str, Value]) -> None:
    with pytest.raises(ExpressionError):
        evaluate(parse_expression(text), attributes)


@pytest.mark.parametrize("source", [{}, {"type": "Attribute"}, {"type": "Other", "name": "x"}])
def test_invalid_sources_are_refused(source: dict[str, Any]) -> None:
    with pytest.raises(ExpressionError):
        parse_source(source)


def test_keys_may_be_in_any_order_and_unknown_keys_take_the_next_position() -> None:
    def constant(text: str) -> dict[str, Any]:
        return {"name": text, "type": "Constant"}

    swapped = [{"key": "length", "value": constant("2")}, {"key": "start", "value": constant("1")}]
    swapped.append({"key": "source", "value": constant("abc")})
    assert evaluate(parse_source({"name": "Mid", "type": "Function", "parameters": swapped}), {}) == "ab"
    unknown = [{"key": "first", "value": constant("abc")}, {"key": "second", "value": constant("d")}]
    assert evaluate(parse_source({"name": "Append", "type": "Function", "parameters": unknown}), {}) == "abcd"


no_deadline = settings(deadline=None)
names = st.text(st.characters(exclude_characters="[]", exclude_categories=["C", "Z"]), min_size=1)
leaves = st.one_of(
    names.map(Attribute),
    st.text().map(Constant),
    st.integers(-1000, 1000).map(lambda number: Constant(str(number), quoted=False)),
)


def calls(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    @st.composite
    def call(draw: st.DrawFn) -> Node:
        name = draw(st.sampled_from(sorted(FUNCTIONS)))
        function = FUNCTIONS[name]
        leading = [
            draw(st.one_of(st.none(), inner)) if key.endswith("?") else draw(inner) for key in function.named
        ]
        repetitions = draw(st.integers(0, 3)) if function.repeated else 0
        arguments = [*leading, *(draw(inner) for _ in range(repetitions * len(function.repeated)))]
        while arguments and arguments[-1] is None:
            arguments.pop()
        return FunctionCall(name, tuple(arguments))

    return call()


def comparisons(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """A comparison is not an operand of another comparison."""
    return st.builds(
        lambda op, a, b: FunctionCall(op, (a, b)), st.sampled_from(sorted(OPERATORS)), inner, inner
    )


nodes = st.recursive(leaves, calls, max_leaves=8)
conditions = st.builds(
    lambda condition, a, b: FunctionCall("IIF", (condition, a, b)), comparisons(nodes), nodes, nodes
)


@no_deadline
@given(st.one_of(nodes, comparisons(nodes), conditions))
def test_text_and_object_are_equivalent(node: Node) -> None:
    assert parse_expression(expression_text(node)) == node
    assert parse_source(source_object(node)) == node
    assert parse_source(json.loads(json.dumps(source_object(node)))) == node
    assert attribute_names(parse_expression(expression_text(node))) == attribute_names(node)


@no_deadline
@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        node = parse_expression(text)
    except ExpressionError:
        return
    assert parse_expression(expression_text(node)) == node


values = st.one_of(st.none(), st.text(max_size=5), st.lists(st.text(max_size=5), max_size=3))


@no_deadline
@given(st.one_of(nodes, conditions), values)
def test_evaluation_returns_a_value_or_raises_an_expression_error(node: Node, value: Value) -> None:
    try:
        result = evaluate(node, dict.fromkeys(attribute_names(node), value))
    except ExpressionError:
        return
    assert result is None or isinstance(result, (str, list))
