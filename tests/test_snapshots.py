"""Snapshots in files: what is in them, what is scrubbed, and what can be done with them."""

from __future__ import annotations

import asyncio
import json
import re
import stat
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.errors import UsageError
from provisioner.core.resource import WriteOnlySecret
from provisioner.core.snapshot import Gap, Snapshot
from provisioner.providers.entra import observations as seen
from provisioner.providers.entra import resources as kinds
from provisioner.providers.okta import observations as okta
from provisioner.snapshots import SavedSnapshot, SnapshotProvider, load, save

ALICE = "alice@contoso.example"


def saved(*resources, **more):
    snapshot = Snapshot(resources=resources, gaps=(Gap(kind="x", reason=f"{ALICE} may not"),))
    return SavedSnapshot(
        name="kiro", provider="entra", tenant="t", taken=datetime.now(UTC), snapshot=snapshot, **more
    )


PEOPLE = (
    kinds.User(key=ALICE, id="1", display_name="Alice Anders"),
    kinds.UserAssignment(key=ALICE, principal="1", principal_name="Alice Anders"),
    kinds.GroupAssignment(key="Kiro-Users", principal="2", principal_name="Kiro-Users"),
    kinds.Application(key="kiro", display_name="Kiro-Entra"),
)


class TestFiles:
    def test_a_saved_snapshot_is_loaded_unchanged(self, tmp_path):
        original = saved(*PEOPLE, extra_kinds=("entra-user",))
        save(tmp_path / "new" / "s.json", original)
        assert load(tmp_path / "new" / "s.json") == original

    def test_only_its_owner_may_read_it(self, tmp_path):
        save(tmp_path / "s.json", saved())
        assert stat.S_IMODE((tmp_path / "s.json").stat().st_mode) == 0o600

    def test_digests_of_secrets_are_not_in_it(self, tmp_path):
        secret = WriteOnlySecret.of("hunter2")
        save(tmp_path / "s.json", saved(kinds.ProvisioningSecrets(key="kiro", token=secret)))
        text = (tmp_path / "s.json").read_text()
        assert secret.fingerprint not in text
        assert load(tmp_path / "s.json").snapshot.first(kinds.ProvisioningSecrets).token == WriteOnlySecret()

    def test_people_have_pseudonyms_on_request_and_domains_stay(self, tmp_path):
        save(tmp_path / "s.json", saved(*PEOPLE), public_names=frozenset())
        text = (tmp_path / "s.json").read_text()
        assert "alice@" not in text.lower()
        assert "Alice Anders" not in text
        assert "@contoso.example" in text
        assert "Kiro-Entra" in text
        assert json.loads(text)["scrubbed"] == ["secrets", "names"]
        assignment, user = (
            load(tmp_path / "s.json").snapshot.first(kind) for kind in (kinds.UserAssignment, kinds.User)
        )
        assert assignment.key == user.key

    def test_a_person_has_different_pseudonyms_in_two_files(self, tmp_path):
        for name in ("a.json", "b.json"):
            save(tmp_path / name, saved(*PEOPLE), public_names=frozenset())
        first, second = (
            {one.key for one in load(tmp_path / name).snapshot.all(kinds.User)}
            for name in ("a.json", "b.json")
        )
        assert first
        assert not first & second

    def test_people_whom_the_playbook_does_not_name_are_scrubbed_everywhere(self, tmp_path):
        resources = (
            kinds.UserAssignment(key="Bob Brown (7f3e)", principal="7f3e", principal_name="Bob Brown"),
            seen.ProvisioningFailure(
                key="Missing", code="Missing", count=1, subject="bob brown", reason="BOB BROWN has none"
            ),
            seen.WrongExternalId(key="7f3e", name="Bob Brown", external_id="bbrown"),
            okta.UserComparison(
                key="kiro",
                inactive=("bbrown (suspended)", "carol@contoso.example"),
                sync_errors=("Bob Brown",),
            ),
            okta.SignInFailure(
                key="app: bbrown was refused", event="app", reason="bbrown was refused", count=1
            ),
            kinds.Application(key="kiro", display_name="Bob Browning"),
        )
        save(tmp_path / "s.json", saved(*resources), public_names=frozenset())
        text = (tmp_path / "s.json").read_text().lower()
        assert not {"bob brown", "bbrown", "carol"} & set(re.findall(r"bob brown\b|bbrown|carol", text))
        snapshot = load(tmp_path / "s.json").snapshot
        assignment, failure, people, refused = (
            snapshot.first(kind)
            for kind in (
                kinds.UserAssignment,
                seen.ProvisioningFailure,
                okta.UserComparison,
                okta.SignInFailure,
            )
        )
        bob = assignment.principal_name
        assert assignment.key == f"{bob} (7f3e)"
        assert failure.subject == bob
        assert failure.reason == f"{bob} has none"
        assert people.sync_errors == (bob,)
        login, _, remark = people.inactive[0].partition(" ")
        assert remark == "(suspended)"
        assert refused.key == f"app: {login} was refused"
        assert snapshot.first(kinds.Application).display_name == "Bob Browning"

    @given(st.lists(st.text(min_size=1, max_size=8), max_size=4), st.text(max_size=20))
    def test_any_name_can_be_scrubbed_and_the_rest_stays_readable(self, names, reason):
        assignments = [kinds.UserAssignment(key=f"{name} (id)", principal_name=name) for name in names]
        failure = seen.ProvisioningFailure(
            key="x", code="x", count=1, subject=(names or [None])[0], reason=reason
        )
        with TemporaryDirectory() as folder:
            save(Path(folder) / "s.json", saved(failure, *assignments), public_names=frozenset())
            again = load(Path(folder) / "s.json").snapshot
        assert len(again.resources) == len(assignments) + 1
        assert again.first(seen.ProvisioningFailure).code == "x"

    def test_people_whom_the_playbook_names_keep_their_names(self, tmp_path):
        save(tmp_path / "s.json", saved(*PEOPLE), public_names=frozenset({ALICE}))
        assert load(tmp_path / "s.json").snapshot.get(kinds.User, ALICE)

    @pytest.mark.parametrize(
        "text",
        ["", "[]", "{}", "\x00", '{"schema": "provisioner.snapshot/2"}', '{"schema": "provisioner.plan/1"}'],
    )
    def test_a_file_that_is_not_a_snapshot_is_refused(self, tmp_path, text):
        (tmp_path / "s.json").write_text(text)
        with pytest.raises(UsageError, match=r"s\.json is not a snapshot of this version"):
            load(tmp_path / "s.json")

    def test_an_unknown_kind_is_refused(self, tmp_path):
        data = saved().model_dump(mode="json", by_alias=True)
        data["snapshot"]["resources"] = [{"kind": "nonsense", "key": "x"}]
        (tmp_path / "s.json").write_text(json.dumps(data))
        with pytest.raises(UsageError, match="unknown kind of resource"):
            load(tmp_path / "s.json")

    def test_files_that_cannot_be_read_or_written(self, tmp_path):
        with pytest.raises(UsageError, match="cannot read"):
            load(tmp_path / "nothing.json")
        with pytest.raises(UsageError, match="cannot write"):
            save(tmp_path, saved())


class TestSnapshotProvider:
    def read(self, snapshot, *extra_kinds):
        return asyncio.run(SnapshotProvider(None, snapshot).read(frozenset(extra_kinds)))

    def test_a_kind_that_was_not_saved_is_a_gap(self):
        snapshot = self.read(
            saved(*PEOPLE, extra_kinds=(seen.SignInError.kind,)), seen.SignInError.kind, "entra-licences"
        )
        assert snapshot.gap_for(seen.SignInError.kind) is None
        assert snapshot.gap_for("entra-licences").reason.startswith("the snapshot was saved without it")
        assert snapshot.all(kinds.User)

    def test_it_cannot_be_written_to(self):
        with pytest.raises(UsageError, match="only be read"):
            asyncio.run(SnapshotProvider(None, saved()).check_permissions(None))
