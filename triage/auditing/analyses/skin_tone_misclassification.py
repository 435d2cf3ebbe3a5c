"""How far metrics of levels may be off because levels themselves are misclassified.

For an axis whose plan states P(observed level | true level), the shares of true levels are
estimated by maximum likelihood (by the EM algorithm, so they never leave [0, 1], also where the
matrix is singular). True levels of patients are then drawn from their posterior 1,000 times and the
metrics measured on each draw. The draws do not know that a metric differs between the true levels
of one observed level, so the range is that of a sensitivity analysis, not a confidence interval.
"""

from __future__ import annotations

import numpy as np

from triage.auditing.analyses.case_flags import known_condition, named_right
from triage.auditing.analyses.group_sums import BoolArray, FloatArray, GroupSums, group_sums
from triage.auditing.analyses.numbers import unavailable
from triage.auditing.audit_plan import AuditPlan, Axis
from triage.auditing.audit_table import AuditTable
from triage.auditing.measurement import Analysis, NamedNumber
from triage.errors import UsageError
from triage.evaluation.metrics.weighted import ratio
from triage.vocabulary.clinical import Urgency

KEY, TITLE = "skin_tone_misclassification", "Misclassified levels"
DRAWS = 1000
REDRAWN = "redrawn levels"
_RANGE = (0.025, 0.975)
_CHUNK = 1000


def skin_tone_misclassification(table: AuditTable, plan: AuditPlan) -> Analysis:
    """Redraw the true levels of every axis with a misclassification matrix.

    Returns
    -------
    Analysis
        By level: `accuracy` and `sensitivity_urgent` on the observed levels, `redrawn_accuracy`
        and `redrawn_sensitivity_urgent` (mean and central 95 % of the draws), `true_share`.

    Raises
    ------
    UsageError
        If the matrix of an axis is none, or names no level of the axis.
    """
    axes = [axis for axis in plan.axes if axis.confusion and axis.name in table.axes]
    if not axes:
        reason = "no axis of the plan states how often its levels are misclassified"
        return unavailable(KEY, TITLE, reason)
    metrics = _metrics(table)
    if not metrics:
        return unavailable(KEY, TITLE, "the table has neither a named condition nor urgencies")
    numbers: list[NamedNumber] = []
    notes = []
    for axis in axes:
        levels = table.axes[axis.name].levels
        matrix, true, observed = confusion_matrix(axis, levels)
        values = [column for _, _, top, bottom in metrics for column in (top, bottom)]
        values.append(np.ones(len(table), dtype=np.bool_))
        sums = group_sums(table, table.axes[axis.name], values)
        places = [levels.index(level) for level in observed]
        shares, totals = redraw(sums, places, matrix, plan.intervals.seed)
        keys = [(key, title) for key, title, _, _ in metrics]
        numbers += _numbers(axis.name, true, shares, totals, keys)
        numbers += _observed(axis.name, observed, sums.totals[places], keys)
        notes.append(_note(axis, set(levels) - set(observed)))
    return Analysis(key=KEY, title=TITLE, available=True, numbers=numbers, notes=notes)


def confusion_matrix(
    axis: Axis, levels: tuple[str, ...]
) -> tuple[FloatArray, tuple[str, ...], tuple[str, ...]]:
    """Return P(observed | true), the true levels (rows) and the observed levels (columns).

    Columns of levels that no case has are left out, and so are observed levels that no row names,
    such as "unknown".
    """
    assert axis.confusion is not None
    where = f"axes.{axis.name}.confusion"
    true = tuple(axis.confusion)
    named = tuple(dict.fromkeys(level for row in axis.confusion.values() for level in row))
    observed = tuple(level for level in levels if level in named)
    if not observed:
        raise UsageError(
            f"names no level of the axis: {', '.join(named)}", where=where,
            hint=f"Levels of the axis: {', '.join(levels)}.",
        )  # fmt: skip
    matrix = np.array([[axis.confusion[a].get(b, 0.0) for b in named] for a in true])
    for level, row in zip(true, matrix, strict=True):
        if (row < 0).any() or abs(row.sum() - 1) > 1e-6:
            raise UsageError(
                f"row {level} is no set of probabilities: it sums to {row.sum():g}", where=where,
                hint="Give P(observed level | true level), one row for each true level.",
            )  # fmt: skip
    return matrix[:, [named.index(level) for level in observed]], true, observed


