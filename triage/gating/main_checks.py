"""Non-inferiority on all cases, on each gated subgroup, and of the lowest level of each axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.auditing.audit_table import LevelCodes
from triage.auditing.intervals.multiplicity import adjust_holm
from triage.gating import sentences
from triage.gating.check_keys import MEASURES, Measure, worst
from triage.gating.measures import LOWER_IS_BETTER, UNITS
from triage.gating.paired_means import CaseGains, PairedMean, p_not_below_the_rest, paired_mean
from triage.gating.policy import GateChecks, Margins
from triage.gating.result import CheckResult
from triage.gating.verdict_rules import LEAST_DISCORDANCE, cases_needed, non_inferior
from triage.gating.worst_group import WorstGroup, worst_group
from triage.vocabulary.learning import GateVerdict
from triage.vocabulary.subgroup_levels import UNKNOWN

_UNSEEN_ONLY = "measured on no case of this kind"


@dataclass(frozen=True)
class Pair:
    """Both systems on the same N cases.

    Parameters
    ----------
    gains : dict
        Of each measure, or why it cannot be measured.
    axes : dict of LevelCodes
    cluster : int array [N]
    """

    gains: Mapping[Measure, CaseGains | str]
    axes: Mapping[str, LevelCodes]
    cluster: NDArray[np.int32]

    @property
    def n_patients(self) -> int:
        """Patients of all cases."""
        return int(self.cluster.max()) + 1


@dataclass(frozen=True)
class _Cell:
    """One measure on one set of cases."""

    measure: Measure
    group: str
    margin: float
    mean: PairedMean
    rest: PairedMean | None
    is_unknown: bool = False


def main_checks(pair: Pair, rules: GateChecks) -> list[CheckResult]:
    """Return the checks of all cases, of every level, and of the lowest levels."""
    return [*_overall(pair, rules), *_groups(pair, rules), *_worst(pair, rules)]


def _overall(pair: Pair, rules: GateChecks) -> Iterator[CheckResult]:
    cells = []
    for measure, margin, gains in _measured(pair, rules.overall):
        if isinstance(gains, str):
            yield not_done(measure, gains)
        else:
            mean = paired_mean(gains, pair.cluster, pair.n_patients)
            cells.append(_Cell(measure, "", margin, mean, None))
    yield from _judged(cells, rules)


def _groups(pair: Pair, rules: GateChecks) -> Iterator[CheckResult]:
    asked = rules.subgroups.axes
    named = [*pair.axes] if asked == "all" else [*asked]
    cells: list[_Cell] = []
    for name in named:
        if name not in pair.axes:
            yield not_done("accuracy", f"a table has no column {name}", name, decides=True)
            continue
        cells += _cells(pair, rules, name)
    yield from _judged(cells, rules)


def _cells(pair: Pair, rules: GateChecks, name: str) -> Iterator[_Cell]:
    axis = pair.axes[name]
    for measure, margin, gains in _measured(pair, rules.groups):
        if isinstance(gains, str):
            continue  # said once, of all cases
        for code, level in enumerate(axis.levels):
            inside = axis.codes == code
            mean = paired_mean(gains.among(inside), pair.cluster, pair.n_patients)
            rest = paired_mean(gains.among(~inside), pair.cluster, pair.n_patients)
            yield _Cell(measure, f"{name}: {level}", margin, mean, rest, level == UNKNOWN)


def _measured(pair: Pair, margins: Margins) -> Iterator[tuple[Measure, float, CaseGains | str]]:
    for measure in MEASURES:
        margin = margins.of(measure)
        if margin is not None:
            yield measure, margin, pair.gains[measure]


def _judged(cells: list[_Cell], rules: GateChecks) -> Iterator[CheckResult]:
    """Judge cells together: claims that the challenger is worse are adjusted for their number."""
    least = rules.subgroups.min_patients
    enough = np.array([cell.mean.n_patients >= least for cell in cells], dtype=np.bool_)
    worse = np.ones(len(cells))
    below = np.ones(len(cells))
    for at in np.flatnonzero(enough).tolist():
        mean, rest = cells[at].mean, cells[at].rest
        worse[at] = mean.p_not_worse(_tolerance(cells[at], rules))
        if (
            rest is not None
            and rest.n_patients >= least
            and mean.value < -_tolerance(cells[at], rules)
        ):
            below[at] = p_not_below_the_rest(mean, rest)
    worse[enough] = adjust_holm(worse[enough])
    below[enough] = adjust_holm(below[enough])
    for at, cell in enumerate(cells):
        if enough[at]:
            level = rules.subgroups.harm_level if cell.group else rules.level
            yield _check(cell, rules, worse=worse[at] < level, below=below[at] < level)
        else:
            yield _too_few(cell, rules)


def _tolerance(cell: _Cell, rules: GateChecks) -> float:
    """The tolerance of a level, in proportion to the margin for costs; none of all cases."""
    if not cell.group:
        return 0.0
    share = rules.groups.accuracy or 1.0
    scale = cell.margin / share if cell.measure in LOWER_IS_BETTER else 1.0
    return rules.subgroups.tolerance * scale


def _check(cell: _Cell, rules: GateChecks, *, worse: bool, below: bool) -> CheckResult:
    mean = cell.mean
    low, high = mean.interval(rules.level)
    verdict = non_inferior(low, cell.margin, worse=worse)
    needed = None
    if worse and cell.group:
        verdict = GateVerdict.FAILS
    if verdict is GateVerdict.NOT_ENOUGH_EVIDENCE:
        needed = _needed(mean, cell.margin, rules.level)
    why = sentences.non_inferiority(cell.measure, verdict, cell.margin, needed, mean.n_cases)
    if worse and low >= -cell.margin:
        why = "significantly worse" if verdict is GateVerdict.FAILS else f"worse, but {why}"
    if below:
        assert cell.rest is not None
        unit = UNITS.get(cell.measure, "proportion")
        others = sentences.change(_shown(cell.measure, cell.rest.value), unit)
        verdict, needed = GateVerdict.FAILS, None
        why = f"worse here, and significantly so than all other cases ({others})"
    found = _result(cell.measure, cell.group, mean, (low, high), cell.margin, verdict, needed, why)
    # Unknown is no group of people but a missing value; its cases are judged among all cases.
    only_fails = cell.measure in LOWER_IS_BETTER or cell.is_unknown
    if only_fails and verdict is GateVerdict.NOT_ENOUGH_EVIDENCE:
        sentence = f"{found.sentence} (decides only by failing)"
        return found.model_copy(update={"decides": False, "sentence": sentence})
    return found


def _needed(mean: PairedMean, margin: float, level: float) -> int | None:
    """Cases that would decide, by what was seen: the design effect of patients is in."""
    bound = mean.law.high if mean.law is not None else 1.0
    seen = mean.n_cases * mean.variance + mean.value**2
    spread = max(seen, LEAST_DISCORDANCE * bound**2)
    gain = min(mean.value, 0.0)
    found = cases_needed(spread, margin, level, gain if gain > -margin else 0.0)
    return None if found is None else max(found, mean.n_cases + 1)


def _too_few(cell: _Cell, rules: GateChecks) -> CheckResult:
    mean, least = cell.mean, rules.subgroups.min_patients
    if not mean.n_cases:
        return not_done(cell.measure, _UNSEEN_ONLY, cell.group)
    why = f"{mean.n_patients} patients with such cases, fewer than {least}"
    if cell.is_unknown or (cell.group and rules.subgroups.small == "left_out"):
        return not_done(cell.measure, why, cell.group)
    spread = LEAST_DISCORDANCE
    if cell.rest is not None and cell.rest.n_cases:
        spread = max(spread, cell.rest.n_cases * cell.rest.variance + cell.rest.value**2)
    needed = cases_needed(spread, cell.margin, rules.level)
    needed = None if needed is None else max(needed, least)
    verdict = GateVerdict.NOT_ENOUGH_EVIDENCE
    why += sentences.more_cases(needed, mean.n_cases)
    ends = mean.interval(rules.level)
    return _result(cell.measure, cell.group, mean, ends, cell.margin, verdict, needed, why)


def _worst(pair: Pair, rules: GateChecks) -> Iterator[CheckResult]:
    asked = rules.subgroups.axes
    axes = [name for name in pair.axes if asked == "all" or name in asked]
    jobs = [
        (name, measure, margin, gains)
        for name in axes
        for measure, margin, gains in _measured(pair, rules.worst_group)
        if not isinstance(gains, str)
    ]
    for name, measure, margin, gains in jobs:
        axis = pair.axes[name]
        levels = _large_levels(gains, axis, pair.cluster, rules.subgroups.min_patients)
        if len(levels) < 2:
            yield not_done(worst(measure), "fewer than two levels with enough patients", name)
            continue
        found = worst_group(gains, axis, pair.cluster, levels)
        yield _worst_check(found, name, measure, margin, gains, rules, len(jobs))


def _large_levels(
    gains: CaseGains, axis: LevelCodes, cluster: NDArray[np.int32], least: int
) -> list[int]:
    return [
        code
        for code, level in enumerate(axis.levels)
        if level != UNKNOWN and len(np.unique(cluster[gains.where & (axis.codes == code)])) >= least
    ]


def _worst_check(
    found: WorstGroup,
    axis: str,
    measure: Measure,
    margin: float,
    gains: CaseGains,
    rules: GateChecks,
    n_checks: int,
) -> CheckResult:
    low = min(float(np.quantile(found.least, rules.level)), found.value)
    high = max(float(np.quantile(found.most, 1 - rules.level)), found.value)
    highest = float(np.quantile(found.most, 1 - rules.level / n_checks))
    verdict = non_inferior(low, margin, worse=highest < 0)
    if measure not in LOWER_IS_BETTER and highest < -rules.subgroups.tolerance:
        verdict = GateVerdict.FAILS
    why = sentences.non_inferiority(measure, verdict, margin, None, 0)
    why += f" (lowest: {found.champion_level}, then {found.challenger_level})"
    ends = sorted(_shown(measure, each) for each in (low, high))
    unit = UNITS.get(measure, "proportion")
    shown = sentences.interval(_shown(measure, found.value), ends[0], ends[1], unit)
    return CheckResult(
        check=worst(measure), group=axis, verdict=verdict, decides=True,
        champion=_shown(measure, found.champion), challenger=_shown(measure, found.challenger),
        value=_shown(measure, found.value), low=ends[0], high=ends[1], margin=margin, unit=unit,
        n_cases=int(gains.where.sum()), n_patients=0, sentence=f"{shown}: {why}",
    )  # fmt: skip


def _shown(measure: Measure, value: float) -> float:
    """Turn a gain, larger better, back into the measure's own direction."""
    return -value if measure in LOWER_IS_BETTER else value


def _result(
    measure: Measure,
    group: str,
    mean: PairedMean,
    ends: tuple[float, float],
    margin: float,
    verdict: GateVerdict,
    needed: int | None,
    why: str,
) -> CheckResult:
    low, high = sorted(_shown(measure, each) for each in ends)
    unit = UNITS.get(measure, "proportion")
    value = _shown(measure, mean.value)
    return CheckResult(
        check=measure, group=group, verdict=verdict, decides=True,
        champion=_shown(measure, mean.champion), challenger=_shown(measure, mean.challenger),
        value=value, low=low, high=high, margin=margin, unit=unit, n_cases=mean.n_cases,
        n_patients=mean.n_patients, cases_needed=needed,
        sentence=f"{sentences.interval(value, low, high, unit)}: {why}",
    )  # fmt: skip


def not_done(check: str, why: str, group: str = "", *, decides: bool = False) -> CheckResult:
    """Return a check that was not done, and why."""
    return CheckResult(check=check, group=group, verdict=None, decides=decides, sentence=why)
