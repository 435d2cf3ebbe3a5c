"""The work of one draw, self-contained so that it can run in another process."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from triage.benchmark.draw_record import DRAW, TEST, head_record, members_record
from triage.benchmark.methods import Method, heads_of
from triage.benchmark.prepare_draw import Draw, prepare_draw
from triage.benchmark.protocol import Protocol
from triage.benchmark.records import Records
from triage.benchmark.run_method import own_probabilities, probabilities_of, run_method
from triage.errors import TriageError
from triage.progress import Progress
from triage.uncertainty.scores import SCORES
from triage.uncertainty.scores.score import Need


@dataclass(frozen=True)
class DrawJob:
    """Job that prepares a draw, runs the methods without a record, and writes their records.

    Parameters
    ----------
    protocol : Protocol
    seed : int
        Of the draw.
    methods : tuple of Method
    records : Records
    cache_folder : Path, optional
        Of embeddings.
    trace_memory : bool
        Whether to see how much memory each method takes.
    """

    protocol: Protocol
    seed: int
    methods: tuple[Method, ...]
    records: Records
    cache_folder: Path | None
    trace_memory: bool

    def missing(self) -> list[Method]:
        """Methods without a record."""
        return [method for method in self.methods if not self.records.has(self.seed, method.name)]

    def is_done(self) -> bool:
        """Whether every record exists."""
        known = [DRAW, *(head_record(head) for head in heads_of(self.methods))]
        return not self.missing() and all(self.records.has(self.seed, name) for name in known)

    def needs_maps(self) -> bool:
        """Whether a method that is still to run uses feature maps."""
        return any(
            SCORES[method.key].need is Need.FEATURE_MAPS
            for method in self.missing()
            if method.key in SCORES
        )

    def __call__(self, report: Progress) -> dict[Method, str]:
        """Run what is not done.

        Returns
        -------
        dict of str
            Methods that could not run, each with the reason.

        Raises
        ------
        TriageError
            If the data cannot be trained with.
        """
        if self.is_done():
            return {}
        missing = self.missing()
        checkpoints = self.records.folder / "checkpoints" / f"draw-{self.seed}"
        draw = prepare_draw(
            self.protocol,
            self.seed,
            heads_of(self.methods),
            checkpoints=checkpoints,
            cache_folder=self.cache_folder,
            with_maps=self.needs_maps(),
            report=report,
        )
        self._record(draw)
        refused: dict[Method, str] = {}
        for number, method in enumerate(missing):
            try:
                arrays, header = run_method(method, draw, trace_memory=self.trace_memory)
                self.records.save(self.seed, method.name, arrays, header)
            except TriageError as error:
                refused[method] = str(error)
            report("methods", number + 1, len(missing))
        shutil.rmtree(checkpoints, ignore_errors=True)
        return refused

    def _record(self, draw: Draw) -> None:
        self.records.save(draw.seed, DRAW, *draw.record())
        for head, sets in draw.observations.items():
            arrays = {name: probabilities_of(seen) for name, seen in sets.items()}
            self.records.save(draw.seed, head_record(head), arrays, {})
            own = own_probabilities(sets[TEST], draw.truth[TEST])
            self.records.save(draw.seed, members_record(head), {TEST: own}, {})
