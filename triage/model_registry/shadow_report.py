"""How the bundle in shadow does on live cases, beside the bundle in use and blind labels.

Numbers are over cases and name none. Patients are resampled as a whole; shares have Gaffke's
interval (`triage.evaluation.bounded_mean`), and agreement beyond chance is Cohen's kappa.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.evaluation.cohen_kappa import Kappa, nominal_kappa
from triage.model_registry.bundle_rows import bundle_with_alias
from triage.model_registry.refusals import RegistryRefused
from triage.model_registry.shares import Share, difference_of_shares, share_of_cases
from triage.store.label_strength import newest_reads
from triage.store.learning_tables import ShadowPredictionRow
from triage.store.tables import Bundle, Case, Label, PlantedCase, Prediction
from triage.vocabulary.bundle_aliases import CHAMPION, SHADOW
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency
from triage.vocabulary.label_sources import LabelSource


class ShadowReport(BaseModel):
    """Agreement of the bundle in shadow with the one in use, and with blind labels.

    Parameters
    ----------
    shadow, champion : str or None
        Digests; without a bundle in use there is nothing to compare with.
    cases, compared : int
        Cases with an opinion in shadow, and those that the bundle in use has scored, too.
    patients : int
        Of the cases compared.
    days : float
        Between the first and the last opinion in shadow.
    first, last : datetime or None
    same_recommendation : Share
        Cases with the same recommendation, abstention included.
    kappa : Share
        Cohen's kappa of the recommendations.
    same_condition : Share
        Of the cases on which neither abstains.
    abstained_champion, abstained_shadow, abstention_difference : Share
        The difference is shadow less champion.
    only_shadow_urgent, only_champion_urgent : Share
        Cases that one calls urgent and the other does not.
    labelled : int
        Compared cases with a blind label and without any dispute about it.
    right_champion, right_shadow, right_difference : Share
        Cases whose blind label is the condition that the bundle names; abstentions and planted
        cases are not counted.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shadow: str
    champion: str | None
    cases: int
    compared: int
    patients: int
    days: float
    first: datetime | None
    last: datetime | None
    same_recommendation: Share = Share()
    kappa: Share = Share()
    same_condition: Share = Share()
    abstained_champion: Share = Share()
    abstained_shadow: Share = Share()
    abstention_difference: Share = Share()
    only_shadow_urgent: Share = Share()
    only_champion_urgent: Share = Share()
    labelled: int = 0
    right_champion: Share = Share()
    right_shadow: Share = Share()
    right_difference: Share = Share()


@dataclass(frozen=True, slots=True)
class _Pair:
    """What both bundles said of a case."""

    case_id: int
    patient_id: int
    champion: tuple[str, str | None]
    shadow: tuple[str, str | None]


def shadow_report(session: Session, *, seed: int = 0) -> ShadowReport:
    """Compare the bundle in shadow with the one in use, on the cases that both have scored.

    Parameters
    ----------
    session : Session
    seed : int
        Of the intervals' random weights.

    Raises
    ------
    RegistryRefused
        If no bundle is in shadow.
    """
    shadow = bundle_with_alias(session, SHADOW)
    if shadow is None:
        raise RegistryRefused(
            "No bundle is in shadow.", hint="triage registry shadow --set BUNDLE puts one there."
        )
    champion = bundle_with_alias(session, CHAMPION)
    times = session.scalars(
        select(ShadowPredictionRow.created_at).where(ShadowPredictionRow.bundle_id == shadow.id)
    ).all()
    first, last = (min(times), max(times)) if times else (None, None)
    pairs = _pairs(session, shadow, champion) if champion is not None else []
    days = (last - first).total_seconds() / 86_400 if first and last else 0.0
    given = ShadowReport(
        shadow=shadow.digest,
        champion=champion.digest if champion else None,
        cases=len(times),
        compared=len(pairs),
        patients=len({pair.patient_id for pair in pairs}),
        days=days,
        first=first,
        last=last,
    )
    if not pairs:
        return given
    found = _agreement(pairs, seed) | _rightness(session, pairs, seed)
    return given.model_copy(update=found)


