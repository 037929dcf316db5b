"""Reports to write down: a usual one of each kind, one with hostile names, and many items."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import yaml

from provisioner.reports.entries import EntryList
from provisioner.reports.models import (
    AuditReport,
    ChangeReport,
    DoctorReport,
    DriftReport,
    EvidenceReport,
    FailureReport,
    FieldReport,
    FindingReport,
    PlanReport,
    Target,
    WaiverReport,
)

HOSTILE: dict[str, str] = yaml.safe_load((Path(__file__).parent / "hostile.yaml").read_text(encoding="utf-8"))
"""Names that mean something to a reader of some format, by what they are."""

WAIVER = WaiverReport(reason="the pilot ends in March", owner="alice@example.com", expires=date(2027, 3, 31))
ENDED = WaiverReport(
    reason="only for the pilot", owner="bob@example.com", expires=date(2026, 3, 31), expired=True
)


def target(number: int = 1, **other: Any) -> Target:
    provider = "entra" if number % 2 else "okta"
    usual = {
        "playbook": f"playbooks/{provider}-{number}.yaml",
        "name": f"kiro-{provider}-{number}",
        "provider": provider,
        "tenant": f"tenant{number}.example.com",
        "sandbox": False,
    }
    return Target(**{**usual, **other})


def change(address: str, action: str = "update", **other: Any) -> ChangeReport:
    return ChangeReport(address=address, action=action, **other)


def plan(about: Target, *changes: ChangeReport, **other: Any) -> PlanReport:
    summary = {"noop": sum(one.action == "noop" for one in changes)}
    return PlanReport(
        target=about, in_sync=not changes, summary=summary, changes=changes, fingerprint="0", **other
    )


REDIRECTS = FieldReport(
    name="redirect_uris",
    before=["http://localhost:3128/oauth/callback", "https://evil.example/callback"],
    after=["http://localhost:3128/oauth/callback", "kiro://kiro.oauth/callback"],
)
DRIFT = DriftReport(
    in_sync=False,
    plans=(
        plan(
            target(1),
            change("entra-application/kiro", fields=(REDIRECTS,), category="security", line=8),
            change(
                "entra-application/kiro",
                fields=(FieldReport(name="display_name", before="Kiro (old)", after="Kiro"),),
                category="configuration",
                line=5,
            ),
            change("entra-assignment/Contractors", "delete", category="security", line=14, waiver=WAIVER),
            change("entra-scope/codewhisperer:completions", "create", category="configuration", line=5),
            change("entra-scim/kiro", "noop"),
        ),
        plan(
            target(2),
            change(
                "okta-authorization-server/kiro",
                fields=(FieldReport(name="audience", before="api://kiro", after="api://0oa1"),),
                category="security",
                line=3,
                waiver=ENDED,
            ),
            change("step/token", "waiting", why="generate the SCIM token", line=9),
        ),
        plan(target(3), change("entra-application/kiro", "noop"), change("entra-scim/kiro", "noop")),
    ),
    failures=(
        FailureReport(
            playbook="playbooks/okta-4.yaml",
            name="kiro-okta-4",
            provider="okta",
            tenant="tenant4.example.com",
            message="the org does not answer",
            hint="try again later",
            request_id="reqA1",
        ),
        FailureReport(
            playbook="playbooks/broken.yaml",
            line=3,
            message="unknown key 'grups'",
            hint="did you mean 'groups'?",
        ),
    ),
)

FINDINGS = (
    FindingReport(
        check="entra-redirect-uris",
        status="fail",
        severity="high",
        title="The redirect URIs are those that Kiro calls",
        address="entra-application/kiro",
        message="a redirect URI that Kiro never calls is registered: https://evil.example/callback",
        evidence=(
            EvidenceReport(path="publicClient.redirectUris[1]", value="https://evil.example/callback"),
            EvidenceReport(path="web.redirectUris", value=[]),
        ),
        fix="automatic",
        category="security",
        line=8,
    ),
    FindingReport(
        check="entra-token-version",
        status="fail",
        severity="medium",
        title="Access tokens are of version 2",
        address="entra-application/kiro",
        message="access tokens are of version 1",
        evidence=(EvidenceReport(path="api.requestedAccessTokenVersion", value=None),),
        fix="automatic",
        category="configuration",
        line=5,
    ),
    FindingReport(
        check="entra-owners",
        status="fail",
        severity="low",
        title="Somebody owns the application",
        message="nobody owns the application",
        why="Whoever made it has left.",
        remedy="name two people who will answer for it.",
        fix="manual",
        category="configuration",
        waiver=WAIVER,
    ),
    FindingReport(
        check="entra-consent",
        status="skip",
        severity="high",
        title="The scopes are consented to",
        message="entra-grant could not be read: 403",
        permissions=("DelegatedPermissionGrant.Read.All", "Directory.Read.All"),
    ),
    FindingReport(
        check="entra-users",
        status="error",
        severity="medium",
        title="Every user has an email",
        message="the check itself failed: KeyError: 'mail'",
    ),
    FindingReport(
        check="entra-scim-mapping",
        status="pass",
        severity="high",
        title="externalId is mapped from objectId",
        message="externalId is mapped from objectId",
    ),
)
DOCTOR = DoctorReport(
    summary={},
    findings=FINDINGS,
    audits=(AuditReport(target=target(1), summary={}, findings=FINDINGS, requests={}),),
    failures=(FailureReport(playbook="playbooks/okta-4.yaml", message="the org does not answer"),),
)
EMPTY = DriftReport(in_sync=True, plans=())
REPORTS: dict[str, DriftReport | DoctorReport] = {"drift": DRIFT, "doctor": DOCTOR, "empty": EMPTY}


def named(text: str) -> DriftReport:
    """A report in which every text that comes from outside is this one."""
    about = target(1, playbook=text, name=text, tenant=text)
    field = FieldReport(name=text, before=[text, {text: text}], after=text)
    waiver = WaiverReport(reason=text, owner=text, expires=date(2027, 3, 31))
    return DriftReport(
        in_sync=False,
        plans=(
            plan(
                about,
                change(f"entra-application/{text}", fields=(field,), category="security", line=2),
                change(f"entra-application/{text}", fields=(field,), line=2, waiver=waiver),
                change(f"step/{text}", "waiting", why=text),
            ),
        ),
        failures=(FailureReport(playbook=text, message=text, hint=text, request_id=text),),
    )


def audited(text: str) -> DoctorReport:
    """The same for an audit."""
    found = FindingReport(
        check="entra-owners",
        status="fail",
        severity="low",
        title="Somebody owns the application",
        address=f"entra-application/{text}",
        message=text,
        evidence=(EvidenceReport(path=text, value=text), EvidenceReport(path="x", value=[{text: [text]}])),
        permissions=(text,),
    )
    audit = AuditReport(target=target(1, tenant=text), summary={}, findings=(found, found), requests={})
    return DoctorReport(summary={}, findings=(), audits=(audit,))


def fleet(items: int, targets: int = 50) -> DriftReport:
    """Many deviations in many tenants, every tenth waived and every fifth about security."""
    changes: dict[int, list[ChangeReport]] = {number: [] for number in range(targets)}
    for number in range(items):
        field = FieldReport(
            name="members", before=[f"user{number}@example.com", "b"], after=["b", f"c{number}"]
        )
        changes[number % targets].append(
            change(
                f"entra-assignment/Group {number}",
                fields=(field, REDIRECTS),
                category="configuration" if number % 5 else "security",
                line=number % 40 + 1,
                waiver=None if number % 10 else WAIVER,
            )
        )
    return DriftReport(in_sync=False, plans=tuple(plan(target(n), *found) for n, found in changes.items()))


def written(report: DriftReport | DoctorReport) -> EntryList:
    """What the formats are made from."""
    from provisioner.reports.entries import collect_entries
    from provisioner.reports.formats.wording import harmless

    return harmless(collect_entries(report))


WORST = written(DRIFT).items[0].message
"""What the worst deviation says."""
