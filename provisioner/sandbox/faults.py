"""Injected HTTP faults. Their rules are in the sandbox's store, so that another process can add them.

A rule states which requests it matches, at which of them it injects a fault, and what the fault is. Requests are counted
inside a store transaction, so that concurrent requests never share a number.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from provisioner.sandbox.store import Store

Effect = Literal["status", "drop-before", "drop-after", "404-after", "kill-before", "kill-after"]

STATUSES = (403, 404, 409, 423, 429, 500, 502, 503, 504)
_INNER_EFFECTS = ("status", "404-after")


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault rule.

    Attributes:
        on: method and path with shell wildcards (``POST /v1.0/applications*``), or ``*`` for every request.
        effect: ``status`` responds with it and does nothing; ``drop-before`` and ``drop-after`` close the connection
            before or after the request is handled; ``404-after`` handles it, then responds 404; ``kill-before`` and
            ``kill-after`` kill a process.
        status: HTTP status of the effect ``status``, one of `STATUSES`.
        retry_after: seconds for a Retry-After header, or None for none.
        nth: the first matching request to fail, counted from 1 ...
        every: ... or the interval: every n-th matching request fails.
        times: how many requests fail; None for no limit. With ``nth``, they are consecutive.
        inner: match the parts of a ``$batch`` instead of whole requests (effects ``status`` and ``404-after``).
        pid: the process to kill; None for the sandbox's own.
    """

    on: str
    effect: Effect
    status: int = 503
    retry_after: int | None = None
    nth: int = 1
    every: int | None = None
    times: int | None = 1
    inner: bool = False
    pid: int | None = None

    def __post_init__(self) -> None:
        """Refuse a rule that could never apply."""
        if self.effect not in get_args(Effect):
            raise ValueError(f"unknown effect {self.effect!r}; choose from {', '.join(get_args(Effect))}")
        if self.effect == "status" and self.status not in STATUSES:
            raise ValueError(f"status {self.status} is not one of {', '.join(map(str, STATUSES))}")
        if min(count for count in (self.nth, self.every, self.times) if count is not None) < 1:
            raise ValueError("nth, every and times count from 1")
        if self.inner and self.effect not in _INNER_EFFECTS:
            raise ValueError(f"part of a batch: the effect must be {' or '.join(_INNER_EFFECTS)}")

    def matches(self, method: str, path: str, *, inner: bool) -> bool:
        """Whether a request, or a part of a batch, counts for this rule."""
        return self.inner == inner and (self.on == "*" or fnmatchcase(f"{method} {path}", self.on))

    def applies(self, matched: int, injected: int) -> bool:
        """Whether a matching request fails.

        Args:
            matched: its number among the matching requests, from 1.
            injected: how many of them have failed before.
        """
        if self.times is not None and injected >= self.times:
            return False
        return matched % self.every == 0 if self.every else matched >= self.nth


def add(store: Store, rule: Rule | Mapping[str, Any]) -> None:
    """Add a rule; its counts start at zero.

    Raises:
        ValueError: a member is unknown or has no valid value.
    """
    if not isinstance(rule, Rule):
        unknown = set(rule) - {field.name for field in fields(Rule)}
        if unknown:
            raise ValueError(f"unknown members: {', '.join(sorted(unknown))}")
        rule = Rule(**rule)
    with store.transaction():
        store.set("faults", [*rules(store), {"rule": asdict(rule), "matched": 0, "injected": 0}])


def clear(store: Store) -> None:
    """Remove every rule."""
    store.set("faults", [])


def rules(store: Store) -> list[dict[str, Any]]:
    """Every rule, oldest first: ``{"rule": {...}, "matched": int, "injected": int}``."""
    return list(store.setting("faults", []))


def trigger(store: Store, method: str, path: str, *, inner: bool = False) -> Rule | None:
    """Count a request against every rule that it matches.

    Returns:
        the first rule that applies to it, or None.
    """
    if not rules(store):
        return None
    with store.transaction():
        entries = rules(store)
        matching = [(entry, Rule(**entry["rule"])) for entry in entries]
        matching = [(entry, rule) for entry, rule in matching if rule.matches(method, path, inner=inner)]
        for entry, _ in matching:
            entry["matched"] += 1
        applying = (pair for pair in matching if pair[1].applies(pair[0]["matched"], pair[0]["injected"]))
        entry, rule = next(applying, ({}, None))
        if rule is not None:
            entry["injected"] += 1
        if matching:
            store.set("faults", entries)
    return rule


def kill(rule: Rule) -> None:
    """Kill the rule's process at once, as a power cut would."""
    os.kill(rule.pid or os.getpid(), signal.SIGKILL)
