"""Sums of values of cases by level of an axis and by patient, and how they vary by sampling.

Every number of an analysis is a function of a few such sums, so a resample of patients costs one
product of matrices, whatever the number of cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.audit_table import AuditTable, LevelCodes
from triage.auditing.measurement import ALL, OVERALL

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
BOOTSTRAP, INFLUENCE = "patient bootstrap", "influence function"
_CHUNK_ELEMENTS = 2**20
_MOST_KEPT = 2**23


def every_axis(table: AuditTable) -> Iterator[tuple[str, LevelCodes]]:
    """Yield the axis of all cases, of one level, and then the axes of the table."""
    yield OVERALL, LevelCodes((ALL,), np.zeros(len(table), dtype=np.int16))
    yield from table.axes.items()


@dataclass(frozen=True)
class GroupSums:
    """Sums of Q values over the cases of each of L levels, by patient.

    Parameters
    ----------
    by_patient : sparse float array [C, L * Q]
        Column `level * Q + value`.
    n_levels, n_values : int
    """

    by_patient: sparse.csr_array
    n_levels: int
    n_values: int

    @cached_property
    def totals(self) -> FloatArray:
        """Sums over all patients, [L, Q]."""
        found: FloatArray = np.asarray(self.by_patient.sum(axis=0), dtype=np.float64)
        return found.reshape(self.n_levels, self.n_values)

    @cached_property
    def patients(self) -> NDArray[np.int64]:
        """Number of patients whose sum is not zero, int [L, Q]."""
        found = (self.by_patient != 0).sum(axis=0)
        return np.asarray(found, dtype=np.int64).reshape(self.n_levels, self.n_values)

    @cached_property
    def largest(self) -> FloatArray:
        """Largest sum of a patient, [L, Q]."""
        found = self.by_patient.max(axis=0).toarray()
        return np.asarray(found, dtype=np.float64).reshape(self.n_levels, self.n_values)

    @cached_property
    def covariance(self) -> FloatArray:
        """Covariance of the totals between samples of as many patients, [L * Q, L * Q]."""
        n = self.by_patient.shape[0]
        total = self.totals.ravel()
        squares = (self.by_patient.T @ self.by_patient).toarray() - np.outer(total, total) / n
        return np.asarray(squares * (n / max(n - 1, 1)), dtype=np.float64)

    def unit(self, value: int) -> FloatArray:
        """Coefficients that take one of the values, [Q]."""
        found = np.zeros(self.n_values)
        found[value] = 1.0
        return found

    def patients_of(self, level: int) -> tuple[NDArray[np.int32], FloatArray]:
        """Places of the patients with a sum in a level, [C], and their sums, [C, Q]."""
        return self._of_levels[level]

    @cached_property
    def _of_levels(self) -> list[tuple[NDArray[np.int32], FloatArray]]:
        columns = self.by_patient.tocsc()
        found = []
        for first in range(0, self.n_levels * self.n_values, self.n_values):
            part = columns[:, first : first + self.n_values]
            there = np.zeros(columns.shape[0], dtype=np.bool_)
            there[part.indices] = True
            places = np.flatnonzero(there)
            row = np.cumsum(there)[part.indices] - 1
            dense = np.zeros((len(places), self.n_values))
            dense[row, np.repeat(np.arange(self.n_values), np.diff(part.indptr))] = part.data
            found.append((places.astype(np.int32), dense))
        return found

    def replicates(self, settings: IntervalSettings) -> FloatArray | None:
        """Totals of resamples of patients, [B, L, Q]; None with too many patients for them."""
        if self.by_patient.shape[0] > settings.max_bootstrap_patients:
            return None
        return self.draw(settings)[0]

    def draw(self, settings: IntervalSettings) -> tuple[FloatArray, str]:
        """Draw totals as other samples of patients would give them.

        Up to `max_bootstrap_patients` patients are resampled. With more, totals are drawn from
        the normal distribution of their covariance, which gives a smooth function of them the
        interval of its influence function.

        Returns
        -------
        float array [B, L, Q]
        str
            How they were drawn.
        """
        n_patients = self.by_patient.shape[0]
        shape = (settings.replicates, self.n_levels, self.n_values)
        if n_patients > settings.max_bootstrap_patients:
            generator = np.random.default_rng(settings.seed)
            values, vectors = np.linalg.eigh(self.covariance)
            root = vectors * np.sqrt(np.maximum(values, 0.0))
            normal = generator.standard_normal((settings.replicates, len(root)))
            return (self.totals.ravel() + normal @ root.T).reshape(shape), INFLUENCE
        few = n_patients * settings.replicates <= _MOST_KEPT
        drawn = (_all_weights if few else patient_weights)(n_patients, settings)
        parts = [(self.by_patient.T @ weights.T).T for weights in drawn]
        return np.concatenate(parts).reshape(shape), BOOTSTRAP


def patient_weights(n_patients: int, settings: IntervalSettings) -> Iterator[FloatArray]:
    """Draw patients with replacement and yield how often each was drawn, float [b, C]."""
    generator = np.random.default_rng(settings.seed)
    step = max(1, _CHUNK_ELEMENTS // n_patients)
    for start in range(0, settings.replicates, step):
        size = min(step, settings.replicates - start)
        drawn = generator.integers(0, n_patients, size=(size, n_patients))
        drawn += n_patients * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * n_patients)
        yield counts.reshape(size, n_patients).astype(np.float64)


@lru_cache(maxsize=1)
def _all_weights(n_patients: int, settings: IntervalSettings) -> tuple[FloatArray, ...]:
    """Weights that are kept, as the axes of an analysis mostly have the same patients."""
    return tuple(patient_weights(n_patients, settings))


def group_sums(
    table: AuditTable,
    levels: LevelCodes,
    values: Sequence[ArrayLike],
    where: BoolArray | None = None,
) -> GroupSums:
    """Sum values of cases by level and patient.

    Parameters
    ----------
    table : AuditTable of N cases
    levels : LevelCodes
    values : sequence of array [N], length Q
        Bool or float.
    where : bool array [N], optional
        The cases that count; all by default. Patients without any are left out.
    """
    chosen = np.flatnonzero(np.ones(len(table), dtype=np.bool_) if where is None else where)
    patients, member = np.unique(table.cluster[chosen], return_inverse=True)
    first = levels.codes[chosen].astype(np.int64) * len(values)
    rows, columns, entries = [], [], []
    for number, value in enumerate(values):
        counted = np.asarray(value)[chosen].astype(np.float64)
        kept = counted != 0
        rows.append(member[kept])
        columns.append(first[kept] + number)
        entries.append(counted[kept])
    width = len(levels.levels) * len(values)
    built = sparse.coo_array(
        (np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))),
        shape=(max(len(patients), 1), width),
    )
    return GroupSums(built.tocsr(), len(levels.levels), len(values))
