from __future__ import annotations

import numpy as np
import pytest

from triage.models.hyperparameters import (
    DECAY_FACTOR,
    MOST_DROPOUT,
    MOST_SMOOTHING,
    RATE_FACTOR,
    varied,
)
from triage.models.settings import FitSettings, TrainSettings

BASE = TrainSettings(backbones=("hf:a",), hyperparameters="varied")


def test_a_seed_draws_the_same_and_seeds_draw_apart() -> None:
    assert varied(BASE, 3) == varied(BASE, 3)
    drawn = [varied(BASE, seed) for seed in range(20)]
    assert len({(each.dropout, each.fit.learning_rate) for each in drawn}) == 20


def test_only_the_four_are_drawn_and_lie_in_their_ranges_about_the_settings() -> None:
    drawn = [varied(BASE, seed) for seed in range(400)]
    rates = np.log([each.fit.learning_rate / BASE.fit.learning_rate for each in drawn])
    decays = np.log([each.fit.weight_decay / BASE.fit.weight_decay for each in drawn])
    for values, bound in ((rates, np.log(RATE_FACTOR)), (decays, np.log(DECAY_FACTOR))):
        assert np.abs(values).max() <= bound
        # Uniform: mean 0 and standard deviation bound / sqrt 3, to four standard errors.
        assert abs(values.mean()) < 4 * bound / np.sqrt(3 * 400)
        assert values.std() == pytest.approx(bound / np.sqrt(3), rel=0.1)
    for values, most in (
        ([each.fit.label_smoothing for each in drawn], MOST_SMOOTHING),
        ([each.dropout for each in drawn], MOST_DROPOUT),
    ):
        assert min(values) >= 0
        assert 0.9 * most < max(values) <= most
    fixed = {"fit": BASE.fit, "dropout": BASE.dropout}
    own = {"learning_rate", "weight_decay", "label_smoothing"}
    for each in drawn[:20]:
        assert each.model_copy(update=fixed) == BASE
        assert each.fit.model_dump(exclude=own) == BASE.fit.model_dump(exclude=own)
        assert TrainSettings.model_validate(each.model_dump()) == each


def test_what_is_switched_off_stays_off() -> None:
    plain = BASE.model_copy(update={"dropout": 0.0, "fit": FitSettings(label_smoothing=0.0)})
    for seed in range(20):
        found = varied(plain, seed)
        assert (found.dropout, found.fit.label_smoothing) == (0.0, 0.0)
