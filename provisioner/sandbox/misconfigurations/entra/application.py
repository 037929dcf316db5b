"""Faults of the application: its registration, tokens, scopes and redirect URIs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from provisioner.sandbox.entra.graph import documents
from provisioner.sandbox.entra.graph.deleted_items import delete_object
from provisioner.sandbox.misconfigurations.registry import Faults, ago
from provisioner.sandbox.store import Document

from .tenant import Tenant

fault: Faults[Tenant] = Faults()


@fault("entra-application-missing")
def _application_missing(tenant: Tenant) -> None:
    """Somebody deleted the application."""
    principal, application = tenant.principal, tenant.application
    delete_object(tenant.directory, "servicePrincipal", principal)
    delete_object(tenant.directory, "application", application)


@fault("entra-bare-application")
def _bare_application(tenant: Tenant) -> None:
    """The application was registered directly instead of being made from the non-gallery template."""
    tenant.change_application(applicationTemplateId=None)


@fault("entra-duplicate-application")
def _duplicate_application(tenant: Tenant) -> None:
    """Somebody registered another application of the same name."""
    ours = tenant.application
    other = documents.application(ours["displayName"], ours["publisherDomain"])
    earlier = {**other, "createdDateTime": ago(days=2)}
    tenant.directory.put("application", other["id"], earlier)
    tenant.directory.put("application", ours["id"], ours)


@fault("entra-recycle-bin")
def _recycle_bin(tenant: Tenant) -> None:
    """Somebody deleted an earlier application of the same name."""
    ours = tenant.application
    other = documents.application(ours["displayName"], ours["publisherDomain"])
    delete_object(tenant.directory, "application", other)


@fault("entra-application-disabled")
def _application_disabled(tenant: Tenant) -> None:
    """Somebody set "Enabled for users to sign-in" to no."""
    tenant.change("servicePrincipal", tenant.principal, accountEnabled=False)


@fault("entra-token-version")
def _token_version(tenant: Tenant) -> None:
    """Somebody set the access token version in the manifest back to its default."""
    tenant.change_application(api={**tenant.application["api"], "requestedAccessTokenVersion": None})


@fault("entra-identifier-uri")
def _identifier_uri(tenant: Tenant) -> None:
    """Somebody removed the Application ID URI."""
    tenant.change_application(identifierUris=[])


@fault("entra-custom-identifier-uri")
def _custom_identifier_uri(tenant: Tenant) -> None:
    """Somebody added an Application ID URI of their own."""
    uris = tenant.application["identifierUris"]
    tenant.change_application(identifierUris=[*uris, "https://contoso.example/kiro"])


def _scopes(tenant: Tenant, edit: Callable[[list[Document]], list[Document]]) -> None:
    api = tenant.application["api"]
    tenant.change_application(api={**api, "oauth2PermissionScopes": edit(api["oauth2PermissionScopes"])})


def _first_scope(**members: Any) -> Callable[[list[Document]], list[Document]]:
    def edit(scopes: list[Document]) -> list[Document]:
        return [
            {**scope, **members} if scope["value"] == "codewhisperer:completions" else scope
            for scope in scopes
        ]

    return edit


@fault("entra-scopes-missing")
def _scopes_missing(tenant: Tenant) -> None:
    """Somebody removed the scope codewhisperer:completions."""
    _scopes(tenant, lambda scopes: [s for s in scopes if s["value"] != "codewhisperer:completions"])


@fault("entra-scope-disabled")
def _scope_disabled(tenant: Tenant) -> None:
    """Somebody disabled the scope codewhisperer:completions."""
    _scopes(tenant, _first_scope(isEnabled=False))


@fault("entra-scope-admin-only")
def _scope_admin_only(tenant: Tenant) -> None:
    """Somebody let only admins consent to codewhisperer:completions."""
    _scopes(tenant, _first_scope(type="Admin"))


@fault("entra-multi-tenant")
def _multi_tenant(tenant: Tenant) -> None:
    """Somebody opened the application to accounts of any organization."""
    tenant.change_application(signInAudience="AzureADMultipleOrgs")


@fault("entra-client-credentials")
def _client_credentials(tenant: Tenant) -> None:
    """Somebody gave the application a client secret."""
    secret = {
        "customKeyIdentifier": None,
        "displayName": "temporary",
        "endDateTime": "2028-01-01T00:00:00Z",
        "hint": "abc",
        "keyId": documents.new_id(),
        "secretText": None,
        "startDateTime": ago(days=30),
    }
    tenant.change_application(passwordCredentials=[secret])


def _uris(tenant: Tenant, platform: str, edit: Callable[[list[str]], list[str]]) -> None:
    kept = tenant.application[platform]
    tenant.change_application(**{platform: {**kept, "redirectUris": edit(kept["redirectUris"])}})


@fault("entra-redirect-uri-ide")
def _redirect_uri_ide(tenant: Tenant) -> None:
    """Somebody removed the redirect URI of the IDE."""
    _uris(tenant, "publicClient", lambda uris: [uri for uri in uris if not uri.startswith("kiro:")])


@fault("entra-redirect-uri-loopback")
def _redirect_uri_loopback(tenant: Tenant) -> None:
    """Somebody removed the loopback redirect URIs."""
    _uris(tenant, "publicClient", lambda uris: [uri for uri in uris if not uri.startswith("http:")])


@fault("entra-redirect-uri-kiro-auth")
def _redirect_uri_kiro_auth(tenant: Tenant) -> None:
    """Somebody registered the misprinted redirect URI of an older guide."""
    _uris(tenant, "publicClient", lambda uris: [*uris, "kiro://kiro.auth/callback"])


@fault("entra-redirect-uri-wrong-platform")
def _redirect_uri_wrong_platform(tenant: Tenant) -> None:
    """Somebody registered the loopback redirect URI under Web."""
    _uris(tenant, "web", lambda uris: [*uris, "http://localhost/oauth/callback"])


@fault("entra-redirect-uri-extra")
def _redirect_uri_extra(tenant: Tenant) -> None:
    """Somebody registered a redirect URI that the guide does not have."""
    _uris(tenant, "publicClient", lambda uris: [*uris, "https://attacker.example/callback"])
