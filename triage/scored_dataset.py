"""A folder of scored cases in shards, with one manifest: what `triage score --out FOLDER` writes.

| file                  | what                                                            |
|-----------------------|-----------------------------------------------------------------|
| dataset.json          | the manifest: what was scored, with what, and the hash of every shard |
| part-00000.parquet    | predictions of a shard, a table as a single file holds it       |
| cases-00000.parquet   | every case of the shard, refused ones too: what storing it needs |
| readings/             | of OCT volumes: one reading a volume                            |
| rejected.csv          | refused cases of all shards, for people                         |
| findings.csv          | of OCT volumes: diagnoses and measurements, for people          |
| not_stored.csv        | cases that the case database refused, where there are any       |

Hashes are compared on the very bytes that are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from triage.atomic_write import whole_file
from triage.errors import PredictionsError
from triage.hashing import hash_bytes, hash_json
from triage.named_file import read_named, read_named_text

FORMAT = "triage-scored-dataset-1"
MANIFEST = "dataset.json"
REJECTED, FINDINGS, READINGS = "rejected.csv", "findings.csv", "readings"
NOT_STORED = "not_stored.csv"
MAX_MANIFEST_BYTES = 256 << 20
MAX_SHARDS = 200_000
MAX_SHARD_BYTES = 4 << 30
AGAIN = "Run the same `triage score` again: it computes what is missing or damaged anew."

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class ShardFile(BaseModel):
    """One file of a shard."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^(part|cases)-[0-9]{5,6}\.parquet$")]
    sha256: Hash


class Shard(BaseModel):
    """Some cases that were scored together.

    Parameters
    ----------
    number : int
        Place in the order of the table, from 0.
    key : str
        Hash of all that decides its content: cases, state of their files, bundle, settings.
    cases, scored : int
        Cases in all, and those that could be read.
    rejected : dict of int
        The others, by reason.
    no_opinion, urgent : int
        Scored cases without an opinion, and those that wait as urgent.
    predictions, all_cases : ShardFile
    readings : dict of str
        Hash of each reading of an OCT volume, by the name of its file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: Count
    key: Hash
    cases: Count
    scored: Count
    rejected: dict[str, int] = Field(default_factory=dict)
    no_opinion: Count = 0
    urgent: Count = 0
    predictions: ShardFile
    all_cases: ShardFile
    readings: dict[Annotated[str, Field(pattern=r"^[0-9a-f]+\.safetensors$")], Hash] = Field(
        default_factory=dict
    )


class DatasetManifest(BaseModel):
    """What a folder of scored cases holds.

    Parameters
    ----------
    state : {'incomplete', 'complete'}
        Of an incomplete one the shards are not listed yet; the same command goes on with it.
    code_version : str
    bundle_name, bundle_digest, bundle_path : str
        What scored them.
    modality : str
        What the bundle reads.
    table_sha256 : str
        Of the table's file.
    spec_hash : str
        Of the bundle's data spec.
    root : str
        Folder that the names of images are relative to.
    source : str
        Name of the place the cases come from.
    runtime, precision : str, optional
        As they were asked for.
    execution : str
        A sentence where these are not those of the bundle.
    shard_size : int
        Cases a shard.
    shards : tuple of Shard
        In the order of the table.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["triage-scored-dataset-1"] = "triage-scored-dataset-1"
    state: Literal["incomplete", "complete"]
    code_version: str
    bundle_name: str
    bundle_digest: Hash
    bundle_path: str
    modality: str
    table_sha256: Hash
    spec_hash: Hash
    root: str
    source: str
    runtime: str | None = None
    precision: str | None = None
    execution: str = ""
    shard_size: Annotated[int, Field(ge=1)]
    shards: Annotated[tuple[Shard, ...], Field(max_length=MAX_SHARDS)] = ()

    @property
    def cases(self) -> int:
        """Cases in all."""
        return sum(shard.cases for shard in self.shards)

    @property
    def scored(self) -> int:
        """Cases that could be read."""
        return sum(shard.scored for shard in self.shards)

    @property
    def rejected(self) -> dict[str, int]:
        """Cases that could not, by reason, in order of first appearance."""
        counts: dict[str, int] = {}
        for shard in self.shards:
            for reason, count in shard.rejected.items():
                counts[reason] = counts.get(reason, 0) + count
        return counts

    def to_text(self) -> str:
        """Return the manifest as it is written, with the hash of its content."""
        return _Sealed(content=self, digest=_digest(self)).model_dump_json(indent=1) + "\n"

    def write(self, folder: Path) -> None:
        """Write it into its folder, whole or not at all.

        Raises
        ------
        PredictionsError
            If it cannot be written.
        """
        try:
            with whole_file(folder / MANIFEST) as partial:
                partial.write_text(self.to_text(), encoding="utf-8", newline="\n")
        except OSError as error:
            raise PredictionsError(
                f"cannot be written: {error.strerror or error}", where=str(folder)
            ) from error

    @classmethod
    def read(cls, folder: Path, *, complete: bool = True) -> Self:
        """Read the manifest of a folder.

        Parameters
        ----------
        folder : Path
        complete : bool
            Whether to refuse one that is incomplete.

        Raises
        ------
        PredictionsError
            If there is none, or it is altered, of another format, or incomplete.
        """
        if not (folder / MANIFEST).exists():
            raise PredictionsError(
                f"is a folder without {MANIFEST}, so no scored cases",
                where=str(folder),
                hint="Name a table or a folder that `triage score` wrote.",
            )
        text = read_named_text(
            folder / MANIFEST, "manifest of scored cases", PredictionsError, MAX_MANIFEST_BYTES
        )
        try:
            sealed = _Sealed.model_validate_json(text)
            intact = sealed.digest == _digest(sealed.content)
        except (ValueError, RecursionError):
            intact = False
        if not intact:
            raise PredictionsError(
                f"{MANIFEST} is damaged, altered or of another version",
                where=str(folder),
                hint=AGAIN,
            )
        found = cls.model_validate(sealed.content.model_dump())
        if complete and found.state != "complete":
            raise PredictionsError(
                "is not complete: scoring was interrupted",
                where=str(folder),
                hint="Run the same `triage score` again: it goes on from the finished shards.",
            )
        return found


