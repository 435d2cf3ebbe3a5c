"""Results of tasks kept in a folder, so that an interrupted run goes on from there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from triage.atomic_write import whole_file
from triage.engine.task import Task
from triage.hashing import hash_json
from triage.regular_file import open_regular


class ResultFolder:
    """A folder with one file for each finished task.

    Parameters
    ----------
    folder : Path
        Made with the first result.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, task: Task) -> tuple[Any] | None:
        """Return the result of a task in a tuple; None where there is none, or it is damaged."""
        try:
            with open_regular(self._path(task)) as stream:
                found = json.loads(stream.read())
            if found["sha256"] == hash_json([found["key"], found["result"]]):
                return (found["result"],) if found["key"] == task.key() else None
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return None

    def put(self, task: Task, result: Any) -> None:
        """Keep the result of a task."""
        key = task.key()
        found = {"key": key, "result": result, "sha256": hash_json([key, result])}
        self.folder.mkdir(parents=True, exist_ok=True)
        with whole_file(self._path(task)) as partial:
            partial.write_text(json.dumps(found) + "\n", encoding="utf-8")

    def _path(self, task: Task) -> Path:
        return self.folder / f"{task.key()}.json"
