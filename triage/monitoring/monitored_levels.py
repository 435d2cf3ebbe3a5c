"""The streams of a plan: all cases, and those of each site and level of a subgroup."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.monitoring.case_stream import Arrivals, Ints
from triage.monitoring.monitoring_plan import MonitoringPlan


@dataclass(frozen=True)
class Level:
    """One level of an axis; '' and '' are all cases."""

    axis: str = ""
    name: str = ""

    def of(self, arrivals: Arrivals) -> Ints:
        """Return the places of its cases."""
        return np.flatnonzero(self.mask(arrivals)).astype(np.int64)

    def mask(self, arrivals: Arrivals) -> NDArray[np.bool_]:
        """Return which cases are of it."""
        if not self.axis:
            return np.ones(len(arrivals), dtype=np.bool_)
        column = arrivals.columns[self.axis]
        if self.name not in column.levels:
            return np.zeros(len(arrivals), dtype=np.bool_)
        return np.asarray(column.codes == column.levels.index(self.name))

    def of_cases(self, arrivals: Arrivals, cases: Ints) -> NDArray[np.bool_]:
        """Return which of some cases, by their numbers, are of it and among the arrivals."""
        held = np.sort(arrivals.case[self.of(arrivals)])
        return np.isin(cases, held)


def levels_of(plan: MonitoringPlan, arrivals: Arrivals) -> list[Level]:
    """Return the streams of a plan, all cases first.

    Of each axis: levels with a rate in the plan, in its order, and then others in the order of
    their first case, so that later cases add levels and take none away; at most
    `plan.max_levels`.
    """
    found = [Level()]
    for axis in plan.axes:
        planned = dict.fromkeys(one.level for one in plan.rates if one.axis == axis)
        column = arrivals.columns[axis]
        codes, first = np.unique(column.codes, return_index=True)
        seen = [column.levels[code] for code in codes[np.argsort(first)].tolist()]
        names = list(dict.fromkeys((*planned, *seen)))
        found += [Level(axis, name) for name in names[: plan.max_levels]]
    return found


def left_out(plan: MonitoringPlan, arrivals: Arrivals) -> list[str]:
    """Return which axes have more levels than are watched, in words."""
    found = []
    for axis in plan.axes:
        column = arrivals.columns[axis]
        planned = {one.level for one in plan.rates if one.axis == axis}
        n_levels = len(planned | {column.levels[code] for code in np.unique(column.codes)})
        if n_levels > plan.max_levels:
            found.append(f"{axis}: {n_levels} levels, of which the plan watches {plan.max_levels}")
    return found
