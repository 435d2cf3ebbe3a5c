"""Readings of volumes: where a prediction's reading lies, and what kind of images a case has."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; cases from before hold photographs."""
    # Written out, because SQLite takes a check with a new column but not on its own.
    op.execute(
        "ALTER TABLE \"case\" ADD COLUMN modality VARCHAR DEFAULT 'photographs' NOT NULL "
        "CONSTRAINT ck_case_modality CHECK (modality IN ('photographs', 'oct_volumes'))"
    )
    op.execute("ALTER TABLE prediction ADD COLUMN reading_path TEXT")
    op.execute(
        "ALTER TABLE prediction ADD COLUMN reading_sha256 VARCHAR(64) "
        "CONSTRAINT ck_prediction_reading_has_hash "
        "CHECK ((reading_path IS NULL) = (reading_sha256 IS NULL))"
    )
