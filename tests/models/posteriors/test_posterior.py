from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load, save

from tests.models.posteriors.problem import (
    CLASSES,
    WIDTH,
    accuracy,
    three_classes,
    trained_head,
    trained_together,
)
from triage.errors import TrainingError, UsageError
from triage.heads.head import HeadNetwork
from triage.heads.mlp import Head
from triage.losses.cross_entropy import cross_entropy
from triage.posteriors import POSTERIORS, AfterTraining, JointNetwork, TrainedTogether

AFTER = [key for key, kind in POSTERIORS.items() if issubclass(kind, AfterTraining)]
TOGETHER = [key for key, kind in POSTERIORS.items() if issubclass(kind, TrainedTogether)]


def members_of(key: str, hidden: int = 8, seed: int = 0) -> list[HeadNetwork]:
    posterior = POSTERIORS[key]()
    if isinstance(posterior, TrainedTogether):
        network = trained_together(posterior, 3, hidden)
        return [*posterior.members(network, n_members=3, seed=seed)]
    embeddings, targets = three_classes()
    return posterior.members(
        trained_head(hidden), embeddings, targets, loss=cross_entropy, n_members=3, seed=seed
    )


def test_the_registry() -> None:
    assert {*AFTER, *TOGETHER} == {
        *("mc_dropout", "batch_ensemble", "rank_one", "mimo", "swa", "swag", "laplace", "sgld")
    }
    for key, kind in POSTERIORS.items():
        assert kind.info.key == key
        assert kind.info.title
        assert kind.info.source
    assert [key for key, kind in POSTERIORS.items() if kind.info.one_member] == ["swa"]
    assert {key for key, kind in POSTERIORS.items() if kind.info.needs_perceptron} == {
        *("mc_dropout", "laplace", *TOGETHER)
    }
    assert [key for key, kind in POSTERIORS.items() if kind.info.needs_dropout] == ["mc_dropout"]


@pytest.mark.parametrize("key", POSTERIORS)
def test_settings_are_checked(key: str) -> None:
    with pytest.raises(ValidationError):
        POSTERIORS[key](no_such_setting=1)


@pytest.mark.parametrize("hidden", [0, 8])
@pytest.mark.parametrize("key", POSTERIORS)
def test_members_are_plain_heads_that_know_the_problem(key: str, hidden: int) -> None:
    embeddings, targets = three_classes()
    members = members_of(key, hidden)
    assert len(members) == (1 if POSTERIORS[key].info.one_member else 3)
    logits = [member(embeddings) for member in members]
    assert all(type(member) is Head and not member.training for member in members)
    assert all(found.shape == (90, CLASSES) and found.isfinite().all() for found in logits)
    mean = torch.stack(logits).softmax(2).mean(0)
    # One linear layer cannot keep MIMO's inputs apart.
    assert accuracy(mean, targets) > (0.9 if key != "mimo" or hidden else 0.5)
    if len(logits) > 1:
        assert not torch.allclose(logits[0], logits[1], atol=1e-3)


