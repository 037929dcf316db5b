"""The emulated Kiro SCIM endpoint, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from scim2_client.client import BaseSyncSCIMClient
from scim2_tester import Status, check_server

from provisioner.sandbox import kiro
from provisioner.sandbox.store import Store
from tests.sandbox.provisioning_fixtures import ENTERPRISE, LoopbackServer

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
FULL = {
    "schemas": [USER],
    "userName": "alice",
    "displayName": "Alice",
    "name": {"givenName": "Alice", "familyName": "Example"},
    "active": True,
}


class Kiro:
    """A profile's endpoint, and a client that holds its token."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "kiro.db")
        self.strict = False
        self.server = LoopbackServer(kiro.KiroEndpoint(self.store, strict=lambda: self.strict))
        answers = kiro.automatic_credentials(self.store, self.server.url)
        headers = {"Authorization": f"Bearer {answers['KIRO_SCIM_TOKEN']}"}
        self.http = httpx.Client(base_url=answers["KIRO_SCIM_ENDPOINT"], headers=headers)

    def close(self) -> None:
        self.http.close()
        self.server.close()
        self.store.close()

    def create(self, kind: str = "Users", **body: Any) -> str:
        schema = USER if kind == "Users" else GROUP
        answer = self.http.post(f"/{kind}", json={"schemas": [schema]} | body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def patch(self, path: str, *operations: dict[str, Any]) -> httpx.Response:
        return self.http.patch(path, json={"schemas": [PATCH], "Operations": list(operations)})


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Kiro]:
    made = Kiro(tmp_path)
    yield made
    made.close()


@pytest.fixture
def strict(endpoint: Kiro) -> Kiro:
    endpoint.strict = True
    return endpoint


