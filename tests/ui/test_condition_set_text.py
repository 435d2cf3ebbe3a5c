"""The set of conditions on the card: after the reveal, and of an opinion only."""

from __future__ import annotations

from tests.store.make import opinion
from tests.ui.conftest import Pages, everything, with_photograph
from tests.ui.panel import content, lock, read
from triage.store import add_case, add_prediction, open_store, register_bundle
from triage.store.records import BundleRecord
from ui.condition_set_text import condition_set_sentence


def test_the_sentence() -> None:
    begin = "With 90 % coverage:"
    assert condition_set_sentence(("acne",), 0.9) == f"{begin} Acne."
    assert condition_set_sentence(("acne", "eczema"), 0.9) == f"{begin} Acne or Eczema."
    assert condition_set_sentence((), 0.9) == f"{begin} none of the conditions it knows."
    assert "99.5 %" in condition_set_sentence((), 0.995)


def test_the_page_shows_it_after_the_first_read(pages: Pages) -> None:
    store = open_store(pages.url)
    with store.transaction() as session:
        pages.cases["new"] = add_case(session, with_photograph(pages, "new"))
        system = register_bundle(session, BundleRecord("9" * 64, "new", "p", ("acne", "melanoma")))
        record = opinion(prediction_set=("melanoma", "acne"), set_coverage=0.9)
        add_prediction(session, pages.cases["new"], system, record)
    store.close()
    app = pages.open("new")
    assert "With 90 % coverage" not in everything(app)
    app = lock(pages, "new", **read("acne", "routine"))
    assert not app.exception
    card = content(app)["opinion"]
    assert card["set"] == "With 90 % coverage: Melanoma or Acne."
    assert [bar["note"] for bar in card["bars"]] == ["in the set", "in the set", "", ""]
