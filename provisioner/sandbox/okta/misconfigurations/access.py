"""Misconfigurations of access: tokens, groups, assignments, users, and failed sign-ins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from provisioner.sandbox.misconfigurations import NothingToBreakError, first
from provisioner.sandbox.okta.management import system_log
from provisioner.sandbox.okta.management.objects import now
from provisioner.sandbox.store import Document

from .org import Org, misconfiguration


@misconfiguration("okta-token-expiry")
def _token_expiry(org: Org) -> None:
    """No one used the API token for weeks: it expires tomorrow."""
    tokens = org.okta.all("apiToken")
    if not tokens:
        raise NothingToBreakError("there is no API token")
    soon = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    for token in tokens:
        org.change("apiToken", token, expiresAt=soon)


@misconfiguration("okta-group-missing")
def _group_missing(org: Org) -> None:
    """An admin renamed the group."""
    group = org.group
    profile = {**group["profile"], "name": f"{group['profile']['name']} (old)"}
    org.change("group", group, profile=profile)


@misconfiguration("okta-group-not-assigned")
def _group_not_assigned(org: Org) -> None:
    """An admin removed the group's assignment to the application for sign-in."""
    org.unassign_group(org.application, org.group)


@misconfiguration("okta-everyone-assigned")
def _everyone_assigned(org: Org) -> None:
    """An admin assigned the group Everyone to the application for sign-in."""
    for group in org.okta.all("group"):
        if group["type"] == "BUILT_IN":
            org.assign_group(org.application, group)
            return
    raise NothingToBreakError("there is no group Everyone")


@misconfiguration("okta-user-not-in-oidc-app")
def _user_not_in_oidc_app(org: Org) -> None:
    """An admin assigned a user to the application for provisioning only."""
    org.assign_user(org.scim, org.unassigned_user())
    org.push()


@misconfiguration("okta-user-not-in-scim-app")
def _user_not_in_scim_app(org: Org) -> None:
    """An admin assigned a user to the application for sign-in only."""
    org.assign_user(org.application, org.unassigned_user())


@misconfiguration("okta-inactive-users")
def _inactive_users(org: Org) -> None:
    """An admin suspended an assigned user."""
    org.change("user", org.assigned_user(), status="SUSPENDED", statusChanged=now())
    org.push()


@misconfiguration("okta-sign-in-failures")
def _sign_in_failures(org: Org) -> None:
    """A user tried to sign in, and no access policy matched."""
    app, user = org.application, first(org.okta.all("user"), "there are no users")
    actor = system_log.user_target(user)
    client: Document = system_log.target("PublicClientApp", org.client_id, app["label"])
    system_log.write_event(
        org.okta,
        "app.oauth2.as.authorize",
        [client, system_log.app_target(app)],
        actor={name: value for name, value in actor.items() if name != "detailEntry"},
        failure="no_matching_policy",
        severity="WARN",
        debug_data={"requestUri": f"/oauth2/{org.server['id']}/v1/authorize"},
    )
