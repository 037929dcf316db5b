"""Rules that Entra ID enforces on applications."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from provisioner.sandbox.entra.graph.documents import is_guid
from provisioner.sandbox.entra.graph.errors import BAD_REQUEST, GraphError, already_exists, bad_request
from provisioner.sandbox.store import Document

_MAX_PERMISSIONS = 700
_MAX_REDIRECT_URIS = 256
_MAX_PERSONAL_REDIRECT_URIS = 100
_MAX_URI_LENGTH = 256
_PERSONAL_AUDIENCES = ("AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount")
_AUDIENCES = ("AzureADMyOrg", "AzureADMultipleOrgs", *_PERSONAL_AUDIENCES)
_PLATFORMS = ("web", "spa", "publicClient")

# Allowed characters of a scope or role value, and its length (permissionScope and appRole resources: value).
_VALUE = re.compile(r"(?!\.)[\w!#$%&'()*+,\-./:;=?@\[\]^{}~|`]{1,120}", re.ASCII)
_URI_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_FORBIDDEN_IN_REDIRECT = frozenset("!$'(),;")


def check(before: Document | None, after: Document) -> None:
    """Check the application alone, without the rest of the tenant.

    Args:
        before: the stored application, or None for a new one.
        after: the application as it would be stored.

    Raises:
        GraphError: 400 when a rule is broken.
    """
    _check_name(after)
    _check_permissions(after)
    if before is not None:
        _check_disabled_first(before, after)
        _check_unique_name(before, after)
    _check_audience(after)
    _check_redirect_uris(after)
    for uri in after["identifierUris"]:
        _check_identifier_uri(uri)


def _check_name(after: Document) -> None:
    name = after["displayName"]
    if not name:
        raise bad_request("A value is required for property 'displayName' of resource 'Application'.")
    if len(name) > 256:
        raise bad_request("Invalid value specified for property 'displayName' of resource 'Application'.")


def _permissions(application: Document) -> list[Document]:
    return [*application["api"]["oauth2PermissionScopes"], *application["appRoles"]]


def _check_permissions(after: Document) -> None:
    scopes, roles = after["api"]["oauth2PermissionScopes"], after["appRoles"]
    if len(scopes) + len(roles) > _MAX_PERMISSIONS:
        raise bad_request(
            "The number of permission definitions exceeds the limit of 700.", "Directory_QuotaExceeded"
        )
    for target, permissions in (("api.oauth2PermissionScopes", scopes), ("appRoles", roles)):
        for permission in permissions:
            _check_permission(permission, target)
        _check_duplicates([p.get("value") for p in permissions], target)
    _check_duplicates([p["id"] for p in _permissions(after)], "api.oauth2PermissionScopes")
    scope_ids = {scope["id"] for scope in scopes}
    for client in after["api"]["preAuthorizedApplications"]:
        if not scope_ids.issuperset(client.get("delegatedPermissionIds") or []):
            raise bad_request(
                "Property api.preAuthorizedApplications.delegatedPermissionIds has a Permission Id that cannot be "
                "found in the AppPermissions sets.",
                "InvalidValue",
            )


def _check_permission(permission: Document, target: str) -> None:
    if not is_guid(permission.get("id")):
        raise bad_request(f"Property {target}.id is missing or is not a GUID.", "InvalidValue")
    value = permission.get("value")
    if value is not None and not _VALUE.fullmatch(value):
        raise bad_request(f"Property {target}.value is invalid: '{value}'.", "InvalidValue")
    if target == "appRoles":
        if not permission.get("allowedMemberTypes"):
            raise bad_request("Property appRoles.allowedMemberTypes must not be empty.", "InvalidValue")
        return
    if value is None:
        raise bad_request(f"Property {target}.value must not be empty.", "InvalidValue")
    if permission.get("type", "User") not in ("User", "Admin"):
        raise bad_request(f"Property {target}.type is invalid.", "InvalidValue")


def _check_duplicates(values: Iterable[Any], target: str) -> None:
    present = [value for value in values if value is not None]
    if len(present) != len(set(present)):
        raise GraphError(
            400, "DuplicateValue", f"Request contains a property with duplicate values: {target}."
        )


def _check_disabled_first(before: Document, after: Document) -> None:
    """Refuse to delete an enabled scope or role or to change its value (permissionScope: isEnabled)."""
    updated = {permission["id"]: permission for permission in _permissions(after)}
    for permission in _permissions(before):
        if not permission.get("isEnabled", True):
            continue
        update = updated.get(permission["id"])
        if update is None or update.get("value") != permission.get("value"):
            raise bad_request(
                "Permission (scope or role) cannot be deleted or updated unless disabled first.",
                "CannotDeleteOrUpdateEnabledEntitlement",
            )


def _check_unique_name(before: Document, after: Document) -> None:
    if before["uniqueName"] is not None and after["uniqueName"] != before["uniqueName"]:
        raise bad_request("Property 'uniqueName' is immutable and cannot be changed once it has been set.")


def _check_audience(after: Document) -> None:
    audience, version = after["signInAudience"], after["api"]["requestedAccessTokenVersion"]
    if audience not in _AUDIENCES:
        raise bad_request("Invalid value specified for property 'signInAudience' of resource 'Application'.")
    if version not in (None, 1, 2):
        raise bad_request(
            "Invalid value specified for property 'requestedAccessTokenVersion' of resource 'api'."
        )
    if audience in _PERSONAL_AUDIENCES and version != 2:
        raise GraphError(
            400,
            "InvalidAccessTokenVersion",
            f"Property api.requestedAccessTokenVersion must be 2 for {audience}.",
        )


def _check_redirect_uris(after: Document) -> None:
    uris = [(platform, uri) for platform in _PLATFORMS for uri in after[platform]["redirectUris"]]
    personal = after["signInAudience"] in _PERSONAL_AUDIENCES
    if len(uris) > (_MAX_PERSONAL_REDIRECT_URIS if personal else _MAX_REDIRECT_URIS):
        raise bad_request("The number of redirect URIs exceeds the limit.", "Directory_QuotaExceeded")
    for platform, uri in uris:
        problem = _redirect_uri_problem(uri, platform)
        if problem:
            raise bad_request(
                f"Property {platform}.redirectUris has an invalid value '{uri}': {problem}", "InvalidValue"
            )


def _redirect_uri_problem(uri: str, platform: str) -> str | None:
    """Why a redirect URI is invalid, or None ("Redirect URI (reply URL) outline and restrictions").

    A single-page app cannot have a custom scheme.
    """
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return "not an absolute URI."
    loopback = host in ("localhost", "127.0.0.1")
    absolute = bool(_URI_SCHEME.fullmatch(parts.scheme)) and bool(parts.netloc or parts.path)
    problems = {
        f"longer than {_MAX_URI_LENGTH} characters.": len(uri) > _MAX_URI_LENGTH,
        "characters not allowed.": bool(_FORBIDDEN_IN_REDIRECT.intersection(uri))
        or any(c.isspace() for c in uri),
        "fragments are not allowed.": "#" in uri,
        "not an absolute URI.": not absolute,
        "IPv6 loopback is not supported.": host == "::1",
        "must start with https unless it is for localhost.": parts.scheme == "http" and not loopback,
        "must start with https.": platform == "spa" and parts.scheme not in ("http", "https"),
    }
    return next((problem for problem, applies in problems.items() if applies), None)


def _check_identifier_uri(uri: str) -> None:
    if not _URI_SCHEME.fullmatch(urlsplit(uri).scheme) or uri.endswith("/") or any(c.isspace() for c in uri):
        raise bad_request(
            f"Invalid value specified for property 'identifierUris' of resource 'Application': '{uri}'."
        )


def check_uniqueness(after: Document, others: Sequence[Document], deleted: Sequence[Document]) -> None:
    """Check that no other application of the tenant has an identifier URI or the unique name.

    Args:
        after: the application as it would be stored.
        others: every other application.
        deleted: deleted applications, which keep their unique names.

    Raises:
        GraphError: 400 when one has.
    """
    taken = {uri.casefold() for other in others for uri in other["identifierUris"]}
    if any(uri.casefold() in taken for uri in after["identifierUris"]):
        raise already_exists("identifierUris")
    name = after["uniqueName"]
    if name is not None and any(
        str(other.get("uniqueName")).casefold() == name.casefold() for other in (*others, *deleted)
    ):
        raise already_exists("uniqueName")


def check_identifier_policy(
    before: Document | None,
    after: Document,
    policy: Mapping[str, Any],
    tenant_id: str,
    domains: Iterable[str],
) -> None:
    """Check that the tenant's application management policy allows the added identifier URIs.

    Source: "Restrictions on identifier URIs of Microsoft Entra applications". Existing URIs are not checked.

    Args:
        before: the stored application, or None.
        after: the application as it would be stored.
        policy: ``defaultAppManagementPolicy``.
        tenant_id: the tenant.
        domains: its verified domains.

    Raises:
        GraphError: 400 when the policy forbids a URI.
    """
    restrictions = policy.get("applicationRestrictions", {}).get("identifierUris", {})
    unique_only = _applies(restrictions.get("uriAdditionWithoutUniqueTenantIdentifier"), after)
    default_only = _applies(restrictions.get("nonDefaultUriAddition"), after)
    if not policy.get("isEnabled") or not (unique_only or default_only):
        return
    identifiers = [tenant_id, after["appId"], *domains]
    existing = before["identifierUris"] if before else []
    for uri in after["identifierUris"]:
        if uri in existing or _is_default(uri, tenant_id, after["appId"]):
            continue
        if default_only or not _contains_identifier(uri, identifiers):
            raise GraphError(
                400,
                BAD_REQUEST,
                f"Failed to add identifier URI {uri}. All newly added URIs must contain a tenant verified domain, "
                "tenant ID, or app ID, as per the default tenant policy of your organization. "
                "See https://aka.ms/identifier-uri-addition-error for more information on this error.",
            )


def _applies(restriction: Mapping[str, Any] | None, application: Document) -> bool:
    if not restriction or restriction.get("state") != "enabled":
        return False
    receives_v2_tokens = application["api"]["requestedAccessTokenVersion"] == 2
    return not (restriction.get("excludeAppsReceivingV2Tokens") and receives_v2_tokens)


def _is_default(uri: str, tenant_id: str, app_id: str) -> bool:
    return uri in (f"api://{app_id}", f"api://{tenant_id}/{app_id}")


def _contains_identifier(uri: str, identifiers: Iterable[str]) -> bool:
    """Whether one of the identifiers is the URI's host, a parent domain of it, or a segment of its path."""
    parts = urlsplit(uri)
    host = (parts.netloc or parts.path.split("/")[0]).split(":")[0].casefold()
    labels = {host, *parts.path.casefold().split("/")}
    names = [identifier.casefold() for identifier in identifiers]
    return any(name in labels or host.endswith(f".{name}") for name in names)
