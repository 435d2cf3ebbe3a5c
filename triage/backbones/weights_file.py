"""Weights and descriptions of networks, read from regular files only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from triage.regular_file import NotRegularError, open_regular, read_regular

MAX_JSON_BYTES = 16 << 20
"""Of a description or configuration of a network; transformers' have some kilobytes."""


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises
    ------
    OSError
        If it is missing, or a folder, a pipe, a socket or a device.
    SafetensorError
        If it is damaged.
    """
    with open_regular(path):  # opening a pipe would wait for ever
        return load_file(path)


def read_description(path: Path) -> str:
    """Read the JSON text that describes a network.

    Raises
    ------
    OSError
        As `load_weights`, or if the file is too large.
    UnicodeDecodeError
        If it is not UTF-8.
    """
    return read_regular(path, MAX_JSON_BYTES).decode("utf-8")


def check_files(folder: Path) -> None:
    """Refuse a folder that holds anything but files and folders, before a library opens it.

    Raises
    ------
    NotRegularError
    """
    for place in folder.iterdir():
        mode = os.stat(place).st_mode if place.exists() else stat.S_IFREG  # a link to nothing
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise NotRegularError("holds a pipe, a socket or a device")
