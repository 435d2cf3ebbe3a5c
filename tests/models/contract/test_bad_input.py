"""What training is given by mistake: clear words instead of a traceback, or no harm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from tests.models.contract.problem import (
    DRAW,
    SETTINGS,
    cases,
    learned,
    loss_of,
    new_cases,
)
from tests.tiny import tiny_settings
from triage.data.dataset import Dataset
from triage.data.roles import RoleDraw
from triage.errors import TrainingError
from triage.heads import HEADS, HeadKind
from triage.losses import CRITERIA
from triage.models.case_inputs import EmbeddingInputs
from triage.models.settings import TrainSettings
from triage.models.training import Labelled, fit, predict_logits
from triage.systems.fix_policy import few_outliers
from triage.systems.photographs.plan import TrainingPlan
from triage.systems.photographs.training import train_pool

PERCEPTRONS = (HeadKind.SOFTMAX, HeadKind.REJECT, HeadKind.HOD, HeadKind.OUTLIER_EXPOSURE)
every = pytest.mark.parametrize("kind", HEADS)
learners = pytest.mark.parametrize("kind", [k for k, d in HEADS.items() if d.info.learns_outliers])


def with_outliers(dataset: Dataset, *train: str) -> Dataset:
    """The same cases under a draw with other training outliers."""
    return replace(dataset, draw=replace(dataset.draw, train=train))


@learners
def test_no_outlier_condition(kind: HeadKind, phantom_data: Dataset) -> None:
    bare = with_outliers(phantom_data)
    with pytest.raises(TrainingError) as caught:
        TrainingPlan.of(bare, tiny_settings("none", head=kind), bare.of_split("train"))
    assert f"the head {kind} learns from outliers" in str(caught.value)
    assert "outlier_train" in str(caught.value)
    assert "that needs no outliers: softmax, " in str(caught.value)


@pytest.mark.parametrize("kind", [k for k, d in HEADS.items() if not d.info.learns_outliers])
def test_others_do_without(kind: HeadKind, phantom_data: Dataset) -> None:
    bare = with_outliers(phantom_data)
    opened = bare.of_split("train", "validation")
    plan = TrainingPlan.of(bare, tiny_settings("none", head=kind), opened)
    assert set(plan.train_targets.tolist()) == set(range(len(bare.draw.inliers)))


@learners
def test_one_outlier_condition_trains_with_a_note(
    kind: HeadKind, phantom_data: Dataset, tiny_hf: Path, session_cache: Path, tmp_path: Path
) -> None:
    one = with_outliers(phantom_data, phantom_data.draw.train[0])
    settings = tiny_settings(tiny_hf, head=kind, members=1)
    pool = train_pool(one, settings, cache_folder=session_cache, checkpoints=tmp_path)
    (matrix,) = pool.validation.values()
    logits = predict_logits(pool.members[0].head, EmbeddingInputs(torch.from_numpy(matrix)))
    assert logits.isfinite().all()
    assert logits.shape[1] == len(HEADS[kind].classes(one.draw))
    assert "Only 1 outlier condition" in few_outliers(one, kind, "outlier_mass")


@every
@pytest.mark.parametrize("criterion", CRITERIA)
def test_one_inlier_condition(kind: HeadKind, criterion: str) -> None:
    design = HEADS[kind]
    if design.info.own_loss and criterion != "cross_entropy":
        return
    draw = RoleDraw(("a",), ("u",), (), (), seed=0)
    rows, targets = cases(("a",), 20, 0), [0] * 20
    if design.info.learns_outliers:
        rows, targets = torch.cat([rows, cases(("u",), 10, 1)]), targets + [1] * 10
    torch.manual_seed(0)
    network = design.build(2, 1, len(design.classes(draw)), hidden=4, dropout=0.1)
    network.standardise_by(rows)
    function = CRITERIA[criterion].function
    fit(
        network,
        Labelled(EmbeddingInputs(rows), torch.tensor(targets)),
        Labelled(EmbeddingInputs(cases(("a",), 8, 2)), torch.zeros(8, dtype=torch.long)),
        loss=lambda outputs, truth: design.loss(outputs, truth, 1, function),
        n_inliers=1,
        settings=SETTINGS.model_copy(update={"epochs": 2}),
        seed=0,
    )
    network.finish(rows[:20], torch.zeros(20, dtype=torch.long))
    logits = predict_logits(network, EmbeddingInputs(cases(("a",), 5, 3)))
    assert logits.shape == (5, len(design.classes(draw)))
    assert logits.isfinite().all()


@every
@pytest.mark.parametrize("hidden", [0, 16])
def test_an_exploding_loss_names_the_setting(kind: HeadKind, hidden: int) -> None:
    far_too_high = SETTINGS.model_copy(update={"learning_rate": 1e6})
    with pytest.raises(TrainingError) as caught:
        learned(kind, settings=far_too_high, hidden=hidden)
    assert str(caught.value).startswith("learning_rate 1e+06: ")
    assert "Lower the learning rate." in str(caught.value)


def test_a_loss_that_stays_finite_but_absurd_names_the_setting() -> None:
    too_high = SETTINGS.model_copy(update={"learning_rate": 1e3, "epochs": 5})
    with pytest.raises(TrainingError, match=r"^learning_rate 1000: .* never came below \d.*Lower"):
        learned(HeadKind.SOFTMAX, settings=too_high)


@every
def test_too_few_cases(kind: HeadKind) -> None:
    alone = Labelled(EmbeddingInputs(cases(DRAW.inliers, 1, 0)), torch.zeros(1, dtype=torch.long))
    network = HEADS[kind].build(2, 3, 4, hidden=4, dropout=0.0)
    with pytest.raises(TrainingError, match="1 training and 60 validation cases are too few"):
        fit(
            network, alone, new_cases(2),
            loss=loss_of(HEADS[kind]), n_inliers=3, settings=SETTINGS, seed=0,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        *(
            ({"head": kind, "criterion": "focal"}, f"the head {kind} has a loss of its own")
            for kind, design in HEADS.items()
            if design.info.own_loss
        ),
        ({"mode": "finetune", "mixing": "mixup"}, "mixing and posterior are for frozen embeddings"),
        ({"mode": "finetune", "posterior": "swag"}, "are for frozen embeddings"),
        ({"mode": "finetune", "head": "introspective"}, "is for frozen embeddings"),
        *(
            (
                {"head": kind, "posterior": key},
                f"the posterior {key} needs a plain perceptron, which the head {kind} is not: "
                "choose softmax, reject, hod, outlier_exposure, or another posterior",
            )
            for kind in HEADS
            for key in ("mc_dropout", "laplace", "batch_ensemble", "rank_one", "mimo")
            if kind not in PERCEPTRONS
        ),
        ({"posterior": "mc_dropout", "dropout": 0}, "mc_dropout needs dropout above 0"),
        ({"criterion": "foca"}, "there is no criterion 'foca'. Did you mean focal?"),
        ({"mixing": "mixupp"}, "there is no mixing 'mixupp'. Did you mean mixup?"),
        ({"posterior": "swg"}, "there is no posterior 'swg'. Did you mean swag?"),
        ({"head": "hodd"}, "'softmax', 'reject', 'hod'"),
    ],
)
def test_settings_that_do_not_go_together(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TrainSettings(backbones=("hf:none",), **wrong)
    assert message in str(caught.value)


def test_a_backbone_whose_weights_changed_is_not_read_from_the_cache(
    phantom_data: Dataset, tmp_path: Path
) -> None:
    """Same folder, same name, other weights: embeddings and checkpoints of before are not used."""
    from tests.tiny import write_resnet

    def validation(name: str) -> torch.Tensor:
        settings = tiny_settings(tmp_path / "net", members=1)
        pool = train_pool(
            phantom_data, settings, cache_folder=tmp_path / name, checkpoints=tmp_path / "c"
        )
        (matrix,) = pool.validation.values()
        return torch.from_numpy(matrix)

    write_resnet(tmp_path / "net", seed=0)
    before = validation("shared")
    write_resnet(tmp_path / "net", seed=1)
    after = validation("shared")
    assert not torch.allclose(before, after)
    assert torch.equal(after, validation("fresh"))
    assert len(list((tmp_path / "c").iterdir())) == 2
