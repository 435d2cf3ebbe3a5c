"""Bundles: a trained system as a directory of safetensors and JSON, verified before it is used.

| file                       | what                                            |
|----------------------------|-------------------------------------------------|
| manifest.json              | what it is, what it was made from, file hashes  |
| manifest.sig               | its signature, where it was signed              |
| policy.json                | calibration, threshold, costs                   |
| spec.json                  | the data spec it was trained with               |
| model_card.md              | for people                                      |
| members/*.safetensors      | one head a member                               |
| backbones/*/               | weights and description of each backbone        |
| combination/*              | what its score combines, where it does          |
| image_kind.safetensors     | its guard against pictures of another kind      |

A system for OCT volumes holds instead:

| file                       | what                                            |
|----------------------------|-------------------------------------------------|
| segmentation/*.safetensors | stage 1, one file an instance                   |
| referral/*.safetensors     | stage 2, one file an instance                   |
| acquisition.json           | how its training scans were taken               |
| annotations.json           | which tissue maps stage 1 learned from          |
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError

from triage.data.spec import DataSpec
from triage.decisions.policy import Policy
from triage.errors import BundleError, UsageError
from triage.named_file import MAX_JSON_BYTES, read_named_text
from triage.regular_file import read_regular
from triage.systems.bundle_signature import require_trusted
from triage.systems.bundle_verification import MANIFEST, check_files, check_names, hash_files
from triage.systems.families import family_of_settings
from triage.systems.manifest import FORMAT, BundleManifest, is_newer_format
from triage.systems.model_card import model_card
from triage.systems.trained_system import TrainedSystem

Part = TypeVar("Part", Policy, DataSpec)

POLICY = "policy.json"
SPEC = "spec.json"
CARD = "model_card.md"
_RESTORE = "Do not use it; restore it from a copy or train again."
_MAKE = "Make one with `triage train`."
_FORMAT_NAME = re.compile(r"triage-[a-z]{1,20}-[a-z0-9]{1,4}")


def save_bundle(
    folder: Path,
    manifest: BundleManifest,
    policy: Policy,
    spec: DataSpec,
    write_networks: Callable[[Path], None],
) -> BundleManifest:
    """Write a bundle, whole or not at all.

    Parameters
    ----------
    folder : Path
        Must not exist yet.
    manifest : BundleManifest
        Its `files` are filled in here.
    policy, spec : Policy, DataSpec
    write_networks : callable
        Writes the weights into the folder it is given, under the names the manifest lists.

    Returns
    -------
    BundleManifest
        As written.

    Raises
    ------
    UsageError
        If the folder exists, or there is no place for it.
    BundleError
        If it cannot be written.
    """
    check_free(folder)
    partial = folder.with_name(f".{folder.name}.partial-bundle")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        write_networks(partial)
        texts = {
            POLICY: policy.model_dump_json(indent=2) + "\n",
            SPEC: spec.model_dump_json(indent=2) + "\n",
            CARD: model_card(manifest, policy, spec),
        }
        for name, text in texts.items():
            _write(partial / name, text)
        sealed = manifest.resolved().model_copy(update={"files": hash_files(partial)})
        _write(partial / MANIFEST, sealed.to_text())
        partial.rename(folder)
    except (OSError, SafetensorError) as error:
        raise BundleError("cannot be written", where=str(folder)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return sealed


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def check_free(folder: Path) -> None:
    """Raise UsageError if a bundle cannot be written there: taken, no place to write, no name."""
    folder = Path(folder)
    try:
        str(folder.absolute()).encode("utf-8")
    except UnicodeEncodeError:  # safetensors writes no such file
        raise UsageError(
            "has a name that is not UTF-8", where=str(folder), hint="Choose another --out."
        ) from None
    if folder.exists():
        raise UsageError(
            "exists already", where=str(folder), hint="Choose another --out, or remove it."
        )
    above = next(place for place in folder.absolute().parents if place.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise UsageError("cannot be written to", where=str(above), hint="Choose another --out.")


def read_manifest(folder: Path) -> BundleManifest:
    """Read a bundle's manifest and verify its own digest (not yet the files).

    Raises
    ------
    BundleError
        If it is missing, malformed or altered, or has names that may lead out of the bundle.
    """
    folder = Path(folder)  # a str too, from notebooks
    path = folder / MANIFEST
    try:
        text = read_regular(path, MAX_JSON_BYTES).decode("utf-8")
        stated = BundleManifest.stated_format(text)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BundleError(
            "is not a bundle: it has no manifest.json",
            where=str(folder),
            hint=_MAKE,
        ) from error
    except OSError as error:
        raise BundleError(
            f"manifest.json cannot be read: {error.strerror or error}", where=str(folder)
        ) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise BundleError(
            "manifest.json is malformed: it is no JSON", where=str(folder), hint=_RESTORE
        ) from error
    _check_format(folder, stated)
    try:
        manifest = BundleManifest.of_text(text)
    except (ValueError, TypeError, RecursionError) as error:
        if BundleManifest.is_sealed(text):
            raise BundleError(
                "manifest.json has other fields than this version of the software reads",
                where=str(folder),
                hint="Update the software, or train it again with this version.",
            ) from error
        raise BundleError("manifest.json was altered", where=str(folder), hint=_RESTORE) from error
    check_names(folder, manifest)
    return manifest


def _check_format(folder: Path, stated: str) -> None:
    """Refuse every format but this version's, and say which it is."""
    if stated == FORMAT:
        return
    if not stated:
        raise BundleError(
            f"is not a bundle that this version reads: its manifest.json states no format "
            f"({FORMAT} is expected)",
            where=str(folder),
            hint=f"Name a bundle that `triage train` wrote. If it is one: {_RESTORE}",
        )
    # Any other text may be somebody's data.
    name = repr(stated) if _FORMAT_NAME.fullmatch(stated) else "of something else"
    if is_newer_format(stated):
        raise BundleError(
            f"was made by a newer version of this software: its manifest.json states the format "
            f"{name}, and this version reads {FORMAT!r}",
            where=str(folder),
            hint="Update the software.",
        )
    raise BundleError(
        f"was made by another version of this software, or by another program: its manifest.json "
        f"states the format {name}, not {FORMAT!r}",
        where=str(folder),
        hint="Train it again with this version.",
    )


