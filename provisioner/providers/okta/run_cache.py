"""Reads whose results do not change during a run, so that each is sent once."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode

from provisioner.providers.base.client import quote_path
from provisioner.providers.base.wire import Json

from .client import OktaClient
from .parse import parse_attribute_mapping
from .playbook import OktaPrincipalEntry
from .resources import AttributeMapping


@dataclass
class RunCache:
    """What one run has read.

    Attributes:
        groups: the groups that a playbook entry may mean, by the entry's key.
        users: the users that a playbook entry may mean, by the entry's key.
        mapping_ids: id of the profile mapping, by the application's id.
        org_url_confirmed: the URL in the playbook is the organization's own URL.
    """

    groups: dict[str, list[Json]] = field(default_factory=dict)
    users: dict[str, list[Json]] = field(default_factory=dict)
    mapping_ids: dict[str, str] = field(default_factory=dict)
    org_url_confirmed: bool = False


async def find_groups(client: OktaClient, cache: RunCache, entry: OktaPrincipalEntry) -> None:
    """Read the groups that an entry may mean, unless the cache has them."""
    if entry.key in cache.groups:
        return
    if entry.id:
        group = await client.find(quote_path("/api/v1/groups/{}", entry.key))
        cache.groups[entry.key] = [group] if group else []
    else:
        cache.groups[entry.key] = await client.read_all(
            group_search(f'profile.name eq "{escape_search(entry.key)}"')
        )


async def find_users(client: OktaClient, cache: RunCache, entry: OktaPrincipalEntry) -> None:
    """Read the user that an entry means, unless the cache has it. Okta finds a user by login as well as by id."""
    if entry.key not in cache.users:
        user = await client.find(quote_path("/api/v1/users/{}", entry.key))
        cache.users[entry.key] = [user] if user else []


async def read_attribute_mapping(
    client: OktaClient, cache: RunCache, key: str, app_id: str
) -> AttributeMapping | None:
    """The profile mapping from Okta's user to an application's user; None until Okta has created it."""
    if app_id not in cache.mapping_ids:
        query = urlencode({"targetId": app_id, "limit": 200})
        mapping = next(
            (
                data
                for data in await client.read_all(f"/api/v1/mappings?{query}")
                if (data.get("target") or {}).get("id") == app_id
                and (data.get("source") or {}).get("type") == "user"
            ),
            None,
        )
        if mapping is None:
            return None
        cache.mapping_ids[app_id] = mapping["id"]
    data = await client.get(
        quote_path("/api/v1/mappings/{}", cache.mapping_ids[app_id]), expects_existing=True
    )
    return parse_attribute_mapping(key, data)


def group_search(expression: str) -> str:
    """The path of a search for groups."""
    return f"/api/v1/groups?{urlencode({'search': expression, 'limit': 200})}"


def escape_search(text: str) -> str:
    """A text for use between the quotes of a search expression."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
