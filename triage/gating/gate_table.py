"""Predictions tables of the gate: ours, or anybody's CSV or Parquet, checked and aligned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable
from triage.data.spec import DataSpec
from triage.decisions.policy import Policy
from triage.predictions import Predictions


@dataclass(frozen=True)
class GateTable:
    """Predictions on the N cases of a gate split.

    Parameters
    ----------
    cases : AuditTable
        In the order of `ids`.
    plan : AuditPlan
        What the spec says of its columns.
    ids : tuple of str
        Case identifiers, increasing. Never in a result.
    cases_hash : str
        Hash of the cases: identifiers, patients, labels and groups.
    content_hash : str
        Hash of the cases and of what the system said of them.
    """

    cases: AuditTable
    plan: AuditPlan
    ids: tuple[str, ...]
    cases_hash: str
    content_hash: str


def read_gate_table(path: str | Path, spec: DataSpec) -> GateTable:
    """Read a predictions table: ours, or a CSV or Parquet table with the gate's columns.

    Parameters
    ----------
    path : str or Path
    spec : DataSpec

    Raises
    ------
    UsageError
        If a column or a value cannot be used; it names the column and counts the rows.
    """
    raise NotImplementedError


def gate_table(predictions: Predictions, spec: DataSpec, policy: Policy | None = None) -> GateTable:
    """Return the gate's table of predictions with decisions.

    Parameters
    ----------
    predictions : Predictions
        Labelled and decided.
    spec : DataSpec
    policy : Policy, optional
        The one that decided: calibrates the probabilities. Without it, calibration is not checked.
    """
    raise NotImplementedError


def gate_table_of_frame(frame: pd.DataFrame, spec: DataSpec) -> GateTable:
    """Return the gate's table of a data frame with the columns of `read_gate_table`."""
    raise NotImplementedError
