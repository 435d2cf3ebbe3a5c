from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from triage.errors import UsageError
from triage.file_lock import file_lock

HOLD = """
import sys, time
from pathlib import Path
from triage.errors import UsageError
from triage.file_lock import file_lock
with file_lock(Path(sys.argv[1]), UsageError):
    print("held", flush=True)
    time.sleep(60)
"""


def refusal(owner: str) -> UsageError:
    return UsageError(f"taken{owner}")


def test_one_process_holds_it_until_it_ends_or_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(UsageError, match=rf"taken \(process {other.pid}\)"),
            file_lock(path, refusal),
        ):
            pass
        assert path.exists()
        other.kill()
    with file_lock(path, refusal):
        assert path.read_text() == f"{os.getpid()}\n"
    assert not path.exists()


def test_it_is_given_back_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with pytest.raises(ZeroDivisionError), file_lock(path, refusal):
        raise ZeroDivisionError
    with (
        file_lock(path, refusal),
        pytest.raises(UsageError, match="taken"),
        file_lock(path, refusal),
    ):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS])
def test_a_file_system_without_locks(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, "no locks here")

    monkeypatch.setattr("triage.file_lock.fcntl.flock", refuse)
    with file_lock(tmp_path / "a.lock", refusal):
        assert (tmp_path / "a.lock").exists()


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UsageError, match="cannot be written to"),
        file_lock(tmp_path / "file" / "a", refusal),
    ):
        pass
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with (
        pytest.raises(UsageError, match="cannot be written to"),
        file_lock(tmp_path / "link", refusal),
    ):
        pass
