"""Events of cases on their way to a reader."""

from __future__ import annotations

from dataclasses import dataclass

from triage.ledger.event import LedgerEvent
from triage.vocabulary.event_types import EventType


@dataclass(frozen=True)
class CaseReceived(LedgerEvent):
    """A case was stored, with this many images."""

    kind = EventType.CASE_RECEIVED
    images: int


@dataclass(frozen=True)
class ImagesChecked(LedgerEvent):
    """Every image of a case could be decoded."""

    kind = EventType.IMAGES_CHECKED
    images: int


@dataclass(frozen=True)
class ImagesSupplied(LedgerEvent):
    """Files that had been missing or refused were supplied: position to the former SHA-256."""

    kind = EventType.IMAGES_SUPPLIED
    former: dict[str, str | None]


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
