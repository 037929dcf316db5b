"""Requests that the emulated Kiro endpoint refuses.

Kiro publishes no SCIM reference, so there are two levels:

- always: Kiro's guide "Connect your Microsoft Entra ID IdP" (six attributes make provisioning fail; userName, externalId
  and active suffice), a report about Kiro (an externalId cannot be changed, kirodotdev/Kiro issue 9582), and the general
  limits of the AWS IAM Identity Center SCIM implementation, the closest relative with a reference: which operations
  exist, filters with ``eq`` and ``and`` only, at most 100 membership changes, no replacing or removing of all members,
  unique group names;
- ``strict``: also that reference's constraints on users and on PATCH.

What comes from AWS's "IAM Identity Center SCIM Implementation Developer Guide" is an analogy, not verified for Kiro. The
guide calls userName, externalId and active required. Whether the endpoint refuses a user without externalId or active is
unknown; the sandbox accepts one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

Body = dict[str, Any]

CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MAX_MEMBERSHIP_CHANGES = 100

UNSUPPORTED_EXTENSION = ("department", "employeenumber", "manager")
UNSUPPORTED_PHONES = ("fax", "mobile", "work")
"""The guide's six attributes: three of the enterprise extension (lower case), and three types of phone numbers."""

_UNSUPPORTED_BY_AWS = ("entitlements", "groups", "ims", "password", "photos", "x509certificates")
_SINGLE_VALUED_IN_AWS = ("addresses", "emails", "phonenumbers", "roles")
_PATCHABLE_IN_AWS = {
    *("active", "addresses", "displayname", "emails", "externalid", "locale", "name", "nickname"),
    *(
        "phonenumbers",
        "preferredlanguage",
        "profileurl",
        "roles",
        "timezone",
        "title",
        "username",
        "usertype",
    ),
}
_PATCHABLE_OF_GROUP = {"displayname", "externalid", "members"}
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_OPERATORS = re.compile(r"\b(?:ne|co|sw|ew|gt|ge|lt|le|pr|or|not)\b", re.IGNORECASE)
_TYPE_FILTER = re.compile(r'\[\s*type\s+eq\s+"(?P<type>[^"]*)"\s*\]', re.IGNORECASE)
_HEAD = re.compile(r"[^\[.]*")


