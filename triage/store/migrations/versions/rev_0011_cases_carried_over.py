"""The state of each case, and one event that sums up what is stored of it.

Events of earlier releases do not state everything, so what was true when the hash chain began is in
`case_carried_over`; from there on everything follows from events.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

# The text of an event and the hash of a stored decision are formats: the same in every release.
from triage.hashing import hash_json
from triage.ledger.canonical import canonical_text, event_text, text_hash, time_text

revision = "0011"
down_revision = "0010"

_BLIND = {"mode": "blind", "priority_visible": True, "drawn_ai_off": False}
_CHUNK = 500
_Row = dict[str, Any]


def _time(name: str) -> sa.ColumnClause[datetime]:
    return sa.column(name, sa.DateTime(timezone=True))


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


_CASE = sa.table(
    "case",
    *(sa.column(name) for name in ("id", "patient_id", "state")),
    sa.column("policy", sa.JSON()),
)
_IMAGE = sa.table("image", *(sa.column(name) for name in ("case_id", "position", "sha256")))
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


def upgrade() -> None:
    """Sum up every case, in the order of their numbers."""
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


def _event(seq: int, case_id: int, content: _Row, previous: str) -> _Row:
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


def _of(table: sa.TableClause, cases: list[int]) -> dict[int, list[_Row]]:
    """Rows of a table by case, in the order of their numbers."""
    order = [table.c.id] if "id" in table.c else []
    found = op.get_bind().execute(
        sa.select(table).where(table.c.case_id.in_(cases)).order_by(*order)
    )
    by_case: dict[int, list[_Row]] = {case_id: [] for case_id in cases}
    for row in found.mappings():
        by_case[row["case_id"]].append(dict(row))
    return by_case


def _patients(cases: list[int]) -> dict[int, int]:
    query = sa.select(_CASE.c.id, _CASE.c.patient_id).where(_CASE.c.id.in_(cases))
    return {row.id: row.patient_id for row in op.get_bind().execute(query)}


def _summaries(cases: list[int]) -> dict[int, _Row]:
    patients = _patients(cases)
    images, predictions = _of(_IMAGE, cases), _of(_PREDICTION, cases)
    reviews, labels = _of(_REVIEW, cases), _of(_LABEL, cases)
    numbers = [one["id"] for found in reviews.values() for one in found]
    reads: dict[int, list[_Row]] = {number: [] for number in numbers}
    query = sa.select(_READ).where(_READ.c.review_id.in_(numbers)).order_by(_READ.c.id)
    for row in op.get_bind().execute(query).mappings():
        reads[row["review_id"]].append(dict(row))
    return {
        case_id: _summary(
            images[case_id], predictions[case_id], reviews[case_id], labels[case_id], reads
        )
        | {"patient": patients[case_id], "sha256": _hashes(images[case_id])}
        for case_id in cases
    }


def _hashes(images: list[_Row]) -> _Row:
    return {str(image["position"]): image["sha256"] for image in images}


def _summary(
    images: list[_Row],
    predictions: list[_Row],
    reviews: list[_Row],
    labels: list[_Row],
    reads: dict[int, list[_Row]],
) -> _Row:
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


def _prediction_sha256(row: _Row) -> str:
    return hash_json({name: row[name] for name in row if name not in ("id", "case_id")})


def _carried_review(review: _Row, reads: list[_Row]) -> _Row:
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
