"""The tables of the learning loop: data sets, gates, training runs, promotions, shadows, requests.

Cases and patients of data sets are named by keys (`triage.dataset_versions.version`), not by their
identifiers, since most members of a data set are no cases of this database.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from triage.store.base import Base, one_of
from triage.store.tables import Bundle
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency
from triage.vocabulary.learning import GateVerdict, PromotionKind, RequestKind, TrainingState


def _refers(target: str) -> ForeignKey:
    return ForeignKey(target, ondelete="RESTRICT")


class DatasetVersionRow(Base):
    """A version of a data set: the Merkle root over its members, and the version before it."""

    __tablename__ = "dataset_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    root: Mapped[str] = mapped_column(String(64), unique=True)
    spec_name: Mapped[str] = mapped_column(String)
    spec_hash: Mapped[str] = mapped_column(String(64))
    parent_id: Mapped[int | None] = mapped_column(_refers("dataset_version.id"))
    reason: Mapped[str] = mapped_column(Text)
    made_by: Mapped[str] = mapped_column(String)
    made_at: Mapped[datetime]

    members: Mapped[list[DatasetMemberRow]] = relationship(order_by="DatasetMemberRow.position")


class DatasetMemberRow(Base):
    """A case of a version: the hashes of its images and label, and the split that it is in."""

    __tablename__ = "dataset_member"
    __table_args__ = (UniqueConstraint("version_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(_refers("dataset_version.id"), index=True)
    position: Mapped[int]
    case_key: Mapped[str] = mapped_column(String(64))
    patient_key: Mapped[str] = mapped_column(String(64), index=True)
    cluster_key: Mapped[str] = mapped_column(String(64))
    images: Mapped[list[str]] = mapped_column(JSON)
    condition: Mapped[str] = mapped_column(String)
    label_hash: Mapped[str] = mapped_column(String(64))
    licence: Mapped[str] = mapped_column(String)
    consent: Mapped[str] = mapped_column(String)
    split: Mapped[str] = mapped_column(String)


class FrozenCaseRow(Base):
    """A case of the frozen regression set; it never trains and never leaves the set."""

    __tablename__ = "frozen_case"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_key: Mapped[str] = mapped_column(String(64), unique=True)
    patient_key: Mapped[str] = mapped_column(String(64), index=True)
    spec_name: Mapped[str] = mapped_column(String)
    images: Mapped[list[str]] = mapped_column(JSON)
    condition: Mapped[str] = mapped_column(String)
    label_hash: Mapped[str] = mapped_column(String(64))
    version_id: Mapped[int] = mapped_column(_refers("dataset_version.id"))
    added_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class GateRunRow(Base):
    """One use of a gate split: which predictions were judged by which policy, and the answer."""

    __tablename__ = "gate_run"
    __table_args__ = (
        UniqueConstraint("gate_set", "policy_hash", "submission"),
        one_of("verdict", GateVerdict),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    gate_set: Mapped[str] = mapped_column(String(64), index=True)
    policy_hash: Mapped[str] = mapped_column(String(64))
    submission: Mapped[str] = mapped_column(String(64))
    champion_id: Mapped[int | None] = mapped_column(_refers("bundle.id"))
    challenger_id: Mapped[int | None] = mapped_column(_refers("bundle.id"))
    verdict: Mapped[str] = mapped_column(String)
    result: Mapped[dict[str, Any]] = mapped_column(JSON)
    hold_out_state: Mapped[dict[str, Any]] = mapped_column(JSON, server_default="{}")
    run_by: Mapped[str] = mapped_column(String)
    run_at: Mapped[datetime]


class TrainingRunRow(Base):
    """A run of `triage retrain`, from the data set version to the bundle and the gate's answer."""

    __tablename__ = "training_run"
    __table_args__ = (one_of("state", TrainingState),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    state: Mapped[str] = mapped_column(String)
    dataset_version_id: Mapped[int] = mapped_column(_refers("dataset_version.id"), index=True)
    champion_id: Mapped[int | None] = mapped_column(_refers("bundle.id"))
    challenger_id: Mapped[int | None] = mapped_column(_refers("bundle.id"))
    gate_run_id: Mapped[int | None] = mapped_column(_refers("gate_run.id"))
    policy_hash: Mapped[str] = mapped_column(String(64))
    settings_hash: Mapped[str] = mapped_column(String(64))
    steps: Mapped[dict[str, Any]] = mapped_column(JSON)
    started_by: Mapped[str] = mapped_column(String)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class PromotionRow(Base):
    """A proposal that a bundle comes into use, and what another person said of it."""

    __tablename__ = "promotion"
    __table_args__ = (one_of("kind", PromotionKind),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String)
    bundle_id: Mapped[int] = mapped_column(_refers("bundle.id"), index=True)
    former_id: Mapped[int | None] = mapped_column(_refers("bundle.id"))
    gate_run_id: Mapped[int | None] = mapped_column(_refers("gate_run.id"))
    reason: Mapped[str] = mapped_column(Text)
    signed_off: Mapped[bool] = mapped_column(server_default=false())
    proposed_by: Mapped[str] = mapped_column(String)
    proposed_at: Mapped[datetime]
    approved_by: Mapped[str | None] = mapped_column(String)
    approved_at: Mapped[datetime | None]
    rejected_by: Mapped[str | None] = mapped_column(String)
    rejected_at: Mapped[datetime | None]
    answer: Mapped[str | None] = mapped_column(Text)

    bundle: Mapped[Bundle] = relationship(foreign_keys=[bundle_id])
    former: Mapped[Bundle | None] = relationship(foreign_keys=[former_id])


class ShadowPredictionRow(Base):
    """The decision of a shadow bundle on a case; no reader is shown it."""

    __tablename__ = "shadow_prediction"
    __table_args__ = (
        UniqueConstraint("case_id", "bundle_id"),
        one_of("recommendation", (*Urgency, NO_AI_OPINION)),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(_refers("case.id"))
    bundle_id: Mapped[int] = mapped_column(_refers("bundle.id"), index=True)
    condition: Mapped[str | None] = mapped_column(String)
    recommendation: Mapped[str] = mapped_column(String)
    decision: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime]


class LabelRequestRow(Base):
    """A case that was chosen to be labelled, or to be labelled again, and why."""

    __tablename__ = "label_request"
    __table_args__ = (
        UniqueConstraint("case_id", "batch"),
        one_of("kind", RequestKind),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(_refers("case.id"), index=True)
    batch: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String)
    position: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    requested_by: Mapped[str] = mapped_column(String)
    requested_at: Mapped[datetime]
    closed_at: Mapped[datetime | None] = mapped_column(index=True)
    closed_because: Mapped[str | None] = mapped_column(String)