class Refusal(Exception):  # noqa: N818  a response to the client; nothing went wrong
    """The endpoint refuses a request.

    Attributes:
        status: HTTP status, from the error table of AWS's reference.
        detail: description.
        scim_type: scimType of RFC 7644, or None.
    """

    def __init__(self, status: HTTPStatus, detail: str, scim_type: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.scim_type = scim_type


@dataclass(frozen=True)
class Write:
    """A request that creates or changes one resource.

    Attributes:
        method: POST, PUT or PATCH.
        kind: "User" or "Group".
        body: the parsed request body.
        current: the stored resource, None for POST.
    """

    method: str
    kind: str
    body: Body
    current: Body | None


def check_operation(method: str, path: str) -> None:
    """Refuse an operation that is not in AWS's "Supported API operations".

    A ValidationException (400) "also occurs if the operation is unsupported".
    """
    first, _, rest = path.strip("/").partition("/")
    unsupported = first in {"", ".search", "Bulk", "Me"} or rest == ".search"
    if unsupported or (method, first) == ("PUT", "Groups"):
        raise _invalid(f"{method} /{path.strip('/')} is not supported.")


def check_query(query: dict[str, str]) -> None:
    """Refuse filters with operators other than ``eq`` and ``and``, and sorting."""
    text = _STRING.sub('""', query.get("filter", ""))
    if _OPERATORS.search(text):
        raise _invalid("Only the filter operators eq and and are supported.", "invalidFilter")
    if "sortBy" in query or "sortOrder" in query:
        raise _invalid("Sorting is not supported.")


def check_write(write: Write, *, strict: bool) -> None:
    """Refuse a body that breaks a rule.

    Raises:
        Refusal: its detail names the attribute.
    """
    if write.kind == "User":
        _check_user(write, strict=strict)
    else:
        _check_group(write)


def operations(body: Body) -> list[Body]:
    """The operations of a PATCH body, whatever the case of the key.

    Raises:
        Refusal: there are none.
    """
    listed = next((value for key, value in body.items() if key.casefold() == "operations"), None)
    if not isinstance(listed, list) or not all(isinstance(operation, dict) for operation in listed):
        raise _invalid("Operations is missing.", "invalidSyntax")
    return listed


def group_names(write: Write) -> list[str]:
    """Names that a write gives to a group. AWS refuses a second group of the same name (ConflictException)."""
    changes = _changes(write) if write.kind == "Group" else ()
    names = [change.value for change in changes if change.attribute == "displayname"]
    return [name for name in names if isinstance(name, str)]


@dataclass(frozen=True)
class _Change:
    """A write to one attribute.

    Attributes:
        op: add, replace, remove, or "" in a whole resource.
        path: the attribute's path as sent; empty for a removal that names none.
        value: the value sent.
    """

    op: str
    path: str
    value: Any

    @property
    def attribute(self) -> str:
        """The attribute in lower case, without filter and sub-attribute. An extension's attribute has its URN."""
        lowered = self.path.casefold()
        prefix = f"{ENTERPRISE}:".casefold()
        urn = prefix if lowered.startswith(prefix) else ""
        return urn + _HEAD.match(lowered[len(urn) :]).group()  # type: ignore[union-attr]  # it matches "" at least

    @property
    def whole(self) -> bool:
        """Whether it affects all values of the attribute, not only those that a filter selects."""
        return "[" not in self.path


def _check_user(write: Write, *, strict: bool) -> None:
    changes = list(_changes(write))
    for change in changes:
        for name in _unsupported(change):
            raise _invalid(f"{name}: This attribute is not supported.", "invalidValue")
        if change.attribute == "externalid":
            _check_external_id(write, change)
    if not strict:
        return
    if write.method == "PATCH":
        _check_patch_as_aws(changes)
    else:
        _check_required_as_aws(write.body)
    for change in changes:
        _check_value_as_aws(change)


def _check_external_id(write: Write, change: _Change) -> None:
    """Refuse a change of an externalId, with the text of kirodotdev/Kiro issue 9582."""
    current = (write.current or {}).get("externalId")
    if current is not None and (change.op == "remove" or change.value != current):
        text = "This attribute does not satisfy the mutability validation defined in the schema."
        raise Refusal(HTTPStatus.BAD_REQUEST, f"externalId: {text}", "mutability")


def _check_group(write: Write) -> None:
    changes = list(_changes(write))
    if write.method == "POST" and not _value(write.body, "displayname"):
        raise _invalid("displayName: This attribute is required.", "invalidValue")
    if write.method == "PATCH":
        _check_group_patch(changes)
    member_changes = [change for change in changes if change.attribute == "members"]
    if sum(max(len(_list(change.value)), 1) for change in member_changes) > MAX_MEMBERSHIP_CHANGES:
        raise _invalid(
            f"members: At most {MAX_MEMBERSHIP_CHANGES} membership changes are allowed in a request."
        )


def _check_group_patch(changes: list[_Change]) -> None:
    for change in changes:
        if change.attribute not in _PATCHABLE_OF_GROUP:
            raise _invalid(
                f"{change.path}: Only displayName, members and externalId can be changed.", "invalidPath"
            )
        everyone = change.op == "replace" or (change.op == "remove" and not change.value)
        if change.attribute == "members" and change.whole and everyone:
            raise _invalid("members: All memberships cannot be replaced or removed in one request.")


def _check_required_as_aws(body: Body) -> None:
    name = _value(body, "name") or {}
    required = {
        "userName": _value(body, "username"),
        "displayName": _value(body, "displayname"),
        "name.givenName": _value(name, "givenname"),
        "name.familyName": _value(name, "familyname"),
    }
    missing = [attribute for attribute, value in required.items() if not value]
    if missing:
        raise _invalid(f"{missing[0]}: This attribute is required.", "invalidValue")


def _check_patch_as_aws(changes: list[_Change]) -> None:
    changed: set[str] = set()
    for change in changes:
        attribute = change.attribute
        if not change.path:
            raise _invalid("path: This is required to remove.", "noTarget")
        if attribute not in _PATCHABLE_IN_AWS and not attribute.startswith(ENTERPRISE.casefold()):
            raise _invalid(f"{change.path}: This attribute cannot be changed.", "invalidPath")
        if attribute in {"username", "active"} and (change.op == "remove" or attribute in changed):
            raise _invalid(
                f"{change.path}: It cannot be removed, nor changed twice in a request.", "invalidValue"
            )
        changed.add(attribute)


def _check_value_as_aws(change: _Change) -> None:
    if change.attribute in _UNSUPPORTED_BY_AWS:
        raise _invalid(f"{change.path}: This attribute is not supported.", "invalidValue")
    if change.attribute not in _SINGLE_VALUED_IN_AWS or not change.whole:
        return
    entries = _list(change.value)
    if len(entries) > 1:
        raise _invalid(f"{change.path}: Only one value is allowed.", "invalidValue")
    if any("display" in entry for entry in entries if isinstance(entry, dict)):
        raise _invalid(f"{change.path}.display: This attribute is not supported.", "invalidValue")
    if change.attribute == "emails" and not all(_value(entry, "primary") for entry in entries):
        raise _invalid("emails: The value must be primary.", "invalidValue")


def _changes(write: Write) -> Iterator[_Change]:
    """The changes of a write, attribute by attribute."""
    if write.method != "PATCH":
        yield from _flat("", write.body)
        return
    for operation in operations(write.body):
        op, path = str(operation.get("op", "")).casefold(), str(operation.get("path") or "")
        value = operation.get("value")
        if path or not isinstance(value, dict):
            yield _Change(op, path, value)
        else:
            yield from _flat(op, value)


def _flat(op: str, body: Body) -> Iterator[_Change]:
    for key, value in body.items():
        if key.casefold() == ENTERPRISE.casefold() and isinstance(value, dict):
            yield from (_Change(op, f"{key}:{name}", inner) for name, inner in value.items())
        else:
            yield _Change(op, key, value)


def _unsupported(change: _Change) -> Iterator[str]:
    """Those of the guide's six attributes that a change sets ("Remove unsupported attributes")."""
    if change.op == "remove" or change.value in (None, "", [], {}):
        return
    prefix = f"{ENTERPRISE}:".casefold()
    if change.attribute.removeprefix(prefix) in UNSUPPORTED_EXTENSION and change.attribute.startswith(prefix):
        yield change.path
    elif change.path.casefold() == ENTERPRISE.casefold() and isinstance(change.value, dict):
        yield from (
            f"{ENTERPRISE}:{name}" for name in change.value if name.casefold() in UNSUPPORTED_EXTENSION
        )
    elif change.attribute == "phonenumbers":
        selected = _TYPE_FILTER.search(change.path)
        types = [selected["type"]] if selected else [_value(entry, "type") for entry in _list(change.value)]
        refused = [phone_type for phone_type in types if str(phone_type).casefold() in UNSUPPORTED_PHONES]
        yield from (f'phoneNumbers[type eq "{phone_type}"].value' for phone_type in refused)


def _value(body: Any, name: str) -> Any:
    """The value of a member. Case does not matter in its name, as in all SCIM attribute names."""
    if not isinstance(body, dict):
        return None
    return next((value for key, value in body.items() if key.casefold() == name), None)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _invalid(detail: str, scim_type: str | None = None) -> Refusal:
    """AWS's ValidationException."""
    return Refusal(HTTPStatus.BAD_REQUEST, detail, scim_type)
