"""Quarantine, its end, and the accidental deletion threshold."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provisioner.sandbox import kiro
from provisioner.sandbox.entra import provisioning
from provisioner.sandbox.entra.provisioning.mapping import read_mappings
from provisioner.sandbox.entra.provisioning.outcome import Outcome
from provisioner.sandbox.entra.provisioning.scim_client import ScimError
from provisioner.sandbox.entra.provisioning.source import Entry
from provisioner.sandbox.entra.provisioning.status import (
    CycleRun,
    Quarantine,
    escrow_quarantine,
    status_after_cycle,
)
from tests.sandbox.provisioning_fixtures import LoopbackServer, World, unknown_members

INVALID = "SystemForCrossDomainIdentityManagementInvalidCredentials"
INCOMPATIBLE = "SystemForCrossDomainIdentityManagementServiceIncompatible"
UNAVAILABLE = "SystemForCrossDomainIdentityManagementServiceUnavailable"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        made.fit_for_kiro()
        yield made


def answering(status: str, body: bytes, content_type: str = "application/scim+json") -> LoopbackServer:
    def application(_: object, start_response: object) -> list[bytes]:
        start_response(status, [("Content-Type", content_type)])
        return [body]

    return LoopbackServer(application)


def test_a_bad_token_quarantines_the_job_and_a_good_one_ends_it(world: World) -> None:
    world.secrets(SecretToken="wrong")
    status = world.cycle()

    assert status["code"] == "Quarantine"
    assert status["countSuccessiveCompleteFailures"] == 1
    assert status["lastExecution"]["state"] == "Failed"
    assert status["lastExecution"]["error"]["code"] == INVALID
    assert status["lastSuccessfulExecution"] is None
    quarantine = status["quarantine"]
    assert quarantine["reason"] == "EncounteredQuarantineException"
    assert quarantine["error"]["code"] == INVALID
    assert quarantine["error"]["tenantActionable"] is True
    assert quarantine["seriesCount"] == 1
    assert quarantine["seriesBegan"] == quarantine["currentBegan"]
    assert unknown_members(status, "microsoft.graph.synchronizationStatus") == []

    again = world.cycle()
    assert again["countSuccessiveCompleteFailures"] == again["quarantine"]["seriesCount"] == 2
    assert again["quarantine"]["seriesBegan"] == quarantine["seriesBegan"]

    world.secrets(SecretToken=world.token)
    healthy = world.cycle()
    assert healthy["code"] == "Active"
    assert healthy["quarantine"] is None
    assert healthy["countSuccessiveCompleteFailures"] == 0
    assert set(world.kiro_users()) == {"alice", "bob"}


def test_a_revoked_token_quarantines_the_job(world: World) -> None:
    world.cycle()
    (token,) = kiro.tokens(world.kiro, world.profile)
    kiro.revoke_token(world.kiro, token["id"])
    assert world.cycle()["quarantine"]["error"]["code"] == INVALID
    assert world.writes == []


def test_without_a_tenant_url_the_error_is_the_documented_one(world: World) -> None:
    world.directory.delete("synchronizationSecrets", "principal")
    error = world.cycle()["quarantine"]["error"]
    assert error == {
        "code": INVALID,
        "message": "Please provide a valid tenant URL for your application.",
        "tenantActionable": True,
    }


def test_an_endpoint_that_nobody_answers(world: World) -> None:
    closed = answering("200 OK", b"{}")
    closed.close()
    world.secrets(BaseAddress=f"{closed.url}/scim")
    assert world.cycle()["quarantine"]["error"]["code"] == UNAVAILABLE


def test_an_endpoint_that_goes_away_in_the_middle_keeps_what_was_done(world: World) -> None:
    application = world.server._application
    token = kiro.tokens(world.kiro, world.profile)[0]["id"]

    def revoking(environ: dict, start_response: object) -> object:
        answer = application(environ, start_response)
        if environ["REQUEST_METHOD"] == "POST":
            kiro.revoke_token(world.kiro, token)
        return answer

    world.server._application = revoking
    assert world.cycle()["code"] == "Quarantine"
    assert set(world.job["_links"]) == {"id-alice"}
    assert not world.job["_watermark"], "the initial cycle is not over"

    world.server._application = application
    world.secrets(SecretToken=kiro.generate_token(world.kiro, world.profile))
    assert world.cycle()["code"] == "Active"
    assert world.kiro_groups() == {"Kiro-Users": ["alice", "bob"]}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        ("200 OK", b"<html>", INCOMPATIBLE),
        ("200 OK", b"[]", INCOMPATIBLE),
        ("200 OK", b'{"Resources": []}', INCOMPATIBLE),
        ("404 Not Found", b"", INCOMPATIBLE),
        ("401 Unauthorized", b"{}", INVALID),
        ("503 Service Unavailable", b"", UNAVAILABLE),
    ],
)
def test_validate_credentials_says_what_is_wrong(status: str, body: bytes, code: str) -> None:
    server = answering(status, body)
    try:
        problem = provisioning.validate_credentials(f"{server.url}/scim", "token")
    finally:
        server.close()
    assert problem is not None
    assert problem["code"] == ("CredentialValidationUnavailable" if code == UNAVAILABLE else code)
    (probe,) = server.sent
    assert probe.method == "GET"
    assert probe.query["filter"].startswith("userName eq ")


def test_validate_credentials_accepts_the_kiro_endpoint(world: World) -> None:
    assert provisioning.validate_credentials(world.endpoint, world.token) is None
    assert provisioning.validate_credentials(f"{world.endpoint}/", world.token) is None
    wrong_profile = world.endpoint.replace(world.profile, "other")
    problem = provisioning.validate_credentials(wrong_profile, world.token)
    assert problem is not None
    assert problem["code"] == INVALID


@pytest.mark.parametrize(
    "address", ["https://scim.example.com/v2", "http://192.0.2.1/", "http://[2001:db8::1]/scim"]
)
def test_the_sandbox_never_calls_a_real_application(address: str) -> None:
    problem = provisioning.validate_credentials(address, "token")
    assert problem is not None
    assert "loopback addresses only" in problem["message"]


@pytest.mark.parametrize(
    "address", ["", "scim", "ftp://127.0.0.1/", "http://127.0.0.1:port/", "http://[::1/"]
)
def test_an_address_that_is_none(address: str) -> None:
    assert provisioning.validate_credentials(address, "token") == {
        "code": INVALID,
        "message": "Please provide a valid tenant URL for your application.",
    }


@pytest.mark.parametrize("token", ["", "a\nb", "schlüssel"])
def test_a_token_that_cannot_be_one(world: World, token: str) -> None:
    problem = provisioning.validate_credentials(world.endpoint, token)
    assert problem is not None
    assert problem["code"] == INVALID


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "TooManyRequests"),
        (500, "InternalServerError"),
        (403, "InsufficientRights"),
        (418, "WebExceptionProtocolError"),
    ],
)
def test_a_passing_fault_of_the_endpoint_fails_one_object_until_the_next_cycle(
    world: World, status: int, code: str
) -> None:
    application = world.server._application
    hits = []

    def failing(environ: dict, start_response: object) -> object:
        if environ["REQUEST_METHOD"] == "POST" and not hits:
            hits.append(environ["PATH_INFO"])
            start_response(f"{status} Fault", [("Content-Type", "text/plain")])
            return [b"later"]
        return application(environ, start_response)

    world.server._application = failing
    first = world.cycle()
    assert first["lastExecution"]["state"] == "EntryLevelErrors"
    assert world.log[0]["provisioningStatusInfo"]["errorInformation"]["errorCode"] == code
    assert world.job["_escrows"]["id-alice"]["errorCode"] == code
    assert world.cycle()["lastExecution"]["state"] == "Succeeded"
    assert world.kiro_groups() == {"Kiro-Users": ["alice", "bob"]}
    assert world.job["_escrows"] == {}


def test_a_connection_that_breaks_off_fails_one_object(world: World) -> None:
    application = world.server._application

    def dropping(environ: dict, start_response: object) -> object:
        if environ["REQUEST_METHOD"] == "POST":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError
        return application(environ, start_response)

    world.server._application = dropping
    status = world.cycle()
    assert status["code"] == "Active"
    errors = {each["provisioningStatusInfo"]["errorInformation"]["errorCode"] for each in world.log}
    assert errors == {"WebExceptionProtocolError"}
    world.server._application = application
    assert world.cycle()["lastExecution"]["state"] == "Succeeded"


def threshold(value: int, *, enabled: bool = True) -> str:
    return json.dumps({"Enabled": False, "DeleteThresholdEnabled": enabled, "DeleteThresholdValue": value})


def test_more_removals_than_the_threshold_are_all_held_back(world: World) -> None:
    world.secrets(SyncNotificationSettings=threshold(1))
    world.cycle()
    world.set_members("Kiro-Users", ["carol"])
    status = world.cycle()

    assert status["code"] == "Quarantine"
    assert status["quarantine"]["reason"] == "TooManyDeletes"
    users = world.kiro_users()
    assert users["alice"]["active"] is users["bob"]["active"] is True
    assert "carol" in users, "additions still flow"
    staged = [each for each in world.log if each["provisioningAction"] == "stagedDelete"]
    assert {each["sourceIdentity"]["id"] for each in staged} == {"id-alice", "id-bob"}

    world.change_job(_forceDeletes=True)
    allowed = world.cycle()
    assert allowed["code"] == "Active"
    assert [world.kiro_users()[name]["active"] for name in ("alice", "bob")] == [False, False]
    assert world.job["_forceDeletes"] is False


@pytest.mark.parametrize("settings", [threshold(2), threshold(0, enabled=False), "not json", ""])
def test_removals_within_the_threshold_or_without_one(world: World, settings: str) -> None:
    world.secrets(SyncNotificationSettings=settings)
    world.cycle()
    world.set_members("Kiro-Users", [])
    assert world.cycle()["code"] == "Active"
    assert [each["active"] for each in world.kiro_users().values()] == [False, False]


def test_a_user_disabled_before_does_not_count_again(world: World) -> None:
    world.secrets(SyncNotificationSettings=threshold(0))
    world.change_user("bob", accountEnabled=False)
    world.cycle()
    world.change_job(_watermark=None)
    assert world.cycle()["code"] == "Active"


def test_retries_come_after_6_12_and_24_hours_then_daily() -> None:
    first = datetime(2026, 11, 1, tzinfo=UTC)
    quarantine = Quarantine("EncounteredQuarantineException", INVALID, "text")
    status: dict = {}
    attempts = []
    for hours in (0, 6, 12, 24, 48, 60):
        now = first + timedelta(hours=hours)
        run = CycleRun(now, now, initial=True, quarantine=quarantine)
        status = status_after_cycle(status, run, {}, {}, active=True)
        following = datetime.fromisoformat(status["quarantine"]["nextAttempt"])
        attempts.append((following - first) / timedelta(hours=1))
    assert attempts == [6, 12, 24, 48, 72, 72]
    assert status["quarantine"]["seriesCount"] == 6


@pytest.mark.parametrize(
    ("failed", "succeeded", "references", "reason"),
    [
        (4_000, 0, 0, None),
        (5_000, 5_000, 0, "EncounteredEscrowProportionThreshold"),
        (20_000, 100_000, 0, None),
        (45_000, 200_000, 0, "EncounteredBaseEscrowThreshold"),
        (40_000, 200_000, 21_000, "EncounteredTotalEscrowThreshold"),
    ],
)
def test_escrow_thresholds(failed: int, succeeded: int, references: int, reason: str | None) -> None:
    """The examples of "Escrow thresholds"."""
    mapping = read_mappings(provisioning.default_schema("job"))["User"]
    entry = Entry("id", "User", {}, assigned=True)

    def outcome(*, error: bool, reference: bool = False) -> Outcome:
        made = Outcome(entry, mapping, reference=reference)
        if error:
            made.fail(ScimError("code", "reason"))
        return made

    outcomes = [outcome(error=True)] * failed + [outcome(error=False)] * succeeded
    outcomes += [outcome(error=True, reference=True)] * references
    found = escrow_quarantine(outcomes)
    assert (found.reason if found else None) == reason
