"""Under-calls of people on cases where they saw that the system abstains, against blind reads."""

from __future__ import annotations

import numpy as np

from triage.auditing.analyses.group_sums import FloatArray, every_axis, group_sums
from triage.auditing.analyses.numbers import drawn_number, share_number
from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.audit_table import AuditTable
from triage.auditing.measurement import NamedNumber
from triage.evaluation.metrics.weighted import ratio
from triage.vocabulary.clinical import Urgency

_SHOWN_MISSED, _SHOWN, _BLIND_MISSED, _BLIND = range(4)


def under_call_numbers(table: AuditTable, settings: IntervalSettings) -> list[NamedNumber]:
    """Return `under_call_abstained`, `under_call_blind`, their difference, and `mean_seconds`.

    An under-call is a final urgency below the true one; cases that are truly for observation
    cannot have one and are left out. Empty where the table lacks the columns.
    """
    return _under_calls(table, settings) + _seconds(table, settings)


def _under_calls(table: AuditTable, settings: IntervalSettings) -> list[NamedNumber]:
    final, true = table.final_urgency, table.true_urgency
    if final is None or true is None or table.ai_shown is None or table.abstained is None:
        return []
    where = (final >= 0) & (true >= 0) & (true < Urgency.OBSERVATION.rank)
    missed = final > true
    shown, blind = (table.ai_shown == 1) & table.abstained, table.ai_shown == 0
    values = [missed & shown, shown, missed & blind, blind]
    found = []
    for axis, levels in every_axis(table):
        sums = group_sums(table, levels, values, where)
        drawn, interval = sums.draw(settings)
        differences = _difference(drawn)
        for place, level in enumerate(levels.levels):
            if not sums.totals[place, [_SHOWN, _BLIND]].all():
                continue
            scope = (axis, level)
            found += [
                share_number(
                    "under_call_abstained", "under-calls where the system was seen to abstain",
                    scope, sums, (place, _SHOWN_MISSED, _SHOWN), settings,
                ),
                share_number(
                    "under_call_blind", "under-calls of reads without the system",
                    scope, sums, (place, _BLIND_MISSED, _BLIND), settings,
                ),
                drawn_number(
                    "under_call_difference", "difference of the two", scope,
                    float(_difference(sums.totals[place])), differences[:, place], settings,
                    n=int(sums.totals[place, [_SHOWN, _BLIND]].sum()), interval=interval,
                    n_patients=int(sums.patients[place, [_SHOWN, _BLIND]].min()),
                ),
            ]  # fmt: skip
    return found


def _difference(totals: FloatArray) -> FloatArray:
    shown, blind = (
        ratio(totals[..., top], totals[..., bottom])
        for top, bottom in ((_SHOWN_MISSED, _SHOWN), (_BLIND_MISSED, _BLIND))
    )
    return shown - blind


def _seconds(table: AuditTable, settings: IntervalSettings) -> list[NamedNumber]:
    if table.seconds is None or not np.isfinite(table.seconds).any():
        return []
    known = np.isfinite(table.seconds)
    seconds = np.where(known, table.seconds, 0.0)
    found = []
    for axis, levels in every_axis(table):
        sums = group_sums(table, levels, (seconds, known), known)
        drawn, interval = sums.draw(settings)
        means, draws = (ratio(each[..., 0], each[..., 1]) for each in (sums.totals, drawn))
        for place, level in enumerate(levels.levels):
            if sums.totals[place, 1]:
                found.append(
                    drawn_number(
                        "mean_seconds", "mean time of the person on the case", (axis, level),
                        float(means[place]), draws[:, place], settings, interval=interval,
                        n=int(sums.totals[place, 1]), n_patients=int(sums.patients[place, 1]),
                        unit="s", unseen=float(seconds.max()),
                    )  # fmt: skip
                )
    return found