def _pairs(session: Session, shadow: Bundle, champion: Bundle) -> list[_Pair]:
    rows = session.execute(
        select(
            Case.id,
            Case.patient_id,
            Prediction.recommendation,
            Prediction.condition,
            ShadowPredictionRow.recommendation.label("shadow_recommendation"),
            ShadowPredictionRow.condition.label("shadow_condition"),
        )
        .join(ShadowPredictionRow, ShadowPredictionRow.case_id == Case.id)
        .join(Prediction, Prediction.case_id == Case.id)
        .where(
            ShadowPredictionRow.bundle_id == shadow.id,
            Prediction.bundle_id == champion.id,
        )
        .order_by(Case.id)
    )
    return [
        _Pair(
            row.id,
            row.patient_id,
            (row.recommendation, row.condition),
            (row.shadow_recommendation, row.shadow_condition),
        )
        for row in rows
    ]


def _agreement(pairs: Sequence[_Pair], seed: int) -> dict[str, object]:
    said = [[pair.champion[0] for pair in pairs], [pair.shadow[0] for pair in pairs]]
    champion, shadow = (np.array(each) for each in said)
    patients = np.array([str(pair.patient_id) for pair in pairs])
    everyone = np.ones(len(pairs), dtype=bool)
    abstained = [each == NO_AI_OPINION for each in (champion, shadow)]
    urgent = [each == Urgency.URGENT.value for each in (champion, shadow)]
    both = ~abstained[0] & ~abstained[1]
    same = np.array([pair.champion[1] == pair.shadow[1] for pair in pairs])
    return {
        "same_recommendation": share_of_cases(champion == shadow, everyone, patients, seed),
        "kappa": _kappa(
            nominal_kappa(said[0], said[1], [pair.patient_id for pair in pairs], seed=seed)
        ),
        "same_condition": share_of_cases(same, both, patients, seed),
        "abstained_champion": share_of_cases(abstained[0], everyone, patients, seed),
        "abstained_shadow": share_of_cases(abstained[1], everyone, patients, seed),
        "abstention_difference": difference_of_shares(abstained, everyone, patients, seed),
        "only_shadow_urgent": share_of_cases(urgent[1] & ~urgent[0], everyone, patients, seed),
        "only_champion_urgent": share_of_cases(urgent[0] & ~urgent[1], everyone, patients, seed),
    }


def _rightness(session: Session, pairs: Sequence[_Pair], seed: int) -> dict[str, object]:
    labels = _blind_labels(session, [pair.case_id for pair in pairs])
    labelled = [
        pair
        for pair in pairs
        if pair.case_id in labels and NO_AI_OPINION not in (pair.champion[0], pair.shadow[0])
    ]
    found: dict[str, object] = {"labelled": len(labels)}
    if not labelled:
        return found
    truth = [labels[pair.case_id] for pair in labelled]
    right = [
        np.array([said == label for said, label in zip(each, truth, strict=True)])
        for each in (
            [pair.champion[1] for pair in labelled],
            [pair.shadow[1] for pair in labelled],
        )
    ]
    everyone = np.ones(len(labelled), dtype=bool)
    patients = np.array([str(pair.patient_id) for pair in labelled])
    return found | {
        "right_champion": share_of_cases(right[0], everyone, patients, seed),
        "right_shadow": share_of_cases(right[1], everyone, patients, seed),
        "right_difference": difference_of_shares(right, everyone, patients, seed),
    }


def _blind_labels(session: Session, cases: Sequence[int]) -> dict[int, str]:
    """The blind label of each case whose readers agree; planted cases have none."""
    rows = session.scalars(
        select(Label)
        .where(
            Label.source == LabelSource.BLIND,
            Label.withdrawn_at.is_(None),
            Label.case_id.in_(cases),
            Label.case_id.not_in(select(PlantedCase.case_id)),
        )
        .order_by(Label.id)
    )
    by_case: dict[int, list[Any]] = {}
    for row in rows:
        by_case.setdefault(row.case_id, []).append(row)
    named = {
        case: {label.condition for label in newest_reads(labels)}
        for case, labels in by_case.items()
    }
    return {case: next(iter(names)) for case, names in named.items() if len(names) == 1}


def _kappa(found: Kappa) -> Share:
    return Share(
        value=found.value,
        low=found.low,
        high=found.high,
        n_cases=found.n_cases,
        n_patients=found.n_clusters,
    )
