"""Request bodies for Okta. Pure functions.

:class:`~provisioner.providers.base.wire.Wire` states where each field goes. Members that the product does not manage stay
as they are in the existing object, because Okta replaces the whole object.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from provisioner.core.resource import CREATE_ONLY, Resource
from provisioner.providers.base.wire import Json, build_body

from . import resources as kinds

_NEW_APPLICATION: Final[Json] = {
    "name": kinds.OIDC_NAME,
    "signOnMode": "OPENID_CONNECT",
    "credentials": {"oauthClient": {"autoKeyRotation": True}},
    "settings": {
        "oauthClient": {"consent_method": "TRUSTED", "refresh_token": {"rotation_type": "STATIC"}},
    },
}
_NEW_POLICY: Final[Json] = {
    "type": "OAUTH_AUTHORIZATION_POLICY",
    "description": "Kiro",
    "status": kinds.ACTIVE,
    "priority": 1,
}
_NEW_RULE: Final[Json] = {
    "type": "RESOURCE_ACCESS",
    "status": kinds.ACTIVE,
    "priority": 1,
    **build_body(kinds.PolicyRule, kinds.DEFAULT_LIFETIMES),
}


def application_body(desired: kinds.Application, existing: Json) -> Json:
    """The OIDC application.

    Args:
        desired: the fields to set; None leaves a field unchanged.
        existing: Okta's object, or ``{}`` to create one; so in all functions here.
    """
    return merge(existing or _NEW_APPLICATION, _desired_members(desired, existing))


def scim_application_body(desired: kinds.ScimApplication, acs_url: str, entity_id: str) -> Json:
    """The SCIM application, to create it from the catalog.

    Whether the catalog requires both SAML settings is not documented; public Terraform configurations send them.
    """
    new: Json = {
        "name": kinds.SCIM_NAME,
        "signOnMode": "SAML_2_0",
        "settings": {"app": {"acsURL": acs_url, "entityID": entity_id}, "notes": {"enduser": None}},
    }
    return merge(new, _desired_members(desired, {}))


def server_body(desired: kinds.AuthorizationServer, existing: Json) -> Json:
    """The authorization server. Of its signing credentials, only two members are writable."""
    changes = _desired_members(desired, existing)
    if desired.audience is not None:
        changes["audiences"] = [desired.audience]
    base = {name: value for name, value in existing.items() if name != "credentials"}
    signing = (existing.get("credentials") or {}).get("signing") or {}
    if writable := {name: signing[name] for name in ("rotationMode", "use") if name in signing}:
        base["credentials"] = {"signing": writable}
    return merge(base, changes)


def scope_body(desired: kinds.Scope, existing: Json) -> Json:
    """A scope."""
    new = {"name": desired.key, "metadataPublish": "NO_CLIENTS"}
    return merge(existing or new, _desired_members(desired, existing))


def policy_body(desired: kinds.AccessPolicy, existing: Json) -> Json:
    """The access policy."""
    return merge(existing or _NEW_POLICY, _desired_members(desired, existing))


def rule_body(desired: kinds.PolicyRule, existing: Json) -> Json:
    """The rule. A new one has the token lifetimes of the Admin Console."""
    return merge(existing or _NEW_RULE, _desired_members(desired, existing))


def remove_attributes_body(names: Iterable[str]) -> Json:
    """Removes attributes from a profile mapping: each is null (recorded traffic, ProfileMapping_crud)."""
    return {"properties": dict.fromkeys(names)}


def merge(base: Json, changes: Json) -> Json:
    """The base with these members. Objects are merged; other values, lists included, are replaced."""
    result = dict(base)
    for name, value in changes.items():
        existing = result.get(name)
        if isinstance(value, dict):
            result[name] = merge(existing if isinstance(existing, dict) else {}, value)
        else:
            result[name] = value
    return result


def _desired_members(desired: Resource, existing: Json) -> Json:
    """The members that a desired resource sets."""
    values = {
        name: value
        for name, field in desired.writable_fields().items()
        if (value := getattr(desired, name)) is not None and not (existing and CREATE_ONLY in field.metadata)
    }
    return build_body(type(desired), values)
