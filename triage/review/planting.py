"""Planted cases: cases with a known answer among the others, to measure how readers read.

Some show a deliberately wrong AI opinion. It is stored as the prediction of a bundle of its own
that has the name of the system in use, so that a reader cannot tell it apart. The case waits in the
class of that opinion, as every case does; nothing else that is computed from predictions counts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.accounts import Action, Actor, require
from triage.decision import Decision
from triage.errors import UsageError
from triage.ledger.events.review_events import CasePlanted
from triage.ledger.review_history import ARRIVING
from triage.review.case_work import CaseWork, in_transaction
from triage.review.guards import check_text
from triage.review.policies import case_policy
from triage.review.refusals import RefusalCode, StepRefused
from triage.store import Store, add_prediction, append_event, register_bundle, shown_prediction
from triage.store.base import utc_now
from triage.store.bundles import bundle_of_digest, planted_digest
from triage.store.planted import add_planted, is_planted
from triage.store.predictions import stored_sha256
from triage.store.records import BundleRecord
from triage.store.tables import PlantedCase, Read, Review
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.review_policies import ReadingMode, ReadKind


@dataclass(frozen=True, slots=True)
class PlantedResult:
    """How one reader read planted cases; decisions and second reads, not those withdrawn.

    Parameters
    ----------
    reader : str
    right, wrong : int
        Of all.
    right_with_wrong_ai, wrong_with_wrong_ai : int
        Of those in which the reader was shown a deliberately wrong opinion of the AI.
    """

    reader: str
    right: int
    wrong: int
    right_with_wrong_ai: int
    wrong_with_wrong_ai: int


def plant_case(
    store: Store,
    case_id: int,
    actor: Actor,
    *,
    conditions: Sequence[str],
    urgency: Urgency,
    wrong_opinion: Decision | None = None,
    at: datetime | None = None,
) -> None:
    """Make a stored case that nobody has opened one whose answer is known.

    Parameters
    ----------
    conditions : sequence of str
        Main conditions that are right.
    urgency : Urgency
        The least urgent that is right.
    wrong_opinion : Decision, optional
        To be shown in place of the opinion of the system, which must have scored the case.

    Raises
    ------
    PermissionDenied
        If the actor may not.
    StepRefused
        If somebody has opened the case, or its answer is known already.
    UsageError
        If the opinion is not wrong, is an abstention, or could not be shown or be the system's.
    """
    require(actor, Action.PLANT_CASE)
    moment = at or utc_now()
    if not conditions or not all(one.strip() for one in conditions):
        raise UsageError("No condition is given.", where="conditions")
    for text in conditions:
        check_text(text)

    def work(case: CaseWork) -> None:
        history = case.history
        if history.readers or history.policy is not None or history.state not in ARRIVING:
            raise StepRefused(
                RefusalCode.ALREADY_OPENED,
                "A reader has opened this case.",
                hint="Choose a case that nobody has opened.",
            )
        if is_planted(case.session, case_id):
            raise StepRefused(RefusalCode.ALREADY_GIVEN, "The answer of this case is known.")
        prediction = None
        if wrong_opinion is not None:
            _require_wrong(wrong_opinion, conditions, urgency)
            prediction = _add_opinion(case, wrong_opinion)
        add_planted(case.session, case_id, conditions, urgency, prediction)
        sha256 = None if prediction is None else stored_sha256(case.session, prediction)
        event = CasePlanted(tuple(conditions), urgency, prediction, sha256)
        append_event(case.session, event, actor=actor.name, case_id=case_id, at=moment)

    in_transaction(store, case_id, work)


def _require_wrong(opinion: Decision, conditions: Sequence[str], urgency: Urgency) -> None:
    if opinion.abstained or opinion.urgency is None:
        raise UsageError("An abstention is no wrong opinion.", where="wrong_opinion")
    if opinion.condition in conditions and opinion.urgency.rank <= urgency.rank:
        raise UsageError("This opinion is right.", where="wrong_opinion")


def _add_opinion(case: CaseWork, opinion: Decision) -> int:
    shown = shown_prediction(case.session, case.case.id)
    if shown is None:
        raise UsageError(
            "No system has scored this case, so no opinion can stand for its own.",
            where="wrong_opinion",
            hint="Score the case first.",
        )
    if case_policy(case.policy, case.case).mode is ReadingMode.AI_OFF:
        raise UsageError(
            "This case is read without the AI, so no opinion is shown.",
            where="wrong_opinion",
            hint="Choose another case.",
        )
    system = bundle_of_digest(case.session, shown.bundle_digest)
    if not case.several_conditions and opinion.condition not in system.conditions:
        raise UsageError(
            "The system does not know this condition, so it could be told apart.",
            where="wrong_opinion",
        )
    stand_in = BundleRecord(
        digest=planted_digest(system.digest),
        name=system.name,
        path="",
        conditions=system.conditions,
    )
    number = register_bundle(case.session, stand_in)
    # The maps and measurements of a volume are shown as they are: without them it would stand out.
    return add_prediction(case.session, case.case.id, number, opinion, shown.reading)


def planted_results(store: Store, actor: Actor) -> list[PlantedResult]:
    """Count right and wrong reads of planted cases by reader, with and without a wrong AI.

    A read is right if its main condition is one of those known, and it is at least as urgent.

    Raises
    ------
    PermissionDenied
        If the actor may not see figures of reviews.
    """
    require(actor, Action.VIEW_REVIEW_FIGURES)
    with store.reading() as session:
        counts: dict[str, list[int]] = {}
        names: dict[str, str] = {}
        for reader, right, misled in _planted_reads(session):
            key = reader_key(reader)
            names.setdefault(key, reader)
            row = counts.setdefault(key, [0, 0, 0, 0])
            row[0 if right else 1] += 1
            if misled:
                row[2 if right else 3] += 1
    return [PlantedResult(names[key], *counts[key]) for key in sorted(counts)]


def _planted_reads(session: Session) -> list[tuple[str, bool, bool]]:
    """Reader, whether the read is right, and whether a wrong opinion was shown, of each read."""
    rows = session.execute(
        select(Read, Review.reviewer, Review.prediction_id, PlantedCase)
        .join(Review, Read.review_id == Review.id)
        .join(PlantedCase, PlantedCase.case_id == Review.case_id)
        .where(Read.withdrawn_at.is_(None), Read.kind.in_((ReadKind.FINAL, ReadKind.SECOND)))
        .order_by(Read.id)
    )
    return [
        (
            reader,
            read.conditions[0] in planted.conditions
            and Urgency(read.urgency).rank <= Urgency(planted.urgency).rank,
            planted.prediction_id is not None and shown == planted.prediction_id,
        )
        for read, reader, shown, planted in rows
    ]
