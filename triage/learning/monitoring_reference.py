"""`triage monitor reference`: accuracy of a bundle, and how far it is off where it is estimated.

The reference is the validation split. Errors are measured on the test split, on pictures as they
are, changed by the stock corruptions, and by levels of the groups of the data spec: on no case that
the reference is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from triage import __version__
from triage.backbones.runtime.execution import Precision, RuntimeName
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.data.spec import DataSpec
from triage.errors import NotEnoughEvidence, UsageError, count_by_reason
from triage.hashing import hash_json
from triage.imaging.corruptions import CORRUPTIONS as STOCK
from triage.imaging.corruptions import Corruption, Kind
from triage.learning.evaluate import load_test_split
from triage.monitoring.accuracy_errors import (
    ShiftedCases,
    fitted_slope,
    measure_errors,
    summarise_errors,
)
from triage.monitoring.accuracy_estimate import fit_accuracy_reference, kept_by_gate
from triage.monitoring.bundle_reference import CORRUPTIONS, GROUPS, UNKNOWN, BundleReference
from triage.progress import Progress, counting
from triage.systems.bundle import load_bundle_spec, load_system
from triage.systems.families import run_system_with
from triage.systems.manifest import BundleManifest
from triage.systems.photographs.system import System
from triage.systems.scored import Scored

VALIDATION, TEST = "validation", "test"
AS_THEY_ARE = "as they are"
"""The pictures without a corruption, as a shift of its own."""
SEVERITIES = (1, 3, 5)
MAX_CASES = 400
_LEAST_CASES = 30


@dataclass
class _Run:
    """A system with how it is run; collects what could not be read."""

    system: System
    cache_folder: Path | None
    report: Progress
    rejected: dict[str, int] = field(default_factory=dict)

    def shift(
        self,
        cases: Sequence[Case],
        split: str,
        name: str = AS_THEY_ARE,
        corruption: Corruption | None = None,
    ) -> _Shift:
        """Score cases as one shift."""
        files = sum(len(case.images) for case in cases) * self.system.passes
        tick = counting(self.report, f"{split}, {name}", files)
        scored = self.system.score(cases, self.cache_folder, tick, corruption=corruption)
        if corruption is None:
            self.rejected |= count_by_reason(scored.rejected.values())
        kind = name if corruption is None else corruption.name
        return _Shift(name, kind, scored, self.system.classes[: self.system.n_inliers])


@dataclass(frozen=True)
class _Shift:
    """Scored cases of one shift."""

    name: str
    kind: str
    scored: Scored
    known: tuple[str, ...]

    def cases(self, axis: str = "", level: str = "", *, known: bool = True) -> ShiftedCases:
        """The cases of known conditions, or all; of one level of a group, or of all levels."""
        table, decided = self.scored.predictions.cases, self.scored.predictions.decisions
        assert decided is not None
        condition = decided["condition"].to_numpy()
        unknown = ~table["label"].isin(self.known).to_numpy()
        held = ~unknown if known else np.ones(len(table), dtype=np.bool_)
        if axis:
            held = held & (table[axis].to_numpy() == level)
        return ShiftedCases(
            name=f"{axis}={level}" if axis else self.name,
            kind=axis or self.kind,
            confidence=decided["p_condition"].to_numpy(dtype=np.float64)[held],
            correct=(condition == table["label"].to_numpy())[held],
            kept=kept_by_gate([code or None for code in decided["reason_code"]])[held],
            units=table["cluster"].to_numpy(dtype=np.str_)[held],
            unknown=unknown[held],
        )

    def groups(self) -> Iterable[tuple[str, str]]:
        """Every axis with its levels."""
        table = self.scored.predictions.cases
        for axis in self.scored.predictions.subgroup_columns:
            yield from ((axis, str(level)) for level in sorted(table[axis].unique()))


def bundle_reference(
    bundle: str | Path,
    spec: DataSpec,
    root: str | Path,
    *,
    corruptions: Sequence[str] = (),
    severities: Sequence[int] = SEVERITIES,
    max_cases: int = MAX_CASES,
    cache_folder: str | Path | None = None,
    report: Progress = lambda *_: None,
    runtime: RuntimeName | None = None,
    precision: Precision | None = None,
    seed: int = 0,
) -> BundleReference:
    """Measure the monitoring reference of a bundle for pictures.

    Parameters
    ----------
    bundle : str or Path
    spec : DataSpec
        That the bundle was trained with.
    root : str or Path
        Folder of the data.
    corruptions : sequence of str
        Names of stock corruptions; all moderate ones where none is named.
    severities : sequence of int
        Of each corruption, from 1 to 5.
    max_cases : int
        Cases of each split that are corrupted, whole patients at random.
    cache_folder : str or Path, optional
        Where embeddings are kept between runs.
    report : callable
    runtime, precision : str, optional
        How the backbones are run; by default as the bundle records.
    seed : int
        Of the choice of cases and of the bootstrap.

    Raises
    ------
    UsageError
        If the bundle reads volumes, or the data are not those that it was trained with.
    NotEnoughEvidence
        If the validation split has fewer than 30 cases of known conditions that the gate keeps.
    """
    system, manifest = load_system(Path(bundle))
    if not isinstance(system, System):
        raise UsageError(
            "reads volumes, and corruptions are of pictures",
            where=str(bundle),
            hint="Monitoring of volumes has no accuracy without labels.",
        )
    wanted = _wanted(corruptions, severities)
    run_system_with(system, manifest, runtime, precision)
    dataset = load_test_split(spec, Path(root), manifest, load_bundle_spec(Path(bundle)))
    run = _Run(system, Path(cache_folder) if cache_folder else None, report)
    return _measured(run, manifest, dataset, wanted, max_cases, seed)


def _wanted(names: Sequence[str], severities: Sequence[int]) -> list[Corruption]:
    chosen = names or [name for name, stock in STOCK.items() if stock.kind is Kind.MODERATE]
    return [Corruption(name, severity) for name in chosen for severity in sorted({*severities})]


def _measured(
    run: _Run,
    manifest: BundleManifest,
    dataset: Dataset,
    corruptions: Sequence[Corruption],
    max_cases: int,
    seed: int,
) -> BundleReference:
    known = dataset.draw.inliers
    validation = [case for case in dataset.of_split(VALIDATION) if case.condition in known]
    test = dataset.of_split(TEST)
    clean = run.shift(validation, VALIDATION).cases()
    if int(np.sum(clean.kept)) < _LEAST_CASES:
        raise NotEnoughEvidence(
            f"the gate keeps {int(np.sum(clean.kept))} validation cases of known conditions, fewer "
            f"than {_LEAST_CASES}: accuracy cannot be estimated from them",
            where=dataset.spec.name,
        )
    accuracy = fit_accuracy_reference(
        clean.confidence, clean.correct, kept=clean.kept, units=clean.units, seed=seed
    )
    every = run.shift(test, TEST)
    corrupted = _corrupted(run, _chosen(validation, max_cases, seed), VALIDATION, corruptions)
    tried = _corrupted(
        run, _chosen([case for case in test if case.condition in known], max_cases, seed),
        TEST, corruptions,
    )  # fmt: skip
    shifted = measure_errors(accuracy, [every.cases(), *tried], corrupted)
    groups = measure_errors(accuracy, [every.cases(*pair) for pair in every.groups()])
    unknown = every.cases(known=False)._replace(name=UNKNOWN, kind=UNKNOWN)
    with_unknown = measure_errors(accuracy, [unknown]) if len(test) > len(tried) else ()
    return BundleReference(
        version=__version__,
        bundle=manifest.digest(),
        spec_name=dataset.spec.name,
        spec_hash=hash_json(dataset.spec.model_dump(mode="json")),
        data_hash=dataset.digest(),
        accuracy=accuracy,
        regression_slope=_slope(lambda: fitted_slope(accuracy, corrupted)),
        errors=(*summarise_errors(CORRUPTIONS, shifted), *summarise_errors(GROUPS, groups)),
        shifts=(*shifted, *groups, *with_unknown),
        rejected=run.rejected,
    )


def _corrupted(
    run: _Run, cases: Sequence[Case], split: str, corruptions: Sequence[Corruption]
) -> list[ShiftedCases]:
    return [run.shift(cases, split, str(each), each).cases() for each in corruptions]


def _chosen(cases: Sequence[Case], most: int, seed: int) -> list[Case]:
    """At most so many cases: whole clusters in a random order for as long as they fit."""
    if len(cases) <= most:
        return list(cases)
    names, place = np.unique([case.cluster for case in cases], return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    upto = np.cumsum(np.bincount(place)[order])
    taken = set(order[upto <= most].tolist())
    return [case for case, cluster in zip(cases, place.tolist(), strict=True) if cluster in taken]


def _slope(fit: Callable[[], float]) -> float | None:
    try:
        return fit()
    except NotEnoughEvidence:
        return None
