"""Reviews as steps between states: reads in rows of their own, policies, locks, signatures.

Columns of first and final reads become rows of `read`; the state of each case follows from them.
What is stored of a case now is summed up in one event `case_carried_over` for each, so that
everything from here on follows from events.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

# The text of an event and the hash of a stored decision are formats: the same in every release.
from triage.hashing import hash_json
from triage.ledger.canonical import canonical_text, event_text, text_hash, time_text

revision = "0010"
down_revision = "0009"

_STATES = (
    "('received', 'quality_gated', 'inferred', 'first_read_locked', 'revealed', 'decided', "
    "'second_read', 'adjudication', 'signed', 'exported', 'amended', 'skipped', 'ungradable')"
)
_URGENCIES = "('urgent', 'semi_urgent', 'routine', 'observation')"
_REASONS = "('R1', 'R2', 'R3', 'R4', 'R5', 'R6', 'R7', 'R8', 'R9', 'R10')"
_BLIND = {"mode": "blind", "priority_visible": True, "drawn_ai_off": False}
_CHUNK = 500


def upgrade() -> None:
    """Make the tables, move the reads, and sum up every case."""
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
    _carry_over()


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


def _time(name: str) -> sa.ColumnClause:  # type: ignore[type-arg]
    return sa.column(name, sa.DateTime(timezone=True))


_CASE = sa.table("case", sa.column("id"), sa.column("state"), sa.column("policy", sa.JSON()))
_IMAGE = sa.table("image", sa.column("case_id"), sa.column("sha256"))
_PREDICTION = sa.table(
    "prediction",
    *(sa.column(name) for name in ("id", "case_id", "bundle_id", "condition", "recommendation")),
    *(sa.column(name) for name in ("queue_urgency", "reason_code", "reading_sha256")),
    sa.column("decision", sa.JSON()),
)
_REVIEW = sa.table(
    "review",
    *(sa.column(name) for name in ("id", "case_id", "prediction_id", "reviewer")),
    _time("opened_at"),
    _time("revealed_at"),
)
_LABEL = sa.table(
    "label",
    *(sa.column(name) for name in ("id", "case_id", "condition", "source", "given_by", "read_id")),
    sa.column("ai_visible", sa.Boolean()),
    _time("created_at"),
)


def _carry_over() -> None:
    connection = op.get_bind()
    last_case = 0
    head = connection.execute(sa.text("SELECT id, hash FROM event ORDER BY id DESC LIMIT 1")).one()
    seq, previous = head.id, head.hash
    while cases := list(
        connection.scalars(
            sa.select(_CASE.c.id).where(_CASE.c.id > last_case).order_by(_CASE.c.id).limit(_CHUNK)
        )
    ):
        rows = []
        for case_id, payload in _summaries(cases).items():
            connection.execute(
                _CASE.update()
                .where(_CASE.c.id == case_id)
                .values(state=payload["state"], policy=payload["policy"])
            )
            seq += 1
            rows.append(_event(seq, case_id, payload, previous))
            previous = rows[-1]["hash"]
        connection.execute(_EVENT.insert(), rows)
        last_case = cases[-1]


_EVENT = sa.table(
    "event",
    *(sa.column(name) for name in ("id", "actor", "kind", "case_id", "payload", "text", "hash")),
    _time("at"),
)


def _event(seq: int, case_id: int, content: dict, previous: str) -> dict:  # type: ignore[type-arg]
    now, payload = datetime.now(UTC), canonical_text(content)
    text = event_text(
        seq=seq,
        at=time_text(now),
        actor="system",
        kind="case_carried_over",
        case_id=case_id,
        payload=payload,
        previous=previous,
    )
    return {
        "id": seq,
        "at": now.replace(tzinfo=None) if op.get_bind().dialect.name == "sqlite" else now,
        "actor": "system",
        "kind": "case_carried_over",
        "case_id": case_id,
        "payload": payload,
        "text": text,
        "hash": text_hash(text),
    }


def _of(table: sa.TableClause, cases: list[int]) -> dict[int, list]:  # type: ignore[type-arg]
    """Rows of a table by case, in the order of their numbers."""
    order = [table.c.id] if "id" in table.c else []
    found = op.get_bind().execute(
        sa.select(table).where(table.c.case_id.in_(cases)).order_by(*order)
    )
    by_case = {case_id: [] for case_id in cases}
    for row in found.mappings():
        by_case[row["case_id"]].append(dict(row))
    return by_case


def _summaries(cases: list[int]) -> dict[int, dict]:  # type: ignore[type-arg]
    images, predictions = _of(_IMAGE, cases), _of(_PREDICTION, cases)
    reviews, labels = _of(_REVIEW, cases), _of(_LABEL, cases)
    numbers = [one["id"] for found in reviews.values() for one in found]
    reads: dict[int, list] = {number: [] for number in numbers}  # type: ignore[type-arg]
    query = sa.select(_READ).where(_READ.c.review_id.in_(numbers)).order_by(_READ.c.id)
    for row in op.get_bind().execute(query).mappings():
        reads[row["review_id"]].append(dict(row))
    return {
        case_id: _summary(
            images[case_id], predictions[case_id], reviews[case_id], labels[case_id], reads
        )
        for case_id in cases
    }


def _summary(images, predictions, reviews, labels, reads):  # type: ignore[no-untyped-def]
    decoded = bool(images) and all(image["sha256"] is not None for image in images)
    arrived = "inferred" if predictions else "quality_gated" if decoded else "received"
    finals = [r for one in reviews for r in reads[one["id"]] if r["kind"] == "final"]
    furthest = max(
        reviews,
        key=lambda one: (one["revealed_at"] is not None, len(reads[one["id"]]), one["id"]),
        default=None,
    )
    active = None
    if len({read["urgency"] for read in finals}) > 1:
        state = "adjudication"
    elif finals:
        state = "decided"
    elif furthest is None:
        state = arrived
    else:
        active = furthest["reviewer"]
        locked = "first_read_locked" if reads[furthest["id"]] else arrived
        state = "revealed" if furthest["revealed_at"] is not None else locked
    return {
        "state": state,
        "arrived": arrived,
        "active": active,
        "policy": _BLIND if reviews else None,
        "reviews": [_carried_review(one, reads[one["id"]]) for one in reviews],
        "labels": [
            {
                "label": one["id"],
                "condition": one["condition"],
                "source": one["source"],
                "given_by": one["given_by"],
                "ai_visible": one["ai_visible"],
                "at": _text(one["created_at"]),
                "read": one["read_id"],
            }
            for one in labels
        ],
        "predictions": {str(one["id"]): _prediction_sha256(one) for one in predictions},
    }


def _prediction_sha256(row):  # type: ignore[no-untyped-def]
    return hash_json({name: row[name] for name in row if name not in ("id", "case_id")})


def _carried_review(review, reads):  # type: ignore[no-untyped-def]
    return {
        "review": review["id"],
        "reviewer": review["reviewer"],
        "opened_at": _text(review["opened_at"]),
        "revealed_at": _text(review["revealed_at"]),
        "prediction": review["prediction_id"],
        "reads": [
            {
                "kind": read["kind"],
                "at": _text(read["at"]),
                "facts": {
                    "read": read["id"],
                    "conditions": read["conditions"],
                    "urgency": read["urgency"],
                    "certainty": read["certainty"],
                    "reason_code": read["reason_code"],
                    "comment": read["comment"],
                    "rubric": {},
                },
            }
            for read in reads
        ],
    }


def _text(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return time_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
