"""No text keeps a secret, in whatever form a response repeats it."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from provisioner.core import redaction
from provisioner.core.errors import PlaybookError, RefusedError, RemoteError
from provisioner.core.redaction import MASK, MAX_RELAYED, SecretRegistry, redact, relayed, remember
from provisioner.core.retry import Failure

SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=8, max_size=60)
ENCODINGS = {
    "raw": str,
    "json": json.dumps,
    "json-unicode": lambda text: json.dumps(text, ensure_ascii=False),
    "json-in-json": lambda text: json.dumps(json.dumps({"a": text})),
    "url": quote,
    "url-whole": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "url-twice": lambda text: quote(quote(text, safe=""), safe=""),
    "html": html.escape,
}
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nEFAASCBKcwggSjAgEAAoIBAQC7\n-----END PRIVATE KEY-----\n"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    monkeypatch.setattr(redaction, "_registry", SecretRegistry())


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@given(secret=SECRETS, before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_known_secret_is_replaced_in_every_form(encode, secret, before, after):
    assume(not redaction._ORDINARY.fullmatch(secret))
    redaction._registry = SecretRegistry()
    remember(secret)
    form = encode(secret)
    assert form.strip('"') not in redact(f"{before}{form}{after}")


@given(secret=SECRETS, before=st.binary(max_size=8), after=st.binary(max_size=8), url=st.booleans())
def test_a_known_secret_is_replaced_inside_base64(secret, before, after, url):
    assume(not redaction._ORDINARY.fullmatch(secret))
    redaction._registry = SecretRegistry()
    remember(secret)
    encode, decode = (
        (base64.urlsafe_b64encode, base64.urlsafe_b64decode) if url else (base64.b64encode, base64.b64decode)
    )
    shown = redact(encode(before + secret.encode() + after).decode())
    assert MASK in shown
    kept = shown.replace(MASK, "").rstrip("=")
    assert secret.encode() not in decode(kept + "=" * (-len(kept) % 4)) if len(kept) % 4 != 1 else True


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"the request had Authorization: Bearer {'x9' * 20}, and was refused", "x9x9"),
        ('{"Authorization": "SSWS 00abcdEFGH1234567890"}', "00abcd"),
        ("authorization%3A%20Bearer%20abcdefgh1234567890", "abcdefgh"),
        ("Basic dXNlcjpwYXNzd29yZDEyMw==", "dXNl"),
        (f"client_assertion={JWT}&x=1", "eyJ"),
        (PEM, "MIIE"),
        (json.dumps({"key": PEM}), "MIIE"),
        (PEM[:60], "MIIE"),
        (PEM.replace("PRIVATE", "RSA PRIVATE"), "MIIE"),
    ],
)
def test_what_looks_like_a_token_or_a_key_is_replaced(text, hidden):
    assert hidden in text
    assert hidden not in redact(text)
    assert MASK in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "Bearer tokens",
        "basic authentication-mechanisms",
        "no token",
        "the admin role",
        "a basic configuration-profile",
    ],
)
def test_words_stay(text):
    remember("admin", "token", "123456", "security", "")
    assert redact(text) == text


def test_the_lines_of_a_key_are_secret_on_their_own():
    remember(PEM)
    assert "MIIE" not in redact(f"cannot parse {' '.join(PEM.split())}")
    assert "AoIBAQC7" not in redact("line 2: EFAASCBKcwggSjAgEAAoIBAQC7")


def test_the_private_members_of_a_jwk_are_secret():
    key = {"kty": "EC", "kid": "public-key-id", "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}
    remember(json.dumps(key))
    shown = redact(f"d={key['d']} kid={key['kid']}")
    assert shown == f"d={MASK} kid={key['kid']}"


def test_secrets_are_found_in_models():
    class Section(BaseModel):
        token: SecretStr
        more: dict[str, tuple[SecretStr, ...]]
        name: str

    remember(
        Section(token=SecretStr("first-1a2b"), more={"a": (SecretStr("second-3c4d"),)}, name="public-5e6f")
    )
    assert redact("first-1a2b second-3c4d public-5e6f") == f"{MASK} {MASK} public-5e6f"


def test_a_relayed_text_is_cut_and_names_the_limit():
    remember("canary-4f0d2c9a")
    shown = relayed("canary-4f0d2c9a " * 100_000)
    assert "canary" not in shown
    assert len(shown) < MAX_RELAYED + 60
    assert shown.endswith(f"... (cut: {MAX_RELAYED:,} of 1,600,000 characters)")


@pytest.mark.parametrize(
    "make",
    [
        lambda text: RemoteError(text, code=text, request_id=text, hint=text, details=[text]),
        lambda text: RefusedError(text, hint=text, details=[text]),
        lambda text: PlaybookError(text, file="a.yaml", hint=text),
        lambda text: Failure(400, text, text, text),
    ],
)
def test_no_error_contains_a_secret(make):
    remember("canary-4f0d2c9a")
    error = make("a canary-4f0d2c9a z")
    assert "canary" not in f"{error} {error!r} {vars(error)}"
    assert MASK in str(error)
