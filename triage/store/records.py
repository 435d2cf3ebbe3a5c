"""The plain records that callers pass to the store and get from it.

They are frozen and know nothing of SQL. Those that callers build check
themselves, so that a malformed one never reaches the database.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from triage.decision import Decision
from triage.errors import StoreError
from triage.store.base import utc_now
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.label_sources import LabelSource
from triage.vocabulary.laterality import Laterality
from triage.vocabulary.modality import Modality
from triage.vocabulary.reserved_names import CASE_PREFIX, IMAGE_PREFIX, is_reserved

GroupValue = str | int | float | bool | None
_RESERVED = (
    f"An id begins with {CASE_PREFIX!r} or {IMAGE_PREFIX!r}, which are kept for what has no id."
)


def _require(holds: bool, what: str, where: str) -> None:
    if not holds:
        raise StoreError(what, where=where)


def _is_probability(value: float) -> bool:
    return math.isfinite(value) and 0.0 <= value <= 1.0


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image or volume: its path under a root folder, and which content was decoded, and how.

    Parameters
    ----------
    path, root : str
    sha256 : str or None
        Hash of the content that was decoded; None when the file could not be read, so that the
        case is still kept. That of a volume is `OctVolume.sha256`, for a volume may be a folder.
    flags : tuple of str
        What decoding did or doubted, such as `colours_converted` or `spacing_missing`.
    """

    path: str
    root: str
    sha256: str | None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadingRecord:
    """Where a reading of a volume (`triage.oct_reading`) lies: its file and the file's SHA-256."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """A case as it arrives.

    Parameters
    ----------
    external_id : str
        The case's name in its source; unique there.
    source : str
        Where the case comes from, such as a manifest's hash or a folder's name.
    images : tuple of ImageRecord
        In reading order.
    patient : str, optional
        The patient's pseudonym. Without one the case stands for a patient of its own.
    groups : mapping, optional
        Subgroup columns, such as ``{"skin_type": "III", "age_band": "40-59"}``;
        None where unknown.
    received_at : datetime, optional
        With a time zone; now by default. Waiting time counts from here.
    modality : Modality
        What the images are.
    id_derived : bool
        Whether `external_id` was derived from the path of the image, because nobody named the case.
    visit : int, optional
        Whole days since the patient's first visit.
    laterality : Laterality, optional
        Side of the body, or eye.
    age : float, optional
        Of the patient at the visit, in years.
    decoded : bool
        Whether every image could be decoded. The content of a file that could not has a hash, too.

    Raises
    ------
    StoreError
        If an id is empty or begins like one that stands in for a missing one, a number is negative
        or not finite, the laterality is no `Laterality` or the time has no zone.
    """

    external_id: str
    source: str
    images: tuple[ImageRecord, ...]
    patient: str | None = None
    groups: Mapping[str, GroupValue] = field(default_factory=dict)
    received_at: datetime = field(default_factory=utc_now)
    modality: Modality = Modality.PHOTOGRAPHS
    id_derived: bool = False
    visit: int | None = None
    laterality: Laterality | None = None
    age: float | None = None
    decoded: bool = True

    def __post_init__(self) -> None:
        _require(bool(self.external_id), "A case needs an id.", "external_id")
        _require(bool(self.source), "A case needs a source.", "source")
        _require(self.patient is None or bool(self.patient), "A patient needs an id.", "patient")
        for name, stated in (("patient", self.patient), ("external_id", self.stated_id)):
            _require(stated is None or not is_reserved(stated), _RESERVED, name)
        _require(self.received_at.tzinfo is not None, "The time needs a time zone.", "received_at")
        _require(self.visit is None or self.visit >= 0, "A visit is below 0.", "visit")
        old = self.age is None or (math.isfinite(self.age) and self.age >= 0)
        _require(old, "An age is below 0 or not finite.", "age")
        known = self.laterality is None or self.laterality in tuple(Laterality)
        _require(known, "This is not a laterality.", "laterality")
        for name, value in self.groups.items():
            finite = not isinstance(value, float) or math.isfinite(value)
            _require(finite, "A number is not finite; give None where unknown.", f"groups.{name}")

    @property
    def stated_id(self) -> str | None:
        """The case's name if somebody gave it."""
        return None if self.id_derived else self.external_id

    @property
    def patient_name(self) -> str:
        """The patient's name in the store: without one that of the case, behind `CASE_PREFIX`."""
        return self.patient or f"{CASE_PREFIX}{self.external_id}"

    @property
    def hashes(self) -> tuple[str | None, ...]:
        """Hash of each image, in reading order."""
        return tuple(image.sha256 for image in self.images)


