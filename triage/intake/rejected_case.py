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


def rejected_decision(error: ImageRejected) -> Decision:
    """Return the decision on a case that could not be read: to a specialist, with the reason.

    By default the reason is that the images are not good enough.
    """
    reason = _REASONS.get(error.reason, AbstainReason.QUALITY)
    return Decision(
        recommendation=NO_AI_OPINION,
        queue_urgency=ABSTAINED_PRIORITY,
        reason_code=reason,
        reason=f"{reason.sentence} {error.what}",
        next_action=reason.next_action,
    )
