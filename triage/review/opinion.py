"""What a reader may see of the AI, and how a decision can depart from it."""

from __future__ import annotations

from dataclasses import dataclass

from triage.store.records import Read, ReadingRecord, StoredPrediction
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import Urgency


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a reader may see of the AI after the first read.

    An abstention carries a reason and a next action, and no condition or
    probability: those would be read as an opinion. The probabilities of `differential`
    hold among the conditions the system knows; `p_outlier` is that of any other. Between those it
    knows it doubts, in nats: `aleatoric` as far as the case is ambiguous to every model,
    `epistemic` as far as the models disagree (None of one model). `reading` is where the reasons
    in pictures lie, of an abstention too: what the tissue map shows can say why.
    """

    bundle: str
    urgency: Urgency | None
    condition: str | None = None
    differential: tuple[tuple[str, float], ...] = ()
    p_outlier: float | None = None
    aleatoric: float | None = None
    epistemic: float | None = None
    reason_code: AbstainReason | None = None
    reason: str = ""
    next_action: str = ""
    reading: ReadingRecord | None = None

    @property
    def abstained(self) -> bool:
        """Whether the system gave no opinion."""
        return self.urgency is None

    @property
    def joint_differential(self) -> tuple[tuple[str, float], ...]:
        """Each condition of `differential` with the probability that the case is known *and* it.

        ``p(condition, known) = p(condition | known) * (1 - p_outlier)``, the product rule. Where
        the conditions exclude each other, these and `p_outlier` sum to at most 1. Where an earlier
        version stored no `p_outlier`, the probabilities stay those among the known conditions.
        """
        known = 1.0 - (self.p_outlier or 0.0)
        return tuple((name, probability * known) for name, probability in self.differential)


def opinion_of(shown: StoredPrediction) -> Opinion:
    """Return what a prediction shows a reader; of an abstention, its reason only."""
    record = shown.record
    if record.abstained:
        return Opinion(
            bundle=shown.bundle_name,
            urgency=None,
            reason_code=record.reason_code,
            reason=record.reason,
            next_action=record.next_action,
            reading=record.reading,
        )
    return Opinion(
        bundle=shown.bundle_name,
        urgency=Urgency(record.recommendation),
        condition=record.condition,
        differential=record.differential,
        p_outlier=record.p_outlier,
        aleatoric=record.aleatoric,
        epistemic=record.epistemic,
        reason=record.reason,
        next_action=record.next_action,
        reading=record.reading,
    )


def departures(read: Read, first: Read, opinion: Opinion | None) -> tuple[str, ...]:
    """Return what a decision differs from, in words; then it needs a reason.

    Urgency counts as well as the condition. An abstention is no opinion, so
    nothing differs from it.
    """
    named = (read.condition, read.urgency)
    from_ai = (
        opinion is not None
        and not opinion.abstained
        and named != (opinion.condition, opinion.urgency)
    )
    from_self = named != (first.condition, first.urgency)
    return ("the AI's opinion",) * from_ai + ("your first read",) * from_self
