"""Candidates with hyper-parameters of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

import triage.systems.photographs.plan as module
from tests.tiny import tiny_settings
from triage.data.dataset import Dataset
from triage.models.hyperparameters import varied
from triage.models.settings import FitSettings
from triage.systems.photographs.training import train_pool


@pytest.mark.parametrize("mode", ["embed", "finetune"])
def test_every_candidate_is_fitted_with_its_own(
    mode: str,
    monkeypatch: pytest.MonkeyPatch,
    phantom_data: Dataset,
    tiny_hf: Path,
    session_cache: Path,
    tmp_path: Path,
) -> None:
    seen: list[tuple[FitSettings, str]] = []

    def recording(*_: object, settings: FitSettings, checkpoint: Path, **__: object) -> float:
        seen.append((settings, checkpoint.name))
        return 1.0

    monkeypatch.setattr(module, "fit", recording)
    for hyperparameters in ("varied", "fixed"):
        settings = tiny_settings(
            tiny_hf, mode=mode, members=3, seed=5, hyperparameters=hyperparameters
        )
        train_pool(phantom_data, settings, cache_folder=session_cache, checkpoints=tmp_path)
        if hyperparameters == "varied":
            expected = [varied(settings, seed).fit for seed in (5, 6, 7)]
        else:
            expected = [settings.fit] * 3
        assert [fit for fit, _ in seen] == expected
        assert len({name for _, name in seen}) == 3  # no candidate takes up another's checkpoint
        seen.clear()
