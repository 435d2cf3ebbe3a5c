"""Case databases with a stream of scored cases, written by plain inserts: thousands in a second.

No events tell of these rows; tests that verify the ledger use the software's own functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import func, insert, select

from tests.store.make import bundle as bundle_record
from triage.ledger.events.case_events import CaseScored
from triage.store import Store, append_event, register_bundle, set_first_champion
from triage.store.base import utc_now
from triage.store.features import add_features
from triage.store.tables import Case, Image, Label, Patient, Prediction, Read, Review
from triage.vocabulary.clinical import NO_AI_OPINION

BEGIN = datetime(2025, 1, 6, tzinfo=UTC)
DIGEST = "d" * 64


@dataclass(frozen=True)
class DayOfCases:
    """What the cases of some days are like.

    Parameters
    ----------
    days : range
    per_day : int
    ood, ambiguous : float
        Shares that abstain for A4 and for A5.
    site : str
    age : float
        Mean age; the spread is 15 years.
    shift : float
        Added to the first component of the vectors.
    """

    days: range
    per_day: int = 100
    ood: float = 0.01
    ambiguous: float = 0.05
    site: str = "north"
    age: float = 50.0
    shift: float = 0.0
    groups: Mapping[str, Any] = field(default_factory=lambda: {"skin_type": "III"})


def make_bundle(store: Store, digest: str = DIGEST) -> int:
    """Register a bundle, the first one in use, and return its row."""
    with store.transaction() as session:
        number = register_bundle(session, bundle_record(digest))
        set_first_champion(session, number)
    return number


def add_days(
    store: Store,
    bundle: int,
    parts: Sequence[DayOfCases],
    *,
    seed: int = 0,
    vectors: int = 0,
    n_images: int = 1,
    begin: datetime = BEGIN,
) -> list[int]:
    """Add the cases of some days in the order of their days, and return their rows."""
    rng = np.random.default_rng(seed)
    rows = [
        _case(part, day, rng, begin)
        for day in sorted({day for part in parts for day in part.days})
        for part in parts
        if day in part.days
        for _ in range(part.per_day)
    ]
    rows.sort(key=lambda row: row["received_at"])
    with store.transaction() as session:
        first = (session.scalar(select(func.max(Case.id))) or 0) + 1
        numbers = list(range(first, first + len(rows)))
        patients = [{"external_id": f"p{n}", "source": "all", "id": n} for n in numbers]
        session.execute(insert(Patient), patients)
        cases, predictions, images = [], [], []
        for number, row in zip(numbers, rows, strict=True):
            prediction, shift = row.pop("prediction"), row.pop("shift")
            cases.append(row | {"id": number, "external_id": f"c{number}", "patient_id": number})
            row["shift"] = shift
            predictions.append(
                prediction | {"case_id": number, "bundle_id": bundle, "created_at": utc_now()}
            )
            images += [
                {"case_id": number, "position": place, "path": "a.png", "root": "/r", "flags": []}
                for place in range(n_images)
            ]
        keys = [{k: v for k, v in one.items() if k != "shift"} for one in cases]
        session.execute(insert(Case), keys)
        session.execute(insert(Prediction), predictions)
        session.execute(insert(Image), images)
        if vectors:
            found = {}
            for number, row in zip(numbers, rows, strict=True):
                vector = rng.normal(size=vectors)
                vector[0] += row["shift"]
                found[number] = (vector / np.linalg.norm(vector)).astype(np.float32)
            add_features(session, bundle, found)
        append_event(session, CaseScored(bundle, 1, "0" * 64), case_id=numbers[-1])
    return numbers


def _case(
    part: DayOfCases, day: int, rng: np.random.Generator, begin: datetime
) -> dict[str, Any]:
    drawn = rng.random()
    reason = "A4" if drawn < part.ood else "A5" if drawn < part.ood + part.ambiguous else None
    confidence = float(rng.uniform(0.5, 1.0))
    return {
        "source": part.site,
        "groups": dict(part.groups),
        "received_at": begin + timedelta(days=day, seconds=float(rng.integers(0, 86_000))),
        "state": "inferred",
        "modality": "photographs",
        "age": float(round(min(max(rng.normal(part.age, 15), 0.0), 100.0))),
        "visit": None,
        "shift": part.shift,
        "prediction": {
            "condition": "acne",
            "recommendation": NO_AI_OPINION if reason else "routine",
            "queue_urgency": "semi_urgent" if reason else "routine",
            "reason_code": reason,
            "decision": {"ood_score": float(rng.normal()), "p_condition": confidence},
        },
    }


def add_decisions(
    store: Store,
    cases: Sequence[int],
    *,
    overridden: float = 0.1,
    after: timedelta = timedelta(hours=1),
    seed: int = 1,
    truth: str | None = None,
    truth_urgency: str = "urgent",
    urgency: str | None = None,
    alone: bool = False,
) -> None:
    """Add a final read to each case, shown what the bundle says unless it was read alone.

    With `truth`, an adjudicated label of that condition, whose read states `truth_urgency`.
    """
    rng = np.random.default_rng(seed)
    with store.transaction() as session:
        rows = session.execute(
            select(
                Case.id, Case.received_at, Prediction.id, Prediction.recommendation
            )
            .join(Prediction, Prediction.case_id == Case.id)
            .where(Case.id.in_(cases))
            .order_by(Case.received_at, Case.id)
        ).all()
        for number, received, prediction, said in rows:
            at = max(received + after, utc_now()) if alone else received + after
            session.get_one(Case, number).policy = {
                "mode": "ai_off" if alone else "blind",
                "priority_visible": False,
                "drawn_ai_off": alone,
            }
            review = Review(
                case_id=number,
                prediction_id=None if alone else prediction,
                reviewer="Rhea",
                opened_at=received,
                revealed_at=None if alone else at,
            )
            session.add(review)
            session.flush()
            stated = urgency or ("routine" if said == NO_AI_OPINION else said)
            if urgency is None and said != NO_AI_OPINION and rng.random() < overridden:
                stated = "urgent"
            read = Read(
                review_id=review.id, kind="final", round=0, conditions=["acne"], urgency=stated,
                certainty="sure", comment="", rubric={}, at=at,
            )  # fmt: skip
            session.add(read)
            session.flush()
            if truth is not None:
                panel = Read(
                    review_id=review.id, kind="adjudication", round=1, conditions=[truth],
                    urgency=truth_urgency, certainty="sure", comment="", rubric={}, at=at,
                )  # fmt: skip
                session.add(panel)
                session.flush()
                session.add(
                    Label(
                        case_id=number, condition=truth, source="adjudicated", given_by="Panel",
                        ai_visible=False, read_id=panel.id, created_at=at,
                    )  # fmt: skip
                )