def true_shares(counts: FloatArray, matrix: FloatArray) -> FloatArray:
    """Estimate the shares of true levels from counts of observed ones, by maximum likelihood.

    Parameters
    ----------
    counts : float array [O]
    matrix : float array [T, O]
        P(observed | true).

    Returns
    -------
    float array [T]
    """
    share = np.full(len(matrix), 1 / len(matrix))
    for _ in range(2000):
        joint = share[:, None] * matrix
        posterior = joint / np.maximum(joint.sum(axis=0), 1e-300)
        found = posterior @ counts / counts.sum()
        found /= found.sum()
        if np.abs(found - share).max() < 1e-10:
            break
        share = found
    return share


def redraw(
    sums: GroupSums, places: list[int], matrix: FloatArray, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Draw true levels of patients.

    Patients of one observed level with the same sums are alike, so their numbers at each true
    level are multinomial.

    Returns
    -------
    float array [T]
        Shares of the true levels.
    float array [DRAWS, T, Q]
        Totals at each true level.
    """
    generator = np.random.default_rng(seed)
    parts = [sums.patients_of(place)[1] for place in places]
    counts = np.array([len(part) for part in parts], dtype=np.float64)
    totals = np.zeros((DRAWS, len(matrix), sums.n_values))
    if not counts.sum():
        return np.full(len(matrix), np.nan), totals
    share = true_shares(counts, matrix)
    joint = share[:, None] * matrix
    for number, part in enumerate(parts):
        if not len(part) or not joint[:, number].sum():
            continue
        posterior = joint[:, number] / joint[:, number].sum()
        kinds, repeats = np.unique(part, axis=0, return_counts=True)
        for start in range(0, len(kinds), _CHUNK):
            some = slice(start, start + _CHUNK)
            size = (len(kinds[some]), DRAWS)
            drawn = generator.multinomial(repeats[some][:, None], posterior, size=size)
            totals += np.einsum("kbt,kq->btq", drawn.astype(np.float64), kinds[some])
    return share, totals


def _metrics(table: AuditTable) -> list[tuple[str, str, BoolArray, BoolArray]]:
    rows = []
    if table.predicted is not None:
        title = "accuracy on known conditions"
        rows.append(("accuracy", title, named_right(table), known_condition(table)))
    if table.true_urgency is not None and table.queue_urgency is not None:
        rank = Urgency.URGENT.rank
        urgent = (table.true_urgency == rank) & (table.queue_urgency >= 0)
        called = urgent & (table.queue_urgency == rank)
        rows.append(("sensitivity_urgent", "urgent cases queued as urgent", called, urgent))
    return rows


def _numbers(
    axis: str,
    true: tuple[str, ...],
    shares: FloatArray,
    totals: FloatArray,
    keys: list[tuple[str, str]],
) -> list[NamedNumber]:
    found = []
    for place, level in enumerate(true):
        share = float(shares[place])
        found.append(
            NamedNumber(
                key="true_share",
                title="estimated share of patients",
                axis=axis,
                level=level,
                value=share if np.isfinite(share) else None,
            )
        )
        for number, (key, title) in enumerate(keys):
            draws = ratio(totals[:, place, 2 * number], totals[:, place, 2 * number + 1])
            draws = draws[np.isfinite(draws)]
            low, high = np.quantile(draws, _RANGE) if len(draws) else (None, None)
            found.append(
                NamedNumber(
                    key=f"redrawn_{key}",
                    title=f"{title}, levels redrawn",
                    axis=axis,
                    level=level,
                    value=float(draws.mean()) if len(draws) else None,
                    low=low,
                    high=high,
                    interval=REDRAWN if len(draws) else "none",
                )
            )
    return found


def _observed(
    axis: str, observed: tuple[str, ...], totals: FloatArray, keys: list[tuple[str, str]]
) -> list[NamedNumber]:
    found = []
    for total, level in zip(totals, observed, strict=True):
        for number, (key, title) in enumerate(keys):
            hits, cases = total[2 * number], total[2 * number + 1]
            found.append(
                NamedNumber(
                    key=key,
                    title=f"{title}, levels as observed",
                    axis=axis,
                    level=level,
                    value=float(hits / cases) if cases else None,
                    n=round(cases),
                )
            )
    return found


def _note(axis: Axis, left_out: set[str]) -> str:
    tone = axis.skin_tone
    said = f"{axis.name}: range of {DRAWS} draws, 2.5 to 97.5 %."
    if tone is not None:
        raters = "number of raters not stated" if tone.raters is None else f"{tone.raters} raters"
        said += f" Scale {tone.scale}, method: {tone.method}, {raters}."
    if left_out:
        said += f" Not redrawn: {', '.join(sorted(left_out))}."
    return said
