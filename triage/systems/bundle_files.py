"""The files in a bundle's folder, compared with a list of hashes; needs no network and no torch.

The manifest and its signature are not in the list: the manifest's own digest covers the first, and
`triage.systems.bundle_signature` reads the second.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from triage.errors import BundleError
from triage.hashing import hash_file

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
RESTORE = "Do not use it; restore it from a copy or train again."


def check_listed(folder: Path, files: Mapping[str, str]) -> None:
    """Compare the files of a bundle's folder with a list: names first, then hashes.

    Parameters
    ----------
    folder : Path
    files : mapping of str to str
        SHA-256 of every file but the manifest and its signature, by its name.

    Raises
    ------
    BundleError
        If one is a link, a pipe, a socket or a device, is missing, altered or not listed; names
        every one.
    """
    try:
        found = list_files(folder)
        wrong = files.keys() ^ found
        # Files that are not listed are not read: nothing bounds their size.
        wrong |= {name for name in files.keys() & found if hash_file(folder / name) != files[name]}
    except OSError as error:
        raise BundleError("has a file that cannot be read", where=str(folder)) from error
    if wrong:
        raise BundleError(
            f"does not match its manifest: {listed(wrong)}", where=str(folder), hint=RESTORE
        )


def list_files(folder: Path) -> set[str]:
    """Names of a bundle's files but manifest and signature, such as ``members/a.safetensors``.

    Raises
    ------
    BundleError
        If there is a link, a pipe, a socket or a device among them.
    OSError
        If a folder cannot be read.
    """
    entries = list(_entries(folder))
    links = {name for name, entry in entries if entry.is_symlink()}
    if links:
        raise BundleError(
            f"has symbolic links in it: {listed(links)}",
            where=str(folder),
            hint="Put the files themselves in their place.",
        )
    others = {name for name, entry in entries if not entry.is_file(follow_symlinks=False)}
    if others:
        raise BundleError(
            f"has pipes, sockets or devices in it: {listed(others)}",
            where=str(folder),
            hint=RESTORE,
        )
    return {name for name, _ in entries} - {MANIFEST, SIGNATURE}


def hash_files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file that `list_files` names; raises as that does."""
    return {name: hash_file(folder / name) for name in sorted(list_files(folder))}


def _entries(folder: Path, above: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything below a folder but folders; links are not followed."""
    with os.scandir(folder) as found:
        entries = list(found)
    for entry in entries:
        name = f"{above}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(folder / entry.name, f"{name}/")
        else:
            yield name, entry


def listed(names: Iterable[str]) -> str:
    """Return names in their order, for a message."""
    return ", ".join(sorted(names))
