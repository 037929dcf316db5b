"""User types and profile schemas (Okta Management API 2026.06.3, Schema; recorded: AppUserBaseSchema_change).

Attributes of an OpenID Connect application, with their titles: recorded traffic of terraform-provider-okta
(TestAccResourceOktaAppUserBaseSchema_change). Attributes of a user: Okta Management API 2026.06.3, UserSchemaBaseProperties.
The attributes of AWS IAM Identity Center are not recorded: the sandbox uses those of Okta's SCIM 2.0 templates, which include
``department`` and ``employeeNumber`` (named in the vendor's guide).
"""

from __future__ import annotations

import secrets
import string
from typing import Any

from provisioner.sandbox.okta.management.directory import default_user_type, user_schema_id
from provisioner.sandbox.okta.management.errors import invalid, not_found
from provisioner.sandbox.okta.management.objects import find, now
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse, Route
from provisioner.sandbox.okta.management.system_log import app_target, log_request
from provisioner.sandbox.store import Document

_OIDC_ATTRIBUTES = {
    "userName": ("Username", "preferred_username", ""),
    "name": ("Name", "", "End-User's full name in displayable form."),
    "nickname": (
        "Nickname",
        "",
        "Casual name of the End-User (may or may not be the same as the given_name)",
    ),
    "given_name": ("Given Name", "", "Given name or first name of the End-User."),
    "middle_name": ("Middle Name", "", "Middle name of the End-User."),
    "family_name": ("Family Name", "", "Surname or last name of the End-User."),
    "email": ("Email", "", "End-User's preferred e-mail address."),
    "profile": ("Profile URL", "", "URL of the End-User's profile page."),
    "picture": ("Picture URL", "", "URL of the End-User's profile picture."),
    "website": ("Website", "", "URL of the End-User's Web page or blog."),
    "gender": ("Gender", "", "End-User's gender."),
    "birthdate": ("Birthdate", "", "End-User's birthday, represented as an ISO 8601:2004 YYYY-MM-DD format."),
    "zoneinfo": ("Time Zone", "", "String representing the End-User's time zone."),
    "locale": (
        "Locale Name",
        "",
        "ISO3166\u20111 country code in uppercase, separated by a dash (e.g. 'en-US')",
    ),
    "phone_number": ("Phone Number", "", "End-User's preferred telephone number in E.164 format."),
    "street_address": ("Street Address", "address.street_address", "Full street address component."),
    "locality": ("Locality", "address.locality", "City or locality component."),
    "region": ("Region", "address.region", "State, province, prefecture, or region component."),
    "postal_code": ("Postal Code", "address.postal_code", "Zip code or postal code component."),
    "country": ("Country", "address.country", "Country name component."),
    "formatted": ("Formatted", "address.formatted", "Full mailing address, formatted for display."),
}
"""Title, external name and description by attribute."""
_SCIM_ATTRIBUTES = {
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
_USER_ATTRIBUTES = {
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
_REQUIRED_USER_ATTRIBUTES = ("login", "firstName", "lastName", "email")
_JSON_SCHEMA = "http://json-schema.org/draft-04/schema#"
SCIM_APPS = ("amazon_aws_sso", "okta_org2org", "zscalerbyz")
"""Applications with the attributes of Okta's SCIM 2.0 templates."""


def new_app_schema(app: Document) -> Document:
    """The profile schema of a new application."""
    match app["name"]:
        case "oidc_client":
            base = {name: _oidc_attribute(name, *entry) for name, entry in _OIDC_ATTRIBUTES.items()}
        case name if name in SCIM_APPS:
            base = {
                name: _attribute(title, required=name == "userName")
                for name, title in _SCIM_ATTRIBUTES.items()
            }
        case _:
            base = {"userName": _attribute("Username", required=True)}
    suffix = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(7))
    return _schema(f"{app['name']}_{suffix}", f"{app['label']} User", base, ["userName"])


def new_user_schema() -> Document:
    """The profile schema of the default user type."""
    base = {
        name: {
            **_attribute(title, required=name in _REQUIRED_USER_ATTRIBUTES),
            "scope": "NONE",
            "mutability": "READ_WRITE",
            "permissions": [{"principal": "SELF", "action": "READ_WRITE"}],
            "master": {"type": "PROFILE_MASTER"},
        }
        for name, title in _USER_ATTRIBUTES.items()
    }
    return _schema("user", "User", base, list(_REQUIRED_USER_ATTRIBUTES))


def _schema(name: str, title: str, base: dict[str, Any], required: list[str]) -> Document:
    timestamp = now()
    return {
        "$schema": _JSON_SCHEMA,
        "name": name,
        "title": title,
        "lastUpdated": timestamp,
        "created": timestamp,
        "definitions": {
            "custom": {"id": "#custom", "type": "object", "properties": {}},
            "base": {"id": "#base", "type": "object", "properties": base, "required": required},
        },
        "type": "object",
        "properties": {
            "profile": {"allOf": [{"$ref": "#/definitions/custom"}, {"$ref": "#/definitions/base"}]}
        },
    }


def _attribute(title: str, *, required: bool = False) -> dict[str, Any]:
    return {"title": title, "type": "string", "scope": "SELF", **({"required": True} if required else {})}


def _oidc_attribute(name: str, title: str, external_name: str, description: str) -> dict[str, Any]:
    optional = {"description": description, "externalName": external_name}
    attribute = _attribute(title, required=name == "userName")
    return attribute | {member: value for member, value in optional.items() if value}


def _list_user_types(request: ApiRequest) -> ApiResponse:
    user_types = request.store.all("userType")
    return ApiResponse(200, [_render_user_type(request, user_type) for user_type in user_types])


def _get_user_type(request: ApiRequest, type_id: str) -> ApiResponse:
    for user_type in request.store.all("userType"):
        if type_id == user_type["id"] or (type_id == "default" and user_type["default"]):
            return ApiResponse(200, _render_user_type(request, user_type))
    raise not_found(type_id, "UserType")


def _render_user_type(request: ApiRequest, user_type: Document) -> Document:
    type_id = user_type["id"]
    links = {
        "schema": _link(request, "schema", f"meta/schemas/user/{user_schema_id(type_id)}"),
        "self": _link(request, "self", f"meta/types/user/{type_id}"),
    }
    return {**user_type, "_links": links}


def _link(request: ApiRequest, relation: str, path: str) -> Document:
    return {"rel": relation, "href": request.url(path), "method": "GET"}


def _app_schema(request: ApiRequest, app_id: str) -> Document:
    app = find(request.store, "app", app_id)
    schema = request.store.get("appSchema", app_id)
    if schema is None:
        schema = new_app_schema(app)
        request.store.put("appSchema", app_id, schema)
    return schema


def _get_app_schema(request: ApiRequest, app_id: str) -> ApiResponse:
    return ApiResponse(200, _render(request, f"apps/{app_id}/default", _app_schema(request, app_id)))


def _update_app_schema(request: ApiRequest, app_id: str) -> ApiResponse:
    """A partial update: a base attribute can become required or optional; null removes a custom attribute."""
    schema, changes = _app_schema(request, app_id), request.json_object().get("definitions") or {}
    base, custom = schema["definitions"]["base"], schema["definitions"]["custom"]
    for name, attribute in ((changes.get("base") or {}).get("properties") or {}).items():
        _change_base_attribute(base, name, attribute)
    for name, attribute in ((changes.get("custom") or {}).get("properties") or {}).items():
        if attribute is None:
            custom["properties"].pop(name, None)
        elif name in base["properties"]:
            raise invalid("definitions", f"{name}: is a base property")
        else:
            members = {key: value for key, value in attribute.items() if value is not None}
            custom["properties"][name] = {"scope": "NONE", **members}
    schema["lastUpdated"] = now()
    request.store.put("appSchema", app_id, schema)
    app = find(request.store, "app", app_id)
    log_request(request, "application.configuration.update", app_target(app))
    return ApiResponse(200, _render(request, f"apps/{app_id}/default", schema))


def _change_base_attribute(base: Document, name: str, change: Any) -> None:
    attribute = base["properties"].get(name)
    if attribute is None or change is None:
        raise invalid("definitions", f"{name}: base properties can be neither added nor removed")
    if change.get("required"):
        attribute["required"] = True
    else:
        attribute.pop("required", None)
    base["required"] = [key for key, value in base["properties"].items() if value.get("required")]


def _get_user_schema(request: ApiRequest, schema_id: str) -> ApiResponse:
    default_id = user_schema_id(default_user_type(request.store)["id"])
    if schema_id not in ("default", default_id):
        raise not_found(schema_id, "UserSchema")
    return ApiResponse(200, _render(request, f"user/{default_id}", request.store.setting("user_schema")))


def _render(request: ApiRequest, path: str, schema: Document) -> Document:
    links = {"self": _link(request, "self", f"meta/schemas/{path}")}
    return {"id": f"{request.base_url}/meta/schemas/{path}", **schema, "_links": links}


_APP_SCHEMA = "/api/v1/meta/schemas/apps/{app_id}/default"
_USER_TYPES = "/api/v1/meta/types/user"
_USER_SCHEMA = "/api/v1/meta/schemas/user/{schema_id}"
ROUTES = (
    Route("GET", _USER_TYPES, _list_user_types, ("okta.userTypes.read",), "other"),
    Route("GET", f"{_USER_TYPES}/{{type_id}}", _get_user_type, ("okta.userTypes.read",), "other"),
    Route("GET", _APP_SCHEMA, _get_app_schema, ("okta.schemas.read",), "other"),
    Route("POST", _APP_SCHEMA, _update_app_schema, ("okta.schemas.manage",), "other"),
    Route("GET", _USER_SCHEMA, _get_user_schema, ("okta.schemas.read",), "other"),
)
