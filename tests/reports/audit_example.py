"""An audit report of made-up numbers, and a command to look at it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from triage.auditing.audit_plan import (
    AuditPlan,
    Axis,
    Limit,
    Margin,
    Period,
    PlannedCondition,
    SkinTone,
)
from triage.auditing.measurement import (
    ALL,
    OVERALL,
    Analysis,
    AuditEstimate,
    AuditFinding,
    LevelComparison,
    LevelSummary,
    NamedNumber,
    WorstLevel,
)
from triage.evaluation.metrics import METRICS
from triage.reports.audit_report import Attachment, AuditReport, Registration, SystemFacts
from triage.reports.render import render_all
from triage.vocabulary.verdicts import Verdict

AXES = {
    "skin_type": ("I", "II", "III", "IV", "V", "VI", "unknown"),
    "sex": ("female", "male", "unknown"),
    "age": ("0 to 30", "30 to 60", "60 to 120", "unknown"),
    "site": ("clinic north", "clinic south", "mobile unit"),
    "risk": ("low", "medium", "high"),
    "skin_type_and_sex": ("I and female", "I and male", "VI and female", "VI and male"),
}
SIZES = {"VI": 31, "unknown": 44, "VI and female": 14, "VI and male": 17, "mobile unit": 66}
TRUE = {
    "accuracy": 0.84, "balanced_accuracy": 0.81, "under_triage_rate": 0.07,
    "over_triage_rate": 0.21, "clinical_cost": 0.274, "ece": 0.043, "adaptive_ece": 0.051,
    "brier": 0.23, "nll": 0.512, "ood_auroc": 0.874, "ood_fpr95": 0.41, "coverage": 0.81,
    "abstention_rate": 0.24, "selective_accuracy": 0.90, "selective_risk": 0.10, "aurc": 0.061,
}  # fmt: skip
WORSE = {"V": -0.16, "mobile unit": -0.22, "VI and male": -0.1}
LIMITS = (
    Limit(metric="accuracy", at_least=0.8),
    Limit(metric="under_triage_rate", at_most=0.1),
    Limit(metric="ood_auroc", at_least=0.85, scope="overall"),
    Limit(metric="ece", at_most=0.06, primary=False),
    Limit(metric="clinical_cost", at_most=0.3, primary=False),
)
WHEN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def plan(**changes) -> AuditPlan:
    """A plan of all axes and limits."""
    given = {
        "title": "Skin lesion triage, first quarter: audit by group",
        "source": "Clinical safety committee, protocol 7, 2026-01-12",
        "created_at": WHEN,
        "system": "derm ensemble 2.3",
        "period": Period(first=datetime(2026, 1, 1), last=datetime(2026, 3, 31)),
        "conditions": (PlannedCondition(name="melanoma"), PlannedCondition(name="naevus")),
        "axes": (
            Axis(name="skin_type", column="fst", skin_tone=SkinTone(
                scale="fitzpatrick", method="two dermatologists from photographs", raters=2)),
            Axis(name="sex", column="sex"),
            Axis(name="age", column="age", bands=(0, 30, 60, 120)),
            Axis(name="site", column="site"),
            Axis(name="risk", property="risk"),
            Axis(name="skin_type_and_sex", of=("skin_type", "sex")),
        ),
        "limits": LIMITS,
        "margins": (Margin(metric="accuracy", axis="skin_type", at_most=0.05, reference="II"),),
    }  # fmt: skip
    return AuditPlan(**given | changes)


def estimate(metric, axis, level, n, rng) -> AuditEstimate:
    """A made-up estimate; none has an interval where there are few cases."""
    shown = METRICS[metric]
    worse = WORSE.get(level, 0.0) * (1 if shown.larger_is_better else -1)
    value = float(np.clip(TRUE[metric] + worse + rng.normal() * 0.25 / np.sqrt(n), 0.001, 0.999))
    half = 1.0 / np.sqrt(n) * (0.8 if metric != "clinical_cost" else 1.4) * 0.6
    few = n < 20
    proportion = metric in ("accuracy", "under_triage_rate", "over_triage_rate")
    return AuditEstimate(
        axis=axis, level=level, metric=metric, title=shown.title, unit=shown.unit, value=value,
        low=None if few else max(value - half, 0.0), high=None if few else min(value + half, 1.0),
        display_low=None if few else max(value - 0.9 * half, 0.0),
        display_high=None if few else min(value + 0.9 * half, 1.0),
        n=n, n_patients=max(n * 2 // 3, 1), n_positive=round(value * n) if proportion else None,
        interval="none" if few else "Clopper-Pearson" if proportion else "BCa bootstrap",
        evidence="not enough" if few else "enough",
    )  # fmt: skip


def finding(found: AuditEstimate, limit: Limit, rng) -> AuditFinding:
    """The estimate judged by its interval."""
    verdict = Verdict.NOT_ENOUGH
    bound = limit.bound
    if found.low is not None and found.high is not None:
        good, bad = (found.low >= bound, found.high < bound)
        if limit.at_most is not None:
            good, bad = (found.high <= bound, found.low > bound)
        verdict = Verdict.MEETS if good else Verdict.FAILS if bad else Verdict.NOT_ENOUGH
    p = None if found.low is None else float(rng.uniform(0, 0.2) ** 2)
    unknown = verdict is Verdict.NOT_ENOUGH and found.n_positive is not None
    return AuditFinding(
        **found.model_dump(), at_least=limit.at_least, at_most=limit.at_most, verdict=verdict,
        p_value=p, p_adjusted=None if p is None else min(1.0, p * 7), primary=limit.primary,
        correction="Holm" if limit.primary else "Benjamini-Hochberg",
        more_without_error=int(rng.integers(5, 60)) if unknown else None,
        more_at_this_rate=int(rng.integers(60, 900)) if unknown else None,
    )  # fmt: skip


def comparison(axis, level, reference, metric, rng, margin=None) -> LevelComparison:
    """A made-up difference."""
    difference = float(rng.normal() * 0.04)
    low, high = difference - 0.05, difference + 0.05
    verdict = None
    if margin is not None:
        verdict = Verdict.FAILS if abs(difference) > 0.05 else Verdict.NOT_ENOUGH
    return LevelComparison(
        axis=axis, level=level, reference=reference, metric=metric, title=METRICS[metric].title,
        difference=difference, difference_low=low, difference_high=high, ratio=1 + difference,
        ratio_low=1 + low, ratio_high=1 + high, p_value=0.0004 if level == "VI" else 0.21,
        p_adjusted=0.0116 if level == "VI" else 0.63, correction="Benjamini-Hochberg",
        evidence="enough", margin=margin, verdict=verdict,
    )  # fmt: skip


def analyses() -> list[Analysis]:
    """One analysis that is there and one that is not."""
    numbers = [
        NamedNumber(key="gap", title="Equalised-odds gap", axis=axis, level=ALL, value=value,
                    low=value - 0.02, high=value + 0.03, n=1200, interval="BCa bootstrap")
        for axis, value in (("skin_type", 0.061), ("sex", 0.022))
    ]  # fmt: skip
    return [
        Analysis(key="equalised_odds", title="Equalised odds", available=True, numbers=numbers,
                 notes=["The gap is the largest difference between two levels."]),
        Analysis(key="heal", title="HEAL", available=False,
                 reason="the plan states no burden of any axis"),
        Analysis(key="team", title="Team", available=False,
                 reason="the table has no reads of people"),
    ]  # fmt: skip


def report(seed=0, axes=AXES, metrics=tuple(TRUE), **changes) -> AuditReport:
    """A whole report."""
    rng = np.random.default_rng(seed)
    levels = [LevelSummary(axis=OVERALL, level=ALL, n_cases=1284, n_patients=901, n_labelled=1250,
                           n_outliers=212, n_urgent=143, n_abstained=301)]  # fmt: skip
    for axis, names in axes.items():
        for name in names:
            n = SIZES.get(name, int(rng.integers(120, 480)))
            levels.append(
                LevelSummary(axis=axis, level=name, n_cases=n, n_patients=n * 2 // 3,
                             n_labelled=n - n // 40, n_outliers=n // 6, n_urgent=n // 9,
                             n_abstained=n // 4)
            )  # fmt: skip
    estimates = [
        estimate(metric, each.axis, each.level, each.n_cases, rng)
        for each in levels
        for metric in metrics
    ]
    findings = [
        finding(each, limit, rng)
        for limit in LIMITS
        for each in estimates
        if each.metric == limit.metric and (limit.scope != "overall" or each.axis == OVERALL)
    ]
    comparisons = [
        comparison(axis, name, names[1], metric, rng,
                   0.05 if (axis, metric) == ("skin_type", "accuracy") else None)
        for axis, names in axes.items()
        for metric in ("accuracy", "under_triage_rate")
        for name in names
        if name != names[1] and metric in metrics
    ]  # fmt: skip
    worst = [
        WorstLevel(axis=axis, metric=metric, title=METRICS[metric].title, level=names[-2],
                   value=0.71, low=0.602, high=0.804)
        for axis, names in axes.items()
        for metric in ("accuracy", "under_triage_rate")
    ]  # fmt: skip
    planned = changes.pop("plan", None) or plan()
    return AuditReport(**{
        "plan_sha256": planned.sha256(), "facts": {"predictions": "f" * 64},
        "excluded": {"no picture": 12, "test patient": 3},
        "deviations": ["The column `device` that the plan names is absent."],
        "n_cases": 1284, "n_patients": 901, "n_labelled": 1250, "patients_known": True,
        "classes": ["melanoma", "naevus", "eczema"], "levels": levels, "estimates": estimates,
        "findings": findings, "comparisons": comparisons, "worst": worst, "analyses": analyses(),
        "report_id": planned.sha256()[:16], "title": planned.title,
        "generated_at": planned.created_at.isoformat(), "code_version": "0.1.0",
        "command": "triage audit run plan.yaml --predictions predictions.csv --out audit",
        "plan": planned,
        "registration": Registration(kind="lock file", at="2026-03-02T09:31:00Z",
                                     sentence="not registered in a ledger; plan.lock beside it"),
        "system": SystemFacts(name="derm ensemble", version="2.3", bundle="b" * 64,
                              intended_use="Triage of photographs of single skin lesions of "
                              "adults, read by a dermatologist."),
        "attachments": [
            Attachment(name="risk.csv", kind="risk", sha256="e" * 64,
                       columns=["id", "hazard", "control", "residual"],
                       rows=[{"id": "H1", "hazard": "a melanoma waits as routine",
                              "control": "abstention, second read", "residual": "low"}]),
        ],
    } | changes)  # fmt: skip


def empty() -> AuditReport:
    """A report of no axes, limits or findings."""
    bare = plan(axes=(), limits=(), margins=(), period=None)
    return report(
        axes={}, metrics=(), plan=bare, findings=[], comparisons=[], worst=[], analyses=[],
        attachments=[], deviations=[], excluded={}, facts={}, levels=[], classes=[],
        system=SystemFacts(name="not stated"),
    )  # fmt: skip


if __name__ == "__main__":
    for name, content in render_all(report()).items():
        path = Path(sys.argv[1]) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
