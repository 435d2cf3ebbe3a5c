"""The next case: handed out, reserved and opened, from the worklist and after a decision."""

from __future__ import annotations

from datetime import UTC, datetime

from triage.accounts import Actor
from triage.review import StepRefused, WorklistFilter, next_case, open_case
from triage.store import Store
from ui.session import go_to_case

_TRIES = 5
"""Times that another case is drawn where somebody else has opened the one that was drawn first."""
_NONE_FREE = (
    "No case is free for you now: other readers have those that wait. "
    "A case that its reader leaves is free again after a while."
)


def open_next(store: Store, actor: Actor, wanted: WorklistFilter | None = None) -> str:
    """Reserve the next case and open it; return why there is none, or ''.

    Parameters
    ----------
    store : Store
    actor : Actor
    wanted : WorklistFilter, optional
        Only a case that fits it; any if not given.
    """
    refused = ""
    for _ in range(_TRIES):
        found = next_case(store, actor, datetime.now(UTC), wanted=wanted or WorklistFilter())
        if found is None:
            return _NONE_FREE
        try:
            open_case(store, found, actor)
        except StepRefused as refusal:
            refused = str(refusal)
            continue
        go_to_case(found)
        return ""
    return refused
