"""What a reader may see of the AI."""

from __future__ import annotations

from dataclasses import dataclass

from triage.decision import Decision
from triage.store.records import ReadingRecord, StoredPrediction
from triage.vocabulary.clinical import Urgency


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a reader may see of the AI after the first read.

    Parameters
    ----------
    bundle : str
        Name of the system.
    decision : Decision
        As `Decision.for_reader` returns it: of an abstention the reason and the next action only.
    reading : ReadingRecord, optional
        Where the tissue maps and measurements of a volume are, of an abstention too: they can
        show why the system abstained.
    """

    bundle: str
    decision: Decision
    reading: ReadingRecord | None = None

    @property
    def abstained(self) -> bool:
        """Whether the system gave no opinion."""
        return self.decision.abstained

    @property
    def urgency(self) -> Urgency | None:
        """The recommended urgency; None where the system abstained."""
        return self.decision.urgency

    @property
    def joint_differential(self) -> tuple[tuple[str, float], ...]:
        """Conditions with the joint probability of "known and this one".

        Those of the differential, and the most severe plausible one.

        ``p(condition, known) = p(condition | known) * (1 - p_outlier)``, the product rule. Where
        the conditions exclude each other, these and `p_outlier` sum to at most 1. Where an earlier
        version stored no `p_outlier`, the probabilities stay those among the known conditions.
        """
        ranked = [(one.condition, one.probability) for one in self.decision.differential]
        severe, share = self.decision.most_severe, self.decision.p_most_severe
        if severe is not None and share is not None and severe not in dict(ranked):
            ranked.append((severe, share))  # however improbable
        known = 1.0 - (self.decision.p_outlier or 0.0)
        return tuple((condition, probability * known) for condition, probability in ranked)


def opinion_of(shown: StoredPrediction) -> Opinion:
    """Return what a stored decision shows a reader."""
    return Opinion(shown.bundle_name, shown.decision.for_reader(), shown.reading)
