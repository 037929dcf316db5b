"""The wire format, pinned: a first apply and an idle one, recorded once and replayed without any server.

Record again with ``RECORD_CASSETTES=1`` after a wanted change, and read the difference: it is what Graph will get.
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
NOWHERE = SandboxConnection("http://127.0.0.1:9", "canary-access-token")
SCIM_TOKEN = "canary-scim-token"
PROVISIONAL = re.compile(r"(provisioner:kiro-entra:new:)[0-9a-f]{12}")
SECRET_KEYS = {"SecretToken"}


def scrubbed(value: Any) -> Any:
    """JSON without what must not be recorded."""
    if isinstance(value, list):
        return [scrubbed(element) for element in value]
    if isinstance(value, dict):
        if value.get("key") in SECRET_KEYS:
            return {**value, "value": "SCRUBBED"}
        return {name: scrubbed(element) for name, element in value.items()}
    return PROVISIONAL.sub(r"\1NONCE", value) if isinstance(value, str) else value


def scrub(request: Any) -> Any:
    """What is recorded, and compared, of a request: its path and JSON, without host, secrets and random names.

    None for what the sandbox itself sends to Kiro while it is recorded.
    """
    if "/scim/" in request.uri:
        return None
    request.uri = PROVISIONAL.sub(
        r"\1NONCE", re.sub(r"^https?://[^/]+", "https://graph.test", request.uri).replace("%3A", ":")
    )
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


class Silent:
    """A watcher that says nothing."""

    def starting(self, change): ...

    def finished(self, change, outcome): ...

    def waiting(self, reason): ...


async def applied_twice(
    access: SandboxConnection, notes: Path, endpoint: str
) -> tuple[RequestCounts, RequestCounts]:
    """Requests of a first apply, and of a second one."""
    counts = []
    for _ in range(2):
        provider = provider_module("entra").connect(
            playbook(endpoint), Journal(notes), lambda _: None, access
        )
        try:
            await engine.apply(provider, await engine.plan(provider), Silent(), engine.ApplyResult())
        finally:
            await provider.close()
        counts.append(provider.requests())
    return counts[0], counts[1]


def record(home: Path, notes: Path) -> None:
    """Against the sandbox, with a tenant and a token that everybody may know."""
    with Sandbox(home) as sandbox:
        sandbox.directory.set("tenant_id", "11111111-1111-1111-1111-111111111111")
        sandbox.start()
        endpoint = sandbox.variables()["KIRO_SCIM_ENDPOINT"]
        profile = endpoint.rstrip("/").split("/")[-2]
        digest = hashlib.sha256(SCIM_TOKEN.encode()).hexdigest()
        token = {"id": "t", "profileId": profile, "hash": digest, "createdAt": "2026-01-01T00:00:00Z"}
        sandbox.kiro.put("scimToken", "t", token)
        access = SandboxConnection(sandbox.url, sandbox.access_token())
        CASSETTE.unlink(missing_ok=True)
        with recorder("once").use_cassette(str(CASSETTE), ignore_localhost=False):
            asyncio.run(applied_twice(access, notes, endpoint))
    text = re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:9", CASSETTE.read_text())
    CASSETTE.write_text(text)


@pytest.mark.skipif(not RECORDING, reason="set RECORD_CASSETTES=1 to record again")
def test_record(tmp_path):
    record(tmp_path / "sandbox", tmp_path / "notes")


def endpoint_in_cassette() -> str:
    return re.search(r"http://127\.0\.0\.1:9/scim/[0-9a-f-]+/v2", CASSETTE.read_text())[0]


def test_a_first_apply_and_an_idle_one_send_what_was_recorded(tmp_path):
    with recorder("none").use_cassette(str(CASSETTE)) as cassette:
        first, second = asyncio.run(applied_twice(NOWHERE, tmp_path, endpoint_in_cassette()))
        assert cassette.all_played
    assert first.write > 0
    assert second.write == 0


def test_another_wire_format_is_noticed(tmp_path):
    """The recording is compared, not merely played."""
    wanted = playbook(endpoint_in_cassette())
    other = wanted.application.model_copy(update={"scopes": ("other:scope",)})

    async def work():
        changed = wanted.model_copy(update={"application": other})
        provider = provider_module("entra").connect(changed, Journal(tmp_path), lambda _: None, NOWHERE)
        try:
            await engine.apply(provider, await engine.plan(provider), Silent(), engine.ApplyResult())
        finally:
            await provider.close()

    with (
        recorder("none").use_cassette(str(CASSETTE)),
        pytest.raises(CannotOverwriteExistingCassetteException),
    ):
        asyncio.run(work())


def test_nothing_secret_is_in_the_recordings():
    for file in CASSETTE.parent.glob("*.yaml"):
        text = file.read_text()
        assert "canary" not in text
        assert not re.search(r"(?i)authorization|bearer|eyJ[A-Za-z0-9_-]{10,}", text)
        assert "SCRUBBED" in text


def test_scrubbing_takes_out_what_it_should(tmp_path):
    """Proved on a request that is full of secrets, not on one that happens to have none."""
    body = json.dumps(
        {"credentials": [{"key": "BaseAddress", "value": "u"}, {"key": "SecretToken", "value": SCIM_TOKEN}]}
    )
    request = scrub(Request("POST", "http://127.0.0.1:1234/v1.0/x", body, {}))
    assert SCIM_TOKEN.encode() not in request.body
    assert b'"value": "u"' in request.body
    assert request.uri == "https://graph.test/v1.0/x"
