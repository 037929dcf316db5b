"""One push: everything an application's provisioning owes its endpoint, users first, then groups."""

from __future__ import annotations

from provisioner.sandbox.background import exclusive
from provisioner.sandbox.okta.management import log_events
from provisioner.sandbox.okta.provisioning import events
from provisioner.sandbox.okta.provisioning.client import OktaScim, Refused
from provisioner.sandbox.okta.provisioning.groups import push_groups
from provisioner.sandbox.okta.provisioning.run import Run
from provisioner.sandbox.okta.provisioning.users import push_users
from provisioner.sandbox.store import Store


def push(store: Store, app_id: str, *, force: bool = False, retry: bool = False, users: bool = True) -> None:
    """Push an application's users and groups; nothing happens while its API integration is off.

    Safe to call from any thread; pushes of one application wait for each other, and no transaction is open during a
    call. What is as it should be is not sent again.

    Args:
        store: the org.
        app_id: the application; an inactive one pushes nothing (assumed).
        force: send every profile again ("Force Sync").
        retry: try again what was refused ("Retry Selected" among the tasks).
        users: whether users are pushed at all; else pushed groups only ("Push now").
    """
    with exclusive(store.path, app_id):
        app, connection = store.get("app", app_id), store.get("appConnection", app_id)
        if app is None or app["status"] != "ACTIVE" or not (connection or {}).get("enabled"):
            return
        assert connection is not None
        try:
            with OktaScim(connection["baseUrl"], connection["token"]) as client:
                run = Run(store, app, client, force=force, retry=retry or force)
                if users:
                    push_users(run)
                push_groups(run)
        except Refused as refused:  # before anything was sent: the saved connection itself is useless
            kind = "application.integration.general_failure"
            events.note(store, kind, [log_events.app_target(app)], str(refused))
