"""Misconfigurations of the authorization server: its scopes, access policy, rule and keys."""

from __future__ import annotations

from typing import Any

from provisioner.sandbox.misconfigurations import NothingToBreakError, ago
from provisioner.sandbox.okta.management.objects import new_id, now
from provisioner.sandbox.store import Document

from .org import OFFLINE_ACCESS, Org, misconfiguration

_DOMAIN = "login.contoso.example"


@misconfiguration("okta-licence")
def _licence(org: Org) -> None:
    """The subscription to API Access Management expired."""
    org.okta.set("api_access_management", value=False)


@misconfiguration("okta-server-missing")
def _server_missing(org: Org) -> None:
    """An admin deleted the authorization server."""
    key = org.server["id"]
    policies = [policy["id"] for policy in org.okta.all("authPolicy") if policy["_serverId"] == key]
    with org.okta.transaction():
        rules = [rule["id"] for rule in org.okta.all("authRule") if rule["_policyId"] in policies]
        org.okta.delete_many("authRule", rules)
        org.okta.delete_many("authPolicy", policies)
        for kind in ("authScope", "authClaim"):
            ids = [owned["id"] for owned in org.okta.all(kind) if owned["_serverId"] == key]
            org.okta.delete_many(kind, ids)
        org.okta.delete("authorizationServer", key)


@misconfiguration("okta-server-inactive")
def _server_inactive(org: Org) -> None:
    """An admin deactivated the authorization server."""
    org.change("authorizationServer", org.server, status="INACTIVE")


@misconfiguration("okta-issuer")
def _issuer(org: Org) -> None:
    """An admin set up a custom domain and made it the issuer, but Kiro has the former issuer."""
    _custom_domain(org)
    server = org.server
    org.change(
        "authorizationServer",
        server,
        issuerMode="CUSTOM_URL",
        issuer=f"https://{_DOMAIN}/oauth2/{server['id']}",
    )


@misconfiguration("okta-dynamic-issuer")
def _dynamic_issuer(org: Org) -> None:
    """An admin set up a custom domain and made the issuer dynamic: it follows the domain of the request."""
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


def _completions_scope(org: Org) -> Document:
    for scope in org.scopes:
        if scope["name"] == "codewhisperer:completions":
            return scope
    return org.scopes[0]


@misconfiguration("okta-scopes-missing")
def _scopes_missing(org: Org) -> None:
    """An admin deleted the scope codewhisperer:completions."""
    org.okta.delete("authScope", _completions_scope(org)["id"])


@misconfiguration("okta-scope-consent")
def _scope_consent(org: Org) -> None:
    """An admin set the user consent of codewhisperer:completions to Required."""
    org.change("authScope", _completions_scope(org), consent="REQUIRED")


@misconfiguration("okta-scope-default")
def _scope_default(org: Org) -> None:
    """An admin made codewhisperer:completions a default scope."""
    org.change("authScope", _completions_scope(org), default=True)


@misconfiguration("okta-policy-inactive")
def _policy_inactive(org: Org) -> None:
    """An admin deactivated the access policy."""
    org.change("authPolicy", org.policy, status="INACTIVE")


def _set_clients(org: Org, *include: str) -> None:
    policy = org.policy
    clients = {**policy["conditions"]["clients"], "include": [*include]}
    org.change("authPolicy", policy, conditions={**policy["conditions"], "clients": clients})


@misconfiguration("okta-policy-client")
def _policy_client(org: Org) -> None:
    """An admin assigned the access policy to another application."""
    client_id = org.client_id
    others = [
        app["credentials"]["oauthClient"]["client_id"]
        for app in org.okta.all("app")
        if app["name"] == "oidc_client" and app["credentials"]["oauthClient"]["client_id"] != client_id
    ]
    if not others:
        raise NothingToBreakError("there is no other application for sign-in")
    _set_clients(org, others[0])


@misconfiguration("okta-policy-all-clients")
def _policy_all_clients(org: Org) -> None:
    """An admin assigned the access policy to all clients."""
    _set_clients(org, "ALL_CLIENTS")


@misconfiguration("okta-policy-shadowed")
def _policy_shadowed(org: Org) -> None:
    """An admin put an access policy for all clients, with short-lived tokens, before Kiro's policy."""
    policy, rule = org.policy, org.rule
    server_id = policy["_serverId"]
    policies = [other for other in org.okta.all("authPolicy") if other["_serverId"] == server_id]
    policy_id, rule_id = new_id("00p"), new_id("0pr")
    first = {
        **policy,
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
        "name": "Everyone",
        "priority": 1,
        "conditions": conditions,
        "actions": {**rule["actions"], "token": token},
        "created": now(),
    }
    with org.okta.transaction():
        for later in policies:
            org.change("authPolicy", later, priority=later["priority"] + 1)
        org.change("authPolicy", first)
        org.change("authRule", other_rule)


@misconfiguration("okta-rule-inactive")
def _rule_inactive(org: Org) -> None:
    """An admin deactivated the rule of the access policy."""
    org.change("authRule", org.rule, status="INACTIVE")


def _change_conditions(org: Org, **conditions: Any) -> None:
    rule = org.rule
    org.change("authRule", rule, conditions={**rule["conditions"], **conditions})


@misconfiguration("okta-rule-grant")
def _rule_grant(org: Org) -> None:
    """An admin unticked Authorization Code in the rule, and ticked Client Credentials."""
    _change_conditions(org, grantTypes={"include": ["client_credentials"]})


@misconfiguration("okta-rule-scopes")
def _rule_scopes(org: Org) -> None:
    """An admin removed offline_access from the scopes of the rule."""
    scopes = org.rule["conditions"]["scopes"]["include"]
    _change_conditions(org, scopes={"include": [scope for scope in scopes if scope != OFFLINE_ACCESS]})


@misconfiguration("okta-rule-any-scope")
def _rule_any_scope(org: Org) -> None:
    """An admin set the scopes of the rule to any scope."""
    _change_conditions(org, scopes={"include": ["*"]})


@misconfiguration("okta-rule-people")
def _rule_people(org: Org) -> None:
    """An admin limited the rule to a group without any of Kiro's users."""
    members = set(org.group["_members"])
    for group in org.okta.all("group"):
        if group["type"] == "OKTA_GROUP" and members.isdisjoint(group["_members"]):
            people = {**org.rule["conditions"]["people"], "groups": {"include": [group["id"]], "exclude": []}}
            _change_conditions(org, people=people)
            return
    raise NothingToBreakError("every group has some of Kiro's users")


@misconfiguration("okta-rule-lifetimes")
def _rule_lifetimes(org: Org) -> None:
    """An admin set the idle lifetime of refresh tokens to 10 minutes, below that of access tokens."""
    rule = org.rule
    token = {**rule["actions"]["token"], "accessTokenLifetimeMinutes": 60, "refreshTokenWindowMinutes": 10}
    org.change("authRule", rule, actions={**rule["actions"], "token": token})


@misconfiguration("okta-key-rotation")
def _key_rotation(org: Org) -> None:
    """An admin set key rotation to manual more than a year ago, and no one has rotated the keys since."""
    server = org.server
    signing = {**server["credentials"]["signing"], "rotationMode": "MANUAL", "lastRotated": ago(days=400)}
    signing.pop("nextRotation", None)
    org.change("authorizationServer", server, credentials={**server["credentials"], "signing": signing})
