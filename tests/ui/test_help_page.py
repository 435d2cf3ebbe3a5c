from __future__ import annotations

import pytest

from tests.ui.conftest import Pages, everything, shown
from triage.vocabulary.read_answers import OverrideReason
from ui.page_paths import PagePath
from ui.shortcuts import GROUPS, keys_of


@pytest.mark.parametrize("reader", ["Ann", "Gus", "Eve", "Ada Admin"])
def test_every_role_can_read_the_help(reviewed: Pages, reader: str) -> None:
    app = reviewed.open(reader=reader, page=PagePath.HELP)
    assert not app.exception
    assert app.title[0].value == "Help"
    assert "First read" in shown(app)


def test_every_shortcut_and_reason_is_shown(reviewed: Pages) -> None:
    sent = everything(reviewed.open(page=PagePath.HELP)).encode().decode("unicode_escape")
    for group in GROUPS:
        assert group in sent
        for _, what in keys_of(group):
            assert what.replace("'", "&#39;") in sent
    for reason in OverrideReason:
        assert reason.sentence.replace("'", "&#39;") in sent


def test_no_key_of_a_group_does_two_things() -> None:
    for group in GROUPS:
        named = [keys for keys, _ in keys_of(group)]
        assert len(named) == len(set(named)) > 2, group
