"""Checks of the application: that there is one, its tokens, scopes, URIs and audience."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provisioner.core.check import Catalogue, Look, Severity, Verdict
from provisioner.core.looking import desired, repaired
from provisioner.core.plan import Desired
from provisioner.providers import kiro
from provisioner.providers.entra import observations as seen
from provisioner.providers.entra import resources as kinds

from .looking import application, principal

check = Catalogue()


@check("entra-application-missing", reads=(kinds.Application,), severity=Severity.HIGH)
def application_missing(look: Look) -> Iterator[Verdict]:
    """The application and its service principal exist

    Symptom: Nobody can sign in; the sign-in page says that the application was not found (AADSTS700016).

    Why: The playbook's application is not in this tenant, or has no service principal, or cannot be told from others.

    Fix: Run provisioner apply. If several applications have the name, say which one is meant with client_id.

    Source: Kiro, Microsoft Entra guide, step 1.
    """
    wanted = desired(look, kinds.Application)
    found = look.snapshot.one(kinds.Application)
    if found is None:
        problem = look.snapshot.problem(wanted.address)
        message = (
            problem.message if problem else f"there is no application {wanted.display_name!r} in the tenant"
        )
        listed = tuple(("applications", line) for line in problem.candidates) if problem else ()
        nothing: tuple[tuple[str, Any], ...] = ((f"applications?displayName eq '{wanted.display_name}'", []),)
        yield Verdict(
            message, wanted.address, listed or nothing, None if problem else repaired(*look.desired.resources)
        )
    elif look.snapshot.one(kinds.ServicePrincipal) is None:
        yield Verdict(
            "the application has no service principal",
            found.address,
            ((f"servicePrincipals(appId='{found.app_id}')", None),),
            repaired(desired(look, kinds.ServicePrincipal).model_copy(update={"after": ()})),
        )


@check("entra-bare-application", reads=(kinds.Application,), severity=Severity.LOW)
def bare_application(look: Look) -> Iterator[Verdict]:
    """The application was made from the non-gallery template

    Symptom: The portal's Provisioning page of the application is missing or incomplete.

    Why: An application that was registered directly, not created as an enterprise application, has no template; it
    cannot be given one later. Whether all of the provisioning pages appear for it is not documented.

    Fix: If provisioning gives trouble, delete the application and let provisioner apply create it.

    Source: Kiro, Microsoft Entra guide, step 1; Microsoft Graph v1.0, application (applicationTemplateId is read-only).
    """
    found = application(look)
    if found.template_id is None:
        yield Verdict(
            "the application was not made from the non-gallery template",
            found.address,
            (("application.applicationTemplateId", None),),
        )


@check(
    "entra-duplicate-application", reads=(kinds.Application, seen.OtherApplication), severity=Severity.MEDIUM
)
def duplicate_application(look: Look) -> Iterator[Verdict]:
    """Only one application has this name

    Symptom: Changes seem to have no effect: somebody configured, or gave Kiro, the other application of that name.

    Why: Display names are not unique in Entra.

    Fix: Compare the client ids with the one in the Kiro profile; rename or delete the application that is not used.

    Source: Microsoft Graph v1.0, application (displayName).
    """
    for other in look.snapshot.of(seen.OtherApplication):
        yield Verdict(
            f"another application is called {other.display_name!r}: client id {other.app_id}",
            other.address,
            (("applications.appId", other.app_id), ("applications.createdDateTime", other.created)),
        )
    for stray in look.snapshot.of(seen.StrayApplication):
        yield Verdict(
            f"an interrupted run left {stray.display_name!r}; the next apply removes it",
            stray.address,
            (("applications.displayName", stray.display_name),),
        )


@check("entra-recycle-bin", reads=(kinds.Application, seen.DeletedApplication), severity=Severity.LOW)
def recycle_bin(look: Look) -> Iterator[Verdict]:
    """No copy of the application is in the recycle bin

    Symptom: Two applications of the same name after a restore; or a new one cannot get its marker.

    Why: A deleted application stays in the recycle bin for 30 days, can be restored, and keeps its uniqueName.

    Fix: Delete it permanently (App registrations, Deleted applications), or provisioner destroy --purge.

    Source: Microsoft Graph v1.0, application: delete; directory: deletedItems.
    """
    for copy in look.snapshot.of(seen.DeletedApplication):
        yield Verdict(
            f"a deleted application {copy.display_name!r} (client id {copy.app_id}) can still be restored",
            copy.address,
            (
                ("directory.deletedItems.appId", copy.app_id),
                ("directory.deletedItems.deletedDateTime", copy.deleted),
            ),
        )


@check(
    "entra-application-disabled", reads=(kinds.Application, kinds.ServicePrincipal), severity=Severity.HIGH
)
def application_disabled(look: Look) -> Iterator[Verdict]:
    """The application is enabled for users to sign in

    Symptom: Sign-in fails for everybody (AADSTS7000112 or a message that the application is disabled).

    Why: Somebody switched off "Enabled for users to sign-in", or the application itself is disabled.

    Fix: Enterprise applications, Properties: enable it for users to sign in.

    Source: Microsoft Graph v1.0, servicePrincipal (accountEnabled) and application (isDisabled).
    """
    found, service = application(look), principal(look)
    if service.account_enabled is False:
        yield Verdict(
            "the service principal is disabled",
            service.address,
            (("servicePrincipal.accountEnabled", False),),
            repaired(kinds.ServicePrincipal(key=service.key, account_enabled=True)),
        )
    if found.disabled:
        yield Verdict(
            "the application is disabled",
            found.address,
            (("application.isDisabled", True),),
            repaired(kinds.Application(key=found.key, disabled=False)),
        )


@check("entra-token-version", reads=(kinds.Application,), severity=Severity.HIGH, row="access token version")
def token_version(look: Look) -> Iterator[Verdict]:
    """Access tokens are issued in version 2

    Symptom: Sign-in succeeds, then API calls fail with authorization errors.

    Why: Entra issues version 1 access tokens unless the application asks for version 2; Kiro requires version 2.

    Fix: App registrations, Manifest: set api.requestedAccessTokenVersion to 2.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 1; Microsoft Graph v1.0, apiApplication.
    """
    found = application(look)
    if found.access_token_version != 2:
        yield Verdict(
            f"access tokens are issued in version {found.access_token_version or '1 (the default)'}, Kiro needs 2",
            found.address,
            (("application.api.requestedAccessTokenVersion", found.access_token_version),),
            repaired(kinds.Application(key=found.key, access_token_version=2)),
        )


@check("entra-identifier-uri", reads=(kinds.Application,), severity=Severity.HIGH)
def identifier_uri(look: Look) -> Iterator[Verdict]:
    """The Application ID URI is the default one

    Symptom: Sign-in fails: the resource principal api://... was not found (AADSTS500011).

    Why: Kiro's clients ask for scopes of api://<client id>; without that Application ID URI nothing answers to the name.

    Fix: App registrations, Expose an API: add the Application ID URI and save the default value.

    Source: Kiro, Microsoft Entra guide, step 2; the form of the scopes is what Kiro clients were seen to send.
    """
    found = application(look)
    default = f"api://{found.app_id}"
    if default not in (found.identifier_uris or ()):
        yield Verdict(
            f"the Application ID URI {default} is missing",
            found.address,
            (("application.identifierUris", list(found.identifier_uris or ())),),
            repaired(kinds.Application(key=found.key, identifier_uris=(default,))),
        )


@check("entra-custom-identifier-uri", reads=(kinds.Application,), severity=Severity.LOW, security=True)
def custom_identifier_uri(look: Look) -> Iterator[Verdict]:
    """There is no Application ID URI besides the default one

    Symptom: Sign-in fails with AADSTS90009 where a client uses the other URI.

    Why: An application that requests a token for itself must use the form with its client id.

    Fix: Expose an API: remove the other Application ID URIs, if nothing else uses them.

    Source: Microsoft identity platform, error codes (AADSTS90009).
    """
    found = application(look)
    if found.other_identifier_uris:
        yield Verdict(
            f"further Application ID URIs: {', '.join(found.other_identifier_uris)}",
            found.address,
            (("application.identifierUris", list(found.identifier_uris or ())),),
            repaired(kinds.Application(key=found.key, other_identifier_uris=())),
        )


def _scopes_as_listed(look: Look, value: str) -> Desired | None:
    """The playbook's scopes; None where it does not list this one, and so a person must decide."""
    wanted = desired(look, kinds.Application)
    listed = any(scope.value == value for scope in wanted.scopes or ())
    return repaired(kinds.Application(key=wanted.key, scopes=wanted.scopes)) if listed else None


