"""Sets of cases that metrics are measured on: all cases, and each level of each axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable
from triage.auditing.engine.audit_cases import AuditCases, audit_cases
from triage.auditing.engine.content import patient_hashes
from triage.auditing.measurement import ALL, OVERALL, LevelSummary
from triage.evaluation.metrics.clinical import URGENT


@dataclass(frozen=True)
class Scope:
    """N cases of C patients.

    Parameters
    ----------
    axis, level : str
    cases : AuditCases
    patients : int array [C]
        Numbers of the patients, increasing: those of `Scopes.number`.
    local : int array [N]
        Place of the patient of each case in `patients`.
    strata : int array [C]
        The plan's stratum of each patient.
    outliers_have_urgency : bool
        Whether the urgency of some outlier of the whole table is known.
    """

    axis: str
    level: str
    cases: AuditCases
    patients: NDArray[np.int32]
    local: NDArray[np.int32]
    strata: NDArray[np.int64]
    outliers_have_urgency: bool

    def count_patients(self, where: NDArray[np.bool_]) -> int:
        """Return how many patients have a case where something holds [N]."""
        return int(self.with_case(where).sum())

    def with_case(self, where: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which patients have a case where something holds [N], bool [C]."""
        found = np.zeros(len(self.patients), dtype=np.bool_)
        found[self.local[where]] = True
        return found

    def summary(self) -> LevelSummary:
        """Return the size of the set."""
        cases = self.cases
        urgent, abstained = cases.true_urgency, cases.abstained
        return LevelSummary(
            axis=self.axis,
            level=self.level,
            n_cases=len(cases),
            n_patients=len(self.patients),
            n_labelled=int(cases.labelled.sum()),
            n_outliers=int(cases.is_outlier.sum()),
            n_urgent=None if urgent is None else int((urgent == URGENT).sum()),
            n_abstained=None if abstained is None else int(abstained.sum()),
        )


class Scopes:
    """All sets of cases of an audited table.

    Patients are numbered anew, in an order that depends only on their cases: whatever is made of
    numbers of patients is then the same in whatever order the table has its rows.

    Parameters
    ----------
    table : AuditTable
    plan : AuditPlan

    Attributes
    ----------
    hashes : uint64 array [C]
        Of each patient of the table.
    number : int array [C]
        New number of each patient of the table.
    """

    def __init__(self, table: AuditTable, plan: AuditPlan) -> None:
        self.table = table
        self.hashes = patient_hashes(table)
        self.number = np.empty(len(self.hashes), dtype=np.int32)
        self.number[np.argsort(self.hashes, kind="stable")] = np.arange(len(self.hashes))
        cluster = self.number[table.cluster]
        self._cases = replace(audit_cases(table, plan), cluster=cluster)
        urgency = self._cases.true_urgency
        stated = None if urgency is None else (urgency >= 0) & self._cases.is_outlier
        self._outliers_have_urgency = stated is not None and bool(stated.any())
        self._strata = np.zeros(len(self.hashes), dtype=np.int64)
        if plan.intervals.strata is not None:
            # A patient with cases of several levels is of the first of them.
            self._strata[:] = np.iinfo(np.int64).max
            codes = table.axes[plan.intervals.strata].codes
            np.minimum.at(self._strata, cluster, codes.astype(np.int64))

    def overall(self) -> Scope:
        """Return the set of all cases."""
        return self._scope(OVERALL, ALL, self._cases)

    def levels(self, axis: str) -> Iterator[Scope]:
        """Yield the set of each level of an axis that has cases."""
        found = self.table.axes[axis]
        for place, level in enumerate(found.levels):
            rows = np.flatnonzero(found.codes == place)
            if len(rows):
                yield self._scope(axis, level, self._cases.take(rows))

    def _scope(self, axis: str, level: str, cases: AuditCases) -> Scope:
        present = np.bincount(cases.cluster, minlength=len(self.hashes)) > 0
        patients = np.flatnonzero(present).astype(np.int32)
        places = (np.cumsum(present) - 1).astype(np.int32)
        return Scope(
            axis, level, cases, patients, places[cases.cluster], self._strata[patients],
            self._outliers_have_urgency,
        )  # fmt: skip
