"""Service apps: private key JWT against a stub server, proof of possession, scopes and failures."""

from __future__ import annotations

import json
import traceback
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from provisioner.core.errors import RemoteError, UnreachableError
from provisioner.core.retry import RetryPolicy
from provisioner.providers.okta.client import gather_all
from provisioner.providers.okta.credentials import ServiceApp
from tests.providers.okta.fast_client import APPS, get, make_client, run
from tests.providers.okta.stub_server import DATE, DATE_SECONDS, Reply, error

TOKENS = "/oauth2/v1/token"
READ, WRITE = "okta.apps.read", "okta.apps.manage"


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


class TestServiceApp:
    """Private key JWT: Okta developer documentation, Implement OAuth for Okta with a service app."""

    @pytest.fixture
    def granting(self, server):
        """Scopes that the server grants; asking for another one fails."""
        granted = {READ}

        def answer(request):
            scopes = request.form["scope"].split()
            if set(scopes) <= granted:
                return Reply(
                    body={
                        "access_token": f"at-{'+'.join(scopes)}",
                        "token_type": "Bearer",
                        "expires_in": 3600,
                    }
                )
            error_body = {
                "error": "invalid_scope",
                "error_description": "One or more scopes are not configured",
            }
            return Reply(400, error_body)

        server.respond("POST", TOKENS, lambda request: answer(_Form(request)))
        server.respond("GET", APPS, Reply(body=[]))
        return granted

    def app(self, key: str, *scopes: str, **more: Any) -> ServiceApp:
        return ServiceApp("0oaserviceapp", key, scopes or (READ,), **more)

    def test_it_authenticates_with_an_assertion_signed_by_its_key(self, server, granting, private_key):
        assert get(server, credentials=self.app(private_key, key_id="k1")) == []
        token, read = server.received
        form = _Form(token).form
        assert form["grant_type"] == "client_credentials"
        assert form["scope"] == READ
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        public = serialization.load_pem_private_key(private_key.encode(), None).public_key()
        claims = jwt.decode(
            form["client_assertion"], public, algorithms=["RS256"], audience=f"{server.url}{TOKENS}"
        )
        assert (claims["iss"], claims["sub"]) == ("0oaserviceapp", "0oaserviceapp")
        assert 0 < claims["exp"] - claims["iat"] <= 3600
        assert jwt.get_unverified_header(form["client_assertion"])["kid"] == "k1"
        assert token.headers["Authorization"] is None
        assert read.headers["Authorization"] == f"Bearer at-{READ}"

    def test_a_jwk_is_accepted(self, server, granting, private_key):
        key = serialization.load_pem_private_key(private_key.encode(), None)
        as_jwk = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key)), "kid": "k2"}
        as_jwk.pop("key_ops", None)
        assert get(server, credentials=self.app(json.dumps(as_jwk))) == []
        assert jwt.get_unverified_header(_Form(server.received[0]).form["client_assertion"])["kid"] == "k2"

    def test_a_jwk_with_other_members_is_accepted(self, server, granting, private_key):
        key = serialization.load_pem_private_key(private_key.encode(), None)
        as_jwk = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key)), "ext": True, "key_ops": ["sign"]}
        assert get(server, credentials=self.app("\n" + json.dumps(as_jwk, indent=1))) == []

    def test_concurrent_requests_share_one_access_token(self, server, granting, private_key):
        client = make_client(server, self.app(private_key))
        run(client, gather_all(*(client.get(APPS) for _ in range(6))))
        assert len(server.requests("POST", TOKENS)) == 1
        assert len(server.requests("GET")) == 6

    def test_a_token_request_is_not_counted_as_a_write(self, server, granting, private_key):
        client = make_client(server, self.app(private_key))
        run(client, client.get(APPS))
        assert (client.count.read, client.count.write) == (1, 0)

    def test_a_scope_that_is_not_granted_has_a_hint(self, server, granting, private_key):
        with pytest.raises(RemoteError, match="One or more scopes are not configured") as raised:
            get(server, credentials=self.app(private_key, WRITE))
        assert (raised.value.status, raised.value.code) == (400, "invalid_scope")
        assert "provisioner permissions" in raised.value.hint
        assert len(server.received) == 1

    def test_a_key_that_okta_does_not_know_is_reported(self, server, private_key):
        error_body = {
            "error": "invalid_client",
            "error_description": "The client_assertion signature is invalid.",
        }
        server.respond("POST", TOKENS, Reply(401, error_body))
        with pytest.raises(RemoteError, match="signature is invalid") as raised:
            get(server, credentials=self.app(private_key))
        assert "check the credentials" in raised.value.hint

    def test_required_proof_of_possession_has_a_hint(self, server, private_key):
        error_body = {
            "error": "invalid_dpop_proof",
            "error_description": "The DPoP proof JWT header is missing.",
        }
        server.respond("POST", TOKENS, Reply(400, error_body))
        with pytest.raises(RemoteError) as raised:
            get(server, credentials=self.app(private_key))
        assert "dpop: true" in raised.value.hint

    def test_proof_of_possession_is_sent_on_request(self, server, private_key):
        nonce = Reply(400, {"error": "use_dpop_nonce"}, (("dpop-nonce", "n1"),))
        token = Reply(body={"access_token": "at", "token_type": "DPoP", "expires_in": 3600})
        server.respond("POST", TOKENS, nonce, token)
        server.respond("GET", APPS, Reply(body=[]))
        assert get(server, credentials=self.app(private_key, dpop=True)) == []
        *tokens, read = server.received
        proofs = [
            jwt.decode(request.headers["DPoP"], options={"verify_signature": False}) for request in tokens
        ]
        assert [proof.get("nonce") for proof in proofs] == [None, "n1"]
        assert read.headers["Authorization"] == "DPoP at"
        assert read.headers["DPoP"]

    def test_a_token_request_without_a_response_is_repeated(self, server, private_key):
        token = Reply(body={"access_token": "at", "token_type": "Bearer", "expires_in": 3600})
        server.respond("POST", TOKENS, Reply(drop=True), Reply(503, "<html>"), token)
        server.respond("GET", APPS, Reply(body=[]))
        assert get(server, credentials=self.app(private_key)) == []

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(502),
            Reply(502, "<html>"),
            Reply(502, "<html>", (("Content-Type", "text/html"),)),
            Reply(body="<html>"),
            Reply(body="<html>", headers=(("Content-Type", "text/html"),)),
            Reply(body=[]),
            Reply(body={}),
            Reply(body={"token_type": "Bearer"}),
        ],
    )
    def test_an_invalid_token_response_is_retried_and_not_reported_as_a_bad_key(
        self, server, private_key, reply
    ):
        token = Reply(body={"access_token": "at", "token_type": "Bearer", "expires_in": 3600})
        server.respond("POST", TOKENS, reply, token, reply)
        server.respond("GET", APPS, Reply(body=[]))
        assert get(server, credentials=self.app(private_key)) == []
        with pytest.raises(UnreachableError) as raised:
            get(
                server,
                credentials=self.app(private_key),
                retry_policy=RetryPolicy(budget=3, initial_delay=1, max_delay=1),
            )
        assert "private key" not in raised.value.message
        assert "<html>" not in raised.value.message

    def test_a_throttled_token_request_waits_for_the_reset(self, server, private_key):
        reset = (("X-Rate-Limit-Reset", str(DATE_SECONDS + 7)), ("Date", DATE))
        token = Reply(body={"access_token": "at", "token_type": "Bearer", "expires_in": 3600})
        server.respond("POST", TOKENS, Reply(429, error(429, "E0000047").body, reset), token)
        server.respond("GET", APPS, Reply(body=[]))
        client = make_client(server, self.app(private_key))
        run(client, client.get(APPS))
        ((seconds, _),) = client.paused
        assert 7 <= seconds <= 9

    def test_the_error_of_a_token_request_has_okta_s_request_id(self, server, private_key):
        error_body = {"error": "invalid_client", "error_description": "no"}
        server.respond("POST", TOKENS, Reply(401, error_body, (("X-Okta-Request-Id", "req7"),)))
        with pytest.raises(RemoteError) as raised:
            get(server, credentials=self.app(private_key))
        assert raised.value.request_id == "req7"

    @pytest.mark.parametrize(
        "key", ["hunter2", "-----BEGIN PRIVATE KEY-----\nhunter2", "{'hunter2", '{"kty": "hunter2"}']
    )
    def test_an_invalid_key_is_reported_without_its_text(self, server, key):
        with pytest.raises(
            RemoteError, match="the private key of the service app 0oaserviceapp cannot be read"
        ) as raised:
            get(server, credentials=self.app(key))
        assert "hunter2" not in "".join(traceback.format_exception(raised.value))
        assert server.received == []

    def test_more_scopes_are_requested_when_they_are_needed(self, server, granting, private_key):
        granting.add(WRITE)
        client = make_client(server, self.app(private_key))

        async def work():
            before = await client.get(APPS)
            return before, await client.request_scopes(WRITE), await client.get(APPS)

        assert run(client, work()) == ([], True, [])
        reads = [request.headers["Authorization"] for request in server.requests("GET")]
        assert reads == [f"Bearer at-{READ}", f"Bearer at-{READ}+{WRITE}"]

    def test_a_refused_scope_leaves_the_other_scopes_usable(self, server, granting, private_key):
        client = make_client(server, self.app(private_key))

        async def work():
            return await client.request_scopes(WRITE), await client.get(APPS)

        assert run(client, work()) == (False, [])
        assert server.requests("GET")[0].headers["Authorization"] == f"Bearer at-{READ}"

    def test_a_scope_is_not_requested_twice(self, server, granting, private_key):
        client = make_client(server, self.app(private_key))
        assert run(client, client.request_scopes(READ)) is True

    def test_another_failure_is_raised(self, server, private_key):
        server.respond("POST", TOKENS, Reply(401, {"error": "invalid_client", "error_description": "no"}))
        client = make_client(server, self.app(private_key))
        with pytest.raises(RemoteError, match="no"):
            run(client, client.request_scopes(WRITE))
        assert client.credentials == self.app(private_key)

    def test_each_scope_can_be_tested_alone(self, server, granting, private_key):
        client = make_client(server, self.app(private_key, WRITE))

        async def work():
            return [await client.is_granted(scope) for scope in (READ, WRITE, READ)]

        assert run(client, work()) == [True, False, True]
        assert [_Form(request).form["scope"] for request in server.requests("POST", TOKENS)] == [
            READ,
            WRITE,
            READ,
        ]
        assert client.credentials == self.app(private_key, WRITE)

    def test_permissions_of_an_api_token_are_unknown(self, server):
        client = make_client(server)
        assert run(client, client.request_scopes(WRITE)) is None
        assert run(client, client.is_granted(WRITE)) is None
        assert server.received == []


class _Form:
    """A request whose body is a form."""

    def __init__(self, request: Any) -> None:
        from urllib.parse import parse_qsl

        self.form = dict(parse_qsl(request.body.decode()))
