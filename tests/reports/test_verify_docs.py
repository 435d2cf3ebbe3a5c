"""The commands that the documentation gives to verify a report do what it says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import blocks, section
from tests.reports.small_audit import audit_report, report_files
from triage.ledger.keys import make_key
from triage.reports import verify_report
from triage.reports.archive import make_archive
from triage.reports.verify_report import build_archive, read_members

NEEDED = ("bash", "unzip", "openssl", "sha256sum", "basenc")
pytestmark = pytest.mark.skipif(
    any(shutil.which(name) is None for name in NEEDED), reason=f"needs {', '.join(NEEDED)}"
)
PYTHON_COMMANDS = 2
COMMANDS = blocks(section("audit", "Verify a report"), "bash")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what somebody who verifies has."""
    key = make_key(tmp_path / "audit.key")
    report = audit_report()
    (tmp_path / "audit.zip").write_bytes(make_archive(report_files(report), report, key))
    (tmp_path / "announced.txt").write_text(f"{report.report_id}\n", encoding="utf-8")
    shutil.copy(verify_report.__file__, tmp_path)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "python").symlink_to(sys.executable)
    return tmp_path


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    script = f'PATH="$PWD/programs:$PATH"\nset -o pipefail\n{command}'
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )


def change(folder: Path, **members: bytes) -> None:
    """Put other members into the archive, with right checksums."""
    path = folder / "audit.zip"
    path.write_bytes(build_archive(read_members(path.read_bytes()) | members))


def test_all_commands_succeed_on_an_archive_as_it_was_made(folder: Path) -> None:
    printed = []
    for command in COMMANDS:
        done = run(command, folder)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        printed.append(done.stdout)
    output = "".join(printed)
    assert "Signature Verified Successfully" in output
    assert "report.pdf: OK" in output
    assert f'"report_id":"{audit_report().report_id}"' in output


@pytest.mark.parametrize(
    ("name", "content", "which"),
    [
        ("manifest.json", b"{}", 1),
        ("manifest.sig", bytes(64), 1),
        ("report.pdf", b"other", 2),
        ("new.html", b"new", 3),
    ],
)
def test_the_command_for_each_kind_of_change_fails(
    name: str, content: bytes, which: int, folder: Path
) -> None:
    change(folder, **{name: content})
    shell = COMMANDS[PYTHON_COMMANDS:]
    codes = [run(command, folder).returncode for command in shell[: which + 1]]
    assert codes[:which] == [0] * which
    assert codes[which] != 0
    for command in COMMANDS[:PYTHON_COMMANDS]:
        assert run(command, folder).returncode == 4


def test_another_announced_report_is_noticed(folder: Path) -> None:
    (folder / "announced.txt").write_text("0123456789abcdef\n", encoding="utf-8")
    assert [run(command, folder).returncode for command in COMMANDS[:PYTHON_COMMANDS]] == [0, 4]
