"""Users of an application: created, linked, updated, deactivated and reactivated at the SCIM endpoint.

"Okta and SCIM Version 2.0" (developer.okta.com): who is found by userName is linked and gets the profile, who is not is
created; an update is a GET and a PUT; activation and deactivation are PATCHes; "if a user is suspended, deactivated, or
removed from your integration inside Okta", active becomes false; nobody is deleted. Each of the three features of "To
App" allows one of these (Okta Management API 2026.06.3, Application.features: PUSH_NEW_USERS "creates or links",
PUSH_PROFILE_UPDATES, PUSH_USER_DEACTIVATION "when unassigned from the app in Okta or deactivated").

Assumed: reactivation needs PUSH_NEW_USERS; a changed mapping alone sends nothing about those who are provisioned, it counts
from their next change or "Force Sync" on (the console asks whether to apply it now, and no API does).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from provisioner.sandbox.okta.management import log_events
from provisioner.sandbox.okta.management.identity import now
from provisioner.sandbox.okta.provisioning.client import Refused
from provisioner.sandbox.okta.provisioning.profile import UnmappableError, profile_of, scim_user, user_name
from provisioner.sandbox.okta.provisioning.run import CREATE, DEACTIVATE, PROVISIONED_STATUSES, UPDATE, Run
from provisioner.sandbox.scim import Body
from provisioner.sandbox.store import Document

_PUSH = "application.provision.user.push"
_PROFILE = "application.provision.user.push_profile"
_DEACTIVATE = "application.provision.user.deactivate"
_REACTIVATE = "application.provision.user.reactivate"


def push_users(run: Run) -> None:
    """Bring the endpoint's users in step with the assignments."""
    assigned = {each["id"]: each for each in run.store.under("appUser", f"{run.app_id}:")}
    people = {each["id"]: each for each in run.store.all("user")}
    for key, app_user in assigned.items():
        user = people.get(key)
        if user is not None and user.get("status") in PROVISIONED_STATUSES:
            _provision(run, user, app_user)
    for key, link in run.links().items():
        user = people.get(key)
        gone = key not in assigned or user is None or user.get("status") in {"SUSPENDED", "DEPROVISIONED"}
        if gone and "sent" in link and link.get("active"):
            _deactivate(run, key, user, link)


def _provision(run: Run, user: Document, app_user: Document) -> None:
    link = run.link(user["id"])
    try:
        wanted = _wanted(run, user, app_user, update=bool(link.get("scimId")))
    except UnmappableError as error:
        wanted = {"error": str(error)}
        if not _refused_before(run, link, wanted):
            _fail(run, _PUSH, user, wanted, str(error))
        return
    if _refused_before(run, link, wanted):
        return
    if not link.get("scimId"):
        if CREATE in run.features:
            _create(run, user, wanted)
    elif not link["active"]:
        if CREATE in run.features:
            _reactivate(run, user, wanted, link)
    else:
        _keep(run, user, app_user, wanted)


def _keep(run: Run, user: Document, app_user: Document, wanted: Body) -> None:
    """Keep a user who is active at the endpoint in step."""
    link = run.link(user["id"])
    if wanted == link["sent"] and not run.force:
        _confirm(run, user, app_user, link)
    elif not run.force and _source(user, wanted) == link.get("of"):
        return  # only the mapping changed
    elif UPDATE in run.features:
        _update(run, user, wanted, link)
    elif wanted != link["sent"]:
        _mark(run, user["id"], syncState="OUT_OF_SYNC")


def _confirm(run: Run, user: Document, app_user: Document, link: Document) -> None:
    """Nothing is to be sent: say so where the documents say otherwise.

    So it is after a refused change was taken back, or when somebody was unassigned and assigned again between two pushes.
    """
    source = _source(user, link["sent"])
    if link.get("refused") or link.get("of") != source:
        run.put_link(user["id"], refused=None, of=source)
    if app_user.get("syncState") != "SYNCHRONIZED" or app_user.get("externalId") != link["scimId"]:
        _mark_provisioned(run, user["id"], link["scimId"])


def _source(user: Document, wanted: Body) -> Document:
    """What a change of counts as a change of the user."""
    return {"profile": user["profile"], "userName": wanted["userName"]}


def _refused_before(run: Run, link: Document, wanted: Body) -> bool:
    """Whether this very thing was refused, and nobody asks to try it again."""
    return (link.get("refused") or {}).get("wanted") == wanted and not (run.retry or run.force)


