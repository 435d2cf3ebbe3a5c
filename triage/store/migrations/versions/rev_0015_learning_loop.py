"""The learning loop: data sets, gates, training runs, promotions, shadows, requests for labels."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the tables, and the columns for votes, withdrawn consent and retired bundles."""
    op.create_table(
        "dataset_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("spec_name", sa.String(), nullable=False),
        sa.Column("spec_hash", sa.String(length=64), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["dataset_version.id"],
            name=op.f("fk_dataset_version_parent_id_dataset_version"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_version")),
        sa.UniqueConstraint("root", name=op.f("uq_dataset_version_root")),
    )
    op.create_table(
        "dataset_member",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("case_key", sa.String(length=64), nullable=False),
        sa.Column("patient_key", sa.String(length=64), nullable=False),
        sa.Column("cluster_key", sa.String(length=64), nullable=False),
        sa.Column("images", sa.JSON(), nullable=False),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("label_hash", sa.String(length=64), nullable=False),
        sa.Column("licence", sa.String(), nullable=False),
        sa.Column("consent", sa.String(), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["dataset_version.id"],
            name=op.f("fk_dataset_member_version_id_dataset_version"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_member")),
        sa.UniqueConstraint(
            "version_id", "position", name=op.f("uq_dataset_member_version_id_position")
        ),
    )
    op.create_index(
        op.f("ix_dataset_member_patient_key"), "dataset_member", ["patient_key"], unique=False
    )
    op.create_index(
        op.f("ix_dataset_member_version_id"), "dataset_member", ["version_id"], unique=False
    )
    op.create_table(
        "frozen_case",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_key", sa.String(length=64), nullable=False),
        sa.Column("patient_key", sa.String(length=64), nullable=False),
        sa.Column("spec_name", sa.String(), nullable=False),
        sa.Column("images", sa.JSON(), nullable=False),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("label_hash", sa.String(length=64), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["dataset_version.id"],
            name=op.f("fk_frozen_case_version_id_dataset_version"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frozen_case")),
        sa.UniqueConstraint("case_key", name=op.f("uq_frozen_case_case_key")),
    )
    op.create_index(
        op.f("ix_frozen_case_patient_key"), "frozen_case", ["patient_key"], unique=False
    )
    op.create_table(
        "gate_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("gate_set", sa.String(length=64), nullable=False),
        sa.Column("policy_hash", sa.String(length=64), nullable=False),
        sa.Column("submission", sa.String(length=64), nullable=False),
        sa.Column("champion_id", sa.Integer(), nullable=True),
        sa.Column("challenger_id", sa.Integer(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("hold_out_state", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("run_by", sa.String(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('passes', 'fails', 'not_enough_evidence')",
            name=op.f("ck_gate_run_verdict"),
        ),
        sa.ForeignKeyConstraint(
            ["challenger_id"],
            ["bundle.id"],
            name=op.f("fk_gate_run_challenger_id_bundle"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["champion_id"],
            ["bundle.id"],
            name=op.f("fk_gate_run_champion_id_bundle"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate_run")),
        sa.UniqueConstraint(
            "gate_set",
            "policy_hash",
            "submission",
            name=op.f("uq_gate_run_gate_set_policy_hash_submission"),
        ),
    )
    op.create_index(op.f("ix_gate_run_gate_set"), "gate_run", ["gate_set"], unique=False)
    op.create_table(
        "label_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("batch", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_because", sa.String(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('selected', 'label_error')", name=op.f("ck_label_request_kind")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["case.id"],
            name=op.f("fk_label_request_case_id_case"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_request")),
        sa.UniqueConstraint("case_id", "batch", name=op.f("uq_label_request_case_id_batch")),
    )
    op.create_index(op.f("ix_label_request_case_id"), "label_request", ["case_id"], unique=False)
    op.create_index(
        op.f("ix_label_request_closed_at"), "label_request", ["closed_at"], unique=False
    )
    op.create_table(
        "promotion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("bundle_id", sa.Integer(), nullable=False),
        sa.Column("former_id", sa.Integer(), nullable=True),
        sa.Column("gate_run_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("signed_off", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rejected_by", sa.String(), nullable=True),
        sa.Column("rejected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('first', 'promote', 'rollback')", name=op.f("ck_promotion_kind")
        ),
        sa.ForeignKeyConstraint(
            ["bundle_id"],
            ["bundle.id"],
            name=op.f("fk_promotion_bundle_id_bundle"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["former_id"],
            ["bundle.id"],
            name=op.f("fk_promotion_former_id_bundle"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["gate_run_id"],
            ["gate_run.id"],
            name=op.f("fk_promotion_gate_run_id_gate_run"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotion")),
    )
    op.create_index(op.f("ix_promotion_bundle_id"), "promotion", ["bundle_id"], unique=False)
    op.create_table(
        "shadow_prediction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("bundle_id", sa.Integer(), nullable=False),
        sa.Column("condition", sa.String(), nullable=True),
        sa.Column("recommendation", sa.String(), nullable=False),
        sa.Column("decision", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "recommendation IN "
            "('urgent', 'semi_urgent', 'routine', 'observation', 'no_ai_opinion')",
            name=op.f("ck_shadow_prediction_recommendation"),
        ),
        sa.ForeignKeyConstraint(
            ["bundle_id"],
            ["bundle.id"],
            name=op.f("fk_shadow_prediction_bundle_id_bundle"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["case.id"],
            name=op.f("fk_shadow_prediction_case_id_case"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shadow_prediction")),
        sa.UniqueConstraint(
            "case_id", "bundle_id", name=op.f("uq_shadow_prediction_case_id_bundle_id")
        ),
    )
    op.create_index(
        op.f("ix_shadow_prediction_bundle_id"), "shadow_prediction", ["bundle_id"], unique=False
    )
    op.create_table(
        "training_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("dataset_version_id", sa.Integer(), nullable=False),
        sa.Column("champion_id", sa.Integer(), nullable=True),
        sa.Column("challenger_id", sa.Integer(), nullable=True),
        sa.Column("gate_run_id", sa.Integer(), nullable=True),
        sa.Column("policy_hash", sa.String(length=64), nullable=False),
        sa.Column("settings_hash", sa.String(length=64), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('started', 'finished')", name=op.f("ck_training_run_state")),
        sa.ForeignKeyConstraint(
            ["challenger_id"],
            ["bundle.id"],
            name=op.f("fk_training_run_challenger_id_bundle"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["champion_id"],
            ["bundle.id"],
            name=op.f("fk_training_run_champion_id_bundle"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["dataset_version_id"],
            ["dataset_version.id"],
            name=op.f("fk_training_run_dataset_version_id_dataset_version"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["gate_run_id"],
            ["gate_run.id"],
            name=op.f("fk_training_run_gate_run_id_gate_run"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_run")),
        sa.UniqueConstraint("key", name=op.f("uq_training_run_key")),
    )
    op.create_index(
        op.f("ix_training_run_dataset_version_id"),
        "training_run",
        ["dataset_version_id"],
        unique=False,
    )
    op.add_column("bundle", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("label", sa.Column("votes", sa.JSON(none_as_null=True), nullable=True))
    op.add_column(
        "patient", sa.Column("consent_withdrawn_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("patient", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
