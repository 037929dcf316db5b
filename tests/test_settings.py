"""Environment variables and folders."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from provisioner.core.errors import UsageError
from provisioner.settings import Variables, colour_allowed, state_dir


class TestStateFolder:
    def test_it_is_where_the_variable_says(self, monkeypatch):
        monkeypatch.setenv("PROVISIONER_STATE_DIR", "some/where")
        assert state_dir() == Path("some/where")

    @pytest.mark.parametrize("unset", [None, ""])
    def test_it_is_the_platforms_otherwise(self, monkeypatch, tmp_path, unset):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        monkeypatch.delenv("PROVISIONER_STATE_DIR")
        if unset is not None:
            monkeypatch.setenv("PROVISIONER_STATE_DIR", unset)
        assert state_dir().name == "provisioner"
        if sys.platform == "linux":
            assert state_dir() == tmp_path / "provisioner"


@pytest.mark.parametrize(("value", "allowed"), [(None, True), ("", True), ("1", False), ("false", False)])
def test_colour_is_allowed_unless_no_color_has_any_value(monkeypatch, value, allowed):
    monkeypatch.delenv("NO_COLOR")
    if value is not None:
        monkeypatch.setenv("NO_COLOR", value)
    assert colour_allowed() is allowed


class TestVariables:
    def test_the_environment_comes_before_the_fallback(self):
        variables = Variables(fallback={"A": "fallback", "B": "fallback"}, environment={"A": "own"})
        assert [variables.variable(name) for name in "ABC"] == ["own", "fallback", None]

    def test_an_empty_value_counts_as_none(self):
        assert Variables(environment={"A": ""}).variable("A") is None
        assert Variables(environment={"A": ""}, fallback={"A": "x"}).variable("A") == "x"

    def test_the_environment_is_that_of_the_process(self, monkeypatch):
        variables = Variables()
        monkeypatch.setenv("SOME_NAME", "later")
        assert variables.variable("SOME_NAME") == "later"


class TestFiles:
    @pytest.mark.parametrize(
        ("content", "value"),
        [
            (b"abc", "abc"),
            (b"abc\n", "abc"),
            (b"abc\r\n\n", "abc"),
            (b" a\nb \n", " a\nb "),
            (b"", ""),
            ("ü".encode(), "ü"),
        ],
    )
    def test_the_value_is_the_text_without_the_final_line_break(self, tmp_path, content, value):
        (tmp_path / "secret").write_bytes(content)
        assert Variables().file("secret", tmp_path) == value

    def test_a_path_is_relative_to_the_playbook_unless_it_is_absolute(self, tmp_path):
        (tmp_path / "playbooks").mkdir()
        (tmp_path / "secret").write_text("x")
        assert Variables().file("../secret", tmp_path / "playbooks") == "x"
        assert Variables().file(str(tmp_path / "secret"), Path("elsewhere")) == "x"

    @pytest.mark.parametrize(
        ("name", "told"),
        [
            ("missing", "No such file or directory"),
            (".", "Is a directory"),
            ("latin", "it is not UTF-8 text"),
        ],
    )
    def test_an_unreadable_file_is_an_error_without_its_content(self, tmp_path, name, told):
        (tmp_path / "latin").write_bytes(b"hunter2\xff")
        with pytest.raises(UsageError, match=told) as raised:
            Variables().file(name, tmp_path)
        assert "hunter2" not in str(raised.value)


class Keyring(ModuleType):
    """A keyring with one entry, in place of the optional package."""

    def get_password(self, service: str, name: str) -> str | None:
        return "hunter2" if (service, name) == ("kiro/prod", "token") else None


class TestKeyring:
    @pytest.fixture
    def keyring(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "keyring", Keyring("keyring"))

    def test_the_last_part_of_the_name_is_the_entry(self, keyring):
        assert Variables().keyring("kiro/prod/token") == "hunter2"

    @pytest.mark.parametrize("name", ["kiro/prod/other", "token", ""])
    def test_a_missing_entry_is_an_error(self, keyring, name):
        with pytest.raises(UsageError, match="the keyring has no entry"):
            Variables().keyring(name)

    def test_without_the_package_it_is_named(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "keyring", None)
        with pytest.raises(UsageError, match="not installed") as raised:
            Variables().keyring("a/b")
        assert "pip install keyring" in raised.value.hint

    def test_a_keyring_that_is_locked_or_absent_says_so(self, monkeypatch):
        errors = ModuleType("keyring.errors")
        errors.KeyringError = type("KeyringError", (Exception,), {})

        class Locked(ModuleType):
            def get_password(self, service: str, name: str) -> str:
                raise errors.KeyringError("No recommended backend was available")

        locked = Locked("keyring")
        locked.errors = errors
        monkeypatch.setitem(sys.modules, "keyring", locked)
        monkeypatch.setitem(sys.modules, "keyring.errors", errors)
        with pytest.raises(UsageError):
            Variables().keyring("a/b")
