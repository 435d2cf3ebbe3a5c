"""Write the networks of a trained system as a MONAI bundle, whole or not at all."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.errors import BundleError
from triage.hashing import hash_file
from triage.systems.bundle import check_free, load_bundle_spec, load_system
from triage.systems.manifest import BundleManifest
from triage.systems.monai_export.configuration import bundle_metadata, inference_config
from triage.systems.monai_export.documents import licence_text, readme
from triage.systems.monai_export.networks import ExportedNetwork, exported_networks
from triage.systems.monai_export.schema import check_metadata

HASHES = "docs/sha256.txt"


@dataclass(frozen=True)
class MonaiExport:
    """An exported bundle.

    Parameters
    ----------
    folder : Path
    source : str
        Digest of the system that it was exported from.
    networks : tuple of ExportedNetwork
    files : dict of str
        SHA-256 of every file but the list of hashes, by its name in the folder.
    """

    folder: Path
    source: str
    networks: tuple[ExportedNetwork, ...]
    files: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return its fields as plain JSON types."""
        return {
            "out": str(self.folder),
            "source": self.source,
            "networks": [
                {
                    "name": one.key,
                    "what": one.title,
                    "weights": one.weights,
                    "needs_triage": not one.of_monai,
                }
                for one in self.networks
            ],
            "files": self.files,
        }


def export_monai_bundle(
    bundle: str | Path, out: str | Path, schema: str | Path | None = None
) -> MonaiExport:
    """Export the networks of a bundle; the same bundle always gives the same bytes.

    Parameters
    ----------
    bundle : str or Path
        A trained system, which is verified and loaded first.
    out : str or Path
        Folder to write; must not exist.
    schema : str or Path, optional
        JSON schema that the metadata must be valid against; nothing is downloaded.

    Raises
    ------
    BundleError
        If the bundle does not verify, the metadata is not valid, or the export cannot be written.
    UsageError
        If `out` exists, or the schema cannot be read.
    """
    bundle, out = Path(bundle), Path(out)
    check_free(out)
    _, manifest = load_system(bundle)
    spec = load_bundle_spec(bundle)
    networks = exported_networks(bundle, manifest)
    metadata = bundle_metadata(manifest, networks, spec.licence)
    if schema is not None:
        check_metadata(metadata, Path(schema))
    texts = {
        "configs/metadata.json": _json(metadata),
        "configs/inference.json": _json(inference_config(networks)),
        "docs/README.md": readme(manifest, networks),
        "LICENSE": licence_text(spec.licence, spec.source),
    }
    files = _write(bundle, out, manifest, networks, texts)
    return MonaiExport(out, manifest.digest(), tuple(networks), files)


def _write(
    bundle: Path,
    out: Path,
    manifest: BundleManifest,
    networks: list[ExportedNetwork],
    texts: dict[str, str],
) -> dict[str, str]:
    partial = out.with_name(f".{out.name}.partial-export")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        for name, text in texts.items():
            _place(partial, name).write_text(text, encoding="utf-8", newline="\n")
        for network in networks:
            for name, source in network.files.items():
                shutil.copyfile(bundle / source, _place(partial, name))
                if hash_file(partial / name) != manifest.files[source]:
                    raise BundleError("a file changed while it was copied", where=source)
        files = _hashes(partial, [*texts, *(name for one in networks for name in one.files)])
        lines = "".join(f"{sha256}  {name}\n" for name, sha256 in files.items())
        _place(partial, HASHES).write_text(lines, encoding="utf-8", newline="\n")
        partial.rename(out)
    except OSError as error:
        raise BundleError("cannot be written", where=str(out)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return files


def _place(folder: Path, name: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _hashes(folder: Path, names: list[str]) -> dict[str, str]:
    return {name: hash_file(folder / name) for name in sorted(names)}


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
