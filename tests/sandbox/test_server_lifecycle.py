"""The server's life: its port, its neighbours with the same home, TLS, keep-alive, recording, closing."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from provisioner.sandbox import Exchange, Sandbox, SandboxError
from provisioner.sandbox import sandbox as sandbox_module
from provisioner.sandbox.kiro import create_profile, generate_token

PROGRAM = """
import json, sys
from pathlib import Path
from provisioner.sandbox import Sandbox
with Sandbox(Path(sys.argv[1])).start(**json.loads(sys.argv[2])) as sandbox:
    print(sandbox.url, flush=True)
    sys.stdin.readline()
"""


@contextlib.contextmanager
def other_process(home: Path, **options: Any) -> Iterator[str]:
    """A sandbox in a process of its own, until the block ends; gives its URL."""
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
            assert process.wait(20) == 0


def organization(url: str, token: str) -> int:
    return httpx.get(f"{url}/v1.0/organization", headers={"Authorization": f"Bearer {token}"}).status_code


class TestPort:
    def test_is_chosen_once_and_kept(self, home):
        with Sandbox(home).start() as first:
            url = first.url
        with Sandbox(home).start() as second:
            assert second.url == url

    def test_can_be_asked_for(self, home):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            free = probe.getsockname()[1]
        with Sandbox(home).start(port=free) as sandbox:
            assert sandbox.url == f"http://127.0.0.1:{free}"
            assert sandbox.directory.setting("port") == free

    def test_taken_by_a_stranger_means_a_new_one(self, home):
        with Sandbox(home).start() as first:
            address, kept = first.url, first.directory.setting("port")
            principal = first.directory.all("servicePrincipal")[0]["id"]
            values = {"BaseAddress": f"{address}/scim/p/v2", "SecretToken": "t"}
            first.directory.put("synchronizationSecrets", principal, {"values": values})
        with socket.socket() as stranger:
            stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            stranger.bind(("127.0.0.1", kept))
            stranger.listen()
            threading.Thread(target=self.hang_up, args=(stranger,), daemon=True).start()
            with Sandbox(home).start() as second:
                assert second.url != address
                moved = second.directory.get("synchronizationSecrets", principal)["values"]
                assert moved == {"BaseAddress": f"{second.url}/scim/p/v2", "SecretToken": "t"}
                assert second.variables()["KIRO_SCIM_ENDPOINT"].startswith(f"{second.url}/")

    def hang_up(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                listener.accept()[0].close()

    def test_a_wanted_port_of_a_stranger_is_an_error(self, home):
        with socket.socket() as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.listen()
            threading.Thread(target=self.hang_up, args=(stranger,), daemon=True).start()
            port = stranger.getsockname()[1]
            with (
                Sandbox(home) as sandbox,
                pytest.raises(SandboxError, match=f"port {port} is used by another program"),
            ):
                sandbox.start(port=port)

    def test_an_address_elsewhere_is_left_alone(self, home):
        with Sandbox(home).start() as sandbox:
            principal = sandbox.directory.all("servicePrincipal")[0]["id"]
            values = {"BaseAddress": "https://scim.example/v2"}
            sandbox.directory.put("synchronizationSecrets", principal, {"values": values})
            sandbox._move("http://127.0.0.1:1", 1)
            assert sandbox.directory.get("synchronizationSecrets", principal)["values"] == values


class TestSharing:
    def test_a_shared_server_is_attached_to(self, home):
        with other_process(home, shared=True) as url, Sandbox(home).start() as mine:
            assert (mine.url, mine.attached) == (url, True)
            assert organization(mine.url, mine.access_token()) == 200
            mine.directory.set("latency_ms", 0)
            made = httpx.post(
                f"{url}/v1.0/groups",
                json={"displayName": "G", "mailEnabled": False, "mailNickname": "g", "securityEnabled": True},
                headers={"Authorization": f"Bearer {mine.access_token()}"},
            )
            assert mine.directory.get("group", made.json()["id"])["displayName"] == "G"

    def test_closing_an_attached_sandbox_leaves_the_server(self, home):
        with other_process(home, shared=True) as url:
            with Sandbox(home).start() as mine:
                token = mine.access_token()
            assert organization(url, token) == 200

    def test_a_shared_server_without_tls_cannot_give_https(self, home):
        with (
            other_process(home, shared=True),
            Sandbox(home) as mine,
            pytest.raises(SandboxError, match="without https"),
        ):
            mine.start(https=True)

    def test_an_unshared_one_is_waited_for(self, home):
        waiting: list[str] = []

        def wait() -> None:
            with Sandbox(home).start() as mine:
                waiting.append(mine.url)

        thread = threading.Thread(target=wait)
        with other_process(home) as url:
            thread.start()
            thread.join(0.5)
            assert waiting == []
        thread.join(20)
        assert waiting == [url]

    def test_but_not_forever(self, home, monkeypatch):
        monkeypatch.setattr(sandbox_module, "WAIT_SECONDS", 0.2)
        with other_process(home), Sandbox(home) as mine, pytest.raises(SandboxError, match="is running"):
            mine.start()

    def test_another_home_s_sandbox_is_a_stranger(self, home, tmp_path):
        with Sandbox(home).start() as first:
            port = first.directory.setting("port")
            with Sandbox(tmp_path / "other") as second:
                second.directory.set("port", port)
                second.start()
                assert second.url != first.url

    def test_health_says_who_it_is(self, sandbox):
        health = httpx.get(f"{sandbox.url}/sandbox/health").json()
        assert set(health) == {"program", "home", "shared", "https", "pid"}
        assert (health["program"], health["shared"]) == ("provisioner sandbox", False)


class TestTls:
    @pytest.fixture
    def secured(self, home: Path) -> Iterator[Sandbox]:
        with Sandbox(home).start(https=True) as sandbox:
            yield sandbox

    def test_both_on_one_port(self, secured):
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

    def test_a_client_that_distrusts_it_harms_nobody(self, secured):
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{secured.url}/sandbox/health")
        assert organization(secured.url.replace("https", "http"), secured.access_token()) == 200


class TestConnections:
    def test_are_kept_alive(self, sandbox):
        host, port = "127.0.0.1", sandbox.directory.setting("port")
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

    def test_latency(self, graph, sandbox):
        sandbox.directory.set("latency_ms", 80)
        before = time.monotonic()
        graph.get("/organization")
        assert time.monotonic() - before >= 0.08

    def test_closing_lets_running_requests_finish(self, home, exchanges: list[Exchange]):
        import queue

        answers: queue.Queue[int] = queue.Queue()
        sandbox = Sandbox(home, recorder=exchanges.append).start()
        sandbox.directory.set("latency_ms", 300)
        headers = {"Authorization": f"Bearer {sandbox.access_token()}"}

        def ask() -> None:
            answers.put(httpx.get(f"{sandbox.url}/v1.0/users", headers=headers).status_code)

        thread = threading.Thread(target=ask)
        thread.start()
        listener = sandbox._listener
        assert listener is not None
        deadline = time.monotonic() + 5
        while listener._requests == 0:
            assert time.monotonic() < deadline
        sandbox.close()
        thread.join(5)
        assert answers.get(timeout=5) == 200

    def test_closing_does_not_wait_for_silent_clients(self, home):
        sandbox = Sandbox(home).start(https=True)
        with socket.create_connection(("127.0.0.1", sandbox.directory.setting("port"))):
            before = time.monotonic()
            sandbox.close()
            assert time.monotonic() - before < 5

    def test_nothing_is_written_to_the_console(self, home, capfd):
        with Sandbox(home).start() as sandbox:
            httpx.get(f"{sandbox.url}/v1.0/nope")
            httpx.get(f"{sandbox.url}/elsewhere")
        assert capfd.readouterr() == ("", "")

    def test_unknown_paths(self, sandbox):
        assert httpx.get(f"{sandbox.url}/elsewhere").status_code == 404


class TestRecorder:
    def test_sees_graph_calls_and_nothing_else(self, graph, sandbox, exchanges: list[Exchange]):
        httpx.get(f"{sandbox.url}/sandbox/health")
        httpx.get(f"{sandbox.url}/{sandbox.tenant_id}/v2.0/.well-known/openid-configuration")
        graph.get("/groups", params={"$top": "1"})
        graph.post("/applications", json={"displayName": "x"})
        assert [(e.method, e.path.partition("?")[0], e.status) for e in exchanges] == [
            ("GET", "/v1.0/groups", 200),
            ("POST", "/v1.0/applications", 201),
        ]
        assert exchanges[1].body == {"displayName": "x"}
        assert exchanges[1].answer["displayName"] == "x"
        assert exchanges[0].headers["Authorization"].startswith("Bearer ")

    def test_has_seen_a_call_before_its_client_has_the_answer(self, graph, exchanges: list[Exchange]):
        for count in range(1, 30):
            graph.get("/organization")
            assert len(exchanges) == count


class TestVariables:
    def test_console_answers_at_once(self, sandbox):
        first, second = sandbox.variables(), sandbox.variables()
        assert set(first) == {"ENTRA_TENANT_ID", "KIRO_DOMAIN", "KIRO_SCIM_ENDPOINT", "KIRO_SCIM_TOKEN"}
        assert first == second

    def test_or_waits_for_a_person(self, sandbox):
        sandbox.directory.set("console", "waits")
        known = {"ENTRA_TENANT_ID": sandbox.tenant_id, "KIRO_DOMAIN": "contoso.example"}
        assert sandbox.variables() == known
        profile = create_profile(sandbox.kiro)
        assert sandbox.variables() == known
        generate_token(sandbox.kiro, profile["id"])
        assert "KIRO_SCIM_ENDPOINT" in sandbox.variables()

    def test_they_outlive_the_process(self, home):
        with Sandbox(home).start() as first:
            before = first.variables()
        with Sandbox(home).start() as second:
            assert second.variables() == before


def test_a_running_cycle_is_waited_for(home):
    """A cycle that is under way when the sandbox is closed still finds its SCIM endpoint."""
    code = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        import httpx
        from provisioner.sandbox import Sandbox
        with Sandbox(Path(sys.argv[1])).start() as sandbox:
            headers = {"Authorization": "Bearer " + sandbox.access_token()}
            with httpx.Client(base_url=sandbox.url + "/v1.0", headers=headers) as graph:
                template = "/applicationTemplates/8adf8e6e-67b2-4cf2-a259-e3dc5476c621/instantiate"
                principal = graph.post(template, json={"displayName": "x"}).json()["servicePrincipal"]["id"]
                base = f"/servicePrincipals/{principal}/synchronization"
                v = sandbox.variables()
                pairs = [{"key": "BaseAddress", "value": v["KIRO_SCIM_ENDPOINT"]}, {"key": "SecretToken", "value": v["KIRO_SCIM_TOKEN"]}]
                graph.put(f"{base}/secrets", json={"value": pairs})
                job = graph.post(f"{base}/jobs", json={"templateId": "scim"}).json()["id"]
                graph.post(f"{base}/jobs/{job}/start")
        """
    )
    subprocess.run([sys.executable, "-c", code, str(home)], check=True, timeout=60)
    with Sandbox(home) as again:
        [job] = again.directory.all("synchronizationJob")
        assert job["status"]["lastExecution"]["state"] == "Succeeded"
