"""Attached files: read as text, checked, refused with what is expected, printed as tables."""

import hashlib
import json

import pytest

from tests.reports.small_audit import audit_report
from triage.csv_file import csv_text
from triage.errors import UsageError
from triage.reports.attachment_blocks import attachment_blocks
from triage.reports.attachments import MAX_CELL, MAX_ROWS, TABLE_KINDS, read_attachments
from triage.reports.document import Paragraph, Table

INCIDENTS = """id,date,description,severity,status,action
7,2026-02-01,Urgent case waited,serious,closed,Threshold changed
8,2026-02-03,"Page did not load, twice",minor,open,
9,2026-02-05,Wrong eye shown,serious,open,None needed
"""
RISK = """ID;Hazard;Harm;Severity;Probability;Control;Residual risk
R1;Melanoma named naevus;Late treatment;critical;remote;Second read;acceptable
"""
APPROVALS = "name,role,meaning,date\nA. Example,quality officer,reviewed,2026-03-01\n"
CYCLONEDX = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
    "version": 1,
    "metadata": {"component": {"name": "triage", "version": "0.1.0"}},
    "components": [{"name": "a", "components": [{"name": "b"}]}, {"name": "c"}],
}
SPDX = {
    "spdxVersion": "SPDX-2.3",
    "name": "triage-0.1.0",
    "documentNamespace": "https://example.org/spdx/1",
    "packages": [{"name": "a"}, {"name": "b"}],
}


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("incidents-2026.csv", INCIDENTS, "incidents"),
        ("Risk table.csv", RISK, "risk"),
        ("approvals.csv", APPROVALS, "approvals"),
        ("table.csv", INCIDENTS, "incidents"),
        ("other.csv", RISK, "risk"),
        ("people.csv", APPROVALS, "approvals"),
        ("sbom.json", json.dumps(CYCLONEDX), "sbom"),
        ("bom.spdx.json", json.dumps(SPDX), "sbom"),
    ],
)
def test_the_kind_follows_from_name_or_columns(tmp_path, name, content, kind):
    path = write(tmp_path, name, content)
    (found,) = read_attachments([path])
    assert (found.name, found.kind) == (name, kind)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert all(list(row) == found.columns for row in found.rows)


def test_rows_are_those_of_the_file_whatever_its_spelling(tmp_path):
    plain = read_attachments([write(tmp_path, "incidents.csv", INCIDENTS)])[0]
    windows = "\ufeff" + INCIDENTS.replace("\n", "\r\n")
    other = read_attachments([write(tmp_path, "incidents2.csv", windows)])[0]
    assert other.rows == plain.rows
    assert [row["id"] for row in plain.rows] == ["7", "8", "9"]
    assert plain.rows[1]["description"] == "Page did not load, twice"
    risk = read_attachments([write(tmp_path, "risk.csv", RISK)])[0]
    assert risk.rows[0]["residual_risk"] == "acceptable"


