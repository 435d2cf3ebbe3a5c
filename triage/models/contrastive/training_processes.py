"""Distributed training: processes started by torchrun, each with its share of the cases."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn

from triage.errors import TrainingError

_PROCESSOR = torch.device("cpu")


@dataclass(frozen=True)
class Processes:
    """The group of training processes, as seen by one of them.

    Parameters
    ----------
    rank, count : int
        The number of this one, and how many there are.
    device : torch.device
        Where it computes.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = _PROCESSOR

    @property
    def first(self) -> bool:
        """Whether this process writes files and reports progress."""
        return self.rank == 0

    def total(self, values: Tensor) -> Tensor:
        """Sum over processes."""
        return self._reduced(values, distributed.ReduceOp.SUM)

    def least(self, value: int) -> int:
        """Minimum over processes."""
        return int(self._reduced(torch.tensor(value), distributed.ReduceOp.MIN))

    def mean(self, value: float) -> float:
        """Mean over processes."""
        return float(self.total(torch.tensor(value, dtype=torch.float64))) / self.count

    def wait(self) -> None:
        """Block until every process has reached this point."""
        self.least(0)

    def share(self, network: nn.Module, *, unused: bool = False) -> nn.Module:
        """Return a network with equal initial weights everywhere and averaged gradients.

        Parameters
        ----------
        network : Module
        unused : bool
            Whether some of its parameters may have no part in the output.
        """
        network = network.to(self.device)
        if self.count == 1:
            return network
        if self.device.type == "cuda":  # statistics of one process would give its pairs away
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return nn.parallel.DistributedDataParallel(network, find_unused_parameters=unused)

    def _reduced(self, values: Tensor, how: Any) -> Tensor:
        if self.count == 1:
            return values
        values = values.to(self.device)
        distributed.all_reduce(values, how)
        return values.cpu()


@contextmanager
def joined_processes(device: str) -> Iterator[Processes]:
    """Join the process group of torchrun; a single process without torchrun.

    Parameters
    ----------
    device : {'cpu', 'cuda'}
        Processes on processors talk by gloo, those on GPUs by NCCL.

    Raises
    ------
    TrainingError
        If there are fewer GPUs than processes, or the others cannot be reached.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if device == "cuda" and local >= torch.cuda.device_count():
        raise TrainingError(
            f"{torch.cuda.device_count()} GPUs are too few",
            where="device",
            hint="Set device to cpu, or start fewer processes.",
        )
    place = torch.device(device, local) if device == "cuda" else torch.device(device)
    if count == 1:
        yield Processes(device=place)
        return
    if device == "cuda":
        torch.cuda.set_device(place)
    try:
        distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    except (ValueError, RuntimeError) as error:
        raise TrainingError(
            "the other processes cannot be reached", where="WORLD_SIZE", hint="Start with torchrun."
        ) from error
    try:
        yield Processes(distributed.get_rank(), count, place)
    finally:
        gc.collect()  # networks that hold the group would keep its threads past the end
        distributed.destroy_process_group()


def gather_rows(rows: Tensor) -> tuple[Tensor, int]:
    """Return the concatenated rows of all processes, and the start of this one's.

    Gradients flow back to the process that each row came from. Every process must pass the
    same number of rows.

    Parameters
    ----------
    rows : float Tensor [B, P]

    Returns
    -------
    rows : float Tensor [processes * B, P]
    start : int
    """
    if not distributed.is_initialized():
        return rows, 0
    gathered: Tensor = _Gather.apply(rows)  # type: ignore[no-untyped-call]
    return gathered, distributed.get_rank() * len(rows)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total.chunk(distributed.get_world_size())[distributed.get_rank()]
