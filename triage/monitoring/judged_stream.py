"""A CUSUM over a stream of which earlier runs have judged a part.

The sum is computed from the first case on at every run, so that nothing is lost with a file. What
earlier runs have raised stays: the sum begins at 0 after the case of a stored alarm, also where
rows have changed since (a decision undone, a patient deleted), and a crossing that such a change
moves is not raised a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.monitoring.bernoulli_cusum import CusumDesign, run_cusum
from triage.monitoring.case_stream import Ints


@dataclass(frozen=True, slots=True)
class JudgedStream:
    """What a chart says of a stream.

    Parameters
    ----------
    statistic : int64 array [N]
        Sum after each case, in steps.
    crossed : int64 array
        Places of the cases that raise an alarm, stored ones among them.
    """

    statistic: Ints
    crossed: Ints


def judge_stream(
    design: CusumDesign,
    said: NDArray[np.bool_],
    stored: Sequence[int] = (),
    restarts: Sequence[int] = (),
) -> JudgedStream:
    """Run a chart over a stream.

    Parameters
    ----------
    design : CusumDesign
    said : bool array [N]
        Whether each case counts, in order.
    stored : sequence of int
        Places of the cases of alarms that are stored.
    restarts : sequence of int
        Places of cases before which the sum begins at 0, such as after a gap.
    """
    n_cases = len(said)
    known = {place for place in stored if 0 <= place < n_cases}
    ends = sorted({*(place + 1 for place in known), *restarts, n_cases} - {0})
    statistic = np.zeros(n_cases, dtype=np.int64)
    crossed: set[int] = {*known}
    begin = 0
    for end in ends:
        path = run_cusum(design, said[begin:end])
        statistic[begin:end] = path.statistic
        found = (path.alarms + begin).tolist()
        if end - 1 in known:
            found = _without_moved(design, said, statistic, found, end - 1)
        crossed.update(found)
        begin = end
    return JudgedStream(statistic, np.array(sorted(crossed), dtype=np.int64))


def _without_moved(
    design: CusumDesign,
    said: NDArray[np.bool_],
    statistic: Ints,
    found: list[int],
    stored: int,
) -> list[int]:
    """The crossings before a stored alarm, without the last if it is of the same excursion.

    It is, if the sum, had it not begun again, would not have come back to 0 before the stored one.
    """
    before = [place for place in found if place < stored]
    if not before:
        return found
    last = before[-1]
    up, down = design.steps_up, -design.steps_down
    yes, no = (up, down) if design.rising else (down, up)
    after = slice(last + 1, stored + 1)
    going_on = statistic[last] + np.cumsum(np.where(said[after], yes, no))
    if going_on.min() <= 0:
        return found
    statistic[after] = going_on
    return [place for place in found if place < last]
