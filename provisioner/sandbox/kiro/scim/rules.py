"""What the emulated Kiro endpoint refuses, before the SCIM server sees the request.

Two strengths, because Kiro publishes no SCIM reference:

- always: what Kiro's guide "Connect your Microsoft Entra ID IdP" says (six attributes make provisioning fail; userName,
  externalId and active suffice), what was reported of Kiro itself (an externalId that was set cannot be changed,
  kirodotdev/Kiro issue 9582), and the general limits of the AWS IAM Identity Center SCIM implementation, the closest
  relative with a reference: which operations exist, filters with ``eq`` and ``and`` only, at most 100 membership
  changes, no replacing or removing of all members, unique group names;
- ``strict``: also that reference's constraints on users and on PATCH.

Everything taken from AWS's "IAM Identity Center SCIM Implementation Developer Guide" is an analogy, unverified for
Kiro. The guide calls userName, externalId and active required; whether the endpoint refuses a user without externalId
or active is unknown, so the sandbox does not.
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
"""With the tuple above the guide's six: attributes of the enterprise extension (lower case), types of phone numbers."""

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
_PICKED = re.compile(r'\[\s*type\s+eq\s+"(?P<type>[^"]*)"\s*\]', re.IGNORECASE)
_HEAD = re.compile(r"[^\[.]*")


class Refusal(Exception):  # noqa: N818  it is an answer, not a fault of the sandbox
    """The endpoint's answer to a request it does not accept.

    Attributes:
        status: HTTP status, from the error table of AWS's reference.
        detail: the text.
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
    """Refuse what AWS's "Supported API operations" lacks.

    A ValidationException (400) "also occurs if the operation is unsupported".
    """
    first, _, rest = path.strip("/").partition("/")
    unsupported = first in {"", ".search", "Bulk", "Me"} or rest == ".search"
    if unsupported or (method, first) == ("PUT", "Groups"):
        raise _invalid(f"{method} /{path.strip('/')} is not supported.")


def check_query(query: dict[str, str]) -> None:
    """Refuse filters with anything but ``eq`` and ``and``, and sorting."""
    text = _STRING.sub('""', query.get("filter", ""))
    if _OPERATORS.search(text):
        raise _invalid("Only the filter operators eq and and are supported.", "invalidFilter")
    if "sortBy" in query or "sortOrder" in query:
        raise _invalid("Sorting is not supported.")


def check_write(write: Write, *, strict: bool) -> None:
    """Refuse a body that breaks a rule.

    Raises:
        Refusal: naming the attribute.
    """
    if write.kind == "User":
        _check_user(write, strict=strict)
    else:
        _check_group(write)


def operations(body: Body) -> list[Body]:
    """The operations of a PATCH body, whatever the case of the key.

    Raises:
        Refusal: when there are none.
    """
    found = next((value for key, value in body.items() if key.casefold() == "operations"), None)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise _invalid("Operations is missing.", "invalidSyntax")
    return found


def group_names(write: Write) -> list[str]:
    """Names a write would give to a group; AWS answers ConflictException to a second group of one name."""
    changes = _changes(write) if write.kind == "Group" else ()
    return [each.value for each in changes if each.attribute == "displayname" and isinstance(each.value, str)]


@dataclass(frozen=True)
class _Change:
    """One attribute that a write sets or removes.

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
        """The attribute in lower case, without filter and sub-attribute; with its URN when it is an extension's."""
        lowered = self.path.casefold()
        prefix = f"{ENTERPRISE}:".casefold()
        urn = prefix if lowered.startswith(prefix) else ""
        return urn + _HEAD.match(lowered[len(urn) :]).group()  # type: ignore[union-attr]  # it matches "" at least

    @property
    def whole(self) -> bool:
        """Whether it is about all values of the attribute rather than one picked by a filter."""
        return "[" not in self.path


def _check_user(write: Write, *, strict: bool) -> None:
    changes = list(_changes(write))
    for each in changes:
        for name in _unsupported(each):
            raise _invalid(f"{name}: This attribute is not supported.", "invalidValue")
        if each.attribute == "externalid":
            _check_external_id(write, each)
    if not strict:
        return
    if write.method == "PATCH":
        _check_patch_as_aws(changes)
    else:
        _check_required_as_aws(write.body)
    for each in changes:
        _check_value_as_aws(each)


def _check_external_id(write: Write, change: _Change) -> None:
    """Text as reported in kirodotdev/Kiro issue 9582."""
    known = (write.current or {}).get("externalId")
    if known is not None and (change.op == "remove" or change.value != known):
        text = "This attribute does not satisfy the mutability validation defined in the schema."
        raise Refusal(HTTPStatus.BAD_REQUEST, f"externalId: {text}", "mutability")


