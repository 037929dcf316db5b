"""Profile schemas: of the org's users, and of each application's users.

The attributes of an OpenID Connect application, with their titles: recorded traffic of terraform-provider-okta
(TestAccResourceOktaAppUserBaseSchema_change). Those of a user: Okta Management API 2026.06.3, UserSchemaBaseProperties.
Those of AWS IAM Identity Center are not recorded anywhere: the sandbox gives it the ones of Okta's SCIM 2.0 templates,
``department`` and ``employeeNumber`` (which the vendor's guide names) among them.
"""

from __future__ import annotations

import secrets
import string
from typing import Any

from provisioner.sandbox.okta.management.identity import now
from provisioner.sandbox.store import Document

_OIDC = {
    "userName": ("Username", "preferred_username"),
    "name": ("Name", ""),
    "nickname": ("Nickname", ""),
    "given_name": ("Given Name", ""),
    "middle_name": ("Middle Name", ""),
    "family_name": ("Family Name", ""),
    "email": ("Email", ""),
    "profile": ("Profile URL", ""),
    "picture": ("Picture URL", ""),
    "website": ("Website", ""),
    "gender": ("Gender", ""),
    "birthdate": ("Birthdate", ""),
    "zoneinfo": ("Time Zone", ""),
    "locale": ("Locale Name", ""),
    "phone_number": ("Phone Number", ""),
    "street_address": ("Street Address", "address.street_address"),
    "locality": ("Locality", "address.locality"),
    "region": ("Region", "address.region"),
    "postal_code": ("Postal Code", "address.postal_code"),
    "country": ("Country", "address.country"),
    "formatted": ("Formatted", "address.formatted"),
}
_DESCRIPTIONS = {
    "name": "End-User's full name in displayable form.",
    "nickname": "Casual name of the End-User (may or may not be the same as the given_name)",
    "given_name": "Given name or first name of the End-User.",
    "middle_name": "Middle name of the End-User.",
    "family_name": "Surname or last name of the End-User.",
    "email": "End-User's preferred e-mail address.",
    "profile": "URL of the End-User's profile page.",
    "picture": "URL of the End-User's profile picture.",
    "website": "URL of the End-User's Web page or blog.",
    "gender": "End-User's gender.",
    "birthdate": "End-User's birthday, represented as an ISO 8601:2004 YYYY-MM-DD format.",
    "zoneinfo": "String representing the End-User's time zone.",
    "locale": "ISO3166\u20111 country code in uppercase, separated by a dash (e.g. 'en-US')",
    "phone_number": "End-User's preferred telephone number in E.164 format.",
    "street_address": "Full street address component.",
    "locality": "City or locality component.",
    "region": "State, province, prefecture, or region component.",
    "postal_code": "Zip code or postal code component.",
    "country": "Country name component.",
    "formatted": "Full mailing address, formatted for display.",
}
_SCIM = {
    "userName": "Username",
    "givenName": "Given name",
    "familyName": "Family name",
    "middleName": "Middle name",
    "honorificPrefix": "Honorific prefix",
    "honorificSuffix": "Honorific suffix",
    "displayName": "Display name",
    "nickName": "Nickname",
    "profileUrl": "Profile URL",
    "email": "Email",
    "title": "Title",
    "userType": "User type",
    "preferredLanguage": "Preferred language",
    "locale": "Locale name",
    "timezone": "Time zone",
    "primaryPhone": "Primary phone",
    "streetAddress": "Street address",
    "locality": "City",
    "region": "State",
    "postalCode": "Postal code",
    "country": "Country",
    "employeeNumber": "Employee number",
    "costCenter": "Cost center",
    "organization": "Organization",
    "division": "Division",
    "department": "Department",
    "managerValue": "Manager value",
}
_USER = {
    "login": "Username",
    "firstName": "First name",
    "lastName": "Last name",
    "middleName": "Middle name",
    "honorificPrefix": "Honorific prefix",
    "honorificSuffix": "Honorific suffix",
    "email": "Primary email",
    "title": "Title",
    "displayName": "Display name",
    "nickName": "Nickname",
    "profileUrl": "Profile Url",
    "secondEmail": "Secondary email",
    "mobilePhone": "Mobile phone",
    "primaryPhone": "Primary phone",
    "streetAddress": "Street address",
    "city": "City",
    "state": "State",
    "zipCode": "Zip code",
    "countryCode": "Country code",
    "postalAddress": "Postal address",
    "preferredLanguage": "Preferred language",
    "locale": "Locale",
    "timezone": "Time zone",
    "userType": "User type",
    "employeeNumber": "Employee number",
    "costCenter": "Cost center",
    "organization": "Organization",
    "division": "Division",
    "department": "Department",
    "managerId": "ManagerId",
    "manager": "Manager",
}
_REQUIRED_OF_USERS = ("login", "firstName", "lastName", "email")
_URI = "http://json-schema.org/draft-04/schema#"
PROVISIONED = ("amazon_aws_sso", "okta_org2org", "zscalerbyz")
"""Types of applications that take users by SCIM or the like."""


def of_app(app: Document) -> Document:
    """A new application's schema."""
    match app["name"]:
        case "oidc_client":
            base = {name: _oidc(name, *known) for name, known in _OIDC.items()}
            required = ["userName"]
        case name if name in PROVISIONED:
            base = {name: _property(title, required=name == "userName") for name, title in _SCIM.items()}
            required = ["userName"]
        case _:
            base = {"userName": _property("Username", required=True)}
            required = ["userName"]
    suffix = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(7))
    return _schema(f"{app['name']}_{suffix}", f"{app['label']} User", base, required)


def of_users() -> Document:
    """The schema of the org's users."""
    base = {
        name: {
            **_property(title, required=name in _REQUIRED_OF_USERS),
            "mutability": "READ_WRITE",
            "permissions": [{"principal": "SELF", "action": "READ_WRITE"}],
            "master": {"type": "PROFILE_MASTER"},
        }
        for name, title in _USER.items()
    }
    for known in base.values():
        known["scope"] = "NONE"
    return _schema("user", "User", base, list(_REQUIRED_OF_USERS))


def _schema(name: str, title: str, base: dict[str, Any], required: list[str]) -> Document:
    moment = now()
    return {
        "$schema": _URI,
        "name": name,
        "title": title,
        "lastUpdated": moment,
        "created": moment,
        "definitions": {
            "custom": {"id": "#custom", "type": "object", "properties": {}},
            "base": {"id": "#base", "type": "object", "properties": base, "required": required},
        },
        "type": "object",
        "properties": {
            "profile": {"allOf": [{"$ref": "#/definitions/custom"}, {"$ref": "#/definitions/base"}]}
        },
    }


def _oidc(name: str, title: str, external: str) -> dict[str, Any]:
    found = _property(title, required=name == "userName")
    if name in _DESCRIPTIONS:
        found["description"] = _DESCRIPTIONS[name]
    if external:
        found["externalName"] = external
    return found


def _property(title: str, *, required: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {"title": title, "type": "string", "scope": "SELF"}
    if required:
        found["required"] = True
    return found
