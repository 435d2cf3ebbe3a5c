from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from tests.store.make import bundle
from tests.ui.conftest import APP, TOKEN, Pages, everything, shown
from tests.ui.make_accounts import session_for
from tests.ui.make_audits import demo_findings, plan, report, write_audit, write_manifest
from triage.errors import BundleError
from triage.reports.audit_report import SystemFacts
from triage.store import open_store, register_bundle
from triage.store.bundle_manifest import bundle_manifest
from ui.page_paths import PagePath
from ui.serving.settings import ServingSettings

NAME = "skin <b>2026</b>"


@pytest.fixture
def digest(reviewed: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A registered bundle of which only the manifest is there, and a folder of audits."""
    folder = tmp_path / "bundle"
    found = write_manifest(folder, NAME)
    (tmp_path / "audits").mkdir()
    store = open_store(reviewed.url)
    with store.transaction() as session:
        register_bundle(session, bundle(found, name=NAME, path=str(folder)))
    store.close()
    settings = ServingSettings(audits=tmp_path / "audits")
    monkeypatch.setattr("ui.model_card_page.serving_settings", lambda: settings)
    return found


def _open(pages: Pages, digest: str, reader: str = "Gus") -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    store = open_store(pages.url)
    app.session_state[TOKEN] = session_for(store, reader)
    store.close()
    app.query_params["bundle"] = digest
    app._page_hash = calc_hash(PagePath.MODEL_CARD.value)
    return app.run()


def test_what_is_stated_is_shown_and_what_is_not_is_said(reviewed: Pages, digest: str) -> None:
    app = _open(reviewed, digest)
    assert not app.exception
    assert app.title[0].value.replace("\\", "") == NAME
    sent = everything(app)
    assert "Ordering of photographs for reading" in sent
    assert "not stated" in sent
    assert digest in sent
    assert "<b>2026" not in sent.replace("\\", "").replace(app.title[0].value.replace("\\", ""), "")
    assert "No audit of this system" in shown(app)


def test_audits_of_the_system_are_summarised(reviewed: Pages, digest: str, tmp_path: Path) -> None:
    of_it = SystemFacts(name="skin", bundle=digest)
    folder = tmp_path / "audits"
    write_audit(folder, "of-it", report(plan(), demo_findings(), system=of_it))
    write_audit(folder, "of-another", report(plan(title="Another system"), demo_findings()))
    app = _open(reviewed, digest)
    assert not app.exception
    sent = everything(app)
    assert "/audits?audit=of-it" in sent
    assert "of-another" not in sent
    assert "84.0 to 96.0 %" in sent  # sensitivity over all cases
    assert "Fails a limit" in shown(app)
    assert "<script>" not in sent


@pytest.mark.parametrize("reader", ["Ann", "Bob", "Eve"])
def test_only_governance_has_the_page(reviewed: Pages, digest: str, reader: str) -> None:
    sent = everything(_open(reviewed, digest, reader))
    assert "Ordering of photographs for reading" not in sent
    models = everything(reviewed.open(reader=reader, page=PagePath.MODELS))
    assert "/model-card" not in models


def test_the_list_of_models_leads_to_the_cards(reviewed: Pages, digest: str) -> None:
    sent = everything(reviewed.open(reader="Gus", page=PagePath.MODELS))
    assert f"/model-card?bundle={digest}" in sent


@pytest.mark.parametrize("digest_of", ["", "0" * 64, "<script>"])
def test_an_unknown_system_is_said(reviewed: Pages, digest: str, digest_of: str) -> None:
    app = _open(reviewed, digest_of)
    assert not app.exception
    assert "names no system of this database" in shown(app)


@pytest.mark.parametrize("text", ["{}", "no JSON", "[1]", '{"name": "another"}'])
def test_a_manifest_that_was_altered_is_refused(
    reviewed: Pages, digest: str, tmp_path: Path, text: str
) -> None:
    (tmp_path / "bundle" / "manifest.json").write_text(text)
    app = _open(reviewed, digest)
    assert not app.exception
    assert "not the one that was registered" in shown(app).replace("\\", "")


def test_a_manifest_that_is_gone_is_said(reviewed: Pages, digest: str, tmp_path: Path) -> None:
    (tmp_path / "bundle" / "manifest.json").unlink()
    store = open_store(reviewed.url)
    with store.reading() as session:
        with pytest.raises(BundleError, match="there is no such manifest of a bundle"):
            bundle_manifest(session, digest)
        with pytest.raises(BundleError, match="No system with this digest"):
            bundle_manifest(session, "0" * 64)
    store.close()
