"""Finished shards, remembered until all are done; and the progress of cases over all shards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from triage.atomic_write import whole_file
from triage.engine import ResultFolder, Task
from triage.errors import PredictionsError
from triage.hashing import hash_json
from triage.intake.score_shard import stage_of
from triage.intake.scored_shard import is_intact
from triage.progress import Progress
from triage.regular_file import open_regular
from triage.scored_dataset import DatasetManifest, Shard

STAGE = "scoring cases"


class CaseProgress:
    """Reports the cases done of all shards together, those of unfinished shards too.

    Parameters
    ----------
    report : callable
    total : int
        Cases in all.
    """

    def __init__(self, report: Progress, total: int) -> None:
        self._report = report
        self._total = total
        self._finished = 0
        self._running: dict[str, int] = {}
        self._shown = -1

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take what an engine reports: of a shard `shard 3`, or `worker 1: shard 3`."""
        name = stage.rpartition(": ")[2]
        if name.startswith("shard "):
            self._running[name] = done
            self._show()

    def finish(self, number: int, cases: int) -> None:
        """Count a finished shard."""
        self._running.pop(stage_of(number), None)
        self._finished += cases
        self._show()

    def _show(self) -> None:
        # The task of a killed worker begins again; the bar does not go back.
        done = min(self._total, self._finished + sum(self._running.values()))
        if done > self._shown:
            self._shown = done
            self._report(STAGE, done, self._total)


class ShardReceipts(ResultFolder):
    """A receipt for each finished shard; it counts only while the shard's files are as they were.

    Parameters
    ----------
    folder : Path
        Of the receipts.
    out, readings : Path
        Of the shards, and of the readings of OCT volumes.
    progress : CaseProgress
        Called with every finished shard.

    Attributes
    ----------
    kept : int
        Shards of earlier runs that `get` has found whole.
    """

    def __init__(self, folder: Path, out: Path, readings: Path, progress: CaseProgress) -> None:
        super().__init__(folder)
        self.out = out
        self.readings = readings
        self.progress = progress
        self.kept = 0

    def get(self, task: Task) -> tuple[Any] | None:
        """Return the result of a finished shard of the same key; None where it is to be done."""
        try:
            with open_regular(self._path(task)) as stream:
                sealed = json.loads(stream.read())
            found = sealed["result"]
            shard = Shard.model_validate(found["shard"])
            if sealed["sha256"] != hash_json(found) or shard.key != task.arguments["key"]:
                return None
        except (OSError, ValueError, LookupError, TypeError):
            return None
        if not is_intact(self.out, shard, readings=self.readings):
            return None
        self.kept += 1
        self.progress.finish(shard.number, shard.cases)
        return (found,)

    def put(self, task: Task, result: Any) -> None:
        """Keep the receipt of a shard that was just scored."""
        self._write(self._path(task), result)
        shard = result["shard"]
        self.progress.finish(shard["number"], shard["cases"])

    def take_over(self) -> None:
        """Write the receipts of the shards that the folder's manifest lists."""
        try:
            manifest = DatasetManifest.read(self.out, complete=False)
        except PredictionsError:  # absent or damaged: what receipts do not tell of is done again
            return
        for shard in manifest.shards:
            path = self.folder / _name(shard.number)
            if not path.exists():
                result = {
                    "shard": shard.model_dump(mode="json"),
                    "execution": manifest.execution,
                }
                self._write(path, result)

    def _write(self, path: Path, result: Any) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        sealed = {"result": result, "sha256": hash_json(result)}
        with whole_file(path) as partial:
            partial.write_text(json.dumps(sealed) + "\n", encoding="utf-8")

    def _path(self, task: Task) -> Path:
        return self.folder / _name(task.arguments["number"])


def _name(number: int) -> str:
    return f"done-{number:05d}.json"
