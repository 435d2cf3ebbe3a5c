"""The pages of a bundle's report: whole, self-contained, with no text of the data as markup."""

import re

import pytest

from tests.evaluation.synthetic import make_outcomes
from tests.html_page import EVIL, SHOWN, Page
from tests.reports.bundle_example import bundle_extra
from tests.reports.small_audit import audit_report
from triage.reports.audit_report import Attachment, SystemFacts
from triage.reports.build_document import build_document
from triage.reports.bundle_extra import DataFacts
from triage.reports.render import render_all
from triage.reports.render.html import render_html
from triage.reports.reviews import review_counts


def page_of(extra, **changes):
    report = audit_report(extra=extra.model_dump(mode="json"), **changes)
    return render_html(build_document(report))


@pytest.fixture(scope="module")
def html():
    return page_of(bundle_extra())


def test_the_page_loads_and_runs_nothing(html):
    page = Page(html)
    assert not {name for name, _, _ in page.elements} & {
        "script", "link", "img", "iframe", "object", "embed", "form",
    }  # fmt: skip
    assert not re.search(r"https?://|@import|url\((?!#)", html.replace("http://www.w3.org", ""))
    for _, attributes, _ in page.elements:
        assert not any(key.startswith("on") for key in attributes)


def test_ids_are_unique_and_every_link_leads_somewhere(html):
    page = Page(html)
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len({*ids})
    assert all(link["href"].removeprefix("#") in ids for link in page.all("a"))


def test_text_of_data_of_bundles_and_of_attachments_cannot_become_markup():
    outcomes = make_outcomes(60, classes=(EVIL, "b", "c"))
    extra = bundle_extra(
        outcomes=outcomes,
        data=DataFacts(
            spec=EVIL, notes=[EVIL], counts={EVIL: {EVIL: 1}}, exclusions={EVIL: 1},
            hashes={EVIL: EVIL},
        ),
        abstention_reasons={EVIL: 1},
        reviews=review_counts({EVIL: 1}),
        review_tallies={"reasons": {EVIL: 2}},
    )  # fmt: skip
    attached = [
        Attachment(name=EVIL, kind=kind, sha256="0", columns=[EVIL], rows=[{EVIL: EVIL}])
        for kind in ("incidents", "risk", "sbom", "approvals")
    ]
    manifest = {"name": EVIL, "members": [EVIL], "files": {EVIL: EVIL}, "thresholds": {EVIL: EVIL}}
    system = SystemFacts(name=EVIL, manifest=manifest)
    html = page_of(extra, attachments=attached, system=system)
    assert "<script" not in html
    assert SHOWN in " ".join(Page(html).text)
    assert all(line.replace("\u00a0", " ").isprintable() for line in html.split("\n"))
    report = audit_report(extra=extra.model_dump(mode="json"), attachments=attached, system=system)
    files = render_all(report)
    assert files["report.pdf"].startswith(b"%PDF")
    for name, content in files.items():
        assert re.fullmatch(r"(tables/)?[\w.-]+", name)
        if name.endswith(".csv"):
            assert all(line.isprintable() for line in content.decode().split("\n"))
