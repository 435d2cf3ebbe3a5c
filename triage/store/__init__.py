"""The case database.

Cases, images, bundles, predictions, reviews, labels and the append-only ledger of events, on
SQLite or PostgreSQL. `open_store` gives a `Store`; inside ``with store.transaction() as session``
the repositories (functions that take the session first) add and find plain frozen records.
Repeating any of them changes nothing, so an interrupted run is simply run again.
"""

from triage.store.accounts import any_account
from triage.store.bundles import (
    champion,
    known_conditions,
    register_bundle,
    set_champion,
    set_first_champion,
)
from triage.store.cases import add_case, find_case, get_case
from triage.store.check import StoreCheck, check_store
from triage.store.engine import Store, open_store, upgrade_store
from triage.store.label_requests import (
    LabelRequest,
    WantedLabel,
    close_label_requests,
    open_label_requests,
    request_labels,
)
from triage.store.labels import add_label, labels_for_training
from triage.store.ledger import append_event, events
from triage.store.ledger_checkpoints import CheckpointOutcome, append_checkpoint
from triage.store.ledger_verification import LedgerVerification, verify_ledger
from triage.store.location import URL_VARIABLE
from triage.store.predictions import add_prediction, shown_prediction
from triage.store.queue import cases_waiting
from triage.store.recognition import content, recognised
from triage.store.records import (
    BundleRecord,
    CaseRecord,
    ImageRecord,
    ReadingRecord,
    TrainingLabel,
)
from triage.store.savepoint import savepoint
from triage.store.summary import ReviewSummary, review_summary
from triage.vocabulary.event_types import EventType
from triage.vocabulary.label_sources import LabelSource
from triage.vocabulary.laterality import Laterality
from triage.vocabulary.modality import Modality
from triage.vocabulary.read_answers import NOT_LISTED

__all__ = [
    "NOT_LISTED",
    "URL_VARIABLE",
    "BundleRecord",
    "CaseRecord",
    "CheckpointOutcome",
    "EventType",
    "ImageRecord",
    "LabelRequest",
    "LabelSource",
    "Laterality",
    "LedgerVerification",
    "Modality",
    "ReadingRecord",
    "ReviewSummary",
    "Store",
    "StoreCheck",
    "TrainingLabel",
    "WantedLabel",
    "add_case",
    "add_label",
    "add_prediction",
    "any_account",
    "append_checkpoint",
    "append_event",
    "cases_waiting",
    "champion",
    "check_store",
    "close_label_requests",
    "content",
    "events",
    "find_case",
    "get_case",
    "known_conditions",
    "labels_for_training",
    "open_label_requests",
    "open_store",
    "recognised",
    "register_bundle",
    "request_labels",
    "review_summary",
    "savepoint",
    "set_champion",
    "set_first_champion",
    "shown_prediction",
    "upgrade_store",
    "verify_ledger",
]
