"""Decisions as one JSON column beside the guarded ones, and cases of single B-scans."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_MOVED = (
    "p_condition", "p_outlier", "aleatoric", "epistemic", "differential", "reason", "next_action",
    "expected_cost",
)  # fmt: skip
_CHUNK = 1000
_MODALITIES = "('photographs', 'oct_bscans', 'oct_volumes')"


def upgrade() -> None:
    """Move what is neither guarded nor searched into the JSON column, and admit B-scans."""
    _move_decisions()
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("ck_case_modality", "case")
        op.create_check_constraint("ck_case_modality", "case", f"modality IN {_MODALITIES}")
    else:
        _widen_modality_on_sqlite()


def _move_decisions() -> None:
    op.add_column(
        "prediction", sa.Column("decision", sa.JSON(), nullable=False, server_default="{}")
    )
    connection = op.get_bind()
    table = sa.table(
        "prediction",
        sa.column("id"),
        sa.column("decision", sa.JSON()),
        *(sa.column(name, sa.JSON() if name == "differential" else None) for name in _MOVED),
    )
    write = (
        sa.update(table)
        .where(table.c.id == sa.bindparam("number"))
        .values(decision=sa.bindparam("content"))
    )
    last = 0
    columns = [table.c[name] for name in ("id", *_MOVED)]
    while rows := connection.execute(
        sa.select(*columns).where(table.c.id > last).order_by(table.c.id).limit(_CHUNK)
    ).all():
        connection.execute(
            write,
            [
                {"number": row.id, "content": {name: getattr(row, name) for name in _MOVED}}
                for row in rows
            ],
        )
        last = rows[-1].id
    for name in _MOVED:
        op.drop_column("prediction", name)


def _widen_modality_on_sqlite() -> None:
    # SQLite cannot change a check: a column with the new one takes the place of the old.
    op.execute(
        "ALTER TABLE \"case\" ADD COLUMN modality_wide VARCHAR DEFAULT 'photographs' NOT NULL "
        f"CONSTRAINT ck_case_modality CHECK (modality_wide IN {_MODALITIES})"
    )
    op.execute('UPDATE "case" SET modality_wide = modality')
    op.execute('ALTER TABLE "case" DROP COLUMN modality')
    op.execute('ALTER TABLE "case" RENAME COLUMN modality_wide TO modality')
