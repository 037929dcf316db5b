"""Users, groups, profile mappings, schemas and the system log."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import pytest

from tests.sandbox.okta_fixtures import Org, error_of, native
from tests.sandboxes import Sandbox


def test_a_new_org(org):
    logins = {user["profile"]["login"].partition("@")[0] for user in org.ok("GET", "users")}
    assert logins == {"alice", "bob", "carol", "dave", "erin"}
    sizes = {
        group["profile"]["name"]: group["_embedded"]["stats"]["usersCount"]
        for group in org.ok("GET", "groups?expand=stats")
    }
    assert sizes == {"Everyone": 5, "Kiro-Users": 3, "Kiro-Pro": 2, "Contractors": 1}
    assert org.ok("GET", "users/me")["profile"]["login"] == "erin@fabrikam.example"
    assert org.ok("GET", "users/alice")["id"] == org.user("alice")
    assert org.ok("GET", "org")["status"] == "ACTIVE"
    assert org.ok("GET", "meta/types/user")[0]["default"] is True


def test_finding_groups(org):
    assert [group["type"] for group in org.ok("GET", "groups?q=Every")] == ["BUILT_IN"]
    for query in (
        'search=profile.name eq "kiro-users"',
        'search=profile.name sw "Kiro-U" and type eq "OKTA_GROUP"',
        'search=(profile.name eq "x" or profile.name co "users")',
        f'filter=id eq "{org.group()}"',
    ):
        assert [group["id"] for group in org.ok("GET", f"groups?{query}")] == [org.group()], query
    assert error_of(org.send("GET", 'groups?filter=profile.name eq "x"'))[0] == 400
    groups = org.ok("GET", 'groups?search=type eq "OKTA_GROUP"&sortBy=profile.name&sortOrder=desc')
    assert [group["profile"]["name"] for group in groups] == ["Kiro-Users", "Kiro-Pro", "Contractors"]


def test_search_lags_behind(org):
    org.sandbox.store.set("lag_seconds", 3600)
    group = org.ok("POST", "groups", {"profile": {"name": "New"}})
    assert org.ok("GET", 'groups?search=profile.name eq "New"') == []
    assert org.ok("GET", f"groups/{group['id']}")["profile"]["name"] == "New"
    org.sandbox.store.set("lag_seconds", 0)
    assert len(org.ok("GET", 'groups?search=profile.name eq "New"')) == 1


def test_pages_of_groups_and_members(org):
    names, url = [], "/api/v1/groups?limit=3"
    while url:
        response = org.http.get(url)
        names += [group["profile"]["name"] for group in response.json()]
        url = response.links.get("next", {}).get("url")
    assert sorted(names) == ["Contractors", "Everyone", "Kiro-Pro", "Kiro-Users"]
    first = org.send("GET", f"groups/{org.group()}/users?limit=2")
    assert len(first.json()) == 2
    assert len(org.http.get(first.links["next"]["url"]).json()) == 1


def test_group_names_are_unique(org):
    group = org.ok("POST", "groups", {"profile": {"name": "Team", "description": "d"}})
    assert group["type"] == "OKTA_GROUP"
    assert error_of(org.send("POST", "groups", {"profile": {"name": "Team"}}))[:2] == (400, "E0000001")
    assert org.ok("PUT", f"groups/{group['id']}", {"profile": {"name": "Crew"}})["profile"]["name"] == "Crew"
    assert error_of(org.send("POST", "groups", {"profile": {"name": ""}}))[0] == 400


def test_everyone_cannot_be_changed(org):
    everyone = org.group("Everyone")
    assert org.send("DELETE", f"groups/{everyone}").status_code == 403
    assert org.send("DELETE", f"groups/{everyone}/users/{org.user('bob')}").status_code == 403


def profile(name):
    login = f"{name}@fabrikam.example"
    return {"login": login, "email": login, "firstName": name.title(), "lastName": "New"}


def test_the_lifecycle_of_a_user(org):
    user = org.ok("POST", "users?activate=false", {"profile": profile("frank"), "groupIds": [org.group()]})
    assert user["status"] == "STAGED"
    assert {group["profile"]["name"] for group in org.ok("GET", f"users/{user['id']}/groups")} == {
        "Everyone",
        "Kiro-Users",
    }
    for operation, status in (
        ("activate", "ACTIVE"),
        ("suspend", "SUSPENDED"),
        ("unsuspend", "ACTIVE"),
        ("deactivate", "DEPROVISIONED"),
        ("reactivate", "ACTIVE"),
    ):
        assert org.ok("POST", f"users/{user['id']}/lifecycle/{operation}") == {}
        assert org.ok("GET", f"users/{user['id']}")["status"] == status
    assert error_of(org.send("POST", f"users/{user['id']}/lifecycle/unsuspend"))[0] == 400
    assert org.send("DELETE", f"users/{user['id']}").status_code == 204
    assert org.ok("GET", f"users/{user['id']}")["status"] == "DEPROVISIONED"
    assert "frank" not in str(org.ok("GET", "users"))
    assert org.ok("GET", 'users?search=status eq "DEPROVISIONED"')[0]["id"] == user["id"]
    assert org.send("DELETE", f"users/{user['id']}").status_code == 204
    assert org.send("GET", f"users/{user['id']}").status_code == 404


def test_finding_users(org):
    alice = org.user("alice")
    for query in (
        "q=ali",
        "q=adams",
        'search=profile.department eq "Engineering" and profile.firstName sw "A"',
        'filter=profile.login eq "alice@fabrikam.example"',
    ):
        assert [user["id"] for user in org.ok("GET", f"users?{query}")] == [alice], query
    assert error_of(org.send("GET", 'users?filter=profile.title eq "x"'))[0] == 400
    assert org.send("GET", "users/unknown@fabrikam.example").status_code == 404


@pytest.mark.parametrize(
    "change", [{"login": "alice@fabrikam.example"}, {"firstName": ""}, {"shoeSize": "43"}]
)
def test_an_invalid_profile(org, change):
    assert error_of(org.send("POST", "users", {"profile": {**profile("gina"), **change}}))[:2] == (
        400,
        "E0000001",
    )


def test_pages_of_users(org):
    names, url = [], "/api/v1/users?limit=2"
    org.ok("POST", f"users/{org.user('dave')}/lifecycle/deactivate")
    while url:
        response = org.http.get(url)
        names += [user["profile"]["firstName"] for user in response.json()]
        url = response.links.get("next", {}).get("url")
    assert sorted(names) == ["Alice", "Bob", "Carol", "Erin"]


def mapping_of(org, app):
    return org.ok("GET", f"mappings?targetId={app['id']}")[0]["id"]


def test_removing_properties_of_a_mapping(org):
    app = org.app()
    key = mapping_of(org, app)
    before = org.ok("GET", f"mappings/{key}")["properties"]
    assert {"department", "employeeNumber"} <= set(before)
    sent = {"department": None, "employeeNumber": {"expression": None, "pushStatus": None}}
    after = org.ok("POST", f"mappings/{key}", {"properties": sent})["properties"]
    assert set(before) - set(after) == {"department", "employeeNumber"}
    assert org.ok("GET", f"mappings/{key}")["properties"] == after
    assert org.ok("POST", f"mappings/{key}", {"properties": sent})["properties"] == after
    assert len(org.events("application.provision.field_mapping_rule.change")) == 1
    assert "properties" not in org.ok("GET", f"mappings?targetId={app['id']}")[0]


def test_adding_a_property_to_a_mapping(org):
    key = mapping_of(org, org.app())
    entry = {"expression": "user.lastName", "pushStatus": "PUSH"}
    assert (
        org.ok("POST", f"mappings/{key}", {"properties": {"nickName": entry}})["properties"]["nickName"]
        == entry
    )
    response = org.send("POST", f"mappings/{key}", {"properties": {"shoeSize": entry}})
    assert error_of(response) == (400, "E0000001", ["Invalid target field shoeSize"])


def test_an_unknown_mapping_has_a_response_without_a_body(org):
    response = org.send("GET", "mappings/prmUnknown")
    assert (response.status_code, response.content) == (404, b"")


def test_links_of_mappings_lack_the_filter(org):
    app = org.app()
    response = org.send("GET", f"mappings?sourceId={app['id']}&limit=1")
    assert response.links["self"]["url"] == f"{org.sandbox.url}/api/v1/mappings?limit=1"


def test_schemas(org):
    app = org.app(native())
    path = f"meta/schemas/apps/{app['id']}/default"
    definitions = {"custom": {"properties": {"badge": {"title": "Badge", "type": "string"}}}}
    changed = org.ok("POST", path, {"definitions": definitions})
    assert changed["definitions"]["custom"]["properties"]["badge"]["title"] == "Badge"
    removed = org.ok("POST", path, {"definitions": {"custom": {"properties": {"badge": None}}}})
    assert removed["definitions"]["custom"]["properties"] == {}
    refused = {"definitions": {"base": {"properties": {"shoeSize": {"type": "string"}}}}}
    assert error_of(org.send("POST", path, refused))[0] == 400
    user = org.ok("GET", "meta/schemas/user/default")
    assert "department" in user["definitions"]["base"]["properties"]


def test_a_log_event(org):
    app = org.app()
    (event,) = org.events("application.lifecycle.create")
    assert event["actor"]["alternateId"] == "erin@fabrikam.example"
    assert event["target"][0]["id"] == app["id"]
    assert event["outcome"]["result"] == "SUCCESS"
    assert event["client"]["ipAddress"] == "127.0.0.1"


def test_reading_the_log(org):
    for number in range(3):
        app = org.app(native(f"App {number}"))
    params = {
        "filter": f'eventType sw "application.lifecycle" and target.id eq "{app["id"]}" and outcome.result eq "SUCCESS"'
    }
    assert [event["eventType"] for event in org.ok("GET", "logs", params=params)] == [
        "application.lifecycle.create",
        "application.lifecycle.activate",
    ]
    assert {event["target"][0]["displayName"] for event in org.ok("GET", "logs", params={"q": "app 1"})} == {
        "OpenID Connect Client"
    }
    newest = org.ok("GET", "logs?sortOrder=DESCENDING&limit=1")[0]
    assert newest["eventType"] == "application.lifecycle.activate"
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert org.ok("GET", "logs", params={"until": past}) == []
    assert org.ok("GET", "logs", params={"since": datetime.now(UTC).isoformat()}) == []
    for query in ("since=yesterday", "limit=1001", "sortOrder=UP"):
        assert error_of(org.send("GET", f"logs?{query}"))[0] == 400


def test_pages_of_the_log(org):
    for number in range(3):
        org.app(native(f"App {number}"))
    until = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    response = org.send("GET", "logs", params={"limit": 4, "until": until})
    rest = org.http.get(response.links["next"]["url"])
    assert (len(response.json()), len(rest.json())) == (4, 2)
    assert "next" not in rest.links
    polled = org.http.get(org.send("GET", "logs?limit=100").links["next"]["url"])
    assert polled.json() == []
    assert "next" in polled.links  # for polling


def test_group_rules(org):
    body = {
        "type": "group_rule",
        "name": "r",
        "conditions": {"expression": {"type": "urn:okta:expression:1.0", "value": "true"}},
        "actions": {"assignUserToGroups": {"groupIds": [org.group()]}},
    }
    rule = org.ok("POST", "groups/rules", body)
    assert rule["status"] == "INACTIVE"
    assert org.send("POST", f"groups/rules/{rule['id']}/lifecycle/activate").status_code == 204
    assert org.ok("GET", "groups/rules?search=r")[0]["status"] == "ACTIVE"


def test_the_org_survives_the_process_and_follows_its_port(home):
    with Sandbox(home).start() as sandbox:
        first = Org(sandbox)
        server, url = first.server(), sandbox.url
        token = sandbox.okta_token()
        connection = {"appId": "0oaX", "baseUrl": f"{url}/scim/x/v2", "token": "t", "enabled": False}
        sandbox.okta.put("appConnection", "0oaX", connection)
        first.http.close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert f":{port}" not in url
    with Sandbox(home).start(port=port) as sandbox:
        assert sandbox.okta_token() == token
        second = Org(sandbox)
        assert (
            second.ok("GET", f"authorizationServers/{server['id']}")["issuer"]
            == f"{sandbox.url}/oauth2/{server['id']}"
        )
        assert sandbox.okta.get("authorizationServer", server["id"])["issuer"].startswith(sandbox.url)
        assert sandbox.okta.get("appConnection", "0oaX")["baseUrl"] == f"{sandbox.url}/scim/x/v2"
        assert sandbox.variables("okta")["OKTA_ORG_URL"] == sandbox.url
        second.http.close()
