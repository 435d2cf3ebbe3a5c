"""Events of cases on their way to a reader."""

from __future__ import annotations

from dataclasses import dataclass, field

from triage.ledger.event import LedgerEvent
from triage.vocabulary.event_types import EventType


@dataclass(frozen=True)
class CaseReceived(LedgerEvent):
    """A case was stored.

    Parameters
    ----------
    images : int
        How many it has.
    patient : int or None
        Row of `patient`.
    sha256 : dict of (str or None), optional
        Position of each image, in decimal digits, to its content hash; None of one that could not
        be decoded.
    """

    kind = EventType.CASE_RECEIVED
    images: int
    patient: int | None = None
    sha256: dict[str, str | None] | None = None


@dataclass(frozen=True)
class ImagesChecked(LedgerEvent):
    """Every image of a case could be decoded."""

    kind = EventType.IMAGES_CHECKED
    images: int


@dataclass(frozen=True)
class ImagesSupplied(LedgerEvent):
    """Files that had been missing or refused were supplied.

    Parameters
    ----------
    former, supplied : dict of (str or None)
        Position, in decimal digits, to the SHA-256 before and now.
    """

    kind = EventType.IMAGES_SUPPLIED
    former: dict[str, str | None]
    supplied: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class PatientStated(LedgerEvent):
    """A case that had come without a patient came with one; both as rows of `patient`."""

    kind = EventType.PATIENT_STATED
    patient: int
    former: int


@dataclass(frozen=True)
class CaseScored(LedgerEvent):
    """The decision of a bundle on a case was stored.

    Parameters
    ----------
    bundle_id, prediction : int
        Rows of `bundle` and `prediction`.
    sha256 : str
        Of the stored decision, see `triage.store.predictions.prediction_sha256`.
    """

    kind = EventType.CASE_SCORED
    bundle_id: int
    prediction: int
    sha256: str
