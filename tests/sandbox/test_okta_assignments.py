"""Application users, application groups and group push mappings."""

from __future__ import annotations

import threading

import pytest

from provisioner.sandbox import kiro
from provisioner.sandbox.okta.management.directory import new_group, new_user
from tests.sandbox.okta_fixtures import error_of, native
from tests.sandbox.okta_tenant import SCIM, complete, settle


def scopes_of_users(org, app):
    """Scope of each application user, by the part of the user name before the @."""
    app_users = org.ok("GET", f"apps/{app['id']}/users?limit=500")
    return {
        app_user["credentials"]["userName"].partition("@")[0]: app_user["scope"] for app_user in app_users
    }


@pytest.fixture
def app(org):
    return org.app()


def test_an_assigned_group_assigns_its_members(org, app):
    path = f"apps/{app['id']}/groups/{org.group()}"
    assigned = org.ok("PUT", path, {})
    assert (assigned["priority"], assigned["profile"]) == (0, {})
    assert scopes_of_users(org, app) == {"alice": "GROUP", "bob": "GROUP", "carol": "GROUP"}
    user = org.ok("GET", f"apps/{app['id']}/users/{org.user('alice')}")
    assert (user["status"], user["syncState"]) == ("ACTIVE", "DISABLED")
    assert user["profile"]["familyName"] == "Adams"
    assert user["_links"]["group"]["name"] == "Kiro-Users"
    assert org.ok("PUT", path, {}) == org.ok("PUT", path)  # again, and without a body
    assert org.send("DELETE", path).status_code == 204
    assert scopes_of_users(org, app) == {}


def test_assignments_follow_the_members_of_a_group(org, app):
    group, dave = org.group(), org.user("dave")
    org.ok("PUT", f"apps/{app['id']}/groups/{group}", {})
    assert org.send("PUT", f"groups/{group}/users/{dave}").status_code == 204
    assert scopes_of_users(org, app)["dave"] == "GROUP"
    assert org.send("DELETE", f"groups/{group}/users/{dave}").status_code == 204
    assert "dave" not in scopes_of_users(org, app)
    assert [event["target"][0]["id"] for event in org.events("group.user_membership.add")] == [dave]


def test_an_individual_assignment_takes_precedence(org, app):
    group, alice = org.group(), org.user("alice")
    org.ok("PUT", f"apps/{app['id']}/groups/{group}", {})
    assigned = org.ok("POST", f"apps/{app['id']}/users", {"id": alice, "scope": "USER"})
    assert assigned["scope"] == "USER"
    assert "group" not in assigned["_links"]
    org.ok("DELETE", f"apps/{app['id']}/groups/{group}")
    assert scopes_of_users(org, app) == {"alice": "USER"}
    org.ok("PUT", f"apps/{app['id']}/groups/{group}", {})
    assert scopes_of_users(org, app)["alice"] == "USER"
    assert org.send("DELETE", f"apps/{app['id']}/users/{alice}").status_code == 204
    assert scopes_of_users(org, app)["alice"] == "GROUP"  # through the group
    assert org.send("DELETE", f"apps/{app['id']}/users/{alice}").status_code == 403


def test_the_group_with_the_smallest_priority_determines_the_assignment(org, app):
    pro, users = org.group("Kiro-Pro"), org.group()
    org.ok("PUT", f"apps/{app['id']}/groups/{users}", {"priority": 1, "profile": {"title": "Member"}})
    org.ok("PUT", f"apps/{app['id']}/groups/{pro}", {"priority": 0, "profile": {"title": "Pro"}})
    bob = f"apps/{app['id']}/users/{org.user('bob')}"
    assert org.ok("GET", bob)["_links"]["group"]["name"] == "Kiro-Pro"
    org.ok("DELETE", f"apps/{app['id']}/groups/{pro}")
    assert org.ok("GET", bob)["_links"]["group"]["name"] == "Kiro-Users"
    assert set(scopes_of_users(org, app)) == {"alice", "bob", "carol"}


