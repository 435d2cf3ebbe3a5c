"""The audit report in every format: the same numbers, inert, and the same bytes again."""

import csv
import io
import json
import re
from importlib.resources import files

import jsonschema
import pytest
from pypdf import PdfReader

from tests.reports import audit_example
from tests.reports.audit_pages import Page, pdf_text
from triage.auditing.measurement import AuditEstimate, AuditFinding
from triage.charts.number_format import MISSING, number, p_value, span
from triage.reports.audit_report import AuditReport
from triage.reports.build_document import SECTIONS, build_document
from triage.reports.document import Table
from triage.reports.names import group
from triage.reports.render import render_all
from triage.reports.render.json_schema import SCHEMA_NAME, schema_text
from triage.reports.sections.cells import limit_text

SMALL = {axis: audit_example.AXES[axis] for axis in ("skin_type", "sex")}


@pytest.fixture(scope="module")
def report() -> AuditReport:
    return audit_example.report(axes=SMALL)


@pytest.fixture(scope="module")
def rendered(report) -> dict[str, bytes]:
    return render_all(report)


@pytest.fixture(scope="module")
def printed(rendered) -> str:
    return pdf_text(rendered["report.pdf"])


def shown(each: AuditFinding) -> list[str]:
    """What every format shows of a finding, cell by cell, from the numbers of the report."""
    holm = " (Holm)" if each.primary and each.p_adjusted is not None else ""
    return [
        group(each.axis, each.level), number(each.value, each.unit),
        MISSING if each.low is None else span(each.low, each.high, each.unit), str(each.n),
        p_value(each.p_value), p_value(each.p_adjusted) + holm, each.verdict.value,
    ]  # fmt: skip


def by_limit(findings: list[AuditFinding]) -> dict[str, list[AuditFinding]]:
    """Findings by the title of the table that they are in."""
    found: dict[str, list[AuditFinding]] = {}
    for each in findings:
        found.setdefault(f"{each.title}, {limit_text(each, each.unit)}", []).append(each)
    return found


def test_files_are_those_of_the_contract(rendered):
    assert {
        "report.html", "report.pdf", "report.json", "tables/findings.csv", "tables/estimates.csv",
        "tables/comparisons.csv", "tables/levels.csv", "tables/verdicts.csv",
    } <= set(rendered)  # fmt: skip


def test_the_same_report_gives_the_same_bytes(report, rendered):
    again = AuditReport.model_validate_json(rendered["report.json"])
    assert again == report
    assert render_all(again) == rendered


def test_findings_are_identical_in_every_format(report, rendered, printed):
    assert len(report.findings) > 30
    assert all(each.value is not None for each in report.findings)
    tables = [
        rows
        for rows in Page(rendered["report.html"]).tables
        if rows[0][-2:] == ["Verdict", "More cases"]
    ]
    in_html = [[*row[:-2], row[-2].lstrip("✓✗? ")] for table in tables for row in table[1:]]
    expected = [shown(each) for found in by_limit(report.findings).values() for each in found]
    assert in_html == expected
    for row in expected:
        for part in row:
            assert re.sub(r"\s+", "", part) in printed
    assert json.loads(rendered["report.json"])["findings"] == [
        each.model_dump(mode="json") for each in report.findings
    ]
    in_csv = list(csv.DictReader(io.StringIO(rendered["tables/findings.csv"].decode())))
    assert list(in_csv[0]) == list(AuditFinding.model_fields)
    for row, each in zip(in_csv, report.findings, strict=True):
        for name, value in each.model_dump(mode="json").items():
            assert row[name] == ("" if value is None else str(value))


def test_the_pdf_has_every_row_of_the_findings_in_order(report, printed):
    """Estimate, number of cases and p-values of each row stand beside each other."""
    at = printed.index("Everyverdict")
    for title, found in by_limit(report.findings).items():
        at = printed.index(re.sub(r"\s+", "", title), at)
        for each in found:
            row = re.sub(r"\s+", "", number(each.value, each.unit))
            at = printed.index(row, at) + len(row)


def test_estimates_are_whole_in_json_and_csv(report, rendered):
    rows = list(csv.DictReader(io.StringIO(rendered["tables/estimates.csv"].decode())))
    assert list(rows[0]) == list(AuditEstimate.model_fields)
    assert [(row["axis"], row["level"], row["metric"]) for row in rows] == [
        (each.axis, each.level, each.metric) for each in report.estimates
    ]
    assert [float(row["value"]) for row in rows] == [each.value for each in report.estimates]


def test_every_estimate_with_a_limit_is_on_the_page(report, rendered):
    judged = {limit.metric for limit in report.plan.limits}
    rows = {}
    for table in Page(rendered["report.html"]).tables:
        for name, *cells in table[1:]:
            bare = {re.sub(r" [✓✗?] (meets|fails|not enough evidence)", "", x) for x in cells}
            rows.setdefault(name, set()).update(bare)
    for each in (one for one in report.estimates if one.metric in judged):
        level = "All cases" if each.level == "all" else each.level
        text = f"{number(each.value, each.unit)} {span(each.low, each.high, each.unit)}"
        assert text in rows[level], (level, each.metric)


def test_the_page_loads_nothing_and_runs_nothing(rendered):
    page = Page(rendered["report.html"])
    assert not {"script", "link", "iframe", "object", "img", "base", "form"} & set(page.tags)
    for tag, name, value in page.attributes:
        assert not name.startswith("on")
        assert name not in ("src", "srcset", "data")
        if name in ("href", "xlink:href"):
            assert value.startswith("#"), (tag, value)
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert ("meta", "content", policy) in page.attributes
    style = rendered["report.html"].decode().split("<style>")[1].split("</style>")[0]
    assert "@import" not in style
    assert set(re.findall(r"url\(([^)]*)\)", style)) <= {"#hatching"}


