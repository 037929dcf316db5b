"""Which process serves a sandbox's folder.

The port is chosen once and kept, because the emulated tenants store the server's address. A second process with the same
folder uses a shared server (`provisioner sandbox serve`), or waits until the process with an unshared server ends.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import json
import os
import socket
import time
from enum import Enum
from pathlib import Path
from typing import Any

from provisioner.sandbox.server import HEALTH_PATH, bind

PROGRAM = "provisioner sandbox"
WAIT_SECONDS = 60.0  # for the process with an unshared server to end
SILENCE_SECONDS = 1.0  # a port that is busy and silent for so long belongs to another program
_POLL_SECONDS = 0.1
_MAX_HEALTH_BYTES = 10_000


class SandboxError(Exception):
    """The sandbox cannot be started."""


class _Owner(Enum):
    """Who has the port of this folder."""

    ANOTHER_PROGRAM = "another program"
    SHARED = "a shared sandbox of this folder"
    SHARED_HTTP_ONLY = "a shared sandbox of this folder, without https"
    BUSY = "an unshared sandbox of this folder, or one that is closing"


def health_report(home: Path, *, shared: bool, https: bool) -> dict[str, Any]:
    """What this process's server reports at `HEALTH_PATH`."""
    return {
        "program": PROGRAM,
        "home": _home_id(home),
        "shared": shared,
        "https": https,
        "pid": os.getpid(),
    }


def claim_port(
    home: Path, host: str, requested: int | None, former: int | None, *, https: bool
) -> socket.socket | None:
    """Bind the port of a sandbox's folder.

    Args:
        home: the folder.
        host: address to listen on.
        requested: this port and no other.
        former: the port that the folder had before.
        https: whether a shared server needs https.

    Returns:
        a bound socket; None when a shared server of this folder has the port.

    Raises:
        SandboxError: the requested port belongs to another program, an unshared sandbox does not end within
            `WAIT_SECONDS`, or the shared one has no https.
    """
    port = requested or former
    if port is None:
        return bind(host, 0)
    started = time.monotonic()
    while True:
        try:
            return bind(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        match _owner(home, _read_health(host, port), time.monotonic() - started):
            case _Owner.ANOTHER_PROGRAM if requested is not None:
                raise SandboxError(f"port {port} is used by another program")
            case _Owner.ANOTHER_PROGRAM:
                return bind(host, 0)
            case _Owner.SHARED_HTTP_ONLY if https:
                raise SandboxError("the shared sandbox was started without https")
            case _Owner.SHARED | _Owner.SHARED_HTTP_ONLY:
                return None
        time.sleep(_POLL_SECONDS)


def _owner(home: Path, health: dict[str, Any] | None, waited: float) -> _Owner:
    """Who has the port.

    Args:
        home: the folder.
        health: the response of the server on the port; empty for another program, None without a response.
        waited: seconds since the port was found busy.
    """
    if health is None and waited < SILENCE_SECONDS:
        return _Owner.BUSY
    if health is None or health.get("home") != _home_id(home):
        return _Owner.ANOTHER_PROGRAM
    if health["shared"]:
        return _Owner.SHARED if health["https"] else _Owner.SHARED_HTTP_ONLY
    if waited > WAIT_SECONDS:
        raise SandboxError(f"another sandbox of {home} is running (process {health['pid']})")
    return _Owner.BUSY


def _home_id(home: Path) -> str:
    return hashlib.sha256(str(home).encode()).hexdigest()


def _read_health(host: str, port: int) -> dict[str, Any] | None:
    """What the sandbox on a port reports; empty for another program, None without a response.

    Another program may redirect, or respond without end: neither a redirect nor a proxy is followed.
    """
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        with contextlib.closing(connection):
            connection.request("GET", HEALTH_PATH)
            body = json.loads(connection.getresponse().read(_MAX_HEALTH_BYTES))
    except (OSError, http.client.HTTPException):
        return None
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) and body.get("program") == PROGRAM else {}
