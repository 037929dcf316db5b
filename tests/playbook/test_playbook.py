"""Playbooks: errors with their lines, secrets that are never printed, references."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provisioner import providers
from provisioner.core.errors import PlaybookError, ProvisionerError, UsageError
from provisioner.playbook import LoadedPlaybook, json_schema, load
from provisioner.settings import Variables
from provisioner.templating import shipped_folder

HERE = Path(__file__).parent
GOOD = sorted((HERE / "good").glob("*.yaml"))
BAD = sorted((HERE / "bad").glob("*.yaml"))
SHIPPED = sorted(shipped_folder("playbooks").glob("*.yaml"))


def header(file: Path, name: str) -> list[str]:
    """The values of a comment key at the head of a case."""
    text = file.read_bytes().decode("latin-1")
    return re.findall(rf"^# {name}: (.*)$", text, re.MULTILINE)


def variables(file: Path) -> Variables:
    pairs = (entry.partition("=") for entry in header(file, "env"))
    return Variables(environment={name: value for name, _, value in pairs})


def cases(files: list[Path]) -> list[Any]:
    return [pytest.param(file, id=file.stem) for file in files]


@pytest.fixture
def written(tmp_path: Path):
    """Writes a playbook and loads it with the given environment."""

    def write(text: str | bytes, environment: Mapping[str, str] | None = None) -> LoadedPlaybook:
        file = tmp_path / "playbook.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(file, Variables(environment=environment or {}))

    return write


PIECES = """
application scim groups users safety display_name token endpoint name id notify mapping scopes loopback_ports
delete_threshold max_removals admin_consent ${SET} ${UNSET} ${A:-b} ${file:x} ${keyring:a/b} $${ ${ { } [ ] , : -
? | > & * ! # % @ ` ' " ~ 1 -1 1.5 .nan 1e999 0b_ 0x 1:30 true null 2026-01-01 !!str !!null !!binary !!set !!omap
--- ... << &a *a
"""
HEAD = "version: 1\nname: kiro\nprovider: entra\nconnection: {tenant: contoso.com}\n"


class TestErrors:
    @pytest.mark.parametrize("file", cases(BAD))
    def test_every_error_is_reported_with_its_line(self, file):
        with pytest.raises(PlaybookError) as raised:
            load(file, variables(file))
        errors = (raised.value, *raised.value.others)
        lines = [int(line) for line in header(file, "line")]
        assert [error.line for error in errors] == lines
        for error, message in zip(errors, header(file, "says"), strict=True):
            assert message in error.message
            assert str(error) == f"{file}:{error.line}: {error.message}"
        for hint in header(file, "hint"):
            assert hint in raised.value.hint

    def test_an_empty_file_is_not_a_playbook(self, written):
        with pytest.raises(PlaybookError, match=r":1: expected a mapping of keys to values"):
            written(b"")

    def test_a_huge_file_is_not_read(self, written):
        with pytest.raises(UsageError, match="it has more than 250000 bytes"):
            written(b"#" * 250_001)

    def test_a_large_comment_is_accepted(self, written):
        written(HEAD + "#" * (250_000 - len(HEAD)))

    def test_more_nodes_than_any_playbook_has_are_refused(self, written):
        with pytest.raises(PlaybookError, match="too large or too deeply nested"):
            written(HEAD + "groups: [" + "{name: a}," * 10_000 + "]")

    @pytest.mark.parametrize(
        "depth",
        [
            1_000,
            100_000,
        ],
    )
    def test_deep_nesting_is_refused(self, tmp_path, depth):
        file = tmp_path / "deep.yaml"
        file.write_text("a:\n" + "- " * depth)
        command = [sys.executable, "-m", "provisioner", "validate", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 2
        assert "too deeply nested" in done.stderr

    @pytest.mark.parametrize("name", ["missing.yaml", "."])
    def test_a_file_that_cannot_be_read_is_wrong_usage(self, tmp_path, name):
        with pytest.raises(UsageError, match="cannot read") as raised:
            load(tmp_path / name, Variables())
        assert not isinstance(raised.value, PlaybookError)

    def test_a_byte_order_mark_is_accepted(self, written):
        assert written(b"\xef\xbb\xbf" + HEAD.encode()).playbook.name == "kiro"

    def test_line_breaks_of_windows_are_accepted_and_count_once(self, written):
        assert written(HEAD.replace("\n", "\r\n")).playbook.name == "kiro"
        with pytest.raises(PlaybookError, match=r":5: unknown key 'x'"):
            written((HEAD + "x: y\n").replace("\n", "\r\n"))


class TestSecrets:
    """A secret in the wrong place or form is never printed."""

    SECRET = "S3cr3t-hunter2"

    @pytest.mark.parametrize(
        "scim",
        [
            pytest.param("{token: [S3cr3t-hunter2]}", id="a list"),
            pytest.param("{token: {key: S3cr3t-hunter2}}", id="a mapping"),
            pytest.param("{token: {S3cr3t-hunter2: x}}", id="a key"),
            pytest.param("S3cr3t-hunter2", id="instead of the section"),
            pytest.param("[S3cr3t-hunter2]", id="in a list instead of the section"),
            pytest.param("{endpoint: S3cr3t-hunter2, token: x}", id="as the endpoint"),
            pytest.param("{endpoint: 'https://u:S3cr3t-hunter2@x/'}", id="in the endpoint"),
            pytest.param("{delete_threshold: S3cr3t-hunter2}", id="as a number"),
            pytest.param("{on_demand: S3cr3t-hunter2}", id="as a boolean"),
            pytest.param("{mapping: S3cr3t-hunter2}", id="as a choice"),
            pytest.param("{notify: [S3cr3t-hunter2]}", id="as an address"),
            pytest.param("{token: 'S3cr3t-hunter2}", id="an unclosed quote"),
            pytest.param("{token: S3cr3t-hunter2", id="an unclosed brace"),
            pytest.param("{token: S3cr3t-hunter2: x}", id="with an extra colon"),
            pytest.param("{token: *S3cr3t-hunter2}", id="like an alias"),
            pytest.param("{token: &S3cr3t-hunter2 [x]}", id="like an anchor"),
            pytest.param("{token: @S3cr3t-hunter2}", id="with a reserved character"),
            pytest.param("{token: S3cr3t-hunter2, tokn: x}", id="with another error"),
            pytest.param("{token: S3cr3t-hunter2\x07}", id="with a control character"),
            pytest.param("{token: S3cr3t-hunter2, token: x}", id="twice"),
            pytest.param("{token: !!binary S3cr3t-hunter2}", id="as binary"),
            pytest.param(
                "{token: !!int S3cr3t-hunter2}",
                id="as a tagged number",
            ),
            pytest.param(
                "{token: !S3cr3t-hunter2 }",
                id="like a tag",
            ),
            pytest.param(
                "{endpoint: 'https://u:S3cr3t-hunter2\u2100@x/'}",
                id="in an endpoint that urllib refuses",
            ),
            pytest.param(
                "{endpoint: 'https://[S3cr3t-hunter2]/'}",
                id="in an endpoint with brackets",
            ),
        ],
    )
    def test_it_is_in_no_message_hint_or_cause(self, written, scim):
        with pytest.raises(PlaybookError) as raised:
            written(HEAD + f"scim: {scim}\n")
        for error in (raised.value, *raised.value.others):
            assert self.SECRET not in f"{error} {error.hint}"
        causes = [error for error in _chain(raised.value) if error is not raised.value]
        assert self.SECRET not in "".join(map(str, causes))

    def test_bytes_that_are_not_text_are_not_printed(self, written):
        with pytest.raises(PlaybookError) as raised:
            written(HEAD.encode() + b"scim: {token: S3cr3t-hunter2\xff}")
        assert self.SECRET not in "".join(traceback.format_exception_only(raised.value))

    def test_a_secret_variable_in_the_wrong_place_is_not_printed(self, written):
        with pytest.raises(PlaybookError) as raised:
            written(HEAD + "scim: {mapping: '${TOKEN}', notify: ['${TOKEN}']}", {"TOKEN": self.SECRET})
        assert len(raised.value.others) == 1
        for error in (raised.value, *raised.value.others):
            assert self.SECRET not in str(error)

    def test_a_token_prints_as_stars(self, written):
        loaded = written(HEAD + "scim: {token: S3cr3t-hunter2}")
        assert self.SECRET not in repr(loaded)
        assert loaded.playbook.scim.token.get_secret_value() == self.SECRET


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error and those that Python would print with it."""
    if error is None:
        return []
    context = None if error.__suppress_context__ else error.__context__
    return [error, *_chain(error.__cause__ or context)]


class TestReferences:
    def test_a_variable_takes_precedence_over_its_default(self, written):
        text = HEAD + "application: {display_name: '${A:-x} ${B:-y} ${C:-z}'}"
        assert written(text, {"A": "1", "B": ""}).playbook.display_name == "1 y z"

    def test_a_default_may_contain_anything_but_braces(self, written):
        assert (
            written(HEAD + "scim: {token: '${A:-a:-b: [c] # d}'}").playbook.scim.token.get_secret_value()
            == "a:-b: [c] # d"
        )

    def test_an_empty_default_is_a_value(self, written):
        assert written(HEAD + "scim: {token: 'x${A:-}y'}").playbook.scim.token.get_secret_value() == "xy"

    def test_a_doubled_dollar_is_a_plain_one(self, written):
        text = HEAD + "scim: {token: 'a$${HOME}$b${'}"
        assert written(text, {"HOME": "no"}).playbook.scim.token.get_secret_value() == "a${HOME}$b${"

    def test_a_substituted_value_is_not_substituted_again(self, written):
        loaded = written(HEAD + "scim: {token: '${A}'}", {"A": "${B}", "B": "no"})
        assert loaded.playbook.scim.token.get_secret_value() == "${B}"

    def test_a_file_is_found_beside_the_playbook_and_its_final_line_break_is_not_part_of_it(
        self, written, tmp_path
    ):
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets" / "token.txt").write_bytes(b"abc \r\n")
        loaded = written(HEAD + "scim: {token: '${file:secrets/token.txt}'}")
        assert loaded.playbook.scim.token.get_secret_value() == "abc "

    def test_a_key_is_never_substituted(self, written):
        with pytest.raises(PlaybookError, match=r"unknown key '\$\{A\}'"):
            written(HEAD + "${A}: x", {"A": "groups"})

    def test_deferred_keys_may_refer_to_unset_variables(self, written):
        text = HEAD + "scim: {endpoint: 'https://${HOST}/${PATH_}', token: '${TOKEN}'}"
        loaded = written(text, {"HOST": "scim.example.com"})
        assert loaded.deferred == {"scim.endpoint": "PATH_", "scim.token": "TOKEN"}
        assert (loaded.playbook.scim.endpoint, loaded.playbook.scim.token) == (None, None)

    def test_manual_steps_name_the_variables_of_the_playbook(self, written):
        loaded = written(HEAD + "scim: {endpoint: '${HOST}', token: '${MY_TOKEN}'}")
        brings = [
            name
            for step in loaded.playbook.desired_state().resources
            for name, _ in getattr(step, "outputs", ())
        ]
        assert brings == ["HOST", "MY_TOKEN"]

    def test_nothing_is_deferred_once_all_variables_are_set(self, written):
        loaded = written(HEAD + "scim: {token: '${TOKEN}'}", {"TOKEN": "t"})
        assert loaded.deferred == {}

    @settings(deadline=None, max_examples=60)
    @given(value=st.text(min_size=1))
    @example("x\n  mapping: minimal")
    @example('"}')
    @example("${OTHER}")
    @example("\\g<0>\\1")
    def test_a_value_never_changes_the_structure(self, tmp_path_factory, value):
        file = tmp_path_factory.getbasetemp() / "substitution.yaml"
        file.write_text(HEAD + "scim: {token: 'a${TOKEN}b', mapping: guide}\ngroups: [{name: g}]\n")
        found = load(file, Variables(environment={"TOKEN": value})).playbook
        usual = load(file, Variables(environment={"TOKEN": "-"})).playbook
        assert found.scim.token.get_secret_value() == f"a{value}b"
        without = {"scim": {"token"}}
        assert found.model_dump(exclude=without) == usual.model_dump(exclude=without)


class TestArbitraryFiles:
    """Any file is either refused with one of our errors or accepted."""

    @staticmethod
    def refused_or_accepted(folder: pytest.TempPathFactory, content: bytes) -> None:
        file = folder.getbasetemp() / "arbitrary.yaml"
        file.write_bytes(content)
        with suppress(ProvisionerError):
            load(file, Variables(environment={"SET": "1"}))

    @settings(deadline=None, max_examples=60)
    @given(content=st.binary(max_size=200))
    def test_bytes(self, tmp_path_factory, content):
        self.refused_or_accepted(tmp_path_factory, content)

    @settings(deadline=None, max_examples=150)
    @given(tail=st.text(max_size=80))
    def test_text_after_a_good_beginning(self, tmp_path_factory, tail):
        self.refused_or_accepted(tmp_path_factory, (HEAD + tail).encode())

    @settings(deadline=None, max_examples=400)
    @given(
        pieces=st.lists(
            st.sampled_from([*PIECES.split(), "\n", "\n  ", "\n    - ", ": ", " ", "\t", "\u2028"]),
            max_size=24,
        )
    )
    def test_pieces_of_yaml(self, tmp_path_factory, pieces):
        self.refused_or_accepted(tmp_path_factory, (HEAD + "".join(pieces)).encode())

    @settings(deadline=None, max_examples=60)
    @given(
        tree=st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
            ),
            max_leaves=8,
        ),
        key=st.sampled_from(
            ["version", "name", "connection", "application", "scim", "groups", "users", "safety"]
        ),
    )
    def test_any_value_for_a_known_key(self, tmp_path_factory, tree, key):
        playbook = {**yaml.safe_load(HEAD), key: tree}
        content = yaml.safe_dump(playbook, allow_unicode=True).encode("utf-8", "surrogatepass")
        self.refused_or_accepted(tmp_path_factory, content)


