"""Which numbers of a gate's answer are shown, so that they do not teach the gate split by heart."""

from __future__ import annotations

import math

from scipy import stats

from triage.gating.hold_out_ladder import HoldOutState, round_to
from triage.gating.result import CheckResult, GateResult
from triage.vocabulary.learning import GateVerdict

_LEVEL = 0.05


def shown_result(result: GateResult, state: HoldOutState, level: float = _LEVEL) -> GateResult:
    """Return what is shown of an answer; only this is stored.

    The first use of a gate split shows everything. From the second on, a check with an interval
    shows its difference to the nearest step of this use, which is 0 where it is less than half a
    step, and no interval. Verdicts are not changed. Checks without an interval, such as the list of
    new urgent misses on the frozen set, memory or the flips of single cases, are shown as they are:
    who signs for them has to see them.

    Parameters
    ----------
    result : GateResult
        As the gate computed it.
    state : HoldOutState
        Of this use.
    level : float
        One-sided, of the intervals in the result.
    """
    notes = [*result.notes, _counted(state)]
    checks = result.checks
    if state.use > 1:
        checks = tuple(_rounded(each, state, level) for each in checks)
        notes.append(
            "From the second use of the gate split on, differences are rounded to the step of the "
            "use, and intervals are not shown."
        )
    return result.model_copy(
        update={"better": state.better, "checks": checks, "use": state.use, "notes": tuple(notes)}
    )


def _counted(state: HoldOutState) -> str:
    asked = "" if state.step is None else f", which asks for a difference of {state.step:.4f}"
    found = f"sure gain {state.claimed:.4f}" if state.better else "not called better"
    return (
        f"Use {state.use} of this gate split, {state.improvements} earlier called better: judged "
        f"at the one-sided level {state.level:.2g}{asked}; {found}."
    )


def _rounded(check: CheckResult, state: HoldOutState, level: float) -> CheckResult:
    if check.low is None or check.high is None or check.value is None or not check.n_cases:
        return check
    unit = step_of_interval(check.low, check.high, level, state.level)
    if unit <= 0:
        return check
    value = round_to(check.value, unit)
    challenger = None
    if check.champion is not None and check.challenger is not None:
        falls = (check.challenger - check.champion) * check.value < 0  # of costs a fall is a gain
        challenger = check.champion + (-value if falls else value)
    words = {
        None: "not done",
        GateVerdict.PASSES: "passes",
        GateVerdict.FAILS: "fails",
        GateVerdict.NOT_ENOUGH_EVIDENCE: "not enough evidence",
    }[check.verdict]
    group = f" ({check.group})" if check.group else ""
    margin = "" if check.margin is None else f", margin {check.margin:+.3f}"
    needed = None if check.cases_needed is None else _one_digit_up(check.cases_needed)
    more = "" if needed is None else f"; it takes about {needed} cases"
    return check.model_copy(
        update={
            "value": value,
            "challenger": challenger,
            "low": None,
            "high": None,
            "cases_needed": needed,
            "sentence": f"{check.check}{group}: {words}; difference {value:+.3f} to the nearest "
            f"{unit:.3f}{margin}{more}.",
        }
    )


def step_of_interval(low: float, high: float, level: float, spent: float) -> float:
    """Return the step at a spent one-sided level, from an interval of another one-sided level."""
    return (high - low) / 2 * float(stats.norm.isf(spent) / stats.norm.isf(level))


def _one_digit_up(number: int) -> int:
    unit: int = 10 ** int(math.log10(max(number, 1)))
    return int(math.ceil(number / unit) * unit)
