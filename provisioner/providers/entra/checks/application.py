"""Checks of the application: that it exists, its tokens, scopes, identifier URIs, audience and credentials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provisioner.core.check import CheckContext, CheckRegistry, Severity, Violation, set_fields
from provisioner.core.plan import DesiredState
from provisioner.providers import kiro
from provisioner.providers.entra import observations
from provisioner.providers.entra import resources as kinds

from .required import required_application, required_principal

check = CheckRegistry()


@check("entra-application-missing", reads=(kinds.Application,), severity=Severity.HIGH)
def application_missing(context: CheckContext) -> Iterator[Violation]:
    """The application and its service principal exist

    Symptom: No one can sign in: the sign-in page reports that the application was not found (AADSTS700016).

    Why: The playbook's application is not in this tenant, or has no service principal, or several applications have its
    name.

    Fix: Run provisioner apply. If several applications have the name, set client_id to the right one.

    Source: Kiro, Microsoft Entra guide, step 1.
    """
    desired = context.desired(kinds.Application)
    application = context.snapshot.first(kinds.Application)
    if application is None:
        name = desired.display_name
        problem = context.snapshot.problem_for(desired.address)
        candidates = tuple(("applications", line) for line in problem.candidates) if problem else ()
        none_found: tuple[tuple[str, Any], ...] = ((f"applications?displayName eq '{name}'", []),)
        yield Violation(
            problem.message if problem else f"there is no application {name!r} in the tenant",
            desired.address,
            candidates or none_found,
            None if problem else set_fields(*context.desired_state.resources),
        )
    elif context.snapshot.first(kinds.ServicePrincipal) is None:
        yield Violation(
            "the application has no service principal",
            application.address,
            ((f"servicePrincipals(appId='{application.app_id}')", None),),
            set_fields(context.desired(kinds.ServicePrincipal).model_copy(update={"depends_on": ()})),
        )


@check("entra-bare-application", reads=(kinds.Application,), severity=Severity.LOW)
def bare_application(context: CheckContext) -> Iterator[Violation]:
    """The application was created from the non-gallery template

    Symptom: The portal's Provisioning page of the application is missing or incomplete.

    Why: An application that was registered directly, and not created as an enterprise application, has no template. It
    cannot get one later. Whether all of the provisioning pages appear for it is not documented.

    Fix: If provisioning causes trouble, delete the application and let provisioner apply create it.

    Source: Kiro, Microsoft Entra guide, step 1; Microsoft Graph v1.0, application (applicationTemplateId is read-only).
    """
    application = required_application(context)
    if application.template_id is None:
        yield Violation(
            "the application was not created from the non-gallery template",
            application.address,
            (("application.applicationTemplateId", None),),
        )


@check(
    "entra-duplicate-application",
    reads=(kinds.Application, observations.OtherApplication),
    severity=Severity.MEDIUM,
)
def duplicate_application(context: CheckContext) -> Iterator[Violation]:
    """Only one application has this name

    Symptom: Changes seem to have no effect: the application that was configured, or entered in Kiro, is the other one.

    Why: Display names are not unique in Entra.

    Fix: Compare the client ids with the one in the Kiro profile; rename or delete the application that is not used.

    Source: Microsoft Graph v1.0, application (displayName).
    """
    for other in context.snapshot.all(observations.OtherApplication):
        yield Violation(
            f"another application is called {other.display_name!r}: client id {other.app_id}",
            other.address,
            (("applications.appId", other.app_id), ("applications.createdDateTime", other.created)),
        )
    for orphaned in context.snapshot.all(observations.OrphanedApplication):
        yield Violation(
            f"an interrupted run left {orphaned.display_name!r}; the next apply removes it",
            orphaned.address,
            (("applications.displayName", orphaned.display_name),),
        )


@check("entra-recycle-bin", reads=(kinds.Application, observations.DeletedApplication), severity=Severity.LOW)
def recycle_bin(context: CheckContext) -> Iterator[Violation]:
    """No deleted application of the same name is in the recycle bin

    Symptom: Two applications have the same name after a restore, or a new application cannot get its marker.

    Why: A deleted application stays in the recycle bin for 30 days, can be restored, and keeps its uniqueName.

    Fix: Delete it permanently (in the Entra admin center, App registrations, Deleted applications), or run provisioner
    destroy --purge.

    Source: Microsoft Graph v1.0, application: delete; directory: deletedItems.
    """
    for deleted in context.snapshot.all(observations.DeletedApplication):
        yield Violation(
            f"a deleted application {deleted.display_name!r} (client id {deleted.app_id}) can still be restored",
            deleted.address,
            (
                ("directory.deletedItems.appId", deleted.app_id),
                ("directory.deletedItems.deletedDateTime", deleted.deleted),
            ),
        )


@check(
    "entra-application-disabled", reads=(kinds.Application, kinds.ServicePrincipal), severity=Severity.HIGH
)
def application_disabled(context: CheckContext) -> Iterator[Violation]:
    """The application is enabled for users to sign in

    Symptom: Sign-in fails for every user (AADSTS7000112 or a message that the application is disabled).

    Why: "Enabled for users to sign-in" is off, or the application itself is disabled.

    Fix: In the Entra admin center, Enterprise applications, the application, Properties: enable it for users to sign
    in.

    Source: Microsoft Graph v1.0, servicePrincipal (accountEnabled) and application (isDisabled).
    """
    application, principal = required_application(context), required_principal(context)
    if principal.account_enabled is False:
        yield Violation(
            "the service principal is disabled",
            principal.address,
            (("servicePrincipal.accountEnabled", False),),
            set_fields(kinds.ServicePrincipal(key=principal.key, account_enabled=True)),
        )
    if application.disabled:
        yield Violation(
            "the application is disabled",
            application.address,
            (("application.isDisabled", True),),
            set_fields(kinds.Application(key=application.key, disabled=False)),
        )


@check(
    "entra-token-version",
    reads=(kinds.Application,),
    severity=Severity.HIGH,
    troubleshooting_row="access token version",
)
def token_version(context: CheckContext) -> Iterator[Violation]:
    """Access tokens are issued in version 2

    Symptom: Sign-in succeeds, then API calls fail with authorization errors.

    Why: Entra issues version 1 access tokens unless the application asks for version 2; Kiro requires version 2.

    Fix: In the Entra admin center, App registrations, the application, Manifest: set api.requestedAccessTokenVersion to
    2.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 1; Microsoft Graph v1.0, apiApplication.
    """
    application = required_application(context)
    if application.access_token_version != 2:
        yield Violation(
            f"access tokens have version {application.access_token_version or '1 (the default)'}, Kiro needs version 2",
            application.address,
            (("application.api.requestedAccessTokenVersion", application.access_token_version),),
            set_fields(kinds.Application(key=application.key, access_token_version=2)),
        )


@check("entra-identifier-uri", reads=(kinds.Application,), severity=Severity.HIGH)
def identifier_uri(context: CheckContext) -> Iterator[Violation]:
    """The Application ID URI is the default one

    Symptom: Sign-in fails: the resource principal api://... was not found (AADSTS500011).

    Why: Kiro's clients request scopes of api://<client id>. Without that Application ID URI, Entra finds no application
    for these scopes.

    Fix: In the Entra admin center, App registrations, the application, Expose an API: add the Application ID URI and
    save the default value.

    Source: Kiro, Microsoft Entra guide, step 2; the form of the scopes was observed in requests of Kiro's clients.
    """
    application = required_application(context)
    default = f"api://{application.app_id}"
    if default not in (application.identifier_uris or ()):
        yield Violation(
            f"the Application ID URI {default} is missing",
            application.address,
            (("application.identifierUris", list(application.identifier_uris or ())),),
            set_fields(kinds.Application(key=application.key, identifier_uris=(default,))),
        )


@check("entra-custom-identifier-uri", reads=(kinds.Application,), severity=Severity.LOW, security=True)
def custom_identifier_uri(context: CheckContext) -> Iterator[Violation]:
    """There is no other Application ID URI than the default one

    Symptom: Sign-in fails with AADSTS90009 where a client uses the other URI.

    Why: An application that requests a token for itself must use the form with its client id.

    Fix: In the Entra admin center, App registrations, the application, Expose an API: remove the other Application ID
    URIs, if nothing else uses them.

    Source: Microsoft identity platform, error codes (AADSTS90009).
    """
    application = required_application(context)
    if application.other_identifier_uris:
        yield Violation(
            f"other Application ID URIs: {', '.join(application.other_identifier_uris)}",
            application.address,
            (("application.identifierUris", list(application.identifier_uris or ())),),
            set_fields(kinds.Application(key=application.key, other_identifier_uris=())),
        )


def _playbook_scopes(context: CheckContext, value: str) -> DesiredState | None:
    """The fix that sets the playbook's scopes; None if the playbook does not list this scope, so an admin must decide."""
    desired = context.desired(kinds.Application)
    is_listed = any(scope.value == value for scope in desired.scopes or ())
    return set_fields(kinds.Application(key=desired.key, scopes=desired.scopes)) if is_listed else None


