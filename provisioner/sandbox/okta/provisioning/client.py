"""Okta's SCIM client, as an integration of the Okta Integration Network uses it.

Requests follow "Okta and SCIM Version 2.0" (developer.okta.com, SCIM 2.0 protocol reference): the filter on userName
with startIndex and count, POST, GET before PUT, PATCH of ``active``, PATCH of members, and the header User-Agent.

Assumptions about the integration "AWS IAM Identity Center", whose requests are not published:

- It sends no ``password`` and no ``groups`` in a new user, and no ``id`` in the PATCH that renames a group; it does not replace
  all members. The reference has these for other applications, but AWS's SCIM developer guide refuses them.
- It looks a group up by displayName before it creates the group (seen in public logs of another integration).
- It sends at most 100 membership changes in a request, the limit of that guide.

Texts of failures follow Okta's support articles on the provisioning errors of AWS IAM Identity Center, public reports, and
"Configure SAML and SCIM with Okta and IAM Identity Center" (AWS).
"""

from __future__ import annotations

import http
from typing import TYPE_CHECKING, Any

from provisioner.sandbox.scim import (
    CORE_GROUP,
    AddressError,
    Body,
    NoResponseError,
    ScimHttp,
    equals,
    is_header_text,
    parse_address,
    patch_body,
    response_object,
    status_phrase,
)

if TYPE_CHECKING:
    import httpx

_USER_AGENT = "Okta SCIM Client 1.0.0"
_PAGE = (("startIndex", "1"), ("count", "100"))
_MAX_CHANGES = 100


