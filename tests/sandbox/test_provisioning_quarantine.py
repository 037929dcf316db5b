"""Quarantine, recovery, and the accidental deletion threshold."""

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
from tests.sandbox.provisioning_fixtures import ConnectedTenant, LoopbackServer, unknown_members

INVALID = "SystemForCrossDomainIdentityManagementInvalidCredentials"
INCOMPATIBLE = "SystemForCrossDomainIdentityManagementServiceIncompatible"
UNAVAILABLE = "SystemForCrossDomainIdentityManagementServiceUnavailable"


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[ConnectedTenant]:
    with ConnectedTenant(tmp_path) as connected:
        connected.follow_guide()
        yield connected


def serve(status: str, body: bytes, content_type: str = "application/scim+json") -> LoopbackServer:
    def application(_: object, start_response: object) -> list[bytes]:
        start_response(status, [("Content-Type", content_type)])
        return [body]

    return LoopbackServer(application)


def test_a_bad_token_quarantines_the_job_and_a_good_one_ends_it(tenant: ConnectedTenant) -> None:
    tenant.secrets(SecretToken="wrong")
    status = tenant.cycle()

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

    again = tenant.cycle()
    assert again["countSuccessiveCompleteFailures"] == again["quarantine"]["seriesCount"] == 2
    assert again["quarantine"]["seriesBegan"] == quarantine["seriesBegan"]

    tenant.secrets(SecretToken=tenant.token)
    healthy = tenant.cycle()
    assert healthy["code"] == "Active"
    assert healthy["quarantine"] is None
    assert healthy["countSuccessiveCompleteFailures"] == 0
    assert set(tenant.kiro_users()) == {"alice", "bob"}


def test_a_revoked_token_quarantines_the_job(tenant: ConnectedTenant) -> None:
    tenant.cycle()
    (token,) = kiro.tokens(tenant.kiro, tenant.profile)
    kiro.revoke_token(tenant.kiro, token["id"])
    assert tenant.cycle()["quarantine"]["error"]["code"] == INVALID
    assert tenant.writes == []


def test_without_a_tenant_url_the_error_is_the_documented_one(tenant: ConnectedTenant) -> None:
    tenant.directory.delete("synchronizationSecrets", "principal")
    error = tenant.cycle()["quarantine"]["error"]
    assert error == {
        "code": INVALID,
        "message": "Please provide a valid tenant URL for your application.",
        "tenantActionable": True,
    }


def test_an_endpoint_without_a_server_quarantines_the_job(tenant: ConnectedTenant) -> None:
    closed = serve("200 OK", b"{}")
    closed.close()
    tenant.secrets(BaseAddress=f"{closed.url}/scim")
    assert tenant.cycle()["quarantine"]["error"]["code"] == UNAVAILABLE


def test_a_token_revoked_during_a_cycle_keeps_the_links_so_far(tenant: ConnectedTenant) -> None:
    application = tenant.server._application
    token = kiro.tokens(tenant.kiro, tenant.profile)[0]["id"]

    def revoking(environ: dict, start_response: object) -> object:
        response = application(environ, start_response)
        if environ["REQUEST_METHOD"] == "POST":
            kiro.revoke_token(tenant.kiro, token)
        return response

    tenant.server._application = revoking
    assert tenant.cycle()["code"] == "Quarantine"
    assert set(tenant.job["_links"]) == {"id-alice"}
    assert not tenant.job["_watermark"], "the initial cycle is not over"

    tenant.server._application = application
    tenant.secrets(SecretToken=kiro.generate_token(tenant.kiro, tenant.profile))
    assert tenant.cycle()["code"] == "Active"
    assert tenant.kiro_groups() == {"Kiro-Users": ["alice", "bob"]}


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
def test_validate_credentials_returns_the_problem(status: str, body: bytes, code: str) -> None:
    server = serve(status, body)
    try:
        problem = provisioning.validate_credentials(f"{server.url}/scim", "token")
    finally:
        server.close()
    assert problem is not None
    assert problem["code"] == ("CredentialValidationUnavailable" if code == UNAVAILABLE else code)
    (probe,) = server.sent
    assert probe.method == "GET"
    assert probe.query["filter"].startswith("userName eq ")


def test_validate_credentials_accepts_the_kiro_endpoint(tenant: ConnectedTenant) -> None:
    assert provisioning.validate_credentials(tenant.endpoint, tenant.token) is None
    assert provisioning.validate_credentials(f"{tenant.endpoint}/", tenant.token) is None
    wrong_profile = tenant.endpoint.replace(tenant.profile, "other")
    problem = provisioning.validate_credentials(wrong_profile, tenant.token)
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
def test_an_invalid_address_is_refused(address: str) -> None:
    assert provisioning.validate_credentials(address, "token") == {
        "code": INVALID,
        "message": "Please provide a valid tenant URL for your application.",
    }


