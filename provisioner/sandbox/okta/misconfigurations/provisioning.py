"""Misconfigurations of provisioning: the application, its connection and features, its mapping, and pushed groups."""

from __future__ import annotations

from provisioner.sandbox.misconfigurations import NothingToBreakError
from provisioner.sandbox.okta import console
from provisioner.sandbox.okta.management import system_log
from provisioner.sandbox.okta.management.directory import add_to_groups
from provisioner.sandbox.refusal import ConsoleRefusal

from .org import Org, misconfiguration


@misconfiguration("okta-scim-application-missing")
def _scim_application_missing(org: Org) -> None:
    """An admin deactivated and deleted the application for provisioning."""
    org.delete_app(org.scim)


@misconfiguration("okta-scim-application-inactive")
def _scim_application_inactive(org: Org) -> None:
    """An admin deactivated the application for provisioning."""
    org.change("app", org.scim, status="INACTIVE")


@misconfiguration("okta-api-integration")
def _api_integration(org: Org) -> None:
    """An admin switched the API integration off."""
    console.disable_provisioning(org.okta, org.scim["id"])


@misconfiguration("okta-create-users")
def _create_users(org: Org) -> None:
    """An admin disabled Create Users."""
    _set_to_app(org, create=False)


@misconfiguration("okta-deactivate-users")
def _deactivate_users(org: Org) -> None:
    """An admin disabled Deactivate Users."""
    _set_to_app(org, deactivate=False)


def _set_to_app(org: Org, *, create: bool | None = None, deactivate: bool | None = None) -> None:
    try:
        console.set_to_app(org.okta, org.scim["id"], create=create, deactivate=deactivate)
    except ConsoleRefusal as refusal:
        raise NothingToBreakError(str(refusal)) from refusal


def _map_attribute(org: Org, name: str, expression: str) -> None:
    key = org.scim["id"]
    for mapping in org.okta.all("mapping"):
        if mapping["target"]["id"] == key:
            entry = {"expression": expression, "pushStatus": "PUSH"}
            org.change("mapping", mapping, properties={**mapping["properties"], name: entry})
            return
    raise NothingToBreakError("the application for provisioning has no profile mapping")


@misconfiguration("okta-attribute-mappings")
def _attribute_mappings(org: Org) -> None:
    """An admin mapped the attribute department again, without applying it to existing users."""
    _map_attribute(org, "department", "user.department")


@misconfiguration("okta-assigned-and-pushed")
def _assigned_and_pushed(org: Org) -> None:
    """An admin also assigned the pushed group to the application for provisioning."""
    org.assign_group(org.scim, org.pushed_group)
    org.push()


@misconfiguration("okta-push-missing")
def _push_missing(org: Org) -> None:
    """An admin unlinked the pushed group, and left the group in Kiro."""
    from provisioner.sandbox.okta import provisioning  # noqa: PLC0415 (start-up time)

    mapping = org.push_mapping
    org.okta.delete("pushMapping", mapping["id"])
    provisioning.unlink_group(org.okta, mapping["_appId"], mapping["sourceGroupId"], delete_target=False)


@misconfiguration("okta-push-error")
def _push_error(org: Org) -> None:
    """An admin pasted a wrong SCIM token, and later the right one; the group was pushed in between."""
    from provisioner.sandbox.okta import provisioning  # noqa: PLC0415 (start-up time)

    key = org.push_mapping["_appId"]
    connection = org.okta.get("appConnection", key)
    if connection is None:
        raise NothingToBreakError("provisioning is not enabled")
    org.okta.put("appConnection", key, {**connection, "token": "not-the-token"})
    provisioning.push(org.okta, key, force=True, users=False)
    org.okta.put("appConnection", key, connection)


@misconfiguration("okta-push-members")
def _push_members(org: Org) -> None:
    """An admin added a user to the pushed group who is not assigned to the application for provisioning."""
    add_to_groups(org.okta, [org.pushed_group], org.unassigned_user())
    org.push()


@misconfiguration("okta-sync-errors")
def _sync_errors(org: Org) -> None:
    """An admin mapped the work phone and entered one for a user; Kiro refuses the user's profile."""
    user = org.assigned_user()
    _map_attribute(org, "primaryPhone", "user.primaryPhone")
    org.change("user", user, profile={**user["profile"], "primaryPhone": "+31 20 555 0100"})
    org.push()


@misconfiguration("okta-provisioning-failures")
def _provisioning_failures(org: Org) -> None:
    """An admin gave a user a title that Kiro refused, and removed it; the log still has the failure."""
    app, user = org.scim, org.assigned_user()
    reason = (
        f"Automatic profile push of user {system_log.full_name(user)} to app {app['label']} failed: Error while trying to push "
        f"profile update for {user['profile']['login']}: Bad Request. Errors reported by remote server: title: too long."
    )
    system_log.write_event(
        org.okta,
        "application.provision.user.push_profile",
        [system_log.user_target(user), system_log.app_target(app)],
        failure=reason,
    )
