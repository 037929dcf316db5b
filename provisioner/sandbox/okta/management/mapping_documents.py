"""Profile mappings and schemas of an application, made with it.

Okta makes one mapping from its users to the application's and one back (recorded: test_filter_profile_mappings_by_target).
Which attributes a catalogue application's mapping has is not recorded; here they are those whose names both sides share.
"""

from __future__ import annotations

from provisioner.sandbox.okta.management import schema_documents
from provisioner.sandbox.okta.management.identity import new_id
from provisioner.sandbox.store import Document, Store

_SCIM = {
    "givenName": "user.firstName",
    "familyName": "user.lastName",
    "middleName": "user.middleName",
    "honorificPrefix": "user.honorificPrefix",
    "honorificSuffix": "user.honorificSuffix",
    "displayName": "user.displayName",
    "nickName": "user.nickName",
    "profileUrl": "user.profileUrl",
    "email": "user.email",
    "title": "user.title",
    "userType": "user.userType",
    "preferredLanguage": "user.preferredLanguage",
    "locale": "user.locale",
    "timezone": "user.timezone",
    "streetAddress": "user.streetAddress",
    "locality": "user.city",
    "region": "user.state",
    "postalCode": "user.zipCode",
    "country": "user.countryCode",
    "employeeNumber": "user.employeeNumber",
    "costCenter": "user.costCenter",
    "organization": "user.organization",
    "division": "user.division",
    "department": "user.department",
}
_OIDC = {
    "name": 'user.firstName + " " + user.lastName',
    "nickname": "user.nickName",
    "given_name": "user.firstName",
    "middle_name": "user.middleName",
    "family_name": "user.lastName",
    "email": "user.email",
    "profile": "user.profileUrl",
    "zoneinfo": "user.timezone",
    "locale": "user.locale",
    "phone_number": "user.primaryPhone",
    "street_address": "user.streetAddress",
    "locality": "user.city",
    "region": "user.state",
    "postal_code": "user.zipCode",
    "country": "user.countryCode",
}
_BACK = {
    "login": "appuser.userName",
    "firstName": "appuser.givenName",
    "lastName": "appuser.familyName",
    "email": "appuser.email",
}


def create_for(store: Store, app: Document) -> None:
    """Make a new application's schema and its two mappings."""
    store.put("appSchema", app["id"], schema_documents.of_app(app))
    user_type = next(each for each in store.all("userType") if each["default"])
    there = {"id": user_type["id"], "name": user_type["name"], "type": "user"}
    here = {"id": app["id"], "name": app["name"], "type": "appuser"}
    outward, back, push = _expressions(app)
    _put(store, app, here, there, {name: _entry(text, "DONT_PUSH") for name, text in back.items()})
    _put(store, app, there, here, {name: _entry(text, push) for name, text in outward.items()})


def _expressions(app: Document) -> tuple[dict[str, str], dict[str, str], str]:
    if app["name"] == "oidc_client":
        return _OIDC, {}, "DONT_PUSH"
    if app["name"] in schema_documents.PROVISIONED:
        return _SCIM, _BACK, "PUSH"
    return {}, {}, "DONT_PUSH"


def _entry(expression: str, push: str) -> Document:
    return {"expression": expression, "pushStatus": push}


def _put(store: Store, app: Document, source: Document, target: Document, properties: Document) -> None:
    key = new_id("prm")
    store.put(
        "mapping",
        key,
        {"id": key, "source": source, "target": target, "properties": properties, "_appId": app["id"]},
    )
