"""A worker on a Ray cluster: an actor that runs one task after another."""

from __future__ import annotations

import json
from queue import Empty, SimpleQueue

import ray

from triage.engine.code_version import code_version
from triage.engine.worker_calls import answer_call

_SECONDS = 5.0


class RayWorker:
    """Runs the tasks that it is sent, and hands out their progress meanwhile."""

    def __init__(self) -> None:
        self._progress: SimpleQueue[tuple[str, int, int]] = SimpleQueue()

    def version(self) -> list[str]:
        """Return the number of the version and the hash of the source that run here."""
        found = code_version()
        return [found.number, found.sha256]

    def run(self, call: str) -> str:
        """Answer a call; see `triage.engine.worker_calls`."""
        return answer_call(call, lambda *step: self._progress.put(step))

    @ray.method(concurrency_group="progress")
    def reported(self) -> str:
        """Return the progress since the last call as JSON, once there is any or after seconds."""
        steps = []
        try:
            steps.append(self._progress.get(timeout=_SECONDS))
            while True:
                steps.append(self._progress.get_nowait())
        except Empty:
            return json.dumps(steps)
