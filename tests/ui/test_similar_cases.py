"""Similar cases as pages show them: words, addresses, and nothing before the decision."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.review.labelled import blind, histology, labelled, scored_with
from tests.review.team import ANN, GOV, decided, fresh_store, never_twice
from triage.accounts import PermissionDenied
from triage.review.labelled_cases import LabelEvidence
from triage.review.policies import SitePolicy, set_site_policy
from triage.review.similar_cases import SimilarCase, WhyNone
from triage.store import Store
from triage.store.bundles import withdraw_bundle
from triage.vocabulary.modality import Modality
from triage.vocabulary.review_policies import ReadingMode
from ui.case_views import CASE_VIEWS
from ui.similar_cases import (
    EVIDENCE,
    TITLE,
    WHY_NONE,
    card,
    scale_words,
    similar_cases_content,
)

HERE = (1.0, 2.0, 0.5)
WORDS = CASE_VIEWS[Modality.PHOTOGRAPHS].words
NOTHING = {"title": "", "intro": "", "note": "", "cards": []}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = fresh_store(tmp_path)
    never_twice(opened)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.review.viewable._is_viewable", lambda *_: True)


def test_nothing_before_the_decision_and_cards_after_it(store: Store) -> None:
    number = scored_with(store, "c1", HERE)
    near = labelled(store, "a", (1, 2, 0.4), blind("basal_cell_carcinoma"))
    labelled(store, "b", (1, 0, 0), histology("acne"))
    assert similar_cases_content(store, number, ANN, WORDS) == NOTHING
    decided(store, number)
    content = similar_cases_content(store, number, ANN, WORDS)
    assert json.loads(json.dumps(content)) == content
    assert content["title"] == TITLE
    assert content["intro"] == (
        "The 2 nearest of other patients, among 2 signed cases with a label, as the system "
        "“first” sees them."
    )
    first, second = content["cards"]
    assert first == {
        "picture": f"/images/{near}/0/main/thumbnail",
        "large": f"/images/{near}/0/main/fitted",
        "alt": "Photograph of another case, labelled Basal cell carcinoma",
        "label": "Basal cell carcinoma",
        "source": "One reader, without the AI",
        "distance": "Distance 0.00",
        "scale": "",
        "facts": "Skin type III · Age 41",
        "more": "",
    }
    assert (second["label"], second["source"]) == ("Acne", "Histology")
    assert "too few labelled cases" in content["note"]
    assert all(isinstance(text, str) for one in content["cards"] for text in one.values())
    told = json.dumps(content)
    assert "patient of" not in told
    assert '"a"' not in told, "no name of another case"


def test_with_many_cases_the_distance_has_a_scale(store: Store) -> None:
    number = scored_with(store, "c1", HERE)
    chance = np.random.default_rng(5)
    for n in range(30):
        vector = chance.normal(size=3).round(2).tolist()
        labelled(store, f"a{n}", vector, histology("acne" if n % 2 else "naevus"))
    decided(store, number)
    content = similar_cases_content(store, number, ANN, WORDS)
    assert len(content["cards"]) == 3
    assert all(one["scale"].endswith("are as near") for one in content["cards"])
    assert "too few" not in content["note"]
    assert "among 30 signed cases" in content["intro"]


def test_nothing_of_a_case_that_is_read_without_the_ai(store: Store) -> None:
    set_site_policy(store, "clinic", SitePolicy(mode=ReadingMode.AI_OFF), GOV)
    number = scored_with(store, "c1", HERE)
    labelled(store, "a", HERE, histology("acne"))
    decided(store, number)
    assert similar_cases_content(store, number, ANN, WORDS) == NOTHING
    with pytest.raises(PermissionDenied):
        similar_cases_content(store, number, GOV, WORDS)


def test_why_there_are_none(store: Store) -> None:
    number = scored_with(store, "c1", HERE)
    decided(store, number)
    content = similar_cases_content(store, number, ANN, WORDS)
    assert (content["intro"], content["cards"]) == (WHY_NONE[WhyNone.NO_LABELLED_CASES], [])
    with store.transaction() as session:
        withdraw_bundle(session, "d" * 64, "a fault")
    content = similar_cases_content(store, number, ANN, WORDS)
    assert content["intro"] == WHY_NONE[WhyNone.WITHDRAWN]


def test_every_reason_and_every_source_has_words() -> None:
    assert set(WHY_NONE) == set(WhyNone)
    assert set(EVIDENCE) == set(LabelEvidence)
    assert all(text.endswith(".") for text in WHY_NONE.values())


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (None, ""),
        (0.0, "Fewer than 1 of 100 pairs with different labels are as near"),
        (0.031, "About 3 of 100 pairs with different labels are as near"),
        (0.249, "About 25 of 100 pairs with different labels are as near"),
        (
            0.25,
            "Weak resemblance: about 25 of 100 pairs with different labels are as near",
        ),
        (
            1.0,
            "Weak resemblance: more than 99 of 100 pairs with different labels are as near",
        ),
    ],
)
def test_how_near_in_words(share: float | None, words: str) -> None:
    assert scale_words(share) == words


def test_texts_of_data_print_and_stay_short() -> None:
    one = SimilarCase(
        case_id=7,
        conditions=("drusen", "fluid\u202e_x"),
        evidence=LabelEvidence.ADJUDICATED,
        distance=0.1249,
        as_near=None,
        groups={"a": "x\ny", "b": None, "c": 3, "d": "e", "f": "g"},
        images=3,
    )
    found = card(one, WORDS)
    assert found["label"].startswith("Drusen, Fluid")
    assert "\u202e" not in found["label"]
    assert "\n" not in found["facts"]
    assert found["facts"].endswith("C 3 · D e")
    assert (found["distance"], found["more"]) == ("Distance 0.12", "1 of 3 photographs")
    assert found["source"] == "Two readers and adjudication"
