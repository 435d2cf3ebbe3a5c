"""The two parts of a prediction's uncertainty, and the way there from a database without them."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.store.make import opinion, scored
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
    assert (shown.record.aleatoric, shown.record.epistemic) == (aleatoric, epistemic)


def test_a_database_of_the_version_before_is_upgraded_with_its_cases(store: Store) -> None:
    """Without the columns and with its number, it is what the migration before makes."""
    number = scored(store, prediction=opinion())
    url = store.engine.url.render_as_string(hide_password=False)
    with store.transaction() as session:
        for name in ("aleatoric", "epistemic"):
            session.execute(text(f"ALTER TABLE prediction DROP COLUMN {name}"))
        session.execute(text("ALTER TABLE image DROP COLUMN flags"))
        session.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    store.close()
    with pytest.raises(StoreError, match="migration 0002, this software needs 0004"):
        open_store(url)
    upgrade_store(url)
    again = open_store(url)
    with again.reading() as session:
        assert get_case(session, number).external_id == "c1"
        shown = shown_prediction(session, number)
    again.close()
    assert shown is not None
    assert shown.record == opinion(aleatoric=None, epistemic=None)
