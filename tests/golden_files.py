"""Whole outputs kept as files, so that a change of them is seen in a review."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "golden"


def assert_golden(name: str, text: str) -> None:
    """The text is what the file says, to the letter.

    With UPDATE_GOLDEN=1 the file is written instead, and the test fails so that somebody looks at it.
    """
    file = FOLDER / name
    written = file.read_text(encoding="utf-8") if file.exists() else ""
    if os.environ.get("UPDATE_GOLDEN") and written != text + "\n":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n", encoding="utf-8")
        pytest.fail(f"{name} was written: look at it, and run again")
    assert text + "\n" == written
