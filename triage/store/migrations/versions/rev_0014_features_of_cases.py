"""Vectors of cases by bundle, for the search of similar cases."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the table; cases have vectors once they are scored again."""
    op.create_table(
        "case_features",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("bundle_id", sa.Integer(), nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint("dimension > 0", name=op.f("ck_case_features_has_dimension")),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["case.id"],
            name=op.f("fk_case_features_case_id_case"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["bundle_id"],
            ["bundle.id"],
            name=op.f("fk_case_features_bundle_id_bundle"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_features")),
        sa.UniqueConstraint(
            "case_id", "bundle_id", name=op.f("uq_case_features_case_id_bundle_id")
        ),
    )
    op.create_index(
        op.f("ix_case_features_bundle_id"), "case_features", ["bundle_id"], unique=False
    )
