"""Hashes of what an audited table holds, which do not depend on the order of its rows.

They put patients into one order whatever the order of rows and whatever their numbers, so that the
same seed draws the same patients; and they name the parts of an interrupted audit. They are not
cryptographic: the report has the SHA-256 of its source.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from triage.auditing.audit_table import AuditTable
from triage.hashing import hash_json

Hashes = NDArray[np.uint64]

_NOT_CONTENT = ("cluster", "case_numbers")


def patient_hashes(table: AuditTable) -> Hashes:
    """Return a hash of the cases of each patient, uint64 [C]; equal where the cases are."""
    rows = np.zeros(len(table), dtype=np.uint64)
    for column in _columns(table):
        rows = _mixed(rows + _bits(column))
    total = np.zeros(int(table.cluster.max(initial=-1)) + 1, dtype=np.uint64)
    np.add.at(total, table.cluster, rows)
    return _mixed(total)


def table_hash(table: AuditTable, patients: Hashes) -> str:
    """Return one hash of a table, of all of its patients."""
    axes = {name: list(axis.levels) for name, axis in table.axes.items()}
    both = np.array([patients.sum(dtype=np.uint64), np.bitwise_xor.reduce(patients)])
    return hash_json([len(table), list(table.classes), axes, [int(each) for each in both]])


def _columns(table: AuditTable) -> Iterator[NDArray[np.generic]]:
    for each in fields(table):
        value = getattr(table, each.name)
        if each.name not in _NOT_CONTENT and isinstance(value, np.ndarray):
            yield from value.T if value.ndim == 2 else [value]
    yield from (axis.codes for axis in table.axes.values())


def _bits(column: NDArray[np.generic]) -> Hashes:
    if column.dtype.kind != "f":
        return column.astype(np.int64).view(np.uint64)
    # Adding zero makes -0.0 the same as 0.0.
    return (column.astype(np.float64) + 0.0).view(np.uint64)


def _mixed(values: Hashes) -> Hashes:
    """Return the finaliser of splitmix64: every bit of a value changes half of the others."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
