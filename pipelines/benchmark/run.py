"""`triage benchmark`: prepare each draw, run the methods, keep records, make the tables."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipelines.benchmark.arms import Arm
from pipelines.benchmark.measure import probabilities_of, run_method
from pipelines.benchmark.methods import Method, heads_of
from pipelines.benchmark.prepare import Draw, prepare_draw
from pipelines.benchmark.protocol import Protocol
from pipelines.benchmark.summary import summarise
from triage.errors import TriageError
from triage.evaluation.benchmarks.draw_record import DRAW, head_record
from triage.evaluation.benchmarks.records import Records
from triage.evaluation.benchmarks.results import BenchmarkResult, Skipped
from triage.models.heads import HeadKind
from triage.reports.benchmark import write_benchmark_page
from triage.systems.progress import Progress
from triage.uncertainty.scores import SCORES
from triage.uncertainty.scores.score import Need
from triage.whole_file import whole_file

JSON, PAGE = "benchmark.json", "benchmark.html"


@dataclass
class _Work:
    """What is still to do, and what cannot be done."""

    methods: list[Method]
    skipped: dict[str, str] = field(default_factory=dict)

    def skip(self, method: Method, reason: str) -> None:
        self.methods = [other for other in self.methods if other != method]
        self.skipped[method.name] = reason


def benchmark(
    protocol: Protocol,
    methods: Sequence[Method],
    repeats: int,
    out: Path,
    *,
    cache_folder: Path | None = None,
    n_resamples: int = 1000,
    command: str = "",
    report: Progress = lambda *_: None,
) -> BenchmarkResult:
    """Compare methods on equal terms; the same call goes on where a killed one stopped.

    Parameters
    ----------
    protocol : Protocol
    methods : sequence of Method
    repeats : int
        Number of draws of roles and splits.
    out : Path
        Folder for records, `benchmark.json` and `benchmark.html`. More methods or repeats may be
        asked for later; what was measured is kept.
    cache_folder : Path, optional
        Of embeddings.
    n_resamples : int
        Of draws and cases, for the intervals.
    command : str
        How this was asked for, for the page.

    Returns
    -------
    BenchmarkResult
        Also written to `out`.

    Raises
    ------
    TriageError
        If the data cannot be trained with, or `out` holds another benchmark.
    """
    protocol = protocol.with_near_duplicates(cache_folder, report)
    records = Records(out, protocol.fingerprint())
    seeds = protocol.seeds(repeats)
    work = _possible(protocol, methods, learns_outliers=bool(protocol.dataset(seeds[0]).draw.train))
    report("draws", 0, repeats)
    for number, seed in enumerate(seeds):
        _run_draw(protocol, seed, work, records, cache_folder, number == 0, report)
        report("draws", number + 1, repeats)
    result = summarise(
        protocol,
        records,
        seeds,
        work.methods,
        [Skipped(key=name, reason=reason) for name, reason in work.skipped.items()],
        n_resamples=n_resamples,
        command=command,
        report=report,
    )
    with whole_file(out / JSON) as partial:
        partial.write_text(result.to_json() + "\n", encoding="utf-8")
    write_benchmark_page(result, out / PAGE)
    return result


def _possible(protocol: Protocol, methods: Sequence[Method], *, learns_outliers: bool) -> _Work:
    """Leave out what these data or options cannot run, each with its reason."""
    work = _Work(list(methods))
    if not learns_outliers:
        for method in methods:
            if not Arm.parse(method.head).info.learns_outliers:
                continue
            if method.kind == "score":
                work.skip(method, "needs training outliers, and the spec has none")
            else:  # calibrated is what can be trained
                place = work.methods.index(method)
                work.methods[place] = replace(method, head=str(HeadKind.SOFTMAX))
    for method in list(work.methods):
        need = SCORES[method.key].need if method.key in SCORES else None
        if protocol.of_volumes and need in (Need.FEATURE_MAPS, Need.IMAGE_TEXT):
            work.skip(method, "reads pictures, and these are volumes")
        elif need is Need.IMAGE_TEXT and protocol.image_text is None:
            work.skip(method, "needs an image-text model: name one with --image-text")
    return work


def _run_draw(
    protocol: Protocol,
    seed: int,
    work: _Work,
    records: Records,
    cache_folder: Path | None,
    first: bool,
    report: Progress,
) -> None:
    heads = heads_of(work.methods)
    known = [DRAW, *(head_record(head) for head in heads)]
    missing = [method for method in work.methods if not records.has(seed, method.name)]
    if not missing and all(records.has(seed, name) for name in known):
        return
    checkpoints = records.folder / "checkpoints" / f"draw-{seed}"
    draw = prepare_draw(
        protocol,
        seed,
        heads,
        checkpoints=checkpoints,
        cache_folder=cache_folder,
        with_maps=any(
            method.key in SCORES and SCORES[method.key].need is Need.FEATURE_MAPS
            for method in missing
        ),
        report=report,
    )
    _record_draw(draw, records)
    for number, method in enumerate(missing):
        try:
            arrays, header = run_method(method, draw, trace_memory=first)
            records.save(seed, method.name, arrays, header)
        except TriageError as error:
            work.skip(method, str(error))
        report("methods", number + 1, len(missing))
    shutil.rmtree(checkpoints, ignore_errors=True)


def _record_draw(draw: Draw, records: Records) -> None:
    records.save(draw.seed, DRAW, *draw.record())
    for head, sets in draw.observations.items():
        arrays = {name: probabilities_of(seen) for name, seen in sets.items()}
        records.save(draw.seed, head_record(head), arrays, {})
