"""What the steps of a review require, as pure functions over a case's history and a context."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from triage.accounts import Action, Actor, may
from triage.decision import Decision
from triage.ledger.events.review_events import FollowUp
from triage.ledger.review_history import CaseHistory, StatedRead
from triage.review.departures import departures, lowers_abstention
from triage.review.policies import SitePolicy
from triage.review.refusals import RefusalCode, StepRefused
from triage.review.rubric import check_rubric
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.modality import Modality
from triage.vocabulary.read_answers import Certainty, OverrideReason
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.review_policies import ReadingMode, ReadKind, SignatureMeaning

LONGEST_TEXT = 10_000
"""Characters of a comment, a reason or an addendum."""


@dataclass(frozen=True, slots=True)
class ProposedRead:
    """What a reader is about to state."""

    conditions: tuple[str, ...]
    urgency: Urgency
    certainty: Certainty
    reason: OverrideReason | None = None
    comment: str = ""
    rubric: Mapping[str, str] = field(default_factory=dict)
    follow_up: FollowUp | None = None


def states_the_same(given: StatedRead, read: ProposedRead) -> bool:
    """Whether a stored read states what is proposed, whenever it was given."""
    facts = given.facts
    stored = (facts.conditions, facts.urgency, facts.certainty, facts.reason_code, facts.comment)
    proposed = (read.conditions, read.urgency, read.certainty, read.reason, read.comment)
    same_answers = dict(facts.rubric) == dict(read.rubric) and facts.follow_up == read.follow_up
    return stored == proposed and same_answers


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a step is checked against besides the history of the case.

    Parameters
    ----------
    actor : Actor
    at : datetime
    policy : SitePolicy
        The site's, for limits; the mode is that of the case.
    version : int, optional
        The version of the case that the actor saw; a later one refuses the step.
    locked_by : str, optional
        Another reader who has reserved the case.
    read : ProposedRead, optional
    several_conditions : bool
        Whether diagnoses of this kind of case may occur together.
    viewable : bool
        Whether an image of the case can be shown as it was received.
    shown : Decision, optional
        The AI's decision that this reader was shown.
    shown_withdrawn : bool
        Whether the bundle that made it has been withdrawn since.
    text : str
        Reason, next action or addendum.
    meaning : SignatureMeaning, optional
    reauthenticated : bool
        Whether the actor has signed in again just now.
    to : str
        The reader who is to get the case.
    modality : Modality
    absent : bool
        Whether one of those who disagree has no account that can sign in.
    asked_again : bool
        Whether the label of the case is asked for again, because it may be wrong.
    """

    actor: Actor
    at: datetime
    policy: SitePolicy
    version: int | None = None
    locked_by: str | None = None
    read: ProposedRead | None = None
    several_conditions: bool = False
    viewable: bool = True
    shown: Decision | None = None
    shown_withdrawn: bool = False
    text: str = ""
    meaning: SignatureMeaning | None = None
    reauthenticated: bool = False
    to: str = ""
    modality: Modality = Modality.PHOTOGRAPHS
    absent: bool = False
    asked_again: bool = False


Guard = Callable[[CaseHistory, StepContext], None]


def has_case(history: CaseHistory, context: StepContext) -> None:
    """The case was opened by this reader, and by no other since."""
    name = context.actor.name
    held = history.active is not None and reader_key(history.active) == reader_key(name)
    if not held or history.progress(name) is None:  # who was handed a case opens it too
        raise StepRefused(
            RefusalCode.NOT_OPEN, "The case is not open for you.", hint="Open it first."
        )


def is_not_deleted(history: CaseHistory, context: StepContext) -> None:
    """Of a case that was deleted with its patient there is nothing to read."""
    if history.deleted:
        raise StepRefused(RefusalCode.NOT_VIEWABLE, "What was stored of this case was deleted.")


def is_viewable(history: CaseHistory, context: StepContext) -> None:
    """A read needs a picture that can be seen, and that is the one received."""
    if not context.viewable:
        raise StepRefused(
            RefusalCode.NOT_VIEWABLE,
            "No image of this case can be shown: files are missing, changed or unreadable.",
            hint="State that it cannot be graded, or have the files put back.",
        )


def was_viewable(history: CaseHistory, context: StepContext) -> None:
    """A decision without a first read needs a picture, as the first read would have."""
    if history.read_of(context.actor.name, ReadKind.FIRST) is None:
        is_viewable(history, context)


def first_read_is_due(history: CaseHistory, context: StepContext) -> None:
    """Under the concurrent policy there is no first read; one cannot be given twice."""
    assert history.policy is not None, "an open case has a policy"
    if history.policy.mode is ReadingMode.CONCURRENT:
        raise StepRefused(
            RefusalCode.WRONG_STATE, "This site reads with the AI: there is no first read."
        )
    if history.read_of(context.actor.name, ReadKind.FIRST) is not None:
        raise StepRefused(
            RefusalCode.ALREADY_GIVEN, "Your first read of this case is locked and cannot change."
        )


