"""Logits of several networks of one architecture on the same embeddings, computed in one call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from triage.errors import UsageError
from triage.heads.mlp import Head


def batched_logits(heads: Sequence[nn.Module], embeddings: Tensor) -> Tensor:
    """Logits of every network in evaluation mode.

    Parameters
    ----------
    heads : sequence of Module, length M
        Each maps embeddings to logits [N, C]. They are left in evaluation mode; one that is
        listed twice is run once.
    embeddings : float32 Tensor [N, D]

    Returns
    -------
    float32 Tensor [M, N, C]
        Equal to a loop's results, up to rounding. Perceptrons that standardise equally share one
        product for all their first layers; others of one architecture are stacked by
        `torch.func`, and networks that are alone are simply called.

    Raises
    ------
    UsageError
        If there is no network, or they differ in their classes.
    """
    if not heads:
        raise UsageError("there is no network to run")
    distinct = list(dict.fromkeys(heads))
    groups: dict[Hashable, list[nn.Module]] = defaultdict(list)
    for head in distinct:
        groups[_architecture(head.eval())].append(head)
    logits: dict[nn.Module, Tensor] = {}
    with torch.no_grad():
        for group in groups.values():
            logits.update(zip(group, _of_group(group, embeddings), strict=True))
    if len({found.shape[1] for found in logits.values()}) > 1:
        raise UsageError("the networks have different numbers of classes")
    return torch.stack([logits[head] for head in heads])


def _of_group(group: Sequence[nn.Module], embeddings: Tensor) -> Tensor:
    if len(group) == 1:
        alone: Tensor = group[0](embeddings)[None]
        return alone
    perceptrons = [head for head in group if type(head) is Head]
    if len(perceptrons) == len(group) and _standardise_alike(perceptrons):
        return _perceptron_logits(perceptrons, embeddings)
    return _stacked_logits(group, embeddings)


def _architecture(head: nn.Module) -> Hashable:
    """Attributes in which networks must agree to be run together: shapes and settings."""
    shapes = tuple((name, value.shape, value.dtype) for name, value in head.state_dict().items())
    settings = tuple(
        (name, key, repr(value))
        for name, part in head.named_modules()
        if not isinstance(part, nn.Dropout)  # does nothing in evaluation mode
        for key, value in sorted(vars(part).items())
        if isinstance(value, str | int | float | tuple | None)
    )
    return type(head), shapes, settings


def _standardise_alike(heads: Sequence[Head]) -> bool:
    first = heads[0]
    return all(
        torch.equal(head.centre, first.centre) and torch.equal(head.scale, first.scale)
        for head in heads[1:]
    )


def _perceptron_logits(heads: Sequence[Head], embeddings: Tensor) -> Tensor:
    """Logits [M, N, C]: first layers as one matrix product, others as batched products."""
    layers = [[part for part in head.layers if isinstance(part, nn.Linear)] for head in heads]
    first, *rest = zip(*layers, strict=True)
    weight = torch.cat([layer.weight for layer in first])
    bias = torch.cat([layer.bias for layer in first])
    x = nn.functional.linear(heads[0].standardised(embeddings), weight, bias)
    x = x.unflatten(1, (len(heads), -1)).transpose(0, 1)
    for layer in rest:
        weights = torch.stack([part.weight for part in layer])
        biases = torch.stack([part.bias for part in layer])
        x = torch.baddbmm(biases[:, None], x.relu(), weights.transpose(1, 2))
    return x


def _stacked_logits(heads: Sequence[nn.Module], embeddings: Tensor) -> Tensor:
    """Logits [M, N, C] by `torch.func`."""
    parameters, buffers = stack_module_state(list(heads))
    skeleton = deepcopy(heads[0]).to("meta")

    def call(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        logits: Tensor = functional_call(skeleton, (parameters, buffers), (embeddings,))
        return logits

    stacked: Tensor = torch.vmap(call)(parameters, buffers)
    return stacked
