"""Coverage and risk by level, and how well each kind of outlier is told from known conditions.

Cases are answered in the order of their OOD score, lowest first; the risk at a coverage is the
share of wrong answers, an answered outlier being wrong (El-Yaniv & Wiener 2010).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from triage.auditing.analyses.case_flags import named_right
from triage.auditing.analyses.group_sums import BoolArray, FloatArray, every_axis
from triage.auditing.analyses.numbers import Name, missing_columns, named_number, unavailable
from triage.auditing.audit_plan import AuditPlan, IntervalSettings
from triage.auditing.audit_table import AuditTable
from triage.auditing.intervals.binomial import ClusteredBinomial
from triage.auditing.measured import Measured
from triage.auditing.measurement import Analysis, Curve, CurvePoint, NamedNumber

KEY, TITLE = "ood", "Coverage and risk"
COVERAGES = tuple(round(0.1 * step, 1) for step in range(1, 11))


def ood(table: AuditTable, plan: AuditPlan) -> Analysis:
    """Measure coverage-risk curves by level, and detection of outliers by their kind.

    Returns
    -------
    Analysis
        Curves of risk by coverage; `outlier_auroc` by level of each axis that is a property of the
        condition: the outliers of the level against all known conditions.
    """
    reason = missing_columns({"OOD score": table.ood_score, "named condition": table.predicted})
    if reason:
        return unavailable(KEY, TITLE, reason)
    assert table.ood_score is not None
    where = table.labelled & np.isfinite(table.ood_score)
    if not where.any():
        return unavailable(KEY, TITLE, "no labelled case has an OOD score")
    order = np.flatnonzero(where)
    order = order[np.argsort(table.ood_score[order], kind="stable")]
    wrong = ~named_right(table)
    curves = []
    for axis, levels in every_axis(table):
        codes = levels.codes[order]
        for place, level in enumerate(levels.levels):
            rows = order[codes == place]
            if len(rows):
                points = _points(table, rows, wrong, plan.intervals)
                curves.append(Curve(name="risk", axis=axis, level=level, points=points))
    numbers = _kinds_of_outlier(table, plan, where)
    notes = [
        "Risk is the share of wrong answers among the cases answered, an answered outlier being "
        "wrong; points of a level with fewer than "
        f"{plan.intervals.min_patients} patients answered have no interval."
    ]
    return Analysis(
        key=KEY, title=TITLE, available=True, numbers=numbers, curves=curves,
        x_title="coverage: share of cases answered", y_title="risk among answered cases",
        notes=notes,
    )  # fmt: skip


def _points(
    table: AuditTable, rows: NDArray[np.int64], wrong: BoolArray, settings: IntervalSettings
) -> list[CurvePoint]:
    """Risk at each coverage of cases in the order of their score.

    Cases of a score that is tied at the last place are answered in part, at random.
    """
    assert table.ood_score is not None
    score = table.ood_score[rows]
    bad = wrong[rows].astype(np.float64)
    starts = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])
    sizes = np.diff(np.r_[starts, len(rows)])
    answered = np.r_[0.0, np.cumsum(sizes)]
    errors = np.r_[0.0, np.cumsum(np.add.reduceat(bad, starts))]
    patients, member = np.unique(table.cluster[rows], return_inverse=True)
    found = []
    for coverage in COVERAGES:
        n = coverage * len(rows)
        risk = float(np.interp(n, answered, errors)) / n
        count = max(round(n), 1)
        low, high = _interval(risk, bad[:count], member[:count], len(patients), settings)
        found.append(CurvePoint(x=coverage, y=risk, low=low, high=high))
    return found


def _interval(
    risk: float,
    bad: FloatArray,
    member: NDArray[np.int64],
    n_patients: int,
    settings: IntervalSettings,
) -> tuple[float | None, float | None]:
    """Pointwise interval of Korn and Graubard, with the cases that are answered held fixed."""
    sizes = np.bincount(member, minlength=n_patients)
    sums = np.bincount(member, bad, minlength=n_patients)
    answered = int((sizes > 0).sum())
    if answered < settings.min_patients:
        return None, None
    influence = (sums - risk * sizes) / sizes.sum()
    variance = float(influence @ influence) * answered / (answered - 1)
    law = ClusteredBinomial(min(risk, 1.0), variance, len(bad), answered)
    low, high = law.limits(settings.confidence)
    return min(low, risk), max(high, risk)


def _kinds_of_outlier(table: AuditTable, plan: AuditPlan, where: BoolArray) -> list[NamedNumber]:
    """AUROC of the outliers of each level against all known conditions."""
    assert table.ood_score is not None
    known = np.flatnonzero(where & ~table.is_outlier)
    kinds = [axis.name for axis in plan.axes if axis.property and axis.name in table.axes]
    found = []
    for axis in kinds:
        levels = table.axes[axis]
        for place, level in enumerate(levels.levels):
            outliers = np.flatnonzero(where & table.is_outlier & (levels.codes == place))
            if len(outliers) and len(known):
                title = "AUROC of these outliers against all known conditions"
                name = Name("outlier_auroc", title, axis, level, "area")
                measured = measured_auroc(name, table, outliers, known)
                found.append(named_number(name, measured, plan.intervals))
    return found


def measured_auroc(
    name: Name, table: AuditTable, positive: NDArray[np.int64], negative: NDArray[np.int64]
) -> Measured:
    """Measure the AUROC of two sets of cases.

    The influence of a case is by how much its share of the other kind that it is ranked beyond
    differs from the AUROC (DeLong, DeLong & Clarke-Pearson 1988), summed over the patient's cases
    (Obuchowski 1997).
    """
    assert table.ood_score is not None
    n, m = len(positive), len(negative)
    scores = table.ood_score[np.r_[positive, negative]]
    together = stats.rankdata(scores)
    above = (together[:n] - stats.rankdata(scores[:n])) / m
    below = 1 - (together[n:] - stats.rankdata(scores[n:])) / n
    value = float(above.mean())
    patients, member = np.unique(table.cluster[np.r_[positive, negative]], return_inverse=True)
    each = np.r_[(above - value) / n, (below - value) / m]
    return Measured(
        key=name.key, title=name.title, unit=name.unit, larger_is_better=True, value=value,
        n=n + m, patients=patients, influence=np.bincount(member, each).astype(np.float64),
        n_patients=min(len(np.unique(table.cluster[rows])) for rows in (positive, negative)),
        bounds=(0.0, 1.0),
    )  # fmt: skip