def test_ids_are_unique_and_links_lead_somewhere(rendered):
    page = Page(rendered["report.html"])
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    links = [value[1:] for _, name, value in page.attributes if name == "href"]
    assert len(links) > len(SECTIONS)
    labels = [
        part
        for _, name, value in page.attributes
        if name == "aria-labelledby"
        for part in value.split()
    ]
    assert {*links, *labels} <= set(ids)


def test_the_pdf_claims_pdf_a_and_the_date_of_the_plan(report, rendered):
    reader = PdfReader(io.BytesIO(rendered["report.pdf"]))
    raw = reader.trailer["/Root"]["/Metadata"].get_data().decode()
    assert re.search(r"<pdfaid:part>2<", raw)
    assert re.search(r"<pdfaid:conformance>A<", raw)
    assert re.search(r"<pdfuaid:part>1<", raw)
    assert reader.metadata.creation_date == report.plan.created_at
    assert reader.metadata.title == report.title
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.trailer["/Root"]["/Lang"] == "en"
    fonts = {
        font.get_object()["/BaseFont"]
        for page in reader.pages
        for font in page["/Resources"].get("/Font", {}).values()
    }
    assert all(re.match(r"/[A-Z]{6}\+", name) for name in fonts)


def test_the_pdf_has_bookmarks_and_numbered_pages(report, rendered):
    reader = PdfReader(io.BytesIO(rendered["report.pdf"]))
    titles = [entry.title for entry in reader.outline if not isinstance(entry, list)]
    document = build_document(report)
    assert [re.sub(r"^\d+\s*", "", title) for title in titles] == [
        section.title for section in document.sections
    ]
    last = len(reader.pages)
    assert f"Page {last} of {last}" in reader.pages[-1].extract_text()
    assert "Verdict on each limit" in reader.pages[0].extract_text()
    assert "Executive summary" in reader.pages[1].extract_text()


def test_sections_are_those_of_every_audit_in_order(report):
    document = build_document(report)
    keys = [section.key for section in document.sections]
    assert keys == [
        "cover", "summary", "intended_use", "system", "data", "reference_standard", "plan",
        "performance",
        "subgroups", "calibration", "abstention", "team", "errors", "robustness", "drift",
        "incidents", "security", "changes", "risks", "limitations", "checklists",
        "reproducibility", "integrity", "approvals",
    ]  # fmt: skip
    assert all(bool(section.blocks) != bool(section.unavailable) for section in document.sections)


def test_an_empty_report_renders():
    rendered = render_all(audit_example.empty())
    text = "".join(Page(rendered["report.html"]).text)
    assert text.count("not available: ") >= 8
    assert "there are no verdicts" in text
    assert pdf_text(rendered["report.pdf"]).count("notavailable:") >= 8
    assert rendered["tables/findings.csv"].decode().splitlines() == [
        ",".join(AuditFinding.model_fields)
    ]


def test_undefined_and_suppressed_numbers_render(report):
    """A cell without numbers is one that is undefined, or one that was suppressed."""
    bare = {"value": None, "low": None, "high": None, "evidence": "not enough"}
    hidden = {**bare, "note": "suppressed", "n": None, "n_patients": None, "n_positive": None}
    estimates = [
        each.model_copy(update={"VI": hidden, "V": bare}[each.level])
        if each.level in ("VI", "V")
        else each
        for each in report.estimates
    ]
    findings = [
        each.model_copy(update={**bare, "p_value": None, "p_adjusted": None, "n_positive": None})
        for each in report.findings
    ]
    levels = [
        each.model_copy(update=dict.fromkeys(("n_cases", "n_patients", "n_labelled", "n_urgent")))
        for each in report.levels
    ]
    rendered = render_all(
        report.model_copy(
            update={
                "estimates": estimates,
                "findings": findings,
                "levels": levels,
                "public": True,
                "n_cases": None,
                "n_patients": None,
                "n_labelled": None,
            }
        )
    )
    rows = [row for table in Page(rendered["report.html"]).tables for row in table]
    assert any(row[0] == "VI" and row[2].startswith("suppressed") for row in rows)
    assert any(row[0] == "V" and row[2].startswith("undefined") for row in rows)
    assert "suppressedinthiscopy" in pdf_text(rendered["report.pdf"])


def test_a_long_table_of_the_pdf_says_where_its_rest_is(report, monkeypatch):
    monkeypatch.setattr("triage.reports.render.pdf.MOST_ROWS", 7)
    text = pdf_text(render_all(report)["report.pdf"])
    assert f"Rows8to{len(report.levels)}arenotprintedhere;tables/levels.csv" in text


def test_each_table_with_a_key_has_its_file(report, rendered):
    keys = {
        block.key
        for section in build_document(report).sections
        for block in section.blocks
        if isinstance(block, Table) and block.key
    }
    assert {f"tables/{key}.csv" for key in keys} <= set(rendered)
    rows = list(csv.reader(io.StringIO(rendered["tables/verdicts.csv"].decode())))
    assert len(rows) == 1 + len(report.plan.limits)
    assert all(len(row) == len(rows[0]) for row in rows)


def test_the_schema_file_is_current_and_reports_follow_it(rendered):
    text = files("data_specs").joinpath(SCHEMA_NAME).read_text(encoding="utf-8")
    assert text == schema_text(), (
        "write triage.reports.render.json_schema.schema_text() to the file"
    )
    jsonschema.validate(json.loads(rendered["report.json"]), json.loads(text))
