"""Which decided cases go to a second reader, and how far two readers are apart."""

from __future__ import annotations

from sqlalchemy.orm import Session

from triage.decision import Decision
from triage.review.departures import lowers_abstention
from triage.review.guards import ProposedRead
from triage.review.policies import SitePolicy, draw
from triage.store.planted import is_planted
from triage.store.records import StoredCase
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import OverrideReason
from triage.vocabulary.review_policies import SecondReadRule


def second_read_rules(
    session: Session,
    case: StoredCase,
    policy: SitePolicy,
    read: ProposedRead,
    shown: Decision | None,
) -> tuple[SecondReadRule, ...]:
    """Return the rules by which a decision goes to a second reader; none if it does not.

    Parameters
    ----------
    session : Session
    case : StoredCase
    policy : SitePolicy
    read : ProposedRead
        The decision.
    shown : Decision or None
        What the reader was shown of the AI.
    """
    settings, advised = policy.second_reads, None if shown is None else shown.urgency
    apart = None if advised is None else disagreement(read.urgency, advised)
    named = any(str(case.groups.get(axis)) in levels for axis, levels in settings.subgroups.items())
    found = {
        SecondReadRule.CONFLICT: apart is not None and apart >= settings.conflict_levels,
        SecondReadRule.SHOULD_ABSTAIN: read.reason is OverrideReason.SHOULD_ABSTAIN,
        SecondReadRule.ABSTENTION_LOWERED: lowers_abstention(read.urgency, shown),
        SecondReadRule.SUBGROUP: named,
        SecondReadRule.RANDOM: draw("second_read", case) < settings.random_share,
        SecondReadRule.PLANTED: is_planted(session, case.id),
    }
    return tuple(rule for rule, holds in found.items() if holds)


def disagreement(a: Urgency, b: Urgency) -> int:
    """Return how many levels two urgencies are apart."""
    return abs(a.rank - b.rank)
