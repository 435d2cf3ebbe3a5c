from __future__ import annotations

from pathlib import Path

import pytest
import torch

from triage.errors import UsageError
from triage.models.tensor_file import load_tensors, save_tensors

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor(3), "c": torch.zeros(0, 4)}
HEADER = {"epoch": 3, "best": float("inf"), "names": ["ü"]}


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.safetensors"
    save_tensors(path, TENSORS, HEADER)
    tensors, header = load_tensors(path) or ({}, {})
    assert header == HEADER
    assert tensors.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        assert torch.equal(tensors[name], value)
        assert tensors[name].dtype == value.dtype
    assert [found.name for found in path.parent.iterdir()] == ["x.safetensors"]


def test_any_flipped_byte_makes_it_unread(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_tensors(path, TENSORS, HEADER)
    sound = path.read_bytes()
    for place in range(len(sound)):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        found = load_tensors(path)
        if found is not None:  # a blank of the header's padding
            assert found[1] == HEADER
            assert all(torch.equal(found[0][name], value) for name, value in TENSORS.items())


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff" * 100])
def test_other_files_are_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    assert load_tensors(path) is None
    assert load_tensors(tmp_path / "absent") is None
    assert load_tensors(tmp_path) is None


def test_no_place_to_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written to"):
        save_tensors(tmp_path / "file" / "x", TENSORS, HEADER)
