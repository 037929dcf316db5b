"""Reports as JSON."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel


def dumps(report: BaseModel) -> str:
    """A report as indented JSON; see :func:`harmless_json`."""
    return harmless_json(report.model_dump(mode="json", by_alias=True), indent=2)


def harmless_json(value: Any, indent: int | None = None) -> str:
    """JSON in which text from outside can act on no terminal and on no CI system.

    It is ASCII only, and has no ``##``, with which the commands of Azure Pipelines begin, in whatever place of a line.
    """
    return json.dumps(value, indent=indent).replace("##", "#\\u0023")
