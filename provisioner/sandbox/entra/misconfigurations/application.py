"""Misconfigurations of the application: its registration, tokens, scopes and redirect URIs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from provisioner.sandbox.entra.graph import documents
from provisioner.sandbox.entra.graph.deleted_items import delete_object
from provisioner.sandbox.misconfigurations import ago
from provisioner.sandbox.store import Document

from .tenant import Tenant, misconfiguration

_COMPLETIONS = "codewhisperer:completions"


@misconfiguration("entra-application-missing")
def _application_missing(tenant: Tenant) -> None:
    """An admin deleted the application."""
    principal, application = tenant.principal, tenant.application
    delete_object(tenant.directory, "servicePrincipal", principal)
    delete_object(tenant.directory, "application", application)


@misconfiguration("entra-bare-application")
def _bare_application(tenant: Tenant) -> None:
    """An admin registered the application directly, not from the non-gallery template."""
    tenant.change_application(applicationTemplateId=None)


@misconfiguration("entra-duplicate-application")
def _duplicate_application(tenant: Tenant) -> None:
    """An admin registered another application with the same name."""
    application = tenant.application
    other = documents.application(application["displayName"], application["publisherDomain"])
    earlier = {**other, "createdDateTime": ago(days=2)}
    tenant.directory.put("application", other["id"], earlier)
    tenant.directory.put("application", application["id"], application)


@misconfiguration("entra-recycle-bin")
def _recycle_bin(tenant: Tenant) -> None:
    """An admin deleted an earlier application with the same name."""
    application = tenant.application
    other = documents.application(application["displayName"], application["publisherDomain"])
    delete_object(tenant.directory, "application", other)


@misconfiguration("entra-application-disabled")
def _application_disabled(tenant: Tenant) -> None:
    """An admin set "Enabled for users to sign-in" to No."""
    tenant.change("servicePrincipal", tenant.principal, accountEnabled=False)


@misconfiguration("entra-token-version")
def _token_version(tenant: Tenant) -> None:
    """An admin reset the access token version in the manifest to its default."""
    tenant.change_application(api={**tenant.application["api"], "requestedAccessTokenVersion": None})


@misconfiguration("entra-identifier-uri")
def _identifier_uri(tenant: Tenant) -> None:
    """An admin removed the Application ID URI."""
    tenant.change_application(identifierUris=[])


@misconfiguration("entra-custom-identifier-uri")
def _custom_identifier_uri(tenant: Tenant) -> None:
    """An admin added a custom Application ID URI."""
    uris = tenant.application["identifierUris"]
    tenant.change_application(identifierUris=[*uris, "https://contoso.example/kiro"])


def _edit_scopes(tenant: Tenant, edit: Callable[[list[Document]], list[Document]]) -> None:
    api = tenant.application["api"]
    tenant.change_application(api={**api, "oauth2PermissionScopes": edit(api["oauth2PermissionScopes"])})


def _change_completions(**members: Any) -> Callable[[list[Document]], list[Document]]:
    def edit(scopes: list[Document]) -> list[Document]:
        return [{**scope, **members} if scope["value"] == _COMPLETIONS else scope for scope in scopes]

    return edit


@misconfiguration("entra-scopes-missing")
def _scopes_missing(tenant: Tenant) -> None:
    """An admin removed the scope codewhisperer:completions."""
    _edit_scopes(tenant, lambda scopes: [scope for scope in scopes if scope["value"] != _COMPLETIONS])


@misconfiguration("entra-scope-disabled")
def _scope_disabled(tenant: Tenant) -> None:
    """An admin disabled the scope codewhisperer:completions."""
    _edit_scopes(tenant, _change_completions(isEnabled=False))


@misconfiguration("entra-scope-admin-only")
def _scope_admin_only(tenant: Tenant) -> None:
    """An admin restricted consent for codewhisperer:completions to admins."""
    _edit_scopes(tenant, _change_completions(type="Admin"))


@misconfiguration("entra-multi-tenant")
def _multi_tenant(tenant: Tenant) -> None:
    """An admin opened the application to accounts of any organization."""
    tenant.change_application(signInAudience="AzureADMultipleOrgs")


@misconfiguration("entra-client-credentials")
def _client_credentials(tenant: Tenant) -> None:
    """An admin gave the application a client secret."""
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


def _edit_redirect_uris(tenant: Tenant, platform: str, edit: Callable[[list[str]], list[str]]) -> None:
    settings = tenant.application[platform]
    tenant.change_application(**{platform: {**settings, "redirectUris": edit(settings["redirectUris"])}})


@misconfiguration("entra-redirect-uri-ide")
def _redirect_uri_ide(tenant: Tenant) -> None:
    """An admin removed the redirect URI of the IDE."""
    _edit_redirect_uris(
        tenant, "publicClient", lambda uris: [uri for uri in uris if not uri.startswith("kiro:")]
    )


@misconfiguration("entra-redirect-uri-loopback")
def _redirect_uri_loopback(tenant: Tenant) -> None:
    """An admin removed the loopback redirect URIs."""
    _edit_redirect_uris(
        tenant, "publicClient", lambda uris: [uri for uri in uris if not uri.startswith("http:")]
    )


@misconfiguration("entra-redirect-uri-kiro-auth")
def _redirect_uri_kiro_auth(tenant: Tenant) -> None:
    """An admin registered the misprinted redirect URI of an older guide."""
    _edit_redirect_uris(tenant, "publicClient", lambda uris: [*uris, "kiro://kiro.auth/callback"])


@misconfiguration("entra-redirect-uri-wrong-platform")
def _redirect_uri_wrong_platform(tenant: Tenant) -> None:
    """An admin registered the loopback redirect URI under Web."""
    _edit_redirect_uris(tenant, "web", lambda uris: [*uris, "http://localhost/oauth/callback"])


@misconfiguration("entra-redirect-uri-extra")
def _redirect_uri_extra(tenant: Tenant) -> None:
    """An admin registered a redirect URI that is not in the guide."""
    _edit_redirect_uris(tenant, "publicClient", lambda uris: [*uris, "https://attacker.example/callback"])
