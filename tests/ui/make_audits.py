"""A folder of audits with hand-made reports, for the pages that show them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from triage.auditing.audit_plan import AuditPlan, Axis, Limit, Margin, PlannedCondition, SkinTone
from triage.auditing.measurement import (
    ALL,
    OVERALL,
    AuditEstimate,
    AuditFinding,
    LevelComparison,
    LevelSummary,
)
from triage.hashing import hash_json
from triage.reports.audit_report import AuditReport, Registration, SystemFacts
from triage.vocabulary.clinical import Risk, Urgency
from triage.vocabulary.verdicts import Verdict

MADE = datetime(2025, 6, 2, 12, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script> *V*"
"""A level of an axis that would format the page if it were not escaped."""
METRICS = {
    "sensitivity_urgent": ("Sensitivity, urgent", "at_least", 0.8),
    "accuracy": ("Accuracy", "at_least", 0.7),
    "abstention_rate": ("Abstention rate", "at_most", 0.3),
}
MANIFEST: dict[str, Any] = {
    "format": "triage-bundle-2",
    "name": "Demo skin system",
    "intended_use": "Ordering of photographs for reading",
    "created_at": "2025-05-02T10:00:00+00:00",
    "code_version": "0.1.0",
    "classes": ["irregular dark patch", "scaly red plaque"],
    "data_counts": {"train": {"irregular dark patch": 40, "scaly red plaque": 55}},
    "head": "softmax",
    "score": "energy",
    "thresholds": {"temperature": 1.3, "abstain_above": 0.02},
    "metrics": {"accuracy": 0.8125},
    "notes": ["Trained on phantoms only."],
    "files": {"policy.json": "e" * 64},
}
"""Of a bundle; a part of what a manifest states."""
LEVELS = ("I", "II", "III", "IV", HOSTILE, "VI", "unknown")
_OUTCOMES = {
    Verdict.MEETS: (1.12, 1.05, 1.2, 240),
    Verdict.FAILS: (0.72, 0.6, 0.85, 180),
    Verdict.NOT_ENOUGH: (0.95, 0.7, 1.2, 14),
}
"""Value, low and high end as multiples of the limit (of "at least"), and cases."""


def plan(title: str = "Skin photographs, first half of 2025", **changes: Any) -> AuditPlan:
    """A plan with three limits, a margin, and skin types by a clinician."""
    given: dict[str, Any] = {
        "title": title,
        "source": "Board of the dermatology clinic",
        "created_at": MADE,
        "system": "Demo skin system",
        "conditions": (
            PlannedCondition(name="irregular dark patch", urgency=Urgency.URGENT, risk=Risk.HIGH),
            PlannedCondition(name="scaly red plaque", urgency=Urgency.ROUTINE, risk=Risk.LOW),
        ),
        "axes": (
            Axis(
                name="skin_type",
                column="skin_type",
                skin_tone=SkinTone(scale="fitzpatrick", method="one clinician", raters=1),
            ),
            Axis(name="age_band", column="age_band"),
        ),
        "limits": tuple(
            Limit(metric=metric, **{side: bound}) for metric, (_, side, bound) in METRICS.items()
        ),
        "margins": (Margin(metric="accuracy", axis="skin_type", at_most=0.1, reference="III"),),
    }
    return AuditPlan(**{**given, **changes})


def finding(axis: str, level: str, metric: str, verdict: Verdict, **changes: Any) -> AuditFinding:
    """A finding with that verdict."""
    title, side, bound = METRICS.get(metric, (metric, "at_least", 0.5))
    value, low, high, n = _OUTCOMES[verdict]
    if side == "at_most":
        value, low, high = 2 - value, 2 - high, 2 - low
    given: dict[str, Any] = {
        "axis": axis,
        "level": level,
        "metric": metric,
        "title": title,
        "unit": "proportion",
        "value": min(value * bound, 1.0),
        "low": low * bound,
        "high": min(high * bound, 1.0),
        "n": n,
        "n_patients": n - 2,
        "interval": "Clopper-Pearson",
        "evidence": "not enough" if verdict is Verdict.NOT_ENOUGH else "enough",
        "at_least": bound if side == "at_least" else None,
        "at_most": bound if side == "at_most" else None,
        "verdict": verdict,
        "p_value": 0.0004 if verdict is Verdict.FAILS else 0.021,
        "p_adjusted": 0.0032 if verdict is Verdict.FAILS else 0.168,
        "primary": True,
        "correction": "Holm",
    }
    if verdict is Verdict.NOT_ENOUGH:
        given |= {"more_without_error": 16, "more_at_this_rate": 1210}
    return AuditFinding(**{**given, **changes})


def report(planned: AuditPlan, findings: Sequence[AuditFinding], **changes: Any) -> AuditReport:
    """A report of these findings."""
    estimate_fields = AuditEstimate.model_fields
    given: dict[str, Any] = {
        "plan_sha256": planned.sha256(),
        "facts": {"cases": "a" * 64},
        "excluded": {"no label": 12},
        "deviations": [],
        "n_cases": 1254,
        "n_patients": 1101,
        "n_labelled": 1242,
        "patients_known": True,
        "classes": ["irregular dark patch", "scaly red plaque"],
        "levels": [
            LevelSummary(
                axis=OVERALL,
                level=ALL,
                n_cases=1254,
                n_patients=1101,
                n_labelled=1242,
                n_outliers=40,
            )
        ],
        "estimates": [
            AuditEstimate(**{name: getattr(one, name) for name in estimate_fields})
            for one in findings
        ],
        "findings": list(findings),
        "comparisons": [],
        "worst": [],
        "analyses": [],
        "report_id": planned.sha256()[:16],
        "title": planned.title,
        "generated_at": planned.created_at.isoformat(),
        "code_version": "0.1.0",
        "command": "triage audit run",
        "plan": planned,
        "registration": Registration(
            kind="ledger",
            sentence="registered in the ledger on 2 June 2025",
            at=MADE.isoformat(),
            sequence=41,
            head="b" * 64,
        ),
        "system": SystemFacts(name="Demo skin system", version="2025.2", bundle="d" * 64),
    }
    return AuditReport(**{**given, **changes})


def demo_findings() -> list[AuditFinding]:
    """Findings over all cases, the skin types and age bands: of each verdict some."""
    found = [finding(OVERALL, ALL, metric, Verdict.MEETS) for metric in METRICS]
    for at, level in enumerate(LEVELS):
        for metric in METRICS:
            verdict = Verdict.MEETS
            if level == HOSTILE and metric != "abstention_rate":
                verdict = Verdict.FAILS
            elif level in ("VI", "unknown") or (at == 0 and metric == "sensitivity_urgent"):
                verdict = Verdict.NOT_ENOUGH
            found.append(finding("skin_type", level, metric, verdict))
    for level in ("18-39", "40-59", "60-79", "unknown"):
        verdict = Verdict.NOT_ENOUGH if level == "unknown" else Verdict.MEETS
        found += [finding("age_band", level, metric, verdict) for metric in METRICS]
    return found


def comparisons() -> list[LevelComparison]:
    """Each skin type against III, by accuracy."""
    return [
        LevelComparison(
            axis="skin_type",
            level=level,
            reference="III",
            metric="accuracy",
            title="Accuracy",
            difference=-0.05 * at,
            difference_low=-0.05 * at - 0.04,
            difference_high=-0.05 * at + 0.04,
            ratio=1 - 0.06 * at,
            ratio_low=0.95 - 0.06 * at,
            ratio_high=1.05 - 0.06 * at,
            p_value=0.2 / (at + 1),
            p_adjusted=min(1.0, 0.8 / (at + 1)),
            correction="Benjamini-Hochberg",
            evidence="enough",
            margin=0.1 if at < 4 else None,
            verdict=(Verdict.MEETS if at < 2 else Verdict.FAILS) if at < 4 else None,
        )
        for at, level in enumerate(("I", "II", "IV", HOSTILE, "VI"))
    ]


def write_audit(folder: Path, name: str, content: AuditReport) -> None:
    """Write the folder of a finished audit; the files beside the report only look like it."""
    place = folder / name
    place.mkdir(parents=True)
    (place / "report.json").write_text(content.model_dump_json())
    (place / "report.html").write_text("<!doctype html><title>Report</title><h1>Report</h1>")
    (place / "report.pdf").write_bytes(b"%PDF-1.7 generated")
    (place / "audit.zip").write_bytes(b"PK generated")
    (place / "secret.txt").write_text("is not given out")


def write_manifest(folder: Path, name: str) -> str:
    """Write the manifest of a bundle, and nothing else of it; return its digest."""
    content = {**MANIFEST, "name": name}
    digest = hash_json(content)
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"digest": digest, **content}))
    return digest


def write_plan(folder: Path, name: str, content: AuditPlan) -> Path:
    """Write a plan as YAML."""
    path = folder / name
    path.write_text(yaml.safe_dump(content.model_dump(mode="json", exclude_unset=True)))
    return path


def fill_audits(folder: Path, bundle: str = "d" * 64) -> None:
    """Write two plans, one that cannot be used, and two finished audits of a bundle."""
    folder.mkdir(parents=True, exist_ok=True)
    first = plan(bundle=bundle, unlabelled="exclude")
    second = plan("Only what nobody may miss", limits=(), margins=())
    write_plan(folder, "half-year.yaml", first)
    write_plan(folder, "no-limits.yaml", second)
    (folder / "broken.yaml").write_text("title: Broken\nsauce: nobody\n")
    system = SystemFacts(name="Demo skin system", version="2025.2", bundle=bundle)
    write_audit(folder, "no-limits", report(second, [], system=system))
    content = report(first, demo_findings(), comparisons=comparisons(), system=system)
    write_audit(folder, "half-year", content)


def large_findings(groups: int = 40, metrics: int = 20) -> list[AuditFinding]:
    """Findings of many groups and limits, of each verdict some."""
    verdicts = list(Verdict)
    return [
        finding(
            f"axis_{group % 5}",
            f"level {group}",
            f"metric_{at}",
            verdicts[(group * 7 + at) % 3],
            title=f"Metric number {at}",
        )
        for group in range(groups)
        for at in range(metrics)
    ]
