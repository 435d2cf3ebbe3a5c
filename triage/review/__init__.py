"""The reviewer's work, over the store.

`worklist` says which case comes next; the steps of `workflow` take a reader through it: open,
blind first read, reveal, decision. The AI's opinion reaches a reader only through `reveal`,
which refuses before the first read is locked: of the ways tried to keep readers from leaning on
a wrong AI, an opinion formed first has the best support.
"""

from triage.review.blind_read import lock_first_read
from triage.review.opinion import Opinion, departures
from triage.review.workflow import decide, open_case, reveal, taken_up
from triage.review.worklist import Deadlines, Pressure, WorklistItem, worklist
from triage.vocabulary.read_answers import Certainty, OverrideReason

__all__ = [
    "Certainty",
    "Deadlines",
    "Opinion",
    "OverrideReason",
    "Pressure",
    "WorklistItem",
    "decide",
    "departures",
    "lock_first_read",
    "open_case",
    "reveal",
    "taken_up",
    "worklist",
]