def refused(answer: httpx.Response, status: int, detail: str = "", scim_type: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert body["status"] == str(status)
    assert detail in body["detail"]
    assert body.get("scimType") == scim_type
    assert answer.headers["content-type"] == "application/scim+json"


class OverHttp(BaseSyncSCIMClient):
    """scim2-client over httpx, for scim2-tester."""

    def __init__(self, http: httpx.Client) -> None:
        super().__init__()
        self._http = http

    def _stays_under_base_url(self, endpoint: str) -> bool:
        return not endpoint.startswith("http") or endpoint.startswith(str(self._http.base_url))

    def _parse_json(self, response: Any) -> Any:
        return response.json()

    def request(self, method: str, url: str, **rest: Any) -> httpx.Response:
        return self._http.request(method, url, **rest)


DEVIATIONS = {
    ("User", "search_with_attributes"): "AWS's list of operations has no POST /.search",
    ("Group", "search_with_attributes"): "AWS's list of operations has no POST /.search",
    ("Group", "object_replacement"): "AWS's list of operations has no PutGroup",
    ("User", "check_remove_attribute"): "Kiro issue 9582: externalId cannot be changed once set",
    ("Group", "check_remove_attribute"): "AWS's PatchGroup: removing all members is a ValidationException",
    ("Group", "check_replace_attribute"): "AWS's PatchGroup: replacing all members is a ValidationException",
}


def test_only_documented_deviations_from_the_rfc(endpoint: Kiro) -> None:
    results = check_server(OverHttp(endpoint.http))
    failed = {(each.resource_type, each.title) for each in results if each.status is not Status.SUCCESS}
    assert failed == set(DEVIATIONS), [each.reason for each in results if each.status is not Status.SUCCESS]
    assert len(results) > 100
    assert {each.resource_type for each in results} == {None, "User", "Group"}


def test_three_attributes_are_enough(endpoint: Kiro) -> None:
    key = endpoint.create(userName="alice", externalId="1", active=True)
    found = endpoint.http.get(f"/Users/{key}").json()
    assert (found["userName"], found["externalId"], found["active"]) == ("alice", "1", True)
    assert found["meta"]["location"] == f"{str(endpoint.http.base_url).rstrip('/')}/Users/{key}"


@pytest.mark.parametrize("token", [None, "Bearer", "Bearer wrong", "Basic {}"])
def test_without_the_token_nothing_is_served(endpoint: Kiro, token: str | None) -> None:
    good = endpoint.http.headers.pop("Authorization").split()[1]
    headers = {} if token is None else {"Authorization": token.format(good)}
    for path in ("/Users", "/ServiceProviderConfig", "/Nothing"):
        refused(endpoint.http.get(path, headers=headers), 401)


def test_another_profile_is_answered_like_a_wrong_token(endpoint: Kiro) -> None:
    other = kiro.create_profile(endpoint.store, "client", "tenant", endpoint.server.url)
    refused(endpoint.http.get(f"{other['scimEndpoint']}/Users"), 401)
    refused(endpoint.http.get(f"{endpoint.server.url}/scim/unknown/v2/Users"), 401)
    refused(endpoint.http.get(f"{endpoint.server.url}/scim/{other['id']}/v1/Users"), 404)


@pytest.mark.parametrize(
    ("attribute", "body"),
    [
        ("employeeNumber", {ENTERPRISE: {"employeeNumber": "1"}}),
        ("department", {ENTERPRISE: {"department": "Sales"}}),
        ("Department", {ENTERPRISE.upper(): {"Department": "Sales"}}),
        ("manager", {ENTERPRISE: {"manager": {"value": "1"}}}),
        ('phoneNumbers[type eq "work"].value', {"phoneNumbers": [{"type": "work", "value": "1"}]}),
        ('phoneNumbers[type eq "mobile"].value', {"PhoneNumbers": [{"type": "mobile", "value": "1"}]}),
        ('phoneNumbers[type eq "fax"].value', {"phoneNumbers": [{"type": "fax", "value": "1"}]}),
    ],
)
def test_the_six_unsupported_attributes(endpoint: Kiro, attribute: str, body: dict[str, Any]) -> None:
    detail = "This attribute is not supported."
    answer = endpoint.http.post("/Users", json=FULL | body)
    refused(answer, 400, detail, "invalidValue")
    assert attribute in answer.json()["detail"]
    key = endpoint.create(userName="alice")
    refused(endpoint.http.put(f"/Users/{key}", json=FULL | body), 400, "not supported", "invalidValue")
    refused(
        endpoint.patch(f"/Users/{key}", {"op": "add", "value": body}), 400, "not supported", "invalidValue"
    )


@pytest.mark.parametrize(
    "path",
    [
        f"{ENTERPRISE}:department",
        f"{ENTERPRISE}:manager",
        f"{ENTERPRISE}:manager.value",
        'phoneNumbers[type eq "mobile"].value',
    ],
)
def test_the_unsupported_attributes_by_path(endpoint: Kiro, path: str) -> None:
    key = endpoint.create(userName="alice")
    refused(
        endpoint.patch(f"/Users/{key}", {"op": "Add", "path": path, "value": "x"}),
        400,
        "not supported",
        "invalidValue",
    )
    assert endpoint.patch(f"/Users/{key}", {"op": "Add", "path": "title", "value": "x"}).status_code == 204


def test_other_attributes_of_the_same_kind_are_fine(endpoint: Kiro) -> None:
    body = {ENTERPRISE: {"costCenter": "1"}, "phoneNumbers": [{"type": "home", "value": "1"}]}
    key = endpoint.create(userName="alice", **body, title="")
    found = endpoint.http.get(f"/Users/{key}").json()
    assert found[ENTERPRISE] == {"costCenter": "1"}
    assert found["phoneNumbers"] == [{"type": "home", "value": "1"}]


def test_an_external_id_that_is_set_stays(endpoint: Kiro) -> None:
    detail = "externalId: This attribute does not satisfy the mutability validation defined in the schema."
    key = endpoint.create(userName="alice", externalId="1")
    for operation in (
        {"op": "Replace", "path": "externalId", "value": "2"},
        {"op": "replace", "value": {"externalId": "2"}},
        {"op": "remove", "path": "externalId"},
    ):
        refused(endpoint.patch(f"/Users/{key}", operation), 400, detail, "mutability")
    refused(endpoint.http.put(f"/Users/{key}", json=FULL | {"externalId": "2"}), 400, detail, "mutability")

    same = {"op": "Replace", "path": "externalId", "value": "1"}
    assert endpoint.patch(f"/Users/{key}", same).status_code == 204
    assert endpoint.http.put(f"/Users/{key}", json=FULL).json()["externalId"] == "1"


def test_an_external_id_may_be_set_late(endpoint: Kiro) -> None:
    key = endpoint.create(userName="alice")
    assert (
        endpoint.patch(f"/Users/{key}", {"op": "Add", "path": "externalId", "value": "1"}).status_code == 204
    )
    assert endpoint.http.get(f"/Users/{key}").json()["externalId"] == "1"


def test_names_are_unique(endpoint: Kiro) -> None:
    endpoint.create(userName="alice")
    bob = endpoint.create(userName="bob")
    refused(endpoint.http.post("/Users", json=FULL | {"userName": "ALICE"}), 409, scim_type="uniqueness")
    rename = {"op": "Replace", "path": "userName", "value": "alice"}
    refused(endpoint.patch(f"/Users/{bob}", rename), 409, scim_type="uniqueness")
    endpoint.create("Groups", displayName="One")
    two = endpoint.create("Groups", displayName="Two")
    refused(
        endpoint.http.post("/Groups", json={"schemas": [GROUP], "displayName": "one"}), 409, "", "uniqueness"
    )
    for operation in (
        {"op": "Replace", "path": "displayName", "value": "One"},
        {"op": "replace", "value": {"displayName": "One"}},
    ):
        refused(endpoint.patch(f"/Groups/{two}", operation), 409, scim_type="uniqueness")
    keep = {"op": "Replace", "path": "displayName", "value": "Two"}
    assert endpoint.patch(f"/Groups/{two}", keep).status_code == 204


@pytest.mark.parametrize(
    "scim_filter",
    [
        'userName eq "alice"',
        'userName eq "ALICE" and active eq true',
        'externalId eq "1"',
        'displayName eq "not or pr gt"',
    ],
)
def test_filters_with_eq_and_and(endpoint: Kiro, scim_filter: str) -> None:
    endpoint.create(userName="alice", externalId="1", active=True, displayName="not or pr gt")
    endpoint.create(userName="bob")
    answer = endpoint.http.get("/Users", params={"filter": scim_filter}).json()
    assert [each["userName"] for each in answer["Resources"]] == ["alice"]


@pytest.mark.parametrize(
    "scim_filter",
    [
        'userName ne "a"',
        'userName sw "a"',
        "title pr",
        'userName eq "a" or userName eq "b"',
        "not (active eq true)",
    ],
)
def test_other_filters_are_refused(endpoint: Kiro, scim_filter: str) -> None:
    refused(endpoint.http.get("/Users", params={"filter": scim_filter}), 400, "eq and and", "invalidFilter")


def test_a_filter_that_is_none(endpoint: Kiro) -> None:
    refused(endpoint.http.get("/Users", params={"filter": "userName eq"}), 400, scim_type="invalidFilter")


def test_lists_have_at_most_50_entries(endpoint: Kiro) -> None:
    for i in range(55):
        endpoint.create(userName=f"user{i}")
    first = endpoint.http.get("/Users", params={"count": "200"}).json()
    assert (first["totalResults"], len(first["Resources"])) == (55, 50)
    rest = endpoint.http.get("/Users", params={"startIndex": "51"}).json()
    assert len(rest["Resources"]) == 5
    refused(endpoint.http.get("/Users", params={"sortBy": "userName"}), 400, "Sorting")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/Me"),
        ("POST", "/Bulk"),
        ("POST", "/.search"),
        ("POST", "/Users/.search"),
        ("GET", "/"),
        ("PUT", "/Groups/1"),
    ],
)
def test_operations_that_aws_does_not_list(endpoint: Kiro, method: str, path: str) -> None:
    refused(endpoint.http.request(method, path, json={}), 400, "is not supported")


