"""Recorded real traffic, where it is beside the repository. Nothing of it is copied into the project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "recordings" / "okta"
Recorded = tuple[str, str, Any]
"""Method, path without its query, and what was answered."""


def recorded() -> list[Recorded]:
    """Every successful answer; the test is skipped where there are no recordings."""
    if not FOLDER.exists():
        pytest.skip("the recorded traffic is not beside the repository")
    files = sorted(FOLDER.glob("*/*.yaml"))
    assert files
    return [answer for file in files for answer in _of(file)]


def _of(file: Path) -> Iterator[Recorded]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data = yaml.load(file.read_text(encoding="utf-8"), loader)
    for entry in data["interactions"]:
        request, response = entry["request"], entry["response"]
        status = response.get("code") or response["status"]["code"]
        body = response["body"]
        text = body if isinstance(body, str) else body.get("string")
        if status < 300 and text:
            where = (request.get("url") or request["uri"]).partition("?")[0]
            yield request["method"], "/" + where.split("/", 3)[3], _json(text)


def _json(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def objects(pattern: str) -> list[dict[str, Any]]:
    """Every recorded object, alone or in a list, of paths that match: ``*`` stands for an id, at the end for one or none."""
    segments = pattern.split("/")
    matching = []
    for _, path, body in recorded():
        parts = path.split("/")
        optional = segments[-1] == "*" and len(parts) == len(segments) - 1
        same = len(parts) == len(segments) or optional
        if same and all(want in ("*", part) for want, part in zip(segments, parts, strict=False)):
            matching += [
                element
                for element in (body if isinstance(body, list) else [body])
                if isinstance(element, dict)
            ]
    return matching