def test_priorities_are_unique(org, app):
    for name in ("Kiro-Users", "Kiro-Pro"):
        org.ok("PUT", f"apps/{app['id']}/groups/{org.group(name)}", {"priority": 0})
    app_groups = org.ok("GET", f"apps/{app['id']}/groups")
    assert sorted(app_group["priority"] for app_group in app_groups) == [0, 1]
    changed = org.ok(
        "PATCH",
        f"apps/{app['id']}/groups/{org.group()}",
        [
            {"op": "replace", "path": "/priority", "value": 5},
            {"op": "replace", "path": "/profile/title", "value": "X"},
        ],
    )
    assert (changed["priority"], changed["profile"]) == (5, {"title": "X"})


def test_lists_of_assigned_groups(org, app):
    org.ok("PUT", f"apps/{app['id']}/groups/{org.group()}", {})
    assert error_of(org.send("GET", f"apps/{app['id']}/groups?limit=19"))[0] == 400
    app_groups = org.ok("GET", f"apps/{app['id']}/groups?limit=20&q=kiro&expand=group")
    assert app_groups[0]["_embedded"]["group"]["profile"]["name"] == "Kiro-Users"
    assert org.ok("GET", f"apps/{app['id']}/groups?q=other") == []
    assert org.send("GET", f"apps/{app['id']}/groups/{org.group('Contractors')}").status_code == 404
    assert org.send("PUT", f"apps/{app['id']}/groups/00gUnknown", {}).status_code == 404


def test_a_deactivated_user_is_unassigned_from_every_app(org, app):
    org.ok("PUT", f"apps/{app['id']}/groups/{org.group()}", {})
    alice = org.user("alice")
    assert org.ok("POST", f"users/{alice}/lifecycle/deactivate") == {}
    assert "alice" not in scopes_of_users(org, app)
    assert error_of(org.send("POST", f"apps/{app['id']}/users", {"id": alice}))[0] == 400
    org.ok("POST", f"users/{alice}/lifecycle/activate")
    assert scopes_of_users(org, app)["alice"] == "GROUP"


def test_a_changed_profile_changes_the_mapped_attributes(org, app):
    org.ok("PUT", f"apps/{app['id']}/groups/{org.group()}", {})
    alice = org.user("alice")
    org.ok("POST", f"users/{alice}", {"profile": {"lastName": "Baker"}})
    assert org.ok("GET", f"apps/{app['id']}/users/{alice}")["profile"]["familyName"] == "Baker"


def test_changing_an_app_user(org, app):
    carol = org.user("carol")
    org.ok(
        "POST", f"apps/{app['id']}/users", {"id": carol, "credentials": {"userName": "cc@fabrikam.example"}}
    )
    path = f"apps/{app['id']}/users/{carol}"
    changed = org.ok("POST", path, {"credentials": {"userName": "carol2@fabrikam.example"}})
    assert changed["credentials"] == {"userName": "carol2@fabrikam.example"}
    assert "title" not in org.ok("POST", path, {"profile": {"title": None}})["profile"]
    assert org.events("application.user_membership.change_username")
    assert org.ok("GET", f"{path}?expand=user")["_embedded"]["user"]["id"] == carol
    assert org.ok("GET", f"apps/{app['id']}/users?q=carol2")[0]["id"] == carol
    assert org.send("GET", f"apps/{app['id']}/users/{org.user('dave')}").status_code == 404


def test_asynchronous_assignments(org, app, monkeypatch):
    timers = []

    class Timer(threading.Timer):
        def start(self):
            timers.append(self)

    monkeypatch.setattr(threading, "Timer", Timer)
    org.sandbox.okta.set("async_seconds", 5)
    org.ok("PUT", f"apps/{app['id']}/groups/{org.group()}", {})
    assert scopes_of_users(org, app) == {}
    (timer,) = timers
    assert timer.interval == 5
    timer.function()
    assert len(scopes_of_users(org, app)) == 3


def test_asynchronous_assignments_are_pushed(org, monkeypatch):
    complete(org.sandbox)
    (app,) = (app for app in org.ok("GET", "apps") if app["label"] == SCIM)
    monkeypatch.setattr(threading.Timer, "start", lambda timer: timer.function())
    org.sandbox.okta.set("async_seconds", 0.01)
    assert org.send("DELETE", f"apps/{app['id']}/groups/{org.group()}").status_code == 204
    settle(org.sandbox)
    (profile,) = kiro.describe(org.sandbox.kiro)["profiles"]
    assert [user["active"] for user in profile["users"]] == [False] * 3


