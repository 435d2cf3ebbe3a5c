"""Cases that are stored as they come, found in a few statements.

`add_case` and `add_prediction` look at one case after the other. When a folder is stored again
after an interruption, most cases are stored already and nothing of them is new: adding these would
change nothing, so it is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from triage.intake.new_cases import ScoredCase
from triage.store.cases import has_same_images
from triage.store.predictions import IS_READ
from triage.store.stated_facts import states_nothing_new
from triage.store.tables import Case, Prediction


def unchanged_cases(
    session: Session, bundle: int, cases: Mapping[int, ScoredCase]
) -> dict[int, int]:
    """Find those of some cases that `add_case` and `add_prediction` would leave as they are.

    Parameters
    ----------
    session : Session
        An open transaction.
    bundle : int
        Row of `bundle`.
    cases : mapping of int to ScoredCase

    Returns
    -------
    dict of int to int
        The number of each such case, by its place in `cases`. Of the others something is new, or
        is refused.
    """
    stored = _stored_cases(session, cases)
    known = {row.id: row for row in stored.values()}
    opinions = _opinions(session, bundle, known)
    found: dict[int, int] = {}
    for place, one in cases.items():
        row = stored.get((one.case.source, one.case.external_id))
        if (
            row is not None
            and states_nothing_new(row, one.case)
            and has_same_images(row, one.case)
            and _keeps_opinion(opinions.get(row.id), one)
        ):
            found[place] = row.id
    return found


def _stored_cases(session: Session, cases: Mapping[int, ScoredCase]) -> dict[tuple[str, str], Case]:
    names: dict[str, set[str]] = defaultdict(set)
    for one in cases.values():
        names[one.case.source].add(one.case.external_id)
    found: dict[tuple[str, str], Case] = {}
    for source, of_source in names.items():
        query = (
            select(Case)
            .where(Case.source == source, Case.external_id.in_(sorted(of_source)))
            .options(joinedload(Case.patient), selectinload(Case.images))
            .execution_options(populate_existing=True)
        )
        found |= {(source, row.external_id): row for row in session.scalars(query)}
    return found


def _opinions(session: Session, bundle: int, cases: Mapping[int, Case]) -> dict[int, Any]:
    """What there is to compare of the opinions of a bundle, by number of the case."""
    query = select(Prediction.case_id, Prediction.reading_path, IS_READ.label("is_read")).where(
        Prediction.bundle_id == bundle, Prediction.case_id.in_(sorted(cases))
    )
    return {row.case_id: row for row in session.execute(query)}


def _keeps_opinion(stored: Any, one: ScoredCase) -> bool:
    """Whether the opinion that is stored stays, and its reading where it lies."""
    if stored is None or not (stored.is_read or one.decision.condition is None):
        return False
    return one.reading is None or one.reading.path == stored.reading_path
