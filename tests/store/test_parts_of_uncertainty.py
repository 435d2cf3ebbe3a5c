"""The two parts of a prediction's uncertainty, and the way there from a database without them."""

from __future__ import annotations

import pytest

from tests.store.make import opinion, scored
from tests.store.older import make_older
from triage.errors import StoreError
from triage.store import Store, get_case, open_store, shown_prediction, upgrade_store


@pytest.mark.parametrize(("aleatoric", "epistemic"), [(0.3, 0.0), (0.7, None), (None, None)])
def test_the_parts_come_back_as_they_went_in(
    store: Store, aleatoric: float | None, epistemic: float | None
) -> None:
    number = scored(store, prediction=opinion(aleatoric=aleatoric, epistemic=epistemic))
    with store.reading() as session:
        shown = shown_prediction(session, number)
    assert shown is not None
    assert (shown.decision.aleatoric, shown.decision.epistemic) == (aleatoric, epistemic)


def test_a_database_of_the_version_before_is_upgraded_with_its_cases(url: str) -> None:
    make_older(url, "0002")
    with pytest.raises(StoreError, match="migration 0002, this software needs"):
        open_store(url)
    upgrade_store(url)
    again = open_store(url)
    with again.reading() as session:
        assert get_case(session, 1).external_id == "c1"
        shown = shown_prediction(session, 1)
    again.close()
    assert shown is not None
    assert (shown.decision.aleatoric, shown.decision.epistemic) == (None, None)