@check(
    "entra-scopes-missing", reads=(kinds.Application,), severity=Severity.HIGH, troubleshooting_row="scopes"
)
def scopes_missing(context: CheckContext) -> Iterator[Violation]:
    """Both Kiro scopes are exposed

    Symptom: The sign-in page shows an error (AADSTS650053 or AADSTS65005: no such scope).

    Why: codewhisperer:completions enables inline suggestions, codewhisperer:conversations chat. Clients request both.

    Fix: In the Entra admin center, App registrations, the application, Expose an API: add the missing scope, for admins
    and users, enabled.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 2, and step 2.
    """
    application = required_application(context)
    present = {scope.value for scope in application.scopes or ()}
    for value in kiro.SCOPES:
        if value not in present:
            yield Violation(
                f"the scope {value} is missing",
                application.address,
                (("application.api.oauth2PermissionScopes[*].value", sorted(present)),),
                _playbook_scopes(context, value),
            )


@check("entra-scope-disabled", reads=(kinds.Application,), severity=Severity.HIGH)
def scope_disabled(context: CheckContext) -> Iterator[Violation]:
    """The Kiro scopes are enabled

    Symptom: The sign-in page shows an error (AADSTS650053 or AADSTS65005).

    Why: A disabled scope has the same effect as a missing one.

    Fix: In the Entra admin center, App registrations, the application, Expose an API: set the scope's state to enabled.

    Source: Kiro, Microsoft Entra guide, step 2 (State: Enabled).
    """
    application = required_application(context)
    for scope in application.scopes or ():
        if scope.value in kiro.SCOPES and scope.enabled is False:
            yield Violation(
                f"the scope {scope.value} is disabled",
                application.address,
                ((f"application.api.oauth2PermissionScopes[value={scope.value}].isEnabled", False),),
                _playbook_scopes(context, scope.value),
            )