@pytest.mark.parametrize("key", POSTERIORS)
def test_a_seed_gives_the_same_members_again_and_another_others(key: str) -> None:
    embeddings, _ = three_classes()
    first, again, other = (members_of(key, seed=seed)[-1](embeddings) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    if key not in ("batch_ensemble", "mimo"):  # trained, not drawn
        assert not torch.equal(first, other)


@pytest.mark.parametrize("key", AFTER)
def test_the_trained_head_stays_as_it_is(key: str) -> None:
    head = trained_head()
    before = {name: value.clone() for name, value in head.state_dict().items()}
    posterior = POSTERIORS[key]()
    assert isinstance(posterior, AfterTraining)
    posterior.members(head, *three_classes(), loss=cross_entropy, n_members=2, seed=0)
    assert all(torch.equal(before[name], value) for name, value in head.state_dict().items())
    assert not head.training


@pytest.mark.parametrize("key", POSTERIORS)
def test_a_member_survives_its_file(key: str) -> None:
    embeddings, _ = three_classes()
    member = members_of(key)[-1]
    opened = Head(WIDTH, CLASSES, hidden=8).eval()
    opened.load_state_dict(load(save(member.state_dict())))
    assert torch.equal(opened(embeddings), member(embeddings))


@pytest.mark.parametrize("key", TOGETHER)
def test_the_joint_network_in_use_is_the_mean_of_its_members(key: str) -> None:
    posterior = POSTERIORS[key]()
    assert isinstance(posterior, TrainedTogether)
    network = trained_together(posterior, 3)
    embeddings, targets = three_classes()
    of_members = network.member_logits(embeddings).softmax(2)
    assert of_members.shape == (90, 3, CLASSES)
    assert torch.allclose(network(embeddings).exp(), of_members.mean(1), atol=1e-6)
    assert accuracy(network(embeddings), targets) > 0.9


@pytest.mark.parametrize("key", TOGETHER)
def test_every_gradient_of_the_joint_network_is_finite(key: str) -> None:
    posterior = POSTERIORS[key]()
    assert isinstance(posterior, TrainedTogether)
    for scale in (0.0, 1.0, 1e4):
        network = posterior.build(WIDTH, CLASSES, n_members=2, hidden=4, dropout=0.2).train()
        loss = posterior.loss(network, cross_entropy, 7)
        loss(network(scale * torch.randn(7, WIDTH)), torch.arange(7) % CLASSES).mean().backward()
        slopes = [value.grad for value in network.parameters()]
        assert all(slope is not None and slope.isfinite().all() for slope in slopes)


@pytest.mark.parametrize("key", TOGETHER)
def test_the_joint_loss_is_the_mean_of_the_members_own(key: str) -> None:
    posterior = POSTERIORS[key]()
    assert isinstance(posterior, TrainedTogether)
    network = posterior.build(WIDTH, CLASSES, n_members=2, hidden=4, dropout=0.0)
    outputs, targets = torch.randn(6, 2, CLASSES), torch.arange(6) % CLASSES
    found = posterior.loss(network, cross_entropy, 60)(outputs, targets)
    own = [cross_entropy(outputs[:, member], targets) for member in range(2)]
    expected = (own[0] + own[1]) / 2 + network.penalty() / 60
    assert torch.allclose(found, expected)


@pytest.mark.parametrize("key", TOGETHER)
def test_a_joint_network_needs_a_member(key: str) -> None:
    posterior = POSTERIORS[key]()
    assert isinstance(posterior, TrainedTogether)
    with pytest.raises(UsageError, match="at least one"):
        posterior.build(WIDTH, CLASSES, n_members=0, hidden=4, dropout=0.0)


@pytest.mark.parametrize("key", ["batch_ensemble", "mimo"])
def test_no_more_members_than_were_trained(key: str) -> None:
    posterior = POSTERIORS[key]()
    assert isinstance(posterior, TrainedTogether)
    network: JointNetwork = posterior.build(WIDTH, CLASSES, n_members=2, hidden=4, dropout=0.0)
    with pytest.raises(UsageError, match="built for 2"):
        posterior.members(network, n_members=3, seed=0)


class _Other(Head):
    """A head whose layers mean something else."""


@pytest.mark.parametrize("key", ["mc_dropout", "laplace"])
def test_posteriors_of_perceptrons_refuse_other_heads(key: str) -> None:
    posterior = POSTERIORS[key]()
    assert isinstance(posterior, AfterTraining)
    with pytest.raises(TrainingError, match="perceptron heads, not _Other"):
        posterior.members(
            _Other(WIDTH, CLASSES), *three_classes(), loss=cross_entropy, n_members=2, seed=0
        )


@pytest.mark.parametrize("key", ["swa", "swag", "sgld"])
def test_an_exploding_loss_stops_and_names_the_setting(key: str) -> None:
    posterior = POSTERIORS[key](learning_rate=1e38)
    assert isinstance(posterior, AfterTraining)
    with pytest.raises(TrainingError, match=r"learning_rate 1e\+38.*Lower the learning rate"):
        posterior.members(trained_head(), *three_classes(), loss=cross_entropy, n_members=2, seed=0)
