"""Recorded real traffic of Okta, from the cassettes of two public projects, and its comparison with the sandbox.

vcrpy (okta-sdk-python) and go-vcr v2 (terraform-provider-okta) have different file formats for the same facts.
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
_IGNORED_MEMBERS = {"client_secret", "kid", "n", "errorId"}
# Values that always differ: ids, timestamps, URLs and secrets.
_IGNORED_VALUES = re.compile(r"https?://|\d{4}-\d\d-\d\dT|^[\w-]{43}$|^orn:|REDACTED")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded request and its response."""

    method: str
    path: str
    body: Any
    status: int
    headers: dict[str, str]
    response: Any


def load(path: Path) -> list[Recorded]:
    """The requests of a cassette, in order."""
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return [
        _recorded(interaction["request"], interaction["response"]) for interaction in document["interactions"]
    ]


def _recorded(request: dict[str, Any], response: dict[str, Any]) -> Recorded:
    url = urlsplit(request.get("uri") or request["url"])
    text = response["body"]["string"] if isinstance(response["body"], dict) else response["body"]
    status = response.get("status")
    code = status["code"] if isinstance(status, dict) else response["code"]
    headers = {name.lower(): values[0] for name, values in (response.get("headers") or {}).items()}
    path = url.path + (f"?{url.query}" if url.query else "")
    return Recorded(request["method"], path, _json(request.get("body")), code, headers, _json(text))


def _json(text: Any) -> Any:
    text = text.decode() if isinstance(text, bytes) else text
    return json.loads(text) if text and text.strip() else None


class IdMap:
    """The sandbox's id for each recorded id."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def add(self, recorded: str, actual: str) -> None:
        self._ids.setdefault(recorded, actual)

    def translate(self, text: str) -> str:
        """A text with known recorded ids replaced; longer ids first, since one may contain another."""
        for recorded in sorted(self._ids, key=len, reverse=True):
            text = text.replace(recorded, self._ids[recorded])
        return text

    def add_from(self, recorded: Any, actual: Any) -> None:
        """Add the ids in two responses to the same request."""
        if isinstance(recorded, dict) and isinstance(actual, dict):
            for name in recorded.keys() & actual.keys():
                self.add_from(recorded[name], actual[name])
        elif isinstance(recorded, list) and isinstance(actual, list):
            for recorded_item, actual_item in matching_items(recorded, actual, self):
                self.add_from(recorded_item, actual_item)
        elif isinstance(recorded, str) and isinstance(actual, str):
            recorded_ids, actual_ids = _ID.findall(recorded), _ID.findall(actual)
            if len(recorded_ids) == len(actual_ids):
                for recorded_id, actual_id in zip(recorded_ids, actual_ids, strict=True):
                    if recorded_id[:3] == actual_id[:3]:
                        self.add(recorded_id, actual_id)


def matching_items(recorded: list[Any], actual: list[Any], ids: IdMap) -> Iterator[tuple[Any, Any]]:
    """Pairs of items with the same id, or else the same name; items without a match are left out."""
    if not all(isinstance(item, dict) for item in [*recorded, *actual]):
        yield from zip(recorded, actual, strict=False)
        return
    for item in recorded:
        key = ids.translate(str(item.get("id", "")))
        matches = [candidate for candidate in actual if key and candidate.get("id") == key]
        if not matches and _name(item):
            matches = [candidate for candidate in actual if _name(candidate) == _name(item)]
        if matches:
            yield item, matches[0]
        elif len(recorded) == len(actual) == 1:
            yield item, actual[0]


def _name(item: dict[str, Any]) -> Any:
    profile = item.get("profile")
    return item.get("name") or (profile.get("name") if isinstance(profile, dict) else None)


def shape_differences(recorded: Any, actual: Any, ids: IdMap, path: str = "$") -> Iterator[str]:
    """Recorded members that a response lacks or has with another type; null matches every type."""
    if recorded is None or actual is None:
        return
    if isinstance(recorded, dict) and isinstance(actual, dict):
        for name, value in recorded.items():
            if name in actual:
                yield from shape_differences(value, actual[name], ids, f"{path}.{name}")
            else:
                yield f"{path}.{name} is missing"
    elif isinstance(recorded, list) and isinstance(actual, list):
        matches = list(matching_items(recorded, actual, ids))
        if recorded and actual and not matches:
            matches = [(recorded[0], actual[0])]
        for recorded_item, actual_item in matches:
            yield from shape_differences(recorded_item, actual_item, ids, f"{path}[]")
    elif _json_type(recorded) != _json_type(actual):
        yield f"{path} is {_json_type(actual)}, recorded as {_json_type(recorded)}"


def _json_type(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return "number" if is_number else type(value).__name__


def value_differences(recorded: Any, actual: Any, ids: IdMap, path: str = "$") -> Iterator[str]:
    """Values that differ from the recorded ones, except ids, timestamps, URLs and secrets."""
    if isinstance(recorded, dict) and isinstance(actual, dict):
        for name in (recorded.keys() & actual.keys()) - _IGNORED_MEMBERS:
            yield from value_differences(recorded[name], actual[name], ids, f"{path}.{name}")
    elif isinstance(recorded, list) and isinstance(actual, list):
        for recorded_item, actual_item in matching_items(recorded, actual, ids):
            yield from value_differences(recorded_item, actual_item, ids, f"{path}[]")
        if len(recorded) != len(actual):
            yield f"{path} has {len(actual)} items, recorded {len(recorded)}"
    elif isinstance(recorded, str) and (_IGNORED_VALUES.search(recorded) or _ID.search(recorded)):
        return
    elif recorded != actual:
        yield f"{path} is {actual!r}, recorded {recorded!r}"
