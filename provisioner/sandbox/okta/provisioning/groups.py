"""Pushed groups: created or linked by name, renamed, and their members added and removed.

Okta Management API 2026.06.3, GROUP_PUSH: "all group members in Okta who are also assigned to the app are synced as group
members to the app"; GroupPushMappingStatus: a mapping in ERROR or INACTIVE pushes nothing. "Okta and SCIM Version 2.0":
the name is sent with every change of members. "Configure SAML and SCIM with Okta and IAM Identity Center" (AWS): a group
that is gone is reported as missing, and whoever is unassigned before leaving the group stays a member at the endpoint.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from provisioner.sandbox.okta.management import log_events
from provisioner.sandbox.okta.management.identity import now
from provisioner.sandbox.okta.provisioning import events
from provisioner.sandbox.okta.provisioning.client import OktaScim, Refused
from provisioner.sandbox.okta.provisioning.run import GROUPS, Run
from provisioner.sandbox.store import Document, Store

_PUSHED = "application.provision.group_push.pushed"
_UPDATED = "application.provision.group_push.updated"
_MEMBERS = "application.provision.group_push.push_memberships"
_REMOVED = "application.provision.group_push.removed"
_FAILED = "application.provision.group_push.mapping.update.or.delete.failed.with.error"


def push_groups(run: Run) -> None:
    """Bring the endpoint's groups in step with the push mappings."""
    if GROUPS not in run.features:
        return
    for mapping in run.store.all("pushMapping"):
        if mapping.get("_appId") != run.app_id or mapping["status"] == "INACTIVE":
            continue
        source = run.store.get("group", mapping["sourceGroupId"])
        if source is not None and (mapping["status"] != "ERROR" or run.retry):
            _push(run, mapping, source)


def unlink_group(store: Store, app_id: str, source_group_id: str, *, delete_target: bool) -> str | None:
    """Forget a pushed group, for whoever deletes its mapping. Not to be called inside a transaction.

    Args:
        store: the org.
        app_id: the application.
        source_group_id: the Okta group.
        delete_target: delete the group at the endpoint ("Delete the group in the target app").

    Returns:
        why the group is still there, or None; the link is forgotten either way.
    """
    key = f"{app_id}:{source_group_id}"
    link, app = store.get("pushLink", key), store.get("app", app_id)
    connection = store.get("appConnection", app_id) or {}
    error: str | None = None
    if delete_target and link and app and connection.get("enabled"):
        try:
            with OktaScim(connection["baseUrl"], connection["token"]) as client:
                client.delete_group(link["scimId"])
        except Refused as refused:
            error = None if refused.missing else str(refused)
        target = {"id": source_group_id, "profile": {"name": link["name"]}}
        targets = [log_events.group_target(target), log_events.app_target(app)]
        events.note(store, _FAILED if error else _REMOVED, targets, error)
    store.delete("pushLink", key)
    return error


def _push(run: Run, mapping: Document, source: Document) -> None:
    link = run.link(source["id"])
    name = _target_name(run.store, mapping, source)
    members = _members(run, source)
    known: dict[str, str] = link.get("members") or {}
    added = {key: each for key, each in members.items() if known.get(key) != each}
    removed = _to_remove(run, source, known)
    same = link.get("name") == name and not added and not removed
    if same and not link.get("failed") and not run.force:
        if not mapping.get("lastPush"):  # a new mapping for a group that is there
            _succeed(run, mapping)
        return
    try:
        scim_id = _identified(run, source, name, link)
        run.client.change_members(scim_id, _named(run, added), [known[key] for key in removed])
    except Refused as refused:
        run.note_refusal(refused)
        _fail(run, mapping, source, name, link, refused)
        return
    left = {key: each for key, each in known.items() if key not in removed} | members
    with run.store.transaction():
        run.put_link(source["id"], scimId=scim_id, name=name, members=left, failed=False)
        if added or removed:
            run.log(_MEMBERS, log_events.group_target(source))
        _succeed(run, mapping)


def _identified(run: Run, source: Document, name: str, link: Document) -> str:
    """The group at the endpoint, with the right name; made or linked when nothing is known of it."""
    if link.get("scimId"):
        run.client.rename_group(link["scimId"], name)
        run.log(_UPDATED, log_events.group_target(source))
        return str(link["scimId"])
    found = run.client.find("Group", "displayName", name)
    scim_id = str(found["id"]) if found else run.client.create_group(name)
    run.put_link(source["id"], scimId=scim_id, name=name, members={})
    run.log(_PUSHED, log_events.group_target(source))
    return scim_id


def _target_name(store: Store, mapping: Document, source: Document) -> str:
    """The name of the group in the application; the source's when the org does not know that group."""
    target = store.get("group", str(mapping.get("targetGroupId")))
    return str((target or source)["profile"]["name"])


def _members(run: Run, source: Document) -> dict[str, str]:
    """SCIM ids of the members who are provisioned users of the application."""
    found: dict[str, str] = {}
    for key in source.get("_members", ()):
        link = run.link(key)
        if link.get("active") and run.store.get("appUser", f"{run.app_id}:{key}") is not None:
            found[key] = link["scimId"]
    return found


def _to_remove(run: Run, source: Document, known: dict[str, str]) -> list[str]:
    """Who left the group in Okta and is still provisioned; who is not any more stays where he is."""
    there = set(source.get("_members", ()))
    return [key for key in known if key not in there and run.link(key).get("active")]


def _named(run: Run, added: dict[str, str]) -> dict[str, str]:
    return {scim_id: run.link(key)["sent"]["userName"] for key, scim_id in added.items()}


def _succeed(run: Run, mapping: Document) -> None:
    _mark(run, mapping, status="ACTIVE", errorSummary="", lastPush=now())


def _fail(run: Run, mapping: Document, source: Document, name: str, link: Document, refused: Refused) -> None:
    if refused.missing and link.get("scimId"):
        label = run.app["label"]
        error = f"Linked group is missing in {label}. Change the linked group to resume pushing group memberships."
    else:
        moment = datetime.now(UTC).strftime("%m-%d-%Y %I:%M:%S%p")
        verb = "update" if link.get("scimId") else "create"
        error = (
            f"Failed on {moment} UTC: Unable to {verb} Group Push mapping target App group {name}: "
            f"Error while {verb[:-1]}ing user group {name}: {refused}"
        )
    with run.store.transaction():
        run.put_link(source["id"], failed=True)
        _mark(run, mapping, status="ERROR", errorSummary=error)
        run.log(_FAILED, log_events.group_target(source), error)


def _mark(run: Run, mapping: Document, **members: Any) -> None:
    """Write members of the mapping, unless somebody deleted or deactivated it meanwhile."""
    with run.store.transaction():
        current = run.store.get("pushMapping", mapping["id"])
        if current is not None and current["status"] != "INACTIVE":
            run.store.put("pushMapping", mapping["id"], {**current, **members, "lastUpdated": now()})
