"""The org that a sandbox begins with."""

from __future__ import annotations

from provisioner.sandbox.okta import DOMAIN
from provisioner.sandbox.okta.management import (
    app_documents,
    catalog,
    groups,
    mapping_documents,
    schema_documents,
    server_documents,
    server_policies,
    service_app,
    sign_in_policies,
    users,
)
from provisioner.sandbox.okta.management.identity import new_id, now
from provisioner.sandbox.store import Document, Store

_PEOPLE = (
    ("Alice", "Adams", "Engineering", "Staff Engineer", "1001"),
    ("Bob", "Brown", "Engineering", "Engineer", "1002"),
    ("Carol", "Clark", "Design", "Designer", "1003"),
    ("Dave", "Davis", "External", "Contractor", "1004"),
    ("Erin", "Evans", "Operations", "Administrator", "1005"),
)
_GROUPS = {
    "Kiro-Users": ("alice", "bob", "carol"),
    "Kiro-Pro": ("alice", "bob"),
    "Contractors": ("dave",),
}
_ADMIN = "erin"


def create(store: Store, root: str) -> None:
    """Fill an empty store with a small org.

    Args:
        store: the org.
        root: its address, if it has one yet.
    """
    with store.transaction():
        _settings(store, root)
        type_id = _user_type(store)
        policies = sign_in_policies.documents()
        store.put_many("signInPolicy", ((each["id"], each) for each in policies))
        store.set("default_policy", next(each["id"] for each in policies if each["system"]))
        people = {row[0].lower(): _person(row, type_id) for row in _PEOPLE}
        store.put_many("user", ((each["id"], each) for each in people.values()))
        _groups(store, people)
        for name in catalog.SYSTEM_APPS:
            _system_app(store, name)
        service_app.create(store, people[_ADMIN])
        for app in store.all("app"):
            mapping_documents.create_for(store, app)
        _default_server(store)
        store.settle()


def _settings(store: Store, root: str) -> None:
    moment, org_id = now(), new_id("00o")
    store.set("org_id", org_id)
    store.set("root", root)
    store.set("api_access_management", value=True)
    store.set("denied", [])
    store.set("async_seconds", 0)
    store.set("enrollment_policy", new_id("rst"))
    store.set("user_schema", schema_documents.of_users())
    org = {"id": org_id, "subdomain": "fabrikam", "companyName": "Fabrikam", "status": "ACTIVE"}
    address = {"address1": "1 Example Way", "city": "Amsterdam", "country": "NL", "postalCode": "1000 AA"}
    web = {"website": "https://fabrikam.example", "endUserSupportHelpURL": "https://help.fabrikam.example"}
    store.set("org", {**org, **address, **web, "created": moment, "lastUpdated": moment})


def _user_type(store: Store) -> str:
    key, moment = new_id("oty"), now()
    names = {
        "displayName": "User",
        "name": "user",
        "description": "Okta user profile template with default permission settings",
    }
    about = {"createdBy": "sprz" + key[4:], "lastUpdatedBy": "sprz" + key[4:], "default": True}
    store.put("userType", key, {"id": key, **names, "created": moment, "lastUpdated": moment, **about})
    return key


def _person(row: tuple[str, str, str, str, str], type_id: str) -> Document:
    given, family, department, title, number = row
    login = f"{given.lower()}@{DOMAIN}"
    profile = {
        "firstName": given,
        "lastName": family,
        "displayName": f"{given} {family}",
        "email": login,
        "login": login,
        "title": title,
        "department": department,
        "employeeNumber": number,
        "preferredLanguage": "en-US",
    }
    return users.new(profile, type_id=type_id)


def _groups(store: Store, people: dict[str, Document]) -> None:
    everyone = groups.new("Everyone", "All users in your organization", kind="BUILT_IN")
    everyone["_members"] = [each["id"] for each in people.values()]
    store.put("group", everyone["id"], everyone)
    for name, members in _GROUPS.items():
        group = groups.new(name)
        group["_members"] = [people[each]["id"] for each in members]
        store.put("group", group["id"], group)


def _system_app(store: Store, name: str) -> None:
    """One of Okta's own applications, which every org has (recorded: test_list_applications_with_query_parameters)."""
    kind = catalog.KINDS[name]
    app = app_documents.new(
        store,
        {"name": "bookmark", "label": kind.title, "settings": {"app": {"url": "https://fabrikam.example"}}},
        active=True,
    )
    links = {kind.link: True} if kind.link else {}
    settings = {key: value for key, value in app["settings"].items() if key not in ("notes", "emOptInStatus")}
    reserved = next(each["id"] for each in store.all("signInPolicy") if each["name"] == kind.title)
    app |= {
        "name": name,
        "orn": app["orn"].replace(":bookmark:", f":{name}:"),
        "signOnMode": "OPENID_CONNECT",
        "settings": {**settings, "app": {}},
        "credentials": {**app["credentials"], "signing": {"kid": app_documents.new_kid()}},
        "visibility": {**app["visibility"], "appLinks": links},
        "_mode": "OPENID_CONNECT",
        "_title": kind.title,
        "_policyId": reserved,
    }
    store.put("app", app["id"], app)


def _default_server(store: Store) -> None:
    about = "Default Authorization Server for your Applications"
    server = server_documents.create(store, "default", about, ["api://default"], "DYNAMIC")
    issuer = server_documents.issuer_of(store, "default", "DYNAMIC")
    store.put("authorizationServer", server["id"], {**server, "default": True, "issuer": issuer})
    store.set("default_server", server["id"])
    policy = server_policies.new_policy(
        store, server["id"], "Default Policy", "Default policy description", ["ALL_CLIENTS"]
    )
    people = {"groups": {"include": ["EVERYONE"]}}
    grants = ["implicit", "client_credentials", "authorization_code", "password"]
    conditions = {"people": people, "grantTypes": {"include": grants}, "scopes": {"include": ["*"]}}
    server_policies.new_rule(store, policy["id"], {"name": "Default Policy Rule", "conditions": conditions})
