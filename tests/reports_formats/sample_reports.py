"""Sample reports for every format: a usual one of each kind, one with hostile names, and one with many entries."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import yaml

from provisioner.core.check import Evidence
from provisioner.core.diff import FieldChange
from provisioner.core.provider import RequestCounts
from provisioner.reports.entries import EntryList, collect_entries
from provisioner.reports.formats.entry_text import harmless
from provisioner.reports.models import (
    AuditReport,
    ChangeReport,
    DoctorReport,
    DriftReport,
    ErrorReport,
    FindingReport,
    PlanReport,
    Target,
    WaiverReport,
)

HOSTILE: dict[str, str] = yaml.safe_load((Path(__file__).parent / "hostile.yaml").read_text(encoding="utf-8"))
"""Names that have a meaning in some format, by what they contain."""

WAIVER = WaiverReport(reason="the pilot ends in March", owner="alice@example.com", expires=date(2027, 3, 31))
EXPIRED = WaiverReport(
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
    summary = {"noop": sum(change.action == "noop" for change in changes)}
    return PlanReport(
        target=about, in_sync=not changes, summary=summary, changes=changes, fingerprint="0", **other
    )


REDIRECTS = FieldChange(
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
                fields=(FieldChange(name="display_name", before="Kiro (old)", after="Kiro"),),
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
                fields=(FieldChange(name="audience", before="api://kiro", after="api://0oa1"),),
                category="security",
                line=3,
                waiver=EXPIRED,
            ),
            change("step/token", "waiting", why="generate the SCIM token", line=9),
        ),
        plan(target(3), change("entra-application/kiro", "noop"), change("entra-scim/kiro", "noop")),
    ),
    errors=(
        ErrorReport(
            playbook="playbooks/okta-4.yaml",
            message="the org does not respond",
            hint="try again later",
            request_id="reqA1",
        ),
        ErrorReport(
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
            Evidence(path="publicClient.redirectUris[1]", value="https://evil.example/callback"),
            Evidence(path="web.redirectUris", value=[]),
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
        evidence=(Evidence(path="api.requestedAccessTokenVersion", value=None),),
        fix="automatic",
        category="configuration",
        line=5,
    ),
    FindingReport(
        check="entra-owners",
        status="fail",
        severity="low",
        title="The application has an owner",
        message="the application has no owner",
        why="The admin who created it has left.",
        remedy="Name two owners.",
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
    audits=(AuditReport(target=target(1), summary={}, findings=FINDINGS, requests=RequestCounts()),),
    errors=(ErrorReport(playbook="playbooks/okta-4.yaml", message="the org does not respond"),),
)
EMPTY = DriftReport(in_sync=True, plans=())
REPORTS: dict[str, DriftReport | DoctorReport] = {"drift": DRIFT, "doctor": DOCTOR, "empty": EMPTY}


def named(text: str) -> DriftReport:
    """A drift report in which every text from outside is this one."""
    about = target(1, playbook=text, name=text, tenant=text)
    field = FieldChange(name=text, before=[text, {text: text}], after=text)
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
        errors=(ErrorReport(playbook=text, message=text, hint=text, request_id=text),),
    )


def audited(text: str) -> DoctorReport:
    """A doctor report in which every text from outside is this one."""
    finding = FindingReport(
        check="entra-owners",
        status="fail",
        severity="low",
        title="The application has an owner",
        address=f"entra-application/{text}",
        message=text,
        evidence=(Evidence(path=text, value=text), Evidence(path="x", value=[{text: [text]}])),
        permissions=(text,),
    )
    audit = AuditReport(
        target=target(1, tenant=text), summary={}, findings=(finding, finding), requests=RequestCounts()
    )
    return DoctorReport(summary={}, findings=(), audits=(audit,))


def fleet(entries: int, targets: int = 50) -> DriftReport:
    """Many differences in many tenants, every tenth waived and every fifth about security."""
    changes: dict[int, list[ChangeReport]] = {number: [] for number in range(targets)}
    for number in range(entries):
        field = FieldChange(
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
    return DriftReport(
        in_sync=False, plans=tuple(plan(target(number), *of_target) for number, of_target in changes.items())
    )


def entries_of(report: DriftReport | DoctorReport) -> EntryList:
    """The entries from which the formats are made."""
    return harmless(collect_entries(report))


WORST = entries_of(DRIFT).entries[0].message
"""The message of the worst difference."""
