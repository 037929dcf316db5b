"""What two playbooks must not share: an integration, or a Kiro profile. Else the users of one reach the Kiro of the other.

Playbooks of one command are compared with each other. A single playbook is compared with hints of earlier runs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from provisioner.core.guards import Refusal
from provisioner.core.local_store import LocalStore, read_hint
from provisioner.providers import kiro

from .source import KeyPath


@dataclass(frozen=True)
class IntegrationKeys:
    """The values of a playbook that no other playbook may have.

    Attributes:
        integration: provider, tenant and name.
        endpoint: the SCIM endpoint in a comparable form; empty if it is not known.
        token: the SCIM token; empty if it is not known.
    """

    integration: tuple[str, str, str]
    endpoint: str = ""
    token: str = ""

    @classmethod
    def of(cls, playbook: Any, ignored: Collection[str] = ()) -> IntegrationKeys:
        """The keys of a playbook.

        Args:
            playbook: of any provider.
            ignored: endpoints and tokens that do not count, such as those of the sandbox.
        """
        scim = getattr(playbook, "scim", None)
        endpoint = str(getattr(scim, "endpoint", None) or "")
        secret = getattr(scim, "token", None)
        token = secret.get_secret_value() if secret else ""
        return cls(
            (playbook.provider, playbook.connection.names, playbook.name),
            comparable_endpoint(endpoint) if endpoint and endpoint not in ignored else "",
            token if token not in ignored else "",
        )


@dataclass(frozen=True)
class Overlap:
    """A value that two playbooks share.

    Attributes:
        key: path of its key.
        message: the consequence; ``{other}`` stands for the other playbook.
        hint: what to do.
    """

    key: KeyPath
    message: str
    hint: str


_SAME_INTEGRATION = Overlap(
    ("name",),
    "{other} has the same provider, tenant and name: both would manage the same application",
    "give one of them another name:, or remove one",
)
_SAME_ENDPOINT = Overlap(
    ("scim", "endpoint"),
    "{other} has the same SCIM endpoint: the users of both would reach one Kiro profile",
    "each playbook needs the endpoint of its own Kiro profile; check the variable that scim: endpoint: refers to",
)
_SAME_TOKEN = Overlap(
    ("scim", "token"),
    "{other} has the same SCIM token: the users of both would reach one Kiro profile",
    "each playbook needs the token of its own Kiro profile; check the variable that scim: token: refers to",
)

_SHARED = (("integration", _SAME_INTEGRATION), ("endpoint", _SAME_ENDPOINT), ("token", _SAME_TOKEN))


def find_overlaps(playbooks: Mapping[Path, IntegrationKeys]) -> dict[Path, tuple[Overlap, Path]]:
    """What each playbook shares with another one, although it must not; playbooks without an overlap are left out."""
    overlaps: dict[Path, tuple[Overlap, Path]] = {}
    for name, overlap in _SHARED:
        files: dict[Any, list[Path]] = defaultdict(list)
        for file, keys in playbooks.items():
            if value := getattr(keys, name):
                files[value].append(file)
        for first, *others in files.values():
            for other in others:
                overlaps.setdefault(first, (overlap, other))
                overlaps.setdefault(other, (overlap, first))
    return overlaps


def other_profile_refusals(keys: IntegrationKeys, store: LocalStore) -> Iterator[Refusal]:
    """Reasons to refuse a plan: hints on this machine show another tenant with this endpoint, or another endpoint.

    Args:
        keys: of the playbook.
        store: hints that :func:`remember_profile` stored.

    Raises:
        UsageError: a hint is damaged.
    """
    if not keys.endpoint:
        return
    former = read_hint(store, _endpoint_hint(keys.endpoint), tuple[str, str, str])
    if former and former[:2] != keys.integration[:2]:
        _, tenant, name = former
        yield Refusal(
            reason=f"scim: endpoint: this SCIM endpoint was last used with the tenant {tenant} (playbook {name})",
            hint=kiro.OTHER_PROFILE_HINT,
        )
    endpoint = read_hint(store, _integration_hint(keys.integration), str)
    if endpoint and endpoint != keys.endpoint:
        yield Refusal(
            reason=f"scim: endpoint: the last apply on this machine used another SCIM endpoint, {endpoint}",
            hint=kiro.OTHER_PROFILE_HINT,
        )


def remember_profile(keys: IntegrationKeys, store: LocalStore) -> None:
    """Store which tenant and playbook an endpoint belongs to, once it was applied."""
    if keys.endpoint:
        store.put(_endpoint_hint(keys.endpoint), list(keys.integration))
        store.put(_integration_hint(keys.integration), keys.endpoint)


def _endpoint_hint(endpoint: str) -> str:
    return f"endpoint:{endpoint}"


def _integration_hint(integration: tuple[str, str, str]) -> str:
    return f"profile:{'/'.join(integration)}"


def comparable_endpoint(url: str) -> str:
    """A URL without what makes no difference: the case of its host, its default port, a slash at the end."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    port = "" if parts.port in (None, 443) else f":{parts.port}"
    return f"{host}{port}{parts.path.rstrip('/')}"