def test_what_a_bill_of_materials_describes(tmp_path):
    one, other = read_attachments(
        [
            write(tmp_path, "sbom.json", json.dumps(CYCLONEDX)),
            write(tmp_path, "spdx.json", json.dumps(SPDX)),
        ]
    )
    assert one.rows == [
        {
            "format": "CycloneDX 1.6",
            "name": "triage",
            "version": "0.1.0",
            "serial": CYCLONEDX["serialNumber"],
            "components": "3",
        }
    ]
    assert other.rows[0]["components"] == "2"
    assert other.rows[0]["serial"] == SPDX["documentNamespace"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("incidents.csv", INCIDENTS.replace("action", "remedy"), "not known: remedy"),
        ("incidents.csv", INCIDENTS.replace("severity", "severty"), "did you mean severity"),
        ("incidents.csv", INCIDENTS.replace(",action", "").replace("status", "id"), "twice: id"),
        ("risk.csv", "id,hazard\n1,x\n", "lacks the columns harm"),
        ("notes.csv", "a,b\n1,2\n", "neither its name nor its columns"),
        ("incidents.csv", INCIDENTS.replace("2026-02-03", "3 Feb"), "row 3: date is no date"),
        ("incidents.csv", INCIDENTS.replace("\n8,", "\n,"), "row 3 has no id"),
        ("incidents.csv", INCIDENTS + "10,2026-02-05\n", "row 5 has 2 cells for 6 columns"),
        ("incidents.csv", "", "has no line of column names"),
        ("incidents.csv", INCIDENTS.encode("utf-16"), "UTF-8"),
        ("incidents.csv", INCIDENTS + '"', "is not a CSV table"),
        ("incidents.csv", INCIDENTS.replace("closed", "x" * (MAX_CELL + 1)), "more than 2000"),
        ("incidents.csv", INCIDENTS + "1,2026-01-01,d,s,s,\n" * MAX_ROWS, "at most 5000"),
        ("sbom.json", "{", "is not readable JSON"),
        ("sbom.json", "[" * 200_000, "is not readable JSON"),
        ("sbom.json", "[1]", "is not a bill of materials"),
        ("sbom.json", "{}", "neither CycloneDX nor SPDX 2"),
        ("risk.xlsx", b"PK", "neither a CSV file nor a JSON file"),
    ],
)
def test_what_does_not_fit_is_refused_and_no_cell_is_quoted(tmp_path, name, content, message):
    with pytest.raises(UsageError, match=message) as caught:
        read_attachments([write(tmp_path, name, content)])
    assert "Feb" not in str(caught.value)
    assert "Wrong eye" not in str(caught.value)


def test_a_missing_file_and_a_file_too_large(tmp_path):
    with pytest.raises(UsageError, match="no such attachment"):
        read_attachments([tmp_path / "incidents.csv"])
    with pytest.raises(UsageError, match="larger than 4 MiB"):
        read_attachments([write(tmp_path, "incidents.csv", b"a" * (5 << 20))])


def test_strange_contents_of_a_bill_of_materials_count_as_nothing(tmp_path):
    strange = {"bomFormat": "CycloneDX", "metadata": [], "components": {"a": 1}}
    (found,) = read_attachments([write(tmp_path, "sbom.json", json.dumps(strange))])
    assert found.rows[0] == {
        "format": "CycloneDX", "name": "", "version": "", "serial": "", "components": "0",
    }  # fmt: skip


def test_no_cell_becomes_a_formula_and_marked_cells_read_as_what_they_stand_for(tmp_path):
    evil = "=HYPERLINK(1)"
    text = csv_text(TABLE_KINDS["approvals"].required, [[evil, "\x1b[31m", "@x", "2026-03-01"]])
    (found,) = read_attachments([write(tmp_path, "approvals.csv", text)])
    assert found.rows[0]["name"] == evil
    assert all(value.isprintable() for value in found.rows[0].values())
    (table,) = attachment_blocks(audit_report(attachments=[found]), "approvals")
    written = csv_text([c.title for c in table.columns], [[c.value for c in table.rows[0]]])
    assert written.split("\n")[1].startswith("'=")


def test_blocks_hold_every_row_and_what_was_not_stated(tmp_path):
    paths = [
        write(tmp_path, "incidents.csv", INCIDENTS),
        write(tmp_path, "complaints.csv", INCIDENTS),
        write(tmp_path, "risk.csv", RISK),
    ]
    report = audit_report(attachments=read_attachments(paths))
    blocks = attachment_blocks(report, "incidents")
    tables = [block for block in blocks if isinstance(block, Table)]
    assert [table.key for table in tables] == ["incidents", "incidents-2"]
    assert [row[0].text for row in tables[0].rows] == ["7", "8", "9"]
    assert tables[0].rows[1][5].text == "not stated"
    assert report.attachments[0].sha256 in tables[0].note
    assert isinstance(blocks[0], Paragraph)
    assert blocks[0].text == "3 rows; by severity: minor 1, serious 2; by status: closed 1, open 2."
    assert len(attachment_blocks(report, "risk")) == 2
    assert attachment_blocks(report, "sbom") == ()
