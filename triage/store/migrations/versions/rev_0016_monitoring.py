"""Monitoring: plans, runs and alarms."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "monitoring_plan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("bundle_id", sa.Integer(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["bundle_id"],
            ["bundle.id"],
            name=op.f("fk_monitoring_plan_bundle_id_bundle"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitoring_plan")),
    )
    op.create_index(op.f("ix_monitoring_plan_bundle_id"), "monitoring_plan", ["bundle_id"])
    op.create_table(
        "monitoring_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("last_event", sa.Integer(), nullable=False),
        sa.Column("n_cases", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("run_by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id"],
            ["monitoring_plan.id"],
            name=op.f("fk_monitoring_run_plan_id_monitoring_plan"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitoring_run")),
    )
    op.create_index(op.f("ix_monitoring_run_plan_id"), "monitoring_run", ["plan_id"])
    _alarm()


def _alarm() -> None:
    op.create_table(
        "alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("chart", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("axis", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("crossed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("closing_reason", sa.String(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "chart IN ('ood_rate', 'abstention_rate', 'override_rate', "
            "'under_call_on_abstained', 'input_drift', 'embedding_drift', "
            "'estimated_accuracy', 'calibration')",
            name=op.f("ck_alarm_chart"),
        ),
        sa.CheckConstraint("state IN ('open', 'assigned', 'closed')", name=op.f("ck_alarm_state")),
        sa.CheckConstraint(
            "closing_reason IN ('acted_on', 'data_problem', 'expected_change', "
            "'false_alarm', 'duplicate')",
            name=op.f("ck_alarm_closing_reason"),
        ),
        sa.CheckConstraint(
            "(state = 'closed') = (closing_reason IS NOT NULL)",
            name=op.f("ck_alarm_closed_has_reason"),
        ),
        sa.CheckConstraint(
            "state <> 'assigned' OR owner IS NOT NULL",
            name=op.f("ck_alarm_assigned_has_owner"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_alarm_case_id_case"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"],
            ["monitoring_plan.id"],
            name=op.f("fk_alarm_plan_id_monitoring_plan"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["monitoring_run.id"],
            name=op.f("fk_alarm_run_id_monitoring_run"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
        sa.UniqueConstraint(
            "plan_id",
            "chart",
            "key",
            "axis",
            "level",
            "crossed_at",
            name=op.f("uq_alarm_plan_id_chart_key_axis_level_crossed_at"),
        ),
    )
    op.create_index(op.f("ix_alarm_run_id"), "alarm", ["run_id"])
    op.create_index(op.f("ix_alarm_state"), "alarm", ["state"])
