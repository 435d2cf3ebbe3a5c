"""Events with a canonical text and a hash chain, numbered without gaps.

The events of earlier releases are numbered anew in their order (no row refers to an event), and
sealed as they were found. An event `ledger_begun` after them names the ledger.
"""

import secrets
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

# The text of an event is a format of its own: it is the same in every release.
from triage.ledger.canonical import FIRST_PREVIOUS, canonical_text, event_text, text_hash, time_text

revision = "0008"
down_revision = "0007"

_REFUSAL = "events are append-only"
_CHUNK = 1000
_EARLIER = sa.table(
    "event_earlier",
    sa.column("id", sa.Integer()),
    sa.column("at", sa.DateTime(timezone=True)),
    sa.column("actor", sa.String()),
    sa.column("kind", sa.String()),
    sa.column("case_id", sa.Integer()),
    sa.column("payload", sa.JSON()),
)


def upgrade() -> None:
    """Copy the events into a table that has texts and hashes, and guard it."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    _set_aside(on_postgresql)
    event = _create_table()
    _carry_over(event)
    op.drop_table("event_earlier")
    if on_postgresql:
        _guard_postgresql()
    else:
        _guard_sqlite()


def _set_aside(on_postgresql: bool) -> None:
    if on_postgresql:
        op.execute("DROP TRIGGER event_append_only ON event")
        op.execute("ALTER TABLE event RENAME CONSTRAINT pk_event TO pk_event_earlier")
        op.execute("ALTER SEQUENCE event_id_seq RENAME TO event_earlier_id_seq")
    else:
        for name in ("no_update", "no_delete", "no_replace", "no_insert_between"):
            op.execute(f"DROP TRIGGER event_{name}")
    op.drop_index("ix_event_case_id", "event")
    op.rename_table("event", "event_earlier")


def _create_table() -> sa.Table:
    event = op.create_table(
        "event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name="fk_event_case_id_case", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
    )
    op.create_index("ix_event_case_id", "event", ["case_id"])
    return event


def _carry_over(event: sa.Table) -> None:
    connection = op.get_bind()
    seq, previous, last = 0, FIRST_PREVIOUS, None
    while True:
        query = sa.select(_EARLIER).order_by(_EARLIER.c.id).limit(_CHUNK)
        if last is not None:
            query = query.where(_EARLIER.c.id > last)
        found = connection.execute(query).all()
        if not found:
            break
        rows = []
        for one in found:
            seq += 1
            at = one.at if one.at.tzinfo else one.at.replace(tzinfo=UTC)
            row = _row(seq, at, one.actor, one.kind, one.case_id, one.payload, previous)
            previous = row["hash"]
            rows.append(row)
        connection.execute(event.insert(), rows)
        last = found[-1].id
    begun = {"earlier_events": seq, "ledger": secrets.token_hex(16)}
    now = datetime.now(UTC)
    row = _row(seq + 1, now, "system", "ledger_begun", None, begun, previous)
    connection.execute(event.insert(), row)


def _row(
    seq: int,
    at: datetime,
    actor: str,
    kind: str,
    case_id: int | None,
    content: Any,
    previous: str,
) -> dict[str, Any]:
    payload = canonical_text(content)
    text = event_text(
        seq=seq,
        at=time_text(at),
        actor=actor,
        kind=kind,
        case_id=case_id,
        payload=payload,
        previous=previous,
    )
    utc = at.astimezone(UTC)
    return {
        "id": seq,
        "at": utc.replace(tzinfo=None) if op.get_bind().dialect.name == "sqlite" else utc,
        "actor": actor,
        "kind": kind,
        "case_id": case_id,
        "payload": payload,
        "text": text,
        "hash": text_hash(text),
    }


def _guard_sqlite() -> None:
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER event_no_{verb.lower()} BEFORE {verb} ON event "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )
    # Of INSERT OR REPLACE, too: it would delete without firing a trigger on DELETE. The number of
    # a row that is inserted without one is -1 here, so that it is refused.
    op.execute(
        "CREATE TRIGGER event_in_order BEFORE INSERT ON event "
        "WHEN NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM event) "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_event_change()"
    )
    op.execute(
        "CREATE FUNCTION refuse_event_out_of_order() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF NEW.id IS DISTINCT FROM (SELECT coalesce(max(id), 0) + 1 FROM event) THEN "
        f"RAISE EXCEPTION '{_REFUSAL}'; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER event_in_order BEFORE INSERT ON event "
        "FOR EACH ROW EXECUTE FUNCTION refuse_event_out_of_order()"
    )
