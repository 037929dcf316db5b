"""What Entra ID refuses in an application: pure checks of the document as it would become."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from provisioner.sandbox.entra.graph.entities import is_guid
from provisioner.sandbox.entra.graph.errors import BAD_REQUEST, GraphError, already_exists, bad_request
from provisioner.sandbox.store import Document

MAX_PERMISSIONS = 700
MAX_REDIRECT_URIS = 256
MAX_PERSONAL_REDIRECT_URIS = 100
MAX_URI_LENGTH = 256
PERSONAL_AUDIENCES = ("AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount")
_AUDIENCES = ("AzureADMyOrg", "AzureADMultipleOrgs", *PERSONAL_AUDIENCES)

# Allowed characters of a scope or role value, and its length (permissionScope and appRole resources: value).
_VALUE = re.compile(r"(?!\.)[\w!#$%&'()*+,\-./:;=?@\[\]^{}~|`]{1,120}", re.ASCII)
_URI_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_FORBIDDEN_IN_REDIRECT = frozenset("!$'(),;")


def check(before: Document | None, after: Document) -> None:
    """Refuse what is wrong in the application itself.

    Args:
        before: the stored application, or None for a new one.
        after: the application as it would be stored.

    Raises:
        GraphError: 400.
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
    if len(scopes) + len(roles) > MAX_PERMISSIONS:
        raise bad_request(
            "The number of permission definitions exceeds the limit of 700.", "Directory_QuotaExceeded"
        )
    for target, permissions in (("api.oauth2PermissionScopes", scopes), ("appRoles", roles)):
        for permission in permissions:
            _check_permission(permission, target)
        _check_duplicates([p.get("value") for p in permissions], target)
    _check_duplicates([p["id"] for p in _permissions(after)], "api.oauth2PermissionScopes")
    known = {scope["id"] for scope in scopes}
    for client in after["api"]["preAuthorizedApplications"]:
        if not known.issuperset(client.get("delegatedPermissionIds") or []):
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
    """An enabled scope or role can neither go away nor change its value (permissionScope: isEnabled)."""
    kept = {permission["id"]: permission for permission in _permissions(after)}
    for permission in _permissions(before):
        if not permission.get("isEnabled", True):
            continue
        successor = kept.get(permission["id"])
        if successor is None or successor.get("value") != permission.get("value"):
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
    if audience in PERSONAL_AUDIENCES and version != 2:
        raise GraphError(
            400,
            "InvalidAccessTokenVersion",
            f"Property api.requestedAccessTokenVersion must be 2 for {audience}.",
        )


def _check_redirect_uris(after: Document) -> None:
    uris = [uri for platform in ("web", "spa", "publicClient") for uri in after[platform]["redirectUris"]]
    personal = after["signInAudience"] in PERSONAL_AUDIENCES
    if len(uris) > (MAX_PERSONAL_REDIRECT_URIS if personal else MAX_REDIRECT_URIS):
        raise bad_request("The number of redirect URIs exceeds the limit.", "Directory_QuotaExceeded")
    for platform in ("web", "spa", "publicClient"):
        for uri in after[platform]["redirectUris"]:
            problem = redirect_problem(uri, platform)
            if problem:
                raise bad_request(
                    f"Property {platform}.redirectUris has an invalid value '{uri}': {problem}",
                    "InvalidValue",
                )


def redirect_problem(uri: str, platform: str) -> str | None:
    """Why a redirect URI is refused, or None ("Redirect URI (reply URL) outline and restrictions").

    Custom schemes belong to public clients.
    """
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return "not an absolute URI."
    loopback = host in ("localhost", "127.0.0.1")
    absolute = bool(_URI_SCHEME.fullmatch(parts.scheme)) and bool(parts.netloc or parts.path)
    problems = {
        f"longer than {MAX_URI_LENGTH} characters.": len(uri) > MAX_URI_LENGTH,
        "characters not allowed.": bool(_FORBIDDEN_IN_REDIRECT.intersection(uri))
        or any(c.isspace() for c in uri),
        "fragments are not allowed.": "#" in uri,
        "not an absolute URI.": not absolute,
        "IPv6 loopback is not supported.": host == "::1",
        "must start with https unless it is for localhost.": parts.scheme == "http" and not loopback,
        "must start with https.": platform == "spa" and parts.scheme not in ("http", "https"),
    }
    return next((problem for problem, found in problems.items() if found), None)


