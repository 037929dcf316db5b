"""Whom the server serves, and whom the sandbox calls: this machine under its own names, and no one else."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from provisioner.sandbox import home as home_module
from provisioner.sandbox import scim
from provisioner.sandbox.sandbox import _start_dns_at
from tests.sandboxes import Sandbox

PATHS = ["/sandbox/health", "/v1.0/organization", "/api/v1/org", "/scim/x/v2/Users", "/dns-query", "/nothing"]
OWN = ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "[::1]", "tenant.localhost"]
FOREIGN = [
    "attacker.example",
    "127.0.0.1.attacker.example",
    "localhost.attacker.example",
    "notlocalhost",
    "192.168.0.1",
    "[fe80::1]",
    "0.0.0.0",
    "127.0.0.1@attacker.example",
    "attacker.example@127.0.0.1",
    "127.0.0.1, attacker.example",
    "127.0.0.1/",
    "[::1",
    "",
]


class TestHostHeader:
    @pytest.mark.parametrize("port", ["", ":80", ":{port}"])
    @pytest.mark.parametrize("host", FOREIGN)
    def test_a_foreign_name_gets_nothing_from_any_api(self, sandbox, host, port):
        named = host + port.format(port=sandbox.store.setting("port"))
        for path in PATHS:
            response = httpx.get(sandbox.url + path, headers={"Host": named})
            assert response.status_code == 421, (path, named)
            assert sandbox.directory.setting("tenant_id") not in response.text

    @pytest.mark.parametrize("port", ["", ":{port}"])
    @pytest.mark.parametrize("host", OWN)
    def test_names_of_this_machine_are_served(self, sandbox, host, port):
        named = host + port.format(port=sandbox.store.setting("port"))
        assert httpx.get(f"{sandbox.url}/sandbox/health", headers={"Host": named}).status_code == 200

    @pytest.mark.parametrize(
        "head",
        [
            "GET /sandbox/health HTTP/1.0\r\n",
            "GET http://attacker.example/sandbox/health HTTP/1.1\r\nHost: 127.0.0.1\r\n",
            "GET /sandbox/health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: attacker.example\r\n",
            "GET /sandbox/health HTTP/1.1\r\nHost: attacker.example\r\nX-Forwarded-Host: 127.0.0.1\r\n",
        ],
        ids=["none", "in the target", "two", "forwarded"],
    )
    def test_it_cannot_be_avoided(self, sandbox, head):
        with socket.create_connection(("127.0.0.1", sandbox.store.setting("port"))) as connection:
            connection.sendall(f"{head}Connection: close\r\n\r\n".encode())
            answer = connection.makefile("rb").readline()
        assert b" 421 " in answer

    def test_a_change_from_a_foreign_page_is_not_made(self, sandbox):
        before = len(sandbox.directory.keys("user"))
        headers = {"Host": "attacker.example", "Authorization": "Bearer x"}
        assert httpx.post(f"{sandbox.url}/v1.0/users", headers=headers, json={}).status_code == 421
        assert len(sandbox.directory.keys("user")) == before


@dataclass
class Redirecting:
    """A program whose every answer leads to another one, with the requests that the other one got."""

    port: int = 0
    followed: list[str] = field(default_factory=list)


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(params=[301, 302, 307, 308])
def redirecting(request):
    told = Redirecting()

    class Quiet(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.respond()

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do  # noqa: N815 - the library's names

    class Target(Quiet):
        def respond(self) -> None:
            told.followed.append(self.path)
            self.send_response(204)
            self.end_headers()

    with serving(Target) as elsewhere:

        class Redirect(Quiet):
            def respond(self) -> None:
                self.send_response(request.param)
                self.send_header("Location", f"http://127.0.0.1:{elsewhere}{self.path}")
                self.send_header("Content-Length", "0")
                self.end_headers()

        with serving(Redirect) as port:
            told.port = port
            yield told


class TestRedirects:
    @pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
    def test_a_scim_endpoint_leads_nowhere(self, redirecting, method):
        with scim.ScimHttp(f"http://127.0.0.1:{redirecting.port}/scim", "hunter2", "test") as client:
            body = None if method == "GET" else {}
            assert 300 <= client.request(method, "/Users", body=body).status_code < 400
        assert redirecting.followed == []

    def test_a_program_on_the_port_leads_nowhere(self, redirecting, home):
        assert home_module._read_health("127.0.0.1", redirecting.port) == {}
        _start_dns_at(f"127.0.0.1:{redirecting.port}")
        with Sandbox(home) as sandbox:
            sandbox.store.set("port", redirecting.port)
            sandbox.start()
            assert sandbox.store.setting("port") != redirecting.port
        assert redirecting.followed == []

    def test_no_client_of_the_sandbox_follows_by_another_library(self):
        """The two clients above are all that it has."""
        from tests.architecture.test_public import MODULES, PACKAGE

        users = {
            path.relative_to(PACKAGE / "sandbox").as_posix()
            for path, text in MODULES.items()
            if path.is_relative_to(PACKAGE / "sandbox")
            and any(
                name in text
                for name in ("urlopen", "urllib.request", "import requests", "HTTPConnection", "httpx.Client")
            )
        }
        assert users == {"home.py", "sandbox.py", "scim.py"}
