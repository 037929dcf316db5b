"""Reports as JSON."""

from __future__ import annotations

import json

from pydantic import BaseModel


def dumps(report: BaseModel) -> str:
    """A report as indented JSON. ASCII only, so that text from outside cannot act on a terminal."""
    return json.dumps(report.model_dump(mode="json", by_alias=True), indent=2)
