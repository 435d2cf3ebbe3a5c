"""The reviewer's work, over the store.

`worklist_page` shows which cases wait and `next_case` hands one out; the steps of `reading` take a
reader through it: open, blind first read, reveal, decision. `second_reads`, `adjudication` and
`sign_off` come after it. `states` holds the table of all states and steps, and `history` rebuilds
the state of a case from its events.
The AI's opinion reaches a reader only through `reveal`, which refuses before the first read is
locked: of the ways tried to keep readers from leaning on a wrong AI, an opinion formed first has
the best support.
"""

from triage.ledger.events.review_events import FollowUp
from triage.review.adjudication import (
    AdjudicationView,
    adjudicate,
    adjudication_view,
    adjudications_waiting,
)
from triage.review.departures import departures
from triage.review.next_case import next_case
from triage.review.opinion import Opinion
from triage.review.planting import PlantedResult, plant_case, planted_results
from triage.review.reader_view import ReaderView
from triage.review.reading import (
    decide,
    lock_first_read,
    open_case,
    reveal,
    taken_up,
    undo_decision,
)
from triage.review.refusals import RefusalCode, StepRefused
from triage.review.rubric import RUBRICS, RubricAnswer
from triage.review.second_reads import (
    SecondReadView,
    give_second_read,
    open_second_read,
    second_reads_waiting,
)
from triage.review.setting_aside import hand_over, report_ungradable, skip_case
from triage.review.sign_off import (
    CaseToSign,
    SignOffResult,
    add_addendum,
    decided_cases,
    mark_exported,
    sign_off,
)
from triage.review.signature_check import SignatureCheck, verify_signature
from triage.review.signed_content import signed_content
from triage.review.worklist import worklist_page, worklist_sites
from triage.review.worklist_counts import worklist_counts
from triage.review.worklist_filter import WorklistFilter, WorklistState
from triage.review.worklist_items import (
    COUNTED_TO,
    Pressure,
    WorklistCounts,
    WorklistItem,
    WorklistOrder,
    WorklistPage,
    WorklistSite,
)
from triage.review.worklist_overview import worklist_overview
from triage.store.deadlines import Deadlines
from triage.vocabulary.read_answers import Certainty, FollowUpKind, OverrideReason

__all__ = [
    "COUNTED_TO",
    "RUBRICS",
    "AdjudicationView",
    "CaseToSign",
    "Certainty",
    "Deadlines",
    "FollowUp",
    "FollowUpKind",
    "Opinion",
    "OverrideReason",
    "PlantedResult",
    "Pressure",
    "ReaderView",
    "RefusalCode",
    "RubricAnswer",
    "SecondReadView",
    "SignOffResult",
    "SignatureCheck",
    "StepRefused",
    "WorklistCounts",
    "WorklistFilter",
    "WorklistItem",
    "WorklistOrder",
    "WorklistPage",
    "WorklistSite",
    "WorklistState",
    "add_addendum",
    "adjudicate",
    "adjudication_view",
    "adjudications_waiting",
    "decide",
    "decided_cases",
    "departures",
    "give_second_read",
    "hand_over",
    "lock_first_read",
    "mark_exported",
    "next_case",
    "open_case",
    "open_second_read",
    "plant_case",
    "planted_results",
    "report_ungradable",
    "reveal",
    "second_reads_waiting",
    "sign_off",
    "signed_content",
    "skip_case",
    "taken_up",
    "undo_decision",
    "verify_signature",
    "worklist_counts",
    "worklist_overview",
    "worklist_page",
    "worklist_sites",
]
