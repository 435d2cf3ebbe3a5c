"""`triage demo`: the whole way once, on generated cases or on the user's data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from triage.data.dataset import Dataset, load_dataset
from triage.data.manifest import Case
from triage.data.spec import DataSpec
from triage.errors import BundleError
from triage.hashing import hash_json
from triage.heads import HeadKind
from triage.intake.case_table import read_unlabelled
from triage.intake.ingest import ingest
from triage.intake.score import score_cases
from triage.learning.evaluate import EvaluationRun, evaluate_bundle
from triage.learning.recipes import Recipe, recipe_backbones
from triage.learning.settings import settings_for
from triage.learning.train import Settings, train
from triage.models.settings import TrainSettings
from triage.phantoms.generators import generator_of
from triage.progress import Progress, tagged
from triage.reports.bundle_report import write_audit
from triage.store import open_store
from triage.systems.bundle import load_system, read_manifest

COMPARED = (HeadKind.SOFTMAX, HeadKind.REJECT, HeadKind.HOD)


@dataclass
class DemoResult:
    """What the demo made, and where it is."""

    spec: DataSpec
    runs: dict[str, list[EvaluationRun]]
    places: dict[str, str]
    database: str
    counts: dict[str, int] = field(default_factory=dict)

    def spread(self) -> dict[str, dict[str, list[float]]]:
        """Value of each metric in every role draw, by head."""
        return {
            head: {
                key: [
                    float(value)
                    for run in runs
                    if (value := run.evaluation.overall[key].value) is not None
                ]
                for key in runs[0].evaluation.overall
            }
            for head, runs in self.runs.items()
        }

    def summary(self) -> dict[str, Any]:
        """The result as plain JSON."""
        return {
            "spec": self.spec.name,
            "note": self.spec.roles.note,
            "places": self.places,
            "database": self.database,
            "counts": self.counts,
            "metrics": {
                head: {
                    key: {"mean": float(np.mean(values)), "by_draw": values}
                    for key, values in metrics.items()
                    if values
                }
                for head, metrics in self.spread().items()
            },
        }


def demo(
    spec: DataSpec,
    root: str | Path | None,
    workdir: str | Path,
    *,
    backbones: Sequence[str] = (),
    members: int | None = None,
    draws: int = 1,
    cases: int | None = None,
    config: str | Path | None = None,
    recipe: Recipe = "default",
    cache_folder: str | Path | None = None,
    report: Progress = lambda *_: None,
) -> DemoResult:
    """Train, evaluate, score, fill the case database and write the audit report.

    With pretrained backbones the softmax, reject-bucket and HOD heads are trained side by side on
    the same embeddings; without any, and for volumes, one HOD ensemble is trained from scratch.
    Bundles that fit are reused, so a second call is quick.

    Parameters
    ----------
    spec : DataSpec
    root : str, Path or None
        Folder of the data; None generates phantoms for a spec that names a generator.
    workdir : str or Path
        Where everything is written.
    backbones : sequence of str
        References; by default those of the recipe.
    members : int, optional
        Ensemble size.
    draws : int
        How often roles are drawn; the system kept is that of the first draw.
    cases : int, optional
        Phantoms to generate.
    config : str or Path, optional
        YAML file with settings of training.
    recipe : {'default', 'fast'}
        Backbones and settings where neither is given.

    Raises
    ------
    UsageError
        If there are no data to work on.
    """
    workdir = Path(workdir)
    root = None if root is None else Path(root)
    cache_folder = None if cache_folder is None else Path(cache_folder)
    generated = root is None
    references = tuple(backbones) or recipe_backbones(recipe, root)
    settings = settings_for(spec, references, config, recipe=recipe, members=members)
    if root is None:
        root = generator_of(spec).generate(workdir / "phantoms", cases, report)
    heads = COMPARED if settings.mode == "embed" else (HeadKind.HOD,)
    runs: dict[str, list[EvaluationRun]] = {str(head): [] for head in heads}
    for draw in range(draws):
        dataset = load_dataset(spec, root, spec.roles.seed + draw)
        for head in heads:
            bundle = workdir / "bundles" / f"{head}-draw{draw}"
            chosen = settings
            if isinstance(settings, TrainSettings):
                chosen = settings.model_copy(update={"head": head})
            _train_once(dataset, chosen, bundle, cache_folder, _tagged(report, head, draw, draws))
            runs[str(head)].append(
                evaluate_bundle(
                    bundle,
                    spec,
                    root,
                    cache_folder=cache_folder,
                    report=_tagged(report, head, draw, draws),
                )
            )
    kept = runs[HeadKind.HOD][0]
    champion = workdir / "bundles" / f"{HeadKind.HOD}-draw0"
    inbox = _inbox(spec, root, workdir, kept.dataset, generated, report)
    return _fill_database(spec, runs, champion, inbox, root, workdir, cache_folder, report)


def _fill_database(
    spec: DataSpec,
    runs: dict[str, list[EvaluationRun]],
    champion: Path,
    inbox: tuple[list[Case], Path, str],
    root: Path,
    workdir: Path,
    cache_folder: Path | None,
    report: Progress,
) -> DemoResult:
    """Score the cases that arrive, put them into the case database, and write the audit report."""
    cases, folder, source = inbox
    system, manifest = load_system(champion)
    scored = score_cases(system, cases, cache_folder, report, readings=workdir / "readings")
    predictions = workdir / "predictions.parquet"
    scored.predictions.save(predictions)
    database = f"sqlite:///{(workdir / 'triage.db').resolve()}"
    store = open_store(database, create=True)
    try:
        stored = ingest(store, cases, scored, manifest, bundle=champion, root=folder, source=source)
        written = write_audit(runs[HeadKind.HOD][0], workdir / "report", store)
    finally:
        store.close()
    return DemoResult(
        spec=spec,
        runs=runs,
        places={
            "data": str(root),
            "bundle": str(champion),
            "predictions": str(predictions),
            "report": str(written["html"]),
            "report data": str(written["json"]),
        },
        database=database,
        counts={"cases waiting": stored.stored, "rejected": len(scored.rejected)},
    )


def _inbox(
    spec: DataSpec, root: Path, workdir: Path, dataset: Dataset, generated: bool, report: Progress
) -> tuple[list[Case], Path, str]:
    """Cases for the reviewer: new phantoms, or the test split with its labels left off."""
    if not generated:
        cases = [replace(case, condition=None) for case in dataset.of_split("test")]
        return cases, root, f"{spec.name} test split"
    folder = workdir / "inbox"
    manifest = generator_of(spec).fill_inbox(folder, report)
    return read_unlabelled(manifest, folder, spec), folder, "phantom inbox"


def _train_once(
    dataset: Dataset, settings: Settings, bundle: Path, cache: Path | None, report: Progress
) -> None:
    wanted = (
        dataset.digest(),
        hash_json(settings.model_dump(mode="json")),
        hash_json(dataset.spec.model_dump(mode="json")),
    )
    if bundle.exists():
        found = read_manifest(bundle)
        if (found.data_hash, found.settings_hash, found.spec_hash) == wanted:
            return
        raise BundleError(
            "was made from other data or settings",
            where=str(bundle),
            hint="Choose another --workdir, or remove it.",
        )
    train(dataset, settings, bundle, cache_folder=cache, progress=report)


def _tagged(report: Progress, head: str, draw: int, draws: int) -> Progress:
    tag = f"{head}" if draws == 1 else f"{head} {draw + 1}/{draws}"
    return tagged(report, tag)
