"""What is written as a playbook is read again as it was, whatever is in it."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from provisioner.playbook.source import parse, substitute
from provisioner.playbook.writing import playbook_text, scalar_text
from provisioner.providers.base.export import VariableReference
from provisioner.settings import Variables

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SCALARS = TEXTS | st.integers(-(10**6), 10**6) | st.booleans()
KEYS = st.sampled_from(["name", "groups", "scim", "application", "id"])
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def read_back(tmp_path_factory):
    """Reads a text as a playbook is read, references included."""
    file = tmp_path_factory.mktemp("written") / "playbook.yaml"

    def read(text):
        file.write_text(text, encoding="utf-8")
        source = parse(file)
        substitute(source, Variables(environment={"SET": "value"}))
        return source.tree

    return read


@given(tree=st.dictionaries(KEYS, TREES, min_size=1, max_size=5))
@example(tree={"name": "${SET}"})
@example(tree={"name": "$${SET} $$${"})
@example(tree={"name": "${${SET}}"})
@example(tree={"name": "a\n\n  b\t\x1b\u2028\ufeff"})
@example(tree={"name": "yes", "id": "0123", "groups": ["null", "~", "1e3", "2026-11-21", "=", "<<"]})
@example(tree={"groups": [[], {}, [["# no comment"]], [{"name": ": "}]]})
def test_it_is_read_as_it_was(read_back, tree):
    assert read_back(playbook_text(tree)) == tree


@given(text=TEXTS)
def test_a_remark_and_a_comment_stay_on_their_line(read_back, text):
    comments = {("name",): text, ("groups",): text, ("groups", 0, "id"): text}
    tree = {"name": "a", "groups": [{"id": "1"}]}
    assert read_back(playbook_text(tree, comments, {"users": (text,)}, (text, text))) == tree


def test_a_variable_is_a_reference():
    text = playbook_text({"name": VariableReference("SET"), "id": VariableReference("UNSET", "")})
    assert yaml.safe_load(text) == {"name": "${SET}", "id": "${UNSET:-}"}


def test_text_that_looks_like_a_reference_is_none():
    assert scalar_text("${HOME}") == "$${HOME}"


def test_it_is_laid_out_for_people():
    text = playbook_text(
        {
            "version": 1,
            "name": "kiro",
            "scim": {"endpoint": "https://a.example"},
            "groups": [{"id": "1", "name": "x"}],
        },
        {("name",): "the name", ("groups", 0, "id"): "Kiro-Users"},
        {"domains": ("Not known:", "domains: []")},
        ("Exported", ""),
    )
    assert text == (
        "# Exported\n#\n\n"
        "version: 1\nname: kiro # the name\n\n"
        "scim:\n  endpoint: https://a.example\n\n"
        "groups:\n  - id: '1' # Kiro-Users\n    name: x\n\n"
        "# Not known:\n# domains: []\n"
    )
