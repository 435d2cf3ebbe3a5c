"""When a check passes, fails, or lacks evidence, and how many cases it would take.

Non-inferiority: the lower end of the interval, which leaves out the check's level, is no lower than
the margin. The gate passes only if every check does, which is an intersection-union test: each
check is at its full level without a correction, and the gate passes a challenger that is worse by
more than a margin anywhere with at most that probability (Berger 1982, Multiparameter hypothesis
testing and acceptance sampling, Technometrics 24:295).

That a check *fails* is a claim of its own, that the challenger is worse, and any one of many checks
can make it; these p-values are adjusted for their number (Holm). On all cases it fails where the
challenger is significantly worse at all and a loss of the margin is not excluded. The alternative,
to fail only where the loss surely exceeds the margin, would call most harm "not enough evidence".
The margin of a subgroup is wide, since it says how great a loss the few cases of the subgroup must
exclude by themselves; so a subgroup fails besides where it is significantly worse by more than a
small tolerance, or worse by more than it and significantly below all other cases: a qualitative
interaction (Gail & Simon 1985, Biometrics 41:361), which shows harm to a subgroup long before its
own cases exclude that there is none.

Secondary checks (calibration, out-of-distribution detection, coverage) have a tolerance of the
estimate: it must keep within the tolerance, and its interval within twice that. They fail where the
estimate is beyond the tolerance and significantly so in the bad direction.
"""

from __future__ import annotations

import math

from scipy import special

from triage.vocabulary.learning import GateVerdict

POWER = 0.8
LEAST_DISCORDANCE = 0.02
"""Discordance assumed at least where the number of cases is told, however few were seen."""


def non_inferior(low: float, margin: float, *, worse: bool) -> GateVerdict:
    """Return the verdict of a non-inferiority check.

    Parameters
    ----------
    low : float
        Lower end of the interval of the gain.
    margin : float
    worse : bool
        Whether the challenger is significantly worse.
    """
    if low >= -margin:
        return GateVerdict.PASSES
    return GateVerdict.FAILS if worse else GateVerdict.NOT_ENOUGH_EVIDENCE


def within_tolerance(value: float, low: float, high: float, tolerance: float) -> GateVerdict:
    """Return the verdict of a secondary check on a gain, larger better."""
    if value >= -tolerance and low >= -2 * tolerance:
        return GateVerdict.PASSES
    if value < -tolerance and high < 0:
        return GateVerdict.FAILS
    return GateVerdict.NOT_ENOUGH_EVIDENCE


def unchanged(value: float, low: float, high: float, tolerance: float) -> GateVerdict:
    """Return the verdict of a check that something changes neither way."""
    if abs(value) <= tolerance and low >= -2 * tolerance and high <= 2 * tolerance:
        return GateVerdict.PASSES
    if abs(value) > tolerance and not low <= 0 <= high:
        return GateVerdict.FAILS
    return GateVerdict.NOT_ENOUGH_EVIDENCE


def cases_needed(spread: float, margin: float, level: float, gain: float = 0.0) -> int | None:
    """Return about how many cases decide a paired non-inferiority check with a power of 80 %.

    (z_level + z_power)^2 spread / (margin + gain)^2, as of paired proportions with the discordance
    as the spread (derived; Connor 1987, Sample size for testing differences in proportions for the
    paired-sample design, Biometrics 43:207, at equal proportions).

    Parameters
    ----------
    spread : float
        Mean squared difference of a case; of a proportion, the share of discordant cases. With
        several cases a patient, times the design effect.
    margin : float
    level : float
        One-sided.
    gain : float
        The true difference that is assumed, above -margin.

    Examples
    --------
    >>> cases_needed(0.05, 0.03, 0.025), cases_needed(0.10, 0.05, 0.025)
    (437, 314)
    """
    if margin + gain <= 0:
        return None
    quantiles = float(special.ndtri(POWER) - special.ndtri(level))
    return math.ceil(quantiles**2 * spread / (margin + gain) ** 2)
