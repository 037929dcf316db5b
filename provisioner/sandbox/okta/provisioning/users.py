"""Users of an application: created, linked, updated, deactivated and reactivated at the SCIM endpoint.

"Okta and SCIM Version 2.0" (developer.okta.com): a user that exists with the same userName is linked and gets the profile, any
other is created; an update is a GET and a PUT; activation and deactivation are PATCHes; "if a user is suspended, deactivated,
or removed from your integration inside Okta", active becomes false; no user is deleted. Each feature of "To App" allows
some of these (Okta Management API 2026.06.3, Application.features: PUSH_NEW_USERS "creates or links", PUSH_PROFILE_UPDATES,
PUSH_USER_DEACTIVATION "when unassigned from the app in Okta or deactivated").

Assumed: reactivation needs PUSH_NEW_USERS; a changed mapping alone sends nothing for provisioned users, it takes effect with
their next change or with "Force Sync" (the console offers to apply it at once, no API does).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from provisioner.sandbox.okta.management.objects import now
from provisioner.sandbox.okta.management.system_log import full_name, user_target
from provisioner.sandbox.okta.provisioning.client import ScimError
from provisioner.sandbox.okta.provisioning.profile import MappingError, app_profile, scim_user, user_name
from provisioner.sandbox.okta.provisioning.run import CREATE, DEACTIVATE, PROVISIONED_STATUSES, UPDATE, Run
from provisioner.sandbox.scim import Body
from provisioner.sandbox.store import Document

_PUSH = "application.provision.user.push"
_PUSH_PROFILE = "application.provision.user.push_profile"
_DEACTIVATE = "application.provision.user.deactivate"
_REACTIVATE = "application.provision.user.reactivate"


def push_users(run: Run) -> None:
    """Provision assigned users, and deactivate the others."""
    app_users = {app_user["id"]: app_user for app_user in run.store.under("appUser", f"{run.app_id}:")}
    users = {user["id"]: user for user in run.store.all("user")}
    for user_id, app_user in app_users.items():
        user = users.get(user_id)
        if user is not None and user.get("status") in PROVISIONED_STATUSES:
            _provision(run, user, app_user)
    for user_id, link in run.links().items():
        user = users.get(user_id)
        inactive = user is None or user.get("status") in {"SUSPENDED", "DEPROVISIONED"}
        if (inactive or user_id not in app_users) and "sent" in link and link.get("active"):
            _deactivate(run, user_id, user, link)


def _provision(run: Run, user: Document, app_user: Document) -> None:
    link = run.link(user["id"])
    try:
        desired = _desired_user(run, user, app_user, update=bool(link.get("scimId")))
    except MappingError as error:
        desired = {"error": str(error)}
        if not _is_refused(run, link, desired):
            _fail(run, _PUSH, user, desired, str(error))
        return
    if _is_refused(run, link, desired):
        return
    if not link.get("scimId"):
        if CREATE in run.features:
            _create(run, user, desired)
    elif not link["active"]:
        if CREATE in run.features:
            _reactivate(run, user, desired, link)
    else:
        _update_if_changed(run, user, app_user, desired)


def _update_if_changed(run: Run, user: Document, app_user: Document, desired: Body) -> None:
    """Update a user who is active at the endpoint."""
    link = run.link(user["id"])
    if desired == link["sent"] and not run.force:
        _mark_unchanged(run, user, app_user, link)
    elif not run.force and _source_of(user, desired) == link.get("of"):
        return  # only the mapping changed
    elif UPDATE in run.features:
        _update(run, user, desired, link)
    elif desired != link["sent"]:
        _update_app_user(run, user["id"], syncState="OUT_OF_SYNC")


def _mark_unchanged(run: Run, user: Document, app_user: Document, link: Document) -> None:
    """Mark a user as provisioned without a request.

    This is necessary after a refused change was reverted, or when a user was unassigned and assigned again between two
    pushes.
    """
    source = _source_of(user, link["sent"])
    if link.get("refused") or link.get("of") != source:
        run.update_link(user["id"], refused=None, of=source)
    if app_user.get("syncState") != "SYNCHRONIZED" or app_user.get("externalId") != link["scimId"]:
        _mark_provisioned(run, user["id"], link["scimId"])


def _source_of(user: Document, body: Body) -> Document:
    """The part of a user whose change leads to an update."""
    return {"profile": user["profile"], "userName": body["userName"]}


def _is_refused(run: Run, link: Document, desired: Body) -> bool:
    """Whether the endpoint refused exactly this body, and no retry was requested."""
    return (link.get("refused") or {}).get("body") == desired and not (run.retry or run.force)


def _desired_user(run: Run, user: Document, app_user: Document, *, update: bool) -> Body:
    profile = app_profile(user, app_user, run.mapping, update=update)
    return scim_user(profile, user_name(user, app_user), user["id"], run.schema)


def _create(run: Run, user: Document, desired: Body) -> None:
    name = desired["userName"]

    def create_or_link() -> str:
        with _error_prefix(f"Error while verifying if user {name} exists"):
            existing = run.client.find("User", "userName", name)
        with _error_prefix(f"Error while creating user {name}"):
            if existing is None:
                return run.client.create("User", desired)
            run.client.update_user(str(existing["id"]), desired)
            return str(existing["id"])

    _attempt(run, _PUSH, user, desired, create_or_link)


def _update(run: Run, user: Document, desired: Body, link: Document) -> None:
    def update() -> str:
        with _error_prefix(f"Error while trying to push profile update for {desired['userName']}"):
            run.client.update_user(link["scimId"], desired)
        return str(link["scimId"])

    _attempt(run, _PUSH_PROFILE, user, desired, update)


def _reactivate(run: Run, user: Document, desired: Body, link: Document) -> None:
    def reactivate() -> str:
        with _error_prefix(f"Error while reactivating user {desired['userName']}"):
            run.client.set_active(link["scimId"], active=True)
            if desired != link["sent"]:
                run.client.update_user(link["scimId"], desired)
        return str(link["scimId"])

    _attempt(run, _REACTIVATE, user, desired, reactivate)


@contextmanager
def _error_prefix(prefix: str) -> Iterator[None]:
    """Prefix the message of an error with the step that failed."""
    try:
        yield
    except ScimError as error:
        raise ScimError(f"{prefix}: {error}", error.status, fatal=error.fatal) from error


def _attempt(run: Run, event_type: str, user: Document, desired: Body, request: Callable[[], str]) -> None:
    """Run a request that returns the SCIM id of the user, and record its result."""
    _update_app_user(run, user["id"], syncState="SYNCING")
    try:
        scim_id = request()
    except ScimError as error:
        run.log_refused_credentials(error)
        _fail(run, event_type, user, desired, str(error))
        return
    with run.store.transaction():
        source = _source_of(user, desired)
        run.update_link(user["id"], scimId=scim_id, active=True, sent=desired, of=source, refused=None)
        _mark_provisioned(run, user["id"], scim_id)
        run.log(event_type, user_target(user))


def _fail(run: Run, event_type: str, user: Document, desired: Body, error: str) -> None:
    subject = "profile push" if event_type == _PUSH_PROFILE else "provisioning"
    text = f"Automatic {subject} of user {full_name(user)} to app {run.app['label']} failed: {error}"
    with run.store.transaction():
        run.update_link(user["id"], refused={"body": desired, "error": text})
        _update_app_user(run, user["id"], syncState="ERROR")
        run.log(event_type, user_target(user), text)


def _deactivate(run: Run, user_id: str, user: Document | None, link: Document) -> None:
    if DEACTIVATE not in run.features or (link.get("refused") and not (run.retry or run.force)):
        return
    user = user or {"id": user_id, "profile": {"login": link["sent"]["userName"]}}
    try:
        run.client.set_active(link["scimId"], active=False)
    except ScimError as error:
        run.log_refused_credentials(error)
        text = f"Error while deactivating user {link['sent']['userName']}: {error}"
        with run.store.transaction():
            run.update_link(user_id, refused={"body": None, "error": text})
            _update_app_user(run, user_id, syncState="ERROR")
            run.log(_DEACTIVATE, user_target(user), text)
        return
    status = "SUSPENDED" if user.get("status") == "SUSPENDED" else "DEPROVISIONED"
    with run.store.transaction():
        run.update_link(user_id, active=False, refused=None)
        _update_app_user(run, user_id, status=status, syncState="SYNCHRONIZED", lastSync=now())
        run.log(_DEACTIVATE, user_target(user))


def _mark_provisioned(run: Run, user_id: str, scim_id: str) -> None:
    state = {"status": "PROVISIONED", "syncState": "SYNCHRONIZED"}
    _update_app_user(run, user_id, externalId=scim_id, lastSync=now(), **state)


def _update_app_user(run: Run, user_id: str, **members: str) -> None:
    """Change members of the application user, if the user is still assigned."""
    key = f"{run.app_id}:{user_id}"
    with run.store.transaction():
        app_user = run.store.get("appUser", key)
        if app_user is None or members.items() <= app_user.items():
            return
        if "status" in members and members["status"] != app_user.get("status"):
            members["statusChanged"] = now()
        run.store.put("appUser", key, {**app_user, **members, "lastUpdated": now()})
