"""Tasks that a worker can run on a file; each runs in the worker's process only."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from triage.decoding.worker.results import Result
from triage.imaging.picture import Picture
from triage.regular_file import open_regular

Announce = Callable[[str], None]
"""Takes the hash of a file as soon as it is read, before a decoder sees it."""


def picture(path: Path, announce: Announce, given: dict[str, Any]) -> Picture:
    """Decode a photograph whole; see `triage.imaging.decode.decode_picture`."""
    from triage.imaging.decode import decode_picture
    from triage.imaging.limits import Limits

    limits = Limits.model_validate(given["limits"])
    return decode_picture(
        path,
        limits,
        photographs_only=given["photographs_only"],
        root=given["root"],
        announce=announce,
    )


def resized(path: Path, announce: Announce, given: dict[str, Any]) -> Result:
    """Decode a photograph and resize its views; see `triage.imaging.resized`."""
    from triage.imaging.resized import resize_picture
    from triage.imaging.views import Views

    found = picture(path, announce, given)
    return resize_picture(found, [(size, Views(views)) for size, views in given["inputs"]])


def volume(path: Path, announce: Announce, given: dict[str, Any]) -> Result:
    """Decode a volume; see `triage.oct_imaging.decode.decode_volume`."""
    from triage.oct_imaging.decode import decode_volume
    from triage.oct_imaging.limits import VolumeLimits

    return decode_volume(path, VolumeLimits.model_validate(given["limits"]), root=given["root"])


def inspect(path: Path, announce: Announce, given: dict[str, Any]) -> Result:
    """Describe a file; see `triage.decoding.describe.describe_file`."""
    from triage.decoding.describe import describe_file
    from triage.imaging.limits import Limits
    from triage.oct_imaging.limits import VolumeLimits

    return describe_file(
        path,
        Limits.model_validate(given["limits"]),
        VolumeLimits.model_validate(given["volume_limits"]),
        photographs_only=given["photographs_only"],
        pixels=given["pixels"],
        announce=announce,
    )


TASKS: dict[str, Callable[[Path, Announce, dict[str, Any]], Result]] = {
    "picture": picture,
    "resized": resized,
    "volume": volume,
    "inspect": inspect,
}


def load_decoders(task: str, path: Path) -> None:
    """Import the modules that a task needs, so that they do not count as the file's memory."""
    head = b""
    with suppress(OSError, ValueError), open_regular(path) as stream:
        head = stream.read(4096)
    from triage.decoding.describe import may_be_volume
    from triage.imaging.decode import decoder_modules

    names = decoder_modules(head)
    if task == "volume" or (task == "inspect" and may_be_volume(path)):
        names = (*names, "triage.oct_imaging.decode")
    for name in names:
        import_module(name)
