"""Task of contrastive learning for the training loop."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from triage.models.case_inputs import ImageInputs
from triage.models.contrastive.nt_xent import nt_xent
from triage.models.contrastive.positive_pairs import positive_pairs
from triage.models.contrastive.random_views import random_views
from triage.models.contrastive.settings import PretrainSettings
from triage.models.contrastive.training_processes import Processes


class ContrastiveTask:
    """Two views of each case, and the loss of identifying them among those of other cases.

    Parameters
    ----------
    training, held_out : ImageInputs
        This process's share of the cases. Where shares differ, all use as many as the smallest
        has, since processes take every step together.
    settings : PretrainSettings
    processes : Processes
    """

    def __init__(
        self,
        training: ImageInputs,
        held_out: ImageInputs,
        settings: PretrainSettings,
        processes: Processes,
    ) -> None:
        self.training = training
        self.held_out = held_out
        self.settings = settings
        self.processes = processes
        self._length = processes.least(len(training))
        self._held_out_length = processes.least(len(held_out))

    def __len__(self) -> int:
        return self._length

    def batch(self, index: Tensor, generator: torch.Generator) -> tuple[Tensor, None]:
        """Return the first views of some training cases, then the second, float [2 B, 3, S, S]."""
        return self._views(self.training, index, generator), None

    def loss(self, outputs: Tensor, targets: None) -> Tensor:
        """Return the NT-Xent loss of projections [2 B, P]."""
        first, second = outputs.chunk(2)
        return nt_xent(first, second, self.settings.temperature)

    def validate(self, network: nn.Module) -> float:
        """Return the loss on the held-out cases, with the same views every time."""
        network.eval()
        generator = torch.Generator().manual_seed(self.settings.seed)
        everything = torch.arange(self._held_out_length)
        parts = everything.tensor_split(max(1, len(everything) // self.settings.fit.batch_size))
        total = 0.0
        with torch.no_grad():
            for index in parts:
                outputs = network(self._views(self.held_out, index, generator)).float()
                total += len(index) * float(self.loss(outputs, None))
        return self.processes.mean(total / len(everything))

    def _views(self, inputs: ImageInputs, index: Tensor, generator: torch.Generator) -> Tensor:
        start = (torch.cumsum(inputs.counts, 0) - inputs.counts)[index]
        different = self.settings.method == "micle"
        pair = positive_pairs(inputs.counts[index], generator, different=different)
        rows = torch.cat([start + place for place in pair])
        images = inputs.images[rows].to(self.processes.device)
        pixels = random_views(images, self.settings.views, generator)
        mean, std = (
            torch.tensor(values, device=pixels.device).view(1, 3, 1, 1)
            for values in (inputs.preprocessing.mean, inputs.preprocessing.std)
        )
        return ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)
