"""Reviews as steps between states: reads in rows of their own, policies, locks, signatures.

Columns of first and final reads become rows of `read`. The next revision gives each case its state.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_STATES = (
    "('received', 'quality_gated', 'inferred', 'first_read_locked', 'revealed', 'decided', "
    "'second_read', 'adjudication', 'signed', 'exported', 'amended', 'skipped', 'ungradable')"
)
_URGENCIES = "('urgent', 'semi_urgent', 'routine', 'observation')"
_REASONS = "('R1', 'R2', 'R3', 'R4', 'R5', 'R6', 'R7', 'R8', 'R9', 'R10')"


def upgrade() -> None:
    """Make the tables and move the reads."""
    _create_read()
    _fill_read()
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        _narrow_review_on_postgresql()
        _label_of_read_on_postgresql()
    else:
        _narrow_review_on_sqlite()
        _label_of_read_on_sqlite()
    op.create_index("ix_label_case_id", "label", ["case_id"], if_not_exists=True)
    _create_tables()
    op.add_column("bundle", sa.Column("withdrawn_at", sa.DateTime(timezone=True)))
    _widen_case(on_postgresql)


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}_{target.partition('.')[0]}"
    return sa.ForeignKeyConstraint([column], [target], name=name, ondelete="RESTRICT")


def _create_read() -> None:
    op.create_table(
        "read",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("review_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("round", sa.Integer(), server_default="0", nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("urgency", sa.String(), nullable=False),
        sa.Column("certainty", sa.String(), nullable=False),
        sa.Column("reason_code", sa.String(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("rubric", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('first', 'final', 'second', 'adjudication')", name=op.f("ck_read_kind")
        ),
        sa.CheckConstraint(f"urgency IN {_URGENCIES}", name=op.f("ck_read_urgency")),
        sa.CheckConstraint(
            "certainty IN ('guess', 'unsure', 'fairly_sure', 'sure')",
            name=op.f("ck_read_certainty"),
        ),
        sa.CheckConstraint(f"reason_code IN {_REASONS}", name=op.f("ck_read_reason_code")),
        _key("read", "review_id", "review.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_read")),
    )
    op.create_index("ix_read_review_id", "read", ["review_id"])
    standing = sa.text("withdrawn_at IS NULL")
    op.create_index(
        "uq_read_standing",
        "read",
        ["review_id", "kind", "round"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )


_READ = sa.table(
    "read",
    sa.column("id", sa.Integer()),
    sa.column("review_id", sa.Integer()),
    sa.column("kind"),
    sa.column("conditions", sa.JSON()),
    sa.column("urgency"),
    sa.column("certainty"),
    sa.column("reason_code"),
    sa.column("comment"),
    sa.column("at", sa.DateTime(timezone=True)),
)


def _fill_read() -> None:
    connection = op.get_bind()
    parts = ("condition", "urgency", "certainty")
    review = sa.table(
        "review",
        sa.column("id"),
        *(sa.column(f"{kind}_{part}") for kind in ("first", "final") for part in parts),
        sa.column("final_reason_code"),
        sa.column("final_comment"),
        sa.column("first_at", sa.DateTime(timezone=True)),
        sa.column("final_at", sa.DateTime(timezone=True)),
    )
    for row in connection.execute(sa.select(review).order_by(review.c.id)).mappings().all():
        for kind in ("first", "final"):
            if row[f"{kind}_at"] is None:
                continue
            final = kind == "final"
            values = {
                "review_id": row["id"],
                "kind": kind,
                "conditions": [row[f"{kind}_condition"]],
                "urgency": row[f"{kind}_urgency"],
                "certainty": row[f"{kind}_certainty"],
                "reason_code": row["final_reason_code"] if final else None,
                "comment": (row["final_comment"] or "") if final else "",
                "at": row[f"{kind}_at"],
            }
            connection.execute(_READ.insert(), values)


_FORMER = (
    "first_condition", "first_urgency", "first_certainty", "first_at", "final_condition",
    "final_urgency", "final_certainty", "final_reason_code", "final_comment", "final_at",
)  # fmt: skip


def _narrow_review_on_postgresql() -> None:
    for check in ("first_urgency", "final_urgency", "first_read_is_blind", "decision_comes_last"):
        op.drop_constraint(f"ck_review_{check}", "review")
    for column in _FORMER:
        op.drop_column("review", column)


def _narrow_review_on_sqlite() -> None:
    op.create_table(
        "review_narrow",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("prediction_id", sa.Integer(), nullable=True),
        sa.Column("reviewer", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revealed_at", sa.DateTime(timezone=True), nullable=True),
        _key("review", "case_id", "case.id"),
        _key("review", "prediction_id", "prediction.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
        sa.UniqueConstraint("case_id", "reviewer", name=op.f("uq_review_case_id_reviewer")),
    )
    columns = "id, case_id, prediction_id, reviewer, opened_at, revealed_at"
    op.execute(f"INSERT INTO review_narrow ({columns}) SELECT {columns} FROM review")
    op.drop_table("review")
    op.rename_table("review_narrow", "review")
    op.create_index("ix_review_prediction_id", "review", ["prediction_id"])


_READ_OF_LABEL = (
    "SELECT read.id FROM read WHERE read.review_id = label.review_id AND read.kind = "
    "CASE label.source WHEN 'blind' THEN 'first' ELSE 'final' END"
)


def _label_of_read_on_postgresql() -> None:
    op.add_column("label", sa.Column("read_id", sa.Integer()))
    op.add_column("label", sa.Column("withdrawn_at", sa.DateTime(timezone=True)))
    op.execute(f"UPDATE label SET read_id = ({_READ_OF_LABEL}) WHERE review_id IS NOT NULL")
    op.drop_constraint("uq_label_review_id_source", "label")
    op.drop_column("label", "review_id")
    op.create_foreign_key(
        "fk_label_read_id_read", "label", "read", ["read_id"], ["id"], ondelete="RESTRICT"
    )
    op.create_unique_constraint("uq_label_read_id_condition", "label", ["read_id", "condition"])


def _label_of_read_on_sqlite() -> None:
    op.create_table(
        "label_of_read",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("given_by", sa.String(), nullable=False),
        sa.Column("ai_visible", sa.Boolean(), nullable=False),
        sa.Column("read_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "source IN ('blind', 'ai_visible', 'adjudicated', 'histology')",
            name=op.f("ck_label_source"),
        ),
        sa.CheckConstraint(
            "source NOT IN ('blind', 'ai_visible') OR ai_visible = (source = 'ai_visible')",
            name=op.f("ck_label_visibility_matches_source"),
        ),
        _key("label", "case_id", "case.id"),
        _key("label", "read_id", "read.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label")),
        sa.UniqueConstraint("read_id", "condition", name=op.f("uq_label_read_id_condition")),
    )
    columns = "id, case_id, condition, source, given_by, ai_visible, created_at"
    op.execute(
        f"INSERT INTO label_of_read ({columns}, read_id) "
        f"SELECT {columns}, ({_READ_OF_LABEL}) FROM label"
    )
    op.drop_table("label")
    op.rename_table("label_of_read", "label")


def _create_tables() -> None:
    op.create_table(
        "signature",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("signed_by", sa.String(), nullable=False),
        sa.Column("printed_name", sa.String(), nullable=False),
        sa.Column("meaning", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "meaning IN ('authorship', 'review', 'approval')", name=op.f("ck_signature_meaning")
        ),
        _key("signature", "case_id", "case.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signature")),
    )
    op.create_index("ix_signature_case_id", "signature", ["case_id"])
    op.create_table(
        "addendum",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        _key("addendum", "case_id", "case.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addendum")),
    )
    op.create_index("ix_addendum_case_id", "addendum", ["case_id"])
    op.create_table(
        "site_policy",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_site_policy")),
    )
    op.create_table(
        "planted_case",
        sa.Column("case_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("urgency", sa.String(), nullable=False),
        sa.Column("prediction_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(f"urgency IN {_URGENCIES}", name=op.f("ck_planted_case_urgency")),
        _key("planted_case", "case_id", "case.id"),
        _key("planted_case", "prediction_id", "prediction.id"),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_planted_case")),
    )
    op.create_table(
        "case_lock",
        sa.Column("case_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        _key("case_lock", "case_id", "case.id"),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_lock")),
    )
    op.create_table(
        "draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        _key("draft", "case_id", "case.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
        sa.UniqueConstraint("case_id", "reader", name=op.f("uq_draft_case_id_reader")),
    )
    op.create_table(
        "activity",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("seconds_before", sa.Double(), server_default="0", nullable=False),
        sa.Column("seconds_after", sa.Double(), server_default="0", nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        _key("activity", "case_id", "case.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
        sa.UniqueConstraint("case_id", "reader", name=op.f("uq_activity_case_id_reader")),
    )


def _widen_case(on_postgresql: bool) -> None:
    op.add_column("case", sa.Column("version", sa.Integer(), server_default="0", nullable=False))
    op.add_column("case", sa.Column("policy", sa.JSON(), nullable=True))
    if on_postgresql:
        op.execute("UPDATE \"case\" SET state = 'received'")
        op.alter_column("case", "state", server_default="received")
        op.create_check_constraint("ck_case_state", "case", f"state IN {_STATES}")
        return
    # SQLite cannot add a check: a column with it takes the place of the old one.
    op.drop_index("ix_case_state", "case")
    op.execute('ALTER TABLE "case" DROP COLUMN state')
    op.execute(
        "ALTER TABLE \"case\" ADD COLUMN state VARCHAR DEFAULT 'received' NOT NULL "
        f"CONSTRAINT ck_case_state CHECK (state IN {_STATES})"
    )
    op.create_index("ix_case_state", "case", ["state"])
