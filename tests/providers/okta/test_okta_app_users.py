"""The users of the two applications compared."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.providers.okta import observations
from provisioner.providers.okta.app_users import MAX_NAMES, AppUsers, compare_users


def user(key: str, name: str | None = None, status: str = "ACTIVE", sync: str = "DISABLED") -> dict[str, Any]:
    """An application user."""
    credentials = {"userName": name} if name else None
    return {"id": key, "status": status, "syncState": sync, "credentials": credentials}


def app_users(*users: dict[str, Any]) -> AppUsers:
    result = AppUsers()
    for entry in users:
        result.add(entry)
    return result


USERS = st.lists(
    st.builds(
        user,
        st.integers(0, 40).map(str),
        st.sampled_from([None, "a", "b"]),
        st.sampled_from(["ACTIVE", "SUSPENDED", "DEPROVISIONED", "PROVISIONED", "STAGED"]),
        st.sampled_from(["DISABLED", "ERROR", "SYNCHRONIZED"]),
    ),
    max_size=60,
    unique_by=lambda user_data: user_data["id"],
)


def test_users_in_both_applications_are_no_difference():
    both = [user("1", "alice", "PROVISIONED", "SYNCHRONIZED"), user("2", "bob")]
    assert compare_users("k", app_users(*both), app_users(*both)) == observations.UserComparison(
        key="k", sign_in=2, provisioned=2
    )


def test_users_of_one_application_only_are_named():
    comparison = compare_users(
        "k", app_users(user("1", "alice"), user("2", "bob")), app_users(user("2", "bob"), user("3"))
    )
    assert (comparison.only_sign_in, comparison.only_sign_in_count) == (("alice",), 1)
    assert (comparison.only_provisioned, comparison.only_provisioned_count) == (("3",), 1)


def test_they_are_compared_by_id_and_not_by_name():
    comparison = compare_users("k", app_users(user("1", "alice")), app_users(user("1", "alice@acme.example")))
    assert (comparison.only_sign_in_count, comparison.only_provisioned_count) == (0, 0)


def test_without_a_scim_application_no_user_is_missing_in_it():
    comparison = compare_users("k", app_users(user("1"), user("2", "bob", "SUSPENDED")), None)
    assert (comparison.sign_in, comparison.provisioned, comparison.only_sign_in_count) == (2, 0, 0)
    assert comparison.inactive == ("bob (suspended)",)


def test_an_empty_scim_application_lacks_every_user():
    assert compare_users("k", app_users(user("1")), AppUsers()).only_sign_in_count == 1


@pytest.mark.parametrize(
    ("status", "is_inactive"),
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
def test_users_who_cannot_use_their_account_are_inactive(status, is_inactive):
    assert bool(compare_users("k", app_users(user("1", "a", status)), None).inactive_count) is is_inactive


def test_a_user_inactive_in_both_applications_counts_once():
    idle = app_users(user("1", "a", "SUSPENDED"))
    assert compare_users("k", idle, idle).inactive_count == 1


def test_only_provisioning_can_fail():
    broken = app_users(user("1", "a", sync="ERROR"))
    assert compare_users("k", broken, app_users(user("1", "a"))).sync_error_count == 0
    assert compare_users("k", app_users(user("1", "a")), broken).sync_errors == ("a",)


def test_a_user_with_an_id_only_still_counts():
    assert app_users({"id": "1"}).names == {"1": "1"}


@given(sign_in=USERS, provisioned=USERS)
def test_the_counts_are_complete_and_the_names_are_limited(sign_in, provisioned):
    comparison = compare_users("k", app_users(*sign_in), app_users(*provisioned))
    oidc, scim = ({user_data["id"] for user_data in users} for users in (sign_in, provisioned))
    assert (comparison.sign_in, comparison.provisioned) == (len(oidc), len(scim))
    assert comparison.only_sign_in_count == len(oidc - scim)
    assert comparison.only_provisioned_count == len(scim - oidc)
    idle = {
        user_data["id"]
        for user_data in (*sign_in, *provisioned)
        if user_data["status"] in ("SUSPENDED", "DEPROVISIONED")
    }
    assert comparison.inactive_count == len(idle)
    assert comparison.sync_error_count == len(
        [user_data for user_data in provisioned if user_data["syncState"] == "ERROR"]
    )
    for names, count in (
        (comparison.only_sign_in, comparison.only_sign_in_count),
        (comparison.only_provisioned, comparison.only_provisioned_count),
        (comparison.inactive, comparison.inactive_count),
        (comparison.sync_errors, comparison.sync_error_count),
    ):
        assert len(names) == min(count, MAX_NAMES)
        assert list(names) == sorted(names)
