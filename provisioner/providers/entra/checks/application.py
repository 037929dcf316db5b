"""Checks of the application: that there is one, its tokens, scopes, URIs and audience."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provisioner.core.check import CheckContext, CheckRegistry, Severity, Violation, set_fields
from provisioner.core.plan import DesiredState
from provisioner.providers import kiro
from provisioner.providers.entra import observations as seen
from provisioner.providers.entra import resources as kinds

from .required import application, principal

check = CheckRegistry()


@check("entra-application-missing", reads=(kinds.Application,), severity=Severity.HIGH)
def application_missing(context: CheckContext) -> Iterator[Violation]:
    """The application and its service principal exist

    Symptom: Nobody can sign in; the sign-in page says that the application was not found (AADSTS700016).

    Why: The playbook's application is not in this tenant, or has no service principal, or cannot be told from others.

    Fix: Run provisioner apply. If several applications have the name, say which one is meant with client_id.

    Source: Kiro, Microsoft Entra guide, step 1.
    """
    wanted = context.desired(kinds.Application)
    found = context.snapshot.first(kinds.Application)
    if found is None:
        problem = context.snapshot.problem_for(wanted.address)
        message = (
            problem.message if problem else f"there is no application {wanted.display_name!r} in the tenant"
        )
        listed = tuple(("applications", line) for line in problem.candidates) if problem else ()
        nothing: tuple[tuple[str, Any], ...] = ((f"applications?displayName eq '{wanted.display_name}'", []),)
        yield Violation(
            message,
            wanted.address,
            listed or nothing,
            None if problem else set_fields(*context.desired_state.resources),
        )
    elif context.snapshot.first(kinds.ServicePrincipal) is None:
        yield Violation(
            "the application has no service principal",
            found.address,
            ((f"servicePrincipals(appId='{found.app_id}')", None),),
            set_fields(context.desired(kinds.ServicePrincipal).model_copy(update={"depends_on": ()})),
        )


@check("entra-bare-application", reads=(kinds.Application,), severity=Severity.LOW)
def bare_application(context: CheckContext) -> Iterator[Violation]:
    """The application was made from the non-gallery template

    Symptom: The portal's Provisioning page of the application is missing or incomplete.

    Why: An application that was registered directly, not created as an enterprise application, has no template; it
    cannot be given one later. Whether all of the provisioning pages appear for it is not documented.

    Fix: If provisioning gives trouble, delete the application and let provisioner apply create it.

    Source: Kiro, Microsoft Entra guide, step 1; Microsoft Graph v1.0, application (applicationTemplateId is read-only).
    """
    found = application(context)
    if found.template_id is None:
        yield Violation(
            "the application was not made from the non-gallery template",
            found.address,
            (("application.applicationTemplateId", None),),
        )


@check(
    "entra-duplicate-application", reads=(kinds.Application, seen.OtherApplication), severity=Severity.MEDIUM
)
def duplicate_application(context: CheckContext) -> Iterator[Violation]:
    """Only one application has this name

    Symptom: Changes seem to have no effect: somebody configured, or gave Kiro, the other application of that name.

    Why: Display names are not unique in Entra.

    Fix: Compare the client ids with the one in the Kiro profile; rename or delete the application that is not used.

    Source: Microsoft Graph v1.0, application (displayName).
    """
    for other in context.snapshot.all(seen.OtherApplication):
        yield Violation(
            f"another application is called {other.display_name!r}: client id {other.app_id}",
            other.address,
            (("applications.appId", other.app_id), ("applications.createdDateTime", other.created)),
        )
    for stray in context.snapshot.all(seen.OrphanedApplication):
        yield Violation(
            f"an interrupted run left {stray.display_name!r}; the next apply removes it",
            stray.address,
            (("applications.displayName", stray.display_name),),
        )


@check("entra-recycle-bin", reads=(kinds.Application, seen.DeletedApplication), severity=Severity.LOW)
def recycle_bin(context: CheckContext) -> Iterator[Violation]:
    """No copy of the application is in the recycle bin

    Symptom: Two applications of the same name after a restore; or a new one cannot get its marker.

    Why: A deleted application stays in the recycle bin for 30 days, can be restored, and keeps its uniqueName.

    Fix: Delete it permanently (App registrations, Deleted applications), or provisioner destroy --purge.

    Source: Microsoft Graph v1.0, application: delete; directory: deletedItems.
    """
    for copy in context.snapshot.all(seen.DeletedApplication):
        yield Violation(
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
def application_disabled(context: CheckContext) -> Iterator[Violation]:
    """The application is enabled for users to sign in

    Symptom: Sign-in fails for everybody (AADSTS7000112 or a message that the application is disabled).

    Why: Somebody switched off "Enabled for users to sign-in", or the application itself is disabled.

    Fix: Enterprise applications, Properties: enable it for users to sign in.

    Source: Microsoft Graph v1.0, servicePrincipal (accountEnabled) and application (isDisabled).
    """
    found, service = application(context), principal(context)
    if service.account_enabled is False:
        yield Violation(
            "the service principal is disabled",
            service.address,
            (("servicePrincipal.accountEnabled", False),),
            set_fields(kinds.ServicePrincipal(key=service.key, account_enabled=True)),
        )
    if found.disabled:
        yield Violation(
            "the application is disabled",
            found.address,
            (("application.isDisabled", True),),
            set_fields(kinds.Application(key=found.key, disabled=False)),
        )


@check(
    "entra-token-version",
    reads=(kinds.Application,),
    severity=Severity.HIGH,
    vendor_row="access token version",
)
def token_version(context: CheckContext) -> Iterator[Violation]:
    """Access tokens are issued in version 2

    Symptom: Sign-in succeeds, then API calls fail with authorization errors.

    Why: Entra issues version 1 access tokens unless the application asks for version 2; Kiro requires version 2.

    Fix: App registrations, Manifest: set api.requestedAccessTokenVersion to 2.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 1; Microsoft Graph v1.0, apiApplication.
    """
    found = application(context)
    if found.access_token_version != 2:
        yield Violation(
            f"access tokens are issued in version {found.access_token_version or '1 (the default)'}, Kiro needs 2",
            found.address,
            (("application.api.requestedAccessTokenVersion", found.access_token_version),),
            set_fields(kinds.Application(key=found.key, access_token_version=2)),
        )


@check("entra-identifier-uri", reads=(kinds.Application,), severity=Severity.HIGH)
def identifier_uri(context: CheckContext) -> Iterator[Violation]:
    """The Application ID URI is the default one

    Symptom: Sign-in fails: the resource principal api://... was not found (AADSTS500011).

    Why: Kiro's clients ask for scopes of api://<client id>; without that Application ID URI nothing answers to the name.

    Fix: App registrations, Expose an API: add the Application ID URI and save the default value.

    Source: Kiro, Microsoft Entra guide, step 2; the form of the scopes is what Kiro clients were seen to send.
    """
    found = application(context)
    default = f"api://{found.app_id}"
    if default not in (found.identifier_uris or ()):
        yield Violation(
            f"the Application ID URI {default} is missing",
            found.address,
            (("application.identifierUris", list(found.identifier_uris or ())),),
            set_fields(kinds.Application(key=found.key, identifier_uris=(default,))),
        )


@check("entra-custom-identifier-uri", reads=(kinds.Application,), severity=Severity.LOW, security=True)
def custom_identifier_uri(context: CheckContext) -> Iterator[Violation]:
    """There is no Application ID URI besides the default one

    Symptom: Sign-in fails with AADSTS90009 where a client uses the other URI.

    Why: An application that requests a token for itself must use the form with its client id.

    Fix: Expose an API: remove the other Application ID URIs, if nothing else uses them.

    Source: Microsoft identity platform, error codes (AADSTS90009).
    """
    found = application(context)
    if found.other_identifier_uris:
        yield Violation(
            f"further Application ID URIs: {', '.join(found.other_identifier_uris)}",
            found.address,
            (("application.identifierUris", list(found.identifier_uris or ())),),
            set_fields(kinds.Application(key=found.key, other_identifier_uris=())),
        )


def _scopes_as_listed(context: CheckContext, value: str) -> DesiredState | None:
    """The playbook's scopes; None where it does not list this one, and so a person must decide."""
    wanted = context.desired(kinds.Application)
    listed = any(scope.value == value for scope in wanted.scopes or ())
    return set_fields(kinds.Application(key=wanted.key, scopes=wanted.scopes)) if listed else None


