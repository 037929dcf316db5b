"""Errors: the message, hint and exit code of each."""

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


def class_tree(error: type[ProvisionerError]) -> list[type[ProvisionerError]]:
    """The class and its subclasses in this module. Other modules can have more."""
    children = [child for child in error.__subclasses__() if child.__module__ == errors.__name__]
    return [error, *(descendant for child in children for descendant in class_tree(child))]


ERRORS = class_tree(ProvisionerError)


def test_the_exit_codes_are_the_documented_ones():
    assert {code.name: code.value for code in ExitCode} == {
        "DONE": 0,
        "ERROR": 1,
        "USAGE": 2,
        "FINDINGS": 3,
        "WAITING": 4,
        "REFUSED": 5,
    }


def test_every_exit_code_is_explained():
    assert [code for code in ExitCode if not code.meaning or ExitCode(code.value) is not code] == []


def test_the_docstring_of_the_module_shows_the_class_tree():
    documented = dict(re.findall(r"(\w+Error) +(\d)", errors.__doc__ or ""))
    assert documented == {error.__name__: str(error.exit_code.value) for error in ERRORS}


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_states_what_happened_and_what_to_do_next(error):
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
def test_an_error_in_a_playbook_names_the_file_and_the_line(line, expected):
    error = PlaybookError("what", file=Path("p/a.yaml"), line=line)
    assert str(error) == expected
    assert error.others == ()


def test_a_remote_error_contains_the_request_id_that_the_vendor_asks_for():
    error = RemoteError("what", status=400, code="Request_BadRequest", request_id="r-1")
    assert str(error) == "what [request-id r-1]"
    assert (error.status, error.code) == (400, "Request_BadRequest")
    bare = RemoteError("what")
    assert (str(bare), bare.status, bare.code) == ("what", 0, "")


def test_a_missing_permission_is_named_with_the_role_that_a_signed_in_person_needs():
    error = PermissionDeniedError("no", permissions=("A.Read", "B.Read"), role="Some Administrator")
    assert (
        error.hint
        == "grant A.Read or B.Read; a signed-in person also needs the directory role Some Administrator"
    )
    assert (error.status, error.permissions, error.role) == (403, ("A.Read", "B.Read"), "Some Administrator")
