"""Faults of the authorization server: the server itself, its scopes, access policy and rule, and its keys."""

from __future__ import annotations

from typing import Any

from provisioner.sandbox.misconfigurations.registry import Faults, NothingToBreakError, ago
from provisioner.sandbox.okta.management.objects import new_id, now
from provisioner.sandbox.store import Document

from .org import OFFLINE_ACCESS, Org

_DOMAIN = "login.contoso.example"

fault: Faults[Org] = Faults()


@fault("okta-licence")
def _licence(org: Org) -> None:
    """The subscription to API Access Management ran out."""
    org.okta.set("api_access_management", value=False)


@fault("okta-server-missing")
def _server_missing(org: Org) -> None:
    """Somebody deleted the authorization server."""
    key = org.server["id"]
    policies = [each["id"] for each in org.okta.all("authPolicy") if each["_serverId"] == key]
    with org.okta.transaction():
        rules = [each["id"] for each in org.okta.all("authRule") if each["_policyId"] in policies]
        org.okta.delete_many("authRule", rules)
        org.okta.delete_many("authPolicy", policies)
        for kind in ("authScope", "authClaim"):
            ids = [each["id"] for each in org.okta.all(kind) if each["_serverId"] == key]
            org.okta.delete_many(kind, ids)
        org.okta.delete("authorizationServer", key)


@fault("okta-server-inactive")
def _server_inactive(org: Org) -> None:
    """Somebody deactivated the authorization server."""
    org.change("authorizationServer", org.server, status="INACTIVE")


@fault("okta-issuer")
def _issuer(org: Org) -> None:
    """Somebody set up a custom domain and made it the issuer, which Kiro does not know."""
    _custom_domain(org)
    server = org.server
    org.change(
        "authorizationServer",
        server,
        issuerMode="CUSTOM_URL",
        issuer=f"https://{_DOMAIN}/oauth2/{server['id']}",
    )


@fault("okta-dynamic-issuer")
def _dynamic_issuer(org: Org) -> None:
    """Somebody set up a custom domain; the issuer follows whichever domain is used."""
    _custom_domain(org)
    org.change("authorizationServer", org.server, issuerMode="DYNAMIC")


def _custom_domain(org: Org) -> None:
    key = new_id("OcD")
    domain = {
        "id": key,
        "domain": _DOMAIN,
        "brandId": new_id("bnd"),
        "certificateSourceType": "OKTA_MANAGED",
        "validationStatus": "COMPLETED",
        "dnsRecords": [
            {"recordType": "CNAME", "fqdn": _DOMAIN, "values": ["contoso.customdomains.okta.com"]}
        ],
        "publicCertificate": None,
    }
    org.okta.put("domain", key, domain)


def _scope(org: Org) -> Document:
    for scope in org.scopes:
        if scope["name"] == "codewhisperer:completions":
            return scope
    return org.scopes[0]


@fault("okta-scopes-missing")
def _scopes_missing(org: Org) -> None:
    """Somebody deleted the scope codewhisperer:completions."""
    org.okta.delete("authScope", _scope(org)["id"])


@fault("okta-scope-consent")
def _scope_consent(org: Org) -> None:
    """Somebody set the user consent of codewhisperer:completions to Required."""
    org.change("authScope", _scope(org), consent="REQUIRED")


@fault("okta-scope-default")
def _scope_default(org: Org) -> None:
    """Somebody made codewhisperer:completions a default scope."""
    org.change("authScope", _scope(org), default=True)


@fault("okta-policy-inactive")
def _policy_inactive(org: Org) -> None:
    """Somebody deactivated the access policy."""
    org.change("authPolicy", org.policy, status="INACTIVE")


def _clients(org: Org, *include: str) -> None:
    policy = org.policy
    clients = {**policy["conditions"]["clients"], "include": [*include]}
    org.change("authPolicy", policy, conditions={**policy["conditions"], "clients": clients})


@fault("okta-policy-client")
def _policy_client(org: Org) -> None:
    """Somebody assigned the access policy to another application."""
    ours = org.client_id
    others = [
        app["credentials"]["oauthClient"]["client_id"]
        for app in org.okta.all("app")
        if app["name"] == "oidc_client" and app["credentials"]["oauthClient"]["client_id"] != ours
    ]
    if not others:
        raise NothingToBreakError("there is no other application for sign-in")
    _clients(org, others[0])


