"""Patients are unique within a source, and no event is replaced or put between others."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_REFUSAL = "events are append-only"
_NO_CASE = "unknown"


def upgrade() -> None:
    """Give every patient the source of their cases; one with several sources becomes several."""
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("patient", sa.Column("source", sa.String(), nullable=True))
        op.drop_constraint("uq_patient_external_id", "patient")
        _name_sources()
        op.alter_column("patient", "source", nullable=False)
        op.create_unique_constraint(
            "uq_patient_source_external_id", "patient", ["source", "external_id"]
        )
    else:
        _rebuild_on_sqlite()
        _guard_sqlite()
    _divide_patients()


def _name_sources() -> None:
    """A patient keeps their number in the source of their first case."""
    op.execute(
        'UPDATE patient SET source = coalesce((SELECT source FROM "case" '
        "WHERE patient_id = patient.id ORDER BY id LIMIT 1), "
        f"'{_NO_CASE}')"
    )


def _rebuild_on_sqlite() -> None:
    # SQLite cannot drop a constraint. The store switches foreign keys off during a migration, and
    # checks them all before it commits: else the table that cases refer to could not be dropped.
    op.execute(
        "CREATE TABLE patient_rebuilt (id INTEGER NOT NULL, external_id VARCHAR NOT NULL, "
        "source VARCHAR NOT NULL, CONSTRAINT pk_patient PRIMARY KEY (id), "
        "CONSTRAINT uq_patient_source_external_id UNIQUE (source, external_id))"
    )
    op.execute(
        "INSERT INTO patient_rebuilt (id, external_id, source) SELECT id, external_id, "
        'coalesce((SELECT source FROM "case" WHERE patient_id = patient.id ORDER BY id LIMIT 1), '
        f"'{_NO_CASE}') FROM patient"
    )
    op.execute("DROP TABLE patient")
    op.execute("ALTER TABLE patient_rebuilt RENAME TO patient")


def _divide_patients() -> None:
    """Make a patient of the same name in each further source, and move that source's cases."""
    other = 'FROM "case" c JOIN patient p ON p.id = c.patient_id WHERE c.source <> p.source'
    op.execute(
        "INSERT INTO patient (external_id, source) "
        f"SELECT DISTINCT p.external_id, c.source {other} ORDER BY c.source, p.external_id"
    )
    op.execute(
        'UPDATE "case" SET patient_id = (SELECT q.id FROM patient p JOIN patient q '
        "ON q.external_id = p.external_id "
        'WHERE p.id = "case".patient_id AND q.source = "case".source) '
        f"WHERE id IN (SELECT c.id {other})"
    )


def _guard_sqlite() -> None:
    # INSERT OR REPLACE deletes without firing a trigger on DELETE. Of a row without a number the
    # number is -1 before it is inserted, so the order is checked afterwards.
    op.execute(
        "CREATE TRIGGER event_no_replace BEFORE INSERT ON event "
        "WHEN EXISTS (SELECT 1 FROM event WHERE id = NEW.id) "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    )
    op.execute(
        "CREATE TRIGGER event_no_insert_between AFTER INSERT ON event "
        "WHEN NEW.id < 1 OR NEW.id < (SELECT max(id) FROM event) "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    )
