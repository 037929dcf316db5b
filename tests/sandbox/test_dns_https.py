"""DNS over HTTPS, RFC 8484."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import dns.message
import dns.query
import httpx
import pytest
from dns.query import HTTPVersion

from provisioner.sandbox import certificate
from provisioner.sandbox.dns import ServerOptions, add_record, configure, doh, txt
from provisioner.sandbox.server import Front, Listener, Mount, bind
from provisioner.sandbox.store import Store
from tests.sandbox.dns_fixtures import SECONDS, ZONE, Client, rcode, values

TYPE = {"Content-Type": "application/dns-message"}


@pytest.fixture
def url(dns_client: Client, tmp_path: Path) -> Iterator[str]:
    directory = Store(tmp_path / "entra.db")
    dns_client.set_resolver_timeout()
    mount = Mount(
        doh.PATHS,
        lambda: SimpleNamespace(handle=dns_client.service.handle_doh, error_response=doh.error_response),
    )
    front = Front([mount], directory, {}, lambda _: None, host="127.0.0.1")
    bound = bind("127.0.0.1", 0)
    port = bound.getsockname()[1]
    listener = Listener(bound, front, certificate.ensure(tmp_path))
    yield f"https://127.0.0.1:{port}/dns-query"
    listener.stop()
    directory.close()


@pytest.fixture
def trust(url: str, tmp_path: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate.ensure(tmp_path)[0])


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url.replace("https:", "http:"), timeout=SECONDS) as client:
        yield client


@pytest.mark.skipif(not dns.query.have_doh, reason="dnspython's own HTTP client is not installed")
@pytest.mark.parametrize("post", [True, False])
@pytest.mark.parametrize("path", ["", "/resolver2."])
def test_dnspython_gets_a_response(dns_client: Client, url, trust, post, path):
    add_record(dns_client.service.store, ZONE, "kiro", "TXT", txt("here"))
    query = dns.message.make_query(f"kiro.{ZONE}", "TXT")
    response = dns.query.https(
        query, url + path, post=post, verify=trust, timeout=SECONDS, http_version=HTTPVersion.HTTP_2
    )
    assert values(response) == ['"here"']


@pytest.mark.parametrize("path", ["", "/resolver2."])
def test_both_methods_and_every_resolver_respond_over_tls(dns_client: Client, url, trust, path):
    add_record(dns_client.service.store, ZONE, "kiro", "TXT", txt("here"))
    wire = dns.message.make_query(f"kiro.{ZONE}", "TXT", id=0).to_wire()
    text = base64.urlsafe_b64encode(wire).decode().rstrip("=")
    with httpx.Client(verify=trust, timeout=SECONDS) as client:
        responses = [
            client.get(url + path, params={"dns": text}, headers={"Accept": doh.MEDIA_TYPE}),
            client.post(url + path, content=wire, headers=TYPE),
        ]
    for response in responses:
        assert values(dns.message.from_wire(response.content)) == ['"here"']


def test_a_response_is_fresh_for_the_ttl_of_its_records(dns_client: Client, http: httpx.Client):
    add_record(dns_client.service.store, ZONE, "kiro", "TXT", txt("here"), ttl=77)
    response = post(http, f"kiro.{ZONE}")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/dns-message")
    assert response.headers["Cache-Control"] == "max-age=77"
    assert post(http, f"nothing.{ZONE}").headers["Cache-Control"] == "max-age=900"


def test_servfail_has_http_status_200(dns_client: Client, http: httpx.Client):
    configure(dns_client.service.store, "resolver1.", ServerOptions(mode="servfail"))
    response = post(http, ZONE)
    assert (response.status_code, rcode(dns.message.from_wire(response.content))) == (200, "SERVFAIL")


def test_large_responses_are_not_truncated(dns_client: Client, http: httpx.Client):
    add_record(dns_client.service.store, ZONE, "big", "TXT", *(txt(f"{number}" * 200) for number in range(8)))
    response = dns.message.from_wire(post(http, f"big.{ZONE}").content)
    assert len(response.answer[0]) == 8


def test_invalid_requests_are_refused(dns_client: Client, http: httpx.Client):
    good = dns.message.make_query(ZONE, "TXT").to_wire()
    text = base64.urlsafe_b64encode(good).decode().rstrip("=")
    assert http.get("", params={"dns": text}).status_code == 200
    for parameter in ("", "!!", "AAAA", "ü"):
        assert http.get("", params={"dns": parameter}).status_code == 400
    assert http.get("").status_code == 400
    assert http.post("", content=b"\0" * 5, headers=TYPE).status_code == 400
    assert http.post("", content=good).status_code == 415
    assert http.post("", content=good + b"\0" * 70000, headers=TYPE).status_code == 413
    assert http.put("", content=good, headers=TYPE).headers["Allow"] == "GET, POST"
    for name in ("unknown.", "a..b", "ns1.contoso.example."):
        assert http.post(f"/{name}", content=good, headers=TYPE).status_code == 404
    configure(dns_client.service.store, "resolver1.", ServerOptions(mode="drop"))
    assert http.post("", content=good, headers=TYPE).status_code == 504


def post(http: httpx.Client, name: str) -> httpx.Response:
    return http.post("", content=dns.message.make_query(name, "TXT").to_wire(), headers=TYPE)
