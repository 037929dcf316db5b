"""Pushed groups: created or linked by name, renamed, and their members added and removed.

Okta Management API 2026.06.3, GROUP_PUSH: "all group members in Okta who are also assigned to the app are synced as group
members to the app"; GroupPushMappingStatus: a mapping in ERROR or INACTIVE pushes nothing. "Okta and SCIM Version 2.0":
every change of members sends the name as well. "Configure SAML and SCIM with Okta and IAM Identity Center" (AWS): a group that
was deleted at the endpoint is reported as missing, and a user who is unassigned before leaving the group stays a member at the
endpoint.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from provisioner.sandbox.okta.management.objects import now, select
from provisioner.sandbox.okta.management.system_log import app_target, group_target, write_event
from provisioner.sandbox.okta.provisioning.client import ScimClient, ScimError
from provisioner.sandbox.okta.provisioning.run import GROUPS, Run
from provisioner.sandbox.store import Document, Store

_PUSHED = "application.provision.group_push.pushed"
_UPDATED = "application.provision.group_push.updated"
_MEMBERS = "application.provision.group_push.push_memberships"
_REMOVED = "application.provision.group_push.removed"
_FAILED = "application.provision.group_push.mapping.update.or.delete.failed.with.error"


def push_groups(run: Run) -> None:
    """Push the groups of the active push mappings, and on retry of those in ERROR."""
    if GROUPS not in run.features:
        return
    for mapping in select(run.store, "pushMapping", _appId=run.app_id):
        if mapping["status"] == "INACTIVE":
            continue
        source = run.store.get("group", mapping["sourceGroupId"])
        if source is not None and (mapping["status"] != "ERROR" or run.retry):
            _push(run, mapping, source)


def unlink_group(store: Store, app_id: str, source_group_id: str, *, delete_target: bool) -> str | None:
    """Unlink a pushed group, as the deletion of its mapping does. Must not be called inside a transaction.

    Args:
        store: the org.
        app_id: id of the application.
        source_group_id: id of the Okta group.
        delete_target: delete the group at the endpoint ("Delete the group in the target app").

    Returns:
        why the group at the endpoint could not be deleted, or None; the group is unlinked in either case.
    """
    key = f"{app_id}:{source_group_id}"
    link, app = store.get("pushLink", key), store.get("app", app_id)
    connection = store.get("appConnection", app_id) or {}
    failure: str | None = None
    if delete_target and link and app and connection.get("enabled"):
        try:
            with ScimClient(connection["baseUrl"], connection["token"]) as client:
                client.delete_group(link["scimId"])
        except ScimError as error:
            failure = None if error.not_found else str(error)
        group = {"id": source_group_id, "profile": {"name": link["name"]}}
        event_type = _FAILED if failure else _REMOVED
        write_event(store, event_type, [group_target(group), app_target(app)], failure=failure)
    store.delete("pushLink", key)
    return failure


def _push(run: Run, mapping: Document, source: Document) -> None:
    link = run.link(source["id"])
    name = _target_name(run.store, mapping, source)
    members = _provisioned_members(run, source)
    pushed: dict[str, str] = link.get("members") or {}
    added = {user_id: scim_id for user_id, scim_id in members.items() if pushed.get(user_id) != scim_id}
    removed = _members_to_remove(run, source, pushed)
    unchanged = link.get("name") == name and not added and not removed
    if unchanged and not link.get("failed") and not run.force:
        if not mapping.get("lastPush"):  # a new mapping for a group that was pushed before
            _succeed(run, mapping)
        return
    try:
        scim_id = _create_or_rename(run, source, name, link)
        run.client.change_members(scim_id, _user_names(run, added), [pushed[user_id] for user_id in removed])
    except ScimError as error:
        run.log_refused_credentials(error)
        _fail(run, mapping, source, name, link, error)
        return
    remaining = {user_id: scim_id for user_id, scim_id in pushed.items() if user_id not in removed}
    with run.store.transaction():
        run.update_link(source["id"], scimId=scim_id, name=name, members=remaining | members, failed=False)
        if added or removed:
            run.log(_MEMBERS, group_target(source))
        _succeed(run, mapping)


def _create_or_rename(run: Run, source: Document, name: str, link: Document) -> str:
    """Rename the linked group; without one, link the group of that name or create it. Returns its SCIM id."""
    if link.get("scimId"):
        run.client.rename_group(link["scimId"], name)
        run.log(_UPDATED, group_target(source))
        return str(link["scimId"])
    existing = run.client.find("Group", "displayName", name)
    scim_id = str(existing["id"]) if existing else run.client.create_group(name)
    run.update_link(source["id"], scimId=scim_id, name=name, members={})
    run.log(_PUSHED, group_target(source))
    return scim_id


def _target_name(store: Store, mapping: Document, source: Document) -> str:
    """The name of the target group; that of the source group when the org has no target group."""
    target = store.get("group", str(mapping.get("targetGroupId")))
    return str((target or source)["profile"]["name"])


def _provisioned_members(run: Run, source: Document) -> dict[str, str]:
    """SCIM ids, by user id, of the members who are provisioned users of the application."""
    members: dict[str, str] = {}
    for user_id in source.get("_members", ()):
        link = run.link(user_id)
        if link.get("active") and run.store.get("appUser", f"{run.app_id}:{user_id}") is not None:
            members[user_id] = link["scimId"]
    return members


def _members_to_remove(run: Run, source: Document, pushed: dict[str, str]) -> list[str]:
    """Ids of users who left the group in Okta and are provisioned; other users remain members at the endpoint."""
    member_ids = set(source.get("_members", ()))
    return [user_id for user_id in pushed if user_id not in member_ids and run.link(user_id).get("active")]


def _user_names(run: Run, scim_ids: dict[str, str]) -> dict[str, str]:
    return {scim_id: run.link(user_id)["sent"]["userName"] for user_id, scim_id in scim_ids.items()}


def _succeed(run: Run, mapping: Document) -> None:
    _update_mapping(run, mapping, status="ACTIVE", errorSummary="", lastPush=now())


def _fail(run: Run, mapping: Document, source: Document, name: str, link: Document, error: ScimError) -> None:
    if error.not_found and link.get("scimId"):
        label = run.app["label"]
        text = f"Linked group is missing in {label}. Change the linked group to resume pushing group memberships."
    else:
        timestamp = datetime.now(UTC).strftime("%m-%d-%Y %I:%M:%S%p")
        verb = "update" if link.get("scimId") else "create"
        text = (
            f"Failed on {timestamp} UTC: Unable to {verb} Group Push mapping target App group {name}: "
            f"Error while {verb[:-1]}ing user group {name}: {error}"
        )
    with run.store.transaction():
        run.update_link(source["id"], failed=True)
        _update_mapping(run, mapping, status="ERROR", errorSummary=text)
        run.log(_FAILED, group_target(source), text)


def _update_mapping(run: Run, mapping: Document, **members: Any) -> None:
    """Change members of the mapping, unless it was deleted or deactivated during the push."""
    with run.store.transaction():
        current = run.store.get("pushMapping", mapping["id"])
        if current is not None and current["status"] != "INACTIVE":
            run.store.put("pushMapping", mapping["id"], {**current, **members, "lastUpdated": now()})