@fault("okta-policy-all-clients")
def _policy_all_clients(org: Org) -> None:
    """Somebody assigned the access policy to all clients."""
    _clients(org, "ALL_CLIENTS")


@fault("okta-policy-shadowed")
def _policy_shadowed(org: Org) -> None:
    """Somebody put an access policy for all clients before ours; its rule lets everybody have short-lived tokens."""
    ours, rule = org.policy, org.rule
    siblings = [each for each in org.okta.all("authPolicy") if each["_serverId"] == ours["_serverId"]]
    policy_id, rule_id = new_id("00p"), new_id("0pr")
    first = {
        **ours,
        "id": policy_id,
        "name": "Everything",
        "description": "All clients",
        "priority": 1,
        "conditions": {"clients": {"include": ["ALL_CLIENTS"]}},
        "created": now(),
    }
    token = {**rule["actions"]["token"], "accessTokenLifetimeMinutes": 5, "refreshTokenWindowMinutes": 60}
    conditions = {
        "people": {
            "users": {"include": [], "exclude": []},
            "groups": {"include": ["EVERYONE"], "exclude": []},
        },
        "grantTypes": {"include": ["authorization_code"]},
        "scopes": {"include": ["*"]},
    }
    other_rule = {
        **rule,
        "id": rule_id,
        "_policyId": policy_id,
        "name": "Everybody",
        "priority": 1,
        "conditions": conditions,
        "actions": {**rule["actions"], "token": token},
        "created": now(),
    }
    with org.okta.transaction():
        for each in siblings:
            org.change("authPolicy", each, priority=each["priority"] + 1)
        org.change("authPolicy", first)
        org.change("authRule", other_rule)


@fault("okta-rule-inactive")
def _rule_inactive(org: Org) -> None:
    """Somebody deactivated the rule of the access policy."""
    org.change("authRule", org.rule, status="INACTIVE")


def _conditions(org: Org, **conditions: Any) -> None:
    rule = org.rule
    org.change("authRule", rule, conditions={**rule["conditions"], **conditions})


@fault("okta-rule-grant")
def _rule_grant(org: Org) -> None:
    """Somebody unticked Authorization Code in the rule, and ticked Client Credentials."""
    _conditions(org, grantTypes={"include": ["client_credentials"]})


@fault("okta-rule-scopes")
def _rule_scopes(org: Org) -> None:
    """Somebody removed offline_access from the scopes of the rule."""
    scopes = org.rule["conditions"]["scopes"]["include"]
    _conditions(org, scopes={"include": [scope for scope in scopes if scope != OFFLINE_ACCESS]})


@fault("okta-rule-any-scope")
def _rule_any_scope(org: Org) -> None:
    """Somebody set the scopes of the rule to any scope."""
    _conditions(org, scopes={"include": ["*"]})


@fault("okta-rule-people")
def _rule_people(org: Org) -> None:
    """Somebody limited the rule to a group that our users are not in."""
    members = set(org.group["_members"])
    for group in org.okta.all("group"):
        if group["type"] == "OKTA_GROUP" and members.isdisjoint(group["_members"]):
            people = {**org.rule["conditions"]["people"], "groups": {"include": [group["id"]], "exclude": []}}
            _conditions(org, people=people)
            return
    raise NothingToBreakError("every group has some of our users")


@fault("okta-rule-lifetimes")
def _rule_lifetimes(org: Org) -> None:
    """Somebody let refresh tokens expire when they are not used for ten minutes, before the access token does."""
    rule = org.rule
    token = {**rule["actions"]["token"], "accessTokenLifetimeMinutes": 60, "refreshTokenWindowMinutes": 10}
    org.change("authRule", rule, actions={**rule["actions"], "token": token})


@fault("okta-key-rotation")
def _key_rotation(org: Org) -> None:
    """Somebody set the rotation of signing keys to manual, more than a year ago, and nobody rotated them since."""
    server = org.server
    signing = {**server["credentials"]["signing"], "rotationMode": "MANUAL", "lastRotated": ago(days=400)}
    signing.pop("nextRotation", None)
    org.change("authorizationServer", server, credentials={**server["credentials"], "signing": signing})
