"""A server that repeats every request in its response gets no secret onto the screen, into a report or into a file."""

from __future__ import annotations

import base64
import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest
from azure.core.credentials import AccessToken

from provisioner.cli.options import FORMATS
from provisioner.core import redaction
from provisioner.providers.entra.credentials import TenantCredential

BEARER = "canary.bearer/4f0d2c9a7b6e+x"
SCIM = 'canary~scim "4f0d2c9a7b6e"\\x'
OKTA = "00canaryokta-4f0d2c9a7b6e_5c"
SECRETS = (BEARER, SCIM, OKTA)
COMMANDS = [
    ("plan",),
    ("apply", "--yes"),
    ("destroy", "--yes"),
    ("drift",),
    ("doctor",),
    ("doctor", "--fix", "--yes"),
    ("handoff",),
    ("permissions",),
]


class Echo(BaseHTTPRequestHandler):
    """Repeats the request in every place from which a client takes a text, raw and encoded."""

    status = 400

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        request = f"{self.command} {self.path} {dict(self.headers)} {body}"
        tokens = [self.headers.get("Authorization", ""), *self.bodies(body)]
        encoded = (base64.b64encode(request.encode()).decode(), quote(request), json.dumps(request))
        text = " ".join((*tokens, request, *encoded, *encoded))
        content = json.dumps(self.content(text, " ".join(tokens))).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("request-id", quote(tokens[0], safe=" "))
        self.send_header("X-Okta-Request-Id", quote(tokens[0], safe=" "))
        self.end_headers()
        self.wfile.write(content)

    def bodies(self, body: str) -> list[str]:
        return [body] if body else []

    def content(self, text: str, token: str) -> object:
        inner = {"request-id": token}
        failure = {
            "error": {"code": token, "message": text, "innerError": inner},
            "errorCode": token,
            "errorSummary": text,
            "errorId": token,
            "errorCauses": [{"errorSummary": text}],
        }
        if self.status >= 400:
            return failure
        named = dict.fromkeys(("id", "displayName", "label", "name", "description", "issuer"), text)
        if "$batch" in self.path:
            return {
                "responses": [{"id": str(number), "status": 400, "body": failure} for number in range(20)]
            }
        return [named] if "/api/v1/" in self.path else {"value": [named], **named}

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815 - names of http.server

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def echo():
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Echoing", (Echo,), {}))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["entra", "okta"])
def provider(request):
    return request.param


@pytest.fixture
def product(product, echo, tmp_path, monkeypatch):
    """The product in front of the echo, with its real clients."""
    url = f"http://127.0.0.1:{echo.server_port}"
    monkeypatch.setattr(redaction, "_registry", redaction.SecretRegistry())

    class Chain:
        def get_token(self, *_scopes, **_options):
            return AccessToken(BEARER, 2**31)

    monkeypatch.setattr("provisioner.providers.entra.provider.CLOUDS", {"global": (url, "127.0.0.1")})
    monkeypatch.setattr(
        "provisioner.providers.entra.provider.tenant_credential",
        lambda _, tenant: TenantCredential(Chain(), tenant),
    )
    variables = {
        "ENTRA_TENANT_ID": "11111111-1111-1111-1111-111111111111",
        "KIRO_SCIM_ENDPOINT": "https://scim.us-east-1.amazonaws.com/11111111-1111-1111-1111-111111111111/scim/v2",
        "KIRO_SCIM_TOKEN": SCIM,
        "OKTA_ORG_URL": url,
        "OKTA_API_TOKEN": OKTA,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    product.playbook = product.variant(tmp_path / "playbook.yaml", domains=None)
    return product


def formats(command):
    return FORMATS if command in ("drift", "doctor") else ("text", "json")


def traces(text: str) -> list[str]:
    """The secrets in a text, in forms that a reader could undo."""
    forms = {
        secret: (secret, json.dumps(secret)[1:-1], quote(secret), quote(secret, safe=""))
        for secret in SECRETS
    }
    return [form for known in forms.values() for form in known if form in text] + (
        ["canary"] if "canary" in text else []
    )


@pytest.mark.parametrize("status", [400, 401, 403, 404, 200])
def test_no_secret_is_repeated(product, echo, tmp_path, status):
    echo.RequestHandlerClass.status = status
    reports = tmp_path / "reports"
    shown = ""
    for command, loud in itertools.product(COMMANDS, ((), ("-v",), ("-q",))):
        name, *options = command
        for format_ in formats(name):
            saved = (
                ["--report", f"{format_}={reports / f'{name}.{format_}'}"]
                if name in ("drift", "doctor")
                else []
            )
            result = product(name, product.playbook, "--format", format_, *options, *loud, *saved)
            assert traces(result.out + result.err) == [], (command, format_, loud)
            shown += result.out + result.err
    assert redaction.MASK in shown or status in (404, 200)  # absence quotes nothing
    for folder in (product.state, reports):
        for file in folder.rglob("*"):
            if file.is_file():
                assert traces(file.read_text(encoding="utf-8")) == [], file
                base64_text = base64.b64encode(BEARER.encode()).decode()[:12]
                assert base64_text not in file.read_text(encoding="utf-8")