@check("entra-scopes-missing", reads=(kinds.Application,), severity=Severity.HIGH, vendor_row="scopes")
def scopes_missing(context: CheckContext) -> Iterator[Violation]:
    """Both Kiro scopes are exposed

    Symptom: The sign-in page shows an error (AADSTS650053 or AADSTS65005: no such scope).

    Why: codewhisperer:completions enables inline suggestions, codewhisperer:conversations chat; clients ask for both.

    Fix: App registrations, Expose an API: add the missing scope, for admins and users, enabled.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 2, and step 2.
    """
    found = application(context)
    present = {scope.value for scope in found.scopes or ()}
    for value in kiro.SCOPES:
        if value not in present:
            yield Violation(
                f"the scope {value} is missing",
                found.address,
                (("application.api.oauth2PermissionScopes[*].value", sorted(present)),),
                _scopes_as_listed(context, value),
            )


@check("entra-scope-disabled", reads=(kinds.Application,), severity=Severity.HIGH)
def scope_disabled(context: CheckContext) -> Iterator[Violation]:
    """The Kiro scopes are enabled

    Symptom: The sign-in page shows an error (AADSTS650053 or AADSTS65005).

    Why: A disabled scope is as good as none.

    Fix: App registrations, Expose an API: set the scope's state to enabled.

    Source: Kiro, Microsoft Entra guide, step 2 (State: Enabled).
    """
    found = application(context)
    for scope in found.scopes or ():
        if scope.value in kiro.SCOPES and scope.enabled is False:
            yield Violation(
                f"the scope {scope.value} is disabled",
                found.address,
                ((f"application.api.oauth2PermissionScopes[value={scope.value}].isEnabled", False),),
                _scopes_as_listed(context, scope.value),
            )


