"""The archive of a report: the same bytes for the same report, a plain zip for everybody else."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
import rfc8785

from tests.reports.small_audit import audit_report, report_files
from triage.errors import UsageError
from triage.hashing import hash_bytes
from triage.ledger.keys import SigningKey, make_key
from triage.reports.archive import make_archive


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return make_key(tmp_path_factory.mktemp("key") / "report.key")


def opened(archive: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(archive))


def test_two_runs_give_the_same_bytes_in_any_order_of_the_files(key: SigningKey) -> None:
    report = audit_report()
    files = report_files(report)
    turned = dict(reversed(files.items()))
    assert make_archive(files, report, key) == make_archive(turned, report, key)


def test_it_is_a_zip_of_stored_members_with_fixed_dates(key: SigningKey) -> None:
    report = audit_report()
    files = report_files(report)
    with opened(make_archive(files, report, key)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted([*files, "manifest.json", "manifest.sig"])
        assert {name: archive.read(name) for name in files} == files
        for member in archive.infolist():
            assert member.date_time == (1980, 1, 1, 0, 0, 0)
            assert (member.compress_type, member.create_system) == (zipfile.ZIP_STORED, 3)
            assert (member.external_attr >> 16, member.extra, member.comment) == (
                0o100644,
                b"",
                b"",
            )


def test_it_is_what_the_standard_library_writes(key: SigningKey) -> None:
    report = audit_report()
    archive = make_archive(report_files(report), report, key)
    again = io.BytesIO()
    with opened(archive) as read, zipfile.ZipFile(again, "w", zipfile.ZIP_STORED) as written:
        for name in read.namelist():
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.external_attr, member.create_system = 0o100644 << 16, 3
            written.writestr(member, read.read(name))
    assert archive == again.getvalue()


def test_the_manifest_is_canonical_and_lists_every_other_member(key: SigningKey) -> None:
    report = audit_report()
    files = report_files(report)
    with opened(make_archive(files, report, key)) as archive:
        text, signature = archive.read("manifest.json"), archive.read("manifest.sig")
    manifest = json.loads(text)
    assert rfc8785.dumps(manifest) == text
    assert manifest["members"] == {
        name: {"sha256": hash_bytes(content), "size": len(content)}
        for name, content in files.items()
    }
    assert manifest["plan_sha256"] == report.plan.sha256()
    assert manifest["report_id"] == report.report_id
    assert manifest["date"] == "2026-05-01T12:00:00+00:00"
    assert manifest["facts"] == report.facts
    assert (manifest["kind"], manifest["public_key_id"]) == ("full", key.id)
    assert manifest["ledger"]["kind"] == "none"
    key.private.public_key().verify(signature, text)


def test_without_a_key_there_is_no_signature() -> None:
    report = audit_report(public=True)
    with opened(make_archive(report_files(report), report, None)) as archive:
        assert "manifest.sig" not in archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["kind"], manifest["public_key_id"]) == ("public", None)


@pytest.mark.parametrize(
    "name", ["../a", "/a", "a\\b", "a//b", ".a", "a/../b", "naïve.csv", "a b", "", "a/"]
)
def test_names_that_do_not_belong_in_an_archive_are_refused(name: str) -> None:
    report = audit_report()
    with pytest.raises(UsageError, match="is not allowed"):
        make_archive({**report_files(report), name: b""}, report, None)


def test_names_that_differ_in_case_only_are_refused() -> None:
    report = audit_report()
    with pytest.raises(UsageError, match="upper and lower case"):
        make_archive({**report_files(report), "Report.json": b""}, report, None)


def test_nothing_of_it_names_the_place_it_was_made_at(key: SigningKey, tmp_path: Path) -> None:
    report = audit_report()
    assert str(tmp_path.parent).encode() not in make_archive(report_files(report), report, key)
