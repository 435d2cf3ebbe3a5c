"""A process that tries to read every case to the end, and prints what became of each.

`python -m tests.review.decider URL READER SEED`; it waits for a line before it begins.
"""

from __future__ import annotations

import random
import sys
from datetime import timedelta

from triage.accounts import Actor, Role
from triage.review import Certainty, StepRefused, decide, lock_first_read, open_case, reveal
from triage.review.case_work import history_of
from triage.store import events, open_store
from triage.store.base import utc_now
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.review_policies import ReadingMode


def main(url: str, reader: str, seed: str) -> None:
    """Read all cases, in an order of one's own."""
    store, actor = open_store(url), Actor(reader, Role.READER)
    with store.reading() as session:
        numbers = sorted({one.case_id for one in events(session) if one.case_id is not None})
    random.Random(int(seed)).shuffle(numbers)
    read = {
        "conditions": ("melanoma",),
        "urgency": Urgency.URGENT,
        "certainty": Certainty.SURE,
    }
    print("ready", flush=True)
    sys.stdin.readline()
    for number in numbers:
        try:
            open_case(store, number, actor)
            lock_first_read(store, number, actor, **read)
            policy = history_of(store, number).policy
            if policy is not None and policy.mode is not ReadingMode.AI_OFF:
                reveal(store, number, actor)
            decide(store, number, actor, at=utc_now() + timedelta(seconds=5), **read)
            print(number, "decided", flush=True)
        except StepRefused as refusal:
            print(number, refusal.code, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
