"""What the Okta checks context at; without it there is nothing to say."""

from __future__ import annotations

from typing import Final

from provisioner.core.check import CheckContext, SkipCheckError
from provisioner.core.manual_step import ManualStep
from provisioner.providers.okta import observations as seen
from provisioner.providers.okta import resources as kinds

GUIDE: Final = "Kiro, Okta guide"


def application(context: CheckContext) -> kinds.Application:
    """The OIDC application."""
    return context.required(kinds.Application, "there is no OIDC application: see okta-application-missing")


def server(context: CheckContext) -> kinds.AuthorizationServer:
    """The authorization server."""
    return context.required(
        kinds.AuthorizationServer, "there is no authorization server: see okta-server-missing"
    )


def policy(context: CheckContext) -> kinds.AccessPolicy:
    """The access policy."""
    server(context)
    return context.required(kinds.AccessPolicy, "there is no access policy: see okta-policy-client")


def rule(context: CheckContext) -> kinds.PolicyRule:
    """The rule."""
    policy(context)
    return context.required(kinds.PolicyRule, "there is no rule: see okta-rule-scopes")


def scim_application(context: CheckContext) -> kinds.ScimApplication:
    """The SCIM application."""
    managed(context)
    return context.required(
        kinds.ScimApplication, "there is no SCIM application: see okta-scim-application-missing"
    )


def provisioning(context: CheckContext) -> seen.Provisioning:
    """What the SCIM application shows of its provisioning."""
    scim_application(context)
    return context.required(seen.Provisioning, "the SCIM application does not show its provisioning")


def switched_on(context: CheckContext) -> seen.Provisioning:
    """The same, once API integration was enabled."""
    found = provisioning(context)
    if not found.integrated:
        confirmed(context)
        raise SkipCheckError("API integration is not enabled: see okta-api-integration")
    return found


def confirmed(context: CheckContext) -> None:
    """Pass on unless the playbook takes the admin's word for the console steps."""
    steps = (step for step in context.all_desired(ManualStep) if step.key == "okta-api-integration")
    if any(step.completed for step in steps):
        raise SkipCheckError("the playbook confirms it (console_steps): the application does not show it")


SIGNING_IN: Final = (
    kinds.Application,
    kinds.SignInPolicy,
    kinds.AuthenticationPolicy,
    kinds.AuthorizationServer,
    kinds.Scope,
    kinds.AccessPolicy,
    kinds.PolicyRule,
    kinds.Group,
    kinds.User,
    kinds.GroupAssignment,
    kinds.UserAssignment,
)
"""What a new OIDC application or authorization server takes along: it has a new client id, or a new issuer."""

PROVISIONING: Final = (
    kinds.ScimApplication,
    kinds.ScimAttributeMapping,
    kinds.Group,
    kinds.User,
    kinds.ScimGroupAssignment,
    kinds.ScimUserAssignment,
    kinds.GroupPush,
)
"""What a new SCIM application takes along."""


def managed(context: CheckContext) -> None:
    """Pass on if the playbook manages provisioning."""
    if not context.all_desired(kinds.ScimApplication):
        raise SkipCheckError("the playbook does not manage provisioning")


def people(context: CheckContext) -> seen.People:
    """Who is in the two applications."""
    application(context)
    scim_application(context)
    return context.required(seen.People, "the users of the applications were not read")


def some(names: tuple[str, ...], count: int) -> str:
    """Names for a message, at most five of them."""
    shown = ", ".join(names[:5])
    return shown if count <= 5 else f"{shown} and {count - 5} more"
