"""Why the system abstains, and what to do next.

Each abstention carries a code, a sentence for the reader and a next action;
the codes and their meaning are our own convention.
"""

from __future__ import annotations

from enum import StrEnum


class AbstainReason(StrEnum):
    """Stable codes of the reasons for giving no AI opinion."""

    WRONG_MODALITY = "A1"
    QUALITY = "A2"
    UNSEEN_DEVICE = "A3"
    UNFAMILIAR = "A4"
    AMBIGUOUS = "A5"
    DISAGREEMENT = "A6"
    MISSING_METADATA = "A7"
    SOFTWARE_FAULT = "A8"

    @property
    def sentence(self) -> str:
        """What the reason means, for the reader."""
        return _SENTENCES[self]

    @property
    def next_action(self) -> str:
        """What should happen to the case now."""
        return _ACTIONS[self]

    @property
    def urgent_action(self) -> str:
        """The same where the case waits as urgent."""
        return self.next_action.replace("within the semi-urgent deadline", "urgently")


_SPECIALIST = "Refer to a specialist within the semi-urgent deadline."
_RETAKE = "Retake the images, then resubmit; refer to a specialist if that is not possible."

_SENTENCES = {
    AbstainReason.WRONG_MODALITY: "The images are not of the kind this system reads.",
    AbstainReason.QUALITY: "The images are not good enough, or not readable.",
    AbstainReason.UNSEEN_DEVICE: "The images come from a device this system has not seen.",
    AbstainReason.UNFAMILIAR: "The findings are unlike the conditions this system knows.",
    AbstainReason.AMBIGUOUS: "Several conditions fit about equally well.",
    AbstainReason.DISAGREEMENT: "The models of the ensemble disagree.",
    AbstainReason.MISSING_METADATA: "Information this system needs is missing.",
    AbstainReason.SOFTWARE_FAULT: "The software failed on this case.",
}

_ACTIONS = {
    AbstainReason.WRONG_MODALITY: _RETAKE,
    AbstainReason.QUALITY: _RETAKE,
    AbstainReason.UNSEEN_DEVICE: _SPECIALIST,
    AbstainReason.UNFAMILIAR: _SPECIALIST,
    AbstainReason.AMBIGUOUS: _SPECIALIST,
    AbstainReason.DISAGREEMENT: _SPECIALIST,
    AbstainReason.MISSING_METADATA: "Complete the missing information, then resubmit.",
    AbstainReason.SOFTWARE_FAULT: "Refer to a specialist and report the fault.",
}
