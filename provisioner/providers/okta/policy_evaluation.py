"""Which rule answers a token request: what the console's Token Preview shows, which has no API. Pure.

Policies and the rules in them are looked at in the order of their priority; the first rule whose policy is for the
client, and whose grant, people and scopes all fit, decides. A rule that does not cover every requested scope does not
fit, and the next is looked at (Okta help, Create access policies; Okta support article "Tokens not issued with lifetime
configured in access rule for custom authorization server").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from provisioner.core.snapshot import Snapshot

from . import observations as seen
from . import resources as kinds


@dataclass(frozen=True)
class Ask:
    """A token request.

    Attributes:
        client: client id.
        grant: grant type.
        scopes: all that are requested.
        user: the user's id; empty for somebody of whom nothing is known but that they are in ``groups``.
        groups: ids of the user's groups. Everybody is in the group Everyone.
    """

    client: str
    grant: str
    scopes: frozenset[str]
    user: str = ""
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rule:
    """A rule with the policy it is in, as far as the evaluation goes."""

    address: str
    policy: str
    policy_id: str | None
    name: str
    active: bool
    order: tuple[int, int]
    clients: frozenset[str]
    grants: frozenset[str]
    scopes: frozenset[str]
    groups: frozenset[str]
    users: frozenset[str]
    excluded_groups: frozenset[str]
    excluded_users: frozenset[str]

    def why_not(self, ask: Ask) -> str:
        """Why this rule does not answer a request; empty when it does."""
        uncovered = ask.scopes - self.scopes
        if not self.active:
            return "it is inactive"
        if not self.clients & {ask.client, kinds.ANY_CLIENT}:
            return "its policy is for other clients"
        if ask.grant not in self.grants:
            return f"it does not allow the grant {ask.grant}"
        if uncovered and kinds.ANY_SCOPE not in self.scopes:
            return f"it does not allow {', '.join(sorted(uncovered))}"
        if not self._is_for(ask):
            return "it is not for these people"
        return ""

    def _is_for(self, ask: Ask) -> bool:
        if ask.user in self.excluded_users or ask.groups & self.excluded_groups:
            return False
        everyone = kinds.EVERYONE in self.groups
        return everyone or ask.user in self.users or bool(ask.groups & self.groups)


def rules(snapshot: Snapshot) -> tuple[Rule, ...]:
    """Every rule of the authorization server, in the order in which they are looked at."""
    policies: dict[str, kinds.AccessPolicy | seen.OtherPolicy] = {
        other.key: other for other in snapshot.all(seen.OtherPolicy)
    }
    ours = snapshot.first(kinds.AccessPolicy)
    if ours is not None:
        policies[ours.id or ""] = ours
    found = list(_made(snapshot, policies, ours))
    return tuple(sorted(found, key=lambda rule: rule.order))


def deciding(found: Iterable[Rule], ask: Ask) -> Rule | None:
    """The rule that answers a request, or None: then it fails ("Policy evaluation failed for this request")."""
    return next((rule for rule in found if not rule.why_not(ask)), None)


def _made(
    snapshot: Snapshot,
    policies: dict[str, kinds.AccessPolicy | seen.OtherPolicy],
    ours: kinds.AccessPolicy | None,
) -> Iterator[Rule]:
    for other in snapshot.all(seen.OtherRule):
        if policy := policies.get(other.policy):
            yield _joined(policy, other)
    own = snapshot.first(kinds.PolicyRule)
    if own is not None and ours is not None:
        yield _joined(ours, own)


def _joined(policy: kinds.AccessPolicy | seen.OtherPolicy, rule: kinds.PolicyRule | seen.OtherRule) -> Rule:
    return Rule(
        address=rule.address,
        policy=policy.name or policy.key,
        policy_id=policy.id if isinstance(policy, kinds.AccessPolicy) else policy.key,
        name=rule.name or rule.key,
        active=bool(policy.active and rule.active),
        order=(policy.priority or 0, rule.priority or 0),
        clients=frozenset(map(str, policy.clients or ())),
        grants=frozenset(rule.grant_types or ()),
        scopes=frozenset(rule.scopes or ()),
        groups=frozenset(rule.groups or ()),
        users=frozenset(rule.users or ()),
        excluded_groups=frozenset(rule.excluded_groups or ()),
        excluded_users=frozenset(rule.excluded_users or ()),
    )
