"""An audited table in a file, for the processes that measure its groups.

It has what is measured, and neither names of cases nor of patients: patients are numbers.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from triage.auditing.audit_table import AuditTable, LevelCodes
from triage.engine.task_arrays import read_task_arrays, write_task_arrays

_AXIS = "axis"


def contiguous(table: AuditTable) -> AuditTable:
    """Return the table as it is read back from a file: its columns row by row in memory.

    A sum may round differently over an array that is stored otherwise, so that a table is laid out
    alike before it is measured here or in another process. Columns that are so already stay.
    """
    columns = {name: np.ascontiguousarray(value) for name, value in _columns(table).items()}
    return replace(table, **columns)  # type: ignore[arg-type]  # the fields of this class


def write_table(path: Path, table: AuditTable, content: str) -> None:
    """Write a table whole or not at all.

    Parameters
    ----------
    path : Path
    table : AuditTable
    content : str
        Hash of what the table and its plan hold; the file states it.

    Raises
    ------
    UsageError
        If the place cannot be written to.
    """
    arrays = _columns(table)
    for place, axis in enumerate(table.axes.values()):
        arrays[f"{_AXIS} {place}"] = axis.codes
    header = {
        "classes": table.classes,
        "label_names": table.label_names,
        "patients_known": table.patients_known,
        "axes": [[name, axis.levels] for name, axis in table.axes.items()],
    }
    write_task_arrays(path, arrays, header, content)


def read_table_file(path: Path, content: str) -> AuditTable:
    """Read a table that `write_table` wrote.

    Raises
    ------
    EngineError
        If there is no such file here, it is damaged, or it is of another audit.
    """
    arrays, header = read_task_arrays(path, content, "the audited table")
    axes = {
        name: LevelCodes(tuple(levels), arrays.pop(f"{_AXIS} {place}"))
        for place, (name, levels) in enumerate(header["axes"])
    }
    return AuditTable(
        classes=tuple(header["classes"]),
        patients_known=header["patients_known"],
        label_names=tuple(header["label_names"]),
        axes=axes,
        **arrays,  # type: ignore[arg-type]  # the fields of this class
    )  # fmt: skip


def _columns(table: AuditTable) -> dict[str, Any]:
    values = {each.name: getattr(table, each.name) for each in fields(table)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
