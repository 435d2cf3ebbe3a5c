"""What a process does that tries to read every case to the end."""

from __future__ import annotations

import random
from datetime import timedelta
from multiprocessing.connection import Connection

from triage.accounts import Actor, Role
from triage.review import Certainty, StepRefused, decide, lock_first_read, open_case, reveal
from triage.review.case_work import history_of
from triage.store import events, open_store
from triage.store.base import utc_now
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.review_policies import ReadingMode


def decide_all(url: str, reader: str, seed: int, told: Connection) -> None:
    """Read all cases, in an order of one's own, and tell what became of each."""
    store, actor = open_store(url), Actor(reader, Role.READER)
    with store.reading() as session:
        numbers = sorted({one.case_id for one in events(session) if one.case_id is not None})
    random.Random(seed).shuffle(numbers)
    read = {
        "conditions": ("melanoma",),
        "urgency": Urgency.URGENT,
        "certainty": Certainty.SURE,
    }
    told.send("ready")
    told.recv()
    outcomes = []
    for number in numbers:
        try:
            open_case(store, number, actor)
            lock_first_read(store, number, actor, **read)
            policy = history_of(store, number).policy
            if policy is not None and policy.mode is not ReadingMode.AI_OFF:
                reveal(store, number, actor)
            decide(store, number, actor, at=utc_now() + timedelta(seconds=5), **read)
            outcomes.append((number, "decided"))
        except StepRefused as refusal:
            outcomes.append((number, refusal.code.value))
    store.close()
    told.send(outcomes)
