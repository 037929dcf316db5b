"""How the rest of the product gets at this provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from provisioner.core.check import Check
from provisioner.core.errors import UsageError
from provisioner.core.notebook import Notebook
from provisioner.core.patience import Patience
from provisioner.providers import Sandboxed

from . import permissions
from .checks import CHECKS
from .credentials import ApiToken, ServiceApp
from .org import Org
from .playbook import OktaPlaybook
from .provider import OktaProvider

_A_WINDOW = 90.0
"""Seconds; a window of the sandbox's rate limits, as of Okta's, is a minute."""


def playbook_model() -> type[OktaPlaybook]:
    """The model of an Okta playbook."""
    return OktaPlaybook


def checks() -> tuple[Check, ...]:
    """Every Okta check."""
    return tuple(CHECKS)


def connect(
    playbook: OktaPlaybook,
    notebook: Notebook,  # noqa: ARG001 - Okta's secrets never pass through here: there is nothing to note
    tell: Callable[[str], None],
    sandboxed: Sandboxed | None = None,
) -> OktaProvider:
    """Open an organization for a playbook; nothing is contacted yet.

    Raises:
        UsageError: the playbook has no credentials.
    """
    if sandboxed:
        patience = Patience(
            budget=10 + 5 * sandboxed.lag,
            first=0.05,
            most=1.0,
            settle=0.3 + 3 * sandboxed.lag,
            told=_A_WINDOW,
        )
        org = Org(
            root=sandboxed.url,
            credentials=ApiToken(sandboxed.token),
            direct=True,
            patience=patience,
            tell=tell,
        )
    else:
        org = Org(root=playbook.connection.org_url, credentials=_credentials(playbook), tell=tell)
    return OktaProvider(playbook=playbook, org=org)


def _credentials(playbook: OktaPlaybook) -> ApiToken | ServiceApp:
    keys = playbook.connection
    if keys.client_id and keys.private_key:
        return ServiceApp(
            keys.client_id,
            keys.private_key.get_secret_value(),
            tuple(_reading(playbook)),
            keys.key_id,
            keys.dpop,
        )
    if keys.token:
        return ApiToken(keys.token.get_secret_value())
    raise UsageError(
        f"there are no credentials for {keys.org_url}",
        hint="set client_id and private_key of a service app, or an API token, under connection: in the playbook",
    )


def _reading(playbook: OktaPlaybook) -> Iterator[str]:
    """The scopes a plan cannot do without; more are asked for when they are needed."""
    yield permissions.READ_APPS.any_of[0]
    yield permissions.READ_SERVERS.any_of[0]
    if playbook.groups or playbook.push:
        yield permissions.READ_GROUPS.any_of[0]
    if playbook.users:
        yield permissions.READ_USERS.any_of[0]
    if playbook.application.authentication_policy:
        yield permissions.READ_POLICIES.any_of[0]
    if playbook.scim and playbook.scim.mapping == "guide":
        yield permissions.READ_MAPPINGS.any_of[0]