@check("entra-scope-admin-only", reads=(kinds.Application,), severity=Severity.MEDIUM)
def scope_admin_only(context: CheckContext) -> Iterator[Violation]:
    """Users may consent to the Kiro scopes

    Symptom: Users are asked for an administrator's approval (AADSTS65001, AADSTS90094).

    Why: The scope may be consented to by admins only.

    Fix: App registrations, Expose an API: set "Who can consent?" to admins and users.

    Source: Kiro, Microsoft Entra guide, step 2 (Who can consent?).
    """
    found = application(context)
    for scope in found.scopes or ():
        if scope.value in kiro.SCOPES and scope.type == "Admin":
            yield Violation(
                f"only admins can consent to {scope.value}",
                found.address,
                ((f"application.api.oauth2PermissionScopes[value={scope.value}].type", "Admin"),),
                _scopes_as_listed(context, scope.value),
            )


@check("entra-multi-tenant", reads=(kinds.Application,), severity=Severity.HIGH, security=True)
def multi_tenant(context: CheckContext) -> Iterator[Violation]:
    """Only accounts of this tenant can sign in

    Symptom: None; people of other organizations can get tokens for the application.

    Why: The supported account types reach beyond this directory.

    Fix: App registrations, Authentication: accounts in this organizational directory only.

    Source: Microsoft Graph v1.0, application (signInAudience); Kiro, Microsoft Entra guide, Preventing unauthorized access.
    """
    found = application(context)
    if found.sign_in_audience != "AzureADMyOrg":
        yield Violation(
            f"accounts beyond this tenant can sign in ({found.sign_in_audience})",
            found.address,
            (("application.signInAudience", found.sign_in_audience),),
            set_fields(kinds.Application(key=found.key, sign_in_audience="AzureADMyOrg")),
        )


@check("entra-client-credentials", reads=(kinds.Application,), severity=Severity.MEDIUM, security=True)
def client_credentials(context: CheckContext) -> Iterator[Violation]:
    """The application has no secrets or certificates

    Symptom: None; whoever holds the credential can act as the application.

    Why: Kiro's clients are public clients and never use one, so it can only be misused.

    Fix: App registrations, Certificates and secrets: find out who uses it, then delete it.

    Source: Microsoft identity platform, public client applications.
    """
    found = application(context)
    for credential in found.credentials:
        yield Violation(
            f"the application has a {credential.kind} {credential.name or '(without a name)'} until {credential.ends}",
            found.address,
            (
                (
                    f"application.{'password' if credential.kind == 'secret' else 'key'}Credentials[*].endDateTime",
                    credential.ends,
                ),
            ),
        )
