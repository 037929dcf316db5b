"""Faults on demand: rules kept in the directory store, so that another process may add them.

A rule says which requests it watches, at which of them it strikes, and what then happens. Counting happens inside
a store transaction, so concurrent requests never share a number.
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
    """One fault.

    Attributes:
        on: method and path with shell wildcards (``POST /v1.0/applications*``), or ``*`` for every request.
        effect: ``status`` answers it and does nothing; ``drop-before`` and ``drop-after`` close the connection
            before or after the work; ``404-after`` works, then answers 404; ``kill-before`` and ``kill-after`` kill a
            process.
        status: HTTP status of the effect ``status``, one of `STATUSES`.
        retry_after: seconds for a Retry-After header, or None for none.
        nth: strike at the k-th watched request since the rule was added (1 is the next one) ...
        every: ... or at each n-th one.
        times: how often to strike; None for no end (``nth`` strikes at consecutive requests).
        inner: watch the parts of a ``$batch`` instead of whole requests (effects ``status`` and ``404-after``).
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
        """Refuse a rule that could never strike or that no one could honour."""
        if self.effect not in get_args(Effect):
            raise ValueError(f"unknown effect {self.effect!r}; choose from {', '.join(get_args(Effect))}")
        if self.effect == "status" and self.status not in STATUSES:
            raise ValueError(f"status {self.status} is not one of {', '.join(map(str, STATUSES))}")
        if min(count for count in (self.nth, self.every, self.times) if count is not None) < 1:
            raise ValueError("nth, every and times count from 1")
        if self.inner and self.effect not in _INNER_EFFECTS:
            raise ValueError(f"a part of a batch can only suffer {' or '.join(_INNER_EFFECTS)}")

    def watches(self, method: str, path: str, *, inner: bool) -> bool:
        """Whether a request (its method and path), or a part of a batch, counts for this rule."""
        return self.inner == inner and (self.on == "*" or fnmatchcase(f"{method} {path}", self.on))

    def strikes(self, seen: int, struck: int) -> bool:
        """Whether the seen-th watched request (from 1) is hit, after so many hits already."""
        if self.times is not None and struck >= self.times:
            return False
        return seen % self.every == 0 if self.every else seen >= self.nth


def add(directory: Store, rule: Rule | Mapping[str, Any]) -> None:
    """Add a rule; its count starts at zero.

    Raises:
        ValueError: when a member is unknown or makes no sense.
    """
    if not isinstance(rule, Rule):
        unknown = set(rule) - {field.name for field in fields(Rule)}
        if unknown:
            raise ValueError(f"unknown members: {', '.join(sorted(unknown))}")
        rule = Rule(**rule)
    with directory.transaction():
        kept = directory.setting("faults", [])
        directory.set("faults", [*kept, {"rule": asdict(rule), "seen": 0, "struck": 0}])


def clear(directory: Store) -> None:
    """Forget every rule."""
    directory.set("faults", [])


def rules(directory: Store) -> list[dict[str, Any]]:
    """Every rule, oldest first: ``{"rule": {...}, "seen": int, "struck": int}``."""
    return list(directory.setting("faults", []))


def due(directory: Store, method: str, path: str, *, inner: bool = False) -> Rule | None:
    """Count this request against every rule that watches it; the first rule that strikes, or None."""
    if not directory.setting("faults", []):
        return None
    with directory.transaction():
        kept = directory.setting("faults", [])
        watching = [(entry, Rule(**entry["rule"])) for entry in kept]
        watching = [(entry, rule) for entry, rule in watching if rule.watches(method, path, inner=inner)]
        for entry, _ in watching:
            entry["seen"] += 1
        hit = next(
            ((entry, rule) for entry, rule in watching if rule.strikes(entry["seen"], entry["struck"])), None
        )
        if hit:
            hit[0]["struck"] += 1
        if watching:
            directory.set("faults", kept)
    return hit[1] if hit else None


def kill(rule: Rule) -> None:
    """End the rule's process at once, as a power cut would."""
    os.kill(rule.pid or os.getpid(), signal.SIGKILL)
