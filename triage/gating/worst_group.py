"""The lowest level of an axis under both systems, by resamples that both share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage.auditing.audit_table import LevelCodes
from triage.gating.paired_means import CaseGains, FloatArray

N_DRAWS = 2000
_CELLS_AT_ONCE = 2**22


class WorstGroup(NamedTuple):
    """The lowest level of each system and how their measures differ.

    `least` and `most` are draws of the difference with an unseen patient of each level that the
    challenger alone, or the champion alone, gets wrong; float [N_DRAWS].
    """

    champion: float
    challenger: float
    champion_level: str
    challenger_level: str
    least: FloatArray
    most: FloatArray

    @property
    def value(self) -> float:
        """The challenger's lowest less the champion's lowest."""
        return self.challenger - self.champion


class _Patterns(NamedTuple):
    """Sums of patients with the same cases: before, after, size [P, L], and how many have them."""

    before: FloatArray
    after: FloatArray
    size: FloatArray
    counts: FloatArray


def worst_group(
    gains: CaseGains,
    axis: LevelCodes,
    cluster: NDArray[np.int32],
    levels: list[int],
    seed: int = 0,
) -> WorstGroup:
    """Compare the lowest of some levels of an axis.

    Patients are resampled by the Bayesian bootstrap (Rubin 1981): each counts with an exponential
    weight, the same for both systems and for all levels. Patients with the same cases are drawn
    together, with a gamma weight.

    Parameters
    ----------
    gains : CaseGains of N cases
    axis : LevelCodes of N cases
    cluster : int array [N]
    levels : list of int
        Levels that are compared, each with cases.
    seed : int
    """
    found = _patterns(gains, axis, cluster, levels)
    largest = found.size.max(axis=0)
    total = found.counts @ found.size
    before, after = (found.counts @ part / total for part in (found.before, found.after))
    generator = np.random.default_rng(seed)
    step = max(1, _CELLS_AT_ONCE // len(found.counts))
    least, most = [], []
    for start in range(0, N_DRAWS, step):
        rows = min(step, N_DRAWS - start)
        weight = generator.standard_gamma(found.counts, size=(rows, len(found.counts)))
        unseen = generator.standard_exponential((rows, len(levels))) * largest
        old, new, size = weight @ found.before, weight @ found.after, weight @ found.size + unseen
        least.append(
            _lowest(new + unseen * gains.low, size) - _lowest(old + unseen * gains.high, size)
        )
        most.append(
            _lowest(new + unseen * gains.high, size) - _lowest(old + unseen * gains.low, size)
        )
    return WorstGroup(
        float(before.min()),
        float(after.min()),
        axis.levels[levels[int(before.argmin())]],
        axis.levels[levels[int(after.argmin())]],
        np.concatenate(least),
        np.concatenate(most),
    )


def _lowest(sums: FloatArray, sizes: FloatArray) -> FloatArray:
    lowest: FloatArray = (sums / sizes).min(axis=1)
    return lowest


def _patterns(
    gains: CaseGains, axis: LevelCodes, cluster: NDArray[np.int32], levels: list[int]
) -> _Patterns:
    place = np.full(len(axis.levels), -1, dtype=np.int64)
    place[levels] = np.arange(len(levels))
    column = place[axis.codes]
    rows = np.flatnonzero(gains.where & (column >= 0))
    width = len(levels)
    cells, inverse = np.unique(cluster[rows].astype(np.int64) * width + column[rows],
                               return_inverse=True)  # fmt: skip
    sums = [
        np.bincount(inverse, values, minlength=len(cells))
        for values in (gains.champion[rows], gains.challenger[rows], np.ones(len(rows)))
    ]
    # Cells with the same sums on the same level are one kind; a patient is a set of kinds.
    table = np.column_stack([*sums, cells % width])
    _, kind = np.unique(table, axis=0, return_inverse=True)
    kind = kind.ravel()
    marks = np.random.default_rng(0).integers(0, 2**63, size=int(kind.max()) + 1, dtype=np.uint64)
    patients, owner = np.unique(cells // width, return_inverse=True)
    signature = np.zeros(len(patients), dtype=np.uint64)
    np.add.at(signature, owner, marks[kind])
    _, first, pattern, counts = np.unique(
        signature, return_index=True, return_inverse=True, return_counts=True
    )
    shown = np.isin(owner, first)
    dense = np.zeros((3, len(first), width))
    for at, values in enumerate(sums):
        dense[at, pattern[owner[shown]], (cells % width)[shown]] = values[shown]
    return _Patterns(dense[0], dense[1], dense[2], counts.astype(np.float64))