class _Sealed(BaseModel):
    """The manifest with its hash, as the file holds it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: Hash
    content: DatasetManifest


def _digest(manifest: DatasetManifest) -> str:
    return hash_json(manifest.model_dump(mode="json"))


def is_dataset(path: Path) -> bool:
    """Say whether a path is that of a folder, which is then read as one of scored cases."""
    return path.is_dir()


def list_beside(out: Path, name: str) -> Path:
    """Return where a list for people lies: within a folder, or beside a file under its name."""
    return out / name if is_dataset(out) else out.with_name(f"{out.name}.{name}")


def shard_names(number: int) -> tuple[str, str]:
    """Return the names of a shard's two files: predictions, and all cases."""
    return f"part-{number:05d}.parquet", f"cases-{number:05d}.parquet"


def read_shard_file(folder: Path, shard: Shard, file: ShardFile) -> bytes:
    """Return the content of one file of a shard, compared with its hash.

    Raises
    ------
    PredictionsError
        If it is missing, damaged or another one; names the shard.
    """
    path = folder / file.name
    if not path.exists():
        raise PredictionsError(
            f"a file of shard {shard.number} is missing", where=str(path), hint=AGAIN
        )
    data = read_named(path, "shard", PredictionsError, MAX_SHARD_BYTES)
    if hash_bytes(data) != file.sha256:
        raise PredictionsError(
            f"a file of shard {shard.number} is damaged, or of other cases",
            where=str(path),
            hint=AGAIN,
        )
    return data


def require_of_shard(
    folder: Path, manifest: DatasetManifest, shard: Shard, provenance: Mapping[str, str], rows: int
) -> None:
    """Refuse predictions that the manifest does not tell of.

    Raises
    ------
    PredictionsError
        If another bundle made them, or they are of more or fewer cases.
    """
    if provenance.get("bundle") != manifest.bundle_digest or rows != shard.scored:
        raise PredictionsError(
            f"shard {shard.number} is of another bundle or of other cases than {MANIFEST} says",
            where=str(folder / shard.predictions.name),
            hint=AGAIN,
        )
