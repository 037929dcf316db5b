"""The requests to Graph: a first and a second apply, recorded once and replayed without a server.

After an intended change, record again with ``RECORD_CASSETTES=1`` and read the diff: it is what Graph will get.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import vcr
from vcr.errors import CannotOverwriteExistingCassetteException
from vcr.request import Request

from provisioner import engine
from provisioner.core.provider import RequestCounts
from provisioner.journal import Journal
from provisioner.providers import SandboxConnection, provider_module
from tests.sandboxes import Sandbox

CASSETTE = Path(__file__).parent / "cassettes" / "first-apply.yaml"
RECORDING = bool(os.environ.get("RECORD_CASSETTES"))
UNREACHABLE = SandboxConnection("http://127.0.0.1:9", "canary-access-token")
SCIM_TOKEN = "canary-scim-token"
PROVISIONAL = re.compile(r"(provisioner:kiro-entra:new:)[0-9a-f]{12}")
SELECT = re.compile(r"\$select=[\w,]+")
SECRET_KEYS = {"SecretToken"}


def scrubbed(value: Any) -> Any:
    """JSON without what must not be recorded."""
    if isinstance(value, list):
        return [scrubbed(element) for element in value]
    if isinstance(value, dict):
        if value.get("key") in SECRET_KEYS:
            return {**value, "value": "SCRUBBED"}
        return {name: scrubbed(element) for name, element in value.items()}
    return scrubbed_text(value) if isinstance(value, str) else value


def scrubbed_text(text: str) -> str:
    """Text without random names, and without the fields of ``$select``, which follow the resources."""
    return SELECT.sub("$select=FIELDS", PROVISIONAL.sub(r"\1NONCE", text))


def scrub(request: Any) -> Any:
    """What is recorded, and compared, of a request: its path and JSON, without host, secrets and random names.

    None for what the sandbox itself sends to Kiro while it is recorded.
    """
    if "/scim/" in request.uri:
        return None
    path = re.sub(r"^https?://[^/]+", "https://graph.test", request.uri)
    request.uri = scrubbed_text(path.replace("%3A", ":").replace("%24", "$").replace("%2C", ","))
    if request.body:
        request.body = json.dumps(scrubbed(json.loads(request.body))).encode()
    return request


def recorder(mode: str) -> vcr.VCR:
    return vcr.VCR(
        record_mode=mode,
        match_on=["method", "uri", "body"],
        before_record_request=scrub,
        filter_headers=["authorization", "client-request-id", "host", "user-agent"],
        decode_compressed_response=True,
    )


def playbook(endpoint: str) -> Any:
    model = provider_module("entra").playbook_model()
    return model.model_validate(
        {
            "version": 1,
            "name": "kiro-entra",
            "provider": "entra",
            "connection": {"tenant": "11111111-1111-1111-1111-111111111111"},
            "application": {"display_name": "Kiro-Entra"},
            "scim": {"endpoint": endpoint, "token": SCIM_TOKEN},
            "groups": [{"name": "Kiro-Users"}],
        }
    )


class SilentListener:
    """A listener that reports nothing."""

    def starting(self, change): ...

    def finished(self, change, outcome): ...

    def waiting(self, reason): ...


async def apply_twice(
    connection: SandboxConnection, store: Path, endpoint: str
) -> tuple[RequestCounts, RequestCounts]:
    """Requests of a first apply, and of a second one."""
    counts = []
    for _ in range(2):
        provider = provider_module("entra").connect(
            playbook(endpoint), Journal(store), lambda _: None, connection
        )
        try:
            await engine.apply(provider, await engine.plan(provider), SilentListener(), engine.ApplyResult())
        finally:
            await provider.close()
        counts.append(provider.requests())
    return counts[0], counts[1]


def record(home: Path, store: Path) -> None:
    """Record against the sandbox, with a tenant id and a token that are not secret."""
    with Sandbox(home) as sandbox:
        sandbox.directory.set("tenant_id", "11111111-1111-1111-1111-111111111111")
        sandbox.start()
        endpoint = sandbox.variables()["KIRO_SCIM_ENDPOINT"]
        profile = endpoint.rstrip("/").split("/")[-2]
        digest = hashlib.sha256(SCIM_TOKEN.encode()).hexdigest()
        token = {"id": "t", "profileId": profile, "hash": digest, "createdAt": "2026-01-01T00:00:00Z"}
        sandbox.kiro.put("scimToken", "t", token)
        connection = SandboxConnection(sandbox.url, sandbox.access_token())
        CASSETTE.unlink(missing_ok=True)
        with recorder("once").use_cassette(str(CASSETTE), ignore_localhost=False):
            asyncio.run(apply_twice(connection, store, endpoint))
    text = re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:9", CASSETTE.read_text())
    CASSETTE.write_text(text)


@pytest.mark.skipif(not RECORDING, reason="set RECORD_CASSETTES=1 to record again")
def test_record(tmp_path):
    record(tmp_path / "sandbox", tmp_path / "store")


def endpoint_in_cassette() -> str:
    return re.search(r"http://127\.0\.0\.1:9/scim/[0-9a-f-]+/v2", CASSETTE.read_text())[0]


def test_a_first_and_a_second_apply_send_what_was_recorded(tmp_path):
    with recorder("none").use_cassette(str(CASSETTE)) as cassette:
        first, second = asyncio.run(apply_twice(UNREACHABLE, tmp_path, endpoint_in_cassette()))
        assert cassette.all_played
    assert first.write > 0
    assert second.write == 0


def test_a_different_request_is_an_error(tmp_path):
    """The requests are compared with the recording."""
    desired = playbook(endpoint_in_cassette())
    other = desired.application.model_copy(update={"scopes": ("other:scope",)})

    async def work():
        changed = desired.model_copy(update={"application": other})
        provider = provider_module("entra").connect(changed, Journal(tmp_path), lambda _: None, UNREACHABLE)
        try:
            await engine.apply(provider, await engine.plan(provider), SilentListener(), engine.ApplyResult())
        finally:
            await provider.close()

    with (
        recorder("none").use_cassette(str(CASSETTE)),
        pytest.raises(CannotOverwriteExistingCassetteException),
    ):
        asyncio.run(work())


def test_the_recording_contains_no_secret():
    for file in CASSETTE.parent.glob("*.yaml"):
        text = file.read_text()
        assert "canary" not in text
        assert not re.search(r"(?i)authorization|bearer|eyJ[A-Za-z0-9_-]{10,}", text)
        assert "SCRUBBED" in text


def test_scrubbing_removes_secrets(tmp_path):
    """Shown with a request that contains a secret."""
    body = json.dumps(
        {"credentials": [{"key": "BaseAddress", "value": "u"}, {"key": "SecretToken", "value": SCIM_TOKEN}]}
    )
    request = scrub(Request("POST", "http://127.0.0.1:1234/v1.0/x", body, {}))
    assert SCIM_TOKEN.encode() not in request.body
    assert b'"value": "u"' in request.body
    assert request.uri == "https://graph.test/v1.0/x"
