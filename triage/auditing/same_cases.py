"""The cases that two audited tables have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from triage.auditing.audit_table import OUTLIER, UNLABELLED, AuditTable

_LEAST_SHARE = 0.5


@dataclass(frozen=True)
class TablePair:
    """Two tables to compare.

    Parameters
    ----------
    first, second : AuditTable
        Of the same cases in the same order, patients and axes where `same_cases`.
    same_cases : bool
    left_out : dict of int
        Cases left out, by reason.
    """

    first: AuditTable
    second: AuditTable
    same_cases: bool
    left_out: dict[str, int]


def pair_tables(first: AuditTable, second: AuditTable) -> TablePair:
    """Pair the cases of two tables by their identifiers.

    Two tables hold the same cases if at least half of those of the smaller are in both. Patients
    and levels of axes are then those of the first; cases with another true condition in the second
    are left out.
    """
    places = _places(first, second)
    if places is None or (places >= 0).sum() < _LEAST_SHARE * min(len(first), len(second)):
        return TablePair(first, second, same_cases=False, left_out={})
    there = np.flatnonzero(places >= 0)
    one, other = first.take(places[there]), second.take(there)
    same = _same_truth(one, other)
    one, other = (each.take(np.flatnonzero(same)) for each in (one, other))
    _, cluster = np.unique(one.cluster, return_inverse=True)
    one = replace(one, cluster=cluster.astype(np.int32))
    other = replace(other, cluster=one.cluster, axes=one.axes, patients_known=one.patients_known)
    left_out = {
        "only in the first": len(first) - len(there),
        "only in the second": len(second) - len(there),
        "another true condition": int((~same).sum()),
    }
    return TablePair(one, other, True, {why: n for why, n in left_out.items() if n})


def _places(first: AuditTable, second: AuditTable) -> NDArray[np.int64] | None:
    """Place in the first table of each case of the second, -1 where it is not there."""
    if first.case_names is not None and second.case_names is not None:
        here, there = (pa.array(each.case_names).cast(pa.string()) for each in (second, first))
    elif first.case_numbers is not None and second.case_numbers is not None:
        here, there = (pa.array(each.case_numbers) for each in (second, first))
    else:
        return None
    found = pc.fill_null(pc.index_in(here, value_set=there), -1)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)


def _same_truth(one: AuditTable, other: AuditTable) -> NDArray[np.bool_]:
    """Whether each case has one true condition in both: of the same name, or no class in both."""
    here, there = (
        np.array([*table.classes, UNLABELLED, OUTLIER], dtype=object)[table.truth]
        for table in (one, other)
    )
    found: NDArray[np.bool_] = here == there
    return found
