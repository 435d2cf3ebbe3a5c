"""Equalised-odds gap of the urgent decision, with what chance alone would give.

The gap is `equalized_odds_difference` of fairlearn in its default form: the larger of the range of
the true-positive rate and the range of the false-positive rate over the levels of an axis. A range
of noisy rates is above zero where all levels are alike, so it is printed beside its distribution
under random exchange of levels between patients.
"""

from __future__ import annotations

import numpy as np

from triage.auditing.analyses.group_sums import (
    BoolArray,
    FloatArray,
    GroupSums,
    group_sums,
)
from triage.auditing.analyses.numbers import SHARE, missing_columns, unavailable
from triage.auditing.audit_plan import AuditPlan, IntervalSettings
from triage.auditing.audit_table import AuditTable, LevelCodes
from triage.auditing.measurement import Analysis, NamedNumber
from triage.evaluation.metrics.weighted import ratio
from triage.vocabulary.clinical import Urgency

KEY, TITLE = "equalised_odds", "Equalised odds"
_HITS, _URGENT, _ALARMS, _OTHERS = range(4)
PERMUTATION = "permutation of patients"


def equalised_odds(table: AuditTable, plan: AuditPlan) -> Analysis:
    """Measure the equalised-odds gap of each axis.

    Returns
    -------
    Analysis
        By axis: `equalised_odds_gap`, the gap to the rates of all cases
        (`equalised_odds_to_overall`), mean and central range under exchange
        (`equalised_odds_by_chance`), and the p-value (`equalised_odds_p`).
    """
    reason = missing_columns(
        {"true urgency": table.true_urgency, "urgency of the queue": table.queue_urgency}
    )
    if reason or not table.axes:
        return unavailable(KEY, TITLE, reason or "the plan has no axis")
    assert table.true_urgency is not None
    assert table.queue_urgency is not None
    rank = Urgency.URGENT.rank
    called, urgent = table.queue_urgency == rank, table.true_urgency == rank
    values = (called & urgent, urgent, called & ~urgent, ~urgent)
    where = (table.true_urgency >= 0) & (table.queue_urgency >= 0)
    numbers: list[NamedNumber] = []
    notes = [
        "The decision is urgent where the case is queued as urgent; a case without an opinion "
        "counts with its queue.",
        f"Rates of a level count with at least {plan.intervals.min_patients} patients of the kind. "
        "Gaps of axes with different numbers of levels cannot be compared.",
    ]
    for axis, levels in table.axes.items():
        sums = group_sums(table, levels, values, where)
        found, note = _axis(axis, levels, sums, plan.intervals)
        numbers += found
        notes += [note] if note else []
    if not numbers:
        reason = "no axis has two levels with enough patients, urgent or not"
        return unavailable(KEY, TITLE, reason)
    return Analysis(key=KEY, title=TITLE, available=True, numbers=numbers, notes=notes)


def _axis(
    axis: str, levels: LevelCodes, sums: GroupSums, settings: IntervalSettings
) -> tuple[list[NamedNumber], str]:
    enough = sums.patients[:, [_URGENT, _OTHERS]] >= settings.min_patients
    if not (enough.sum(axis=0) >= 2).any():
        return [], f"{axis}: fewer than two levels with enough patients."
    overall = _rates(sums.totals.sum(axis=0))
    gap, to_overall = (float(each) for each in _gaps(_rates(sums.totals), enough, overall))
    chance, n_mixed = _exchanged(sums, settings)
    by_chance = _gaps(_rates(chance), enough, overall)[0]
    tail = (1 - settings.confidence) / 2
    low, high = (float(each) for each in np.nanquantile(by_chance, [tail, 1 - tail]))
    p_value = (1 + np.sum(by_chance >= gap - 1e-12)) / (1 + len(by_chance))
    counted = [levels.levels[place] for place in np.flatnonzero(enough.any(axis=1))]

    def number(key: str, title: str, value: float, **more: object) -> NamedNumber:
        fields = {
            "key": f"equalised_odds_{key}", "title": title, "axis": axis, "unit": SHARE,
            "value": value, "n": int(sums.totals[:, [_URGENT, _OTHERS]].sum()),
            "n_patients": sums.by_patient.shape[0],
        }  # fmt: skip
        return NamedNumber.model_validate(fields | more)

    note = f"levels: {', '.join(counted)}"
    found = [
        number("gap", "largest gap of the two rates between levels", gap, note=note),
        number("to_overall", "largest gap of the two rates to all cases", to_overall),
        number(
            "by_chance", "mean gap if levels are exchanged between patients",
            float(np.nanmean(by_chance)), low=low, high=high, interval=PERMUTATION,
        ),
        number("p", "p-value of the gap", float(p_value), unit="p-value", interval=PERMUTATION),
    ]  # fmt: skip
    mixed = f"{n_mixed} patients with cases in several levels of {axis} kept their levels."
    return found, mixed if n_mixed else ""


def _rates(totals: FloatArray) -> FloatArray:
    """True- and false-positive rate, [..., 2]."""
    return ratio(totals[..., [_HITS, _ALARMS]], totals[..., [_URGENT, _OTHERS]])


def _gaps(
    rates: FloatArray, enough: BoolArray, overall: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Gap between levels and gap to overall, of rates [..., L, 2]."""
    kept = np.where(enough, rates, np.nan)
    known = np.isfinite(kept)
    top = np.where(known, kept, -np.inf).max(axis=-2)
    bottom = np.where(known, kept, np.inf).min(axis=-2)
    spread = np.where(known.sum(axis=-2) >= 2, top - bottom, np.nan)
    away = np.where(known, np.abs(kept - overall), -np.inf).max(axis=-2)
    away = np.where(np.isfinite(spread), away, np.nan)
    return np.fmax(spread[..., 0], spread[..., 1]), np.fmax(away[..., 0], away[..., 1])


def _exchanged(sums: GroupSums, settings: IntervalSettings) -> tuple[FloatArray, int]:
    """Totals [B, L, 4] with levels exchanged between patients, and the number who kept theirs.

    Patients with the same four counts are alike, so a level's patients are a draw without
    replacement from the kinds of patient: exact, at a cost that does not grow with the patients.
    Patients with cases in several levels are left as they are.
    """
    n_levels = sums.n_levels
    dense = [sums.by_patient[:, value :: sums.n_values] for value in range(sums.n_values)]
    has_cases = ((dense[_URGENT] + dense[_OTHERS]) > 0).tocsr()
    single = np.diff(has_cases.indptr) == 1
    level = has_cases[single].indices
    counts = np.stack([part[single].sum(axis=1) for part in dense], axis=1)
    most = counts.max(axis=0, initial=0).astype(np.int64) + 1
    kind, left = np.unique(
        np.ravel_multi_index(counts.astype(np.int64).T, most), return_counts=True
    )
    kinds = np.stack(np.unravel_index(kind, most), axis=1)
    sizes = np.bincount(level, minlength=n_levels)
    kept = np.stack([part[~single].sum(axis=0) for part in dense], axis=1)
    totals = np.repeat(kept[None].astype(np.float64), settings.replicates, axis=0)
    generator = np.random.default_rng(settings.seed)
    for one in totals:
        remaining = left.copy()
        for place in np.flatnonzero(sizes)[:-1]:
            drawn = generator.multivariate_hypergeometric(
                remaining, sizes[place], method="marginals"
            )
            one[place] += drawn @ kinds
            remaining -= drawn
        if sizes.any():
            one[np.flatnonzero(sizes)[-1]] += remaining @ kinds
    return totals, int((~single).sum())
