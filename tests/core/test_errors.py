"""Errors: what each says, and the exit code it becomes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from provisioner.core import errors
from provisioner.core.errors import (
    ExitCode,
    PermissionDeniedError,
    PlaybookError,
    ProvisionerError,
    RemoteError,
)


def _all(root: type[ProvisionerError]) -> list[type[ProvisionerError]]:
    """Itself and what derives from it here; other modules may have kinds of their own."""
    ours = [child for child in root.__subclasses__() if child.__module__ == errors.__name__]
    return [root, *(found for child in ours for found in _all(child))]


def test_the_exit_codes_are_those_that_are_documented():
    assert {code.name: code.value for code in ExitCode} == {
        "DONE": 0,
        "ERROR": 1,
        "USAGE": 2,
        "FINDINGS": 3,
        "WAITING": 4,
        "REFUSED": 5,
    }


@pytest.mark.parametrize("code", list(ExitCode))
def test_every_exit_code_is_explained(code):
    assert code.meaning
    assert ExitCode(code.value) is code


def test_the_tree_in_the_documentation_is_the_tree():
    told = dict(re.findall(r"(\w+Error) +(\d)", errors.__doc__ or ""))
    assert told == {error.__name__: str(error.exit_code.value) for error in _all(ProvisionerError)}


@pytest.mark.parametrize("error", _all(ProvisionerError))
def test_every_error_says_what_happened_and_what_to_do_next(error):
    extra = {"file": "a.yaml"} if error is PlaybookError else {}
    if error is PermissionDeniedError:
        assert error("what").hint == "grant the missing permission"
    else:
        assert error("what", hint="do this", **extra).hint == "do this"
        assert error("what", **extra).hint == ""
    assert error("what", **extra).message == "what"
    assert "what" in str(error("what", **extra))


@pytest.mark.parametrize(
    ("line", "expected"), [(7, "p/a.yaml:7: what"), (None, "p/a.yaml: what"), (1, "p/a.yaml:1: what")]
)
def test_a_fault_of_a_playbook_says_where_it_is(line, expected):
    error = PlaybookError("what", file=Path("p/a.yaml"), line=line)
    assert str(error) == expected
    assert error.others == ()


def test_an_answer_with_an_error_tells_what_the_vendor_asks_for():
    error = RemoteError("what", status=400, code="Request_BadRequest", request_id="r-1")
    assert str(error) == "what [request-id r-1]"
    assert (error.status, error.code) == (400, "Request_BadRequest")
    silent = RemoteError("what")
    assert (str(silent), silent.status, silent.code) == ("what", 0, "")


def test_a_missing_permission_is_named_with_the_role_a_person_needs():
    error = PermissionDeniedError("no", permissions=("A.Read", "B.Read"), role="Some Administrator")
    assert (
        error.hint
        == "grant A.Read or B.Read; a signed-in person also needs the directory role Some Administrator"
    )
    assert (error.status, error.permissions, error.role) == (403, ("A.Read", "B.Read"), "Some Administrator")
