"""The tables of the case database.

Foreign keys restrict: nothing that something else refers to can be deleted.
Callers do not see these classes; the repositories beside this file take and
give the plain records of `triage.store.records`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from triage.store.base import Base, one_of
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import ABSTAINED_PRIORITY, NO_AI_OPINION, Urgency
from triage.vocabulary.label_sources import LabelSource
from triage.vocabulary.laterality import Laterality
from triage.vocabulary.modality import Modality
from triage.vocabulary.read_answers import Certainty, OverrideReason
from triage.vocabulary.review_policies import ReadKind, SignatureMeaning


def _refers(target: str) -> ForeignKey:
    return ForeignKey(target, ondelete="RESTRICT")


IS_WAITING = (
    "(state IN ('received', 'quality_gated', 'inferred', 'first_read_locked', 'revealed', "
    "'skipped')) IS TRUE"
)
"""`WAITING_STATES` as a condition. Without the test for truth SQLite would look for each of the
states in the index of states, and sort what it finds."""
_WAITING = text(IS_WAITING)


def _of_waiting(name: str, *columns: str) -> Index:
    """An index of the worklist: the cases that wait, in the order of some columns."""
    return Index(
        f"ix_case_waiting_{name}", *columns, sqlite_where=_WAITING, postgresql_where=_WAITING
    )


class Patient(Base):
    """A person as one source names them; the unit of splitting and of resampling.

    A case without a patient stands for one of its own, named by the case behind `CASE_PREFIX`.
    """

    __tablename__ = "patient"
    __table_args__ = (UniqueConstraint("source", "external_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(String)
    source: Mapped[str] = mapped_column(String)
    consent_withdrawn_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class Case(Base):
    """One visit's photographs, or one eye's OCT volume; the unit of prediction.

    `queue_rank` and `due_at` order the worklist, see `triage.store.worklist_order`. A case without
    them comes first.
    """

    __tablename__ = "case"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        one_of("state", CaseState),
        one_of("modality", Modality),
        one_of("laterality", Laterality),
        CheckConstraint(f"queue_rank BETWEEN 0 AND {len(Urgency) - 1}", name="queue_rank"),
        _of_waiting("by_arrival", "received_at", "id"),
        _of_waiting("by_urgency", "queue_rank", "due_at", "received_at", "id"),
        _of_waiting("of_source_by_arrival", "source", "received_at", "id"),
        _of_waiting("of_source_by_urgency", "source", "queue_rank", "due_at", "received_at", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(String)
    source: Mapped[str] = mapped_column(String)
    patient_id: Mapped[int] = mapped_column(_refers("patient.id"), index=True)
    groups: Mapped[dict[str, Any]] = mapped_column(JSON)
    received_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String, index=True, server_default=CaseState.RECEIVED)
    modality: Mapped[str] = mapped_column(String, server_default=Modality.PHOTOGRAPHS)
    id_derived: Mapped[bool] = mapped_column(server_default=false())
    visit: Mapped[int | None]
    laterality: Mapped[str | None] = mapped_column(String)
    age: Mapped[float | None]
    version: Mapped[int] = mapped_column(server_default="0")
    policy: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    queue_rank: Mapped[int] = mapped_column(server_default=str(ABSTAINED_PRIORITY.rank))
    due_at: Mapped[datetime] = mapped_column(server_default=text("'1970-01-01 00:00:00+00:00'"))

    patient: Mapped[Patient] = relationship()
    images: Mapped[list[Image]] = relationship(order_by="Image.position")


class Image(Base):
    """One file of a case; the pixels stay on disk."""

    __tablename__ = "image"
    __table_args__ = (UniqueConstraint("case_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(_refers("case.id"))
    position: Mapped[int]
    path: Mapped[str] = mapped_column(Text)
    root: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    flags: Mapped[list[str] | None] = mapped_column(JSON)


class Bundle(Base):
    """A trained system that has scored cases here."""

    __tablename__ = "bundle"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String)
    path: Mapped[str] = mapped_column(Text)
    conditions: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[datetime]
    alias: Mapped[str | None] = mapped_column(String, unique=True)
    withdrawn_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]


class Prediction(Base):
    """The decision of one bundle on one case; one row a pair, however often scoring runs.

    Fields of `triage.decision.Decision` that the database guards or searches are columns; the
    others are in `decision`, as JSON.
    """

    __tablename__ = "prediction"
    __table_args__ = (
        UniqueConstraint("case_id", "bundle_id"),
        one_of("recommendation", (*Urgency, NO_AI_OPINION)),
        one_of("queue_urgency", Urgency),
        one_of("reason_code", AbstainReason),
        CheckConstraint(
            f"(recommendation = '{NO_AI_OPINION}') = (reason_code IS NOT NULL)",
            name="abstention_has_reason",
        ),
        CheckConstraint(
            f"recommendation <> '{NO_AI_OPINION}' OR queue_urgency IN "
            f"('{Urgency.URGENT}', '{Urgency.SEMI_URGENT}')",
            name="abstention_never_lowers_priority",
        ),
        CheckConstraint(
            "(reading_path IS NULL) = (reading_sha256 IS NULL)", name="reading_has_hash"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(_refers("case.id"))
    bundle_id: Mapped[int] = mapped_column(_refers("bundle.id"), index=True)
    condition: Mapped[str | None] = mapped_column(String)
    recommendation: Mapped[str] = mapped_column(String)
    queue_urgency: Mapped[str] = mapped_column(String)
    reason_code: Mapped[str | None] = mapped_column(String)
    decision: Mapped[dict[str, Any]] = mapped_column(JSON, server_default="{}")
    created_at: Mapped[datetime]
    reading_path: Mapped[str | None] = mapped_column(Text)
    reading_sha256: Mapped[str | None] = mapped_column(String(64))

    bundle: Mapped[Bundle] = relationship()


class CaseFeatures(Base):
    """The vector that one bundle gave a case, for the search of similar cases.

    Computed from the images, and not part of the record. `vector` is float16, little-endian, of
    length 1; `sha256` is that of its bytes.
    """

    __tablename__ = "case_features"
    __table_args__ = (
        UniqueConstraint("case_id", "bundle_id"),
        CheckConstraint("dimension > 0", name="has_dimension"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(_refers("case.id"))
    bundle_id: Mapped[int] = mapped_column(_refers("bundle.id"), index=True)
    dimension: Mapped[int]
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[str] = mapped_column(String(64))


class Review(Base):
    """One reader's work on one case; what the reader stated is in `read`."""

    __tablename__ = "review"
    __table_args__ = (UniqueConstraint("case_id", "reviewer"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(_refers("case.id"))
    prediction_id: Mapped[int | None] = mapped_column(_refers("prediction.id"), index=True)
    reviewer: Mapped[str] = mapped_column(String)
    opened_at: Mapped[datetime]
    revealed_at: Mapped[datetime | None]

    prediction: Mapped[Prediction | None] = relationship()
    reads: Mapped[list[Read]] = relationship(order_by="Read.id", back_populates="review")


class Read(Base):
    """What a reader stated of a case at one step; never changed, but a decision can be undone."""

    __tablename__ = "read"
    __table_args__ = (
        one_of("kind", ReadKind),
        one_of("urgency", Urgency),
        one_of("certainty", Certainty),
        one_of("reason_code", OverrideReason),
        Index(
            "uq_read_standing",
            "review_id",
            "kind",
            "round",
            unique=True,
            sqlite_where=text("withdrawn_at IS NULL"),
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(_refers("review.id"), index=True)
    kind: Mapped[str] = mapped_column(String)
    round: Mapped[int] = mapped_column(server_default="0")
    conditions: Mapped[list[str]] = mapped_column(JSON)
    urgency: Mapped[str] = mapped_column(String)
    certainty: Mapped[str] = mapped_column(String)
    reason_code: Mapped[str | None] = mapped_column(String)
    comment: Mapped[str] = mapped_column(Text)
    rubric: Mapped[dict[str, str]] = mapped_column(JSON, server_default="{}")
    follow_up: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    at: Mapped[datetime] = mapped_column(index=True)
    withdrawn_at: Mapped[datetime | None]

    review: Mapped[Review] = relationship(back_populates="reads")


class Label(Base):
    """A condition that someone gave to a case, and whether they had seen the AI's opinion.

    `votes` is how many readers named each condition, where the label stands for several readers
    whose reads are not in this database, such as an imported adjudication.
    """

    __tablename__ = "label"
    __table_args__ = (
        one_of("source", LabelSource),
        CheckConstraint(
            f"source NOT IN ('{LabelSource.BLIND}', '{LabelSource.AI_VISIBLE}') "
            f"OR ai_visible = (source = '{LabelSource.AI_VISIBLE}')",
            name="visibility_matches_source",
        ),
        UniqueConstraint("read_id", "condition"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(_refers("case.id"), index=True)
    condition: Mapped[str] = mapped_column(String)
    source: Mapped[str] = mapped_column(String)
    given_by: Mapped[str] = mapped_column(String)
    ai_visible: Mapped[bool]
    read_id: Mapped[int | None] = mapped_column(_refers("read.id"))
    created_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    votes: Mapped[dict[str, int] | None] = mapped_column(JSON(none_as_null=True))

    case: Mapped[Case] = relationship()


class Event(Base):
    """One happening; rows are added and never changed (see `triage.store.ledger`).

    `id` counts from 1 without gaps. `payload` is canonical JSON; `text` is the canonical text of
    the whole event, and `hash` its SHA-256 (`triage.ledger.canonical`).
    """

    __tablename__ = "event"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String)
    kind: Mapped[str] = mapped_column(String)
    case_id: Mapped[int | None] = mapped_column(_refers("case.id"), index=True)
    payload: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))


class Signature(Base):
    """A signature of a decided case."""

    __tablename__ = "signature"
    __table_args__ = (one_of("meaning", SignatureMeaning),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(_refers("case.id"), index=True)
    signed_by: Mapped[str] = mapped_column(String)
    printed_name: Mapped[str] = mapped_column(String)
    meaning: Mapped[str] = mapped_column(String)
    sha256: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class Addendum(Base):
    """A text that was added to a case after it was signed."""

    __tablename__ = "addendum"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(_refers("case.id"), index=True)
    author: Mapped[str] = mapped_column(String)
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class SitePolicyRow(Base):
    """The review policy of a site, as `triage.review.policies.SitePolicy` writes it."""

    __tablename__ = "site_policy"

    site: Mapped[str] = mapped_column(String, primary_key=True)
    policy: Mapped[dict[str, Any]] = mapped_column(JSON)
    set_at: Mapped[datetime]


class PlantedCase(Base):
    """A case whose answer is known; its reads are measured and train nothing."""

    __tablename__ = "planted_case"
    __table_args__ = (one_of("urgency", Urgency),)

    case_id: Mapped[int] = mapped_column(_refers("case.id"), primary_key=True)
    conditions: Mapped[list[str]] = mapped_column(JSON)
    urgency: Mapped[str] = mapped_column(String)
    prediction_id: Mapped[int | None] = mapped_column(_refers("prediction.id"))


class CaseLock(Base):
    """Who works on a case, and until when; not part of the record."""

    __tablename__ = "case_lock"

    case_id: Mapped[int] = mapped_column(_refers("case.id"), primary_key=True)
    owner: Mapped[str] = mapped_column(String)
    until: Mapped[datetime]


class Draft(Base):
    """What a reader has typed and not yet stored; not part of the record."""

    __tablename__ = "draft"
    __table_args__ = (UniqueConstraint("case_id", "reader"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(_refers("case.id"))
    reader: Mapped[str] = mapped_column(String)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    saved_at: Mapped[datetime]


class Activity(Base):
    """Active time of a reader on a case so far, before and after the reveal, idle time excluded."""

    __tablename__ = "activity"
    __table_args__ = (UniqueConstraint("case_id", "reader"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(_refers("case.id"))
    reader: Mapped[str] = mapped_column(String)
    seconds_before: Mapped[float] = mapped_column(server_default="0")
    seconds_after: Mapped[float] = mapped_column(server_default="0")
    last_at: Mapped[datetime]
