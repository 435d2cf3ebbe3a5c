"""What holds of every posterior of the registry, through the training of a plan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.models.contract.problem import DRAW, N_INLIERS, accuracy, new_cases, training_cases
from triage.heads import HEADS, HeadKind, HeadNetwork
from triage.models.case_inputs import EmbeddingInputs
from triage.models.settings import FitSettings, TrainSettings
from triage.models.training import predict_logits
from triage.posteriors import POSTERIORS
from triage.systems.photographs.head_training import train_head
from triage.systems.photographs.plan import TrainingPlan
from triage.uncertainty.decomposition import decompose

FIT = FitSettings(epochs=20, patience=20, batch_size=32, learning_rate=2e-2)
every = pytest.mark.parametrize("key", POSTERIORS)


def members_of(
    key: str, folder: Path, *, kind: HeadKind = HeadKind.HOD, seed: int = 0, **changes: object
) -> list[HeadNetwork]:
    """Members of a head on the clouds."""
    design = HEADS[kind]
    chosen = {
        "head": kind,
        "posterior": key,
        "samples": 3,
        "hidden": 24,
        "dropout": 0.1,
        "fit": FIT,
    }
    settings = TrainSettings(backbones=("none",), **{**chosen, **changes})
    training, stopping = training_cases(design), new_cases(2)
    inputs = [
        part.inputs.batch(torch.arange(len(part.targets)), None) for part in (training, stopping)
    ]
    plan = TrainingPlan(
        settings,
        design.classes(DRAW),
        N_INLIERS,
        "digest",
        torch.arange(len(training.targets)),
        training.targets,
        len(training.targets) + torch.arange(len(stopping.targets)),
        stopping.targets,
        np.zeros(0, dtype=np.int64),
    )
    folder.mkdir(exist_ok=True)
    _, members = train_head(
        plan, EmbeddingInputs(torch.cat(inputs)), seed, folder / f"{key}-{seed}"
    )
    return members


@every
def test_members_are_networks_that_know_the_clouds(key: str, tmp_path: Path) -> None:
    members, fresh = members_of(key, tmp_path), new_cases(3, 150)
    assert len(members) == (1 if POSTERIORS[key].info.one_member else 3)
    logits = torch.stack([predict_logits(member, fresh.inputs) for member in members])
    assert all(isinstance(member, HeadNetwork) and not member.training for member in members)
    assert logits.shape == (len(members), 150, len(DRAW.classes))
    assert logits.isfinite().all()
    assert accuracy(logits.softmax(2).mean(0), fresh.targets) > 0.9
    said = decompose(logits.softmax(2).transpose(0, 1).numpy(), N_INLIERS)
    assert (said.epistemic >= 0).all()
    assert (said.aleatoric >= 0).all()
    assert np.allclose(said.total, said.aleatoric + said.epistemic)
    assert (said.epistemic.max() > 1e-6) == (len(members) > 1)


@every
def test_a_seed_decides_the_members(key: str, tmp_path: Path) -> None:
    found = [
        [
            value
            for one in members_of(key, tmp_path / name, seed=seed)
            for value in one.state_dict().values()
        ]
        for name, seed in (("a", 5), ("b", 5), ("c", 6))
    ]
    assert all(torch.equal(one, two) for one, two in zip(found[0], found[1], strict=True))
    assert not all(torch.equal(one, two) for one, two in zip(found[0], found[2], strict=True))


@every
@pytest.mark.parametrize("kind", [kind for kind in HEADS if kind != HeadKind.INTROSPECTIVE])
def test_a_head_has_its_members_or_is_refused(key: str, kind: HeadKind, tmp_path: Path) -> None:
    """Refused by the settings or not at all; never a wrong shape, a traceback or a nan."""
    short = FIT.model_copy(update={"epochs": 2})
    if POSTERIORS[key].info.needs_perceptron and not HEADS[kind].info.perceptron:
        with pytest.raises(ValidationError, match=f"the posterior {key} needs a plain perceptron"):
            members_of(key, tmp_path, kind=kind, fit=short)
        assert not list(tmp_path.iterdir())
        return
    for member in members_of(key, tmp_path, kind=kind, fit=short):
        logits = predict_logits(member, new_cases(3).inputs)
        assert logits.shape == (60, len(HEADS[kind].classes(DRAW)))
        assert logits.isfinite().all()


@every
@pytest.mark.parametrize("hidden", [0, 8])
def test_one_member_and_heads_without_a_hidden_layer(key: str, hidden: int, tmp_path: Path) -> None:
    (member,) = members_of(key, tmp_path, samples=1, hidden=hidden)
    assert predict_logits(member, new_cases(3).inputs).isfinite().all()