def read_is_complete(history: CaseHistory, context: StepContext) -> None:
    """A read names one diagnosis, or several where they may occur together, within the limits."""
    read = context.read
    assert read is not None, "this step takes a read"
    if not read.conditions or not all(one.strip() for one in read.conditions):
        raise StepRefused(RefusalCode.NEEDS_CONDITION, "A read names a condition.")
    if len(set(read.conditions)) != len(read.conditions):
        raise StepRefused(RefusalCode.NEEDS_CONDITION, "A condition is named twice.")
    if len(read.conditions) > 1 and not context.several_conditions:
        raise StepRefused(
            RefusalCode.ONE_CONDITION, "Conditions of such a case exclude each other: name one."
        )
    texts = (*read.conditions, read.comment, *read.rubric, *read.rubric.values())
    for text in texts:
        check_text(text)


def text_is_given(history: CaseHistory, context: StepContext) -> None:
    """A step that sets a case aside, or adds to a signed one, says why or what."""
    if not context.text.strip():
        raise StepRefused(RefusalCode.NEEDS_COMMENT, "This step needs a text.", hint="Give one.")
    check_text(context.text)


def check_text(text: str) -> None:
    """Refuse a text that is too long or that a database does not take."""
    if len(text) > LONGEST_TEXT:
        raise StepRefused(
            RefusalCode.TEXT_TOO_LONG,
            f"A text has {len(text)} characters; at most {LONGEST_TEXT} are stored.",
            hint="Shorten it; nothing was stored.",
        )
    if "\0" in text or not is_encodable(text):
        raise StepRefused(
            RefusalCode.BAD_TEXT,
            "A text holds characters that cannot be stored.",
            hint="Retype it.",
        )


def is_encodable(text: str) -> bool:
    """Whether a text has no lone surrogates, which no database takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def ai_may_be_shown(history: CaseHistory, context: StepContext) -> None:
    """The AI's opinion follows a locked first read, except where the site reads with it."""
    assert history.policy is not None, "an open case has a policy"
    if history.policy.mode is ReadingMode.AI_OFF:
        raise StepRefused(
            RefusalCode.AI_OFF, "This case is read without the AI, so its opinion is not shown."
        )
    concurrent = history.policy.mode is ReadingMode.CONCURRENT
    if not concurrent and history.read_of(context.actor.name, ReadKind.FIRST) is None:
        raise StepRefused(
            RefusalCode.WRONG_STATE,
            "The AI's opinion is shown only after your first read is locked.",
            hint="Give your first read.",
        )


def comes_after_the_reveal(history: CaseHistory, context: StepContext) -> None:
    """A decision follows the reveal by the least dwell time, or the first read where AI is off."""
    assert history.policy is not None, "an open case has a policy"
    progress = history.progress(context.actor.name)
    revealed = progress.revealed_at if progress else None
    if history.policy.mode is ReadingMode.AI_OFF and revealed is None:
        return
    if progress is None or revealed is None:
        raise StepRefused(
            RefusalCode.WRONG_STATE, "A decision comes after the first read and the reveal."
        )
    shown = progress.shown_at or revealed
    left = (shown + context.policy.dwell - context.at).total_seconds()
    if left > 0:
        raise StepRefused(
            RefusalCode.TOO_SOON,
            f"The AI's opinion was shown less than {context.policy.dwell_seconds:g} s ago.",
            hint="Look at it, then decide.",
        )


def bundle_is_in_use(history: CaseHistory, context: StepContext) -> None:
    """A decision does not rest on the opinion of a system that has been withdrawn."""
    if context.shown_withdrawn:
        raise StepRefused(
            RefusalCode.BUNDLE_WITHDRAWN,
            "The system whose opinion you were shown has been withdrawn.",
            hint="Load the case again; then decide.",
        )


def departure_has_reason(history: CaseHistory, context: StepContext) -> None:
    """What departs from the AI, from one's first read, or lowers an abstained case has a reason."""
    read = context.read
    assert read is not None, "this step takes a read"
    first = history.read_of(context.actor.name, ReadKind.FIRST)
    apart = departures(read.conditions, read.urgency, first, context.shown)
    if apart and read.reason is None:
        raise StepRefused(
            RefusalCode.NEEDS_REASON,
            f"The decision differs from {' and from '.join(apart)}.",
            hint="Give a reason.",
        )
    if lowers_abstention(read.urgency, context.shown) and read.reason is None:
        raise StepRefused(
            RefusalCode.NEEDS_REASON,
            "The decision lowers the priority of a case on which the AI abstained.",
            hint="Give a reason.",
        )
    if read.reason is OverrideReason.OTHER and not read.comment.strip():
        raise StepRefused(
            RefusalCode.NEEDS_COMMENT, "The reason 'other' needs words.", hint="Write a comment."
        )


