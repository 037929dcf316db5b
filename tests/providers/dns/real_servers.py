"""Real name servers, Knot and BIND, on free ports of loopback, run as the current user."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

ZONE = "contoso.example"
SECRET = base64.b64encode(b"the secret of the keys of tests!").decode()
FULL, TXT_ONLY = "full", "txt-only"
"""Keys: the first may change every type of record, the second only TXT."""

_START_TIMEOUT = 180
"""Seconds to wait for a server to start, and to stop: enough for a busy machine."""
_ZONE_FILE = """\
$ORIGIN contoso.example.
$TTL 3600
@ SOA ns1 hostmaster 1 7200 900 1209600 300
@ NS ns1
@ NS ns2
ns1 A 127.0.0.1
ns2 A 127.0.0.1
alias CNAME ns1
sub NS ns1.fabrikam.example.
"""
_BIND = """\
options {{
  directory "{home}"; pid-file "{home}/named.pid"; session-keyfile "{home}/session.key";
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; notify no; dnssec-validation no;
}};
controls {{ }};
key "full" {{ algorithm hmac-sha256; secret "{secret}"; }};
key "txt-only" {{ algorithm hmac-sha256; secret "{secret}"; }};
zone "contoso.example" {{
  type primary; file "{home}/contoso.example.zone";
  update-policy {{ grant full zonesub ANY; grant txt-only zonesub TXT; }};
}};
"""
_KNOT = """\
server:
  rundir: "{home}"
  listen: "127.0.0.1@{port}"
  background-workers: 1
  udp-workers: 1
  tcp-workers: 1
log:
  - target: stderr
    any: info
database:
  storage: "{home}"
key:
  - id: full
    algorithm: hmac-sha256
    secret: "{secret}"
  - id: txt-only
    algorithm: hmac-sha256
    secret: "{secret}"
acl:
  - id: full
    key: full
    action: update
  - id: txt-only
    key: txt-only
    action: update
    update-type: TXT
zone:
  - domain: contoso.example
    storage: "{home}"
    file: contoso.example.zone
    acl: [ full, txt-only ]
"""
_SERVERS = {
    "knot": ("knotd", _KNOT, ["-c", "{conf}"]),
    "bind": ("named", _BIND, ["-g", "-4", "-n", "1", "-c", "{conf}"]),
}


@dataclass(frozen=True)
class RealServer:
    """A running name server.

    Attributes:
        name: ``knot`` or ``bind``.
    """

    name: str
    port: int

    def ask(self, name: str, kind: str = "TXT") -> list[str]:
        """The data of the answer's records as text; empty for a name that does not exist."""
        response = self.send(dns.message.make_query(name, kind))
        return sorted(record.to_text() for rrset in response.answer for record in rrset)

    def send(self, message: dns.message.Message) -> dns.message.Message:
        return dns.query.tcp(message, "127.0.0.1", timeout=60, port=self.port)


@pytest.fixture(name="real_server", scope="session", params=sorted(_SERVERS))
def running_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealServer]:
    """Knot, then BIND, each with the zone ``contoso.example``."""
    program, text, options = _SERVERS[request.param]
    path = shutil.which(
        program, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    )
    if path is None:
        pytest.skip(f"{program} is not installed (Debian: apt-get install knot bind9)")
    home = tmp_path_factory.mktemp(request.param)
    home.joinpath("contoso.example.zone").write_text(_ZONE_FILE)
    with _running(path, home, text, options) as port:
        yield RealServer(request.param, port)


@contextmanager
def _running(path: str, home: Path, text: str, options: list[str]) -> Iterator[int]:
    port, conf, log = _free_port(), home / "server.conf", home / "server.log"
    conf.write_text(text.format(home=home, port=port, secret=SECRET))
    command = [path, *(option.format(conf=conf) for option in options)]
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            _wait_for_response(process, port, log)
            yield port
        finally:
            process.terminate()
            process.wait(_START_TIMEOUT)


def _wait_for_response(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    query = dns.message.make_query(ZONE, "SOA")
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(dns.exception.DNSException, OSError, EOFError):
            if dns.query.udp(query, "127.0.0.1", timeout=0.2, port=port).rcode() == dns.rcode.NOERROR:
                return
    pytest.fail(f"{process.args!r} does not respond:\n{log.read_text()}")


def _free_port() -> int:
    """A port that is free for TCP and UDP."""
    while True:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            stream.bind(("127.0.0.1", 0))
            with suppress(OSError):
                datagrams.bind(stream.getsockname())
                return int(stream.getsockname()[1])