def test_a_page_of_app_users_reads_only_that_page(org, app, monkeypatch):
    store = org.sandbox.okta
    type_id = store.all("userType")[0]["id"]
    users = [
        new_user(
            {
                "login": f"u{number}@x.example",
                "email": f"u{number}@x.example",
                "firstName": "U",
                "lastName": str(number),
            },
            type_id=type_id,
        )
        for number in range(3000)
    ]
    store.put_many("user", ((user["id"], user) for user in users))
    group = {**new_group("Many"), "_members": [user["id"] for user in users]}
    store.put("group", group["id"], group)
    org.ok("PUT", f"apps/{app['id']}/groups/{group['id']}", {})
    limits = []
    under, page = store.under, store.page
    monkeypatch.setattr(store, "under", lambda kind, prefix: limits.append(kind) or under(kind, prefix))
    monkeypatch.setattr(store, "page", lambda *given, **more: limits.append(given[2]) or page(*given, **more))
    user_ids, url = [], f"/api/v1/apps/{app['id']}/users?limit=500"
    while url:
        response = org.http.get(url)
        user_ids += [app_user["id"] for app_user in response.json()]
        url = response.links.get("next", {}).get("url")
    assert sorted(user_ids) == sorted(user["id"] for user in users)
    assert limits == [501] * 6


def test_a_pushed_group_appears_at_once(org, app):
    source = org.group("Kiro-Pro")
    body = {"sourceGroupId": source, "targetGroupName": "Kiro-Pro"}
    mapping = org.ok("POST", f"apps/{app['id']}/group-push/mappings", body)
    assert mapping["status"] == "ACTIVE"
    assert "lastPush" not in mapping
    target = org.ok("GET", f"groups/{mapping['targetGroupId']}")
    assert (target["type"], target["profile"]["name"]) == ("APP_GROUP", "Kiro-Pro")
    listed = org.ok("GET", f"apps/{app['id']}/group-push/mappings?sourceGroupId={source}")
    assert [listed_mapping["id"] for listed_mapping in listed] == [mapping["id"]]
    assert org.ok("GET", f"apps/{app['id']}/group-push/mappings?status=INACTIVE") == []
    assert error_of(org.send("POST", f"apps/{app['id']}/group-push/mappings", body))[0] == 400


def test_only_an_inactive_push_mapping_can_be_deleted(org, app):
    body = {"sourceGroupId": org.group("Kiro-Pro"), "targetGroupName": "Pushed"}
    mapping = org.ok("POST", f"apps/{app['id']}/group-push/mappings", body)
    path = f"apps/{app['id']}/group-push/mappings/{mapping['id']}"
    assert error_of(org.send("DELETE", f"{path}?deleteTargetGroup=true"))[0] == 400
    assert org.ok("PATCH", path, {"status": "INACTIVE"})["status"] == "INACTIVE"
    assert error_of(org.send("DELETE", path))[:2] == (400, "E0000028")
    response = org.send("DELETE", f"{path}?deleteTargetGroup=true")
    assert (response.status_code, response.content) == (200, b"")
    assert org.send("GET", path).status_code == 404
    assert org.send("GET", f"groups/{mapping['targetGroupId']}").status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"targetGroupName": "a", "targetGroupId": "b"}, {"targetGroupName": "a", "status": "ERROR"}]
)
def test_an_invalid_push_mapping(org, app, body):
    invalid = {"sourceGroupId": org.group(), **body}
    assert error_of(org.send("POST", f"apps/{app['id']}/group-push/mappings", invalid))[0] == 400


def test_deleting_a_group_deletes_its_assignments(org, app):
    group = org.group()
    org.ok("PUT", f"apps/{app['id']}/groups/{group}", {})
    org.ok("POST", f"apps/{app['id']}/group-push/mappings", {"sourceGroupId": group, "targetGroupName": "x"})
    assert org.send("DELETE", f"groups/{group}").status_code == 204
    assert org.ok("GET", f"apps/{app['id']}/groups") == []
    assert scopes_of_users(org, app) == {}
    assert org.ok("GET", f"apps/{app['id']}/group-push/mappings") == []


def test_the_apps_of_a_group(org, app):
    group = org.group()
    other = org.app(native())
    for application in (app, other):
        org.ok("PUT", f"apps/{application['id']}/groups/{group}", {})
    assert [assigned["id"] for assigned in org.ok("GET", f"groups/{group}/apps")] == [
        app["id"],
        other["id"],
    ]
