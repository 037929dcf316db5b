"""A running sandbox: the vendors' tenants, Kiro and the DNS of one folder, behind one server."""

from __future__ import annotations

import contextlib
import http.client
import re
import sqlite3
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from werkzeug.wrappers import Request, Response

from provisioner.sandbox import certificate, settings
from provisioner.sandbox.exchange import Recorder, discard, serialized
from provisioner.sandbox.home import SandboxError, claim_port, health_report
from provisioner.sandbox.register import VENDORS, vendor_class
from provisioner.sandbox.server import Api, Front, Listener, Mount
from provisioner.sandbox.store import Store
from provisioner.sandbox.vendor import SandboxContext, Vendor

if TYPE_CHECKING:
    from provisioner.sandbox.dns import Dns

_SCIM_PATHS = re.compile(r"/scim/")
_DNS_PATH = "/dns-query"
_DNS_PATHS = re.compile(rf"{_DNS_PATH}(/|$)")


class Sandbox:
    """Emulated tenants with a simulated Kiro and a DNS, stored in a folder.

    Attributes:
        home: the folder.
        store: the settings of the whole sandbox, its address and its faults.
        kiro: the documents of the simulated Kiro.
        vendors: every vendor, by name.
        attached: whether another process runs the server for this folder. `url` is then the address of that server; this
            process still reads and changes the stored documents itself.
    """

    def __init__(self, home: Path, *, recorder: Recorder | None = None) -> None:
        """Open (or create) the stores.

        Args:
            home: the sandbox's folder.
            recorder: receives every exchange with a vendor's API, and every part of a Graph batch, before the response
                is sent. It receives nothing while `attached`.

        Raises:
            SandboxError: the folder cannot be used.
        """
        self.home = home.resolve()
        try:
            self.store = Store(self.home / "sandbox.db")
            self.kiro = Store(self.home / "kiro.db")
        except (OSError, sqlite3.Error) as error:
            raise SandboxError(f"its content cannot be kept in {self.home}: {error}") from error
        self.attached = False
        record = serialized(recorder) if recorder else discard
        self._context = SandboxContext(self.home, self.store, self.kiro, record)
        self.vendors: dict[str, Vendor] = {name: vendor_class(name)(name, self._context) for name in VENDORS}
        self._listener: Listener | None = None
        self._dns: Dns | None = None
        self._dns_lock = threading.Lock()

    @property
    def url(self) -> str:
        """The server's address, such as ``http://127.0.0.1:43121``; empty until started."""
        return self._context.url

    @property
    def http_url(self) -> str:
        """The server's http address, or the last one it had; see `SandboxContext.http_url`."""
        return self._context.http_url

    @property
    def dns(self) -> Dns:
        """The DNS, created on first use.

        This also starts its servers: here if this process runs the HTTP server, else in the process that does.
        """
        with self._dns_lock:
            if self._dns is None:
                from provisioner.sandbox.dns import Dns  # noqa: PLC0415 (start-up time)

                self._dns = Dns(self.home)
                if self._listener is not None:
                    self._dns.start()
                elif self.attached:
                    _start_dns_at(self.http_url.removeprefix("http://"))
            return self._dns

    def start(
        self, *, host: str = "127.0.0.1", port: int | None = None, https: bool = False, shared: bool = False
    ) -> Self:
        """Serve, or attach to the shared server of this folder.

        Args:
            host: loopback address to listen on.
            port: TCP port; by default the one used before, or any free one the first time.
            https: make `url` an https address. Plain http works on the same port, and clients of the SCIM endpoint use it.
            shared: let other processes with this folder use this server.

        Raises:
            SandboxError: the requested port belongs to another program, an unshared sandbox of this folder does not end
                within a minute, or the shared one has no https.
        """
        scheme = "https" if https else "http"
        bound = claim_port(self.home, host, port, self.store.setting("port"), https=https)
        if bound is None:
            self.attached = True
            self._context.url = f"{scheme}://{host}:{self.store.setting('port')}"
            return self
        number = bound.getsockname()[1]
        self._context.url = f"{scheme}://{host}:{number}"
        self._set_address(f"http://{host}:{number}", number)
        health = health_report(self.home, shared=shared, https=https)
        front = Front(self._mounts(), self.store, health, self._context.record, host=host)
        self._listener = Listener(bound, front, certificate.ensure(self.home) if https else None)
        for vendor in self.vendors.values():
            vendor.catch_up()
        return self

    def close(self) -> None:
        """Wait for running provisioning, then stop the server and close the stores."""
        for vendor in self.vendors.values():
            vendor.finish()
        if self._listener is not None:
            self._listener.stop()
            self._listener = None
        if self._dns is not None:
            self._dns.close()
            self._dns = None
        for vendor in self.vendors.values():
            vendor.close()
        self.store.close()
        self.kiro.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until no provisioning runs in this process; False when that of a vendor takes longer than `seconds`."""
        return all(vendor.wait(seconds) for vendor in self.vendors.values())

    def _set_address(self, url: str, port: int) -> None:
        """Store the server's http address and port, and replace the previous address in the tenants' documents."""
        for vendor in self.vendors.values():
            vendor.set_address(url)
        with self.store.transaction():
            self.store.set("port", port)
            self.store.set("root", url)

    def _mounts(self) -> list[Mount]:
        return [
            Mount(_SCIM_PATHS, self._load_scim),
            Mount(_DNS_PATHS, lambda: _DnsOverHttps(self)),
            *(mount for vendor in self.vendors.values() for mount in vendor.mounts()),
        ]

    def _load_scim(self) -> Api:
        from provisioner.sandbox.kiro import KiroEndpoint  # noqa: PLC0415 (start-up time)

        return KiroEndpoint(self.kiro, strict=lambda: bool(settings.STRICT_SCIM.read(self.store)))


class _DnsOverHttps:
    """DNS over HTTPS, as an API of the server."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def handle(self, request: Request) -> Response:
        return self._sandbox.dns.handle_doh(request)

    def error_response(self, status: int, retry_after: int | None) -> Response:
        from provisioner.sandbox.dns import doh  # noqa: PLC0415 (start-up time)

        return doh.error_response(status, retry_after)


def _start_dns_at(address: str) -> None:
    """Send a request to the DNS of another process's sandbox: this starts it. The response does not matter."""
    connection = http.client.HTTPConnection(address, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", _DNS_PATH)
        connection.getresponse()
