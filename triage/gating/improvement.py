"""Whether the challenger is better than the champion."""

from __future__ import annotations

import numpy as np

from triage.auditing.intervals.multiplicity import adjust_holm
from triage.gating import sentences
from triage.gating.check_keys import IMPROVEMENT, Measure
from triage.gating.main_checks import Pair, not_done
from triage.gating.measures import LOWER_IS_BETTER, TITLES, UNITS
from triage.gating.paired_means import CaseGains, PairedMean, paired_mean
from triage.gating.policy import Improvement
from triage.gating.result import CheckResult
from triage.gating.verdict_rules import LEAST_DISCORDANCE, cases_needed
from triage.vocabulary.learning import GateVerdict

_WORTHWHILE = 0.02
"""A gain, in proportions, for which the number of cases is told."""


def improvement_check(pair: Pair, rule: Improvement, min_patients: int) -> tuple[CheckResult, bool]:
    """Return the check of improvement, and whether the challenger is better.

    The one-sided p-values that it is no better, of each measure on all cases, are adjusted by
    Holm's method; one below the level is enough. Its numbers are gains, larger better, of the
    measure with the smallest p-value, with the interval that leaves out the level at each end.
    """
    found: dict[Measure, PairedMean] = {}
    for measure in rule.any_of:
        gains = pair.gains[measure]
        if isinstance(gains, CaseGains):
            mean = paired_mean(gains, pair.cluster, pair.n_patients)
            if mean.n_patients >= min_patients:
                found[measure] = mean
    if not found:
        why = "none of the measures of improvement can be measured on enough patients"
        return not_done(IMPROVEMENT, why, decides=True), False
    raw = [mean.p_not_better() for mean in found.values()]
    adjusted = adjust_holm(np.array(raw))
    order = np.lexsort((-np.array([mean.value for mean in found.values()]), adjusted))
    best = [*found][int(order[0])]
    mean, p = found[best], float(adjusted[order[0]])
    better = p < rule.level
    low, high = mean.interval(rule.level)
    unit = UNITS.get(best, "proportion")
    shown = sentences.interval(mean.value, low, high, unit)
    what = f"{TITLES[best]}{' (its fall)' if best in LOWER_IS_BETTER else ''}"
    needed = None
    if better:
        also = [
            TITLES[name] for name, each in zip(found, adjusted, strict=True)
            if each < rule.level and name != best
        ]  # fmt: skip
        why = f"better: {what} {shown}" + (f"; also {', '.join(also)}" if also else "")
    else:
        needed = _needed(mean, rule.level)
        why = f"not shown to be better; nearest: {what} {shown}"
        why += f"; a gain of 2 points would show among about {needed} cases" if needed else ""
    verdict = GateVerdict.PASSES if better else GateVerdict.NOT_ENOUGH_EVIDENCE
    check = CheckResult(
        check=IMPROVEMENT, verdict=verdict, decides=True,
        champion=_own(best, mean.champion), challenger=_own(best, mean.challenger),
        value=mean.value, low=low, high=high, unit=unit, n_cases=mean.n_cases,
        n_patients=mean.n_patients, cases_needed=needed, sentence=why,
    )  # fmt: skip
    return check, better


def _needed(mean: PairedMean, level: float) -> int | None:
    assert mean.law is not None
    bound = mean.law.high
    spread = max(mean.n_cases * mean.variance, LEAST_DISCORDANCE * bound**2)
    return cases_needed(spread, _WORTHWHILE * bound, level)


def _own(measure: Measure, value: float) -> float:
    return -value if measure in LOWER_IS_BETTER else value
