"""Similar cases on the page of a case: what reaches the browser, and when."""

from __future__ import annotations

from tests.review.labelled import histology, labelled, unit
from tests.ui.conftest import Pages, everything
from tests.ui.panel import content, lock, read, take
from triage.store import open_store
from triage.store.features import add_features


def test_they_are_sent_after_the_decision_and_go_when_it_is_undone(pages: Pages) -> None:
    number = pages.cases["C-1001"]
    store = open_store(pages.url)
    with store.transaction() as session:
        add_features(session, 1, {number: unit(1, 2, 0)})
    other = labelled(store, "SIMILARNAME", (1, 2, 1), histology("secretosis"))
    store.close()
    picture = f"/images/{other}/0/main/thumbnail"

    assert "ecretosis" not in everything(pages.open("C-1001"))
    app = lock(pages, "C-1001", **read("melanoma", "urgent"))
    assert content(app)["stage"] == "decide"
    for text in ("ecretosis", picture):
        assert text not in everything(app)

    take(pages, "C-1001", "decision", **read("melanoma", "urgent"))
    app = pages.open("C-1001")
    (card,) = content(app)["next"]["similar"]["cards"]
    assert (card["label"], card["source"], card["picture"]) == ("Secretosis", "Histology", picture)
    assert "SIMILARNAME" not in everything(app)

    take(pages, "C-1001", "undo")
    app = pages.open("C-1001")
    assert content(app)["stage"] == "decide"
    assert "ecretosis" not in everything(app)