def _check_group(write: Write) -> None:
    changes = list(_changes(write))
    if write.method == "POST" and not _value(write.body, "displayname"):
        raise _invalid("displayName: This attribute is required.", "invalidValue")
    if write.method == "PATCH":
        _check_group_patch(changes)
    members = [each for each in changes if each.attribute == "members"]
    if sum(max(len(_list(each.value)), 1) for each in members) > MAX_MEMBERSHIP_CHANGES:
        raise _invalid(
            f"members: At most {MAX_MEMBERSHIP_CHANGES} membership changes are allowed in a request."
        )


def _check_group_patch(changes: list[_Change]) -> None:
    for each in changes:
        if each.attribute not in _PATCHABLE_OF_GROUP:
            raise _invalid(
                f"{each.path}: Only displayName, members and externalId can be changed.", "invalidPath"
            )
        everybody = each.op == "replace" or (each.op == "remove" and not each.value)
        if each.attribute == "members" and each.whole and everybody:
            raise _invalid("members: All memberships cannot be replaced or removed in one request.")


def _check_required_as_aws(body: Body) -> None:
    name = _value(body, "name") or {}
    given = {
        "userName": _value(body, "username"),
        "displayName": _value(body, "displayname"),
        "name.givenName": _value(name, "givenname"),
        "name.familyName": _value(name, "familyname"),
    }
    missing = [each for each, value in given.items() if not value]
    if missing:
        raise _invalid(f"{missing[0]}: This attribute is required.", "invalidValue")


def _check_patch_as_aws(changes: list[_Change]) -> None:
    once: set[str] = set()
    for each in changes:
        if not each.path:
            raise _invalid("path: This is required to remove.", "noTarget")
        if each.attribute not in _PATCHABLE_IN_AWS and not each.attribute.startswith(ENTERPRISE.casefold()):
            raise _invalid(f"{each.path}: This attribute cannot be changed.", "invalidPath")
        again = each.attribute in once
        if each.attribute in {"username", "active"} and (each.op == "remove" or again):
            raise _invalid(
                f"{each.path}: It cannot be removed, nor changed twice in a request.", "invalidValue"
            )
        once.add(each.attribute)


def _check_value_as_aws(change: _Change) -> None:
    if change.attribute in _UNSUPPORTED_BY_AWS:
        raise _invalid(f"{change.path}: This attribute is not supported.", "invalidValue")
    if change.attribute not in _SINGLE_VALUED_IN_AWS or not change.whole:
        return
    entries = _list(change.value)
    if len(entries) > 1:
        raise _invalid(f"{change.path}: Only one value is allowed.", "invalidValue")
    if any("display" in each for each in entries if isinstance(each, dict)):
        raise _invalid(f"{change.path}.display: This attribute is not supported.", "invalidValue")
    if change.attribute == "emails" and not all(_value(each, "primary") for each in entries):
        raise _invalid("emails: The value must be primary.", "invalidValue")


def _changes(write: Write) -> Iterator[_Change]:
    """What a write sets or removes, attribute by attribute."""
    if write.method != "PATCH":
        yield from _flat("", write.body)
        return
    for each in operations(write.body):
        op, path, value = str(each.get("op", "")).casefold(), str(each.get("path") or ""), each.get("value")
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
    """Names of the guide's six attributes that a change would set ("Remove unsupported attributes")."""
    if change.op == "remove" or change.value in (None, "", [], {}):
        return
    prefix = f"{ENTERPRISE}:".casefold()
    if change.attribute.removeprefix(prefix) in UNSUPPORTED_EXTENSION and change.attribute.startswith(prefix):
        yield change.path
    elif change.path.casefold() == ENTERPRISE.casefold() and isinstance(change.value, dict):
        yield from (
            f"{ENTERPRISE}:{each}" for each in change.value if each.casefold() in UNSUPPORTED_EXTENSION
        )
    elif change.attribute == "phonenumbers":
        picked = _PICKED.search(change.path)
        types = [picked["type"]] if picked else [_value(each, "type") for each in _list(change.value)]
        refused = [each for each in types if str(each).casefold() in UNSUPPORTED_PHONES]
        yield from (f'phoneNumbers[type eq "{each}"].value' for each in refused)


def _value(body: Any, name: str) -> Any:
    """A member whose name is compared without case, as SCIM attribute names are."""
    if not isinstance(body, dict):
        return None
    return next((value for key, value in body.items() if key.casefold() == name), None)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _invalid(detail: str, scim_type: str | None = None) -> Refusal:
    """AWS's ValidationException."""
    return Refusal(HTTPStatus.BAD_REQUEST, detail, scim_type)
