"""Which case a reader gets next."""

from __future__ import annotations

import random
from datetime import datetime

from triage.accounts import Actor
from triage.review.worklist_filter import EVERY_CASE, WorklistFilter
from triage.store import Store

_SYSTEM_RANDOM = random.SystemRandom()


def next_case(
    store: Store,
    actor: Actor,
    now: datetime,
    *,
    wanted: WorklistFilter = EVERY_CASE,
    rng: random.Random = _SYSTEM_RANDOM,
) -> int | None:
    """Return the case that a reader is to open next, or None if none is free for them."""
    raise NotImplementedError
