"""The files of a bundle: all lie inside its folder, and the manifest lists each with its hash.

What a bundle's digest covers is what its manifest lists. A link, or a name such as ``../x``, would
let a system use bytes that no hash covers, so both are refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from triage.errors import BundleError
from triage.hashing import hash_file
from triage.systems.manifest import BundleManifest

MANIFEST = "manifest.json"
_RESTORE = "Do not use it; restore it from a copy or train again."


def is_inside(name: str) -> bool:
    """Whether a name is that of a file below a folder, written with ``/``, on every system.

    Absolute paths, ``.`` and ``..``, doubled or trailing slashes, backslashes, colons (drives of
    Windows) and null characters are refused.
    """
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and ".." not in path.parts
        and str(path) == name
        and not any(mark in name for mark in "\\:\0")
    )


def check_names(folder: Path, manifest: BundleManifest) -> None:
    """Check that a manifest names no file outside its bundle, and lists every file that it uses.

    Parameters
    ----------
    folder : Path
        The bundle, for messages; nothing is read.
    manifest : BundleManifest

    Raises
    ------
    BundleError
        Which names every name that is refused.
    """
    used = {entry.weights for entry in manifest.members}
    keys = {*manifest.backbones, *(entry.backbone for entry in manifest.members)}
    outside = {name for name in used | manifest.files.keys() if not is_inside(name)}
    outside |= {key for key in keys if not is_inside(key) or "/" in key}
    if outside:
        raise BundleError(
            f"its manifest has names that may lead out of the bundle: {_listed(outside)}",
            where=str(folder),
            hint=_RESTORE,
        )
    if unlisted := used - manifest.files.keys():
        raise BundleError(
            f"its manifest uses files that it lists no hash of: {_listed(unlisted)}",
            where=str(folder),
            hint=_RESTORE,
        )


def check_files(folder: Path, manifest: BundleManifest) -> None:
    """Compare the files of a bundle's folder with its manifest: names first, then hashes.

    Raises
    ------
    BundleError
        If one is a link, a pipe, a socket or a device, is missing, altered or not listed; names
        every one.
    """
    try:
        found = list_files(folder)
        wrong = manifest.files.keys() ^ found
        # Files that are not listed are not read: nothing bounds their size.
        wrong |= {
            name
            for name in manifest.files.keys() & found
            if hash_file(folder / name) != manifest.files[name]
        }
    except OSError as error:
        raise BundleError("has a file that cannot be read", where=str(folder)) from error
    if wrong:
        raise BundleError(
            f"does not match its manifest: {_listed(wrong)}", where=str(folder), hint=_RESTORE
        )


def list_files(folder: Path) -> set[str]:
    """Names of all files of a bundle but its manifest, such as ``members/a.safetensors``.

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
            f"has symbolic links in it: {_listed(links)}",
            where=str(folder),
            hint="Put the files themselves in their place.",
        )
    others = {name for name, entry in entries if not entry.is_file(follow_symlinks=False)}
    if others:
        raise BundleError(
            f"has pipes, sockets or devices in it: {_listed(others)}",
            where=str(folder),
            hint=_RESTORE,
        )
    return {name for name, _ in entries} - {MANIFEST}


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


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
