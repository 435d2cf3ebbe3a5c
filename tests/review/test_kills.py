"""A process that is killed loses no step that it had acknowledged."""

from __future__ import annotations

from pathlib import Path

from tests.review.kills import kill_again_and_again


def test_a_killed_process_loses_nothing_acknowledged(url: str, tmp_path: Path) -> None:
    assert kill_again_and_again(url, tmp_path, kills=3) > 0
