"""What writes send to Okta. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from . import resources as kinds
from .resources import Json

_ACTIVE = "ACTIVE"


def application_body(wanted: kinds.Application, base: Json) -> Json:
    """The OIDC application to write.

    Args:
        wanted: the fields to set; None leaves what is in the base.
        base: what is there, or ``{}`` for a new one. Whatever the product does not own stays.
    """
    client: Json = {
        "application_type": wanted.application_type,
        "grant_types": _listed(wanted.grant_types),
        "response_types": _listed(wanted.response_types),
        "redirect_uris": _listed(wanted.redirect_uris),
        "wildcard_redirect": wanted.wildcard_redirect,
    }
    credentials: Json = {
        "token_endpoint_auth_method": wanted.authentication,
        "pkce_required": wanted.pkce_required,
    }
    changes: Json = {
        "label": wanted.label,
        "credentials": {"oauthClient": credentials},
        "settings": {"oauthClient": client},
    }
    if not base:
        changes |= {"name": kinds.OIDC_NAME, "signOnMode": "OPENID_CONNECT"}
        client |= {"consent_method": "TRUSTED", "refresh_token": {"rotation_type": "STATIC"}}
        credentials["autoKeyRotation"] = True
        changes["settings"]["notes"] = {"admin": wanted.notes, "enduser": None}
    return laid_over(base, changes)


def scim_application_body(label: str, notes: str, acs_url: str, entity_id: str) -> Json:
    """The application from the catalogue to create.

    Whether both SAML settings are demanded is not documented; public Terraform configurations give them.
    """
    return {
        "name": kinds.SCIM_NAME,
        "label": label,
        "signOnMode": "SAML_2_0",
        "settings": {
            "app": {"acsURL": acs_url, "entityID": entity_id},
            "notes": {"admin": notes, "enduser": None},
        },
    }


def server_body(wanted: kinds.AuthorizationServer, base: Json) -> Json:
    """The authorization server to write."""
    changes: Json = {
        "audiences": None if wanted.audience is None else [wanted.audience],
        "issuerMode": wanted.issuer_mode,
        "credentials": {"signing": {"rotationMode": wanted.rotation}},
    }
    if not base:
        changes |= {"name": wanted.name, "description": wanted.description}
        return laid_over({}, changes)
    signing = (base.get("credentials") or {}).get("signing") or {}
    writable = {name: signing[name] for name in ("rotationMode", "use") if name in signing}
    kept = {"credentials": {"signing": writable}} if writable else {}
    return laid_over({**{name: base[name] for name in base if name != "credentials"}, **kept}, changes)


def scope_body(wanted: kinds.Scope, base: Json) -> Json:
    """The scope to write."""
    new: Json = {} if base else {"name": wanted.key, "metadataPublish": "NO_CLIENTS"}
    return laid_over(base, {**new, "consent": wanted.consent, "default": wanted.default})


def policy_body(wanted: kinds.AccessPolicy, base: Json) -> Json:
    """The access policy to write."""
    changes: Json = {
        "conditions": {"clients": {"include": _listed(wanted.clients)}},
        "priority": wanted.priority,
    }
    if not base:
        changes |= {
            "type": "OAUTH_AUTHORIZATION_POLICY",
            "name": wanted.name,
            "description": "Kiro",
            "status": _ACTIVE,
            "priority": wanted.priority or 1,
        }
    return laid_over(base, changes)


def rule_body(wanted: kinds.PolicyRule, base: Json) -> Json:
    """The rule to write. A new one has the console's lifetimes: an hour, without end, seven days."""
    people = {
        "groups": {"include": _listed(wanted.groups), "exclude": _listed(wanted.excluded_groups)},
        "users": {"include": _listed(wanted.users), "exclude": _listed(wanted.excluded_users)},
    }
    lifetimes = {
        "accessTokenLifetimeMinutes": wanted.access_minutes,
        "refreshTokenLifetimeMinutes": wanted.refresh_minutes,
        "refreshTokenWindowMinutes": wanted.refresh_window_minutes,
    }
    changes: Json = {
        "conditions": {
            "people": people,
            "grantTypes": {"include": _listed(wanted.grant_types)},
            "scopes": {"include": _listed(wanted.scopes)},
        },
        "actions": {"token": lifetimes},
    }
    if base:
        return laid_over(base, changes)
    defaults = {
        "accessTokenLifetimeMinutes": 60,
        "refreshTokenLifetimeMinutes": 0,
        "refreshTokenWindowMinutes": 10080,
    }
    new: Json = {
        "type": "RESOURCE_ACCESS",
        "name": wanted.name,
        "status": _ACTIVE,
        "priority": 1,
        "actions": {"token": defaults},
    }
    return laid_over(new, changes)


def unmapped_body(names: Iterable[str]) -> Json:
    """What removes properties from a profile mapping: each as null (recorded traffic, ProfileMapping_crud)."""
    return {"properties": dict.fromkeys(names)}


def laid_over(base: Json, changes: Json) -> Json:
    """The base with these members; None changes nothing, and what is not named stays."""
    result = dict(base)
    for name, value in changes.items():
        if isinstance(value, dict):
            below = result.get(name)
            merged = laid_over(below if isinstance(below, dict) else {}, value)
            if merged or isinstance(below, dict):
                result[name] = merged
        elif value is not None:
            result[name] = value
    return result


def _listed(values: Iterable[object] | None) -> list[str] | None:
    return None if values is None else [str(value) for value in values]
