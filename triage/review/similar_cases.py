"""After a decision: labelled cases that look alike to the system, with the source of their label.

What is alike is what a system computes, so this is output of the AI, and the rule is that of the
AI's opinion made stricter: a reader gets it once their decision on the case stands, and never of a
case that is read without the AI. There a decision that is undone and made again has to be as blind
as the first. Elsewhere every decision that such a reader can still store on the case becomes a
label "AI visible", so that no event has to say that similar cases were shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from triage.accounts import Action, Actor, require
from triage.errors import UsageError
from triage.ledger.review_history import CaseHistory
from triage.review.case_work import CaseWork
from triage.review.labelled_cases import LabelEvidence, labelled_cases
from triage.review.labelled_vectors import LabelledVectors, labelled_vectors
from triage.review.refusals import RefusalCode, StepRefused
from triage.store import Store
from triage.store.bundles import planted_digest
from triage.store.features import features_of
from triage.store.records import GroupValue
from triage.store.tables import Bundle, Case, CaseFeatures, Image, Prediction
from triage.vocabulary.bundle_aliases import CHAMPION
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.review_policies import ReadingMode, ReadKind

MOST_CASES = 20
_DECIDED = (
    CaseState.DECIDED,
    CaseState.SECOND_READ,
    CaseState.SIGNED,
    CaseState.EXPORTED,
    CaseState.AMENDED,
)
"""Not while an adjudication runs: its answers come from the images."""


class WhyNone(StrEnum):
    """Why no similar cases can be shown."""

    NO_SYSTEM = "no_system"
    """No system has scored the case, or none is in use."""
    WITHDRAWN = "withdrawn"
    """The system whose opinion was shown has been withdrawn."""
    NO_VECTOR = "no_vector"
    """The system could not compare the case, or scored it under an earlier release."""
    NO_LABELLED_CASES = "no_labelled_cases"
    """The system has scored no other case that is signed and has a label that may be shown."""


@dataclass(frozen=True, slots=True)
class SimilarCase:
    """A labelled case of another patient.

    Parameters
    ----------
    case_id : int
    conditions : tuple of str
    evidence : LabelEvidence
        What the label rests on.
    distance : float
        Cosine distance from the case that was decided: 1 - x.y of two vectors of length 1, 0 for
        the same direction, 1 for none in common, at most 2.
    as_near : float or None
        Share of pairs of labelled cases with different conditions that are at most so far apart;
        None where there are too few pairs.
    groups : mapping
        Subgroups of the case, such as its skin type.
    images : int
    """

    case_id: int
    conditions: tuple[str, ...]
    evidence: LabelEvidence
    distance: float
    as_near: float | None
    groups: Mapping[str, GroupValue]
    images: int


@dataclass(frozen=True, slots=True)
class SimilarCases:
    """What a search found.

    Parameters
    ----------
    cases : tuple of SimilarCase
        The nearest first.
    bundle : str
        Name of the system whose vectors were compared; '' where there is none.
    compared : int
        Labelled cases that it could choose from, those of the same patient included.
    pairs : int
        Pairs of labelled cases with different conditions that `as_near` refers to.
    why_none : WhyNone or None
        Where `cases` is empty.
    """

    cases: tuple[SimilarCase, ...] = ()
    bundle: str = ""
    compared: int = 0
    pairs: int = 0
    why_none: WhyNone | None = None


def similar_cases(store: Store, case_id: int, actor: Actor, count: int = 3) -> SimilarCases:
    """Return the labelled cases nearest to one that the actor has decided.

    Only vectors of the system whose opinion the actor was shown are compared; of the champion
    where none had given one. Planted cases, cases of the same patient and cases with the same
    picture are not among them; which others are is told in `triage.review.labelled_cases`.

    Parameters
    ----------
    count : int
        1 to `MOST_CASES`.

    Raises
    ------
    PermissionDenied
        If the actor may not read cases.
    StepRefused
        If no decision of the actor on the case stands, an adjudication runs, or the case is read
        without the AI.
    UsageError
        If the number is out of range.
    StoreError
        If there is no such case.
    """
    require(actor, Action.READ_CASE)
    if not 1 <= count <= MOST_CASES:
        raise UsageError(f"is {count}, not 1 to {MOST_CASES}", where="count")
    with store.reading() as session:
        case = CaseWork(session, case_id)
        _require_decided(case.history, actor)
        progress = case.history.progress(actor.name)
        assert progress is not None, "who decided has begun"
        bundle = _bundle(session, case_id, progress.prediction)
        if bundle is None:
            return SimilarCases(why_none=WhyNone.NO_SYSTEM)
        if bundle.withdrawn_at is not None:
            return SimilarCases(why_none=WhyNone.WITHDRAWN)
        vector = features_of(session, case_id, bundle.id)
        if vector is None:
            return SimilarCases(bundle=bundle.name, why_none=WhyNone.NO_VECTOR)
        vectors = labelled_vectors(store, bundle.id)
        vectors.update(session)
        found = _nearest(session, vectors, case_id, vector, count)
        return SimilarCases(
            cases=found,
            bundle=bundle.name,
            compared=len(vectors),
            pairs=len(vectors.scale().distances),
            why_none=None if found else WhyNone.NO_LABELLED_CASES,
        )


def _require_decided(history: CaseHistory, actor: Actor) -> None:
    """Check that a decision of the actor stands, in a case that is read with the AI."""
    if history.read_of(actor.name, ReadKind.FINAL) is None or history.state not in _DECIDED:
        raise StepRefused(
            RefusalCode.WRONG_STATE,
            "Similar cases are shown to the reader of a decision, while it stands.",
            hint="Decide first.",
        )
    progress = history.progress(actor.name)
    off = history.policy is None or history.policy.mode is ReadingMode.AI_OFF
    if off or progress is None or progress.revealed_at is None:
        raise StepRefused(
            RefusalCode.AI_OFF,
            "This case is read without the AI, so no similar cases are shown.",
        )


def _bundle(session: Session, case_id: int, prediction: int | None) -> Bundle | None:
    """The system that gave the opinion that was shown; the champion where there was none."""
    if prediction is None:
        return session.scalar(select(Bundle).where(Bundle.alias == CHAMPION))
    bundle = session.scalars(
        select(Bundle).join(Prediction.bundle).where(Prediction.id == prediction)
    ).one()
    # The opinion shown of a planted case can stand in for that of another system, which a reader
    # must not notice: the vectors are those of the other one.
    scored = session.scalars(
        select(Bundle)
        .join(CaseFeatures, CaseFeatures.bundle_id == Bundle.id)
        .where(CaseFeatures.case_id == case_id)
    )
    return next((one for one in scored if planted_digest(one.digest) == bundle.digest), bundle)


def _nearest(
    session: Session,
    vectors: LabelledVectors,
    case_id: int,
    vector: NDArray[np.float32],
    count: int,
) -> tuple[SimilarCase, ...]:
    same = _same_patients(session, case_id)
    scale = vectors.scale()
    found: list[SimilarCase] = []
    for near, distance in vectors.nearest(vector, same):
        # Read again: labels withdrawn and cases planted since are no reason to read all of them.
        labelled = labelled_cases(session, [near.case_id]).get(near.case_id)
        if labelled is None:
            continue
        row = session.get_one(Case, near.case_id)
        found.append(
            SimilarCase(
                case_id=near.case_id,
                conditions=labelled.conditions,
                evidence=labelled.evidence,
                distance=distance,
                as_near=scale.share_as_near(distance),
                groups=row.groups,
                images=len(row.images),
            )
        )
        if len(found) == count:
            break
    return tuple(found)


def _same_patients(session: Session, case_id: int) -> frozenset[int]:
    """Patients whose cases are not shown: that of the case, and those with the same picture."""
    other, own = aliased(Image), aliased(Image)
    pictured = (
        select(Case.patient_id)
        .join(other, other.case_id == Case.id)
        .join(own, own.sha256 == other.sha256)
        .where(own.case_id == case_id)
    )
    of_case = select(Case.patient_id).where(Case.id == case_id)
    return frozenset([*session.scalars(of_case), *session.scalars(pictured)])