class TestGoodPlaybooks:
    @pytest.mark.parametrize("file", cases(GOOD))
    def test_they_are_accepted(self, file):
        load(file, variables(file))

    @pytest.mark.parametrize("file", cases(SHIPPED))
    def test_the_shipped_ones_need_no_more_than_a_tenant_and_a_domain(self, file):
        tenant = {
            "ENTRA_TENANT_ID": "contoso.com",
            "OKTA_ORG_URL": "https://acme.okta.com",
            "KIRO_DOMAIN": "acme.com",
        }
        loaded = load(file, Variables(environment=tenant))
        late = {"entra": {"scim.endpoint", "scim.token"}, "okta": {"scim.endpoint"}}
        assert set(loaded.deferred) == late[loaded.playbook.provider] | {"domains[0].value"}

    @pytest.mark.parametrize("file", cases([*GOOD, *SHIPPED]))
    def test_the_json_schema_accepts_them_as_they_are_written(self, file):
        playbook = yaml.safe_load(file.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(json_schema(playbook["provider"])).validate(playbook)

    def test_the_values_arrive_where_they_belong(self):
        playbook = load(HERE / "good" / "everything.yaml", Variables(environment={})).playbook
        assert playbook.connection.cloud == "usgov-dod"
        assert playbook.application.loopback_ports == (1, 3128, 65535)
        assert [group.key for group in playbook.groups] == [
            "Kiro Users",
            "18d14569-c3bd-439b-9a66-3a2aee01d14f",
        ]
        assert playbook.guards.max_removals == 1

    def test_values_from_variables_have_the_type_of_their_key(self):
        file = HERE / "good" / "variables_with_defaults.yaml"
        playbook = load(file, variables(file)).playbook
        assert playbook.connection.tenant == "fabrikam.com"
        assert playbook.application.assignment_required is True
        assert playbook.application.display_name == "Kiro ${not a reference}"
        assert playbook.scim.delete_threshold == 20


class TestJsonSchema:
    @pytest.mark.parametrize("provider", providers.PROVIDERS)
    def test_it_is_one(self, provider):
        jsonschema.Draft202012Validator.check_schema(json_schema(provider))

    @pytest.mark.parametrize(
        "name",
        [
            "unknown_key",
            "mistyped_key_in_a_list",
            "missing_key",
            "wrong_version",
            "wrong_type",
            "text_for_a_list",
            "name_with_capitals",
            "share_above_one",
            "bad_email",
            "port_zero",
            "list_at_top_level",
            "okta_mistyped_section",
            "okta_mistyped_inner_key",
            "okta_missing_url",
            "okta_minutes_out_of_range",
            "okta_unknown_issuer_mode",
            "okta_id_of_wrong_form",
        ],
    )
    def test_the_schema_rejects_invalid_playbooks(self, name):
        playbook = yaml.safe_load((HERE / "bad" / f"{name}.yaml").read_text(encoding="utf-8"))
        validator = jsonschema.Draft202012Validator(json_schema("okta" if "okta" in name else "entra"))
        assert not validator.is_valid(playbook)

    @pytest.mark.parametrize("provider", providers.PROVIDERS)
    def test_every_key_is_explained_except_where_its_model_is(self, provider):
        schema = json_schema(provider)
        for name, model in {"playbook": schema, **schema["$defs"]}.items():
            for key, about in model["properties"].items():
                assert about.keys() & {"description", "$ref"}, f"{name}.{key}"

    def test_there_is_none_for_an_unknown_provider(self):
        with pytest.raises(KeyError):
            json_schema("nonsense")


def test_the_process_environment_is_what_a_playbook_reads_by_default(written, monkeypatch, tmp_path):
    monkeypatch.setitem(os.environ, "ENTRA_TENANT_ID", "fabrikam.com")
    file = tmp_path / "playbook.yaml"
    file.write_text(HEAD.replace("contoso.com", "'${ENTRA_TENANT_ID}'"))
    assert load(file, Variables()).playbook.connection.tenant == "fabrikam.com"
