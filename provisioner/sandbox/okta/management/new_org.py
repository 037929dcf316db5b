"""The org that a new sandbox starts with: people, groups, Okta's own apps, and a service app with an API token."""

from __future__ import annotations

from typing import Final

from provisioner.sandbox.okta import DOMAIN
from provisioner.sandbox.okta.login import signing_keys
from provisioner.sandbox.okta.management import app_settings, catalog
from provisioner.sandbox.okta.management.app_grants import SCOPES, add_grant
from provisioner.sandbox.okta.management.authorization_server_policies import new_policy, new_rule
from provisioner.sandbox.okta.management.authorization_servers import new_server, stored_issuer
from provisioner.sandbox.okta.management.directory import new_group, new_user
from provisioner.sandbox.okta.management.objects import new_id, now
from provisioner.sandbox.okta.management.org import new_api_token
from provisioner.sandbox.okta.management.policies import default_policies
from provisioner.sandbox.okta.management.profile_mappings import create_for
from provisioner.sandbox.okta.management.schemas import new_user_schema
from provisioner.sandbox.store import Document, Store

_SERVICE_APP: Final = "Provisioner automation"
"""Label of the service app that automation uses, and name of its API token."""
_PEOPLE = (
    ("Alice", "Adams", "Engineering", "Staff Engineer", "1001"),
    ("Bob", "Brown", "Engineering", "Engineer", "1002"),
    ("Carol", "Clark", "Design", "Designer", "1003"),
    ("Dave", "Davis", "External", "Contractor", "1004"),
    ("Erin", "Evans", "Operations", "Administrator", "1005"),
)
_GROUPS = {"Kiro-Users": ("alice", "bob", "carol"), "Kiro-Pro": ("alice", "bob"), "Contractors": ("dave",)}
_ADMIN = "erin"


def create(store: Store, base_url: str) -> None:
    """Fill an empty store.

    Args:
        store: the org.
        base_url: URL of the org, or an empty string while it has none.
    """
    with store.transaction():
        _store_settings(store, base_url)
        type_id = _create_user_type(store)
        policies = default_policies()
        store.put_many("signInPolicy", ((policy["id"], policy) for policy in policies))
        store.set("default_policy", next(policy["id"] for policy in policies if policy["system"]))
        people = {row[0].lower(): _person(row, type_id) for row in _PEOPLE}
        store.put_many("user", ((user["id"], user) for user in people.values()))
        _create_groups(store, people)
        for name in catalog.SYSTEM_APPS:
            _create_system_app(store, name)
        _create_service_app(store, people[_ADMIN])
        for app in store.all("app"):
            create_for(store, app)
        _create_default_server(store)
        store.settle()


def _store_settings(store: Store, base_url: str) -> None:
    timestamp, org_id = now(), new_id("00o")
    store.set("org_id", org_id)
    store.set("root", base_url)
    store.set("api_access_management", value=True)
    store.set("denied", [])
    store.set("async_seconds", 0)
    store.set("enrollment_policy", new_id("rst"))
    store.set("user_schema", new_user_schema())
    org = {"id": org_id, "subdomain": "fabrikam", "companyName": "Fabrikam", "status": "ACTIVE"}
    address = {"address1": "1 Example Way", "city": "Amsterdam", "country": "NL", "postalCode": "1000 AA"}
    web = {"website": "https://fabrikam.example", "endUserSupportHelpURL": "https://help.fabrikam.example"}
    store.set("org", {**org, **address, **web, "created": timestamp, "lastUpdated": timestamp})


def _create_user_type(store: Store) -> str:
    type_id, timestamp = new_id("oty"), now()
    creator = "sprz" + type_id[4:]
    user_type = {
        "id": type_id,
        "displayName": "User",
        "name": "user",
        "description": "Okta user profile template with default permission settings",
        "created": timestamp,
        "lastUpdated": timestamp,
        "createdBy": creator,
        "lastUpdatedBy": creator,
        "default": True,
    }
    store.put("userType", type_id, user_type)
    return type_id


