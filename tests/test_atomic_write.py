from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from triage.atomic_write import whole_file


def test_it_appears_when_all_went_well(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.txt"
    with whole_file(target) as partial:
        partial.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("before")

    def half_a_write() -> None:
        with whole_file(target) as partial:
            partial.write_text("half")
            raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        half_a_write()
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def _write_and_be_killed(target: Path) -> int:
    """Write half of a file in a process that is killed, and return the process's number."""
    code = (
        "import os, pathlib, signal, sys\n"
        "from triage.atomic_write import whole_file\n"
        "with whole_file(pathlib.Path(sys.argv[1])) as partial:\n"
        "    partial.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[1]
    with subprocess.Popen([sys.executable, "-c", code, str(target)], cwd=root) as process:
        assert process.wait() != 0
    return process.pid


def test_what_a_killed_process_left_is_deleted_with_the_next_write(tmp_path: Path) -> None:
    target = tmp_path / "file[1].txt"
    killed = _write_and_be_killed(target)
    left = tmp_path / f".{target.name}.{killed}.partial"
    assert list(tmp_path.iterdir()) == [left]
    with whole_file(target) as partial:
        partial.write_text("whole")
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_text() == "whole"


def test_what_is_not_left_over_is_kept(tmp_path: Path) -> None:
    killed = _write_and_be_killed(tmp_path / "other.txt")
    running = tmp_path / f".file.txt.{os.getppid()}.partial"
    not_ours = tmp_path / f".file.txt.{killed}x.partial"
    for path in (running, not_ours):
        path.write_text("kept")
    with whole_file(tmp_path / "file.txt") as partial:
        partial.write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {
        "file.txt", f".other.txt.{killed}.partial", running.name, not_ours.name,
    }  # fmt: skip


def test_in_a_folder_of_many_files_it_is_deleted_in_the_end(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"{number}.txt").touch()
    target = tmp_path / "file.txt"
    with whole_file(target) as partial:
        partial.write_text("before")
    left = tmp_path / f".file.txt.{_write_and_be_killed(target)}.partial"
    for _ in range(6):
        with whole_file(target) as partial:
            partial.write_text("whole")
    assert not left.exists()
