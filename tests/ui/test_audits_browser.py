"""An audit from the plan to the cases behind a failing cell, in a real browser."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.ui.browser import CHROMIUM, serve, sign_in
from tests.ui.make_accounts import PASSWORD
from tests.ui.make_labelled import CASES_A_TYPE, WRONG_ON, fill_labelled, write_labelled_plan
from ui.serving.settings import ServingSettings

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]


def test_from_the_plan_to_the_cases(tmp_path: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    url = fill_labelled(tmp_path, PASSWORD)
    folder = tmp_path / "audits"
    folder.mkdir()
    write_labelled_plan(folder)
    expect.set_options(timeout=120_000)
    with (
        serve(url, tmp_path, ServingSettings(audits=folder)) as address,
        sync_playwright() as play,
    ):
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.set_default_timeout(120_000)
        sign_in(page, address, "Gus", PASSWORD)
        page.get_by_role("link", name="Audits").click()
        page.get_by_role("tab", name="Plans").click()
        page.get_by_role("button", name="Register this plan").click()
        expect(page.get_by_text("by Gus")).to_be_visible()
        page.get_by_role("button", name="Audit this database").click()
        expect(page.get_by_text("Its report is")).to_be_visible()
        page.get_by_role("tab", name="Reports").click()
        expect(page.get_by_text("plan registered in the ledger")).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("link", name="Archive (zip)").click()
        with zipfile.ZipFile(download.value.path()) as archive:
            assert "report.json" in {Path(name).name for name in archive.namelist()}
        with page.expect_popup() as opened:
            page.get_by_role("link", name="Open the report").click()
        expect(opened.value.get_by_role("heading", level=1)).to_have_count(1)
        with page.expect_popup() as opened:  # the one cell that fails
            page.get_by_role("link", name="Fails").click()
        cases = opened.value
        cases.set_default_timeout(120_000)
        expect(cases.get_by_text(f"Skin type: {WRONG_ON}")).to_be_visible()
        expect(cases.get_by_text(f"{CASES_A_TYPE // 2} cases count as errors")).to_be_visible()
        cases.get_by_role("link", name="case-1 ").first.click()
        cases.wait_for_url(f"{address}/case?case=2")
        browser.close()
