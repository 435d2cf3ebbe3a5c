"""The table of states and steps, by itself."""

from __future__ import annotations

from pathlib import Path

from triage.review.states import TRANSITIONS, Step
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.roles import Action

PAGE = Path(__file__).parents[2] / "docs" / "review_states.md"


def test_every_step_has_a_transition_and_every_state_can_be_reached() -> None:
    assert set(TRANSITIONS) == set(Step)
    arrived = {CaseState.RECEIVED, CaseState.QUALITY_GATED, CaseState.INFERRED}
    reached = set(arrived)
    while True:
        more = {
            target
            for transition in TRANSITIONS.values()
            if transition.sources & reached
            for target in transition.targets
        }
        if more <= reached:
            break
        reached |= more
    assert reached == set(CaseState)


def test_nothing_leads_from_a_signed_case_back_to_reading() -> None:
    signed = {CaseState.SIGNED, CaseState.EXPORTED, CaseState.AMENDED}
    for step, transition in TRANSITIONS.items():
        if transition.sources & signed:
            assert transition.targets <= signed, step


def test_no_step_is_without_a_permission() -> None:
    assert {transition.action for transition in TRANSITIONS.values()} <= set(Action)


def test_the_documentation_shows_the_table() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = {
        cells[0].strip("` "): (words(cells[1]), words(cells[2]), cells[3].strip(" `"))
        for line in lines
        if line.startswith("| `") and len(cells := line.strip("|").split("|")) == 4
    }
    for step, transition in TRANSITIONS.items():
        assert rows[step] == (transition.sources, transition.targets, transition.action), step


def words(cell: str) -> frozenset[CaseState]:
    return frozenset(CaseState(word.strip(" `")) for word in cell.split(","))
