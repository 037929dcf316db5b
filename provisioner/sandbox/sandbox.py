"""A running sandbox: its stores, its one server, and how several processes share a home.

The port is chosen once and kept, because the emulated tenant stores the SCIM endpoint's address. A second process
with the same home attaches to a shared server (``sandbox serve``), or waits for an unshared one to end.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import json
import os
import re
import socket
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from werkzeug.wrappers import Request, Response

from provisioner.sandbox import certificate, seed
from provisioner.sandbox.entra.graph import VERSIONS, CycleScheduler, GraphApi
from provisioner.sandbox.entra.login.endpoints import PATHS as AUTHORITY_PATHS
from provisioner.sandbox.entra.login.endpoints import Authority
from provisioner.sandbox.entra.login.tokens import Tokens
from provisioner.sandbox.exchange import Exchange, Recorder
from provisioner.sandbox.okta.mounting import PATHS as OKTA_PATHS
from provisioner.sandbox.okta.mounting import Okta
from provisioner.sandbox.server import Front, Listener, Mount, bind
from provisioner.sandbox.store import Store

if TYPE_CHECKING:
    from provisioner.sandbox.dns import Dns

PROGRAM = "provisioner sandbox"
WAIT_SECONDS = 60.0  # for an unshared sandbox of the same home to end
SILENCE_SECONDS = 1.0  # after which a program that does not answer on our port counts as a stranger
_SCIM_PATHS = re.compile(r"/scim/")
_DOH_PATH = "/dns-query"
_DOH_PATHS = re.compile(r"/dns-query(/|$)")
_POLL_SECONDS = 0.1


class SandboxError(Exception):
    """The sandbox cannot be started."""


class Sandbox:
    """An emulated tenant with a simulated Kiro, kept in a folder.

    Attributes:
        directory: the Entra tenant's documents.
        kiro: the Kiro side's documents.
        url: the server's address, such as ``http://127.0.0.1:43121``; empty until started.
        attached: whether the server is another process's.
    """

    def __init__(self, home: Path, *, recorder: Recorder | None = None) -> None:
        """Open (or create) the stores.

        Args:
            home: the sandbox's folder.
            recorder: called with every exchange on ``/v1.0``, ``/beta`` (and every part of a batch) and with the Okta org,
                before its answer is sent; not when attached to another process's server.

        Raises:
            SandboxError: its content cannot be kept there.
        """
        self.home = home.resolve()
        try:
            self.directory = Store(self.home / "entra.db")
            self.kiro = Store(self.home / "kiro.db")
        except (OSError, sqlite3.Error) as error:
            raise SandboxError(f"its content cannot be kept in {self.home}: {error}") from error
        self.url = ""
        self.attached = False
        self._record: Recorder = _one_at_a_time(recorder) if recorder else _ignore
        self._org = Okta(self.home / "okta.db", self.directory)
        self._tokens = Tokens(self.directory)
        self._cycles = CycleScheduler(self.directory)
        self._listener: Listener | None = None
        self._names: Dns | None = None
        self._opening = threading.Lock()
        with self.directory.transaction():
            if self.directory.setting("tenant_id") is None:
                seed.fresh(self.directory)

    @property
    def okta(self) -> Store:
        """The Okta org's documents; the org is made when it is first asked for."""
        return self._org.store

    @property
    def names(self) -> Dns:
        """The DNS; it is served from now on, by the process that has the server."""
        with self._opening:
            if self._names is None:
                from provisioner.sandbox.dns import Dns  # noqa: PLC0415 (start-up time)

                self._names = Dns(self.home)
                if self._listener is not None:
                    self._names.start()
                elif self.attached:
                    _wake(self._plain_url().removeprefix("http://"))
            return self._names

    @property
    def tenant_id(self) -> str:
        """The emulated tenant's id."""
        return str(self.directory.setting("tenant_id"))

    def start(
        self, *, host: str = "127.0.0.1", port: int | None = None, https: bool = False, shared: bool = False
    ) -> Self:
        """Serve, or attach to the shared server of this home.

        Args:
            host: loopback address to listen on.
            port: TCP port; by default the one used before, or any free one the first time.
            https: make `url` an https address; plain http works on the same port, and the SCIM endpoint uses it.
            shared: let other processes with this home use this server.

        Raises:
            SandboxError: when the wanted port belongs to another program, an unshared sandbox of this home does not
                end within a minute, or the shared one lacks the https that is asked for.
        """
        scheme = "https" if https else "http"
        bound = self._claim(host, port, https=https)
        if bound is None:
            self.attached = True
            self.url = f"{scheme}://{host}:{self.directory.setting('port')}"
            return self
        number = bound.getsockname()[1]
        self.url = f"{scheme}://{host}:{number}"
        self._move(f"http://{host}:{number}", number)
        health = {
            "program": PROGRAM,
            "home": self._home_id(),
            "shared": shared,
            "https": https,
            "pid": os.getpid(),
        }
        front = Front(self._mounts(), self.directory, health, self._record)
        self._listener = Listener(bound, front, certificate.ensure(self.home) if https else None)
        self._cycles.start_overdue()
        self._org.catch_up()
        self._cycles.wait()
        return self

    def close(self) -> None:
        """Wait for running provisioning cycles and pushes, then stop the server and close the stores."""
        self._cycles.close()
        self._org.finish()
        if self._listener is not None:
            self._listener.stop()
            self._listener = None
        if self._names is not None:
            self._names.close()
            self._names = None
        self.directory.close()
        self.kiro.close()
        self._org.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait_for_cycles(self, seconds: float | None = None) -> bool:
        """Wait until no provisioning cycle runs here; False when that took longer than so many seconds."""
        return self._cycles.wait(seconds)

    def access_token(self, permissions: Sequence[str] | None = None) -> str:
        """A bearer token of the automation client.

        Args:
            permissions: Graph application permissions it shall carry; by default the setting ``permissions``.
        """
        return self._tokens.automation(
            self.directory.setting("permissions", []) if permissions is None else permissions
        )

    def token_of(self, provider: str) -> str:
        """What an admin's credentials are worth at a provider: a bearer token of Entra's, an API token of Okta's."""
        return self.okta_token() if provider == "okta" else self.access_token()

    def wait_for_pushes(self, seconds: float | None = None) -> bool:
        """Wait until no Okta provisioning runs here; False when that took longer than so many seconds."""
        return self._org.wait(seconds)

    def okta_token(self) -> str:
        """The value of the Okta org's API token (``SSWS``)."""
        return str(self.okta.setting("api_token"))

    def okta_client(self) -> dict[str, str]:
        """The Okta org's service app: ``client_id``, ``private_key`` (PEM) and ``key_id``."""
        return dict(self.okta.setting("client"))

    def variables(self, provider: str = "entra") -> dict[str, str]:
        """Values for the variables of a provider's shipped playbook.

        ``KIRO_DOMAIN``, the domain of its people. For Entra ``ENTRA_TENANT_ID``; ``KIRO_SCIM_ENDPOINT`` and ``KIRO_SCIM_TOKEN`` when the simulated console has them:
        with the setting ``console`` at ``waits``, only after somebody generated a token there. For Okta ``OKTA_ORG_URL``, and
        ``KIRO_SCIM_ENDPOINT`` once somebody created the Kiro profile.
        """
        if provider != "okta":
            return {"ENTRA_TENANT_ID": self.tenant_id, "KIRO_DOMAIN": seed.DOMAIN, **self._console_answers()}
        from provisioner.sandbox.kiro import console  # noqa: PLC0415 (start-up time)

        profiles = [profile for profile in self.kiro.all("kiroProfile") if "issuer" in profile]
        endpoints = [console.endpoint(self._plain_url(), profile["id"]) for profile in profiles[-1:]]
        root = self.url or str(self.directory.setting("root", ""))
        known = {"OKTA_ORG_URL": root, "KIRO_DOMAIN": seed.OKTA_DOMAIN}
        return {**known, **({"KIRO_SCIM_ENDPOINT": endpoints[0]} if endpoints else {})}

    def _console_answers(self) -> dict[str, str]:
        from provisioner.sandbox.kiro import console  # noqa: PLC0415 (start-up time)

        profiles = console.describe(self.kiro)["profiles"]
        waits = self.directory.setting("console", "answers") == "waits"
        if waits and not any(profile["tokens"] for profile in profiles):
            return {}
        return console.answers(self.kiro, self._plain_url())

    def _plain_url(self) -> str:
        """The http address of the server, or the last one it had."""
        return re.sub(r"^https:", "http:", self.url) or str(self.directory.setting("root", ""))

    def _claim(self, host: str, port: int | None, *, https: bool) -> socket.socket | None:
        """A socket bound to the port to use, or None when a shared server of this home has it."""
        wanted = port or self.directory.setting("port")
        if wanted is None:
            return bind(host, 0)
        began = time.monotonic()
        while True:
            try:
                return bind(host, wanted)
            except OSError as busy:
                if busy.errno != errno.EADDRINUSE:
                    raise
            match self._neighbour(_health_of(host, wanted), time.monotonic() - began):
                case "stranger" if port is not None:
                    raise SandboxError(f"port {port} is used by another program")
                case "stranger":
                    return bind(host, 0)
                case "shared without https" if https:
                    raise SandboxError("the shared sandbox was started without https")
                case "shared" | "shared without https":
                    return None
            time.sleep(_POLL_SECONDS)

    def _neighbour(self, health: dict[str, Any] | None, waited: float) -> str:
        """Who has our port: a stranger, a shared sandbox of this home, or somebody to wait for."""
        if health is None and waited < SILENCE_SECONDS:
            return "silent"  # perhaps a sandbox that is closing
        if health is None or health.get("home") != self._home_id():
            return "stranger"
        if health["shared"]:
            return "shared" if health["https"] else "shared without https"
        if waited > WAIT_SECONDS:
            raise SandboxError(f"another sandbox of {self.home} is running (process {health['pid']})")
        return "unshared"

    def _home_id(self) -> str:
        return hashlib.sha256(str(self.home).encode()).hexdigest()

    def _move(self, root: str, port: int) -> None:
        """Keep the address; when it changed, correct it in the emulated tenant's saved credentials."""
        with self.directory.transaction():
            before = self.directory.setting("root")
            self._org.move(before, root)
            self.directory.set("port", port)
            self.directory.set("root", root)
            if before in (None, root):
                return
            self._move_profiles(str(before), root)
            for principal in self.directory.all("servicePrincipal"):
                kept = self.directory.get("synchronizationSecrets", principal["id"])
                address = str((kept or {"values": {}})["values"].get("BaseAddress", ""))
                if address.startswith(f"{before}/"):
                    values = {**(kept or {})["values"], "BaseAddress": root + address.removeprefix(before)}
                    self.directory.put("synchronizationSecrets", principal["id"], {"values": values})

    def _move_profiles(self, before: str, root: str) -> None:
        """Kiro knows the Okta org by its issuer, which lies below the server's address."""
        for profile in self.kiro.all("kiroProfile"):
            issuer = str(profile.get("issuer", ""))
            if issuer.startswith(f"{before}/"):
                moved = {**profile, "issuer": root + issuer.removeprefix(before)}
                self.kiro.put("kiroProfile", profile["id"], moved)

    def _over_https(self, request: Request) -> Response:
        return self.names.handle_doh(request)

    def _mounts(self) -> list[Mount]:
        graph = GraphApi(self.directory, self._tokens, self._cycles, self._record)
        authority = Authority(self.directory, self._tokens)
        scim = _Scim(self.kiro, lambda: bool(self.directory.setting("strict_scim", default=False)))
        return [
            Mount(VERSIONS, graph.handle, graph.refusal, recorded=True),
            Mount(_SCIM_PATHS, scim.handle, scim.refusal),
            Mount(OKTA_PATHS, self._org.handle, self._org.refusal, recorded=True),
            Mount(_DOH_PATHS, self._over_https, _doh_refusal),
            Mount(AUTHORITY_PATHS, authority.handle, authority.refusal),
        ]


