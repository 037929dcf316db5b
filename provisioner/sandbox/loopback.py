"""Names and addresses of this machine: the sandbox serves, and calls, no other."""

from __future__ import annotations

import ipaddress
import re

_HOST_HEADER = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[\w.-]+))(?::\d+)?", re.ASCII)


def is_loopback(host: str) -> bool:
    """Whether a host name or an address is one of this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_own_host_header(header: str, own: str) -> bool:
    """Whether a request's Host header names this machine.

    A page of another site can make a browser connect to this machine under the site's own name (DNS rebinding). The
    browser then takes the answers for the site's own; only this header shows it.

    Args:
        header: the header; empty if it is missing.
        own: the host that the server listens on.
    """
    match = _HOST_HEADER.fullmatch(header)
    host = (match["v6"] or match["host"]).lower() if match else ""
    return bool(host) and (is_loopback(host) or host == own)
