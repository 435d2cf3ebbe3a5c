from __future__ import annotations

import math
import re

import pytest

from triage.vocabulary.modality import Modality
from ui.case_views import CASE_VIEWS
from ui.uncertainty_text import uncertainty_line, uncertainty_sentence

PHOTOGRAPHS = CASE_VIEWS[Modality.PHOTOGRAPHS].words
VOLUMES = CASE_VIEWS[Modality.OCT_VOLUMES].words


def entropy(*shares: float) -> float:
    return -sum(share * math.log(share) for share in shares)


@pytest.mark.parametrize(
    ("total", "amount"),
    [
        (0.0, "little"),
        (entropy(0.96, 0.04), "little"),
        (entropy(0.94, 0.06), "some"),
        (entropy(0.55, 0.45), "some"),
        (entropy(0.5, 0.5), "much"),
        (entropy(0.4, 0.3, 0.3), "much"),
    ],
)
def test_how_much(total: float, amount: str) -> None:
    for epistemic in (0.0, total / 2, total):
        sentence = uncertainty_sentence(total - epistemic, epistemic, PHOTOGRAPHS)
        assert sentence.startswith(f"Doubt between those it knows: {amount}.")
    assert uncertainty_sentence(total, 0.0, VOLUMES).startswith(
        f"Doubt about the referral: {amount}."
    )


@pytest.mark.parametrize("aleatoric", [0.5, 0.333, 0.1])
def test_where_from(aleatoric: float) -> None:
    sentence = uncertainty_sentence(aleatoric, 0.6 - aleatoric, PHOTOGRAPHS)
    found = re.search(
        r"About (\d+) % of it because the picture fits several, about (\d+) %", sentence
    )
    assert found is not None
    assert sum(int(part) for part in found.groups()) == 100
    assert int(found[1]) == pytest.approx(100 * aleatoric / 0.6, abs=0.51)
    assert "models disagree (more such training cases would help)" in sentence


def test_nearly_all_of_it() -> None:
    picture = uncertainty_sentence(0.9, 0.001, VOLUMES)
    assert picture.endswith("Nearly all of it because the scan fits several referral classes.")
    models = uncertainty_sentence(0.001, 0.9, PHOTOGRAPHS)
    assert "Nearly all of it because the models disagree" in models
    assert "%" not in picture + models


def test_parts_of_next_to_nothing_are_not_shown() -> None:
    assert uncertainty_sentence(0.01, 0.05, PHOTOGRAPHS) == "Doubt between those it knows: little."


@pytest.mark.parametrize("aleatoric", [0.0, 0.5, 2.0])
def test_one_model_is_never_taken_for_agreement(aleatoric: float) -> None:
    sentence = uncertainty_sentence(aleatoric, None, PHOTOGRAPHS)
    assert "There is one model: whether others would disagree is not known." in sentence
    assert "%" not in sentence


def test_the_line_names_the_main_source_only() -> None:
    begin = "doubt between those it knows"
    assert uncertainty_line(0.1, 0.05, PHOTOGRAPHS) == f"Little {begin}."
    picture = uncertainty_line(0.4, 0.1, PHOTOGRAPHS)
    assert picture == f"Some {begin}, mostly because the picture fits several."
    models = uncertainty_line(0.3, 0.7, VOLUMES)
    assert models == "Much doubt about the referral, mostly because the models disagree."
    assert uncertainty_line(0.5, None, PHOTOGRAPHS) == f"Some {begin}; one model only."
