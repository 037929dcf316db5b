"""Which rule decides a token request: what the console's Token Preview shows, which has no API. Pure functions.

Okta evaluates the policies, and the rules of each, in the order of their priority. The first rule decides whose policy
includes the client and whose grant type, users and scopes all match. A rule that does not allow every requested scope
does not match, and the next is evaluated (Okta help, Create access policies; Okta support article "Tokens not issued
with lifetime configured in access rule for custom authorization server").
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from provisioner.core.snapshot import Snapshot

from . import resources as kinds
from .observations import OtherPolicy, OtherRule


@dataclass(frozen=True)
class TokenRequest:
    """A token request.

    Attributes:
        client: client id.
        grant_type: grant type.
        scopes: all requested scopes.
        user: the user's id; empty for any member of ``groups``.
        groups: ids of the user's groups. Every user is in the group Everyone.
    """

    client: str
    grant_type: str
    scopes: frozenset[str]
    user: str = ""
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True)
class EffectiveRule:
    """A rule and the policy that contains it."""

    policy: kinds.Policy
    policy_id: str | None
    rule: kinds.Rule

    @property
    def priority(self) -> tuple[int, int]:
        """The priorities of the policy and of the rule."""
        return self.policy.priority or 0, self.rule.priority or 0

    def mismatch(self, request: TokenRequest) -> str:
        """Why the rule does not match a request; empty when it matches."""
        scopes = frozenset(self.rule.scopes or ())
        missing = request.scopes - scopes
        if not (self.policy.active and self.rule.active):
            return "it is inactive"
        if not {request.client, kinds.ANY_CLIENT}.intersection(map(str, self.policy.clients or ())):
            return "its policy is assigned to other clients"
        if request.grant_type not in (self.rule.grant_types or ()):
            return f"it does not allow the grant type {request.grant_type}"
        if missing and kinds.ANY_SCOPE not in scopes:
            return f"it does not allow {', '.join(sorted(missing))}"
        if not self._includes_user(request):
            return "it does not include the user"
        return ""

    def _includes_user(self, request: TokenRequest) -> bool:
        rule = self.rule
        excluded_groups = request.groups.intersection(rule.excluded_groups or ())
        if excluded_groups or request.user in (rule.excluded_users or ()):
            return False
        included_groups = request.groups | {kinds.EVERYONE}
        return bool(included_groups.intersection(rule.groups or ())) or request.user in (rule.users or ())


def effective_rules(snapshot: Snapshot) -> tuple[EffectiveRule, ...]:
    """Every rule of the authorization server, in the order in which Okta evaluates them."""
    own_policy, own_rule = snapshot.first(kinds.AccessPolicy), snapshot.first(kinds.PolicyRule)
    policies: dict[str | None, kinds.Policy] = {policy.key: policy for policy in snapshot.all(OtherPolicy)}
    if own_policy is not None:
        policies[own_policy.id] = own_policy
    rules = [
        EffectiveRule(policies[rule.policy], rule.policy, rule)
        for rule in snapshot.all(OtherRule)
        if rule.policy in policies
    ]
    if own_rule is not None and own_policy is not None:
        rules.append(EffectiveRule(own_policy, own_policy.id, own_rule))
    return tuple(sorted(rules, key=lambda rule: rule.priority))


def deciding_rule(rules: Iterable[EffectiveRule], request: TokenRequest) -> EffectiveRule | None:
    """The rule that decides a request, or None: then it fails ("Policy evaluation failed for this request")."""
    return next((rule for rule in rules if not rule.mismatch(request)), None)
