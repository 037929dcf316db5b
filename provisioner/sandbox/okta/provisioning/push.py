"""A push: sends the changed users of an application to its endpoint, then its changed groups."""

from __future__ import annotations

from provisioner.sandbox.background import exclusive
from provisioner.sandbox.okta.management.system_log import app_target, write_event
from provisioner.sandbox.okta.provisioning.client import ScimClient, ScimError
from provisioner.sandbox.okta.provisioning.groups import push_groups
from provisioner.sandbox.okta.provisioning.run import Run
from provisioner.sandbox.okta.provisioning.users import push_users
from provisioner.sandbox.store import Store


def push(store: Store, app_id: str, *, force: bool = False, retry: bool = False, users: bool = True) -> None:
    """Push an application's users and groups; does nothing while its API integration is disabled.

    Any thread may call it: pushes of one application run one after the other, and no transaction is open during a request.
    Unchanged users and groups are not sent again.

    Args:
        store: the org.
        app_id: id of the application; an inactive one pushes nothing (assumed).
        force: send every profile again ("Force Sync").
        retry: send again what the endpoint refused ("Retry Selected" on the Tasks page).
        users: push users; False pushes groups only ("Push now").
    """
    with exclusive(store.path, app_id):
        app, connection = store.get("app", app_id), store.get("appConnection", app_id)
        if app is None or app["status"] != "ACTIVE" or not (connection or {}).get("enabled"):
            return
        assert connection is not None
        try:
            with ScimClient(connection["baseUrl"], connection["token"]) as client:
                run = Run(store, app, client, force=force, retry=retry or force)
                if users:
                    push_users(run)
                push_groups(run)
        except ScimError as error:  # the stored URL or token cannot be used; no request was sent
            event_type = "application.integration.general_failure"
            write_event(store, event_type, [app_target(app)], failure=str(error))
