"""What a process does that takes steps of reviews until it is killed."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from multiprocessing.connection import Connection

from tests.review.team import RUBRIC
from triage.accounts import Actor, Role
from triage.review import (
    Certainty,
    StepRefused,
    adjudicate,
    decide,
    give_second_read,
    lock_first_read,
    open_case,
    open_second_read,
    reveal,
    sign_off,
    skip_case,
    undo_decision,
)
from triage.review.case_work import history_of
from triage.store import Store, events, open_store
from triage.store.base import utc_now
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import OverrideReason
from triage.vocabulary.review_policies import SignatureMeaning


def steps(
    store: Store, number: int, actor: Actor, draw: random.Random
) -> list[Callable[[], object]]:
    """Every step that a reader can try on a case."""
    read = {
        "conditions": ("melanoma",),
        "urgency": draw.choice((Urgency.URGENT, Urgency.SEMI_URGENT)),
        "certainty": Certainty.SURE,
    }
    later = utc_now() + timedelta(seconds=5)

    def sign() -> None:
        result = sign_off(
            store,
            actor,
            [number],
            SignatureMeaning.REVIEW,
            printed_name=actor.name,
            reauthenticated=True,
        )
        for refusal in result.refused.values():
            raise refusal

    def final() -> object:
        return decide(store, number, actor, at=later, reason=OverrideReason.HISTORY, **read)

    return [
        lambda: open_case(store, number, actor),
        lambda: lock_first_read(store, number, actor, **read),
        lambda: reveal(store, number, actor),
        final,
        lambda: open_second_read(store, number, actor),
        lambda: give_second_read(store, number, actor, **read),
        lambda: adjudicate(store, number, actor, rubric=RUBRIC, **read),
        lambda: undo_decision(store, number, actor) if draw.random() < 0.2 else None,
        lambda: skip_case(store, number, actor, "later") if draw.random() < 0.1 else None,
        lambda: sign() if draw.random() < 0.3 else None,
    ]


def take_steps(url: str, reader: str, seed: int, told: Connection) -> None:
    """Take steps until killed, and tell of each when it is stored.

    What is told is the case, its version, and the kind of the last event of the step.
    """
    store, draw = open_store(url), random.Random(seed)
    actor = Actor(reader, Role.SENIOR_READER)
    with store.reading() as session:
        numbers = sorted({one.case_id for one in events(session) if one.case_id is not None})
    told.send("ready")
    while True:
        number = draw.choice(numbers)
        before = history_of(store, number).version
        possible = steps(store, number, actor, draw)
        draw.shuffle(possible)
        for step in possible:
            with suppress(StepRefused):
                step()
            if history_of(store, number).version != before:
                break
        with store.reading() as session:
            kind = events(session, number)[-1].kind
        after = history_of(store, number).version
        if after != before:
            told.send((number, after, kind))
