from __future__ import annotations

import pytest

from tests.readers import reader
from tests.review.test_reading import AGREE, ANN, BEN, LATER, refused, to_reveal
from tests.store.make import scored
from triage.accounts import PermissionDenied, Role
from triage.errors import StoreError
from triage.review import RefusalCode, decide
from triage.review.drafts import LARGEST_DRAFT, draft_of, save_draft
from triage.store import Store


def test_a_draft_belongs_to_one_reader_and_the_last_one_counts(store: Store) -> None:
    number = scored(store)
    assert draft_of(store, number, ANN) is None
    for text in ("<script>", "' OR 1=1", "é\u202e"):
        save_draft(store, number, ANN, {"comment": text})
    save_draft(store, number, BEN, {"comment": "Ben's"})
    assert draft_of(store, number, ANN) == {"comment": "é\u202e"}
    assert draft_of(store, number, BEN) == {"comment": "Ben's"}


def test_a_decision_ends_the_readers_draft_only(store: Store) -> None:
    number = scored(store)
    to_reveal(store, number)
    for actor in (ANN, BEN):
        save_draft(store, number, actor, {"comment": "typed"})
    decide(store, number, ANN, **AGREE, at=LATER)
    assert draft_of(store, number, ANN) is None
    assert draft_of(store, number, BEN) == {"comment": "typed"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x" * LARGEST_DRAFT, RefusalCode.TEXT_TOO_LONG),
        ("nul \0", RefusalCode.BAD_TEXT),
        ("half \ud800", RefusalCode.BAD_TEXT),
        (float("nan"), RefusalCode.BAD_TEXT),
    ],
)
def test_what_cannot_be_kept_is_refused_and_the_former_draft_stays(
    store: Store, text: str | float, code: RefusalCode
) -> None:
    number = scored(store)
    save_draft(store, number, ANN, {"comment": "before"})
    refused(code, save_draft, store, number, ANN, {"comment": text})
    assert draft_of(store, number, ANN) == {"comment": "before"}


def test_a_draft_needs_a_case_and_a_reader(store: Store) -> None:
    with pytest.raises(StoreError, match="no such case"):
        save_draft(store, 12345, ANN, {})
    with pytest.raises(PermissionDenied):
        save_draft(store, scored(store), reader("Eve", Role.ENGINEER), {})