@pytest.mark.parametrize("token", ["", "a\nb", "schlüssel"])
def test_an_invalid_token_is_refused(tenant: ConnectedTenant, token: str) -> None:
    problem = provisioning.validate_credentials(tenant.endpoint, token)
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
def test_a_temporary_error_of_the_endpoint_fails_one_object_until_the_next_cycle(
    tenant: ConnectedTenant, status: int, code: str
) -> None:
    application = tenant.server._application
    failed = []

    def failing(environ: dict, start_response: object) -> object:
        if environ["REQUEST_METHOD"] == "POST" and not failed:
            failed.append(environ["PATH_INFO"])
            start_response(f"{status} Fault", [("Content-Type", "text/plain")])
            return [b"later"]
        return application(environ, start_response)

    tenant.server._application = failing
    first = tenant.cycle()
    assert first["lastExecution"]["state"] == "EntryLevelErrors"
    assert tenant.log[0]["provisioningStatusInfo"]["errorInformation"]["errorCode"] == code
    assert tenant.job["_escrows"]["id-alice"]["errorCode"] == code
    assert tenant.cycle()["lastExecution"]["state"] == "Succeeded"
    assert tenant.kiro_groups() == {"Kiro-Users": ["alice", "bob"]}
    assert tenant.job["_escrows"] == {}


def test_a_broken_connection_fails_the_objects_only(tenant: ConnectedTenant) -> None:
    application = tenant.server._application

    def dropping(environ: dict, start_response: object) -> object:
        if environ["REQUEST_METHOD"] == "POST":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError
        return application(environ, start_response)

    tenant.server._application = dropping
    status = tenant.cycle()
    assert status["code"] == "Active"
    errors = {entry["provisioningStatusInfo"]["errorInformation"]["errorCode"] for entry in tenant.log}
    assert errors == {"WebExceptionProtocolError"}
    tenant.server._application = application
    assert tenant.cycle()["lastExecution"]["state"] == "Succeeded"


def threshold(value: int, *, enabled: bool = True) -> str:
    return json.dumps({"Enabled": False, "DeleteThresholdEnabled": enabled, "DeleteThresholdValue": value})


def test_no_removal_is_exported_above_the_threshold(tenant: ConnectedTenant) -> None:
    tenant.secrets(SyncNotificationSettings=threshold(1))
    tenant.cycle()
    tenant.set_members("Kiro-Users", ["carol"])
    status = tenant.cycle()

    assert status["code"] == "Quarantine"
    assert status["quarantine"]["reason"] == "TooManyDeletes"
    users = tenant.kiro_users()
    assert users["alice"]["active"] is users["bob"]["active"] is True
    assert "carol" in users, "additions are exported"
    staged = [entry for entry in tenant.log if entry["provisioningAction"] == "stagedDelete"]
    assert {entry["sourceIdentity"]["id"] for entry in staged} == {"id-alice", "id-bob"}

    tenant.change_job(_forceDeletes=True)
    allowed = tenant.cycle()
    assert allowed["code"] == "Active"
    assert [tenant.kiro_users()[name]["active"] for name in ("alice", "bob")] == [False, False]
    assert tenant.job["_forceDeletes"] is False


@pytest.mark.parametrize("settings", [threshold(2), threshold(0, enabled=False), "not json", ""])
def test_removals_up_to_the_threshold_are_exported(tenant: ConnectedTenant, settings: str) -> None:
    tenant.secrets(SyncNotificationSettings=settings)
    tenant.cycle()
    tenant.set_members("Kiro-Users", [])
    assert tenant.cycle()["code"] == "Active"
    assert [user["active"] for user in tenant.kiro_users().values()] == [False, False]


def test_a_user_disabled_before_does_not_count_again(tenant: ConnectedTenant) -> None:
    tenant.secrets(SyncNotificationSettings=threshold(0))
    tenant.change_user("bob", accountEnabled=False)
    tenant.cycle()
    tenant.change_job(_watermark=None)
    assert tenant.cycle()["code"] == "Active"


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
        result = Outcome(entry, mapping, reference=reference)
        if error:
            result.fail(ScimError("code", "reason"))
        return result

    outcomes = [outcome(error=True)] * failed + [outcome(error=False)] * succeeded
    outcomes += [outcome(error=True, reference=True)] * references
    quarantine = escrow_quarantine(outcomes)
    assert (quarantine.reason if quarantine else None) == reason
