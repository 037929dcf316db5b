"""Service apps: Private key JWT against a server on loopback, proof of possession, scopes, and what fails."""

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
from provisioner.providers.okta.client import together
from provisioner.providers.okta.credentials import ServiceApp
from tests.providers.okta.hurried import APPS, client, done, got
from tests.providers.okta.loopback import DATE, DATE_SECONDS, Reply, error

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

        def answer(asked):
            scopes = asked.form["scope"].split()
            if set(scopes) <= granted:
                return Reply(
                    body={
                        "access_token": f"at-{'+'.join(scopes)}",
                        "token_type": "Bearer",
                        "expires_in": 3600,
                    }
                )
            told = {"error": "invalid_scope", "error_description": "One or more scopes are not configured"}
            return Reply(400, told)

        server.answers("POST", TOKENS, lambda asked: answer(_Form(asked)))
        server.answers("GET", APPS, Reply(body=[]))
        return granted

    def app(self, key: str, *scopes: str, **more: Any) -> ServiceApp:
        return ServiceApp("0oaserviceapp", key, scopes or (READ,), **more)

    def test_it_proves_itself_with_an_assertion_signed_by_its_key(self, server, granting, private_key):
        assert got(server, credentials=self.app(private_key, key_id="k1")) == []
        token, read = server.asked
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

    def test_a_key_as_jwk_does_as_well(self, server, granting, private_key):
        key = serialization.load_pem_private_key(private_key.encode(), None)
        as_jwk = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key)), "kid": "k2"}
        as_jwk.pop("key_ops", None)
        assert got(server, credentials=self.app(json.dumps(as_jwk))) == []
        assert jwt.get_unverified_header(_Form(server.asked[0]).form["client_assertion"])["kid"] == "k2"

    def test_a_jwk_as_other_tools_write_it_does_as_well(self, server, granting, private_key):
        key = serialization.load_pem_private_key(private_key.encode(), None)
        as_jwk = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key)), "ext": True, "key_ops": ["sign"]}
        assert got(server, credentials=self.app("\n" + json.dumps(as_jwk, indent=1))) == []

    def test_one_access_token_serves_many_requests_at_the_same_time(self, server, granting, private_key):
        org = client(server, self.app(private_key))
        done(org, together(*(org.get(APPS) for _ in range(6))))
        assert len(server.requests("POST", TOKENS)) == 1
        assert len(server.requests("GET")) == 6

    def test_an_access_token_is_no_write_of_ours(self, server, granting, private_key):
        org = client(server, self.app(private_key))
        done(org, org.get(APPS))
        assert (org.count.read, org.count.write) == (1, 0)

    def test_a_scope_that_was_not_granted_is_named_by_what_to_do(self, server, granting, private_key):
        with pytest.raises(RemoteError, match="One or more scopes are not configured") as raised:
            got(server, credentials=self.app(private_key, WRITE))
        assert (raised.value.status, raised.value.code) == (400, "invalid_scope")
        assert "provisioner permissions" in raised.value.hint
        assert len(server.asked) == 1

    def test_a_key_that_okta_does_not_know_is_told(self, server, private_key):
        told = {"error": "invalid_client", "error_description": "The client_assertion signature is invalid."}
        server.answers("POST", TOKENS, Reply(401, told))
        with pytest.raises(RemoteError, match="signature is invalid") as raised:
            got(server, credentials=self.app(private_key))
        assert "check the credentials" in raised.value.hint

    def test_proof_of_possession_that_is_demanded_is_told(self, server, private_key):
        told = {"error": "invalid_dpop_proof", "error_description": "The DPoP proof JWT header is missing."}
        server.answers("POST", TOKENS, Reply(400, told))
        with pytest.raises(RemoteError) as raised:
            got(server, credentials=self.app(private_key))
        assert "dpop: true" in raised.value.hint

    def test_proof_of_possession_is_given_where_it_is_asked_for(self, server, private_key):
        nonce = Reply(400, {"error": "use_dpop_nonce"}, (("dpop-nonce", "n1"),))
        token = Reply(body={"access_token": "at", "token_type": "DPoP", "expires_in": 3600})
        server.answers("POST", TOKENS, nonce, token)
        server.answers("GET", APPS, Reply(body=[]))
        assert got(server, credentials=self.app(private_key, dpop=True)) == []
        *tokens, read = server.asked
        proofs = [jwt.decode(asked.headers["DPoP"], options={"verify_signature": False}) for asked in tokens]
        assert [proof.get("nonce") for proof in proofs] == [None, "n1"]
        assert read.headers["Authorization"] == "DPoP at"
        assert read.headers["DPoP"]

    def test_a_lost_answer_of_the_token_request_is_repeated(self, server, private_key):
        token = Reply(body={"access_token": "at", "token_type": "Bearer", "expires_in": 3600})
        server.answers("POST", TOKENS, Reply(drop=True), Reply(503, "<html>"), token)
        server.answers("GET", APPS, Reply(body=[]))
        assert got(server, credentials=self.app(private_key)) == []

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
    def test_a_token_answer_that_makes_no_sense_is_asked_for_again_and_not_blamed_on_the_key(
        self, server, private_key, reply
    ):
        token = Reply(body={"access_token": "at", "token_type": "Bearer", "expires_in": 3600})
        server.answers("POST", TOKENS, reply, token, reply)
        server.answers("GET", APPS, Reply(body=[]))
        assert got(server, credentials=self.app(private_key)) == []
        with pytest.raises(UnreachableError) as raised:
            got(
                server,
                credentials=self.app(private_key),
                retry_policy=RetryPolicy(budget=3, initial_delay=1, max_delay=1),
            )
        assert "private key" not in raised.value.message
        assert "<html>" not in raised.value.message

    def test_a_throttled_token_request_is_waited_for_as_long_as_okta_says(self, server, private_key):
        reset = (("X-Rate-Limit-Reset", str(DATE_SECONDS + 7)), ("Date", DATE))
        token = Reply(body={"access_token": "at", "token_type": "Bearer", "expires_in": 3600})
        server.answers("POST", TOKENS, Reply(429, error(429, "E0000047").body, reset), token)
        server.answers("GET", APPS, Reply(body=[]))
        org = client(server, self.app(private_key))
        done(org, org.get(APPS))
        ((seconds, _),) = org.paused
        assert 7 <= seconds <= 9

    def test_okta_s_request_id_is_kept_when_there_is_no_token(self, server, private_key):
        told = {"error": "invalid_client", "error_description": "no"}
        server.answers("POST", TOKENS, Reply(401, told, (("X-Okta-Request-Id", "req7"),)))
        with pytest.raises(RemoteError) as raised:
            got(server, credentials=self.app(private_key))
        assert raised.value.request_id == "req7"

    @pytest.mark.parametrize(
        "key", ["hunter2", "-----BEGIN PRIVATE KEY-----\nhunter2", "{'hunter2", '{"kty": "hunter2"}']
    )
    def test_a_key_that_is_none_is_told_without_being_shown(self, server, key):
        with pytest.raises(
            RemoteError, match="the private key of the service app 0oaserviceapp cannot be read"
        ) as raised:
            got(server, credentials=self.app(key))
        assert "hunter2" not in "".join(traceback.format_exception(raised.value))
        assert server.asked == []

    def test_more_scopes_are_asked_for_when_they_are_needed(self, server, granting, private_key):
        granting.add(WRITE)
        org = client(server, self.app(private_key))

        async def work():
            before = await org.get(APPS)
            return before, await org.may(WRITE), await org.get(APPS)

        assert done(org, work()) == ([], True, [])
        reads = [asked.headers["Authorization"] for asked in server.requests("GET")]
        assert reads == [f"Bearer at-{READ}", f"Bearer at-{READ}+{WRITE}"]

    def test_a_scope_that_was_not_granted_leaves_the_others_working(self, server, granting, private_key):
        org = client(server, self.app(private_key))

        async def work():
            return await org.may(WRITE), await org.get(APPS)

        assert done(org, work()) == (False, [])
        assert server.requests("GET")[0].headers["Authorization"] == f"Bearer at-{READ}"

    def test_what_is_asked_for_already_is_not_asked_again(self, server, granting, private_key):
        org = client(server, self.app(private_key))
        assert done(org, org.may(READ)) is True

    def test_another_failure_is_no_answer_to_the_question(self, server, private_key):
        server.answers("POST", TOKENS, Reply(401, {"error": "invalid_client", "error_description": "no"}))
        org = client(server, self.app(private_key))
        with pytest.raises(RemoteError, match="no"):
            done(org, org.may(WRITE))
        assert org.credentials == self.app(private_key)

    def test_each_scope_can_be_asked_about_alone(self, server, granting, private_key):
        org = client(server, self.app(private_key, WRITE))

        async def work():
            return [await org.granted(scope) for scope in (READ, WRITE, READ)]

        assert done(org, work()) == [True, False, True]
        assert [_Form(asked).form["scope"] for asked in server.requests("POST", TOKENS)] == [
            READ,
            WRITE,
            READ,
        ]
        assert org.credentials == self.app(private_key, WRITE)

    def test_an_api_token_does_not_tell(self, server):
        org = client(server)
        assert done(org, org.may(WRITE)) is None
        assert done(org, org.granted(WRITE)) is None
        assert server.asked == []


class _Form:
    """A request with a form in it."""

    def __init__(self, asked: Any) -> None:
        from urllib.parse import parse_qsl

        self.form = dict(parse_qsl(asked.body.decode()))
