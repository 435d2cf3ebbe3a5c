from __future__ import annotations

import pytest

from tests.ui.conftest import Pages, shown
from triage.accounts.permissions import PERMISSIONS
from triage.vocabulary.roles import Action
from ui.account_page import PERMITTED
from ui.page_paths import PagePath


def test_every_permission_has_words() -> None:
    assert set(PERMITTED) == set(Action) == {*Action} & {a for p in PERMISSIONS.values() for a in p}


@pytest.mark.parametrize(
    ("reader", "role", "may", "may_not"),
    [
        ("Ann", "Senior reader", "End an adjudication", "See the figures"),
        ("Gus", "Governance", "See the figures of reviews", "Sign decided cases"),
        ("Ada Admin", "Administrator", "Add accounts", "See the worklist"),
    ],
)
def test_role_session_and_permissions_are_in_words(
    reviewed: Pages, reader: str, role: str, may: str, may_not: str
) -> None:
    app = reviewed.open(reader=reader, page=PagePath.ACCOUNT)
    assert not app.exception
    text = shown(app)
    assert app.title[0].value == "Account"
    assert f"Role: **{role}**" in text
    assert "Without a step it ends after **15 minutes**" in text
    assert "in 11 hours" in text
    assert may in text
    assert may_not not in text
