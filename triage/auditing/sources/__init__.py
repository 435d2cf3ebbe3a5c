"""Where the cases of an audit come from: tables in files, and the case database."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable, LevelCodes
from triage.hashing import hash_file

# PLACEHOLDER of the skeleton: reads a clean CSV file.


def read_table(plan: AuditPlan, predictions: Path) -> AuditTable:
    """Read the cases of a plan from a file: our predictions table, or anybody's CSV or Parquet."""
    frame = pd.read_csv(predictions)
    columns = plan.columns
    assert columns.probabilities is not None
    classes = tuple(columns.probabilities)
    place = {name: at for at, name in enumerate(classes)}
    patients = np.arange(len(frame)) if columns.patient is None else frame[columns.patient]
    axes = {}
    for axis in plan.axes:
        levels, codes = np.unique(frame[axis.column].astype(str), return_inverse=True)
        axes[axis.name] = LevelCodes(tuple(levels), codes.astype(np.int16))
    return AuditTable(
        classes=classes,
        truth=np.array([place.get(str(x), -1) for x in frame[columns.label]], dtype=np.int16),
        cluster=np.unique(patients, return_inverse=True)[1].astype(np.int32),
        patients_known=columns.patient is not None,
        axes=axes,
        probabilities=frame[list(columns.probabilities.values())].to_numpy(dtype=np.float32),
        facts={"predictions": hash_file(predictions)},
    )
