from __future__ import annotations

import pytest

from tests.ui.make_audits import HOSTILE, comparisons, finding, plan
from triage.auditing.audit_plan import Axis, SkinTone
from triage.auditing.measurement import ALL, OVERALL
from triage.vocabulary.verdicts import Verdict
from ui.audit_tables import (
    COMPARISON_COLUMNS,
    FINDING_COLUMNS,
    address_of_cases,
    comparison_row,
    counts,
    finding_row,
    group_name,
    matrix,
    more_words,
    skin_tone_sentence,
    verdict_cell,
)


def test_a_verdict_has_a_sign_and_a_word() -> None:
    signs = {verdict: str(verdict_cell(verdict)) for verdict in Verdict}
    assert "✓" in signs[Verdict.MEETS]
    assert "Meets" in signs[Verdict.MEETS]
    assert "✕" in signs[Verdict.FAILS]
    assert "Fails" in signs[Verdict.FAILS]
    assert "Not enough evidence" in signs[Verdict.NOT_ENOUGH]
    assert len({text.split("</span>")[0] for text in signs.values()}) == len(Verdict)


def test_what_fails_is_counted_first() -> None:
    found = [finding("a", str(at), "accuracy", Verdict.MEETS) for at in range(3)]
    found.append(finding("a", "4", "accuracy", Verdict.FAILS))
    assert list(counts(found).items()) == [
        (Verdict.FAILS, 1),
        (Verdict.NOT_ENOUGH, 0),
        (Verdict.MEETS, 3),
    ]


def test_the_matrix_has_a_cell_for_each_group_and_limit() -> None:
    found = [
        finding(OVERALL, ALL, "accuracy", Verdict.MEETS),
        finding("skin_type", HOSTILE, "accuracy", Verdict.FAILS),
        finding("skin_type", HOSTILE, "abstention_rate", Verdict.NOT_ENOUGH),
    ]
    made = matrix(found, lambda one: f"/cases/{one.metric}")
    assert [one.title for one in made.columns] == [
        "Group",
        "Accuracy, at least 70.0 %",
        "Abstention rate, at most 30.0 %",
    ]
    (whole, of_level) = made.rows
    assert whole[0] == "All cases"
    assert "/cases" not in str(whole[1])
    assert "–" in str(whole[2])
    assert '<a href="/cases/accuracy"' in str(of_level[1])
    assert "<a " not in str(of_level[2])
    assert "<script>" not in str(of_level[0])
    assert "50.4 % of 180" in str(of_level[1])


def test_a_finding_fills_its_row() -> None:
    row = finding_row(finding("skin_type", "V", "accuracy", Verdict.FAILS), "/cases")
    assert len(row) == len(FINDING_COLUMNS)
    text = " ".join(map(str, row))
    for words in ("at least 70.0 %", "50.4 %", "42.0 to 59.5 %", "178 patients", "&lt; 0.001"):
        assert words in text
    undefined = finding("skin_type", "V", "accuracy", Verdict.NOT_ENOUGH, value=None, low=None)
    assert "–" in str(finding_row(undefined, "")[3])


def test_how_many_more_it_would_take() -> None:
    open_ = finding("a", "b", "accuracy", Verdict.NOT_ENOUGH)
    assert more_words(open_) == "16 more without an error, or 1 210 more at the rate seen"
    never = finding("a", "b", "accuracy", Verdict.NOT_ENOUGH, more_at_this_rate=None)
    assert more_words(never) == "16 more without an error"
    assert more_words(finding("a", "b", "accuracy", Verdict.MEETS)) == ""


def test_an_address_names_the_cell_and_nothing_breaks_out_of_it() -> None:
    found = finding("skin & type", 'x"&audit=other', "accuracy", Verdict.FAILS)
    address = address_of_cases("half year", found)
    assert address == (
        "/audit-cases?audit=half+year&axis=skin+%26+type&level=x%22%26audit%3Dother&metric=accuracy"
    )
    assert address_of_cases("a", finding("a", "b", "ood_auroc", Verdict.FAILS)) == ""


@pytest.mark.parametrize("found", comparisons(), ids=lambda one: one.level[:2])
def test_a_comparison_fills_its_row(found: object) -> None:
    row = comparison_row(found, "proportion")  # type: ignore[arg-type]  # LevelComparison
    assert len(row) == len(COMPARISON_COLUMNS)
    text = " ".join(map(str, row))
    assert "against III" in text
    assert "-" not in str(row[2]).replace("−", "")  # a true minus


def test_how_a_skin_type_was_determined_is_said() -> None:
    first, second = plan().axes
    assert skin_tone_sentence(first) == (
        "Skin type: scale Fitzpatrick, method one clinician, 1 rater."
    )
    assert skin_tone_sentence(second) == ""
    unstated = Axis(name="tone", column="tone", skin_tone=SkinTone(scale="monk"))
    assert skin_tone_sentence(unstated) == (
        "Tone: scale Monk, method not stated, number of raters not stated."
    )


def test_groups_have_names() -> None:
    assert group_name(OVERALL, ALL) == "All cases"
    assert group_name("age_band", "18-39") == "Age band: 18-39"
