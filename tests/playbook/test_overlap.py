"""Two playbooks must not share an integration or a Kiro profile."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.cli.app import main
from provisioner.playbook.overlap import IntegrationKeys, comparable_endpoint, find_overlaps

A, B = "https://scim.example.com/a/v2", "https://scim.example.com/b/v2"
OKTA = {"provider": "okta", "connection": "{org_url: 'https://acme.okta.com', token: '${OKTA_API_TOKEN}'}"}


def write(
    folder: Path, file: str, *, name: str, scim: str = "", provider="entra", connection="{tenant: a.com}"
):
    """A playbook with these keys."""
    lines = ["version: 1", f"name: {name}", f"provider: {provider}", f"connection: {connection}"]
    (folder / file).write_text("\n".join([*lines, *([f"scim: {scim}"] if scim else [])]), encoding="utf-8")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OKTA_API_TOKEN", "t0")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", ["validate", "drift", "doctor"])
@pytest.mark.parametrize(
    ("second", "line", "message"),
    [
        (
            {"name": "one", "connection": "{tenant: A.com}"},
            2,
            "b.yaml has the same provider, tenant and name",
        ),
        ({"name": "two", "scim": f"{{endpoint: '{A}', token: t2}}"}, 5, "b.yaml has the same SCIM endpoint"),
        ({"name": "two", "scim": f"{{endpoint: '{B}', token: t1}}"}, 5, "b.yaml has the same SCIM token"),
        (
            {
                "name": "two",
                "connection": "{tenant: b.com}",
                "scim": "{endpoint: 'https://SCIM.example.com:443/a/v2/', token: t2}",
            },
            5,
            "b.yaml has the same SCIM endpoint",
        ),
        ({"name": "two", "scim": f"{{endpoint: '{A}'}}", **OKTA}, 5, "b.yaml has the same SCIM endpoint"),
    ],
    ids=["integration", "endpoint", "token", "endpoint-written-differently", "another-provider"],
)
def test_playbooks_that_share_what_they_must_not_are_refused(folder, capsys, command, second, line, message):
    write(folder, "a.yaml", name="one", scim=f"{{endpoint: '{A}', token: t1}}")
    write(folder, "b.yaml", **second)
    assert main([command, "a.yaml", "b.yaml"]) == (2 if command == "validate" else 1)
    printed = "".join(capsys.readouterr())
    assert f"a.yaml:{line}: {message}" in printed
    assert "t1" not in printed


def test_values_of_the_sandbox_are_shared_without_harm(folder, monkeypatch):
    for name in ("one", "two"):
        write(
            folder,
            f"{name}.yaml",
            name=name,
            scim="{endpoint: '${KIRO_SCIM_ENDPOINT}', token: '${KIRO_SCIM_TOKEN}'}",
        )
    monkeypatch.setenv("PROVISIONER_STATE_DIR", "state")
    assert main(["validate", "--sandbox", "one.yaml", "two.yaml"]) == 0


KEYS = st.builds(
    IntegrationKeys,
    st.tuples(st.just("entra"), st.sampled_from("ab"), st.sampled_from("xyz")),
    st.sampled_from(["", "e1", "e2", "e3"]),
    st.sampled_from(["", "t1", "t2", "t3"]),
)


@given(st.lists(KEYS, max_size=6))
def test_exactly_the_playbooks_that_share_something_have_an_overlap(keys):
    playbooks = {Path(str(number)): key for number, key in enumerate(keys)}
    sharing = {
        file
        for pair in combinations(playbooks, 2)
        if any(
            getattr(playbooks[pair[0]], name)
            and getattr(playbooks[pair[0]], name) == getattr(playbooks[pair[1]], name)
            for name in ("integration", "endpoint", "token")
        )
        for file in pair
    }
    overlaps = find_overlaps(playbooks)
    assert overlaps.keys() == sharing
    for file, (_, other) in overlaps.items():
        assert other in sharing - {file}


@pytest.mark.parametrize("same", ["https://H.example/x/", "https://h.example:443/x", "https://h.example/x"])
def test_an_endpoint_is_compared_in_one_form(same):
    assert comparable_endpoint(same) == "h.example/x"
