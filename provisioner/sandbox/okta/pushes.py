"""Pushes in the background: no request waits until its changes are provisioned.

Okta provisions asynchronously: an assignment is answered before the user exists in the application (Okta Management API
2026.06.3, AppUserStatus STAGED: "the background provisioning operation is queued").
"""

from __future__ import annotations

import threading

from provisioner.sandbox.background import Background
from provisioner.sandbox.store import Store


class Pushes(Background):
    """Runs the pushes of one org's applications."""

    def __init__(self, okta: Store) -> None:
        """Prepare.

        Args:
            okta: the org; its setting ``async_seconds`` is the time that a push waits before it begins.
        """
        super().__init__(self._push, "push")
        self._okta = okta
        self._closing = threading.Event()

    def touch(self, app_id: str) -> None:
        """Push an application in the background, after a change that may concern it. If a push runs, another one follows."""
        self.start(app_id)

    def catch_up(self) -> None:
        """Push every application whose connection is enabled: the last process may have ended too early for it."""
        for connection in self._okta.all("appConnection"):
            if connection.get("enabled"):
                self.touch(connection["appId"])

    def close(self) -> None:
        """Begin the waiting pushes at once, start no others, and wait until nothing runs."""
        self._closing.set()
        super().close()

    def _push(self, app_id: str) -> None:
        from provisioner.sandbox.okta import provisioning  # noqa: PLC0415 (start-up time)

        self._closing.wait(float(self._okta.setting("async_seconds", 0)))
        provisioning.push(self._okta, app_id)
