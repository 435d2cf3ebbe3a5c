"""The registry on the page of models, and that nothing of a shadow is shown to anybody else."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.model_registry.registered import EVE, Registered
from tests.store.make import bundle, opinion
from tests.ui.conftest import Pages, everything, press, shown, sign_in_without_a_browser
from tests.ui.make_registry import fill_registry
from triage.model_registry.aliases import set_shadow
from triage.model_registry.proposals import propose
from triage.model_registry.shadow_predictions import add_shadow_prediction
from triage.store import events, open_store, register_bundle
from triage.store.tables import Bundle
from triage.vocabulary.clinical import Urgency
from ui.page_paths import PagePath


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Pages, Registered]:
    url = f"sqlite:///{tmp_path / 'cases.db'}"
    store = open_store(url, create=True)
    registered = fill_registry(store, tmp_path)
    sign_in_without_a_browser(monkeypatch, url)
    return Pages(url, {}), registered


def models(pages: Pages, reader: str) -> AppTest:
    app = pages.open(reader=reader, page=PagePath.MODELS)
    assert not app.exception
    return app


def test_governance_sees_the_verdict_first_and_approves(
    registry: tuple[Pages, Registered],
) -> None:
    pages, registered = registry
    app = models(pages, "Gus")
    sent = everything(app)
    assert "The gate passes." in shown(app)
    for words in ("Urgent sensitivity", "skin type: VI", "about 160 cases", "In shadow", "kappa"):
        assert words in sent
    assert sent.index("The gate passes") < sent.index("Checks of proposal 1")
    app = press(app, "Approve")
    assert "Confirm that you have read" in shown(app)
    app.checkbox(key="sure-1").check()
    app = press(app, "Approve")
    assert "no answer is given" in shown(app)
    assert registered.alias("fourth") == "shadow"
    app.text_area(key="answer-1").input("Read all checks.")
    app = press(app, "Approve")
    assert "fourth is in use now" in shown(app)
    assert (registered.alias("fourth"), registered.alias("third")) == ("champion", None)


def test_governance_rejects(registry: tuple[Pages, Registered]) -> None:
    pages, registered = registry
    app = models(pages, "Gus")
    app.text_area(key="answer-1").input("Not before the audit.")
    app = press(app, "Reject")
    assert "Proposal 1 is closed" in shown(app)
    assert "No proposal waits" in shown(app)
    assert registered.alias("third") == "champion"


def test_an_engineer_proposes_withdraws_and_approves_nothing(
    registry: tuple[Pages, Registered],
) -> None:
    pages, _ = registry
    app = models(pages, "Eve")
    assert not [one for one in app.button if one.label.startswith("Approve")]
    which = app.selectbox(key="propose-which")
    which.select_index(next(at for at, one in enumerate(which.options) if "fifth" in one))
    app.text_area(key="propose-reason").input("One miss, read by two.")
    app = press(app, "Propose")
    assert "fifth is proposed" in shown(app)
    assert "needs a named sign-off" in shown(app)
    app.text_area(key="answer-1").input("Made in error.")
    (button,) = [
        one for one in app.button if one.label.startswith("Withdraw") and "1" in one.form_id
    ]
    app = button.click().run()
    assert "Proposal 1 is closed" in shown(app)
    other = models(pages, "Eric")
    assert not [one for one in other.button if one.label.startswith("Withdraw")]


def test_a_sign_off_is_asked_for(registry: tuple[Pages, Registered]) -> None:
    pages, registered = registry
    with registered.store.transaction() as session:
        number = propose(session, registered.digests["fifth"], reason="One miss.", actor=EVE)
    app = models(pages, "Gus")
    assert "frozen set is missed" in shown(app).replace("\\", "")
    app.text_area(key=f"answer-{number}").input("The case is mislabelled.")
    app.checkbox(key=f"sure-{number}").check()
    (button,) = [
        one for one in app.button if one.label.startswith("Approve") and str(number) in one.form_id
    ]
    app = button.click().run()
    assert "needs a named sign" in shown(app)
    assert registered.alias("third") == "champion"
    app.checkbox(key=f"sign-off-{number}").check()
    (button,) = [
        one for one in app.button if one.label.startswith("Approve") and str(number) in one.form_id
    ]
    button.click().run()
    assert registered.alias("fifth") == "champion"


def test_going_back(registry: tuple[Pages, Registered]) -> None:
    pages, registered = registry
    app = models(pages, "Eve")
    app.text_area(key="rollback-reason").input("It errs.")
    app = press(app, "Go back")
    assert "Tick that it is" in shown(app)
    app.checkbox(key="rollback-sure").check()
    app = press(app, "Go back")
    assert "second is in use again" in shown(app)
    assert registered.alias("second") == "champion"
    # The open proposal was made against another champion.
    app = models(pages, "Gus")
    assert "another bundle came into use" in shown(app)


def test_readers_see_nothing_of_it(registry: tuple[Pages, Registered]) -> None:
    pages, _ = registry
    sent = everything(models(pages, "Rhea"))
    for words in ("Proposals", "In shadow", "kappa", "Challenger", "Go back", "gate"):
        assert words not in sent


SECRETS = ("SHADOWCONDITION", "SHADOWREASON", "SHADOWSYSTEM")


def test_no_page_shows_what_the_bundle_in_shadow_says(reviewed: Pages) -> None:
    """Of no case, planted ones among them, and to nobody; its name only to those who decide."""
    from sqlalchemy import select

    from tests.ui.make_reviewed import GUS
    from triage.review import plant_case
    from triage.store.tables import Case

    store = open_store(reviewed.url)
    plant_case(
        store,
        reviewed.cases["waiting"],
        GUS,
        conditions=("melanoma",),
        urgency=Urgency.URGENT,
        wrong_opinion=opinion(Urgency.ROUTINE, condition="acne"),
    )
    with store.transaction() as session:
        hidden = register_bundle(session, bundle("a" * 64, name="SHADOWSYSTEM"))
        session.get_one(Bundle, hidden).alias = "shadow"
        before = session.execute(select(Case.id, Case.queue_rank, Case.due_at, Case.state)).all()
        for number in reviewed.cases.values():
            said = opinion(Urgency.URGENT, condition="SHADOWCONDITION", reason="SHADOWREASON")
            add_shadow_prediction(session, number, hidden, said)
    with store.reading() as session:
        now = session.execute(select(Case.id, Case.queue_rank, Case.due_at, Case.state)).all()
        assert now == before
        told = " ".join(str(one.payload) for one in events(session))
    store.close()
    seen = [told]
    for reader, pages in (
        ("Ann", (None, PagePath.SIGN_OFF, PagePath.SECOND_READS, PagePath.MY_CASES)),
        ("Bob", (None, PagePath.ADJUDICATION)),
        ("Gus", (PagePath.GOVERNANCE, PagePath.AUDITS)),
    ):
        for page in pages:
            app = reviewed.open(reader=reader, page=page)
            assert not app.exception
            seen.append(everything(app))
    for name in ("open", "waiting", "decided-2", "second-1"):
        seen.append(everything(reviewed.open(case=name, reader="Ann")))
    for secret in SECRETS:
        found = [text[max(text.find(secret) - 80, 0) :][:200] for text in seen if secret in text]
        assert found == []
    for reader in ("Bob", "Gus"):
        sent = everything(reviewed.open(reader=reader, page=PagePath.MODELS))
        assert "SHADOWSYSTEM" in sent  # among all that are registered
        assert "SHADOWCONDITION" not in sent
        assert ("In shadow" in sent) == (reader == "Gus")


def test_the_letter_and_the_figures_follow_the_opinion_that_was_shown(reviewed: Pages) -> None:
    from tests.ui.make_reviewed import ANN, GUS
    from triage.review.figures import review_figures
    from triage.review.referral_letter import referral_letter

    def written() -> str:
        store = open_store(reviewed.url)
        letter = referral_letter(store, reviewed.cases["histology"], ANN)
        figures = review_figures(store, GUS)
        store.close()
        return f"{letter!r}{figures!r}"

    before = written()
    store = open_store(reviewed.url)
    with store.transaction() as session:
        hidden = register_bundle(session, bundle("a" * 64, name="SHADOWSYSTEM"))
        for number in reviewed.cases.values():
            add_shadow_prediction(
                session, number, hidden, opinion(Urgency.URGENT, condition="SHADOWCONDITION")
            )
    store.close()
    assert written() == before


def test_a_bundle_without_files_is_not_put_in_shadow(
    registry: tuple[Pages, Registered],
) -> None:
    _, registered = registry
    (registered.folder / "fifth" / "manifest.json").unlink()
    from triage.errors import BundleError

    with registered.store.transaction() as session, pytest.raises(BundleError):
        set_shadow(session, registered.digests["fifth"], actor=EVE)
