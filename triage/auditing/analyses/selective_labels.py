"""What metrics would be if every case were verified, by inverse-probability weights.

Where the true condition is known only of cases that were referred, rates of the verified cases do
not hold for all. Each verified case is weighted by 1 / P(verified | stratum, level), from a
logistic model (`triage.auditing.analyses.verification`); the weighted rate is that of all cases if
verification depends on nothing else that the rate depends on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from triage.auditing.analyses.case_flags import known_condition, named_right
from triage.auditing.analyses.group_sums import (
    BoolArray,
    FloatArray,
    GroupSums,
    every_axis,
    group_sums,
)
from triage.auditing.analyses.numbers import (
    Name,
    measured_ratio,
    named_number,
    share_number,
    unavailable,
)
from triage.auditing.analyses.verification import inverse_weights, verification_strata
from triage.auditing.audit_plan import AuditPlan, IntervalSettings
from triage.auditing.audit_table import AuditTable, LevelCodes
from triage.auditing.measurement import Analysis, NamedNumber
from triage.evaluation.metrics.weighted import ratio
from triage.vocabulary.clinical import Urgency

KEY, TITLE = "selective_labels", "Selective labels"
_CASES, _VERIFIED = range(2)


def selective_labels(table: AuditTable, plan: AuditPlan) -> Analysis:
    """Measure how many cases were verified, and rates weighted to all cases.

    Returns
    -------
    Analysis
        By level: `verified` (share of cases with a label), `effective_cases`
        ((sum w)^2 / sum w^2), `weighted_accuracy`, `weighted_sensitivity_urgent` and
        `weighted_specificity_urgent`, where their columns are there.
    """
    if table.labelled.all():
        return unavailable(KEY, TITLE, "every case has a label")
    if not table.labelled.any():
        return unavailable(KEY, TITLE, "no case has a label")
    found = verification_strata(table)
    numbers: list[NamedNumber] = []
    notes = []
    for axis, levels in every_axis(table):
        share = group_sums(table, levels, (table.labelled, np.ones(len(table), dtype=np.bool_)))
        for place, level in enumerate(levels.levels):
            if share.totals[place, 1]:
                name = Name("verified", "cases with a label", axis, level)
                numbers.append(share_number(name, share, (place, 0, 1), plan.intervals))
        if found is not None:
            numbers += _weighted(table, axis, levels, found[0], plan.intervals)
    if found is None:
        notes.append("No weighted rates: the table has neither a recommendation nor a probability.")
    else:
        notes.append(
            f"Weights are 1 / P(verified), from a logistic model of the level and the {found[1]}, "
            "clipped at the 99th percentile. They hold if verification depends on nothing else "
            "that the rate depends on."
        )
    many = len(np.unique(table.cluster)) > plan.intervals.max_bootstrap_patients
    notes.append(
        "Intervals take the weights as given, which makes them wider."
        if many
        else "The model is fitted anew to every resample of patients."
    )
    return Analysis(key=KEY, title=TITLE, available=True, numbers=numbers, notes=notes)


def _rates(table: AuditTable) -> list[tuple[str, str, BoolArray, BoolArray]]:
    """Key, title, cases that count in the numerator, and all that count, of each rate."""
    rows = []
    if table.predicted is not None:
        known = known_condition(table)
        rows.append(("accuracy", "accuracy on known conditions", named_right(table), known))
    if table.true_urgency is not None and table.queue_urgency is not None:
        known = table.labelled & (table.true_urgency >= 0) & (table.queue_urgency >= 0)
        urgent = table.true_urgency == Urgency.URGENT.rank
        called = table.queue_urgency == Urgency.URGENT.rank
        rows += [
            ("sensitivity_urgent", "urgent cases queued as urgent", known & urgent & called,
             known & urgent),
            ("specificity_urgent", "other cases not queued as urgent", known & ~urgent & ~called,
             known & ~urgent),
        ]  # fmt: skip
    return rows


def _weighted(
    table: AuditTable,
    axis: str,
    levels: LevelCodes,
    strata: LevelCodes,
    settings: IntervalSettings,
) -> list[NamedNumber]:
    rates = _rates(table)
    values = [np.ones(len(table), dtype=np.bool_), table.labelled]
    for _, _, top, bottom in rates:
        values += [top, bottom]
    n_levels = len(levels.levels)
    names = tuple(f"{stratum}" for stratum in strata.levels for _ in levels.levels)
    both = LevelCodes(names, (strata.codes * n_levels + levels.codes).astype(np.int16))
    cells = group_sums(table, both, values)
    shape = (len(strata.levels), n_levels, len(values))
    totals = cells.totals.reshape(1, *shape)
    weights = inverse_weights(totals[..., _CASES], totals[..., _VERIFIED])
    replicates = cells.replicates(settings)
    drawn = None if replicates is None else _weighted_totals(replicates.reshape(-1, *shape))
    each = weights[0][strata.codes, levels.codes]
    weighed = [each * value for value in values[_VERIFIED:]] + [each**2 * table.labelled]
    sums = group_sums(table, levels, weighed, table.labelled)
    found = []
    for place, level in enumerate(levels.levels):
        empty = (totals[0, :, place, _CASES] > 0) & (totals[0, :, place, _VERIFIED] == 0)
        if empty.any():
            missing = ", ".join(strata.levels[stratum] for stratum in np.flatnonzero(empty))
            found += _no_estimate(axis, level, rates, missing)
        elif totals[0, :, place, _VERIFIED].any():
            counts = totals[0, :, place, _VERIFIED + 1 :].sum(axis=0)
            name = Name("", "", axis, level)
            found += _level(name, rates, counts, sums, place, drawn, settings)
    return found


def _weighted_totals(totals: FloatArray) -> FloatArray:
    """Sums over strata of the weighted values of verified cases, [B, L, Q - 1]."""
    weights = inverse_weights(totals[..., _CASES], totals[..., _VERIFIED])
    found: FloatArray = np.einsum("brl,brlq->blq", weights, totals[..., _VERIFIED:])
    return found


def _level(
    name: Name,
    rates: Sequence[tuple[str, str, BoolArray, BoolArray]],
    counts: FloatArray,
    sums: GroupSums,
    place: int,
    drawn: FloatArray | None,
    settings: IntervalSettings,
) -> list[NamedNumber]:
    total = sums.totals[place]
    found = [
        NamedNumber(
            key="effective_cases",
            title="verified cases that the weighted ones are worth",
            axis=name.axis,
            level=name.level,
            unit="count",
            value=float(total[0] ** 2 / total[-1]),
        )
    ]
    for number, (key, title, _, _) in enumerate(rates):
        top, bottom = 1 + 2 * number, 2 + 2 * number
        own = replace(name, key=f"weighted_{key}", title=f"{title}, weighted to all cases")
        measured = measured_ratio(own, sums, place, sums.unit(top), sums.unit(bottom))
        resampled = None
        if drawn is not None:
            resampled = ratio(drawn[:, place, top], drawn[:, place, bottom])
        n = round(float(counts[2 * number + 1]))
        measured = replace(measured, replicates=resampled, bounds=(0.0, 1.0), n=n)
        found.append(named_number(own, measured, settings))
    return found


def _no_estimate(
    axis: str, level: str, rates: Sequence[tuple[str, str, BoolArray, BoolArray]], missing: str
) -> list[NamedNumber]:
    return [
        NamedNumber(
            key=f"weighted_{key}", title=f"{title}, weighted to all cases", axis=axis, level=level,
            value=None, note=f"no verified case queued as: {missing}",
        )
        for key, title, _, _ in rates
    ]  # fmt: skip
