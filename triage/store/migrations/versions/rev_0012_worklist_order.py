"""The class and the due time of each case as columns, with the indexes that order the worklist.

Policies of earlier releases set no deadlines, so every case is due as our defaults say.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_WAITING = (
    "(state IN ('received', 'quality_gated', 'inferred', 'first_read_locked', 'revealed', "
    "'skipped')) IS TRUE"
)
_RANKS = {"urgent": 0, "semi_urgent": 1, "routine": 2, "observation": 3}
_DAYS = (1, 7, 28, 90)
_INDEXES = {
    "by_arrival": ["received_at", "id"],
    "by_urgency": ["queue_rank", "due_at", "received_at", "id"],
    "of_source_by_arrival": ["source", "received_at", "id"],
    "of_source_by_urgency": ["source", "queue_rank", "due_at", "received_at", "id"],
}


def upgrade() -> None:
    """Add the columns, fill those of the cases that wait, and make the indexes."""
    moment = "TIMESTAMP WITH TIME ZONE" if _on_postgresql() else "DATETIME"
    op.execute(
        "ALTER TABLE \"case\" ADD COLUMN queue_rank INTEGER DEFAULT '1' NOT NULL "
        "CONSTRAINT ck_case_queue_rank CHECK (queue_rank BETWEEN 0 AND 3)"
    )
    op.execute(
        f'ALTER TABLE "case" ADD COLUMN due_at {moment} '
        "DEFAULT '1970-01-01 00:00:00+00:00' NOT NULL"
    )
    ranks = " ".join(f"WHEN '{name}' THEN {rank}" for name, rank in _RANKS.items())
    op.execute(
        f'UPDATE "case" SET queue_rank = COALESCE((SELECT CASE prediction.queue_urgency {ranks} '
        "END FROM prediction JOIN bundle ON bundle.id = prediction.bundle_id "
        "LEFT JOIN planted_case ON planted_case.case_id = prediction.case_id "
        "AND planted_case.prediction_id = prediction.id "
        'WHERE prediction.case_id = "case".id AND bundle.withdrawn_at IS NULL '
        "ORDER BY CASE WHEN planted_case.case_id IS NULL THEN 1 ELSE 0 END, "
        "CASE WHEN bundle.alias = 'champion' THEN 0 ELSE 1 END, prediction.id DESC LIMIT 1), 1) "
        f"WHERE {_WAITING}"
    )
    days = " ".join(f"WHEN {rank} THEN {each}" for rank, each in enumerate(_DAYS))
    allowed = f"CASE queue_rank {days} END"
    if _on_postgresql():
        due = f"received_at + make_interval(secs => 86400 * ({allowed}))"
    else:  # which calculates with milliseconds: the fraction of a second is kept as text
        due = (
            f"strftime('%Y-%m-%d %H:%M:%S', substr(received_at, 1, 19), ({allowed}) || ' days') "
            "|| substr(received_at, 20)"
        )
    op.execute(f'UPDATE "case" SET due_at = {due} WHERE {_WAITING}')
    for name, columns in _INDEXES.items():
        op.create_index(
            f"ix_case_waiting_{name}",
            "case",
            columns,
            sqlite_where=sa.text(_WAITING),
            postgresql_where=sa.text(_WAITING),
        )
    op.create_index("ix_read_at", "read", ["at"])


def _on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