class ScimError(Exception):
    """A SCIM request failed.

    Attributes:
        status: the HTTP status; None when there was no response.
        fatal: whether every other request would fail alike: invalid credentials, or an unreachable endpoint.
    """

    def __init__(self, message: str, status: int | None = None, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.fatal = fatal

    @property
    def unauthorized(self) -> bool:
        return self.status == http.HTTPStatus.UNAUTHORIZED

    @property
    def not_found(self) -> bool:
        return self.status == http.HTTPStatus.NOT_FOUND


class ScimClient(ScimHttp):
    """One connection to a SCIM endpoint; a context manager. After a fatal error it sends no more requests."""

    def __init__(self, base_url: str, token: str) -> None:
        """Prepare the connection; no request is sent.

        Args:
            base_url: "Base URL" of the API integration; paths are appended unchanged.
            token: "API Token".

        Raises:
            ScimError: the URL or the token cannot be used.
        """
        try:
            parse_address(base_url)
        except AddressError as error:
            raise ScimError(str(error), fatal=True) from error
        if not is_header_text(token):
            raise ScimError("The API token cannot be sent.", fatal=True)
        super().__init__(base_url.strip(), token, _USER_AGENT)
        self._fatal_error: ScimError | None = None

    def find(self, resource: str, attribute: str, value: str) -> Body | None:
        """The first ``User`` or ``Group`` whose attribute has a value, or None.

        Raises:
            ScimError: the endpoint did not respond with a list.
        """
        try:
            response = self._send(
                "GET", f"/{resource}s", query=(("filter", equals(attribute, value)), *_PAGE)
            )
        except ScimError as error:
            if error.not_found:  # "another acceptable response" of the reference
                return None
            raise
        resources = response.get("Resources") or []
        if not isinstance(resources, list):
            raise ScimError("The answer to a query is not a SCIM list.")
        return resources[0] if resources else None

    def list_first(self, resource: str, count: int) -> None:
        """Request the first resources, as the test of API credentials does."""
        self._send("GET", f"/{resource}s", query=(("startIndex", "1"), ("count", str(count))))

    def create(self, resource: str, body: Body) -> str:
        """Create a resource; returns its id."""
        scim_id = self._send("POST", f"/{resource}s", body=body).get("id")
        if not scim_id:
            raise ScimError(f"Create new {resource.lower()} returned empty {resource.lower()}.")
        return str(scim_id)

    def update_user(self, scim_id: str, changes: Body) -> None:
        """Read a user, merge the changed attributes, and send the whole user back."""
        try:
            current = self._send("GET", f"/Users/{scim_id}")
        except ScimError as error:
            if error.not_found:
                raise ScimError(f"No user returned for user {scim_id}", error.status) from error
            raise
        self._send("PUT", f"/Users/{scim_id}", body=_merge(current, changes))

    def set_active(self, scim_id: str, *, active: bool) -> None:
        """Activate or deactivate a user; Okta never deletes one."""
        self._patch(f"/Users/{scim_id}", [{"op": "replace", "value": {"active": active}}])

    def create_group(self, name: str) -> str:
        return self.create("Group", {"schemas": [CORE_GROUP], "displayName": name, "members": []})

    def rename_group(self, scim_id: str, name: str) -> None:
        self._patch(f"/Groups/{scim_id}", [{"op": "replace", "value": {"displayName": name}}])

    def change_members(self, scim_id: str, added: dict[str, str], removed: list[str]) -> None:
        """Change the members of a group.

        Args:
            scim_id: SCIM id of the group.
            added: user names of new members by their SCIM ids.
            removed: SCIM ids of members to remove.
        """
        removals: list[Body] = [
            {"op": "remove", "path": f'members[value eq "{member}"]'} for member in removed
        ]
        for start in range(0, len(removals), _MAX_CHANGES):
            self._patch(f"/Groups/{scim_id}", removals[start : start + _MAX_CHANGES])
        members = [{"value": member, "display": name} for member, name in added.items()]
        for start in range(0, len(members), _MAX_CHANGES):
            value = members[start : start + _MAX_CHANGES]
            self._patch(f"/Groups/{scim_id}", [{"op": "add", "path": "members", "value": value}])

    def delete_group(self, scim_id: str) -> None:
        self._send("DELETE", f"/Groups/{scim_id}")

    def _patch(self, path: str, operations: list[Body]) -> None:
        self._send("PATCH", path, body=patch_body(operations))

    def _send(self, method: str, path: str, *, query: Any = (), body: Body | None = None) -> Body:
        if self._fatal_error is not None:
            raise self._fatal_error
        try:
            response = self.request(method, path, query=query, body=body)
        except NoResponseError as failure:
            error = ScimError(str(failure) or failure.failure, fatal=failure.failure == "unreachable")
        else:
            if response.is_success:
                return _parse(response)
            error = _error_of(response)
        if error.fatal:
            self._fatal_error = error
        raise error


def verify(base_url: str, token: str) -> None:
    """Test API Credentials: request two users, and groups.

    "Okta makes two requests to your SCIM server" (developer.okta.com, SCIM 1.1 protocol reference: GET /Users with
    count=2 and GET /Groups with count=100); Okta's published test suite does the same for 2.0.

    Raises:
        ScimError: the test failed.
    """
    with ScimClient(base_url, token) as client:
        client.list_first("User", 2)
        client.list_first("Group", 100)


def _parse(response: httpx.Response) -> Body:
    try:
        return response_object(response)
    except ValueError as error:
        raise ScimError("Could not parse the response of the remote server.", response.status_code) from error


def _error_of(response: httpx.Response) -> ScimError:
    status = response.status_code
    phrase = status_phrase(status)
    try:
        detail = response.json().get("detail")
    except (ValueError, AttributeError):
        detail = response.text.strip()
    message = f"{phrase}. Errors reported by remote server: {detail}" if detail else phrase
    return ScimError(message, status, fatal=status == http.HTTPStatus.UNAUTHORIZED)


def _merge(current: Body, changes: Body) -> Body:
    """A resource with changed attributes; complex attributes are merged, multi-valued ones replaced."""
    merged = {name: value for name, value in current.items() if name != "meta"}
    for name, value in changes.items():
        before = merged.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[name] = {**before, **value}
        else:
            merged[name] = value
    return merged