def test_unknown_paths_and_bodies(endpoint: Kiro) -> None:
    refused(endpoint.http.get("/Users/unknown"), 404)
    refused(endpoint.http.get("/Devices"), 404)
    refused(endpoint.http.post("/Devices", json={}), 404)
    refused(endpoint.http.delete("/Users/unknown"), 404)
    refused(endpoint.patch("/Users/unknown", {"op": "add", "path": "title", "value": "x"}), 404)
    refused(endpoint.http.post("/Users", content=b"{"), 400, scim_type="invalidSyntax")
    refused(endpoint.http.post("/Users", json=[]), 400, scim_type="invalidSyntax")
    refused(endpoint.http.post("/Users", json={"schemas": [USER]}), 400, "userName", "invalidValue")
    key = endpoint.create(userName="alice")
    refused(
        endpoint.http.patch(f"/Users/{key}", json={"schemas": [PATCH]}), 400, "Operations", "invalidSyntax"
    )


def test_membership(endpoint: Kiro) -> None:
    alice, bob = endpoint.create(userName="alice"), endpoint.create(userName="bob")
    group = endpoint.create("Groups", displayName="G", members=[{"value": alice}])

    def members() -> list[str]:
        found = endpoint.http.get(f"/Groups/{group}").json()
        return [each["value"] for each in found.get("members", [])]

    add = {"op": "Add", "path": "members", "value": [{"$ref": None, "value": bob}, {"value": alice}]}
    assert endpoint.patch(f"/Groups/{group}", add).status_code == 204
    assert sorted(members()) == sorted([alice, bob])
    entra = {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": alice}]}
    assert endpoint.patch(f"/Groups/{group}", entra).status_code == 204
    assert members() == [bob]
    assert endpoint.patch(f"/Groups/{group}", entra).status_code == 204, "nobody to remove"
    compliant = {"op": "remove", "path": f'members[value eq "{bob}"]'}
    assert endpoint.patch(f"/Groups/{group}", compliant).status_code == 204
    assert members() == []

    endpoint.patch(f"/Groups/{group}", add)
    assert endpoint.http.delete(f"/Users/{bob}").status_code == 204
    assert members() == [alice], "a deleted user is no member"
    lean = endpoint.http.get(f"/Groups/{group}", params={"excludedAttributes": "members"}).json()
    assert "members" not in lean


def test_limits_of_group_changes(endpoint: Kiro) -> None:
    many = [{"value": str(i)} for i in range(101)]
    refused(
        endpoint.http.post("/Groups", json={"schemas": [GROUP], "displayName": "G", "members": many}),
        400,
        "100",
    )
    refused(endpoint.http.post("/Groups", json={"schemas": [GROUP]}), 400, "displayName", "invalidValue")
    group = endpoint.create("Groups", displayName="G")
    path = f"/Groups/{group}"
    refused(endpoint.patch(path, {"op": "add", "path": "members", "value": many}), 400, "100")
    half = {"op": "add", "path": "members", "value": many[:60]}
    refused(endpoint.patch(path, half, half), 400, "100")
    for operation in (
        {"op": "replace", "path": "members", "value": []},
        {"op": "remove", "path": "members"},
        {"op": "replace", "value": {"members": []}},
    ):
        refused(endpoint.patch(path, operation), 400, "All memberships")
    refused(endpoint.patch(path, {"op": "add", "path": "meta.x", "value": "x"}), 400, "Only", "invalidPath")


def test_patches_as_entra_sends_them(endpoint: Kiro) -> None:
    """ "Known issues and resolutions with SCIM 2.0 protocol compliance", without and with the flag."""
    key = endpoint.create(userName="alice", active=True)
    answers = [
        endpoint.patch(
            f"/Users/{key}",
            {"op": "Replace", "path": "active", "value": "False"},
            {"op": "Add", "path": 'emails[type eq "work"].value', "value": "a@x.example"},
            {"op": "Add", "path": 'addresses[type eq "work"].locality', "value": "Town"},
            {"op": "Add", "path": 'addresses[type eq "work"].country', "value": "XX"},
            {"op": "Add", "path": "name.givenName", "value": "Alice"},
        ),
        endpoint.patch(
            f"/Users/{key}",
            {"op": "replace", "path": 'emails[type eq "work"].value', "value": "b@x.example"},
            {
                "op": "replace",
                "value": {
                    "displayName": "Alice",
                    "name.familyName": "Example",
                    f"{ENTERPRISE}:costCenter": "7",
                },
            },
        ),
    ]
    assert [each.status_code for each in answers] == [204, 204], [each.text for each in answers]
    found = endpoint.http.get(f"/Users/{key}").json()
    assert found["active"] is False
    assert found["emails"] == [{"type": "work", "value": "b@x.example"}]
    assert found["addresses"] == [{"type": "work", "locality": "Town", "country": "XX"}]
    assert found["name"] == {"givenName": "Alice", "familyName": "Example"}
    assert found["displayName"] == "Alice"
    assert found[ENTERPRISE] == {"costCenter": "7"}


def test_what_the_service_says_about_itself(endpoint: Kiro) -> None:
    config = endpoint.http.get("/ServiceProviderConfig").json()
    assert config["filter"] == {"supported": True, "maxResults": 50}
    assert [config[each]["supported"] for each in ("patch", "bulk", "sort", "etag", "changePassword")] == [
        True,
        False,
        False,
        False,
        False,
    ]
    extension = endpoint.http.get(f"/Schemas/{ENTERPRISE}").json()
    assert {each["name"] for each in extension["attributes"]} == {"costCenter", "organization", "division"}


@pytest.mark.parametrize("missing", ["displayName", "givenName", "familyName", "userName"])
def test_strict_requires_what_aws_requires(strict: Kiro, missing: str) -> None:
    body = {key: value for key, value in FULL.items() if key != missing}
    body["name"] = {key: value for key, value in FULL["name"].items() if key != missing}  # type: ignore[attr-defined]
    refused(strict.http.post("/Users", json=body), 400, missing, "invalidValue")
    assert strict.http.post("/Users", json=FULL).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {"emails": [{"value": "a@x.example", "primary": True}, {"value": "b@x.example"}]},
        {"emails": [{"value": "a@x.example"}]},
        {"emails": [{"value": "a@x.example", "primary": True, "display": "A"}]},
        {"addresses": [{"locality": "A"}, {"locality": "B"}]},
        {"roles": [{"value": "A"}, {"value": "B"}]},
        {"photos": [{"value": "https://x.example/a"}]},
        {"ims": [{"value": "a"}]},
        {"x509Certificates": [{"value": "YQ=="}]},
        {"entitlements": [{"value": "a"}]},
        {"password": "secret"},
        {"groups": [{"value": "1"}]},
    ],
)
def test_strict_refuses_what_aws_refuses(strict: Kiro, body: dict[str, Any]) -> None:
    refused(strict.http.post("/Users", json=FULL | body), 400, scim_type="invalidValue")
    key = strict.create(**FULL)
    refused(strict.http.put(f"/Users/{key}", json=FULL | body), 400, scim_type="invalidValue")


