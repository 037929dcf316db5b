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
_PICKED = re.compile(r'(?P<attribute>[^\[\]]+)\[\s*type\s+eq\s+"(?P<type>[^"]*)"\s*\]', re.IGNORECASE)


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
    """Refuse what the list of supported operations lacks (AWS: Supported API operations; "this error also occurs if the
    operation is unsupported", ValidationException 400).
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
    if write.kind != "Group":
        return []
    given = [value for path, value in _changes(write) if path.casefold() == "displayname"]
    return [each for each in given if isinstance(each, str)]


def _check_user(write: Write, *, strict: bool) -> None:
    changes = list(_changes(write))
    for path, value in changes:
        for name in _unsupported(path, value):
            raise _invalid(f"{name}: This attribute is not supported.", "invalidValue")
        if path.casefold() == "externalid":
            _check_external_id(write, value)
    if strict and write.method == "PATCH":
        _check_patch_as_aws(operations(write.body))
    elif strict:
        _check_required_as_aws(write.body)
    if strict:
        _check_values_as_aws(changes)


def _check_external_id(write: Write, value: Any) -> None:
    """Text as reported in kirodotdev/Kiro issue 9582."""
    known = (write.current or {}).get("externalId")
    if known is not None and value != known:
        detail = (
            "externalId: This attribute does not satisfy the mutability validation defined in the schema."
        )
        raise Refusal(HTTPStatus.BAD_REQUEST, detail, "mutability")


def _check_group(write: Write) -> None:
    if write.method == "POST":
        if not _value(write.body, "displayname"):
            raise _invalid("displayName: This attribute is required.", "invalidValue")
        _check_membership_count(len(_list(_value(write.body, "members"))))
        return
    counted = 0
    for each in operations(write.body):
        op, path, value = str(each.get("op", "")).casefold(), str(each.get("path") or ""), each.get("value")
        names = [path] if path else list(value) if isinstance(value, dict) else []
        for name in names:
            attribute = re.split(r"[\[.]", name)[0].casefold()
            if attribute not in _PATCHABLE_OF_GROUP:
                raise _invalid(
                    f"{name}: Only displayName, members and externalId can be changed.", "invalidPath"
                )
        if any(name.casefold() == "members" for name in names) and (
            op == "replace" or (op == "remove" and not _list(value))
        ):
            raise _invalid("members: All memberships cannot be replaced or removed in one request.")
        counted += max(len(_list(value)), int("members[" in path.casefold()))
    _check_membership_count(counted)


def _check_membership_count(count: int) -> None:
    if count > MAX_MEMBERSHIP_CHANGES:
        raise _invalid(
            f"members: At most {MAX_MEMBERSHIP_CHANGES} membership changes are allowed in a request."
        )


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


def _check_patch_as_aws(given: list[Body]) -> None:
    once: set[str] = set()
    for each in given:
        op, path, value = str(each.get("op", "")).casefold(), str(each.get("path") or ""), each.get("value")
        names = [path] if path else list(value) if isinstance(value, dict) else []
        if op == "remove" and not path:
            raise _invalid("path: This is required to remove.", "noTarget")
        for name in names:
            attribute = re.split(r"[\[.]", name)[0].casefold()
            if not name.casefold().startswith(ENTERPRISE.casefold()) and attribute not in _PATCHABLE_IN_AWS:
                raise _invalid(f"{name}: This attribute cannot be changed.", "invalidPath")
            if attribute in {"username", "active"} and (op == "remove" or attribute in once):
                raise _invalid(
                    f"{name}: It cannot be removed, nor changed twice in a request.", "invalidValue"
                )
            once.add(attribute)


def _check_values_as_aws(changes: list[tuple[str, Any]]) -> None:
    for path, value in changes:
        attribute = re.split(r"[\[.]", path)[0]
        if attribute.casefold() in _UNSUPPORTED_BY_AWS:
            raise _invalid(f"{attribute}: This attribute is not supported.", "invalidValue")
        if attribute.casefold() not in _SINGLE_VALUED_IN_AWS or "[" in path:
            continue
        entries = _list(value)
        if len(entries) > 1:
            raise _invalid(f"{attribute}: Only one value is allowed.", "invalidValue")
        if any("display" in each for each in entries if isinstance(each, dict)):
            raise _invalid(f"{attribute}.display: This attribute is not supported.", "invalidValue")
        if attribute.casefold() == "emails" and not all(_value(each, "primary") for each in entries):
            raise _invalid("emails: The value must be primary.", "invalidValue")


def _changes(write: Write) -> Iterator[tuple[str, Any]]:
    """Attribute paths and the values they would get; a removal gives None."""
    if write.method != "PATCH":
        yield from _flat(write.body)
        return
    for each in operations(write.body):
        removal = str(each.get("op", "")).casefold() == "remove"
        value = None if removal else each.get("value")
        if each.get("path"):
            yield str(each["path"]), value
        elif isinstance(value, dict):
            yield from _flat(value)


def _flat(body: Body) -> Iterator[tuple[str, Any]]:
    for key, value in body.items():
        if key.casefold() == ENTERPRISE.casefold() and isinstance(value, dict):
            yield from ((f"{key}:{name}", inner) for name, inner in value.items())
        else:
            yield key, value


def _unsupported(path: str, value: Any) -> Iterator[str]:
    """Names of the guide's six attributes that a change would set ("Remove unsupported attributes")."""
    if value in (None, "", [], {}):
        return
    lowered = path.casefold()
    extension = f"{ENTERPRISE}:".casefold()
    if (
        lowered.startswith(extension)
        and re.split(r"[.\[]", lowered[len(extension) :])[0] in UNSUPPORTED_EXTENSION
    ):
        yield path
    elif lowered == extension.rstrip(":") and isinstance(value, dict):
        yield from (f"{ENTERPRISE}:{each}" for each in value if each.casefold() in UNSUPPORTED_EXTENSION)
    elif lowered.startswith("phonenumbers"):
        picked = _PICKED.match(path)
        types = [picked["type"]] if picked else [_value(each, "type") for each in _list(value)]
        yield from (
            f'phoneNumbers[type eq "{each}"].value'
            for each in types
            if str(each).casefold() in UNSUPPORTED_PHONES
        )


def _value(body: Any, name: str) -> Any:
    """A member whose name is compared without case, as SCIM attribute names are."""
    return (
        next((v for k, v in body.items() if k.casefold() == name), None) if isinstance(body, dict) else None
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _invalid(detail: str, scim_type: str | None = None) -> Refusal:
    """AWS's ValidationException."""
    return Refusal(HTTPStatus.BAD_REQUEST, detail, scim_type)
