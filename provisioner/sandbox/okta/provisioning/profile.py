"""From an Okta user to a SCIM user: the application's profile mapping, and the SCIM attributes of its profile.

Okta Management API 2026.06.3, ProfileMappingProperty: an expression and a push status, PUSH ("on create and update") or
DONT_PUSH ("on create only"). The SCIM attribute of a profile attribute is in the profile schema (``externalName``,
``externalNamespace``); for a catalog application the sandbox uses the names of Okta's SCIM 2.0 application templates. That
AWS IAM Identity Center uses those is an inference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.sandbox.okta.provisioning.expressions import ExpressionError, evaluate
from provisioner.sandbox.scim import CORE_USER, ENTERPRISE_USER, Body
from provisioner.sandbox.store import Document, Store

_CORE = {
    "givenName": "name.givenName",
    "firstName": "name.givenName",
    "familyName": "name.familyName",
    "lastName": "name.familyName",
    "middleName": "name.middleName",
    "honorificPrefix": "name.honorificPrefix",
    "honorificSuffix": "name.honorificSuffix",
    **{
        name: name
        for name in (
            *("displayName", "nickName", "profileUrl", "title", "userType"),
            *("preferredLanguage", "locale", "timezone"),
        )
    },
}
_ENTERPRISE = {
    **{name: name for name in ("employeeNumber", "costCenter", "organization", "division", "department")},
    "managerValue": "manager.value",
    "manager": "manager.value",
}
_MULTI_VALUED = {
    "email": ("emails", "value"),
    "primaryPhone": ("phoneNumbers", "value"),
    "mobilePhone": ("phoneNumbers", "value"),
    **{
        name: ("addresses", name) for name in ("streetAddress", "locality", "region", "postalCode", "country")
    },
}
_TYPES = {"email": "work", "primaryPhone": "work", "mobilePhone": "mobile"}


class MappingError(ValueError):
    """An expression of a profile mapping cannot be evaluated for a user."""


def profile_mapping(store: Store, app_id: str) -> Document:
    """The profile mapping from Okta users to an application; empty when it has none."""
    return next(
        (
            mapping
            for mapping in store.all("mapping")
            if mapping.get("_appId") == app_id and (mapping.get("target") or {}).get("id") == app_id
        ),
        {},
    )


def app_profile(user: Document, app_user: Document, mapping: Document, *, update: bool) -> dict[str, Any]:
    """The application profile of a user, built by the mapping.

    Args:
        user: the Okta user.
        app_user: the application user.
        mapping: the profile mapping.
        update: leave out attributes that are mapped on create only.

    Raises:
        MappingError: an expression cannot be evaluated.
    """
    scopes = {
        "user": {**user.get("profile", {}), "id": user["id"], "status": user.get("status")},
        "appuser": {**(app_user.get("profile") or {}), "userName": user_name(user, app_user)},
    }
    profile: dict[str, Any] = {}
    for name, entry in (mapping.get("properties") or {}).items():
        if update and entry.get("pushStatus") == "DONT_PUSH":
            continue
        try:
            value = evaluate(str(entry.get("expression") or "null"), scopes)
        except ExpressionError as error:
            raise MappingError(f"{name}: {error}") from error
        if value not in (None, ""):
            profile[name] = value
    return profile


def user_name(user: Document, app_user: Document) -> str:
    """The user name in the application; the login when the application user has none."""
    return str((app_user.get("credentials") or {}).get("userName") or user["profile"]["login"])


def scim_user(profile: Mapping[str, Any], name: str, okta_id: str, schema: Document | None) -> Body:
    """The SCIM user for an application profile.

    Args:
        profile: the application profile.
        name: userName.
        okta_id: becomes externalId (as in the example of "Okta and SCIM Version 2.0").
        schema: the application's profile schema, if any.
    """
    body: Body = {"schemas": [CORE_USER], "userName": name, "externalId": okta_id, "active": True}
    external_names = _external_names(schema)
    for attribute, value in profile.items():
        _write(body, attribute, value, external_names.get(attribute))
    if ENTERPRISE_USER in body:
        body["schemas"] = [CORE_USER, ENTERPRISE_USER]
    return body


def _external_names(schema: Document | None) -> dict[str, tuple[str, str]]:
    """External name and namespace by attribute, for attributes that have them in the schema."""
    names: dict[str, tuple[str, str]] = {}
    for definition in ((schema or {}).get("definitions") or {}).values():
        for attribute, entry in (definition.get("properties") or {}).items():
            if entry.get("externalName"):
                names[attribute] = (entry["externalName"], entry.get("externalNamespace") or CORE_USER)
    return names


def _write(body: Body, attribute: str, value: Any, external_name: tuple[str, str] | None) -> None:
    if attribute in _MULTI_VALUED:
        name, sub_attribute = _MULTI_VALUED[attribute]
        _value_of_type(body, name, _TYPES.get(attribute, "work"))[sub_attribute] = value
    elif attribute in _CORE:
        _put(body, _CORE[attribute], value)
    elif attribute in _ENTERPRISE:
        _put(body.setdefault(ENTERPRISE_USER, {}), _ENTERPRISE[attribute], value)
    elif external_name is not None:
        name, namespace = external_name
        _put(body if namespace == CORE_USER else body.setdefault(namespace, {}), name, value)


def _value_of_type(body: Body, name: str, value_type: str) -> Body:
    """The value of a type in a multi-valued attribute, added when it is missing; the first value is the primary one."""
    values: list[Body] = body.setdefault(name, [])
    for value in values:
        if value["type"] == value_type:
            return value
    values.append({"type": value_type, "primary": not values})
    return values[-1]


def _put(body: Body, path: str, value: Any) -> None:
    name, _, sub_attribute = path.partition(".")
    if sub_attribute:
        body.setdefault(name, {})[sub_attribute] = value
    else:
        body[name] = value
