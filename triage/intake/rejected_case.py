"""The decision on a case whose files were refused: an abstention with its reason."""

from __future__ import annotations

from triage.decision import Decision
from triage.errors import ImageRejected, RejectReason
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import ABSTAINED_PRIORITY, NO_AI_OPINION

_REASONS = {
    RejectReason.WRONG_MODALITY: AbstainReason.WRONG_MODALITY,
    RejectReason.NOT_A_VOLUME: AbstainReason.WRONG_MODALITY,
    RejectReason.NO_SCALE: AbstainReason.MISSING_METADATA,
    RejectReason.BOTH_EYES: AbstainReason.WRONG_MODALITY,
    RejectReason.DECODER_FAILED: AbstainReason.SOFTWARE_FAULT,
}


def rejected_reason(error: ImageRejected) -> AbstainReason:
    """Return why there is no opinion on a refused file; by default it is not good enough."""
    return _REASONS.get(error.reason, AbstainReason.QUALITY)


def rejected_sentence(error: ImageRejected) -> str:
    """Return the reason as a sentence for the reader, with what is wrong with the file."""
    return f"{rejected_reason(error).sentence} {error.what}"


def rejected_decision(error: ImageRejected) -> Decision:
    """Return the decision on a case that could not be read: to a specialist, with the reason."""
    reason = rejected_reason(error)
    return Decision(
        recommendation=NO_AI_OPINION,
        queue_urgency=ABSTAINED_PRIORITY,
        reason_code=reason,
        reason=rejected_sentence(error),
        next_action=reason.next_action,
    )
