"""The tool's own files: hints, which may be lost, and backups, which may not."""

from __future__ import annotations

import io
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.core.errors import UsageError
from provisioner.core.local_store import LocalStore
from provisioner.journal import Journal

json_values = st.recursive(
    st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "state" / "kiro")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestHints:
    def test_a_hint_that_was_never_stored_is_none(self, journal):
        assert journal.get("name") is None
        assert not journal.folder.exists()

    def test_a_hint_is_read_in_a_later_run(self, journal):
        journal.put("tenant/kiro", {"id": 1})
        assert Journal(journal.folder).get("tenant/kiro") == {"id": 1}

    def test_hints_are_independent(self, journal):
        journal.put("a", 1)
        journal.put("b", 2)
        journal.put("a", 3)
        assert (journal.get("a"), journal.get("b")) == (3, 2)

    def test_none_deletes_a_hint(self, journal):
        journal.put("a", 1)
        journal.put("a", None)
        journal.put("never stored", None)
        assert journal.get("a") is None
        assert "a" not in json.loads((journal.folder / "hints.json").read_text())

    @settings(deadline=None, max_examples=30)
    @given(name=st.text(), value=json_values)
    def test_any_json_value_under_any_name_survives(self, tmp_path_factory, name, value):
        journal = Journal(tmp_path_factory.getbasetemp() / "any")
        journal.put(name, value)
        assert journal.get(name) == value

    @pytest.mark.parametrize("damage", [b"", b"{", b"[1, 2]", b"null", b"\xff\xfe"])
    def test_damaged_hints_read_as_none_and_can_be_written_again(self, journal, damage):
        journal.put("a", 1)
        (journal.folder / "hints.json").write_bytes(damage)
        assert journal.get("a") is None
        journal.put("b", 2)
        assert journal.get("b") == 2


class TestBackups:
    def test_a_backup_is_at_the_returned_path(self, journal):
        path = Path(journal.back_up("kiro-schema", {"rules": [1]}))
        assert path.parent == journal.folder / "backups"
        assert path.name.endswith("-kiro-schema.json")
        assert json.loads(path.read_text()) == {"rules": [1]}

    def test_two_of_one_name_are_both_kept_in_the_order_of_their_names(self, journal):
        first, second = journal.back_up("x", 1), journal.back_up("x", 2)
        assert sorted([second, first]) == [first, second]
        assert json.loads(Path(first).read_text()) == 1

    def test_a_backup_is_not_a_hint(self, journal):
        journal.back_up("x", 1)
        assert journal.get("x") is None


class TestFiles:
    def test_only_the_owner_can_read_them(self, journal):
        journal.put("a", 1)
        path = Path(journal.back_up("x", 1))
        assert [mode(path) for path in (journal.folder / "hints.json", path)] == [0o600, 0o600]
        assert mode(journal.folder) == 0o700
        assert mode(path.parent) == 0o700

    def test_only_the_owner_can_read_the_folder_whatever_is_written_first(self, journal):
        journal.back_up("x", 1)
        assert mode(journal.folder) == 0o700

    @pytest.mark.parametrize("write", ["put", "back_up"])
    def test_a_failed_write_keeps_the_old_file_and_leaves_no_temporary_one(self, journal, write):
        journal.put("a", 1)
        with pytest.raises(TypeError):
            getattr(journal, write)("b", object())
        assert journal.get("a") == 1
        assert [path.name for path in journal.folder.rglob("*") if path.is_file()] == ["hints.json"]

    def test_an_interrupted_write_keeps_the_old_file(self, journal, monkeypatch):
        journal.put("a", 1)

        class Killed(io.FileIO):
            def write(self, text):
                super().write(text[: len(text) // 2].encode())
                raise KeyboardInterrupt

        monkeypatch.setattr(os, "fdopen", lambda descriptor, *_, **__: Killed(descriptor, "w"))
        with pytest.raises(KeyboardInterrupt):
            journal.put("a", 2)
        assert journal.get("a") == 1


def test_it_is_a_local_store(journal):
    store: LocalStore = journal
    store.put("a", [1])
    assert store.get("a") == [1]


def test_a_folder_that_cannot_be_written_is_an_error_and_reads_as_empty(tmp_path):
    (tmp_path / "file").touch()
    journal = Journal(tmp_path / "file" / "state")
    assert journal.get("x") is None
    for work in (journal.put, journal.back_up):
        with pytest.raises(UsageError, match="cannot write") as raised:
            work("x", 1)
        assert "PROVISIONER_STATE_DIR" in raised.value.hint
