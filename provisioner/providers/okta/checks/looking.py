"""What the Okta checks look at; without it there is nothing to say."""

from __future__ import annotations

from typing import Final

from provisioner.core.check import Look, SkipCheckError
from provisioner.core.looking import needed, of_desired
from provisioner.core.step import ManualStep
from provisioner.providers.okta import observations as seen
from provisioner.providers.okta import resources as kinds

GUIDE: Final = "Kiro, Okta guide"


def application(look: Look) -> kinds.Application:
    """The OIDC application."""
    return needed(look, kinds.Application, "there is no OIDC application: see okta-application-missing")


def server(look: Look) -> kinds.AuthorizationServer:
    """The authorization server."""
    return needed(
        look, kinds.AuthorizationServer, "there is no authorization server: see okta-server-missing"
    )


def policy(look: Look) -> kinds.AccessPolicy:
    """The access policy."""
    server(look)
    return needed(look, kinds.AccessPolicy, "there is no access policy: see okta-policy-client")


def rule(look: Look) -> kinds.PolicyRule:
    """The rule."""
    policy(look)
    return needed(look, kinds.PolicyRule, "there is no rule: see okta-rule-scopes")


def scim_application(look: Look) -> kinds.ScimApplication:
    """The SCIM application."""
    managed(look)
    return needed(
        look, kinds.ScimApplication, "there is no SCIM application: see okta-scim-application-missing"
    )


def provisioning(look: Look) -> seen.Provisioning:
    """What the SCIM application shows of its provisioning."""
    scim_application(look)
    return needed(look, seen.Provisioning, "the SCIM application does not show its provisioning")


def switched_on(look: Look) -> seen.Provisioning:
    """The same, once API integration was enabled."""
    found = provisioning(look)
    if not found.integrated:
        confirmed(look)
        raise SkipCheckError("API integration is not enabled: see okta-api-integration")
    return found


def confirmed(look: Look) -> None:
    """Pass on unless the playbook takes the admin's word for the console steps."""
    steps = (step for step in of_desired(look, ManualStep) if step.key == "okta-api-integration")
    if any(step.given for step in steps):
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


def managed(look: Look) -> None:
    """Pass on if the playbook manages provisioning."""
    if not of_desired(look, kinds.ScimApplication):
        raise SkipCheckError("the playbook does not manage provisioning")


def people(look: Look) -> seen.People:
    """Who is in the two applications."""
    application(look)
    scim_application(look)
    return needed(look, seen.People, "the users of the applications were not read")


def some(names: tuple[str, ...], count: int) -> str:
    """Names for a message, at most five of them."""
    shown = ", ".join(names[:5])
    return shown if count <= 5 else f"{shown} and {count - 5} more"
