"""The Okta org as a part of a sandbox: made, and its modules loaded, when somebody first asks for it."""

from __future__ import annotations

import re
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from provisioner.sandbox.store import Store

if TYPE_CHECKING:
    from provisioner.sandbox.okta.management.api import OktaApi
    from provisioner.sandbox.okta.pushes import Pushes

PATHS = re.compile(
    r"/api/v1/|/oauth2/|/\.well-known/(?:okta-organization|openid-configuration|oauth-authorization-server)$"
)


class Okta:
    """Opens the org's store, and serves it."""

    def __init__(self, path: Path, directory: Store) -> None:
        """Prepare; nothing is opened yet.

        Args:
            path: the org's SQLite file.
            directory: where the sandbox keeps what is common to all of it.
        """
        self._path = path
        self._directory = directory
        self._lock = threading.RLock()
        self._store: Store | None = None

    @property
    def store(self) -> Store:
        """The org's documents."""
        with self._lock:
            if self._store is None:
                self._store = self._opened()
            return self._store

    def _opened(self) -> Store:
        store = Store(self._path)
        with store.transaction():
            if store.setting("org_id") is None:
                from provisioner.sandbox.okta.management import new_org  # noqa: PLC0415 (start-up time)

                new_org.create(store, str(self._directory.setting("root", "")))
        return store

    @cached_property
    def _pushes(self) -> Pushes:
        from provisioner.sandbox.okta.pushes import Pushes  # noqa: PLC0415 (start-up time)

        return Pushes(self.store)

    @cached_property
    def _api(self) -> OktaApi:
        from provisioner.sandbox.okta.management.api import OktaApi  # noqa: PLC0415 (start-up time)

        return OktaApi(self.store, self._pushes, lambda: float(self._directory.setting("lag_seconds", 0)))

    def handle(self, request: Request) -> Response:
        """Answer one HTTP request."""
        return self._loaded().handle(request)

    def refusal(self, status: int, retry_after: int | None) -> Response:
        """Okta's answer for an injected fault."""
        return self._loaded().refusal(status, retry_after)

    def _loaded(self) -> OktaApi:
        with self._lock:
            return self._api

    def move(self, before: str | None, root: str) -> None:
        """The server has another address: correct it where the org keeps it."""
        if not self._path.exists():
            return
        store = self.store
        with store.transaction():
            store.set("root", root)
            if before in (None, "", root):
                before = ""
            for server in store.all("authorizationServer"):
                issuer = str(server["issuer"])
                if issuer.startswith((f"{before}/oauth2/", "/oauth2/")):
                    store.put(
                        "authorizationServer",
                        server["id"],
                        {**server, "issuer": root + issuer.removeprefix(before or "")},
                    )
            for connection in store.all("appConnection"):
                address = str(connection["baseUrl"])
                if before and address.startswith(f"{before}/"):
                    moved = {**connection, "baseUrl": root + address.removeprefix(before)}
                    store.put("appConnection", connection["appId"], moved)

    def catch_up(self) -> None:
        """Push what the last process may have left undone."""
        if self._path.exists():
            self._pushes.catch_up()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until no push runs; False when that took longer than so many seconds."""
        return self._pushes.wait(seconds) if "_pushes" in self.__dict__ else True

    def finish(self) -> None:
        """Do what was put off, and wait for running pushes."""
        if "_api" in self.__dict__:
            self._api.close()
        if "_pushes" in self.__dict__:
            self._pushes.close()

    def close(self) -> None:
        """Close the store."""
        with self._lock:
            if self._store is not None:
                self._store.close()
