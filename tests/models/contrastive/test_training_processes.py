"""Two processes must compute what one would."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, multiprocessing, nn

from triage.errors import TrainingError
from triage.models.contrastive.nt_xent import nt_xent
from triage.models.contrastive.training_processes import Processes, gather_rows, joined_processes

CASES, PIXELS, WIDTH = 6, 5, 4


def problem() -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(PIXELS, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH))
    first, second = torch.randn(2, CASES, PIXELS)
    return network, first, second


def gradients(network: nn.Module) -> dict[str, Tensor]:
    return {
        name.removeprefix("module."): value.grad
        for name, value in network.named_parameters()
        if value.grad is not None
    }


def one_of_two(rank: int, port: int, folder: Path) -> None:
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    with joined_processes("cpu") as processes:
        save_file(computed(processes), folder / f"{rank}.safetensors")
        processes.wait()


def computed(processes: Processes) -> dict[str, Tensor]:
    """What one process sees of the problem that both share."""
    network, first, second = problem()
    for value in network.parameters():  # whatever the others begin with, all begin as the first
        value.data.add_(processes.rank)
    network = processes.share(network)
    ours = slice(processes.rank, None, 2)
    loss = nt_xent(network(first[ours]), network(second[ours]))
    loss.backward()
    rows, start = gather_rows(torch.full((2, 1), float(processes.rank)))
    return {
        "loss": torch.tensor(processes.mean(float(loss.detach()))),
        "rows": rows,
        "start": torch.tensor(start),
        "least": torch.tensor(processes.least(5 - processes.rank)),
        "total": processes.total(torch.tensor([processes.rank, 10])),
        **{f"gradient/{name}": value for name, value in gradients(network).items()},
    }


def test_two_processes_are_one(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    multiprocessing.spawn(one_of_two, (port, tmp_path), nprocs=2)
    network, first, second = problem()
    loss = nt_xent(network(first), network(second))
    loss.backward()
    for rank in range(2):
        found = load_file(tmp_path / f"{rank}.safetensors")
        assert float(found["loss"]) == pytest.approx(loss.item(), rel=1e-5)
        for name, value in gradients(network).items():
            assert torch.allclose(found[f"gradient/{name}"], value, atol=1e-6), name
        assert found["rows"].flatten().tolist() == [0, 0, 1, 1]
        assert int(found["start"]) == 2 * rank
        assert int(found["least"]) == 4
        assert found["total"].tolist() == [1, 20]


def test_alone_nothing_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined_processes("cpu") as processes:
        assert processes == Processes()
        assert processes.first
        assert (processes.least(3), processes.mean(0.5)) == (3, 0.5)
        network = nn.Linear(2, 2)
        assert processes.share(network) is network
    rows = torch.ones(2, 2)
    assert gather_rows(rows) == (rows, 0)


def test_half_a_group_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(TrainingError, match="torchrun"), joined_processes("cpu"):
        pass


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu_is_a_clear_error() -> None:
    with pytest.raises(TrainingError, match="0 GPUs"), joined_processes("cuda"):
        pass