def decided_it(history: CaseHistory, context: StepContext) -> None:
    """A decision is undone by the reader who made it, before anybody else has built on it."""
    if history.decided_by is None or reader_key(history.decided_by) != reader_key(
        context.actor.name
    ):
        raise StepRefused(RefusalCode.NOT_YOURS, "Another reader made this decision.")
    counted = history.counted()
    if counted is None or counted.kind is not ReadKind.FINAL:
        raise StepRefused(
            RefusalCode.WRONG_STATE,
            "An adjudication has settled this case.",
            hint="Add an addendum.",
        )
    if history.signatures:
        raise StepRefused(
            RefusalCode.WRONG_STATE, "The case was signed before.", hint="Add an addendum."
        )


def is_independent(history: CaseHistory, context: StepContext) -> None:
    """A second reader has neither read the case nor seen the AI's opinion of it."""
    if history.has_read(context.actor.name):
        raise StepRefused(
            RefusalCode.NOT_INDEPENDENT,
            "You have read this case already, so yours would be no second read.",
            hint="Leave it to another reader.",
        )


def second_read_is_due(history: CaseHistory, context: StepContext) -> None:
    """A decided case is read again where its label is asked for again and no one has settled it."""
    if history.state is not CaseState.DECIDED:
        return
    if not context.asked_again or history.adjudicators:
        raise StepRefused(
            RefusalCode.WRONG_STATE,
            "This case waits for no second read.",
            hint="Load the list again.",
        )


def gave_no_second_read(history: CaseHistory, context: StepContext) -> None:
    """A second reader does not become the first reader too, after an undone decision."""
    for name in (context.actor.name, context.to):
        if name and history.read_of(name, ReadKind.SECOND) is not None:
            raise StepRefused(
                RefusalCode.NOT_INDEPENDENT,
                "The second read of this case is given, so this reader cannot be the first too.",
                hint="Leave the case to another reader.",
            )


def has_opened_second_read(history: CaseHistory, context: StepContext) -> None:
    """A second read is of a case that its reader has opened."""
    if history.progress(context.actor.name) is None:
        raise StepRefused(
            RefusalCode.NOT_OPEN, "The case is not open for you.", hint="Open it first."
        )


def rubric_is_complete(history: CaseHistory, context: StepContext) -> None:
    """An answer in an adjudication says of every feature whether it is there."""
    assert context.read is not None, "this step takes a read"
    check_rubric(context.modality, context.read.rubric)


def senior_decides(history: CaseHistory, policy: SitePolicy, *, absent: bool = False) -> bool:
    """Whether the rounds of an adjudication are used up, or cannot be completed.

    Who contradicted themselves under two spellings of one name is nobody to agree with.
    """
    alone = len(history.adjudicators) < 2
    return absent or alone or history.round > policy.second_reads.rounds


def is_in_turn(history: CaseHistory, context: StepContext) -> None:
    """Each reader who disagrees answers once a round; after the last a senior reader does."""
    name = context.actor.name
    taking_part = history.took_part(name)
    if senior_decides(history, context.policy, absent=context.absent):
        if not may(context.actor, Action.ADJUDICATE_AS_SENIOR):
            raise StepRefused(
                RefusalCode.NOT_YOURS,
                "The rounds of this adjudication are used up, or a reader is no longer there.",
                hint="A senior reader decides.",
            )
        if taking_part:
            raise StepRefused(
                RefusalCode.NOT_INDEPENDENT,
                "You are one of those who disagree.",
                hint="Another senior reader decides.",
            )
        return
    if not taking_part:
        raise StepRefused(RefusalCode.NOT_YOURS, "You take no part in this adjudication.")
    if history.read_of(name, ReadKind.ADJUDICATION, history.round) is not None:
        raise StepRefused(
            RefusalCode.ALREADY_GIVEN,
            "You have answered in this round.",
            hint="Wait for the other reader.",
        )


def may_sign(history: CaseHistory, context: StepContext) -> None:
    """A signature follows a sign-in given for it; only who wrote what counts signs as author."""
    if not context.reauthenticated:
        raise StepRefused(
            RefusalCode.NEEDS_SIGN_IN, "A signature needs your password again.", hint="Give it."
        )
    authors = [*history.authors(), *(addendum.author for addendum in history.addenda)]
    own = reader_key(context.actor.name) in map(reader_key, authors)
    if context.meaning is SignatureMeaning.AUTHORSHIP and not own:
        raise StepRefused(
            RefusalCode.NOT_YOURS,
            "Only those who decided, or wrote an addendum, sign as the author.",
            hint="Sign as a review or an approval.",
        )
