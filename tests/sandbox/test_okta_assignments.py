"""Who is in an application, and why; what is pushed to it."""

from __future__ import annotations

import time

import pytest

from provisioner.sandbox.okta.management.directory import new_group, new_user
from tests.sandbox.okta_fixtures import error_of, native


def people(org, app):
    """User and scope of every assignment, by the name before the @."""
    found = org.ok("GET", f"apps/{app['id']}/users?limit=500")
    return {each["credentials"]["userName"].partition("@")[0]: each["scope"] for each in found}


@pytest.fixture
def app(org):
    return org.app()


def test_a_group_brings_its_members(org, app):
    path = f"apps/{app['id']}/groups/{org.group()}"
    assigned = org.ok("PUT", path, {})
    assert (assigned["priority"], assigned["profile"]) == (0, {})
    assert people(org, app) == {"alice": "GROUP", "bob": "GROUP", "carol": "GROUP"}
    user = org.ok("GET", f"apps/{app['id']}/users/{org.user('alice')}")
    assert (user["status"], user["syncState"]) == ("ACTIVE", "DISABLED")
    assert user["profile"]["familyName"] == "Adams"
    assert user["_links"]["group"]["name"] == "Kiro-Users"
    assert org.ok("PUT", path, {}) == org.ok("PUT", path)  # again, and without a body
    assert org.send("DELETE", path).status_code == 204
    assert people(org, app) == {}


def test_members_come_and_go(org, app):
    group, dave = org.group(), org.user("dave")
    org.ok("PUT", f"apps/{app['id']}/groups/{group}", {})
    assert org.send("PUT", f"groups/{group}/users/{dave}").status_code == 204
    assert people(org, app)["dave"] == "GROUP"
    assert org.send("DELETE", f"groups/{group}/users/{dave}").status_code == 204
    assert "dave" not in people(org, app)
    assert [each["target"][0]["id"] for each in org.events("group.user_membership.add")] == [dave]


def test_a_persons_own_assignment_comes_before_that_of_a_group(org, app):
    group, alice = org.group(), org.user("alice")
    org.ok("PUT", f"apps/{app['id']}/groups/{group}", {})
    assigned = org.ok("POST", f"apps/{app['id']}/users", {"id": alice, "scope": "USER"})
    assert assigned["scope"] == "USER"
    assert "group" not in assigned["_links"]
    org.ok("DELETE", f"apps/{app['id']}/groups/{group}")
    assert people(org, app) == {"alice": "USER"}
    org.ok("PUT", f"apps/{app['id']}/groups/{group}", {})
    assert people(org, app)["alice"] == "USER"
    assert org.send("DELETE", f"apps/{app['id']}/users/{alice}").status_code == 204
    assert people(org, app)["alice"] == "GROUP"  # the group is a reason still
    assert org.send("DELETE", f"apps/{app['id']}/users/{alice}").status_code == 403


def test_of_two_groups_the_first_counts_and_the_last_keeps(org, app):
    pro, everybody = org.group("Kiro-Pro"), org.group()
    org.ok("PUT", f"apps/{app['id']}/groups/{everybody}", {"priority": 1, "profile": {"title": "Member"}})
    org.ok("PUT", f"apps/{app['id']}/groups/{pro}", {"priority": 0, "profile": {"title": "Pro"}})
    bob = f"apps/{app['id']}/users/{org.user('bob')}"
    assert org.ok("GET", bob)["_links"]["group"]["name"] == "Kiro-Pro"
    org.ok("DELETE", f"apps/{app['id']}/groups/{pro}")
    assert org.ok("GET", bob)["_links"]["group"]["name"] == "Kiro-Users"
    assert set(people(org, app)) == {"alice", "bob", "carol"}


def test_priorities_of_assignments_do_not_clash(org, app):
    for name in ("Kiro-Users", "Kiro-Pro"):
        org.ok("PUT", f"apps/{app['id']}/groups/{org.group(name)}", {"priority": 0})
    found = org.ok("GET", f"apps/{app['id']}/groups")
    assert sorted(each["priority"] for each in found) == [0, 1]
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
    found = org.ok("GET", f"apps/{app['id']}/groups?limit=20&q=kiro&expand=group")
    assert found[0]["_embedded"]["group"]["profile"]["name"] == "Kiro-Users"
    assert org.ok("GET", f"apps/{app['id']}/groups?q=other") == []
    assert org.send("GET", f"apps/{app['id']}/groups/{org.group('Contractors')}").status_code == 404
    assert org.send("PUT", f"apps/{app['id']}/groups/00gUnknown", {}).status_code == 404


def test_who_is_deactivated_leaves_every_app(org, app):
    org.ok("PUT", f"apps/{app['id']}/groups/{org.group()}", {})
    alice = org.user("alice")
    assert org.ok("POST", f"users/{alice}/lifecycle/deactivate") == {}
    assert "alice" not in people(org, app)
    assert error_of(org.send("POST", f"apps/{app['id']}/users", {"id": alice}))[0] == 400
    org.ok("POST", f"users/{alice}/lifecycle/activate")
    assert people(org, app)["alice"] == "GROUP"


