"""Lifecycle of the server: its port, several processes with one home, TLS, keep-alive, recording, closing."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from provisioner.sandbox import Exchange, SandboxError, server
from provisioner.sandbox import home as home_module
from provisioner.sandbox.kiro import create_profile, generate_token
from tests.sandboxes import Sandbox

MINUTES = 300.0  # for another process or thread, on a busy machine

PROGRAM = """
import json, sys
from pathlib import Path
from tests.sandboxes import Sandbox
with Sandbox(Path(sys.argv[1])).start(**json.loads(sys.argv[2])) as sandbox:
    print(sandbox.url, flush=True)
    sys.stdin.readline()
"""


@contextlib.contextmanager
def other_process(home: Path, **options: Any) -> Iterator[str]:
    """A sandbox in another process, until the block ends; yields its URL."""
    command = [sys.executable, "-c", PROGRAM, str(home), json.dumps(options)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write("\n")
                process.stdin.flush()
            assert process.wait(MINUTES) == 0


def organization(url: str, token: str) -> int:
    return httpx.get(f"{url}/v1.0/organization", headers={"Authorization": f"Bearer {token}"}).status_code


class TestPort:
    def test_it_is_chosen_once_and_kept(self, home):
        with Sandbox(home).start() as first:
            url = first.url
        with Sandbox(home).start() as second:
            assert second.url == url

    def test_it_can_be_requested(self, home):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            free = probe.getsockname()[1]
        with Sandbox(home).start(port=free) as sandbox:
            assert sandbox.url == f"http://127.0.0.1:{free}"
            assert sandbox.store.setting("port") == free

    def test_a_port_that_another_program_took_is_replaced(self, home):
        with Sandbox(home).start() as first:
            address, kept = first.url, first.store.setting("port")
            principal = first.directory.all("servicePrincipal")[0]["id"]
            values = {"BaseAddress": f"{address}/scim/p/v2", "SecretToken": "t"}
            first.directory.put("synchronizationSecrets", principal, {"values": values})
        with socket.socket() as program:
            program.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            program.bind(("127.0.0.1", kept))
            program.listen()
            threading.Thread(target=self.hang_up, args=(program,), daemon=True).start()
            with Sandbox(home).start() as second:
                assert second.url != address
                moved = second.directory.get("synchronizationSecrets", principal)["values"]
                assert moved == {"BaseAddress": f"{second.url}/scim/p/v2", "SecretToken": "t"}
                assert second.variables()["KIRO_SCIM_ENDPOINT"].startswith(f"{second.url}/")

    def hang_up(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                listener.accept()[0].close()

    def test_a_requested_port_of_another_program_is_an_error(self, home):
        with socket.socket() as program:
            program.bind(("127.0.0.1", 0))
            program.listen()
            threading.Thread(target=self.hang_up, args=(program,), daemon=True).start()
            port = program.getsockname()[1]
            with (
                Sandbox(home) as sandbox,
                pytest.raises(SandboxError, match=f"port {port} is used by another program"),
            ):
                sandbox.start(port=port)

    def test_an_address_of_another_server_does_not_change(self, home):
        with Sandbox(home).start() as sandbox:
            principal = sandbox.directory.all("servicePrincipal")[0]["id"]
            values = {"BaseAddress": "https://scim.example/v2"}
            sandbox.directory.put("synchronizationSecrets", principal, {"values": values})
            sandbox._set_address("http://127.0.0.1:1", 1)
            assert sandbox.directory.get("synchronizationSecrets", principal)["values"] == values


class TestSharing:
    def test_a_second_process_attaches_to_a_shared_server(self, home):
        with other_process(home, shared=True) as url, Sandbox(home).start() as attached:
            assert (attached.url, attached.attached) == (url, True)
            assert organization(attached.url, attached.access_token()) == 200
            attached.store.set("latency_ms", 0)
            created = httpx.post(
                f"{url}/v1.0/groups",
                json={"displayName": "G", "mailEnabled": False, "mailNickname": "g", "securityEnabled": True},
                headers={"Authorization": f"Bearer {attached.access_token()}"},
            )
            assert attached.directory.get("group", created.json()["id"])["displayName"] == "G"

    def test_closing_an_attached_sandbox_does_not_stop_the_server(self, home):
        with other_process(home, shared=True) as url:
            with Sandbox(home).start() as attached:
                token = attached.access_token()
            assert organization(url, token) == 200

    def test_a_shared_server_without_tls_cannot_give_https(self, home):
        with (
            other_process(home, shared=True),
            Sandbox(home) as attached,
            pytest.raises(SandboxError, match="without https"),
        ):
            attached.start(https=True)

    def test_a_second_process_waits_for_an_unshared_server(self, home, monkeypatch):
        started: list[str] = []
        waiting = threading.Event()
        read_health = home_module._read_health

        def read(host: str, port: int) -> dict[str, Any] | None:
            health = read_health(host, port)
            waiting.set()
            return health

        def start() -> None:
            with Sandbox(home).start() as second:
                started.append(second.url)

        monkeypatch.setattr(home_module, "_read_health", read)
        thread = threading.Thread(target=start)
        with other_process(home) as url:
            thread.start()
            assert waiting.wait(MINUTES)
            assert started == []
        thread.join(MINUTES)
        assert started == [url]

    def test_it_does_not_wait_forever(self, home, monkeypatch):
        monkeypatch.setattr(home_module, "WAIT_SECONDS", 0)
        with other_process(home), Sandbox(home) as second, pytest.raises(SandboxError, match="is running"):
            second.start()

    def test_the_sandbox_of_another_home_counts_as_another_program(self, home, tmp_path):
        with Sandbox(home).start() as first:
            port = first.store.setting("port")
            with Sandbox(tmp_path / "other") as second:
                second.store.set("port", port)
                second.start()
                assert second.url != first.url

    def test_health_identifies_the_sandbox(self, sandbox):
        health = httpx.get(f"{sandbox.url}/sandbox/health").json()
        assert set(health) == {"program", "home", "shared", "https", "pid"}
        assert (health["program"], health["shared"]) == ("provisioner sandbox", False)


class TestTls:
    @pytest.fixture
    def secured(self, home: Path) -> Iterator[Sandbox]:
        with Sandbox(home).start(https=True) as sandbox:
            yield sandbox

    def test_http_and_https_share_the_port(self, secured):
        import ssl

        trust = ssl.create_default_context(cafile=str(secured.home / "certificate.pem"))
        plain = secured.url.replace("https", "http")
        headers = {"Authorization": f"Bearer {secured.access_token()}"}
        for url, expected in ((secured.url, "https:"), (plain, "http:")):
            with httpx.Client(verify=trust, headers=headers) as client:
                answer = client.get(f"{url}/v1.0/users", params={"$top": "1"})
                assert answer.json()["@odata.nextLink"].startswith(expected)
        localhost = secured.url.replace("127.0.0.1", "localhost")
        assert httpx.get(f"{localhost}/sandbox/health", verify=trust).status_code == 200

    def test_scim_stays_plain(self, secured):
        assert secured.variables()["KIRO_SCIM_ENDPOINT"].startswith("http://127.0.0.1:")

    def test_the_certificate_is_kept_and_the_key_private(self, secured, home):
        before = (home / "certificate.pem").read_bytes()
        assert (home / "certificate.key").stat().st_mode & 0o777 == 0o600
        secured.close()
        with Sandbox(home).start(https=True):
            assert (home / "certificate.pem").read_bytes() == before

    def test_a_client_that_distrusts_it_does_no_harm(self, secured):
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{secured.url}/sandbox/health")
        assert organization(secured.url.replace("https", "http"), secured.access_token()) == 200


class TestConnections:
    def test_are_kept_alive(self, sandbox):
        host, port = "127.0.0.1", sandbox.store.setting("port")
        import http.client

        connection = http.client.HTTPConnection(host, port)
        connection.connect()
        first = connection.sock
        for method, body in (("GET", None), ("POST", b"x" * 100_000), ("GET", None)):
            connection.request(method, "/sandbox/health", body=body)
            answer = connection.getresponse()
            assert (answer.status, bool(answer.read())) == (200, True)
        assert connection.sock is first
        connection.close()

    def test_chunked_bodies(self, graph, sandbox):
        def chunks() -> Iterator[bytes]:
            yield b'{"displayName":'
            yield b'"x"}'

        headers = {"Content-Type": "application/json"}
        assert graph.post("/applications", content=chunks(), headers=headers).status_code == 201

    def test_latency(self, graph, sandbox, monkeypatch):
        sandbox.store.set("latency_ms", 80)
        delays: list[float] = []
        monkeypatch.setattr(server, "time", SimpleNamespace(sleep=delays.append))
        graph.get("/organization")
        assert delays == [0.08]

    def test_closing_lets_running_requests_finish(self, home, monkeypatch):
        """The request begins before the server stops to accept, and continues afterwards."""
        begun, stopped = threading.Event(), threading.Event()
        statuses: list[int] = []

        def sleep(_seconds: float) -> None:
            begun.set()
            assert stopped.wait(MINUTES)

        monkeypatch.setattr(server, "time", SimpleNamespace(sleep=sleep))
        sandbox = Sandbox(home).start()
        headers = {"Authorization": f"Bearer {sandbox.access_token()}"}
        listener = sandbox._listener
        assert listener is not None
        shutdown = listener.shutdown
        monkeypatch.setattr(listener, "shutdown", lambda: (shutdown(), stopped.set()))

        def send() -> None:
            response = httpx.get(f"{sandbox.url}/v1.0/users", headers=headers, timeout=MINUTES)
            statuses.append(response.status_code)

        thread = threading.Thread(target=send)
        thread.start()
        assert begun.wait(MINUTES)
        sandbox.close()
        thread.join(MINUTES)
        assert statuses == [200]

    def test_closing_does_not_wait_for_silent_clients(self, home, monkeypatch):
        monkeypatch.setattr(server, "_STOP_SECONDS", 3600)
        sandbox = Sandbox(home).start(https=True)
        with socket.create_connection(("127.0.0.1", sandbox.store.setting("port"))):
            sandbox.close()  # does not end if it waits

    def test_nothing_is_written_to_the_console(self, home, capfd):
        with Sandbox(home).start() as sandbox:
            httpx.get(f"{sandbox.url}/v1.0/nope")
            httpx.get(f"{sandbox.url}/elsewhere")
        assert capfd.readouterr() == ("", "")

    def test_unknown_paths(self, sandbox):
        assert httpx.get(f"{sandbox.url}/elsewhere").status_code == 404


class TestRecorder:
    def test_it_gets_graph_calls_and_nothing_else(self, graph, sandbox, exchanges: list[Exchange]):
        httpx.get(f"{sandbox.url}/sandbox/health")
        httpx.get(f"{sandbox.url}/{sandbox.tenant_id}/v2.0/.well-known/openid-configuration")
        graph.get("/groups", params={"$top": "1"})
        graph.post("/applications", json={"displayName": "x"})
        assert [
            (exchange.method, exchange.path.partition("?")[0], exchange.status) for exchange in exchanges
        ] == [
            ("GET", "/v1.0/groups", 200),
            ("POST", "/v1.0/applications", 201),
        ]
        assert exchanges[1].body == {"displayName": "x"}
        assert exchanges[1].response["displayName"] == "x"
        assert exchanges[0].headers["Authorization"].startswith("Bearer ")

    def test_it_gets_a_call_before_the_client_gets_the_response(self, graph, exchanges: list[Exchange]):
        for count in range(1, 30):
            graph.get("/organization")
            assert len(exchanges) == count


class TestVariables:
    def test_with_the_automatic_console_all_are_known(self, sandbox):
        first, second = sandbox.variables(), sandbox.variables()
        assert set(first) == {"ENTRA_TENANT_ID", "KIRO_DOMAIN", "KIRO_SCIM_ENDPOINT", "KIRO_SCIM_TOKEN"}
        assert first == second

    def test_with_the_manual_console_the_token_has_to_be_generated(self, sandbox):
        sandbox.store.set("console", "manual")
        known = {"ENTRA_TENANT_ID": sandbox.tenant_id, "KIRO_DOMAIN": "contoso.example"}
        assert sandbox.variables() == known
        profile = create_profile(sandbox.kiro)
        assert sandbox.variables() == known
        generate_token(sandbox.kiro, profile["id"])
        assert "KIRO_SCIM_ENDPOINT" in sandbox.variables()

    def test_they_stay_the_same_in_the_next_process(self, home):
        with Sandbox(home).start() as first:
            before = first.variables()
        with Sandbox(home).start() as second:
            assert second.variables() == before


def test_closing_waits_for_a_running_cycle(home):
    """A cycle that runs when the sandbox is closed can still reach its SCIM endpoint."""
    code = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        import httpx
        from provisioner.sandbox import Sandbox
        with Sandbox(Path(sys.argv[1])).start() as sandbox:
            entra = sandbox.vendors["entra"]
            headers = {"Authorization": "Bearer " + entra.admin_token()}
            with httpx.Client(base_url=sandbox.url + "/v1.0", headers=headers) as graph:
                template = "/applicationTemplates/8adf8e6e-67b2-4cf2-a259-e3dc5476c621/instantiate"
                principal = graph.post(template, json={"displayName": "x"}).json()["servicePrincipal"]["id"]
                base = f"/servicePrincipals/{principal}/synchronization"
                v = entra.variables()
                pairs = [{"key": "BaseAddress", "value": v["KIRO_SCIM_ENDPOINT"]}, {"key": "SecretToken", "value": v["KIRO_SCIM_TOKEN"]}]
                graph.put(f"{base}/secrets", json={"value": pairs})
                job = graph.post(f"{base}/jobs", json={"templateId": "scim"}).json()["id"]
                graph.post(f"{base}/jobs/{job}/start")
        """
    )
    subprocess.run([sys.executable, "-c", code, str(home)], check=True, timeout=MINUTES)
    with Sandbox(home) as again:
        [job] = again.directory.all("synchronizationJob")
        assert job["status"]["lastExecution"]["state"] == "Succeeded"
