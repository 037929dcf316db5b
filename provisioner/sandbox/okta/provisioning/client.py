"""Okta's SCIM client, as an integration of the Okta Integration Network uses it.

Requests follow "Okta and SCIM Version 2.0" (developer.okta.com, SCIM 2.0 protocol reference): the filter on userName
with startIndex and count, POST, GET before PUT, PATCH of ``active``, PATCH of members, and the header User-Agent.

Assumed for the integration "AWS IAM Identity Center", whose requests are not published:

- no ``password`` and no ``groups`` in a new user, no ``id`` in the PATCH that renames a group and no replacing of all
  members, all of which the reference shows for other applications: AWS's SCIM developer guide refuses them;
- a group is looked for by displayName before it is created (seen in public logs of another integration);
- at most 100 membership changes in a request, the limit of that guide.

Texts of failures follow Okta's support articles on the provisioning errors of AWS IAM Identity Center, public reports, and
"Configure SAML and SCIM with Okta and IAM Identity Center" (AWS).
"""

from __future__ import annotations

import http
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from provisioner.sandbox.scim import (
    CORE_GROUP,
    PATCH_SCHEMA,
    AddressError,
    Body,
    NoResponseError,
    ScimHttp,
    equals,
    is_header_text,
    parse_address,
)

if TYPE_CHECKING:
    import httpx

_USER_AGENT = "Okta SCIM Client 1.0.0"
_PAGE = (("startIndex", "1"), ("count", "100"))
_MAX_CHANGES = 100


class Refused(Exception):  # noqa: N818 (it is the endpoint's answer)
    """A request did not do what it should.

    Attributes:
        status: the HTTP status, None when there was no answer.
        hopeless: whether every other request would end the same way (bad credentials, nobody there).
    """

    def __init__(self, message: str, status: int | None = None, *, hopeless: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.hopeless = hopeless

    @property
    def unauthorized(self) -> bool:
        return self.status == http.HTTPStatus.UNAUTHORIZED

    @property
    def missing(self) -> bool:
        return self.status == http.HTTPStatus.NOT_FOUND


class OktaScim:
    """One connection to a SCIM endpoint; a context manager."""

    def __init__(self, base_url: str, token: str) -> None:
        """Prepare, without calling.

        Args:
            base_url: "Base URL" of the API integration; paths are appended as they are.
            token: "API Token".

        Raises:
            Refused: when the address or the token cannot be used.
        """
        try:
            parse_address(base_url)
        except AddressError as error:
            raise Refused(str(error), hopeless=True) from error
        if not is_header_text(token):
            raise Refused("The API token cannot be sent.", hopeless=True)
        self._http = ScimHttp(base_url.strip(), token, _USER_AGENT)
        self._hopeless: Refused | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def find(self, kind: str, attribute: str, value: str) -> Body | None:
        """The first resource whose attribute has a value, or None.

        Raises:
            Refused: the endpoint did not answer with a list.
        """
        try:
            answer = self._send("GET", f"/{kind}s", query=(("filter", equals(attribute, value)), *_PAGE))
        except Refused as refused:
            if refused.missing:  # "another acceptable response" of the reference
                return None
            raise
        found = answer.get("Resources") or []
        if not isinstance(found, list):
            raise Refused("The answer to a query is not a SCIM list.")
        return found[0] if found else None

    def first(self, kind: str, count: int) -> None:
        """Ask for the first few resources, as the test of API credentials does."""
        self._send("GET", f"/{kind}s", query=(("startIndex", "1"), ("count", str(count))))

    def create(self, kind: str, body: Body) -> str:
        """Create a resource; returns its id."""
        key = self._send("POST", f"/{kind}s", body=body).get("id")
        if not key:
            raise Refused(f"Create new {kind.lower()} returned empty {kind.lower()}.")
        return str(key)

    def update_user(self, key: str, changes: Body) -> None:
        """Fetch a user, put the changed attributes in, and send all of it back."""
        try:
            current = self._send("GET", f"/Users/{key}")
        except Refused as refused:
            if refused.missing:
                raise Refused(f"No user returned for user {key}", refused.status) from refused
            raise
        self._send("PUT", f"/Users/{key}", body=_merged(current, changes))

    def set_active(self, key: str, *, active: bool) -> None:
        """Activate or deactivate a user; Okta never deletes one."""
        self._patch(f"/Users/{key}", [{"op": "replace", "value": {"active": active}}])

    def create_group(self, name: str) -> str:
        return self.create("Group", {"schemas": [CORE_GROUP], "displayName": name, "members": []})

    def rename_group(self, key: str, name: str) -> None:
        self._patch(f"/Groups/{key}", [{"op": "replace", "value": {"displayName": name}}])

    def change_members(self, key: str, added: dict[str, str], removed: list[str]) -> None:
        """Change a group's members.

        Args:
            key: the group's id.
            added: user names of new members by their SCIM ids.
            removed: SCIM ids of members to take out.
        """
        operations: list[Body] = [{"op": "remove", "path": f'members[value eq "{each}"]'} for each in removed]
        for start in range(0, len(operations), _MAX_CHANGES):
            self._patch(f"/Groups/{key}", operations[start : start + _MAX_CHANGES])
        value = [{"value": each, "display": name} for each, name in added.items()]
        for start in range(0, len(value), _MAX_CHANGES):
            part = value[start : start + _MAX_CHANGES]
            self._patch(f"/Groups/{key}", [{"op": "add", "path": "members", "value": part}])

    def delete_group(self, key: str) -> None:
        self._send("DELETE", f"/Groups/{key}")

    def _patch(self, path: str, operations: list[Body]) -> None:
        self._send("PATCH", path, body={"schemas": [PATCH_SCHEMA], "Operations": operations})

    def _send(self, method: str, path: str, *, query: Any = (), body: Body | None = None) -> Body:
        if self._hopeless is not None:
            raise self._hopeless
        try:
            response = self._http.request(method, path, query=query, body=body)
        except NoResponseError as error:
            refused = Refused(str(error) or error.failure, hopeless=error.failure == "unreachable")
        else:
            if response.is_success:
                return _object(response)
            refused = _refusal(response)
        if refused.hopeless:
            self._hopeless = refused
        raise refused


def verify(base_url: str, token: str) -> None:
    """Test API Credentials: ask for two users and for groups.

    "Okta makes two requests to your SCIM server" (developer.okta.com, SCIM 1.1 protocol reference: GET /Users with
    count=2 and GET /Groups with count=100); that 2.0 does the same was seen in Okta's published test suite.

    Raises:
        Refused: what went wrong.
    """
    with OktaScim(base_url, token) as client:
        client.first("User", 2)
        client.first("Group", 100)


def _object(response: httpx.Response) -> Body:
    if not response.content:
        return {}
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Refused("Could not parse the response of the remote server.", response.status_code)
    return answer


def _refusal(response: httpx.Response) -> Refused:
    status = response.status_code
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = str(status)
    try:
        detail = response.json().get("detail")
    except (ValueError, AttributeError):
        detail = response.text.strip()
    text = f"{phrase}. Errors reported by remote server: {detail}" if detail else phrase
    return Refused(text, status, hopeless=status == http.HTTPStatus.UNAUTHORIZED)


def _merged(current: Body, changes: Body) -> Body:
    """A resource with other attributes; complex ones are merged, lists replaced."""
    merged = {name: value for name, value in current.items() if name != "meta"}
    for name, value in changes.items():
        before = merged.get(name)
        both = isinstance(before, dict) and isinstance(value, dict)
        merged[name] = {**before, **value} if both else value  # type: ignore[dict-item]  # both says so
    return merged
