"""Records of a benchmark on disk: one file per draw and method, written atomically.

A killed benchmark loses at most the method that was running. Arrays hold numbers only; clusters are
hashes, so nothing of a patient is in them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.array_file import Arrays, load_arrays, save_arrays
from triage.atomic_write import whole_file
from triage.errors import UsageError
from triage.hashing import hash_bytes, hash_json
from triage.named_file import MAX_JSON_BYTES, read_named_text

_FINGERPRINT = "protocol.json"


class Records:
    """The records of one benchmark.

    Parameters
    ----------
    folder : Path
        Made if need be.
    protocol : dict
        Everything but the methods and the number of draws that decides a record.

    Raises
    ------
    UsageError
        If the folder holds records of another protocol.
    """

    def __init__(self, folder: Path, protocol: dict[str, Any]) -> None:
        self.folder = folder
        place = folder / _FINGERPRINT
        text = json.dumps(protocol, indent=2, sort_keys=True) + "\n"
        if place.exists():
            known = _read(place)
            if hash_json(known) != hash_json(protocol):
                changed = sorted(
                    key for key in known | protocol if known.get(key) != protocol.get(key)
                )
                raise UsageError(
                    f"holds a benchmark of other {', '.join(changed)}",
                    where=str(folder),
                    hint="Choose another --out, or remove the folder.",
                )
            return
        try:
            with whole_file(place) as partial:
                partial.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(
                "cannot be written to", where=str(folder), hint="Choose another --out."
            ) from error

    @classmethod
    def existing(cls, folder: Path) -> Records:
        """Return the records of a folder whose protocol was checked before."""
        found = cls.__new__(cls)
        found.folder = folder
        return found

    def has(self, seed: int, name: str) -> bool:
        """Whether a valid record exists."""
        return self.load(seed, name) is not None

    def load(self, seed: int, name: str) -> tuple[Arrays, dict[str, Any]] | None:
        """Return (arrays, header) of a record; None if it is absent or damaged."""
        return load_arrays(self._place(seed, name))

    def save(self, seed: int, name: str, arrays: Arrays, header: dict[str, Any]) -> None:
        """Write a record."""
        save_arrays(self._place(seed, name), arrays, header)

    def _place(self, seed: int, name: str) -> Path:
        return self.folder / "records" / f"draw-{seed}" / f"{name}.safetensors"


def cluster_code(name: str) -> int:
    """Return a number that identifies a cluster in every draw without revealing its name."""
    return int(hash_bytes(name.encode())[:15], 16)


def cluster_codes(names: list[str]) -> NDArray[np.int64]:
    """Codes of clusters, int64 [N]."""
    return np.array([cluster_code(name) for name in names], dtype=np.int64)


def _read(place: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_named_text(place, "record", UsageError, MAX_JSON_BYTES))
    except (ValueError, RecursionError) as error:
        raise UsageError(
            "is damaged", where=str(place), hint="Remove the folder and run again."
        ) from error
    return found if isinstance(found, dict) else {}
