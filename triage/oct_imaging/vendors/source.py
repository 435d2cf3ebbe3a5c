"""Bounded reading of parts of untrusted files, and refusals that all vendors' readers share."""

from __future__ import annotations

import os
import struct
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from triage.errors import ImageRejected, RejectReason
from triage.imaging.decode import refusal_of
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.limits import VolumeLimits
from triage.regular_file import open_regular


class Source:
    """An open file; a part beyond its end is refused before memory is allocated.

    Parameters
    ----------
    path : Path
    limits : VolumeLimits
    root : Path, optional
        Folder that the path may not leave by links: of a file that another one names.

    Raises
    ------
    ImageRejected
        `MISSING`, also for a pipe or a device, which is never opened; `EMPTY`, `OUTSIDE_ROOT`, or
        `TOO_LARGE` by the limits.
    """

    def __init__(self, path: Path, limits: VolumeLimits, *, root: Path | None = None) -> None:
        with ExitStack() as opened:
            try:
                self._stream = opened.enter_context(open_regular(path, root=root))
            except (OSError, ValueError) as error:
                raise refusal_of(error) from None
            self.size = os.fstat(self._stream.fileno()).st_size
            if not self.size:
                raise ImageRejected(
                    RejectReason.EMPTY,
                    "The file is empty.",
                    hint="Export the scan again and check that the file was copied whole.",
                )
            limits.check_bytes(self.size)
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._opened.close()

    def read(self, offset: int, count: int) -> bytes:
        """Return exactly `count` bytes from `offset`.

        Raises
        ------
        ImageRejected
            With `RejectReason.TRUNCATED` if the file does not hold them.
        """
        self.check(offset, count)
        self._stream.seek(offset)
        data = self._stream.read(count)
        if len(data) != count:
            raise truncated()
        return data

    def check(self, offset: int, count: int) -> None:
        """Refuse a part beyond the end of the file, without reading it."""
        if offset < 0 or count < 0 or offset + count > self.size:
            raise truncated()

    def array(self, offset: int, dtype: DTypeLike, count: int) -> NDArray[Any]:
        """Return `count` numbers of one type from `offset`."""
        kind = np.dtype(dtype)
        return np.frombuffer(self.read(offset, kind.itemsize * count), kind)

    def unpack(self, layout: str, offset: int) -> tuple[Any, ...]:
        """Return the fields of a `struct` layout from `offset`."""
        return struct.unpack(layout, self.read(offset, struct.calcsize(layout)))


def truncated() -> ImageRejected:
    """Return the refusal of a truncated file."""
    return ImageRejected(
        RejectReason.TRUNCATED,
        "The file ends before its volume does.",
        hint="Copy or export the file again.",
    )


def damaged(what: str) -> ImageRejected:
    """Return the refusal of a file whose header is inconsistent."""
    return ImageRejected(RejectReason.UNREADABLE, what, hint="Export the scan again.")


def unsupported(what: str, hint: str) -> ImageRejected:
    """Return the refusal of valid content that is not a supported volume."""
    return ImageRejected(RejectReason.UNSUPPORTED_ENCODING, what, hint=hint)


def is_scale(value: float) -> bool:
    """Whether a number is a valid scale in mm per sample: from 10 nm to below 1 cm, not NaN."""
    return 1e-5 <= value < 10


def claim_mm(draft: Draft, name: str, value: float | None, source: str) -> None:
    """Add a claim on a scale in mm; None and invalid scales are ignored."""
    if value is not None and is_scale(value):
        draft.claim(name, f"{value:.7g}", source)


def device_text(raw: bytes, encoding: str = "ascii") -> str:
    """A zero-terminated device name in printable ASCII, at most 64 characters."""
    text = raw.decode(encoding, errors="ignore").split("\0")[0]
    return "".join(c for c in text if " " <= c <= "~").strip()[:64]
