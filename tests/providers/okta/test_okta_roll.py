"""The users of the two applications against each other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.providers.okta import observations as seen
from provisioner.providers.okta.app_users import SHOWN, AppUsers, compared


def user(key: str, name: str | None = None, status: str = "ACTIVE", sync: str = "DISABLED") -> dict[str, Any]:
    """An application user."""
    credentials = {"userName": name} if name else None
    return {"id": key, "status": status, "syncState": sync, "credentials": credentials}


def roll(*users: dict[str, Any]) -> AppUsers:
    found = AppUsers()
    for each in users:
        found.add(each)
    return found


USERS = st.lists(
    st.builds(
        user,
        st.integers(0, 40).map(str),
        st.sampled_from([None, "a", "b"]),
        st.sampled_from(["ACTIVE", "SUSPENDED", "DEPROVISIONED", "PROVISIONED", "STAGED"]),
        st.sampled_from(["DISABLED", "ERROR", "SYNCHRONIZED"]),
    ),
    max_size=60,
    unique_by=lambda each: each["id"],
)


def test_everybody_in_both_is_fine():
    both = [user("1", "alice", "PROVISIONED", "SYNCHRONIZED"), user("2", "bob")]
    assert compared("k", roll(*both), roll(*both)) == seen.People(key="k", signing_in=2, provisioned=2)


def test_who_is_in_one_only_is_told_by_name():
    found = compared("k", roll(user("1", "alice"), user("2", "bob")), roll(user("2", "bob"), user("3")))
    assert (found.only_signing_in, found.only_signing_in_count) == (("alice",), 1)
    assert (found.only_provisioned, found.only_provisioned_count) == (("3",), 1)


def test_they_are_compared_by_id_and_not_by_name():
    found = compared("k", roll(user("1", "alice")), roll(user("1", "alice@acme.example")))
    assert (found.only_signing_in_count, found.only_provisioned_count) == (0, 0)


def test_without_a_scim_application_nobody_is_missing_in_it():
    found = compared("k", roll(user("1"), user("2", "bob", "SUSPENDED")), None)
    assert (found.signing_in, found.provisioned, found.only_signing_in_count) == (2, 0, 0)
    assert found.not_active == ("bob (suspended)",)


def test_one_that_nobody_is_in_misses_everybody():
    assert compared("k", roll(user("1")), AppUsers()).only_signing_in_count == 1


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("ACTIVE", False),
        ("PROVISIONED", False),
        ("STAGED", False),
        ("PENDING", False),
        ("SUSPENDED", True),
        ("DEPROVISIONED", True),
        ("INACTIVE", True),
        ("REVOKED", True),
    ],
)
def test_who_cannot_use_the_account_is_not_active(status, told):
    assert bool(compared("k", roll(user("1", "a", status)), None).not_active_count) is told


def test_who_is_not_active_in_both_counts_once():
    idle = roll(user("1", "a", "SUSPENDED"))
    assert compared("k", idle, idle).not_active_count == 1


def test_only_provisioning_can_fail():
    broken = roll(user("1", "a", sync="ERROR"))
    assert compared("k", broken, roll(user("1", "a"))).in_error_count == 0
    assert compared("k", roll(user("1", "a")), broken).in_error == ("a",)


def test_a_user_of_whom_little_is_told_still_counts():
    assert roll({"id": "1"}).names == {"1": "1"}


@given(signing_in=USERS, provisioned=USERS)
def test_the_counts_are_those_of_the_sets_and_the_names_are_some_of_them(signing_in, provisioned):
    found = compared("k", roll(*signing_in), roll(*provisioned))
    oidc, scim = ({each["id"] for each in users} for users in (signing_in, provisioned))
    assert (found.signing_in, found.provisioned) == (len(oidc), len(scim))
    assert found.only_signing_in_count == len(oidc - scim)
    assert found.only_provisioned_count == len(scim - oidc)
    idle = {
        each["id"] for each in (*signing_in, *provisioned) if each["status"] in ("SUSPENDED", "DEPROVISIONED")
    }
    assert found.not_active_count == len(idle)
    assert found.in_error_count == len([each for each in provisioned if each["syncState"] == "ERROR"])
    for names, count in (
        (found.only_signing_in, found.only_signing_in_count),
        (found.only_provisioned, found.only_provisioned_count),
        (found.not_active, found.not_active_count),
        (found.in_error, found.in_error_count),
    ):
        assert len(names) == min(count, SHOWN)
        assert list(names) == sorted(names)
