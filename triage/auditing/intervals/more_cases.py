"""How many more cases a limit would take that there is not enough evidence for."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from triage.auditing.audit_plan import IntervalSettings, Limit
from triage.auditing.intervals.binomial import smaller_tail
from triage.auditing.intervals.result import IntervalResult
from triage.auditing.measurement import AuditEstimate

_MOST = 10**9


class MoreCases(NamedTuple):
    """Further cases, of the kind that the proportion is taken of; None where none would do."""

    without_error: int | None
    at_this_rate: int | None


def more_cases(
    estimate: AuditEstimate,
    result: IntervalResult,
    limit: Limit,
    settings: IntervalSettings,
    level: float,
) -> MoreCases:
    """Return how many more cases would show that a proportion meets its limit.

    The least number whose Clopper-Pearson p-value of the limit is below `level`; with no case
    yet and no error it is the least n with (limit)^n < level / 2. Cases are worth as much as
    those seen: n cases of the same patients that are worth m count m / n each.

    Parameters
    ----------
    estimate : AuditEstimate
    result : IntervalResult
    limit : Limit
    settings : IntervalSettings
        As many patients as `min_patients` are needed in any case; each further case is taken to
        be a further patient's.
    level : float
        That of the row: one less the confidence, divided by the number of rows of its set, so
        that the number is enough whatever the other rows show.
    """
    n, patients, positive = estimate.n, estimate.n_patients, estimate.n_positive
    if n is None or patients is None or positive is None:
        return MoreCases(None, None)
    rights = positive if limit.at_most is None else n - positive
    bound = limit.bound if limit.at_most is None else 1 - limit.bound
    if not 0 < bound < 1:
        return MoreCases(None, None)
    seen = max(n, 1)
    worth = min(1.0, (result.trials or max(patients, 1)) / seen)
    share = rights / seen

    def without_error(more: int) -> bool:
        total = n + more
        return total > 0 and _meets((rights + more) / total, total * worth, bound, level)

    def at_this_rate(more: int) -> bool:
        return _meets(share, (n + more) * worth, bound, level)

    least = max(settings.min_patients - patients, 0)
    same_rate = _least(at_this_rate, least) if share > bound else None
    return MoreCases(_least(without_error, least), same_rate)


def _meets(share: float, trials: float, bound: float, level: float) -> bool:
    return share > bound and 2 * smaller_tail(share, trials, bound) < level


def _least(enough: Callable[[int], bool], least: int) -> int | None:
    """Return the least number from `least` on that is enough, if all larger ones are."""
    if enough(least):
        return least
    too_few, step = least, 1
    while not enough(too_few + step):
        too_few, step = too_few + step, 2 * step
        if too_few > _MOST:
            return None
    low, high = too_few, too_few + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
