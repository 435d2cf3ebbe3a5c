"""Visit, laterality and age of a case, whether its name was derived, and images found by hash."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_CASE, _IMAGE = "(case) ", "(image) "


def upgrade() -> None:
    """Add the columns; what earlier releases derived is recognised by what they derived it from."""
    op.add_column("case", sa.Column("visit", sa.Integer(), nullable=True))
    op.add_column("case", sa.Column("age", sa.Double(), nullable=True))
    op.add_column(
        "case", sa.Column("id_derived", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    # Written out, because SQLite takes a check with a new column but not on its own.
    op.execute(
        'ALTER TABLE "case" ADD COLUMN laterality VARCHAR '
        "CONSTRAINT ck_case_laterality CHECK (laterality IN ('left', 'right', 'both'))"
    )
    op.create_index("ix_image_sha256", "image", ["sha256"])
    _mark_derived_names()
    _rename_patients_that_stand_in()


def _mark_derived_names() -> None:
    """A case of one image that is named by that image's path had no name of its own."""
    op.execute(
        'UPDATE "case" SET id_derived = true WHERE EXISTS ('
        'SELECT 1 FROM image i WHERE i.case_id = "case".id AND i.position = 0 '
        f"AND \"case\".external_id IN (i.path, '{_IMAGE}' || i.path)) "
        'AND NOT EXISTS (SELECT 1 FROM image i WHERE i.case_id = "case".id AND i.position > 0)'
    )


def _rename_patients_that_stand_in() -> None:
    """Name patients that earlier releases named by their case as no table can name one.

    They were `source/case`, and before that the path of a case named by its image. One who has
    further cases, or whose new name is there already, keeps the name.
    """
    op.execute(
        f"UPDATE patient SET external_id = (SELECT '{_CASE}' || c.external_id "
        'FROM "case" c WHERE c.patient_id = patient.id) WHERE id IN ('
        'SELECT p.id FROM patient p JOIN "case" c ON c.patient_id = p.id '
        "WHERE (p.external_id = c.source || '/' || c.external_id "
        "OR (c.id_derived AND p.external_id = c.external_id)) "
        'AND NOT EXISTS (SELECT 1 FROM "case" o WHERE o.patient_id = p.id AND o.id <> c.id) '
        "AND NOT EXISTS (SELECT 1 FROM patient q WHERE q.source = p.source "
        f"AND q.external_id = '{_CASE}' || c.external_id))"
    )
