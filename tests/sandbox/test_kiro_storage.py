"""The SCIM storage of a Kiro profile: the package's own contract, and persistence."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from scim2_models import ResourceType, ScimProvider, UniquenessException
from scim2_server.testing import ScimStorageContract
from scim2_server.utils import load_default_provider

from provisioner.sandbox.kiro.scim.storage import ProfileStorage
from provisioner.sandbox.store import Store


@pytest.fixture(scope="module")
def loaded() -> ScimProvider:
    return load_default_provider()


class TestContract(ScimStorageContract):
    @pytest.fixture
    def provider(self, loaded: ScimProvider) -> ScimProvider:
        return loaded

    @pytest.fixture
    def storage(self, tmp_path: Path, provider: ScimProvider) -> ProfileStorage:
        return ProfileStorage(Store(tmp_path / "kiro.db"), "profile", provider)


@pytest.fixture
def user_type(loaded: ScimProvider) -> ResourceType:
    return next(resource_type for resource_type in loaded.resource_types if resource_type.id == "User")


def user(loaded: ScimProvider, user_type: ResourceType, **values: Any) -> Any:
    return loaded.model_for(user_type).model_validate(values)


def names(storage: ProfileStorage, user_type: ResourceType) -> set[str]:
    kind = f"scim{user_type.name}:profile"
    return {user["userName"] for user in storage._store.all(kind)}


def test_resources_survive_the_process(tmp_path: Path, loaded: ScimProvider, user_type: ResourceType) -> None:
    store = Store(tmp_path / "kiro.db")
    created = ProfileStorage(store, "profile", loaded).create(
        user_type, user(loaded, user_type, userName="alice")
    )
    store.close()
    again = ProfileStorage(Store(tmp_path / "kiro.db"), "profile", loaded)
    assert again.get(user_type, str(created.id)).model_dump() == created.model_dump()


def test_profiles_do_not_see_each_other(
    tmp_path: Path, loaded: ScimProvider, user_type: ResourceType
) -> None:
    store = Store(tmp_path / "kiro.db")
    for name in ("first", "second"):
        storage = ProfileStorage(store, name, loaded)
        storage.create(user_type, user(loaded, user_type, userName="alice"))
    with pytest.raises(UniquenessException):
        storage.create(user_type, user(loaded, user_type, userName="ALICE"))


def test_a_name_is_free_again_after_a_change_or_a_deletion(
    tmp_path: Path, loaded: ScimProvider, user_type: ResourceType
) -> None:
    storage = ProfileStorage(Store(tmp_path / "kiro.db"), "profile", loaded)
    first: Any = storage.create(user_type, user(loaded, user_type, userName="alice"))
    first.user_name = "bob"
    storage.update(user_type, first)
    second = storage.create(user_type, user(loaded, user_type, userName="alice"))
    storage.delete(user_type, str(second.id))
    storage.create(user_type, user(loaded, user_type, userName="alice"))
    assert names(storage, user_type) == {"alice", "bob"}


def test_of_concurrent_creations_one_gets_the_name(
    tmp_path: Path, loaded: ScimProvider, user_type: ResourceType
) -> None:
    stores = [Store(tmp_path / "kiro.db") for _ in range(3)]  # as three processes would have
    refused = []

    def create(store: Store) -> None:
        storage = ProfileStorage(store, "profile", loaded)
        for i in range(10):
            try:
                storage.create(user_type, user(loaded, user_type, userName=f"user{i}"))
            except UniquenessException:
                refused.append(i)

    threads = [threading.Thread(target=create, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 20
    assert names(ProfileStorage(stores[0], "profile", loaded), user_type) == {f"user{i}" for i in range(10)}