def _wanted(run: Run, user: Document, app_user: Document, *, update: bool) -> Body:
    profile = profile_of(user, app_user, run.mapping, update=update)
    return scim_user(profile, user_name(user, app_user), user["id"], run.schema)


def _create(run: Run, user: Document, wanted: Body) -> None:
    name = wanted["userName"]

    def work() -> str:
        with _during(f"Error while verifying if user {name} exists"):
            found = run.client.find("User", "userName", name)
        with _during(f"Error while creating user {name}"):
            if found is None:
                return run.client.create("User", wanted)
            run.client.update_user(str(found["id"]), wanted)
            return str(found["id"])

    _attempt(run, _PUSH, user, wanted, work)


def _update(run: Run, user: Document, wanted: Body, link: Document) -> None:
    def work() -> str:
        with _during(f"Error while trying to push profile update for {wanted['userName']}"):
            run.client.update_user(link["scimId"], wanted)
        return str(link["scimId"])

    _attempt(run, _PROFILE, user, wanted, work)


def _reactivate(run: Run, user: Document, wanted: Body, link: Document) -> None:
    def work() -> str:
        with _during(f"Error while reactivating user {wanted['userName']}"):
            run.client.set_active(link["scimId"], active=True)
            if wanted != link["sent"]:
                run.client.update_user(link["scimId"], wanted)
        return str(link["scimId"])

    _attempt(run, _REACTIVATE, user, wanted, work)


@contextmanager
def _during(text: str) -> Iterator[None]:
    """Say, in a refusal, what was being done."""
    try:
        yield
    except Refused as refused:
        raise Refused(f"{text}: {refused}", refused.status, hopeless=refused.hopeless) from refused


def _attempt(run: Run, kind: str, user: Document, wanted: Body, work: Callable[[], str]) -> None:
    _mark(run, user["id"], syncState="SYNCING")
    try:
        scim_id = work()
    except Refused as refused:
        run.note_refusal(refused)
        _fail(run, kind, user, wanted, str(refused))
        return
    with run.store.transaction():
        source = _source(user, wanted)
        run.put_link(user["id"], scimId=scim_id, active=True, sent=wanted, of=source, refused=None)
        _mark_provisioned(run, user["id"], scim_id)
        run.log(kind, log_events.user_target(user))


def _fail(run: Run, kind: str, user: Document, wanted: Body, error: str) -> None:
    subject = "profile push" if kind == _PROFILE else "provisioning"
    text = (
        f"Automatic {subject} of user {log_events.full_name(user)} to app {run.app['label']} failed: {error}"
    )
    with run.store.transaction():
        run.put_link(user["id"], refused={"wanted": wanted, "error": text})
        _mark(run, user["id"], syncState="ERROR")
        run.log(kind, log_events.user_target(user), text)


def _deactivate(run: Run, key: str, user: Document | None, link: Document) -> None:
    if DEACTIVATE not in run.features or (link.get("refused") and not (run.retry or run.force)):
        return
    whom = user or {"id": key, "profile": {"login": link["sent"]["userName"]}}
    try:
        run.client.set_active(link["scimId"], active=False)
    except Refused as refused:
        run.note_refusal(refused)
        error = f"Error while deactivating user {link['sent']['userName']}: {refused}"
        with run.store.transaction():
            run.put_link(key, refused={"wanted": None, "error": error})
            _mark(run, key, syncState="ERROR")
            run.log(_DEACTIVATE, log_events.user_target(whom), error)
        return
    status = "SUSPENDED" if whom.get("status") == "SUSPENDED" else "DEPROVISIONED"
    with run.store.transaction():
        run.put_link(key, active=False, refused=None)
        _mark(run, key, status=status, syncState="SYNCHRONIZED", lastSync=now())
        run.log(_DEACTIVATE, log_events.user_target(whom))


def _mark_provisioned(run: Run, user_id: str, scim_id: str) -> None:
    state = {"status": "PROVISIONED", "syncState": "SYNCHRONIZED"}
    _mark(run, user_id, externalId=scim_id, lastSync=now(), **state)


def _mark(run: Run, user_id: str, **members: str) -> None:
    """Write members of the assignment, if there still is one."""
    key = f"{run.app_id}:{user_id}"
    with run.store.transaction():
        app_user = run.store.get("appUser", key)
        if app_user is None or members.items() <= app_user.items():
            return
        if "status" in members and members["status"] != app_user.get("status"):
            members["statusChanged"] = now()
        run.store.put("appUser", key, {**app_user, **members, "lastUpdated": now()})
