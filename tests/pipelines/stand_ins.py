"""Fake programs and servers, for tests of the shell scripts of pipelines."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

_PROVISIONER = """\
import json, os, pathlib, sys
told = json.loads(pathlib.Path(os.environ["PROVISIONER_STAND_IN"]).read_text())
arguments = sys.argv[1:]
with open(told["calls"], "a") as calls:
    calls.write(json.dumps(arguments) + "\\n")
for option, value in zip(arguments, arguments[1:]):
    path = {"--out": value, "--report": value.partition("=")[2]}.get(option)
    if path and told["writes"]:
        pathlib.Path(path).write_text(told["text"])
print(told["text"])
sys.exit(next((code for name, code in told["codes"].items() if name in arguments), 0))
"""

_GH = """\
import json, os, subprocess, sys, urllib.request
options, fields, method, expression = iter(sys.argv[2:]), {}, "GET", ""
for option in options:
    if option == "--method":
        method = next(options)
    elif option == "--jq":
        expression = next(options)
    elif option in ("-f", "-F"):
        name, _, value = next(options).partition("=")
        fields[name] = open(value[1:]).read() if option == "-F" and value.startswith("@") else value
    elif option != "--paginate":
        path = option
body = json.dumps(fields).encode() if fields else None
request = urllib.request.Request(os.environ["FORGE"] + "/" + path, body, {"Content-Type": "application/json"}, method=method)
with urllib.request.urlopen(request) as answer:
    text = answer.read()
if expression:
    text = subprocess.run(["jq", "--raw-output", expression], input=text, capture_output=True, check=True).stdout
sys.stdout.write(text.decode())
"""


@dataclass
class StandIns:
    """A folder of programs to put in front of PATH.

    Attributes:
        codes: the exit code of ``provisioner``, by an argument it is called with.
        text: what it prints, and writes into files.
        writes: whether it writes files.
    """

    folder: Path
    codes: dict[str, int] = field(default_factory=dict)
    text: str = "{}"
    writes: bool = True

    def __post_init__(self) -> None:
        self.folder.mkdir()
        for name, source in (("provisioner", _PROVISIONER), ("gh", _GH)):
            program = self.folder / name
            program.write_text(f"#!{sys.executable}\n{source}")
            program.chmod(0o755)
        (self.folder / "python").symlink_to(sys.executable)

    def environment(self, **more: str) -> dict[str, str]:
        """What a runner has, and more."""
        told = self.folder / "told.json"
        shown = {"calls": str(self.folder / "calls"), "codes": self.codes, "text": self.text}
        told.write_text(json.dumps({**shown, "writes": self.writes}))
        return {
            "PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}",
            "PROVISIONER_STAND_IN": str(told),
            **more,
        }

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of each call of ``provisioner``."""
        calls = self.folder / "calls"
        return [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []

    def shell(
        self, script: str, folder: Path, *, shell: str = "bash", **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a script as a runner does."""
        return subprocess.run(
            [shell, "-e", "-c", script],
            cwd=folder,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )


@dataclass
class Forge:
    """An API with comments and issues: it returns what was posted to a path.

    Attributes:
        things: by the path of their collection: GitHub's, GitLab's or Azure's objects.
        headers: of the requests, in lower case.
    """

    url: str = ""
    things: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)

    def answer(self, method: str, path: str, given: dict[str, Any]) -> Any:
        collection, _, last = path.rpartition("/")
        if method == "GET":
            listed = self.things.get(path, [])
            shown = [one for one in listed if one.get("state", "open") == "open"]
            return {"value": shown} if path.endswith("/threads") else shown
        if method == "POST":
            listed = self.things.setdefault(path, [])
            number = len(listed) + 1
            listed.append(
                {
                    "id": number,
                    "iid": number,
                    "number": number,
                    "user": {"login": "github-actions[bot]"},
                    **given,
                }
            )
            return listed[-1]
        if (
            collection.endswith("/comments") and "/threads/" in collection
        ):  # of Azure: a thread's first comment
            thread = collection.removesuffix("/comments")
            collection, _, last = thread.rpartition("/")
            given = {"comments": [given]}
        if collection.endswith("/issues/comments"):  # of GitHub: a comment, whatever its issue
            collection = next(name for name in self.things if name.endswith("/comments"))
        thing = next(one for one in self.things[collection] if str(one["id"]) == last)
        thing.update(given)
        if given.get("state_event") == "close":
            thing["state"] = "closed"
        return thing


@contextlib.contextmanager
def forge() -> Iterator[Forge]:
    """A forge on loopback."""
    served = Forge()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def serve(self) -> None:
            served.headers.append({name.lower(): value for name, value in self.headers.items()})
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            if "json" in (self.headers.get("Content-Type") or ""):
                given = json.loads(body) if body else {}
            else:
                given = {name: values[0] for name, values in parse_qs(body).items()}
            answer = json.dumps(
                served.answer(self.command, urlsplit(self.path).path.lstrip("/"), given)
            ).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_PATCH = serve  # noqa: N815 - the library's names

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        served.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