@dataclass(frozen=True, slots=True)
class BundleRecord:
    """A trained system: the hash of its manifest, its name, place and condition order."""

    digest: str
    name: str
    path: str
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredCase:
    """A case as the store keeps it."""

    id: int
    external_id: str
    source: str
    patient: str
    groups: Mapping[str, GroupValue]
    received_at: datetime
    images: tuple[ImageRecord, ...]
    modality: Modality = Modality.PHOTOGRAPHS
    id_derived: bool = False
    visit: int | None = None
    laterality: Laterality | None = None
    age: float | None = None


@dataclass(frozen=True, slots=True)
class PatientCase:
    """Another case of the same patient, and the state in which it is."""

    case: StoredCase
    state: CaseState


@dataclass(frozen=True, slots=True)
class StoredPrediction:
    """A decision as the store keeps it, with the bundle that made it.

    `reading` is the file with the tissue maps and measurements of a case that is a volume,
    `withdrawn` whether the bundle has been withdrawn.
    """

    id: int
    case_id: int
    bundle_digest: str
    bundle_name: str
    created_at: datetime
    decision: Decision
    reading: ReadingRecord | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class QueuedCase:
    """A case that waits for a decision, and the class in which it waits."""

    id: int
    external_id: str
    source: str
    received_at: datetime
    queue_urgency: Urgency
    images: int


@dataclass(frozen=True, slots=True)
class Read:
    """A reader's opinion: conditions, urgency and certainty, and when it was given.

    The main condition is the first; there are several only where they may occur together.
    """

    conditions: tuple[str, ...]
    urgency: Urgency
    certainty: str
    at: datetime

    @property
    def condition(self) -> str:
        """The main condition."""
        return self.conditions[0]


@dataclass(frozen=True, slots=True)
class FinalRead:
    """A reader's final opinion, with the reason where it departs from an earlier one."""

    read: Read
    reason_code: str | None = None
    comment: str = ""
    follow_up: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    """One reader's work on one case, as far as it has come."""

    id: int
    case_id: int
    reviewer: str
    opened_at: datetime
    first: Read | None
    revealed_at: datetime | None
    prediction_id: int | None
    final: FinalRead | None


@dataclass(frozen=True, slots=True)
class TrainingLabel:
    """A label with what training needs beside it: the images, the patient, who gave it, and how.

    ``condition`` may be ``NOT_LISTED``: the reader found none of the system's
    conditions fitting. ``read_id`` is the read it comes from and ``urgency`` what that read states,
    both None where it comes from none. ``diagnoses`` holds what the read says of the diagnoses of a
    volume, by key; see `triage.labels.spec_classes`.
    """

    case: str
    case_source: str
    patient: str
    condition: str
    source: LabelSource
    given_by: str
    ai_visible: bool
    created_at: datetime
    images: tuple[ImageRecord, ...]
    groups: Mapping[str, GroupValue]
    read_id: int | None = None
    case_id: int = 0
    votes: Mapping[str, int] | None = None
    urgency: Urgency | None = None
    diagnoses: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One row of the ledger."""

    id: int
    at: datetime
    actor: str
    kind: str
    case_id: int | None
    payload: Mapping[str, object]
