"""The shards of a folder of scored cases, read as one table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from triage.errors import UsageError
from triage.hashing import hash_json
from triage.scored_dataset import DatasetManifest, read_shard_file


@dataclass(frozen=True)
class ShardTables:
    """The tables of the shards that hold scored cases, each checked by its hash when it is read.

    Parameters
    ----------
    folder : Path
    manifest : DatasetManifest
    """

    folder: Path
    manifest: DatasetManifest

    @classmethod
    def of(cls, folder: Path) -> ShardTables:
        """Read the manifest of a complete folder.

        Raises
        ------
        PredictionsError
            If it is none, or incomplete.
        UsageError
            If none of its cases could be scored.
        """
        manifest = DatasetManifest.read(folder)
        if not manifest.scored:
            raise UsageError("has no scored case", where=str(folder))
        return cls(folder, manifest)

    @property
    def size(self) -> int:
        """Size of all tables in bytes."""
        paths = [self.folder / shard.predictions.name for shard in self.manifest.shards]
        return sum(path.stat().st_size for path in paths if path.exists())

    def digest(self) -> str:
        """Return one hash of all tables."""
        return hash_json([shard.predictions.sha256 for shard in self.manifest.shards])

    def contents(self) -> Iterator[bytes]:
        """Yield the content of each table that has rows.

        Raises
        ------
        PredictionsError
            If one is missing or damaged.
        """
        for shard in self.manifest.shards:
            if shard.scored:
                yield read_shard_file(self.folder, shard, shard.predictions)