def test_a_changed_profile_reaches_the_app_where_it_is_mapped_to(org, app):
    org.ok("PUT", f"apps/{app['id']}/groups/{org.group()}", {})
    alice = org.user("alice")
    org.ok("POST", f"users/{alice}", {"profile": {"lastName": "Baker"}})
    assert org.ok("GET", f"apps/{app['id']}/users/{alice}")["profile"]["familyName"] == "Baker"


def test_an_assignment_is_changed(org, app):
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


def test_late_assignments(org, app):
    org.sandbox.okta.set("async_seconds", 0.3)
    org.ok("PUT", f"apps/{app['id']}/groups/{org.group()}", {})
    assert people(org, app) == {}
    until = time.monotonic() + 10
    while len(people(org, app)) < 3:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_many_members_are_listed_page_by_page(org, app, monkeypatch):
    store = org.sandbox.okta
    type_id = store.all("userType")[0]["id"]
    made = [
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
    store.put_many("user", ((each["id"], each) for each in made))
    group = {**new_group("Many"), "_members": [each["id"] for each in made]}
    store.put("group", group["id"], group)
    org.ok("PUT", f"apps/{app['id']}/groups/{group['id']}", {})
    read = []
    under, page = store.under, store.page
    monkeypatch.setattr(store, "under", lambda kind, prefix: read.append(kind) or under(kind, prefix))
    monkeypatch.setattr(store, "page", lambda *given, **more: read.append(given[2]) or page(*given, **more))
    seen, address = [], f"/api/v1/apps/{app['id']}/users?limit=500"
    while address:
        answer = org.http.get(address)
        seen += [each["id"] for each in answer.json()]
        address = answer.links.get("next", {}).get("url")
    assert sorted(seen) == sorted(each["id"] for each in made)
    assert read == [501] * 6  # no page costs more than what it shows


def test_a_pushed_group_appears_at_once(org, app):
    source = org.group("Kiro-Pro")
    body = {"sourceGroupId": source, "targetGroupName": "Kiro-Pro"}
    made = org.ok("POST", f"apps/{app['id']}/group-push/mappings", body)
    assert made["status"] == "ACTIVE"
    assert "lastPush" not in made
    target = org.ok("GET", f"groups/{made['targetGroupId']}")
    assert (target["type"], target["profile"]["name"]) == ("APP_GROUP", "Kiro-Pro")
    listed = org.ok("GET", f"apps/{app['id']}/group-push/mappings?sourceGroupId={source}")
    assert [each["id"] for each in listed] == [made["id"]]
    assert org.ok("GET", f"apps/{app['id']}/group-push/mappings?status=INACTIVE") == []
    assert error_of(org.send("POST", f"apps/{app['id']}/group-push/mappings", body))[0] == 400


def test_a_push_mapping_is_deleted_when_it_is_inactive(org, app):
    body = {"sourceGroupId": org.group("Kiro-Pro"), "targetGroupName": "Pushed"}
    made = org.ok("POST", f"apps/{app['id']}/group-push/mappings", body)
    path = f"apps/{app['id']}/group-push/mappings/{made['id']}"
    assert error_of(org.send("DELETE", f"{path}?deleteTargetGroup=true"))[0] == 400
    assert org.ok("PATCH", path, {"status": "INACTIVE"})["status"] == "INACTIVE"
    assert error_of(org.send("DELETE", path))[:2] == (400, "E0000028")
    answer = org.send("DELETE", f"{path}?deleteTargetGroup=true")
    assert (answer.status_code, answer.content) == (200, b"")
    assert org.send("GET", path).status_code == 404
    assert org.send("GET", f"groups/{made['targetGroupId']}").status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"targetGroupName": "a", "targetGroupId": "b"}, {"targetGroupName": "a", "status": "ERROR"}]
)
def test_a_push_mapping_that_makes_no_sense(org, app, body):
    wanted = {"sourceGroupId": org.group(), **body}
    assert error_of(org.send("POST", f"apps/{app['id']}/group-push/mappings", wanted))[0] == 400


def test_a_deleted_group_takes_its_assignments_along(org, app):
    group = org.group()
    org.ok("PUT", f"apps/{app['id']}/groups/{group}", {})
    org.ok("POST", f"apps/{app['id']}/group-push/mappings", {"sourceGroupId": group, "targetGroupName": "x"})
    assert org.send("DELETE", f"groups/{group}").status_code == 204
    assert org.ok("GET", f"apps/{app['id']}/groups") == []
    assert people(org, app) == {}
    assert org.ok("GET", f"apps/{app['id']}/group-push/mappings") == []


def test_the_apps_of_a_group(org, app):
    group = org.group()
    other = org.app(native())
    for each in (app, other):
        org.ok("PUT", f"apps/{each['id']}/groups/{group}", {})
    assert [each["id"] for each in org.ok("GET", f"groups/{group}/apps")] == [app["id"], other["id"]]
