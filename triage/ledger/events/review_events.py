"""Events of reviews. Reviews, reads and predictions are named by their rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from triage.ledger.event import LedgerEvent
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.event_types import EventType
from triage.vocabulary.label_sources import LabelSource
from triage.vocabulary.read_answers import Certainty, FollowUpKind, OverrideReason
from triage.vocabulary.review_policies import (
    ReadingMode,
    ReadKind,
    SecondReadRule,
    SignatureMeaning,
)


@dataclass(frozen=True)
class FollowUp:
    """What is to follow where the AI abstained, as the reader answered it with the decision.

    Parameters
    ----------
    kind : FollowUpKind
    by : str or None
        Day by which a specialist is to see the case, as YYYY-MM-DD.
    text : str
        What is wrong with the images, or why neither is needed.
    """

    kind: FollowUpKind
    by: str | None = None
    text: str = ""


@dataclass(frozen=True)
class ReadFacts:
    """What a reader stated.

    Parameters
    ----------
    read : int
        Row of `read`.
    conditions : tuple of str
        The main diagnosis first; several only where they may occur together.
    urgency : Urgency
    certainty : Certainty
    reason_code : OverrideReason or None
        Why it departs from the AI's opinion or from the reader's own first read.
    comment : str
    rubric : dict of str
        Answers to the features of the rubric, of an adjudication.
    follow_up : FollowUp or None
        Of a decision where the AI abstained; earlier releases did not ask for it.
    """

    read: int
    conditions: tuple[str, ...]
    urgency: Urgency
    certainty: Certainty
    reason_code: OverrideReason | None = None
    comment: str = ""
    rubric: dict[str, str] = field(default_factory=dict)
    follow_up: FollowUp | None = None


@dataclass(frozen=True)
class CasePolicy:
    """The policy under which a case is read, as it was when the case was opened first.

    Parameters
    ----------
    mode : ReadingMode
        `ai_off` also where the case was drawn for the arm without AI.
    priority_visible : bool
        Whether the worklist showed the urgency class.
    drawn_ai_off : bool
        Whether the case belongs to the random share that is read without AI.
    """

    mode: ReadingMode
    priority_visible: bool
    drawn_ai_off: bool = False


@dataclass(frozen=True)
class CarriedRead:
    """A read of an earlier release: what it states, as which kind, and when it was given."""

    kind: ReadKind
    at: str
    facts: ReadFacts


@dataclass(frozen=True)
class CarriedReview:
    """One reader's work of an earlier release; times as in events."""

    review: int
    reviewer: str
    opened_at: str
    revealed_at: str | None
    prediction: int | None
    reads: tuple[CarriedRead, ...]


@dataclass(frozen=True)
class CarriedLabel:
    """A label of an earlier release."""

    label: int
    condition: str
    source: LabelSource
    given_by: str
    ai_visible: bool
    at: str
    read: int | None


@dataclass(frozen=True)
class CaseCarriedOver(LedgerEvent):
    """What an earlier release had stored of a case when its database was brought to this one.

    Parameters
    ----------
    state : CaseState
    arrived : CaseState
        The state that it would have if nobody had read it.
    active : str or None
        The reader who has the case.
    policy : CasePolicy or None
        None where nobody has opened it.
    reviews : tuple of CarriedReview
    labels : tuple of CarriedLabel
    predictions : dict of str
        Row of `prediction`, in decimal digits, to the SHA-256 of the stored decision.
    patient : int or None
        Row of `patient`.
    sha256 : dict of (str or None), optional
        Position of each image to its content hash, as in `CaseReceived`.
    """

    kind = EventType.CASE_CARRIED_OVER
    state: CaseState
    arrived: CaseState
    active: str | None = None
    policy: CasePolicy | None = None
    reviews: tuple[CarriedReview, ...] = ()
    labels: tuple[CarriedLabel, ...] = ()
    predictions: dict[str, str] = field(default_factory=dict)
    patient: int | None = None
    sha256: dict[str, str | None] | None = None


@dataclass(frozen=True)
class CaseOpened(LedgerEvent):
    """A reader began the reading of a case, or took it over.

    Parameters
    ----------
    review : int
        Row of `review`.
    policy : CasePolicy
    second : bool
        Whether it was opened for a second read or an adjudication.
    """

    kind = EventType.CASE_OPENED
    review: int
    policy: CasePolicy
    second: bool = False


@dataclass(frozen=True)
class FirstReadLocked(LedgerEvent):
    """A reader's first read, given before the AI's opinion was shown."""

    kind = EventType.FIRST_READ_LOCKED
    review: int
    read: ReadFacts


