from __future__ import annotations

import pytest

from pipelines.terminal.progress_bars import progress_bars


def test_a_stage_that_comes_again_starts_anew(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bars() as report:
        report("training", 3, 3)
        report("training", 1, 5)
        report("scoring", 2, 2)
    shown = capsys.readouterr().err
    assert shown.count("training") == 1
    assert "1/5" in shown
    assert "2/2" in shown


def test_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bars(quiet=True) as report:
        report("training", 1, 2)
    assert capsys.readouterr().err == ""
