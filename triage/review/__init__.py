"""The reviewer's work, over the store.

`worklist` says which case comes next; the steps of `reading` take a reader through it: open, blind
first read, reveal, decision. `states` holds the table of all states and steps, and `history`
rebuilds the state of a case from its events. The AI's opinion reaches a reader only through
`reveal`, which refuses before the first read is locked: of the ways tried to keep readers from
leaning on a wrong AI, an opinion formed first has the best support.
"""

from triage.review.departures import departures
from triage.review.opinion import Opinion
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
from triage.review.setting_aside import hand_over, report_ungradable, skip_case
from triage.review.worklist import Deadlines, Pressure, WorklistItem, worklist
from triage.vocabulary.read_answers import Certainty, OverrideReason

__all__ = [
    "Certainty",
    "Deadlines",
    "Opinion",
    "OverrideReason",
    "Pressure",
    "ReaderView",
    "RefusalCode",
    "StepRefused",
    "WorklistItem",
    "decide",
    "departures",
    "hand_over",
    "lock_first_read",
    "open_case",
    "report_ungradable",
    "reveal",
    "skip_case",
    "taken_up",
    "undo_decision",
    "worklist",
]
