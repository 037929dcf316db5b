"""The simulated Kiro console."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.sandbox import kiro
from provisioner.sandbox.kiro.console import accepts, endpoint
from provisioner.sandbox.store import Store

BASE = "http://127.0.0.1:4000"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "kiro.db")


def test_a_profile_names_its_application_and_its_endpoint(store: Store) -> None:
    profile = kiro.create_profile(store, "client", "tenant", BASE)
    assert (profile["clientId"], profile["tenantId"]) == ("client", "tenant")
    assert profile["scimEndpoint"] == endpoint(BASE, profile["id"]) == f"{BASE}/scim/{profile['id']}/v2"


def test_two_tokens_and_no_third(store: Store) -> None:
    profile = kiro.create_profile(store)["id"]
    first, second = kiro.generate_token(store, profile), kiro.generate_token(store, profile)
    assert first != second
    assert accepts(store, profile, first)
    assert accepts(store, profile, second)
    with pytest.raises(kiro.ConsoleRefusal, match="maximum of 2 access tokens"):
        kiro.generate_token(store, profile)

    kiro.revoke_token(store, kiro.tokens(store, profile)[0]["id"])
    assert not accepts(store, profile, first)
    assert accepts(store, profile, second)
    assert accepts(store, profile, kiro.generate_token(store, profile))


def test_only_the_hash_of_a_token_is_stored(store: Store) -> None:
    token = kiro.generate_token(store, kiro.create_profile(store)["id"])
    store.close()
    content = b"".join(file.read_bytes() for file in store.path.parent.iterdir())
    assert token.encode() not in content


def test_a_token_is_accepted_for_its_own_profile_only(store: Store) -> None:
    profile, other = kiro.create_profile(store)["id"], kiro.create_profile(store)["id"]
    token = kiro.generate_token(store, profile)
    assert not accepts(store, other, token)
    assert not accepts(store, profile, "")


def test_unknown_profiles_and_tokens_are_refused(store: Store) -> None:
    for function in (kiro.generate_token, kiro.delete_profile, kiro.revoke_token):
        with pytest.raises(kiro.ConsoleRefusal):
            function(store, "unknown")


def test_deleting_a_profile_deletes_its_content(store: Store) -> None:
    deleted, other = kiro.create_profile(store)["id"], kiro.create_profile(store)["id"]
    kiro.generate_token(store, deleted)
    for profile in (deleted, other):
        store.put(f"scimUser:{profile}", "1", {"id": "1", "userName": "alice"})
        store.put(f"scimGroup:{profile}", "2", {"id": "2", "displayName": "G", "members": [{"value": "1"}]})
        store.put(f"scimIndex:{profile}", "User.userName=alice", {"id": "User.userName=alice", "ids": ["1"]})
    kiro.delete_profile(store, deleted)

    (remaining,) = kiro.describe(store)["profiles"]
    assert remaining == {
        "id": other,
        "clientId": "unknown",
        "tenantId": "unknown",
        "tokens": 0,
        "domains": [],
        "users": [{"id": "1", "userName": "alice", "externalId": None, "displayName": None, "active": None}],
        "groups": [{"id": "2", "displayName": "G", "externalId": None, "members": ["alice"]}],
    }
    assert (
        store.all(f"scimIndex:{deleted}") == store.all(f"scimUser:{deleted}") == store.all("scimToken") == []
    )


def test_automatic_credentials_stay_the_same(store: Store) -> None:
    first = kiro.automatic_credentials(store, BASE)
    assert set(first) == {"KIRO_SCIM_ENDPOINT", "KIRO_SCIM_TOKEN"}
    assert kiro.automatic_credentials(Store(store.path), BASE) == first
    moved = kiro.automatic_credentials(store, "http://127.0.0.1:5000/")
    assert moved["KIRO_SCIM_TOKEN"] == first["KIRO_SCIM_TOKEN"]
    assert moved["KIRO_SCIM_ENDPOINT"] == first["KIRO_SCIM_ENDPOINT"].replace("4000", "5000")
    assert [(profile["clientId"], profile["tokens"]) for profile in kiro.describe(store)["profiles"]] == [
        ("unknown", 1)
    ]


def test_a_revoked_automatic_token_is_replaced(store: Store) -> None:
    first = kiro.automatic_credentials(store, BASE)
    profile = kiro.describe(store)["profiles"][0]["id"]
    kiro.revoke_token(store, kiro.tokens(store, profile)[0]["id"])
    second = kiro.automatic_credentials(store, BASE)
    assert second["KIRO_SCIM_ENDPOINT"] == first["KIRO_SCIM_ENDPOINT"]
    assert second["KIRO_SCIM_TOKEN"] != first["KIRO_SCIM_TOKEN"]


def test_generated_tokens_are_never_automatic(store: Store) -> None:
    profile = kiro.create_profile(store)["id"]
    kiro.generate_token(store, profile)
    kiro.generate_token(store, profile)
    assert kiro.automatic_credentials(store, BASE) == {"KIRO_SCIM_ENDPOINT": endpoint(BASE, profile)}


def test_after_a_deletion_the_newest_profile_is_used(store: Store) -> None:
    first = kiro.automatic_credentials(store, BASE)
    kiro.delete_profile(store, kiro.describe(store)["profiles"][0]["id"])
    new = kiro.create_profile(store, "client", "tenant", BASE)
    assert (
        kiro.automatic_credentials(store, BASE)["KIRO_SCIM_ENDPOINT"]
        == new["scimEndpoint"]
        != first["KIRO_SCIM_ENDPOINT"]
    )