def verify_bundle(folder: Path, *, made_here: str | None = None) -> BundleManifest:
    """Check the hash of every file of a bundle, and its signature where keys are configured.

    Parameters
    ----------
    folder : Path
    made_here : str, optional
        Digest of a bundle that this software has just written itself, as it recorded it: nobody
        can have signed it yet, so it has to be this bundle instead of a signed one.

    Raises
    ------
    BundleError
        If a file is a link, missing, altered or not listed, or the manifest has names that may
        lead out of the bundle, naming every one; or if no trusted key signed it
        (`triage.systems.bundle_signature`), or it is not the one that was made here.
    LedgerError
        If the configured list of trusted keys cannot be read.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    if made_here is None:
        require_trusted(folder, manifest.digest())
    elif manifest.digest() != made_here:
        raise BundleError(
            "is not the bundle that was written here", where=str(folder), hint=_RESTORE
        )
    return manifest


def load_policy(folder: Path) -> Policy:
    """Read the policy of a verified bundle; needs no network.

    Raises
    ------
    BundleError
        If it is missing or malformed.
    """
    return _read_part(Path(folder) / POLICY, Policy)


def load_bundle_spec(folder: Path) -> DataSpec:
    """Read the data spec a verified bundle was trained with.

    Raises
    ------
    BundleError
        If it is missing or malformed.
    """
    return _read_part(Path(folder) / SPEC, DataSpec)


def _read_part(path: Path, model: type[Part]) -> Part:
    text = read_named_text(path, "part of the bundle", BundleError, MAX_JSON_BYTES)
    try:
        return model.model_validate_json(text)
    except ValueError as error:
        raise BundleError(
            "is malformed", where=str(path), hint="Restore the bundle from a copy or train again."
        ) from error


def load_system(
    folder: Path, *, made_here: str | None = None
) -> tuple[TrainedSystem, BundleManifest]:
    """Verify a bundle and build its system.

    Parameters
    ----------
    folder : Path
    made_here : str, optional
        See `verify_bundle`.

    Raises
    ------
    BundleError
        If it does not verify, before or after its files are read, or its parts do not fit together.
    """
    folder = Path(folder)
    manifest = verify_bundle(folder, made_here=made_here)
    try:
        system = _build(folder, manifest)
    except (
        OSError,
        LookupError,
        ValueError,
        TypeError,
        RuntimeError,
        SafetensorError,
        UsageError,
    ) as error:
        raise BundleError(
            "its parts do not fit together", where=str(folder), hint=_RESTORE
        ) from error
    check_files(folder, manifest)  # a file replaced since it was hashed was not what was read
    return system, manifest


def _build(folder: Path, manifest: BundleManifest) -> TrainedSystem:
    policy = load_policy(folder)
    if tuple(one.name for one in policy.conditions) != manifest.classes[: manifest.n_inliers]:
        raise ValueError("the policy is for other conditions than the networks")
    provenance = {"bundle": manifest.digest(), "code_version": manifest.code_version}
    family = family_of_settings(manifest.settings)
    system: TrainedSystem = family.load(folder, manifest, policy, provenance)
    return system
