"""The tables of monitoring: its plan, its runs, and the alarms of its charts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from triage.hashing import hash_json
from triage.store.base import Base, one_of
from triage.store.tables import Bundle
from triage.vocabulary.monitoring import AlarmState, ChartKind, ClosingReason


def _refers(target: str) -> ForeignKey:
    return ForeignKey(target, ondelete="RESTRICT")


class MonitoringPlanRow(Base):
    """A plan of monitoring: baselines, limits, budget of false alarms; the last one holds."""

    __tablename__ = "monitoring_plan"

    id: Mapped[int] = mapped_column(primary_key=True)
    bundle_id: Mapped[int] = mapped_column(_refers("bundle.id"), index=True)
    plan: Mapped[dict[str, Any]] = mapped_column(JSON)
    sha256: Mapped[str] = mapped_column(String(64))
    set_by: Mapped[str] = mapped_column(String)
    set_at: Mapped[datetime]

    bundle: Mapped[Bundle] = relationship()


class MonitoringRunRow(Base):
    """A run of monitoring: the plan, the last event that it read, and its result.

    `since` and `until` are the times of the first case that it watched and the last one that it
    read: cases received before the last that come later count there
    (`triage.monitoring.case_stream`).
    """

    __tablename__ = "monitoring_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(_refers("monitoring_plan.id"), index=True)
    last_event: Mapped[int]
    n_cases: Mapped[int]
    since: Mapped[datetime | None]
    until: Mapped[datetime | None]
    result: Mapped[dict[str, Any]] = mapped_column(JSON)
    run_by: Mapped[str] = mapped_column(String)
    at: Mapped[datetime]


class AlarmRow(Base):
    """An alarm of one chart of one stream; it is raised once, however often monitoring runs.

    `key` names what the chart watches beside its kind, such as a reason of abstention or a column,
    `axis` and `level` the site or subgroup. `case_id` is the case with which the chart went beyond
    its limit, None for charts of windows.
    """

    __tablename__ = "alarm"
    __table_args__ = (
        UniqueConstraint("plan_id", "chart", "key", "axis", "level", "crossed_at"),
        one_of("chart", ChartKind),
        one_of("state", AlarmState),
        one_of("closing_reason", ClosingReason),
        CheckConstraint(
            "(state = 'closed') = (closing_reason IS NOT NULL)", name="closed_has_reason"
        ),
        CheckConstraint("state <> 'assigned' OR owner IS NOT NULL", name="assigned_has_owner"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(_refers("monitoring_run.id"), index=True)
    plan_id: Mapped[int] = mapped_column(_refers("monitoring_plan.id"))
    chart: Mapped[str] = mapped_column(String)
    key: Mapped[str] = mapped_column(String)
    axis: Mapped[str] = mapped_column(String)
    level: Mapped[str] = mapped_column(String)
    case_id: Mapped[int | None] = mapped_column(_refers("case.id"))
    crossed_at: Mapped[datetime]
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String, index=True)
    owner: Mapped[str | None] = mapped_column(String)
    closing_reason: Mapped[str | None] = mapped_column(String)
    comment: Mapped[str | None] = mapped_column(Text)
    raised_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


def alarm_facts_sha256(row: AlarmRow) -> str:
    """Return the hash of what an alarm rests on: its facts, its case and when it crossed."""
    crossed_at = row.crossed_at.astimezone(UTC).isoformat()
    return hash_json({"facts": row.facts, "case": row.case_id, "crossed_at": crossed_at})
