"""OCTMNIST: one `.npz` with images and labels of three splits; exported once as PNG files."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from PIL import Image

from triage.errors import ImageRejected, SpecError
from triage.hashing import hash_bytes, hash_file
from triage.oct_imaging.zip_archive import open_zip
from triage.public_sets.bscan_table import PUBLISHED_SPLITS, BscanRow, copies_joined, write_table
from triage.regular_file import open_regular

CLASSES = ("CNV", "DME", "DRUSEN", "NORMAL")
"""Condition of each label: 0 to 3."""
MAX_IMAGES = 200_000
MAX_SIDE = 512
_MAX_MEMBERS = 64
_DAMAGED = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)
_DIGITS = 12


def write_manifest(root: Path) -> Path:
    """Export the images of the one `octmnist*.npz` in `root` and write their manifest.

    Images become PNG files below `octmnist_<hash of the npz>/`, one by one, so memory does not
    grow with their number. An export that is there already is not repeated.

    Raises
    ------
    SpecError
        If there is not one such file, or it is not as published: wrong members, types, shapes
        or labels, truncated, or more than `MAX_IMAGES` images or `MAX_SIDE` pixels a side.
    """
    archives = sorted(root.glob("octmnist*.npz"))
    if len(archives) != 1:
        raise SpecError(
            f"holds {len(archives)} files octmnist*.npz",
            where=str(root),
            hint="Put one of them, of one size, into a folder of its own.",
        )
    source = archives[0]
    try:
        folder = root / f"octmnist_{hash_file(source)[:_DIGITS]}"
        rows = _export(source, folder)
    except (ImageRejected, *_DAMAGED) as error:
        raise SpecError(
            "is not a readable OCTMNIST archive, or its folder cannot be written to",
            where=source.name,
            hint="Download it again, or make the folder writable.",
        ) from error
    return write_table(root, copies_joined(rows), ())


def _export(source: Path, folder: Path) -> list[BscanRow]:
    """Write the images unless they exist; the folder is created atomically."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    done = folder.is_dir()
    rows = []
    try:
        for split, number, label, pixels in _images(source):
            image = Path(split, f"{number:06d}.png")
            if not done:
                (partial / split).mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(partial / image)
            rows.append(
                BscanRow(
                    image=(folder.name / image).as_posix(),
                    condition=CLASSES[label],
                    published_split=split,
                    content=hash_bytes(pixels.tobytes())[:16],
                )
            )
        if not done:
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return rows


def _images(source: Path) -> Iterator[tuple[str, int, int, NDArray[np.uint8]]]:
    """Yield (split, number, label, pixels) of every image of the archive."""
    with open_regular(source) as stream, open_zip(stream, _MAX_MEMBERS) as archive:
        for name, split in PUBLISHED_SPLITS.items():
            labels = [int(label[0]) for label in _members(archive, f"{name}_labels.npy", sides=1)]
            if set(labels) - {*range(len(CLASSES))}:
                raise SpecError(f"{name}_labels are not all 0 to 3", where=source.name)
            pictures = _members(archive, f"{name}_images.npy", sides=2)
            for number, (label, pixels) in enumerate(zip(labels, pictures, strict=True)):
                yield split, number, label, pixels


def _members(archive: zipfile.ZipFile, member: str, *, sides: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the items of a uint8 array in an archive without ever holding all of it.

    Raises
    ------
    ValueError
        If the header is not that of such an array, or a list of too many or too large items.
    EOFError
        If the member ends early.
    """
    with archive.open(member) as stream:
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        (count, *shape), fortran, kind = read_header(stream)
        if kind != np.uint8 or fortran or len(shape) != sides:
            raise ValueError(member)
        if count > MAX_IMAGES or not all(1 <= side <= MAX_SIDE for side in shape):
            raise ValueError(member)
        size = int(np.prod(shape))
        for _ in range(count):
            data = stream.read(size)
            if len(data) != size:
                raise EOFError(member)
            yield np.frombuffer(data, dtype=np.uint8).reshape(shape)
