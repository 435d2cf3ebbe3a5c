from __future__ import annotations

from pathlib import Path

from tests.soak.monitoring_kills import killed, prepare, undisturbed


def test_killed_runs_of_monitoring_end_as_undisturbed_ones(tmp_path: Path) -> None:
    """A short version of `python -m tests.soak monitoring_kills`."""
    prepare(tmp_path / "data")
    wanted, _ = undisturbed(tmp_path / "data", tmp_path / "calm")
    assert wanted[1]
    assert wanted[2] == []
    kills: list[tuple[int, float | None]] = [(5, None), (99, None), (17, None)]
    assert killed(tmp_path / "data", tmp_path / "run", list(kills)) == wanted
