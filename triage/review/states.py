"""The states of a review and the steps between them.

Pure: `check` decides by the case's history and the given context only, and either returns or
raises `StepRefused`. `TRANSITIONS` is the whole table; docs/review_states.md shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from triage.accounts import Action, require
from triage.ledger.review_history import ARRIVING, CaseHistory
from triage.review.follow_up import abstention_is_followed_up
from triage.review.guards import (
    Guard,
    StepContext,
    ai_may_be_shown,
    bundle_is_in_use,
    comes_after_the_reveal,
    decided_it,
    departure_has_reason,
    first_read_is_due,
    gave_no_second_read,
    has_case,
    has_opened_second_read,
    is_in_turn,
    is_independent,
    is_not_deleted,
    is_viewable,
    may_sign,
    read_is_complete,
    rubric_is_complete,
    second_read_is_due,
    text_is_given,
    was_viewable,
)
from triage.review.refusals import RefusalCode, StepRefused
from triage.vocabulary.case_states import CaseState


class Step(StrEnum):
    """What a person can do with a case."""

    OPEN = "open"
    LOCK_FIRST_READ = "lock_first_read"
    REVEAL = "reveal"
    DECIDE = "decide"
    UNDO_DECISION = "undo_decision"
    OPEN_SECOND_READ = "open_second_read"
    GIVE_SECOND_READ = "give_second_read"
    ADJUDICATE = "adjudicate"
    SKIP = "skip"
    REPORT_UNGRADABLE = "report_ungradable"
    HAND_OVER = "hand_over"
    SIGN = "sign"
    EXPORT = "export"
    ADD_ADDENDUM = "add_addendum"


@dataclass(frozen=True, slots=True)
class Transition:
    """From which states a step may be taken, by whom, to which states, and what it requires."""

    action: Action
    sources: frozenset[CaseState]
    targets: frozenset[CaseState]
    guards: tuple[Guard, ...] = ()


def check(history: CaseHistory, step: Step, context: StepContext) -> None:
    """Check that a step may be taken now.

    Raises
    ------
    PermissionDenied
        If the actor's role does not allow it.
    StepRefused
        If the state, the version or a guard does not allow it.
    """
    transition = TRANSITIONS[step]
    require(context.actor, transition.action)
    if context.version is not None and context.version != history.version:
        raise StepRefused(
            RefusalCode.STALE_VERSION,
            "The case has changed since this page was shown.",
            hint="Load it again; what you typed is kept.",
        )
    if context.locked_by is not None:
        raise StepRefused(
            RefusalCode.IN_WORK,
            f"The case is in work by {context.locked_by}.",
            hint="Take another case, or wait until it is free.",
        )
    if history.state not in transition.sources:
        state = "unknown" if history.state is None else history.state.value.replace("_", " ")
        raise StepRefused(
            RefusalCode.WRONG_STATE,
            f"This step is not possible while the case is {state}.",
            hint="Load the case again.",
        )
    for guard in transition.guards:
        guard(history, context)


_OPEN = frozenset({*ARRIVING, CaseState.FIRST_READ_LOCKED, CaseState.REVEALED})
_ARRIVING = frozenset(ARRIVING)

TRANSITIONS: Mapping[Step, Transition] = {
    Step.OPEN: Transition(
        Action.READ_CASE,
        _OPEN | {CaseState.SKIPPED, CaseState.UNGRADABLE},
        _OPEN,
        (is_not_deleted, gave_no_second_read),
    ),
    Step.LOCK_FIRST_READ: Transition(
        Action.READ_CASE,
        _ARRIVING,
        frozenset({CaseState.FIRST_READ_LOCKED}),
        (has_case, first_read_is_due, read_is_complete, is_viewable),
    ),
    Step.REVEAL: Transition(
        Action.READ_CASE,
        _OPEN,
        frozenset({CaseState.REVEALED}),
        (has_case, ai_may_be_shown),
    ),
    Step.DECIDE: Transition(
        Action.READ_CASE,
        frozenset({CaseState.FIRST_READ_LOCKED, CaseState.REVEALED}),
        frozenset({CaseState.DECIDED, CaseState.SECOND_READ, CaseState.ADJUDICATION}),
        (
            has_case,
            comes_after_the_reveal,
            read_is_complete,
            was_viewable,
            bundle_is_in_use,
            departure_has_reason,
            abstention_is_followed_up,
        ),
    ),
    Step.UNDO_DECISION: Transition(
        Action.READ_CASE,
        frozenset({CaseState.DECIDED, CaseState.SECOND_READ}),
        frozenset({CaseState.FIRST_READ_LOCKED, CaseState.REVEALED}),
        (decided_it,),
    ),
    Step.OPEN_SECOND_READ: Transition(
        Action.GIVE_SECOND_READ,
        frozenset({CaseState.SECOND_READ, CaseState.DECIDED}),
        frozenset({CaseState.SECOND_READ, CaseState.DECIDED}),
        (second_read_is_due, is_independent),
    ),
    Step.GIVE_SECOND_READ: Transition(
        Action.GIVE_SECOND_READ,
        frozenset({CaseState.SECOND_READ, CaseState.DECIDED}),
        frozenset({CaseState.DECIDED, CaseState.ADJUDICATION}),
        (
            second_read_is_due,
            is_independent,
            has_opened_second_read,
            read_is_complete,
            is_viewable,
        ),
    ),
    Step.ADJUDICATE: Transition(
        Action.ADJUDICATE,
        frozenset({CaseState.ADJUDICATION}),
        frozenset({CaseState.ADJUDICATION, CaseState.DECIDED}),
        (is_in_turn, read_is_complete, rubric_is_complete, is_viewable),
    ),
    Step.SKIP: Transition(
        Action.READ_CASE, _OPEN, frozenset({CaseState.SKIPPED}), (has_case, text_is_given)
    ),
    Step.REPORT_UNGRADABLE: Transition(
        Action.READ_CASE, _OPEN, frozenset({CaseState.UNGRADABLE}), (has_case, text_is_given)
    ),
    Step.HAND_OVER: Transition(Action.READ_CASE, _OPEN, _OPEN, (has_case, gave_no_second_read)),
    Step.SIGN: Transition(
        Action.SIGN,
        frozenset({CaseState.DECIDED, CaseState.AMENDED}),
        frozenset({CaseState.SIGNED}),
        (may_sign,),
    ),
    Step.EXPORT: Transition(
        Action.EXPORT_CASE,
        frozenset({CaseState.SIGNED, CaseState.EXPORTED}),
        frozenset({CaseState.EXPORTED}),
        (text_is_given,),
    ),
    Step.ADD_ADDENDUM: Transition(
        Action.SIGN,
        frozenset({CaseState.SIGNED, CaseState.EXPORTED, CaseState.AMENDED}),
        frozenset({CaseState.AMENDED}),
        (text_is_given,),
    ),
}
"""Every step: who may take it, from and to which states, and the guards it must pass."""