@check("entra-scope-admin-only", reads=(kinds.Application,), severity=Severity.MEDIUM)
def scope_admin_only(context: CheckContext) -> Iterator[Violation]:
    """Users can consent to the Kiro scopes

    Symptom: The sign-in page asks for an administrator's approval (AADSTS65001, AADSTS90094).

    Why: Only admins can consent to the scope.

    Fix: In the Entra admin center, App registrations, the application, Expose an API: set "Who can consent?" to admins
    and users.

    Source: Kiro, Microsoft Entra guide, step 2 (Who can consent?).
    """
    application = required_application(context)
    for scope in application.scopes or ():
        if scope.value in kiro.SCOPES and scope.type == "Admin":
            yield Violation(
                f"only admins can consent to {scope.value}",
                application.address,
                ((f"application.api.oauth2PermissionScopes[value={scope.value}].type", "Admin"),),
                _playbook_scopes(context, scope.value),
            )


@check("entra-multi-tenant", reads=(kinds.Application,), severity=Severity.HIGH, security=True)
def multi_tenant(context: CheckContext) -> Iterator[Violation]:
    """Only accounts of this tenant can sign in

    Symptom: None; users of other organizations can get tokens for the application.

    Why: The supported account types include accounts outside this directory.

    Fix: In the Entra admin center, App registrations, the application, Authentication: select accounts in this
    organizational directory only.

    Source: Microsoft Graph v1.0, application (signInAudience); Kiro, Microsoft Entra guide, Preventing unauthorized access.
    """
    application = required_application(context)
    if application.sign_in_audience != "AzureADMyOrg":
        yield Violation(
            f"accounts outside this tenant can sign in ({application.sign_in_audience})",
            application.address,
            (("application.signInAudience", application.sign_in_audience),),
            set_fields(kinds.Application(key=application.key, sign_in_audience="AzureADMyOrg")),
        )


@check("entra-client-credentials", reads=(kinds.Application,), severity=Severity.MEDIUM, security=True)
def client_credentials(context: CheckContext) -> Iterator[Violation]:
    """The application has no secrets or certificates

    Symptom: None; anyone who has the credential can act as the application.

    Why: Kiro's clients are public clients and never use a credential, so it can only be misused.

    Fix: In the Entra admin center, App registrations, the application, Certificates and secrets: find out who uses it,
    then delete it.

    Source: Microsoft identity platform, public client applications.
    """
    application = required_application(context)
    for noun, member, credentials in (
        ("secret", "passwordCredentials", application.password_credentials),
        ("certificate", "keyCredentials", application.key_credentials),
    ):
        for credential in credentials:
            yield Violation(
                f"the application has a {noun} {credential.name or '(without a name)'} until {credential.ends}",
                application.address,
                ((f"application.{member}[*].endDateTime", credential.ends),),
            )