@check("entra-scopes-missing", reads=(kinds.Application,), severity=Severity.HIGH, row="scopes")
def scopes_missing(look: Look) -> Iterator[Verdict]:
    """Both Kiro scopes are exposed

    Symptom: The sign-in page shows an error (AADSTS650053 or AADSTS65005: no such scope).

    Why: codewhisperer:completions enables inline suggestions, codewhisperer:conversations chat; clients ask for both.

    Fix: App registrations, Expose an API: add the missing scope, for admins and users, enabled.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 2, and step 2.
    """
    found = application(look)
    present = {scope.value for scope in found.scopes or ()}
    for value in kiro.SCOPES:
        if value not in present:
            yield Verdict(
                f"the scope {value} is missing",
                found.address,
                (("application.api.oauth2PermissionScopes[*].value", sorted(present)),),
                _scopes_as_listed(look, value),
            )


@check("entra-scope-disabled", reads=(kinds.Application,), severity=Severity.HIGH)
def scope_disabled(look: Look) -> Iterator[Verdict]:
    """The Kiro scopes are enabled

    Symptom: The sign-in page shows an error (AADSTS650053 or AADSTS65005).

    Why: A disabled scope is as good as none.

    Fix: App registrations, Expose an API: set the scope's state to enabled.

    Source: Kiro, Microsoft Entra guide, step 2 (State: Enabled).
    """
    found = application(look)
    for scope in found.scopes or ():
        if scope.value in kiro.SCOPES and scope.enabled is False:
            yield Verdict(
                f"the scope {scope.value} is disabled",
                found.address,
                ((f"application.api.oauth2PermissionScopes[value={scope.value}].isEnabled", False),),
                _scopes_as_listed(look, scope.value),
            )