def test_strict_patches(strict: Kiro) -> None:
    key = strict.create(**FULL)
    path = f"/Users/{key}"
    one = {"op": "replace", "path": "userName", "value": "x"}
    refused(strict.patch(path, {"op": "remove", "path": "active"}), 400, scim_type="invalidValue")
    refused(strict.patch(path, one, one), 400, scim_type="invalidValue")
    refused(strict.patch(path, {"op": "remove"}), 400, scim_type="noTarget")
    refused(strict.patch(path, {"op": "add", "path": "photos", "value": []}), 400, scim_type="invalidPath")
    good = {"op": "Add", "path": f"{ENTERPRISE}:costCenter", "value": "7"}
    assert strict.patch(path, one, {"op": "replace", "path": "title", "value": "x"}, good).status_code == 204
    del strict.http.headers["User-Agent"]
    refused(strict.patch(path, good), 403, "User-Agent")


def test_relaxed_accepts_what_strict_refuses(endpoint: Kiro) -> None:
    endpoint.create(userName="a", emails=[{"value": "a@x.example"}, {"value": "b@x.example"}], roles=[])


def test_the_strength_may_come_from_elsewhere(tmp_path: Path) -> None:
    switch = {"strict": False}
    store = Store(tmp_path / "kiro.db")
    server = LoopbackServer(kiro.KiroEndpoint(store, strict=lambda: switch["strict"]))
    try:
        answers = kiro.automatic_credentials(store, server.url)
        headers = {"Authorization": f"Bearer {answers['KIRO_SCIM_TOKEN']}"}
        url = f"{answers['KIRO_SCIM_ENDPOINT']}/Users"
        first = httpx.post(url, json={"schemas": [USER], "userName": "a"}, headers=headers)
        switch["strict"] = True
        second = httpx.post(url, json={"schemas": [USER], "userName": "b"}, headers=headers)
    finally:
        server.close()
    assert (first.status_code, second.status_code) == (201, 400)


def test_a_mount_below_scim_works_too(tmp_path: Path) -> None:
    """As werkzeug's DispatcherMiddleware would call it."""
    store = Store(tmp_path / "kiro.db")
    answers = kiro.automatic_credentials(store, "http://sandbox.example")
    profile = answers["KIRO_SCIM_ENDPOINT"].split("/")[-2]
    from werkzeug.test import Client

    client = Client(kiro.KiroEndpoint(store))
    answer = client.get(
        f"/{profile}/v2/Users",
        environ_overrides={"SCRIPT_NAME": "/scim"},
        headers={"Authorization": f"Bearer {answers['KIRO_SCIM_TOKEN']}"},
    )
    assert answer.status_code == 200