@dataclass(frozen=True)
class AiRevealed(LedgerEvent):
    """The AI's opinion was shown; which prediction, or None where no system had scored the case."""

    kind = EventType.AI_REVEALED
    review: int
    prediction: int | None
    bundle: str | None


@dataclass(frozen=True)
class DecisionMade(LedgerEvent):
    """A reader's decision.

    Parameters
    ----------
    review : int
    read : ReadFacts
    second_read : tuple of SecondReadRule
        Rules by which it goes to a second reader; empty if it does not.
    seconds_before, seconds_after : int
        Active time before and after the reveal, idle time excluded.
    """

    kind = EventType.DECISION_MADE
    review: int
    read: ReadFacts
    second_read: tuple[SecondReadRule, ...] = ()
    seconds_before: int = 0
    seconds_after: int = 0


@dataclass(frozen=True)
class DecisionUndone(LedgerEvent):
    """A decision that was not signed was taken back by the reader who had made it."""

    kind = EventType.DECISION_UNDONE
    review: int
    read: int


@dataclass(frozen=True)
class SecondReadGiven(LedgerEvent):
    """A second reader's read, blind to the first and to the AI's opinion.

    Parameters
    ----------
    review : int
    read : ReadFacts
    levels : int
        Urgency levels between it and the decision.
    """

    kind = EventType.SECOND_READ_GIVEN
    review: int
    read: ReadFacts
    levels: int


@dataclass(frozen=True)
class AdjudicationOpened(LedgerEvent):
    """Readers disagree by at least one urgency level; the names of those who do."""

    kind = EventType.ADJUDICATION_OPENED
    readers: tuple[str, ...]


@dataclass(frozen=True)
class AdjudicationRead(LedgerEvent):
    """One reader's answer in one round of an adjudication.

    Parameters
    ----------
    review : int
    round : int
        From 1; the round after the last is the senior reader's.
    read : ReadFacts
    """

    kind = EventType.ADJUDICATION_READ
    review: int
    round: int
    read: ReadFacts


@dataclass(frozen=True)
class AdjudicationClosed(LedgerEvent):
    """An adjudication ended, in agreement or by a senior reader; the read that counts."""

    kind = EventType.ADJUDICATION_CLOSED
    read: int
    by_senior: bool


@dataclass(frozen=True)
class CaseSkipped(LedgerEvent):
    """A reader left a case to others."""

    kind = EventType.CASE_SKIPPED
    review: int
    reason: str


@dataclass(frozen=True)
class CaseUngradable(LedgerEvent):
    """A reader could not read the images: why, and what is to be done."""

    kind = EventType.CASE_UNGRADABLE
    review: int
    reason: str
    next_action: str


@dataclass(frozen=True)
class CaseHandedOver(LedgerEvent):
    """A reader gave a case to another; that one begins blind."""

    kind = EventType.CASE_HANDED_OVER
    review: int
    to: str


@dataclass(frozen=True)
class CaseSigned(LedgerEvent):
    """A signature.

    Parameters
    ----------
    signature : int
        Row of `signature`.
    printed_name : str
    meaning : SignatureMeaning
    sha256 : str
        Of what was signed, see `triage.review.sign_off.signed_content`.
    """

    kind = EventType.CASE_SIGNED
    signature: int
    printed_name: str
    meaning: SignatureMeaning
    sha256: str


@dataclass(frozen=True)
class CaseExported(LedgerEvent):
    """A signed case was given to another system; its name, and the SHA-256 of what was given."""

    kind = EventType.CASE_EXPORTED
    to: str
    sha256: str


@dataclass(frozen=True)
class AddendumAdded(LedgerEvent):
    """A text added after signing; row of `addendum`."""

    kind = EventType.ADDENDUM_ADDED
    addendum: int
    text: str


@dataclass(frozen=True)
class CasePlanted(LedgerEvent):
    """A case with a known answer was put among the others to measure reading.

    Parameters
    ----------
    conditions : tuple of str
    urgency : Urgency
        The least urgent that is right.
    prediction : int or None
        Row of `prediction` to show in place of the system's, which is wrong on purpose.
    sha256 : str or None
        Of that decision.
    """

    kind = EventType.CASE_PLANTED
    conditions: tuple[str, ...]
    urgency: Urgency
    prediction: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class PolicySet(LedgerEvent):
    """A site's review policy was set, as `triage.review.policies.SitePolicy` writes it."""

    kind = EventType.POLICY_SET
    site: str
    policy: dict[str, object]


def exact_numbers(value: Any) -> Any:
    """Numbers with a fraction as text: events hold no floating-point numbers."""
    if isinstance(value, dict):
        return {name: exact_numbers(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [exact_numbers(each) for each in value]
    return repr(value) if isinstance(value, float) else value
