"""Main function of `triage benchmark`: prepare draws, run methods, keep records, make tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from triage.atomic_write import whole_file
from triage.benchmark.arms import Arm
from triage.benchmark.draw_job import DrawJob
from triage.benchmark.draw_task import draw_tasks, refusals
from triage.benchmark.embedding import embed_beforehand
from triage.benchmark.html_page import write_benchmark_page
from triage.benchmark.methods import Method, heads_of
from triage.benchmark.protocol import Protocol
from triage.benchmark.recommendation import check_recommendable, recommend
from triage.benchmark.records import Records
from triage.benchmark.results import BenchmarkResult, Skipped
from triage.benchmark.score_pairs import Pair
from triage.benchmark.summary import summarise
from triage.engine import EngineSettings, open_executor
from triage.heads import HeadKind
from triage.progress import Progress
from triage.uncertainty.scores import SCORES
from triage.uncertainty.scores.score import Need

JSON, PAGE = "benchmark.json", "benchmark.html"
_DRAWS = "draws"


@dataclass
class _Work:
    """Work that remains, and methods that cannot run."""

    methods: list[Method]
    skipped: dict[str, str] = field(default_factory=dict)

    def skip(self, method: Method, reason: str) -> None:
        """Leave a method out; the first reason is kept."""
        self.methods = [other for other in self.methods if other != method]
        self.skipped.setdefault(method.name, reason)

    def skip_all(self, refused: Mapping[Method, str]) -> None:
        """Leave out what a draw could not run."""
        for method, reason in refused.items():
            self.skip(method, reason)


def benchmark(
    protocol: Protocol,
    methods: Sequence[Method],
    repeats: int,
    out: Path,
    *,
    compare: Sequence[Pair] = (),
    engine: EngineSettings | None = None,
    cache_folder: Path | None = None,
    n_resamples: int = 1000,
    command: str = "",
    recommended: Path | None = None,
    report: Progress = lambda *_: None,
) -> BenchmarkResult:
    """Compare methods under equal conditions; a repeated call resumes a killed one.

    Parameters
    ----------
    protocol : Protocol
    methods : sequence of Method
    repeats : int
        Number of draws of roles and splits.
    out : Path
        Folder for records, `benchmark.json` and `benchmark.html`. More methods or repeats may be
        added later; existing records are kept.
    compare : sequence of pair of Method
        Scores to compare in pairs.
    engine : EngineSettings, optional
        Where draws run; by default in this process, one after the other. Each process or worker
        holds all that a draw needs; the numbers are the same. A script that uses processes must
        guard its entry by `if __name__ == "__main__":`, because each process imports it again.
    cache_folder : Path, optional
        Of embeddings.
    n_resamples : int
        Of draws and cases, for the intervals.
    command : str
        The command line, for the page.
    recommended : Path, optional
        Settings file to write, with what was best on validation cases; see `recommend`.

    Returns
    -------
    BenchmarkResult
        Also written to `out`.

    Raises
    ------
    TriageError
        If the data cannot be trained with, `out` holds another benchmark, or the engine cannot
        run a draw.
    """
    if recommended is not None:
        check_recommendable(protocol)
    for head in heads_of(methods):  # what cannot be trained is refused before anything is
        Arm.parse(head).settings(protocol.settings)
    protocol = protocol.with_near_duplicates(cache_folder, report)
    records = Records(out, protocol.fingerprint())
    seeds = protocol.seeds(repeats)
    work = _possible(protocol, methods, learns_outliers=bool(protocol.dataset(seeds[0]).draw.train))
    asked = tuple(work.methods)
    jobs = [
        DrawJob(protocol, seed, asked, records, cache_folder, trace_memory=seed == seeds[0])
        for seed in seeds
    ]
    _run_draws(jobs, work, engine or EngineSettings(), report)
    result = summarise(
        protocol,
        records,
        seeds,
        work.methods,
        [Skipped(key=name, reason=reason) for name, reason in work.skipped.items()],
        compare=compare,
        n_resamples=n_resamples,
        command=command,
        report=report,
    )
    _write(result, out)
    if recommended is not None:
        recommend(protocol, records, seeds, work.methods, recommended, n_resamples=n_resamples)
    return result


def _write(result: BenchmarkResult, out: Path) -> None:
    with whole_file(out / JSON) as partial:
        partial.write_text(result.to_json() + "\n", encoding="utf-8")
    write_benchmark_page(result, out / PAGE)


def _possible(protocol: Protocol, methods: Sequence[Method], *, learns_outliers: bool) -> _Work:
    """Leave out methods that these data or options cannot run, each with its reason."""
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


def _run_draws(
    jobs: Sequence[DrawJob], work: _Work, engine: EngineSettings, report: Progress
) -> None:
    """Run what is not done."""
    todo = [job for job in jobs if not job.is_done()]
    before, total = len(jobs) - len(todo), len(jobs)
    report("draws", before, total)
    if not todo:
        return
    embed_beforehand(
        todo[0].protocol,
        [job.seed for job in todo],
        cache_folder=todo[0].cache_folder,
        with_maps=any(job.needs_maps() for job in todo),
        report=report,
    )

    def progress(stage: str, done: int, count: int) -> None:
        if stage == _DRAWS:
            done, count = before + done, total
        report(stage, done, count)

    with open_executor(_share_of_threads(engine, len(todo))) as executor:
        for result in executor.map(draw_tasks(todo), stage=_DRAWS, progress=progress):
            work.skip_all(refusals(result))


def _share_of_threads(engine: EngineSettings, draws: int) -> EngineSettings:
    """Return settings with no more workers than draws, and the share of this machine's threads.

    On a cluster of several machines each worker has the threads that are set.
    """
    workers = min(engine.workers, draws)
    threads = engine.threads
    if engine.address is None:
        threads = max(threads, torch.get_num_threads() // workers)
    return engine.model_copy(update={"workers": workers, "threads": threads})
