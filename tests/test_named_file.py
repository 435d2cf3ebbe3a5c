import os
import socket
from pathlib import Path

import pytest

from triage.errors import PredictionsError, SpecError, TriageError, UsageError
from triage.named_file import open_named, read_named, read_named_text, size_text


def refused(path: Path, error: type[TriageError] = SpecError) -> str:
    with pytest.raises(error) as caught:
        read_named(path, "thing", error, 100)
    assert str(caught.value).startswith(str(path)[:5])
    return str(caught.value)


def test_a_file_within_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 99 + b"\n")
    assert read_named(path, "thing", SpecError, 100) == b"x" * 99 + b"\n"
    assert read_named_text(path, "thing", SpecError, 100) == "x" * 99 + "\n"
    with open_named(path, "thing", SpecError, 100) as stream:
        assert stream.read(2) == b"xx"


def test_a_link_to_a_file_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert read_named(tmp_path / "b", "thing", SpecError, 100) == b"x"


def test_what_is_no_file(tmp_path: Path, alarm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "there is no such thing" in refused(tmp_path / "none")
    assert "there is no such thing" in refused(tmp_path / "a\0b")
    assert "there is no such thing" in refused(tmp_path / "\ud800")
    (tmp_path / "file").write_bytes(b"")
    assert "there is no such thing" in refused(tmp_path / "file" / "below")
    assert "is a folder, a pipe" in refused(tmp_path)
    assert "is a folder, a pipe" in refused(Path("/dev/zero"))
    os.mkfifo(tmp_path / "pipe")
    assert "is a folder, a pipe" in refused(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    assert "is a folder, a pipe" in refused(tmp_path / "link")
    monkeypatch.chdir(tmp_path)  # the name of a socket has a limit
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        assert "is a folder, a pipe" in refused(Path("s"))


def test_a_file_beyond_its_limit_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as stream:
        stream.truncate(1 << 40)
    assert "larger than 100 bytes, the most that is read of a thing" in refused(tmp_path / "a")


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "a").chmod(0)
    if os.access(tmp_path / "a", os.R_OK):
        pytest.skip("this user may read everything")
    assert "cannot be read (Permission denied)" in refused(tmp_path / "a")


@pytest.mark.parametrize("error", [UsageError, PredictionsError])
def test_the_error_is_the_callers_own(tmp_path: Path, error: type[TriageError]) -> None:
    assert "no such thing" in refused(tmp_path / "none", error)


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xff\xfe")
    with pytest.raises(SpecError, match="not a readable text file in UTF-8"):
        read_named_text(tmp_path / "a", "thing", SpecError, 100)


def test_errors_of_the_block_that_are_not_of_the_file_pass(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    with (
        pytest.raises(KeyError),
        open_named(tmp_path / "a", "thing", SpecError, 100),
    ):
        raise KeyError
    with (
        pytest.raises(SpecError, match="cannot be read"),
        open_named(tmp_path / "a", "thing", SpecError, 100),
    ):
        raise OSError


def test_sizes_for_people() -> None:
    assert [size_text(n) for n in (100, 1 << 10, 256 << 20, 16 << 30)] == [
        "100 bytes", "1 KiB", "256 MiB", "16 GiB",
    ]  # fmt: skip
