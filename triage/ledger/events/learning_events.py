"""Events of the learning loop: data sets, requests for labels, gates, training, promotions.

Cases and patients of data sets are named by keys, as in `triage.store.learning_tables`.
"""

from __future__ import annotations

from dataclasses import dataclass

from triage.ledger.event import LedgerEvent
from triage.vocabulary.event_types import EventType


@dataclass(frozen=True)
class LabelsRequested(LedgerEvent):
    """Cases were chosen to be labelled.

    Parameters
    ----------
    batch : str
        Hash of the choice: its cases, strategy and settings.
    request_kind : str
        A `RequestKind`.
    strategy : str
    cases : tuple of int
        Rows of `case`, in the order in which they are to be labelled.
    reasons : str
        SHA-256 of the sentences for readers, in that order.
    """

    kind = EventType.LABELS_REQUESTED
    batch: str
    request_kind: str
    strategy: str
    cases: tuple[int, ...]
    reasons: str


@dataclass(frozen=True)
class LabelRequestClosed(LedgerEvent):
    """A request was answered by a label, or given up."""

    kind = EventType.LABEL_REQUEST_CLOSED
    request: int
    because: str


@dataclass(frozen=True)
class DatasetVersionMade(LedgerEvent):
    """A version of a data set was made: its Merkle root, that of its parent, and its size."""

    kind = EventType.DATASET_VERSION_MADE
    spec_name: str
    spec_hash: str
    root: str
    parent: str | None
    members: int
    reason: str


@dataclass(frozen=True)
class ConsentWithdrawn(LedgerEvent):
    """A patient's cases may not be used for training or measurement any more.

    Parameters
    ----------
    patient : int or None
        Row of `patient`; None where the patient has no case in this database.
    patient_key : str
    versions : tuple of str
        Roots of the versions that held cases of the patient.
    bundles : tuple of str
        Digests of the bundles trained on one of them.
    """

    kind = EventType.CONSENT_WITHDRAWN
    patient: int | None
    patient_key: str
    versions: tuple[str, ...]
    bundles: tuple[str, ...]


@dataclass(frozen=True)
class PatientDeleted(LedgerEvent):
    """What was stored of a patient was removed; rows that events refer to are left, empty.

    Parameters
    ----------
    patient : int
        Row of `patient`.
    cases : tuple of int
        Rows of `case`.
    """

    kind = EventType.PATIENT_DELETED
    patient: int
    cases: tuple[int, ...]


@dataclass(frozen=True)
class GateRun(LedgerEvent):
    """A gate split was used to judge a challenger.

    Parameters
    ----------
    gate_run : int
        Row of `gate_run`.
    gate_set, policy_hash, submission : str
        Hashes of the cases, of the policy and of both predictions.
    verdict : str
        A `GateVerdict`.
    use : int
        How many different submissions this gate set has judged, this one counted.
    result : str
        SHA-256 of the answer and of the state of the hold-out, as they are stored.
    champion, challenger : str or None
        Digests of the bundles; None of one that is not registered, or not yet: then `Retrained`
        names the challenger.
    """

    kind = EventType.GATE_RUN
    gate_run: int
    gate_set: str
    policy_hash: str
    submission: str
    verdict: str
    use: int
    result: str
    champion: str | None
    challenger: str | None


@dataclass(frozen=True)
class Retrained(LedgerEvent):
    """A training run finished.

    Parameters
    ----------
    training_run : int
        Row of `training_run`.
    dataset_version : str
        Merkle root.
    bundle : str
        The challenger's digest.
    champion : str or None
    gate_run : int or None
        Row of `gate_run`; None where the gate had nothing to compare with.
    policy_hash : str
    settings_hash : str
    """

    kind = EventType.RETRAINED
    training_run: int
    dataset_version: str
    bundle: str
    champion: str | None
    gate_run: int | None
    policy_hash: str
    settings_hash: str


@dataclass(frozen=True)
class ShadowScored(LedgerEvent):
    """The bundle in shadow scored a case; events of the case do not tell of it.

    Parameters
    ----------
    case : int
        Row of `case`.
    bundle : str
    prediction : str
        SHA-256 of the opinion, so that the event tells nothing of it.
    """

    kind = EventType.SHADOW_SCORED
    case: int
    bundle: str
    prediction: str


@dataclass(frozen=True)
class PromotionProposed(LedgerEvent):
    """It was proposed that a bundle comes into use.

    Parameters
    ----------
    promotion : int
        Row of `promotion`.
    promotion_kind : str
        A `PromotionKind`.
    bundle : str
    former : str or None
    verdict : str or None
        Of the gate; None where none was run.
    gate_run : int or None
        Row of `gate_run`.
    reason : str
    """

    kind = EventType.PROMOTION_PROPOSED
    promotion: int
    promotion_kind: str
    bundle: str
    former: str | None
    verdict: str | None
    gate_run: int | None
    reason: str


@dataclass(frozen=True)
class PromotionApproved(LedgerEvent):
    """Another account approved a proposal.

    Parameters
    ----------
    promotion : int
    signed_off : bool
        Whether the approval stands in for a verdict that is not `passes`, or accepts a new urgent
        miss on the frozen set.
    answer : str
    """

    kind = EventType.PROMOTION_APPROVED
    promotion: int
    signed_off: bool
    answer: str


@dataclass(frozen=True)
class PromotionRejected(LedgerEvent):
    """A proposal was rejected, or withdrawn by its author."""

    kind = EventType.PROMOTION_REJECTED
    promotion: int
    answer: str


@dataclass(frozen=True)
class AliasSet(LedgerEvent):
    """A bundle got an alias other than that of the champion, or lost it (`bundle` is None)."""

    kind = EventType.ALIAS_SET
    alias: str
    bundle: str | None
    former: str | None


@dataclass(frozen=True)
class BundleRetired(LedgerEvent):
    """A bundle was taken out of use and may not be proposed again."""

    kind = EventType.BUNDLE_RETIRED
    bundle: str
    reason: str
