from __future__ import annotations

import numpy as np
import pytest
import torch

from triage.data.roles import RoleDraw
from triage.heads import HEADS, OUTLIER_CLASS, Head, HeadKind
from triage.losses import cross_entropy, hod_loss

DRAW = RoleDraw(("a", "b", "c"), ("x", "y"), ("v",), ("t",), seed=0)


def test_classes_of_each_head() -> None:
    assert HEADS[HeadKind.SOFTMAX].classes(DRAW) == ("a", "b", "c")
    assert HEADS[HeadKind.REJECT].classes(DRAW) == ("a", "b", "c", OUTLIER_CLASS)
    assert HEADS[HeadKind.HOD].classes(DRAW) == ("a", "b", "c", "x", "y")


@pytest.mark.parametrize(
    ("kind", "targets"),
    [
        (HeadKind.SOFTMAX, {"b": 1, "x": None, "y": None}),
        (HeadKind.REJECT, {"b": 1, "x": 3, "y": 3}),
        (HeadKind.HOD, {"b": 1, "x": 3, "y": 4}),
    ],
)
def test_targets(kind: HeadKind, targets: dict[str, int | None]) -> None:
    assert {name: HEADS[kind].target(name, DRAW) for name in targets} == targets


@pytest.mark.parametrize("kind", HeadKind)
def test_what_a_head_says_of_itself_is_so(kind: HeadKind) -> None:
    design = HEADS[kind]
    classes = design.classes(DRAW)
    network = design.build(4, 3, len(classes), hidden=6, dropout=0.1)
    assert design.info.perceptron == (type(network) is Head)
    logits = network.eval()(torch.randn(2, 4))
    assert design.info.has_outlier_mass == (logits.shape[1] > 3)
    assert design.info.has_outlier_class == (OUTLIER_CLASS in classes)
    assert design.info.class_per_outlier == (classes[3:] == DRAW.train)


@pytest.mark.parametrize("kind", HeadKind)
@pytest.mark.parametrize("held_out", ["v", "t", "never heard of"])
def test_held_out_conditions_never_have_a_target(kind: HeadKind, held_out: str) -> None:
    assert HEADS[kind].target(held_out, DRAW) is None


def test_only_hod_has_the_coarse_term() -> None:
    logits, targets = torch.randn(6, 5), torch.tensor([0, 1, 2, 3, 4, 0])
    plain = cross_entropy(logits, targets)
    assert torch.equal(HEADS[HeadKind.SOFTMAX].loss(logits, targets, 3), plain)
    assert torch.equal(HEADS[HeadKind.REJECT].loss(logits, targets, 3), plain)
    assert torch.equal(HEADS[HeadKind.HOD].loss(logits, targets, 3), hod_loss(logits, targets, 3))


def test_standardising() -> None:
    embeddings = torch.randn(200, 7) * torch.arange(1, 8) + torch.arange(7)
    embeddings[:, 3] = 5.0  # a constant feature must not divide by zero
    head = Head(7, 4, hidden=0, dropout=0.0)
    head.standardise_by(embeddings)
    seen = (embeddings - head.centre) / head.scale
    rest = [0, 1, 2, 4, 5, 6]
    assert torch.allclose(seen.mean(0), torch.zeros(7), atol=1e-5)
    assert np.allclose(seen[:, rest].numpy().std(axis=0), 1, atol=1e-5)
    assert torch.isfinite(head(embeddings)).all()


def test_statistics_travel_with_the_weights() -> None:
    head, other = Head(3, 2, hidden=4), Head(3, 2, hidden=4)
    head.standardise_by(torch.randn(20, 3) + 8)
    other.load_state_dict(head.state_dict())
    x = torch.randn(5, 3)
    assert torch.equal(head.eval()(x), other.eval()(x))


@pytest.mark.parametrize("hidden", [0, 6])
def test_shapes(hidden: int) -> None:
    assert Head(5, 3, hidden=hidden)(torch.randn(2, 5)).shape == (2, 3)
