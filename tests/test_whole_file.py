from __future__ import annotations

from pathlib import Path

import pytest

from triage.whole_file import whole_file


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
