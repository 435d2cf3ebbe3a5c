"""Small tables of predictions, and plans of their audits."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from triage.auditing.audit_plan import AuditPlan, Axis, Columns, PlannedCondition
from triage.vocabulary.clinical import Urgency

CLASSES = ("mel", "nv")
MADE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def frame(**changes: Any) -> pd.DataFrame:
    """Six cases of four patients."""
    given = {
        "case": ["c0", "c1", "c2", "c3", "c4", "c5"],
        "patient": ["p0", "p0", "p1", "p2", "p2", "p3"],
        "y": ["mel", "nv", "mel", "nv", "nv", "other"],
        "p_mel": [0.9, 0.2, 0.4, 0.1, 0.6, 0.5],
        "p_nv": [0.1, 0.8, 0.6, 0.9, 0.4, 0.5],
        "sex": ["f", "m", "F ", "", "m", "m"],
        "age": ["20", "45", "", "61", "30", "200"],
        "site": ["a", "b", "a", "b", "a", "b"],
        "advice": ["urgent", "routine", "no_ai_opinion", "routine", "urgent", ""],
        "score": [0.1, 0.2, 0.3, 0.1, 0.2, 0.9],
    }
    table = pd.DataFrame(given | changes)
    return table.drop(columns=[name for name, values in changes.items() if values is None])


def write(folder: Path, table: pd.DataFrame | None = None, name: str = "t.csv") -> Path:
    path = folder / name
    table = frame() if table is None else table
    if name.endswith(".parquet"):
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False)
    return path


def plan(*axes: Axis, columns: dict[str, Any] | None = None, **changes: Any) -> AuditPlan:
    named = {
        "label": "y",
        "probabilities": {"mel": "p_mel", "nv": "p_nv"},
        "case": "case",
        "patient": "patient",
    }
    given: dict[str, Any] = {
        "title": "T",
        "source": "test",
        "created_at": MADE,
        "columns": Columns(**(named | (columns or {}))),
        "outliers": ("other",),
        "axes": axes,
    }
    return AuditPlan(**(given | changes))


CONDITIONS = (
    PlannedCondition(name="mel", urgency=Urgency.URGENT, risk="high"),
    PlannedCondition(name="nv", urgency=Urgency.ROUTINE, risk="low"),
    PlannedCondition(name="other", known=False, urgency=Urgency.SEMI_URGENT),
)
