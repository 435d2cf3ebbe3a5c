"""Whatever is done to the archive of a report, the verifier notices it."""

from __future__ import annotations

import ast
import io
import json
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipelines.cli.audit_verify import audit_verify
from tests.reports.small_audit import PLAN, audit_report, report_files
from triage.errors import UsageError
from triage.hashing import hash_bytes
from triage.ledger.canonical import canonical_text
from triage.ledger.keys import SigningKey, make_key
from triage.reports import verify_report
from triage.reports.archive import make_archive
from triage.reports.audit_report import AuditReport
from triage.reports.verify_report import build_archive, examine, read_keys, read_members, verify

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("verify")


@pytest.fixture(scope="module")
def key(folder: Path) -> SigningKey:
    return make_key(folder / "report.key")


@pytest.fixture(scope="module")
def archive(key: SigningKey) -> bytes:
    report = audit_report()
    return make_archive(report_files(report), report, key)


@pytest.fixture
def problems(tmp_path: Path, key: SigningKey) -> Callable[[bytes], list[str]]:
    """Verify some bytes as an archive; what is printed besides is of one line each."""

    def check(data: bytes) -> list[str]:
        path = tmp_path / "audit.zip"
        path.write_bytes(data)
        return verify(path, key.public)

    return check


Check = Callable[[bytes], list[str]]


def signed(members: Members, key: SigningKey) -> bytes:
    """An archive of some members with a right signature."""
    sig = key.private.sign(members["manifest.json"])
    return build_archive({**members, "manifest.sig": sig})


def relisted(members: Members, key: SigningKey, **changes: Any) -> bytes:
    """An archive of some members whose manifest lists them, signed."""
    manifest = json.loads(members["manifest.json"])
    manifest["members"] = {
        name: {"sha256": hash_bytes(content), "size": len(content)}
        for name, content in members.items()
        if not name.startswith("manifest.")
    }
    text = canonical_text(manifest | changes).encode()
    return signed({**members, "manifest.json": text}, key)


def test_an_archive_as_it_was_made_is_verified(archive: bytes, problems: Check) -> None:
    assert problems(archive) == []


def test_the_verifier_needs_only_the_standard_library_and_cryptography() -> None:
    tree = ast.parse(Path(verify_report.__file__).read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [each.name for each in node.names]
        )
    }
    assert imported - sys.stdlib_module_names == {"cryptography"}


# Bytes of the archive


@pytest.mark.parametrize(
    "name",
    [
        "report.html", "report.pdf", "report.json", "tables/findings.csv", "manifest.json",
        "manifest.sig",
    ],
)  # fmt: skip
@pytest.mark.parametrize("right_checksum", [False, True])
def test_a_changed_byte_in_each_kind_of_member(
    name: str, right_checksum: bool, archive: bytes, problems: Check
) -> None:
    members = read_members(archive)
    content = members[name]
    changed = content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]
    if right_checksum:
        found = problems(build_archive({**members, name: changed}))
    else:
        found = problems(archive.replace(content, changed))
    assert len(found) == 1
    assert name in found[0]


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject, archive: bytes, problems: Check) -> None:
    at = data.draw(st.integers(0, len(archive) - 1))
    change = data.draw(st.integers(1, 255))
    changed = bytearray(archive)
    changed[at] ^= change
    assert problems(bytes(changed)) != []


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_cut_or_inserted_bytes_are_noticed(
    data: st.DataObject, archive: bytes, problems: Check
) -> None:
    at = data.draw(st.integers(0, len(archive)))
    if data.draw(st.booleans()):
        changed = archive[:at] + data.draw(st.binary(min_size=1, max_size=40)) + archive[at:]
    else:
        changed = archive[:at] + archive[at + data.draw(st.integers(1, 2000)) :]
    assert changed == archive or problems(changed) != []


def test_every_single_byte_is_noticed(archive: bytes, key: SigningKey, folder: Path) -> None:
    path = folder / "each.zip"
    for at in range(0, len(archive), 7):
        changed = bytearray(archive)
        changed[at] ^= 0x20
        path.write_bytes(changed)
        assert verify(path, key.public), at


@pytest.mark.parametrize("kept", [0, 3, 100, -1, -22, -23, -200])
def test_a_truncated_archive(kept: int, archive: bytes, problems: Check) -> None:
    assert problems(archive[:kept]) != []


@pytest.mark.parametrize(
    ("before", "after"), [(b"x", b""), (b"", b"x"), (b"PK\3\4", b""), (b"", b"PK\5\6" + 18 * b"\0")]
)
def test_bytes_before_and_after(
    before: bytes, after: bytes, archive: bytes, problems: Check
) -> None:
    assert problems(before + archive + after) != []


