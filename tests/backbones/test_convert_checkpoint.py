from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from triage.backbones.convert_checkpoint import (
    MAX_BYTES,
    NESTED,
    checkpoint_tensors,
    convert_checkpoint,
    read_checkpoint,
)
from triage.errors import TrainingError
from triage.hashing import hash_file

TENSORS = {"a.weight": torch.arange(6.0).view(2, 3).T, "n": torch.tensor(3)}


def saved(content: Any) -> bytes:
    stream = BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def checkpoint(path: Path, content: Any) -> Path:
    path.write_bytes(saved(content))
    return path


# The tensors


@pytest.mark.parametrize("content", [TENSORS, *({key: TENSORS, "epoch": 3} for key in NESTED)])
def test_the_dictionary_of_tensors(content: Any) -> None:
    found = checkpoint_tensors(saved(content))
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[name], value) for name, value in TENSORS.items())


class _RunsCode:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


def test_code_is_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    with pytest.raises(TrainingError, match="objects other than tensors"):
        checkpoint_tensors(saved({"a": _RunsCode(marker)}))
    assert not marker.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": torch.ones(1), "epoch": 3}, "'epoch' is no tensor but of type int"),
        ({"model": {"a": "text"}}, "'a' is no tensor but of type str"),
        ({3: torch.ones(1)}, "3 is no tensor"),
        ([torch.ones(1)], "no dictionary of tensors"),
        (torch.ones(1), "no dictionary of tensors"),
        ({}, "no dictionary of tensors"),
    ],
)
def test_what_is_no_dictionary_of_tensors(content: Any, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        checkpoint_tensors(saved(content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": torch.eye(3).to_sparse()}, "'a' is sparse"),
        ({"a": torch.empty(3, device="meta")}, "'a' holds no numbers"),
        ({"a": torch.quantize_per_tensor(torch.eye(3), 0.1, 0, torch.quint8)}, "'a' is quantized"),
        ({"a": torch.zeros(3, dtype=torch.complex64)}, "'a' is complex"),
        ({"a": torch.tensor([1.0, float("nan")])}, "'a' holds numbers that are not finite"),
        ({"a": torch.tensor([1.0, float("inf")])}, "'a' holds numbers that are not finite"),
        ({"\ud800": torch.ones(1)}, "not UTF-8"),
        ({"a" * 5000: 3}, r"^'a{119}\.\.\. is no tensor"),
    ],
)
def test_tensors_that_no_network_has(content: Any, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        checkpoint_tensors(saved(content))


@pytest.mark.parametrize("content", [b"", b"text", saved(TENSORS)[:500], bytes(1000)])
def test_damage(content: bytes) -> None:
    with pytest.raises(TrainingError, match=r"^damaged, or .*Export the tensors"):
        checkpoint_tensors(content)


# The file


def test_files_that_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="No such file"):
        read_checkpoint(tmp_path / "absent.pth", "")
    os.mkfifo(tmp_path / "pipe.pth")
    for path in (tmp_path, tmp_path / "pipe.pth"):
        with pytest.raises(TrainingError, match="cannot be read"):
            read_checkpoint(path, "")
    path = tmp_path / "large.pth"
    path.touch()
    os.truncate(path, MAX_BYTES + 1)  # sparse: it takes no space
    with pytest.raises(TrainingError, match="larger than 4 GiB"):
        read_checkpoint(path, "")


# In the child process


def refusal(path: Path, out: Path, **given: Any) -> TrainingError:
    """The error; nothing is left in the folder of the output."""
    with pytest.raises(TrainingError) as found:
        convert_checkpoint(path, out, **given)
    assert not out.parent.exists() or [*out.parent.iterdir()] == []
    assert found.value.hint
    assert found.value.where == str(path)
    return found.value


def test_tensors_are_written_as_they_are(tmp_path: Path) -> None:
    value = torch.ones(3)
    content = {**TENSORS, "shared": value, "part": value[:2]}
    path = checkpoint(tmp_path / "net.pth", content)
    out = tmp_path / "out" / "net.safetensors"
    convert_checkpoint(path, out, sha256=hash_file(path))
    found = load_file(out)
    assert found.keys() == content.keys()
    assert all(torch.equal(found[name], value) for name, value in content.items())
    assert [*out.parent.iterdir()] == [out]


def test_a_file_that_nobody_trusts(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "net.pth", TENSORS)
    assert "--trust-checkpoint" in str(refusal(path, tmp_path / "out" / "x"))


def test_another_file_than_the_pinned_one(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "net.pth", TENSORS)
    error = refusal(path, tmp_path / "out" / "x", sha256="0" * 64)
    assert "not the expected file" in error.what
    assert hash_file(path) in error.what


def test_objects_in_a_trusted_file(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "net.pth", {"a": _RunsCode(tmp_path / "marker")})
    assert "objects other than tensors" in refusal(path, tmp_path / "out" / "x", trust=True).what
    assert not (tmp_path / "marker").exists()


def test_a_small_file_of_a_large_tensor(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "net.pth", {"a": torch.ones(1).expand(10**13)})
    assert "more memory or time" in refusal(path, tmp_path / "out" / "x", trust=True).what


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "net.pth", TENSORS)
    with pytest.raises(OSError, match=r"net\.pth"):
        convert_checkpoint(path, path / "out.safetensors", trust=True)