@check("entra-scope-admin-only", reads=(kinds.Application,), severity=Severity.MEDIUM)
def scope_admin_only(look: Look) -> Iterator[Verdict]:
    """Users may consent to the Kiro scopes

    Symptom: Users are asked for an administrator's approval (AADSTS65001, AADSTS90094).

    Why: The scope may be consented to by admins only.

    Fix: App registrations, Expose an API: set "Who can consent?" to admins and users.

    Source: Kiro, Microsoft Entra guide, step 2 (Who can consent?).
    """
    found = application(look)
    for scope in found.scopes or ():
        if scope.value in kiro.SCOPES and scope.type == "Admin":
            yield Verdict(
                f"only admins can consent to {scope.value}",
                found.address,
                ((f"application.api.oauth2PermissionScopes[value={scope.value}].type", "Admin"),),
                _scopes_as_listed(look, scope.value),
            )


@check("entra-multi-tenant", reads=(kinds.Application,), severity=Severity.HIGH, security=True)
def multi_tenant(look: Look) -> Iterator[Verdict]:
    """Only accounts of this tenant can sign in

    Symptom: None; people of other organizations can get tokens for the application.

    Why: The supported account types reach beyond this directory.

    Fix: App registrations, Authentication: accounts in this organizational directory only.

    Source: Microsoft Graph v1.0, application (signInAudience); Kiro, Microsoft Entra guide, Preventing unauthorized access.
    """
    found = application(look)
    if found.sign_in_audience != "AzureADMyOrg":
        yield Verdict(
            f"accounts beyond this tenant can sign in ({found.sign_in_audience})",
            found.address,
            (("application.signInAudience", found.sign_in_audience),),
            repaired(kinds.Application(key=found.key, sign_in_audience="AzureADMyOrg")),
        )


@check("entra-client-credentials", reads=(kinds.Application,), severity=Severity.MEDIUM, security=True)
def client_credentials(look: Look) -> Iterator[Verdict]:
    """The application has no secrets or certificates

    Symptom: None; whoever holds the credential can act as the application.

    Why: Kiro's clients are public clients and never use one, so it can only be misused.

    Fix: App registrations, Certificates and secrets: find out who uses it, then delete it.

    Source: Microsoft identity platform, public client applications.
    """
    found = application(look)
    for credential in found.credentials:
        yield Verdict(
            f"the application has a {credential.kind} {credential.name or '(without a name)'} until {credential.ends}",
            found.address,
            (
                (
                    f"application.{'password' if credential.kind == 'secret' else 'key'}Credentials[*].endDateTime",
                    credential.ends,
                ),
            ),
        )