def test_bytes_between_the_members(archive: bytes, problems: Check) -> None:
    second = archive.index(b"PK\3\4", 4)
    assert problems(archive[:second] + b"hidden" + archive[second:]) != []


def test_a_comment_of_the_zip(archive: bytes, problems: Check) -> None:
    assert problems(archive[:-2] + struct.pack("<H", 3) + b"abc") != []


def rewritten(archive: bytes, change: Callable[[zipfile.ZipInfo], None], method: int = 0) -> bytes:
    """The members written by another program with something else in their headers."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        for name, content in read_members(archive).items():
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.external_attr, member.create_system = 0o100644 << 16, 3
            change(member)
            written.writestr(member, content, method)
    return out.getvalue()


def _date(member: zipfile.ZipInfo) -> None:
    member.date_time = (2024, 1, 1, 0, 0, 0)


def _extra(member: zipfile.ZipInfo) -> None:
    member.extra = b"\xfe\xca\2\0ab"


def _comment(member: zipfile.ZipInfo) -> None:
    member.comment = b"hidden"


def _link(member: zipfile.ZipInfo) -> None:
    member.external_attr = 0o120777 << 16


def _system(member: zipfile.ZipInfo) -> None:
    member.create_system = 0


def _executable(member: zipfile.ZipInfo) -> None:
    member.external_attr = 0o100755 << 16


def test_the_rewriting_of_these_tests_alone_changes_nothing(archive: bytes) -> None:
    assert rewritten(archive, lambda _: None) == archive


@pytest.mark.parametrize("change", [_date, _extra, _comment, _link, _system, _executable])
def test_other_headers(
    change: Callable[[zipfile.ZipInfo], None], archive: bytes, problems: Check
) -> None:
    assert problems(rewritten(archive, change)) != []


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_members(method: int, archive: bytes, problems: Check) -> None:
    (found,) = problems(rewritten(archive, lambda _: None, method))
    assert "is compressed" in found


def test_a_zip_bomb_is_refused_without_being_expanded(problems: Check) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("manifest.json", bytes(50_000_000))
    (found,) = problems(out.getvalue())
    assert "is compressed" in found


def test_a_file_larger_than_the_limit_is_not_read(
    archive: bytes, problems: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_report, "MOST_ARCHIVE_BYTES", len(archive) - 1)
    (found,) = problems(archive)
    assert "is larger than" in found


def test_more_members_than_allowed(
    archive: bytes, problems: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_report, "MOST_MEMBERS", 3)
    (found,) = problems(archive)
    assert "more than 3 members" in found


def test_encrypted_members(archive: bytes, problems: Check) -> None:
    changed = bytearray(archive)
    changed[6] |= 1
    (found,) = problems(bytes(changed))
    assert "is encrypted" in found


def test_a_directory_that_tells_of_other_members_than_there_are(
    archive: bytes, problems: Check
) -> None:
    at = archive.index(b"PK\1\2")
    for changed in (b"reporu.html", b"Report.html"):
        assert problems(archive[:at] + archive[at:].replace(b"report.html", changed)) != []
    assert problems(archive[:at] + archive[at:].replace(b"report.html", b"report.htm/")) != []


# Names


@pytest.mark.parametrize(
    "name",
    [
        "../report.json", "/report.json", "C:\\report.json", "a\\b", "tables/../x", "./x", "x/",
        "tables//x", "rep\u043ert.json", "report\u200b.json", "report.json\0", "a\nb", "-x",
        "a" * 300,
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_or_deceive(
    name: str, archive: bytes, key: SigningKey, problems: Check
) -> None:
    with zipfile.ZipFile(io.BytesIO(archive)) as read:
        members = {each: read.read(each) for each in read.namelist()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        for each, content in sorted({**members, name: b"x"}.items()):
            member = zipfile.ZipInfo("placeholder", (1980, 1, 1, 0, 0, 0))
            member.filename = each
            member.external_attr, member.create_system = 0o100644 << 16, 3
            written.writestr(member, content)
    assert problems(out.getvalue()) != []


def test_duplicate_members(archive: bytes, problems: Check) -> None:
    end = archive.index(b"PK\3\4", 4)
    (found,) = problems(archive[:end] + archive)
    assert "is there twice" in found


def test_names_that_differ_in_case_only(archive: bytes, problems: Check) -> None:
    changed = archive.replace(b"report.pdf", b"Report.htm")
    members = read_members(archive)
    members["Report.html"] = members["report.html"]
    with pytest.raises(ValueError, match="upper and lower case"):
        build_archive(members)
    assert problems(changed) != []


def test_members_in_another_order(archive: bytes, problems: Check) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        for name, content in reversed(read_members(archive).items()):
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.external_attr, member.create_system = 0o100644 << 16, 3
            written.writestr(member, content)
    (found,) = problems(out.getvalue())
    assert "order" in found


# Members against the manifest


def test_a_member_added(archive: bytes, problems: Check) -> None:
    members = read_members(archive)
    assert problems(build_archive({**members, "new.html": b"x"})) == [
        "new.html is not in the manifest"
    ]


def test_a_member_removed(archive: bytes, problems: Check) -> None:
    members = read_members(archive)
    del members["report.pdf"]
    assert problems(build_archive(members)) == ["report.pdf is missing"]


def test_a_member_renamed(archive: bytes, problems: Check) -> None:
    members = read_members(archive)
    members["summary.pdf"] = members.pop("report.pdf")
    assert len(problems(build_archive(members))) == 2


def test_two_members_swapped(archive: bytes, problems: Check) -> None:
    members = read_members(archive)
    members["report.pdf"], members["report.html"] = members["report.html"], members["report.pdf"]
    assert len(problems(build_archive(members))) == 2


def test_a_changed_manifest(archive: bytes, problems: Check) -> None:
    members = read_members(archive)
    members["manifest.json"] = members["manifest.json"].replace(b'"full"', b'"fall"')
    (found,) = problems(build_archive(members))
    assert "signature" in found


def test_a_manifest_that_is_not_signed_is_not_parsed(archive: bytes, problems: Check) -> None:
    members = read_members(archive)
    members["manifest.json"] = b"[" * 100_000
    (found,) = problems(build_archive(members))
    assert "signature" in found


@pytest.mark.parametrize("text", [b"[" * 100_000, b"[]", b"\xff", b"", b'{"a": NaN}', b"{}"])
def test_a_signed_manifest_that_is_none(
    text: bytes, archive: bytes, key: SigningKey, problems: Check
) -> None:
    members = {**read_members(archive), "manifest.json": text}
    assert problems(signed(members, key)) != []


def test_a_manifest_with_a_key_twice_or_spaces(
    archive: bytes, key: SigningKey, problems: Check
) -> None:
    members = read_members(archive)
    text = members["manifest.json"]
    for changed in (text.replace(b"{", b'{"kind":"full",', 1), text.replace(b":", b": ", 1)):
        found = problems(signed({**members, "manifest.json": changed}, key))
        assert found == ["the manifest is not in canonical form"]


def test_a_changed_signature(archive: bytes, problems: Check) -> None:
    members = read_members(archive)
    for changed in (b"", bytes(64), members["manifest.sig"][:-1], members["manifest.sig"] + b"x"):
        (found,) = problems(build_archive({**members, "manifest.sig": changed}))
        assert "signature" in found


def test_another_key(archive: bytes, tmp_path: Path, key: SigningKey) -> None:
    other = make_key(tmp_path / "other.key")
    (tmp_path / "audit.zip").write_bytes(archive)
    (found,) = verify(tmp_path / "audit.zip", other.public)
    assert "another signer" in found
    resigned = signed(read_members(archive), other)
    (tmp_path / "audit.zip").write_bytes(resigned)
    assert "another signer" in verify(tmp_path / "audit.zip", key.public)[0]
    assert verify(tmp_path / "audit.zip", other.public) == [
        "the manifest names another key than the one that signed it"
    ]


def test_an_archive_without_a_signature_is_not_verified(problems: Check) -> None:
    report = audit_report()
    (found,) = problems(make_archive(report_files(report), report, None))
    assert "unsigned" in found


def test_a_signature_that_was_taken_away(archive: bytes, problems: Check) -> None:
    members = read_members(archive)
    del members["manifest.sig"]
    assert any("unsigned" in each for each in problems(build_archive(members)))


def test_an_older_export_under_a_new_name(archive: bytes, key: SigningKey, tmp_path: Path) -> None:
    path = tmp_path / "audit-2027.zip"
    path.write_bytes(archive)
    found = examine(path, [key.public], expect_report="ab" * 8, expect_plan="cd" * 32)
    assert len(found.problems) == 2
    assert found.facts["report_id"] == PLAN.sha256()[:16]
    assert found.facts["date"] == "2026-05-01T12:00:00+00:00"
    right = examine(path, [key.public], PLAN.sha256()[:16], PLAN.sha256())
    assert right.problems == []


# What the report says


def with_report(report: AuditReport, key: SigningKey, **changes: bytes) -> bytes:
    """A signed archive of a report that was changed after its manifest was made."""
    original = audit_report()
    members = read_members(make_archive(report_files(original), original, key))
    return relisted({**members, **report_files(report), **changes}, key)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"report_id": "0" * 16}, "report_id"),
        ({"plan_sha256": "0" * 64}, "plan_sha256"),
        ({"generated_at": "2027-01-01"}, "date"),
        ({"public": True}, "kind"),
        ({"facts": {}}, "facts"),
    ],
)
def test_a_report_that_is_not_the_one_of_the_manifest(
    change: dict[str, Any], what: str, key: SigningKey, problems: Check
) -> None:
    assert problems(with_report(audit_report(**change), key)) == [
        f"{what} in report.json is not that of the manifest"
    ]


def test_a_plan_that_does_not_have_its_hash(key: SigningKey, problems: Check) -> None:
    plan = PLAN.model_copy(update={"source": "somebody else"})
    report = audit_report().model_copy(update={"plan": plan})
    (found,) = problems(with_report(report, key))
    assert "hash" in found


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"meets", b"fails"), (b",300,", b",301,"), (b"male", b"Male"), (b"0.8125", b"0.8126")],
)
def test_a_table_with_other_numbers_than_the_report(
    old: bytes, new: bytes, key: SigningKey, problems: Check
) -> None:
    report = audit_report()
    members = read_members(make_archive(report_files(report), report, key))
    table = members["tables/findings.csv"]
    assert old in table
    found = problems(relisted({**members, "tables/findings.csv": table.replace(old, new)}, key))
    assert found
    assert all("tables/findings.csv" in each for each in found)


def test_a_table_with_a_row_less_or_none(key: SigningKey, problems: Check) -> None:
    report = audit_report()
    members = read_members(make_archive(report_files(report), report, key))
    shorter = members["tables/findings.csv"].rpartition(b"\noverall")[0]
    assert problems(relisted({**members, "tables/findings.csv": shorter}, key)) != []
    del members["tables/findings.csv"]
    assert problems(relisted(members, key)) == ["tables/findings.csv is missing"]


# Keys and the command


def test_each_way_to_give_the_key(archive: bytes, key: SigningKey, folder: Path) -> None:
    path = folder / "audit.zip"
    path.write_bytes(archive)
    pem = folder / "key.pem"
    public = key.private.public_key()
    pem.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    listed = folder / "trusted.txt"
    listed.write_text(f"# two keys\n{'0' * 64}\n\n{key.public} # ours\n")
    for given_key in (key.public, key.public.upper(), folder / "report.key.pub", pem, listed):
        assert verify(path, given_key) == []


@pytest.mark.parametrize("content", [b"", b"# none\n", b"abc\n", b"\xff\xfe", b"-----BEGIN x"])
def test_a_file_that_holds_no_key(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ValueError, match="key"):
        read_keys(tmp_path / "key")


def test_a_private_key_is_refused(folder: Path, key: SigningKey) -> None:
    with pytest.raises(ValueError, match="private key"):
        read_keys(folder / "report.key")


def test_folders_and_absent_files(tmp_path: Path, key: SigningKey) -> None:
    assert verify(tmp_path, key.public) != []
    assert verify(tmp_path / "absent.zip", key.public) != []
    with pytest.raises(ValueError, match="the key"):
        read_keys(tmp_path / "absent")


def alone(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the verifier as it stands beside an archive: without this project."""
    words = [sys.executable, "-I", verify_report.__file__, *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_the_file_alone_is_a_command(archive: bytes, key: SigningKey, folder: Path) -> None:
    path = folder / "alone.zip"
    path.write_bytes(archive)
    done = alone(path, folder / "report.key.pub")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"report_id: {PLAN.sha256()[:16]}" in done.stdout
    assert "\nVERIFIED" in done.stdout
    assert alone(path, folder / "report.key.pub", "--expect-plan", "0" * 64).returncode == 4
    path.write_bytes(archive[:-1])
    done = alone(path, folder / "report.key.pub")
    assert (done.returncode, done.stderr) == (4, "")
    assert "problem: " in done.stdout
    assert "NOT VERIFIED" in done.stdout
    assert alone(path, "no key").returncode == 2
    assert alone(path).returncode == 2


def test_the_verb(archive: bytes, key: SigningKey, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(audit_verify)
    path = tmp_path / "audit.zip"
    path.write_bytes(archive)
    run = CliRunner().invoke(app, [str(path), "--public-key", key.public, "--json"])
    assert run.exit_code == 0
    value = json.loads(run.stdout)
    assert (value["verified"], value["problems"]) == (True, [])
    assert value["report_id"] == PLAN.sha256()[:16]
    path.write_bytes(archive + b"x")
    run = CliRunner().invoke(app, [str(path), "--public-key", key.public])
    assert run.exit_code == 4
    assert "NOT VERIFIED" in run.stdout
    run = CliRunner().invoke(app, [str(path), "--public-key", "abc"])
    assert isinstance(run.exception, UsageError)
