"""The page of cases whose label is asked for: the reason, and nothing of a label or of the AI."""

from __future__ import annotations

import pytest

from tests.ui.conftest import Pages, everything, press, shown
from tests.ui.make_cases import SECRETS, SITE
from tests.ui.make_reviewed import GUS, SECRET_COMMENT
from triage.labels.import_labels import ANSWERED
from triage.review.policies import SitePolicy, set_site_policy
from triage.store import WantedLabel, close_label_requests, open_store, request_labels
from triage.vocabulary.learning import RequestKind
from ui.page_paths import PagePath

WHY = "Few cases with dark skin have been labelled."
AGAIN = "The label may be wrong: read it again."


@pytest.fixture
def asked(reviewed: Pages) -> Pages:
    store = open_store(reviewed.url)
    with store.transaction() as session:
        wanted = [WantedLabel(reviewed.cases["waiting"], WHY)]
        request_labels(session, wanted, RequestKind.SELECTED, "margin", actor="Eve")
        wanted = [WantedLabel(reviewed.cases[name], AGAIN) for name in ("decided-1", "histology")]
        request_labels(session, wanted, RequestKind.LABEL_ERROR, "confident", actor="Eve")
    store.close()
    return reviewed


def test_the_list_for_a_reader_who_has_read_none(asked: Pages) -> None:
    app = asked.open(reader="Bob", page=PagePath.LABELLING)
    assert not app.exception
    assert app.title[0].value == "Labelling"
    sent = everything(app)
    assert 0 < sent.index("decided-1") < sent.index("waiting")  # the newest choice first
    assert WHY in sent
    assert AGAIN in sent
    assert f"case={asked.cases['decided-1']}&as=second_read" in sent
    assert "2 cases" in shown(app)
    assert "1 other case is asked for" in shown(app)
    for secret in (*SECRETS, SECRET_COMMENT, "elanoma", "skin-2025", "Pathology"):
        assert secret not in sent


def test_who_decided_it_does_not_read_it_again(asked: Pages) -> None:
    sent = everything(asked.open(page=PagePath.LABELLING))
    assert "waiting" in sent
    assert "decided-1" not in sent


def test_nothing_is_asked(asked: Pages) -> None:
    store = open_store(asked.url)
    with store.transaction() as session:
        for number in asked.cases.values():
            close_label_requests(session, number, ANSWERED, actor="Eve")
    store.close()
    assert "No label is asked of you now" in shown(asked.open(page=PagePath.LABELLING))


def test_overdue_cases_come_first(asked: Pages) -> None:
    app = asked.open(reader="Bob", page=PagePath.LABELLING)
    assert "past the deadline" not in shown(app)
    store = open_store(asked.url)
    set_site_policy(store, SITE, SitePolicy(priority_visible=True), GUS)
    store.close()
    app = asked.open(reader="Bob", page=PagePath.LABELLING)
    assert "past the deadline on the worklist. Read these before you label" in shown(app)
    assert press(app, "To the worklist").title[0].value == "Worklist"
