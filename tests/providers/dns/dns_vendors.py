"""Simulated APIs of Cloudflare and Azure DNS on loopback, written from their documentation."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

ZONE = "contoso.example"
HOSTS = ("https://api.cloudflare.com", "https://login.microsoftonline.com", "https://management.azure.com")


@dataclass
class Fault:
    """The fault of the next request with a method.

    Attributes:
        after: the request takes effect before it fails.
        hang: there is no response until the server ends.
    """

    method: str
    status: int = 500
    body: Any = ""
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    hang: bool = False


@dataclass
class Vendor:
    """One vendor's API.

    Attributes:
        requests: the received requests, as ``METHOD path``.
        faults: of the next requests, in order.
    """

    requests: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)

    def serve(
        self, method: str, path: str, query: dict[str, str], body: Any
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, body and headers of the response."""
        self.requests.append(f"{method} {path}")
        fault = next((fault for fault in self.faults if fault.method == method), None)
        if fault is None:
            return (*self.respond(method, path, query, body), {})
        self.faults.remove(fault)
        if fault.after:
            self.respond(method, path, query, body)
        if fault.hang:
            self.ending.wait()
        return fault.status, fault.body, fault.headers

    def respond(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        raise NotImplementedError

    @property
    def writes(self) -> list[str]:
        return [request for request in self.requests if not request.startswith("GET ")]


@dataclass
class Cloudflare(Vendor):
    """DNS records for a zone (Cloudflare API v4).

    Attributes:
        filters: whether a list applies ``content``.
        forgets: a new record replaces the others of its name.
    """

    zones: list[str] = field(default_factory=lambda: [ZONE])
    records: list[dict[str, Any]] = field(default_factory=list)
    filters: bool = True
    forgets: bool = False
    ids: Iterator[int] = field(default_factory=itertools.count)

    def seed(self, name: str, *contents: str, ttl: int = 600, kind: str = "TXT") -> None:
        for content in contents:
            self.records.append(
                {"id": f"r{next(self.ids)}", "type": kind, "name": name, "content": content, "ttl": ttl}
            )

    def at(self, name: str) -> list[str]:
        return [
            record["content"] for record in self.records if record["name"] == name and record["type"] == "TXT"
        ]

    def respond(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        parts = path.removeprefix("/client/v4/").split("/")
        if parts == ["zones"]:
            return 200, self._page([{"id": name, "name": name} for name in self.zones])
        match method:
            case "GET":
                filters = {"type", "name"} | ({"content"} if self.filters else set())
                conditions = {key: value for key, value in query.items() if key in filters}
                return 200, self._page(
                    [record for record in self.records if conditions.items() <= record.items()]
                )
            case "POST":
                if self.forgets:
                    self.records = [record for record in self.records if record["name"] != body["name"]]
                self.seed(body["name"], body["content"], ttl=body["ttl"])
            case "DELETE":
                self.records = [record for record in self.records if record["id"] != parts[-1]]
        return 200, {"success": True, "result": {}}

    def _page(self, result: list[Any]) -> dict[str, Any]:
        return {"success": True, "result": result, "result_info": {"page": 1, "total_pages": 1}}


@dataclass
class Azure(Vendor):
    """Record sets of a zone (Azure DNS REST API 2018-05-01)."""

    sets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def respond(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if path.endswith("/oauth2/token"):
            return 200, {"access_token": "a token"}
        zone = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/dnsZones"
        if path == zone:
            return 200, {"value": [{"name": ZONE, "id": f"{zone}/{ZONE}"}]}
        key = path.removeprefix(f"{zone}/{ZONE}/")
        if method != "PUT" and key not in self.sets:
            return 404, {"code": "NotFound"}
        match method:
            case "PUT":
                self.sets[key] = body["properties"]
            case "PATCH":
                self.sets[key] |= body["properties"]
            case "DELETE":
                del self.sets[key]
                return 200, ""
        return 200, {"name": key, "properties": self.sets[key]}


@contextmanager
def simulate(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Serve the vendor's API, and redirect every request to a vendor to it."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(content) if content[:1] == b"{" else None
            status, response, headers = vendor.serve(
                self.command, parts.path, dict(parse_qsl(parts.query)), body
            )
            octets = (response if isinstance(response, str) else json.dumps(response)).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(octets))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(octets)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names http.server calls

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    local, real = f"http://127.0.0.1:{server.server_port}", requests.Session.request

    def redirect(self, method, url, *arguments, **options):
        for host in HOSTS:
            url = url.replace(host, local)
        return real(self, method, url, *arguments, **options)

    monkeypatch.setattr(requests.Session, "request", redirect)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        yield
    finally:
        vendor.ending.set()
        server.shutdown()
        server.server_close()
        serving.join()
