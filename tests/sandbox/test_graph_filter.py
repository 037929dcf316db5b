"""The ``$filter`` language: properties of its parser and evaluation."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.sandbox.entra.graph.errors import GraphError
from provisioner.sandbox.entra.graph.filter import (
    Comparison,
    Expression,
    Function,
    InList,
    Lambda,
    Logical,
    Not,
    Path,
    Value,
    operator_uses,
    parse_filter,
)
from provisioner.sandbox.entra.graph.filter_evaluation import matches

KEYWORDS = {
    "and",
    "or",
    "not",
    "in",
    "any",
    "all",
    "true",
    "false",
    "null",
    "eq",
    "ne",
    "gt",
    "ge",
    "lt",
    "le",
    "startswith",
    "endswith",
    "contains",
}
names = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,8}", fullmatch=True).filter(
    lambda name: name.lower() not in KEYWORDS
)
paths = st.lists(names, min_size=1, max_size=3).map(tuple)
texts = st.text(max_size=12)
strings = texts.map(lambda text: Value(text, quoted=True))
values = st.one_of(
    strings,
    st.sampled_from([Value(True), Value(False), Value(None)]),
    st.integers(-(10**9), 10**9).map(Value),
    st.uuids().map(lambda key: Value(str(key))),
    st.sampled_from(
        [Value("2026-11-20"), Value("2026-11-20T00:00:00Z"), Value("2026-11-20T00:00:00.1234567+02:00")]
    ),
)
conditions = st.one_of(
    st.builds(Comparison, paths, st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"]), values),
    st.builds(InList, paths, st.lists(values, min_size=1, max_size=3).map(tuple)),
    st.builds(Function, st.sampled_from(["startsWith", "endsWith", "contains"]), paths, strings),
    st.builds(Lambda, paths, st.just("any"), st.just(""), st.none()),
)


def combined(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(
        st.builds(Not, inner),
        st.builds(
            Logical, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple)
        ),
        st.builds(Lambda, paths, st.sampled_from(["any", "all"]), names, inner),
    )


def text_of(expression: Expression) -> str:
    """The text of a filter."""
    match expression:
        case Logical(operator, operands):
            return f" {operator} ".join(f"({text_of(operand)})" for operand in operands)
        case Not(operand):
            return f"not ({text_of(operand)})"
        case Comparison(path, operator, value):
            return f"{path_text(path)} {operator} {literal(value)}"
        case InList(path, values):
            return f"{path_text(path)} in ({', '.join(map(literal, values))})"
        case Function(name, path, value):
            return f"{name}({path_text(path)}, {literal(value)})"
        case Lambda(path, quantifier, variable, condition):
            inner = "" if condition is None else f"{variable}:{text_of(condition)}"
            return f"{path_text(path)}/{quantifier}({inner})"


def path_text(path: Path) -> str:
    return "/".join(path)


def literal(value: Value) -> str:
    if value.quoted:
        return "'" + str(value.value).replace("'", "''") + "'"
    words = {None: "null", True: "true", False: "false"}
    return words[value.value] if value.value is None or isinstance(value.value, bool) else str(value.value)


no_deadline = settings(deadline=None)
expressions = st.recursive(conditions, combined, max_leaves=8)
documents = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=8,
)


@no_deadline
@given(expressions)
def test_expressions_round_trip(expression):
    assert parse_filter(text_of(expression)) == expression


@no_deadline
@given(st.text(max_size=60))
def test_no_text_crashes_the_parser(text):
    try:
        parse_filter(text)
    except GraphError as refused:
        assert refused.status == 400  # noqa: PT017 (any other exception fails the test)


@no_deadline
@given(
    st.lists(
        st.sampled_from(
            ["(", ")", "not", "and", "a", "eq", "'x'", "/any(", ":", ",", "in", "a/any(x:x eq 1)"]
        ),
        max_size=30,
    )
)
def test_no_sequence_of_tokens_crashes_the_parser(tokens):
    try:
        list(operator_uses(parse_filter(" ".join(tokens))))
    except GraphError as refused:
        assert refused.status == 400  # noqa: PT017 (any other exception fails the test)


def test_deep_nesting_is_refused():
    for text in ("(" * 5000 + "a eq 1" + ")" * 5000, "not " * 5000 + "a eq 1"):
        try:
            parse_filter(text)
        except GraphError as refused:
            assert refused.status == 400  # noqa: PT017 (any other exception fails the test)
        else:
            raise AssertionError("accepted")


@no_deadline
@given(expressions, st.dictionaries(names, documents, max_size=4))
def test_evaluation_never_crashes_and_not_inverts(expression, document):
    assert matches(Not(expression), document) is not matches(expression, document)


@no_deadline
@given(texts)
def test_quotes_are_doubled(text):
    escaped = text.replace("'", "''")
    expression = parse_filter(f"displayName eq '{escaped}'")
    assert expression == Comparison(("displayName",), "eq", Value(text, quoted=True))
    assert matches(expression, {"displayName": text})


@no_deadline
@given(texts, texts)
def test_comparisons_ignore_case_by_default(literal, value):
    expression = Comparison(("a",), "eq", Value(literal, quoted=True))
    assert matches(expression, {"a": value}, case_sensitive=True) == (literal == value)
    assert matches(expression, {"a": value}) == (literal.casefold() == value.casefold())


def test_precedence():
    assert parse_filter("a eq 1 or b eq 2 and c eq 3") == parse_filter("a eq 1 or (b eq 2 and c eq 3)")
    assert parse_filter("not a eq 1 and b eq 2") == parse_filter("(not (a eq 1)) and b eq 2")
    assert parse_filter("A EQ 1 AND NOT B EQ 2") == parse_filter("A eq 1 and not (B eq 2)")


def test_spellings_of_functions():
    assert (
        parse_filter("startswith(a,'x')")
        == parse_filter("startsWith(a, 'x')")
        == parse_filter("startswith(a,'x') eq true")
    )
    assert parse_filter("startswith(a,'x') eq false") == parse_filter("not startswith(a,'x')")


def test_operator_uses_name_the_collection_of_a_variable():
    uses = {
        (path_text(use.path), use.operator)
        for use in operator_uses(parse_filter("identities/any(i:i/issuer eq 'x' and not i/id eq null)"))
    }
    assert uses == {("identities/issuer", "eq"), ("identities/id", "not")}
    assert [use.operator for use in operator_uses(parse_filter("a eq null or b/$count ne 0"))] == [
        "null",
        "count",
    ]


def test_lambdas_range_over_collections():
    document = {"tags": ["a", "b"], "identities": [{"issuer": "x", "id": 1}, {"issuer": "y", "id": 2}]}
    for text, holds in (
        ("tags/any(t:t eq 'A')", True),
        ("tags/all(t:t eq 'a')", False),
        ("tags/any()", True),
        ("none/any()", False),
        ("none/all(x:x eq 1)", True),
        ("identities/any(i:i/issuer eq 'x' and i/id eq 2)", False),
        ("identities/any(i:i/issuer eq 'y' and i/id eq 2)", True),
        ("tags/$count eq 2", True),
    ):
        assert matches(parse_filter(text), document) is holds, text


def test_order_needs_comparable_values():
    assert not matches(parse_filter("a gt 1"), {"a": "x"})
    assert not matches(parse_filter("a gt 1"), {})
    assert matches(parse_filter("a ge 2026-11-20"), {"a": "2026-11-20T00:00:00Z"})
    assert matches(parse_filter("a lt 2026-11-20T00:00:01Z"), {"a": "2026-11-20T00:00:00.9999999Z"})
