"""What readers decided of the cases of a bundle, in order of time, as columns.

Counted as in the figures of reviews (`triage.review.figures`): of each case the earliest standing
decision, planted cases left out. What differs is that rows are read in chunks and kept as numbers.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Text, and_, cast, select
from sqlalchemy.orm import Session, aliased

from triage.monitoring.case_stream import CHUNK, Ints, microseconds
from triage.monitoring.monitoring_plan import MonitoringPlan
from triage.review.figures.truth import TRUTH_SOURCES, Truth, TruthLabel, truth_of
from triage.store.planted import of_planted_case
from triage.store.tables import Case, Label, Prediction, Read, Review
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency
from triage.vocabulary.label_sources import LabelSource
from triage.vocabulary.review_policies import ReadKind

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Decisions:
    """Standing decisions on cases that a bundle has scored, in order of time.

    Parameters
    ----------
    case, patient, time : int64 array [N]
        Time in microseconds since 1970 in UTC.
    advised : bool array [N]
        The reader was shown an opinion of the bundle.
    overridden : bool array [N]
        And decided otherwise: another urgency, or without its condition.
    shown_abstention : bool array [N]
        The reader was shown that the bundle abstains.
    alone_abstained : bool array [N]
        The case was drawn to be read without AI and was, and the bundle had abstained.
    urgency : int8 array [N]
        Rank of the urgency of the decision.
    conditions : tuple of frozenset of str, length N
        That the decision names; equal ones are one object.
    """

    case: Ints
    patient: Ints
    time: Ints
    advised: Bools
    overridden: Bools
    shown_abstention: Bools
    alone_abstained: Bools
    urgency: NDArray[np.int8]
    conditions: tuple[frozenset[str], ...]

    def __len__(self) -> int:
        return len(self.case)

    def at(self, places: NDArray[Any]) -> Decisions:
        """Return some of the decisions, given by their places."""
        arrays = {name: getattr(self, name)[places] for name in _ARRAYS}
        return replace(self, **arrays, conditions=tuple(self.conditions[one] for one in places))


_FLAGS = ("advised", "overridden", "shown_abstention", "alone_abstained")
_ARRAYS = ("case", "patient", "time", "urgency", *_FLAGS)


def read_decisions(session: Session, bundle: int) -> Decisions:
    """Read the decisions on the cases of a bundle.

    Parameters
    ----------
    session : Session
    bundle : int
        Row of `bundle`.
    """
    numbers = {name: array("q") for name in ("case", "patient", "time")}
    flags = {name: array("b") for name in (*_FLAGS, "urgency")}
    named: list[frozenset[str]] = []
    texts: dict[str, frozenset[str]] = {}
    policies: dict[str | None, bool] = {None: False}
    for row in session.execute(_final_reads(bundle)):
        if row.names not in texts:
            texts[row.names] = frozenset(json.loads(row.names))
        if row.policy not in policies:
            policies[row.policy] = bool((json.loads(row.policy) or {}).get("drawn_ai_off"))
        conditions, ours = texts[row.names], row.shown_bundle == bundle
        advised = ours and row.shown != NO_AI_OPINION
        numbers["case"].append(row.case)
        numbers["patient"].append(row.patient)
        numbers["time"].append(microseconds(row.at))
        flags["urgency"].append(Urgency(row.urgency).rank)
        flags["advised"].append(advised)
        flags["overridden"].append(
            advised and (row.shown_condition not in conditions or row.shown != row.urgency)
        )
        flags["shown_abstention"].append(ours and row.shown == NO_AI_OPINION)
        alone = policies[row.policy] and row.revealed_at is None and row.scored_at <= row.at
        flags["alone_abstained"].append(alone and row.said == NO_AI_OPINION)
        named.append(conditions)
    columns: dict[str, Any] = {
        **{name: np.array(values, dtype=np.int64) for name, values in numbers.items()},
        **{name: np.array(flags[name], dtype=np.bool_) for name in _FLAGS},
    }
    urgency = np.array(flags["urgency"], dtype=np.int8)
    found = Decisions(**columns, urgency=urgency, conditions=tuple(named))
    # An earlier release could store several decisions of one case; the earliest counted.
    return found.at(np.sort(np.unique(found.case, return_index=True)[1]))


def _final_reads(bundle: int) -> Any:
    shown, ours = aliased(Prediction), aliased(Prediction)
    return (
        select(
            Case.id.label("case"),
            Case.patient_id.label("patient"),
            cast(Case.policy, Text).label("policy"),
            Review.revealed_at,
            Read.at,
            Read.urgency,
            cast(Read.conditions, Text).label("names"),
            shown.bundle_id.label("shown_bundle"),
            shown.condition.label("shown_condition"),
            shown.recommendation.label("shown"),
            ours.recommendation.label("said"),
            ours.created_at.label("scored_at"),
        )
        .select_from(Read)
        .join(Review, Read.review_id == Review.id)
        .join(Case, Review.case_id == Case.id)
        .join(ours, and_(ours.case_id == Case.id, ours.bundle_id == bundle))
        .outerjoin(shown, Review.prediction_id == shown.id)
        .where(
            Read.kind == ReadKind.FINAL, Read.withdrawn_at.is_(None), ~of_planted_case(Case.id)
        )
        .order_by(Read.at, Read.id)
        .execution_options(yield_per=CHUNK)
    )


@dataclass(frozen=True)
class Labelled:
    """Cases of a bundle that have labels, in the order in which these came.

    Parameters
    ----------
    case, patient, time : int64 array [N]
        Time at which the last of the labels that count was stored.
    kept : bool array [N]
        Whether the bundle gave an opinion.
    forecast : float32 array [N]
        The probability that it gave its condition; NaN where it could not read the case.
    correct : bool array [N]
        Whether a label names this condition.
    truth : tuple of Truth or None, length N
        What histology or an adjudication says; None where only blind reads do.
    """

    case: Ints
    patient: Ints
    time: Ints
    kept: Bools
    forecast: NDArray[np.float32]
    correct: Bools
    truth: tuple[Truth | None, ...]

    def __len__(self) -> int:
        return len(self.case)


def read_labelled(session: Session, bundle: int, plan: MonitoringPlan) -> Labelled:
    """Read the labels of the cases of a bundle: histology, else adjudicated, else blind reads.

    A label of somebody who had seen what the bundle says is none to measure it by.
    """
    rows = sorted(_labelled(session, bundle, plan), key=lambda one: one[:2])
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * 7
    time, case, patient, kept, forecast, correct, truth = columns
    return Labelled(
        case=np.array(case, dtype=np.int64),
        patient=np.array(patient, dtype=np.int64),
        time=np.array(time, dtype=np.int64),
        kept=np.array(kept, dtype=np.bool_),
        forecast=np.array(forecast, dtype=np.float32),
        correct=np.array(correct, dtype=np.bool_),
        truth=tuple(truth),
    )


def _labelled(session: Session, bundle: int, plan: MonitoringPlan) -> Iterator[tuple[Any, ...]]:
    for case, given in groupby(session.execute(_labels(bundle)), key=lambda row: row.case):
        rows = list(given)
        truth = _truth([row for row in rows if row.source in TRUTH_SOURCES], plan)
        if truth is not None:
            counted = [row for row in rows if row.source in TRUTH_SOURCES]
            conditions = truth.conditions
        else:
            counted = [row for row in rows if row.source == LabelSource.BLIND]
            first = [row for row in counted if row.read == counted[0].read]
            conditions = frozenset(row.condition for row in first)
            counted = first
        if not counted:  # labels of truth that contradict each other
            continue
        last = rows[0]
        yield (
            max(microseconds(row.created_at) for row in counted),
            case,
            last.patient,
            last.said != NO_AI_OPINION,
            np.nan if last.confidence is None else last.confidence,
            last.predicted in conditions,
            truth,
        )


def _labels(bundle: int) -> Any:
    return (
        select(
            Label.case_id.label("case"),
            Case.patient_id.label("patient"),
            Label.condition,
            Label.source,
            Label.given_by,
            Label.read_id.label("read"),
            Label.created_at,
            Read.urgency,
            Prediction.condition.label("predicted"),
            Prediction.recommendation.label("said"),
            Prediction.decision["p_condition"].as_float().label("confidence"),
        )
        .select_from(Label)
        .join(Case, Label.case_id == Case.id)
        .join(Prediction, and_(Prediction.case_id == Case.id, Prediction.bundle_id == bundle))
        .outerjoin(Read, Label.read_id == Read.id)
        .where(
            Label.withdrawn_at.is_(None),
            Label.source.in_((*TRUTH_SOURCES, LabelSource.BLIND)),
            ~of_planted_case(Case.id),
        )
        .order_by(Label.case_id, Label.id)
        .execution_options(yield_per=CHUNK)
    )


def _truth(rows: list[Any], plan: MonitoringPlan) -> Truth | None:
    """The truth of one case, with urgency and risk of conditions as the plan states them."""
    truth = truth_of(
        TruthLabel(
            row.condition,
            LabelSource(row.source),
            row.given_by,
            row.read,
            None if row.urgency is None else Urgency(row.urgency),
        )
        for row in rows
    )
    if truth is None:
        return None
    urgency = truth.urgency
    if urgency is None and truth.conditions <= plan.urgencies.keys():
        urgency = min((plan.urgencies[one] for one in truth.conditions), key=lambda one: one.rank)
    return replace(truth, urgency=urgency, high_risk=truth.conditions & {*plan.high_risk})