def _person(row: tuple[str, str, str, str, str], type_id: str) -> Document:
    first_name, last_name, department, title, number = row
    login = f"{first_name.lower()}@{DOMAIN}"
    profile = {
        "firstName": first_name,
        "lastName": last_name,
        "displayName": f"{first_name} {last_name}",
        "email": login,
        "login": login,
        "title": title,
        "department": department,
        "employeeNumber": number,
        "preferredLanguage": "en-US",
    }
    return new_user(profile, type_id=type_id)


def _create_groups(store: Store, people: dict[str, Document]) -> None:
    everyone = new_group("Everyone", "All users in your organization", group_type="BUILT_IN")
    everyone["_members"] = [user["id"] for user in people.values()]
    store.put("group", everyone["id"], everyone)
    for name, members in _GROUPS.items():
        group = new_group(name)
        group["_members"] = [people[member]["id"] for member in members]
        store.put("group", group["id"], group)


def _create_system_app(store: Store, name: str) -> None:
    """One of Okta's own applications (recorded: test_list_applications_with_query_parameters)."""
    definition = catalog.DEFINITIONS[name]
    url = "https://fabrikam.example"
    app = app_settings.new_app(
        store,
        {"name": "bookmark", "label": definition.title, "settings": {"app": {"url": url}}},
        active=True,
    )
    links = {definition.link_name: True} if definition.link_name else {}
    settings = {key: value for key, value in app["settings"].items() if key not in ("notes", "emOptInStatus")}
    policies = store.all("signInPolicy")
    app |= {
        "name": name,
        "orn": app["orn"].replace(":bookmark:", f":{name}:"),
        "signOnMode": "OPENID_CONNECT",
        "settings": {**settings, "app": {}},
        "credentials": {**app["credentials"], "signing": {"kid": app_settings.new_signing_kid()}},
        "visibility": {**app["visibility"], "appLinks": links},
        "_mode": "OPENID_CONNECT",
        "_title": definition.title,
        "_policyId": next(policy["id"] for policy in policies if policy["name"] == definition.title),
    }
    store.put("app", app["id"], app)


def _create_service_app(store: Store, owner: Document) -> None:
    """The service app with its key pair and every scope, and the API token of an admin."""
    private_key, public_key = signing_keys.new_key()
    settings = {
        "application_type": "service",
        "grant_types": ["client_credentials"],
        "response_types": ["token"],
        "jwks": {"keys": [public_key]},
    }
    app = app_settings.new_app(
        store,
        {
            "name": "oidc_client",
            "label": _SERVICE_APP,
            "signOnMode": "OPENID_CONNECT",
            "credentials": {"oauthClient": {"token_endpoint_auth_method": "private_key_jwt"}},
            "settings": {"oauthClient": settings},
        },
        active=True,
    )
    store.put("app", app["id"], app)
    client_id = app["credentials"]["oauthClient"]["client_id"]
    store.set("client", {"client_id": client_id, "private_key": private_key, "key_id": public_key["kid"]})
    store.set("client_app", app["id"])
    for scope in SCOPES:
        add_grant(store, app, scope, owner["id"], "User")
    store.set("api_token", new_api_token(store, _SERVICE_APP, owner))


def _create_default_server(store: Store) -> None:
    description = "Default Authorization Server for your Applications"
    server = new_server(store, "default", description, ["api://default"], "DYNAMIC")
    issuer = stored_issuer(store, "default", "DYNAMIC")
    store.put("authorizationServer", server["id"], {**server, "default": True, "issuer": issuer})
    store.set("default_server", server["id"])
    policy = new_policy(store, server["id"], "Default Policy", "Default policy description", ["ALL_CLIENTS"])
    grant_types = ["implicit", "client_credentials", "authorization_code", "password"]
    conditions = {
        "people": {"groups": {"include": ["EVERYONE"]}},
        "grantTypes": {"include": grant_types},
        "scopes": {"include": ["*"]},
    }
    new_rule(store, policy["id"], {"name": "Default Policy Rule", "conditions": conditions})
