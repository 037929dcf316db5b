"""From an Okta user to a SCIM user: the profile mapping of the application, and the names of SCIM.

Okta Management API 2026.06.3, ProfileMappingProperty: an expression and a push status, PUSH ("on create and update") or
DONT_PUSH ("on create only"). Which SCIM attribute stands behind an attribute of the application's profile is in the
profile's schema (``externalName``, ``externalNamespace``); for an integration of the catalogue the sandbox falls back
on the names of Okta's SCIM 2.0 application templates. That AWS IAM Identity Center uses those is an inference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.sandbox.okta.provisioning.expressions import ExpressionError, evaluate
from provisioner.sandbox.scim import CORE_USER, ENTERPRISE_USER, Body
from provisioner.sandbox.store import Document, Store

_NAMES = {
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
_LISTS = {
    "email": ("emails", "value"),
    "primaryPhone": ("phoneNumbers", "value"),
    "mobilePhone": ("phoneNumbers", "value"),
    **{
        name: ("addresses", name) for name in ("streetAddress", "locality", "region", "postalCode", "country")
    },
}
_TYPES = {"email": "work", "primaryPhone": "work", "mobilePhone": "mobile"}


class UnmappableError(ValueError):
    """A user whose profile the mapping cannot make."""


def mapping_of(store: Store, app_id: str) -> Document:
    """The profile mapping from the org's users to an application; empty when there is none."""
    return next(
        (
            found
            for found in store.all("mapping")
            if found.get("_appId") == app_id and (found.get("target") or {}).get("id") == app_id
        ),
        {},
    )


def profile_of(user: Document, app_user: Document, mapping: Document, *, update: bool) -> dict[str, Any]:
    """The application's profile of a user: what the mapping makes of the org's.

    Args:
        user: the Okta user.
        app_user: the assignment, whose ``credentials.userName`` names the user in the application.
        mapping: the profile mapping.
        update: leave out what is mapped on creation only.

    Raises:
        UnmappableError: an expression makes no sense.
    """
    holders = {
        "user": {**user.get("profile", {}), "id": user["id"], "status": user.get("status")},
        "appuser": {**(app_user.get("profile") or {}), "userName": user_name(user, app_user)},
    }
    profile: dict[str, Any] = {}
    for name, entry in (mapping.get("properties") or {}).items():
        if update and entry.get("pushStatus") == "DONT_PUSH":
            continue
        try:
            value = evaluate(str(entry.get("expression") or "null"), holders)
        except ExpressionError as error:
            raise UnmappableError(f"{name}: {error}") from error
        if value not in (None, ""):
            profile[name] = value
    return profile


def user_name(user: Document, app_user: Document) -> str:
    """The user's name in the application; the login when the assignment has none."""
    return str((app_user.get("credentials") or {}).get("userName") or user["profile"]["login"])


def scim_user(profile: Mapping[str, Any], name: str, okta_id: str, schema: Document | None) -> Body:
    """The SCIM user of a profile.

    Args:
        profile: the application's profile of the user.
        name: userName.
        okta_id: becomes externalId (as in the example of "Okta and SCIM Version 2.0").
        schema: the application's profile schema, when there is one.
    """
    body: Body = {"schemas": [CORE_USER], "userName": name, "externalId": okta_id, "active": True}
    declared = _declared(schema)
    for attribute, value in profile.items():
        _write(body, attribute, value, declared.get(attribute))
    if ENTERPRISE_USER in body:
        body["schemas"] = [CORE_USER, ENTERPRISE_USER]
    return body


def _declared(schema: Document | None) -> dict[str, tuple[str, str]]:
    """External name and namespace by attribute, where the schema has them."""
    found: dict[str, tuple[str, str]] = {}
    for part in ((schema or {}).get("definitions") or {}).values():
        for name, entry in (part.get("properties") or {}).items():
            if entry.get("externalName"):
                found[name] = (entry["externalName"], entry.get("externalNamespace") or CORE_USER)
    return found


def _write(body: Body, attribute: str, value: Any, declared: tuple[str, str] | None) -> None:
    if attribute in _LISTS:
        name, sub = _LISTS[attribute]
        kind = _TYPES.get(attribute, "work")
        _entry(body, name, kind)[sub] = value
    elif attribute in _NAMES:
        _put(body, _NAMES[attribute], value)
    elif attribute in _ENTERPRISE:
        _put(body.setdefault(ENTERPRISE_USER, {}), _ENTERPRISE[attribute], value)
    elif declared is not None:
        name, namespace = declared
        _put(body if namespace == CORE_USER else body.setdefault(namespace, {}), name, value)


def _entry(body: Body, name: str, kind: str) -> Body:
    """The entry of a type in a multivalued attribute; the first entry made is the primary one."""
    entries: list[Body] = body.setdefault(name, [])
    for each in entries:
        if each["type"] == kind:
            return each
    entries.append({"type": kind, "primary": not entries})
    return entries[-1]


def _put(body: Body, path: str, value: Any) -> None:
    name, _, sub = path.partition(".")
    if sub:
        body.setdefault(name, {})[sub] = value
    else:
        body[name] = value
