"""What several Okta checks share: the resources that they require, and faults that several resources can have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from provisioner.core.check import CheckContext, SkipCheckError, Violation, set_fields
from provisioner.core.manual_step import ManualStep
from provisioner.core.resource import Resource
from provisioner.core.snapshot import ProblemKind
from provisioner.providers.okta import observations
from provisioner.providers.okta import resources as kinds

SIGN_IN_KINDS: Final = (
    kinds.Application,
    kinds.AuthenticationPolicy,
    kinds.AuthenticationPolicyAssignment,
    kinds.AuthorizationServer,
    kinds.Scope,
    kinds.AccessPolicy,
    kinds.PolicyRule,
    kinds.Group,
    kinds.User,
    kinds.GroupAssignment,
    kinds.UserAssignment,
)
"""The kinds to apply again when the OIDC application or authorization server is new: its client id or issuer changed."""

PROVISIONING_KINDS: Final = (
    kinds.ScimApplication,
    kinds.AttributeMapping,
    kinds.Group,
    kinds.User,
    kinds.ScimGroupAssignment,
    kinds.ScimUserAssignment,
    kinds.GroupPush,
)
"""The kinds to apply again when the SCIM application is new."""

_MAX_NAMES: Final = 5


def required_application(context: CheckContext) -> kinds.Application:
    """The OIDC application. Like all functions here, it skips the check when the resource does not exist."""
    return context.required(kinds.Application, "there is no OIDC application: see okta-application-missing")


def required_authorization_server(context: CheckContext) -> kinds.AuthorizationServer:
    """The authorization server."""
    return context.required(
        kinds.AuthorizationServer, "there is no authorization server: see okta-server-missing"
    )


def required_access_policy(context: CheckContext) -> kinds.AccessPolicy:
    """The access policy."""
    required_authorization_server(context)
    return context.required(kinds.AccessPolicy, "there is no access policy: see okta-policy-client")


def required_policy_rule(context: CheckContext) -> kinds.PolicyRule:
    """The rule of the access policy."""
    required_access_policy(context)
    return context.required(kinds.PolicyRule, "there is no rule: see okta-rule-scopes")


def required_scim_application(context: CheckContext) -> kinds.ScimApplication:
    """The SCIM application."""
    require_managed_provisioning(context)
    return context.required(
        kinds.ScimApplication, "there is no SCIM application: see okta-scim-application-missing"
    )


def required_provisioning(context: CheckContext) -> observations.Provisioning:
    """The provisioning settings that the SCIM application shows."""
    required_scim_application(context)
    return context.required(
        observations.Provisioning, "the SCIM application does not show its provisioning settings"
    )


def required_enabled_provisioning(context: CheckContext) -> observations.Provisioning:
    """The provisioning settings, once API integration is enabled."""
    settings = required_provisioning(context)
    if not settings.integrated:
        skip_if_confirmed(context)
        raise SkipCheckError("API integration is not enabled: see okta-api-integration")
    return settings


def skip_if_confirmed(context: CheckContext) -> None:
    """Skip the check if the playbook confirms that the manual steps of provisioning are done."""
    steps = (step for step in context.all_desired(ManualStep) if step.key == "okta-api-integration")
    if any(step.completed for step in steps):
        raise SkipCheckError(
            "the playbook confirms it (scim: manual_steps); the application does not show it"
        )


def require_managed_provisioning(context: CheckContext) -> None:
    """Skip the check unless the playbook manages provisioning."""
    if not context.all_desired(kinds.ScimApplication):
        raise SkipCheckError("the playbook does not manage provisioning")


def required_user_comparison(context: CheckContext) -> observations.UserComparison:
    """The users of the two applications, compared."""
    required_application(context)
    required_scim_application(context)
    return context.required(observations.UserComparison, "the users of the applications were not read")


def missing_object(
    context: CheckContext,
    desired: Resource,
    message: str,
    evidence: tuple[str, Any],
    fix_kinds: tuple[type[Resource], ...],
) -> Iterator[Violation]:
    """The fault that a resource does not exist. An ambiguous one is okta-application-ambiguous.

    ``message`` is used when a lookup by name returned nothing; a lookup by id has its own. The fix applies ``fix_kinds``.
    """
    problem = context.snapshot.problem_for(desired.address)
    if context.snapshot.first(type(desired)) is None and (
        problem is None or problem.kind is ProblemKind.MISSING
    ):
        fix = None if problem else context.as_in_playbook(*fix_kinds)
        yield Violation(problem.message if problem else message, desired.address, (evidence,), fix)


def inactive(resource: kinds.WithStatus, message: str, path: str) -> Iterator[Violation]:
    """The fault that a resource is deactivated; ``path`` is the JSON path of its status."""
    if not resource.active:
        fix = set_fields(type(resource)(key=resource.key, active=True))
        yield Violation(message, resource.address, ((path, "INACTIVE"),), fix)


def logged_failures(context: CheckContext, kind: type[observations.LoggedFailure]) -> Iterator[Violation]:
    """One violation for each group of failures in the System Log."""
    for failure in context.snapshot.all(kind):
        yield Violation(
            f"{failure.count} x {failure.event}: {failure.reason or 'no reason given'}"
            + (f", last {failure.subject}" if failure.subject else ""),
            failure.address,
            (("logs[*].outcome.reason", failure.reason), ("logs[*].published", failure.last)),
        )


def listed_users(
    message: str, address: str, path: str, names: tuple[str, ...], count: int
) -> Iterator[Violation]:
    """The fault that there are such users; ``names`` may be fewer than ``count``."""
    if count:
        evidence = ((path, list(names)), ("count", count))
        yield Violation(f"{message}: {join_names(names, count)}", address, evidence)


def join_names(names: tuple[str, ...], count: int) -> str:
    """At most five names for a message, and the number of the others; ``names`` may be fewer than ``count``."""
    shown = ", ".join(names[:_MAX_NAMES])
    return shown if count <= _MAX_NAMES else f"{shown} and {count - _MAX_NAMES} more"
