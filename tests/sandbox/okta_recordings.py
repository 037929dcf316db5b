"""Recorded real traffic of Okta, read from the cassettes of two public projects, and replayed against a sandbox.

vcrpy (okta-sdk-python) and go-vcr v2 (terraform-provider-okta) lay out the same facts differently.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "recordings" / "okta"
_ID = re.compile(
    r"(?<![A-Za-z0-9])(?:0oa|00g|00u|00p|0pr|aus|scp|ocl|rst|prm|oty|osc|gPm|00o)[A-Za-z0-9]{17}(?![A-Za-z0-9])"
)
_FREE_MEMBERS = {"client_secret", "kid", "n", "errorId"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded request and its answer."""

    method: str
    path: str
    body: Any
    status: int
    headers: dict[str, str]
    answer: Any


def load(path: Path) -> list[Recorded]:
    """The requests of a cassette, in order."""
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return [_recorded(each["request"], each["response"]) for each in document["interactions"]]


def _recorded(request: dict[str, Any], response: dict[str, Any]) -> Recorded:
    address = urlsplit(request.get("uri") or request["url"])
    text = response["body"]["string"] if isinstance(response["body"], dict) else response["body"]
    code = (
        response["status"]["code"]
        if "status" in response and isinstance(response["status"], dict)
        else response["code"]
    )
    headers = {name.lower(): values[0] for name, values in (response.get("headers") or {}).items()}
    path = address.path + (f"?{address.query}" if address.query else "")
    return Recorded(request["method"], path, _json(request.get("body")), code, headers, _json(text))


def _json(text: Any) -> Any:
    text = text.decode() if isinstance(text, bytes) else text
    return json.loads(text) if text and text.strip() else None


class Ids:
    """Which of our ids stands for a recorded one."""

    def __init__(self) -> None:
        self._ours: dict[str, str] = {}

    def learn(self, recorded: str, ours: str) -> None:
        self._ours.setdefault(recorded, ours)

    def translated(self, text: str) -> str:
        """A text with every known recorded id replaced; longer ones first, so that none is part of another."""
        for recorded in sorted(self._ours, key=len, reverse=True):
            text = text.replace(recorded, self._ours[recorded])
        return text

    def compare(self, recorded: Any, ours: Any) -> None:
        """Learn from two answers to the same request."""
        if isinstance(recorded, dict) and isinstance(ours, dict):
            for name in recorded.keys() & ours.keys():
                self.compare(recorded[name], ours[name])
        elif isinstance(recorded, list) and isinstance(ours, list):
            for each, counterpart in pairs(recorded, ours, self):
                self.compare(each, counterpart)
        elif isinstance(recorded, str) and isinstance(ours, str):
            found, known = _ID.findall(recorded), _ID.findall(ours)
            if len(found) == len(known):
                for each, counterpart in zip(found, known, strict=True):
                    if each[:3] == counterpart[:3]:
                        self.learn(each, counterpart)


def pairs(recorded: list[Any], ours: list[Any], ids: Ids) -> Iterator[tuple[Any, Any]]:
    """What belongs together in two lists: by id, else by name; what has no counterpart is left out."""
    if not all(isinstance(each, dict) for each in [*recorded, *ours]):
        yield from zip(recorded, ours, strict=False)
        return
    for each in recorded:
        key = ids.translated(str(each.get("id", "")))
        same = [other for other in ours if key and other.get("id") == key]
        same = same or [other for other in ours if _name(each) and _name(other) == _name(each)]
        if same:
            yield each, same[0]
        elif len(recorded) == len(ours) == 1:
            yield each, ours[0]


def _name(item: dict[str, Any]) -> Any:
    profile = item.get("profile")
    return item.get("name") or (profile.get("name") if isinstance(profile, dict) else None)


def misfits(recorded: Any, ours: Any, ids: Ids, path: str = "$") -> Iterator[str]:
    """Where our answer lacks a recorded member, or has another type; null fits every type."""
    if recorded is None or ours is None:
        return
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for name, value in recorded.items():
            if name in ours:
                yield from misfits(value, ours[name], ids, f"{path}.{name}")
            else:
                yield f"{path}.{name} is missing"
    elif isinstance(recorded, list) and isinstance(ours, list):
        matched = list(pairs(recorded, ours, ids))
        if recorded and ours and not matched:
            matched = [(recorded[0], ours[0])]
        for each, counterpart in matched:
            yield from misfits(each, counterpart, ids, f"{path}[]")
    elif _kind(recorded) != _kind(ours):
        yield f"{path} is {_kind(ours)}, recorded as {_kind(recorded)}"


def _kind(value: Any) -> str:
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    )


# Ids, moments, addresses and secrets are never the same.
_FREE = re.compile(r"https?://|\d{4}-\d\d-\d\dT|^[\w-]{43}$|^orn:|REDACTED")


def differences(recorded: Any, ours: Any, ids: Ids, path: str = "$") -> Iterator[str]:
    """Where our answer has another value than the recorded one; ids, moments, addresses and secrets are free."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for name in (recorded.keys() & ours.keys()) - _FREE_MEMBERS:
            yield from differences(recorded[name], ours[name], ids, f"{path}.{name}")
    elif isinstance(recorded, list) and isinstance(ours, list):
        for each, counterpart in pairs(recorded, ours, ids):
            yield from differences(each, counterpart, ids, f"{path}[]")
        if len(recorded) != len(ours):
            yield f"{path} has {len(ours)} items, recorded {len(recorded)}"
    elif isinstance(recorded, str) and (_FREE.search(recorded) or _ID.search(recorded)):
        return
    elif recorded != ours:
        yield f"{path} is {ours!r}, recorded {recorded!r}"