def _check_identifier_uri(uri: str) -> None:
    if not _URI_SCHEME.fullmatch(urlsplit(uri).scheme) or uri.endswith("/") or any(c.isspace() for c in uri):
        raise bad_request(
            f"Invalid value specified for property 'identifierUris' of resource 'Application': '{uri}'."
        )


def check_uniqueness(after: Document, others: Sequence[Document], deleted: Sequence[Document]) -> None:
    """Refuse an identifier URI or unique name that another application of the tenant has.

    Args:
        after: the application as it would be stored.
        others: every other application.
        deleted: applications in the recycle bin, which keep their unique names.
    """
    taken = {uri.casefold() for other in others for uri in other["identifierUris"]}
    if any(uri.casefold() in taken for uri in after["identifierUris"]):
        raise already_exists("identifierUris")
    name = after["uniqueName"]
    if name is not None and any(
        str(o.get("uniqueName")).casefold() == name.casefold() for o in (*others, *deleted)
    ):
        raise already_exists("uniqueName")


def check_identifier_policy(
    before: Document | None,
    after: Document,
    policy: Mapping[str, Any],
    tenant_id: str,
    domains: Iterable[str],
) -> None:
    """Refuse added identifier URIs that the tenant's application management policy forbids.

    ("Restrictions on identifier URIs of Microsoft Entra applications".) URIs already there stay.

    Args:
        before: the stored application, or None.
        after: the application as it would be stored.
        policy: ``defaultAppManagementPolicy``.
        tenant_id: the tenant.
        domains: its verified domains.
    """
    restrictions = policy.get("applicationRestrictions", {}).get("identifierUris", {})
    unique = _in_force(restrictions.get("uriAdditionWithoutUniqueTenantIdentifier"), after)
    default_only = _in_force(restrictions.get("nonDefaultUriAddition"), after)
    if not policy.get("isEnabled") or not (unique or default_only):
        return
    allowed = [tenant_id, after["appId"], *domains]
    for uri in after["identifierUris"]:
        if uri in (before["identifierUris"] if before else []) or _is_default(uri, tenant_id, after["appId"]):
            continue
        if default_only or not _mentions(uri, allowed):
            raise GraphError(
                400,
                BAD_REQUEST,
                f"Failed to add identifier URI {uri}. All newly added URIs must contain a tenant verified domain, "
                "tenant ID, or app ID, as per the default tenant policy of your organization. "
                "See https://aka.ms/identifier-uri-addition-error for more information on this error.",
            )


def _in_force(restriction: Mapping[str, Any] | None, application: Document) -> bool:
    if not restriction or restriction.get("state") != "enabled":
        return False
    version_two = application["api"]["requestedAccessTokenVersion"] == 2
    return not (restriction.get("excludeAppsReceivingV2Tokens") and version_two)


def _is_default(uri: str, tenant_id: str, app_id: str) -> bool:
    return uri in (f"api://{app_id}", f"api://{tenant_id}/{app_id}")


def _mentions(uri: str, allowed: Iterable[str]) -> bool:
    """Whether the URI's host or path contains one of the names as a whole label."""
    parts = urlsplit(uri)
    host = (parts.netloc or parts.path.split("/")[0]).split(":")[0].casefold()
    labels = {host, *parts.path.casefold().split("/")}
    return any(n.casefold() in labels or host.endswith(f".{n.casefold()}") for n in allowed)
