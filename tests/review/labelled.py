"""Labelled cases with vectors, put into a store row by row, for tests of similar cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import count

import numpy as np
from numpy.typing import NDArray

from tests.store.make import bundle, case, opinion
from triage.ledger.events.review_events import CasePolicy
from triage.store import (
    ImageRecord,
    LabelSource,
    Store,
    add_case,
    add_label,
    add_prediction,
    register_bundle,
)
from triage.store.base import utc_now
from triage.store.features import add_features
from triage.store.records import CaseRecord
from triage.store.reviews import add_read, add_review, set_case_state
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import Certainty
from triage.vocabulary.review_policies import ReadingMode, ReadKind

Given = tuple[LabelSource, str, str]
"""Source of a label, its condition, and who gave it."""
_pictures = count()


def histology(condition: str) -> Given:
    return (LabelSource.HISTOLOGY, condition, "laboratory")


def blind(condition: str, by: str = "Dan") -> Given:
    return (LabelSource.BLIND, condition, by)


def record(name: str, picture: str | None = None, **changes: object) -> CaseRecord:
    """A case whose picture is no other case's, unless it is stated."""
    sha256 = picture or f"{next(_pictures):064x}"
    return case(name, images=(ImageRecord(f"{name}/a.png", "/root", sha256),), **changes)


def unit(*numbers: float) -> NDArray[np.float32]:
    vector = np.array(numbers, np.float32)
    return vector / np.linalg.norm(vector)


def scored_with(
    store: Store,
    name: str,
    vector: Sequence[float] | None,
    digest: str = "d" * 64,
    **changes: object,
) -> int:
    """Put a case with a prediction and a vector into the store; return its number."""
    with store.transaction() as session:
        number = add_case(session, record(name, **changes))
        system = register_bundle(session, bundle(digest))
        add_prediction(session, number, system, opinion())
        if vector is not None:
            add_features(session, system, {number: unit(*vector)})
    return number


def labelled(
    store: Store,
    name: str,
    vector: Sequence[float] | None,
    *given: Given,
    state: CaseState = CaseState.SIGNED,
    digest: str = "d" * 64,
    **changes: object,
) -> int:
    """Put a case with labels of finished reads into the store; return its number."""
    number = scored_with(store, name, vector, digest, **changes)
    label(store, number, *given)
    with store.transaction() as session:
        policy = asdict(CasePolicy(ReadingMode.BLIND, True, False))
        set_case_state(session, number, state, 9, policy)
    return number


def label(store: Store, number: int, *given: Given) -> None:
    """Add labels; those of people come from a read each."""
    with store.transaction() as session:
        for source, condition, by in given:
            read = None
            if source is not LabelSource.HISTOLOGY:
                review = add_review(session, number, f"{by} {next(_pictures)}", utc_now())
                read = add_read(
                    session,
                    review,
                    ReadKind.FIRST,
                    utc_now(),
                    conditions=(condition,),
                    urgency=Urgency.ROUTINE,
                    certainty=Certainty.SURE,
                )
            visible = source is LabelSource.AI_VISIBLE
            add_label(
                session, number, condition, source, given_by=by, ai_visible=visible, read_id=read
            )