class _Scim:
    """The Kiro endpoint, loaded when it is first called."""

    def __init__(self, store: Store, strict: Callable[[], bool]) -> None:
        self._store = store
        self._strict = strict
        self._endpoint: Any = None

    def handle(self, request: Request) -> Response:
        if self._endpoint is None:
            from provisioner.sandbox.kiro import KiroEndpoint  # noqa: PLC0415 (start-up time)

            self._endpoint = KiroEndpoint(self._store, strict=self._strict)
        return Response.from_app(self._endpoint, request.environ, buffered=True)

    def refusal(self, status: int, retry_after: int | None) -> Response:
        """A SCIM error for an injected fault (RFC 7644, section 3.12)."""
        body = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": str(status),
            "detail": "A fault was injected here.",
        }
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return Response(json.dumps(body), status, headers, content_type="application/scim+json")


def _wake(authority: str) -> None:
    """Ask the DNS of another process's sandbox something, so that it is served from now on.

    The answer does not matter: whoever needs the DNS says what is wrong with it.
    """
    with contextlib.suppress(OSError):
        try:
            urllib.request.urlopen(f"http://{authority}{_DOH_PATH}", timeout=5).close()
        except urllib.error.HTTPError as answer:
            answer.close()


def _doh_refusal(status: int, retry_after: int | None) -> Response:
    from provisioner.sandbox.dns import doh  # noqa: PLC0415 (start-up time)

    return doh.refusal(status, retry_after)


def _health_of(host: str, port: int) -> dict[str, Any] | None:
    """What the sandbox on a port says about itself; empty for another program, None when nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/sandbox/health", timeout=5) as answer:
            found = json.load(answer)
    except urllib.error.HTTPError:
        return {}
    except (OSError, http.client.HTTPException):
        return None
    except ValueError:
        return {}
    return found if isinstance(found, dict) and found.get("program") == PROGRAM else {}


def _one_at_a_time(recorder: Recorder) -> Recorder:
    """A recorder that the server's threads do not call at the same time."""
    lock = threading.Lock()

    def record(exchange: Exchange) -> None:
        with lock:
            recorder(exchange)

    return record


def _ignore(_exchange: Exchange) -> None:
    """Record nothing."""
