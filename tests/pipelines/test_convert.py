"""`triage convert-checkpoint`: what it writes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.pipelines.command import Command


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "net.pth"
    torch.save({"model": {"a": torch.arange(3)}}, path)
    return path


def test_a_trusted_checkpoint_is_converted(
    checkpoint: Path, triage: Command, tmp_path: Path
) -> None:
    out = tmp_path / "net.safetensors"
    answer = triage("convert-checkpoint", checkpoint, out, "--trust-checkpoint", "--json")
    assert (answer.code, answer.json) == (0, {"out": str(out)})
    assert load_file(out)["a"].tolist() == [0, 1, 2]


def test_what_it_refuses(checkpoint: Path, triage: Command, tmp_path: Path) -> None:
    out = tmp_path / "net.safetensors"
    for arguments, message in (
        ((checkpoint, out), "--trust-checkpoint"),
        ((checkpoint, tmp_path / "net.bin", "--trust-checkpoint"), ".safetensors"),
        ((checkpoint, checkpoint / "x.safetensors", "--trust-checkpoint"), "cannot be written"),
        ((tmp_path / "absent.pth", out, "--trust-checkpoint"), "No such file"),
    ):
        answer = triage("convert-checkpoint", *arguments)
        assert answer.code == 2
        assert message in answer.err
    assert [*tmp_path.glob("*net*")] == [checkpoint]
