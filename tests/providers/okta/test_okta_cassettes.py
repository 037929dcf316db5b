"""The wire format, pinned: a first apply and an idle one, recorded once and replayed without any server.

Record again with ``RECORD_CASSETTES=1`` after a wanted change, and read the difference: it is what Okta will get.
"""

from __future__ import annotations

import asyncio
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
from provisioner.sandbox import control
from tests.sandboxes import Sandbox

CASSETTE = Path(__file__).parent / "cassettes" / "first-apply.yaml"
RECORDING = bool(os.environ.get("RECORD_CASSETTES"))
HOST = "http://127.0.0.1:9"
NOWHERE = SandboxConnection(HOST, "canary-api-token")


def scrub(request: Any) -> Any:
    """What is recorded, and compared, of a request: its path and JSON, without the host.

    None for what the sandbox itself sends to Kiro while it is recorded.
    """
    if "/scim/" in request.uri:
        return None
    request.uri = re.sub(r"^https?://[^/]+", "https://okta.test", request.uri)
    return request


def recorder(mode: str) -> vcr.VCR:
    return vcr.VCR(
        record_mode=mode,
        match_on=["method", "uri", "body"],
        before_record_request=scrub,
        filter_headers=["authorization", "host", "user-agent"],
        decode_compressed_response=True,
    )


def playbook(**application: Any) -> Any:
    model = provider_module("okta").playbook_model()
    return model.model_validate(
        {
            "version": 1,
            "name": "kiro-okta",
            "provider": "okta",
            "connection": {"org_url": HOST},
            "application": {"label": "Kiro-OIDC", **application},
            "scim": {"label": "Kiro-SCIM", "manual_steps": "confirmed"},
            "groups": [{"name": "Kiro-Users"}],
            "push": [{"name": "Kiro-Pro"}],
        }
    )


class IgnoreProgress:
    """A listener that ignores progress."""

    def starting(self, change): ...

    def finished(self, change, outcome): ...

    def waiting(self, reason): ...


async def applied(access: SandboxConnection, notes: Path, wanted: Any) -> RequestCounts:
    provider = provider_module("okta").connect(wanted, Journal(notes), lambda _: None, access)
    try:
        await engine.apply(provider, await engine.plan(provider), IgnoreProgress(), engine.ApplyResult())
    finally:
        await provider.close()
    return provider.requests()


@pytest.mark.skipif(not RECORDING, reason="set RECORD_CASSETTES=1 to record again")
def test_record(tmp_path):
    with Sandbox(tmp_path / "sandbox") as sandbox:
        control.configure(sandbox, "console", "waits")
        sandbox.start()
        access = SandboxConnection(sandbox.url, sandbox.okta_token())
        CASSETTE.unlink(missing_ok=True)
        with recorder("once").use_cassette(str(CASSETTE), ignore_localhost=False):
            for _ in range(2):
                asyncio.run(applied(access, tmp_path / "notes", playbook()))
    CASSETTE.write_text(re.sub(r"http://127\.0\.0\.1:\d+", HOST, CASSETTE.read_text()))


def test_a_first_apply_and_an_idle_one_send_what_was_recorded(tmp_path):
    with recorder("none").use_cassette(str(CASSETTE)) as cassette:
        first = asyncio.run(applied(NOWHERE, tmp_path, playbook()))
        second = asyncio.run(applied(NOWHERE, tmp_path, playbook()))
        assert cassette.all_played
    assert first.write == 11
    assert second.write == 0


def test_another_wire_format_is_noticed(tmp_path):
    """The recording is compared, not merely played."""
    with (
        recorder("none").use_cassette(str(CASSETTE)),
        pytest.raises(CannotOverwriteExistingCassetteException),
    ):
        asyncio.run(applied(NOWHERE, tmp_path, playbook(loopback_ports=[3128])))


def test_nothing_secret_is_in_the_recording():
    text = CASSETTE.read_text()
    assert "canary" not in text
    assert not re.search(
        r"(?i)authorization:|ssws|bearer|private.?key(?!_jwt)|BEGIN |eyJ[A-Za-z0-9_-]{10,}", text
    )


def test_the_filter_removes_the_token_from_the_recording():
    """Proved on a request that carries it."""
    headers = {"Authorization": f"SSWS {NOWHERE.token}", "Accept": "application/json"}
    made = recorder("none").get_merged_config()["before_record_request"]
    request = made(Request("GET", f"{HOST}/api/v1/apps", None, headers))
    assert NOWHERE.token not in repr(dict(request.headers))
    assert request.headers["Accept"] == "application/json"
