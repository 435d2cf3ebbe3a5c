"""`triage benchmark --recommend`: chosen on validation, and deployed with the same numbers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.benchmark.test_run import Measured, measure
from tests.tiny import tiny_settings
from triage.array_file import load_arrays, save_arrays
from triage.benchmark.comparison import compare_aurocs, compare_means
from triage.benchmark.cross_fitting import sets_of
from triage.benchmark.draw_record import VALIDATION
from triage.benchmark.methods import Method, parse_methods
from triage.benchmark.protocol import Protocol
from triage.benchmark.recommendation import _sets, recommend
from triage.benchmark.records import Records
from triage.benchmark.resampling import CrossedResamples
from triage.benchmark.validation_draw import ValidationDraw
from triage.data.spec import DataSpec
from triage.errors import UsageError
from triage.learning.settings import settings_for
from triage.learning.train import train
from triage.models.settings import TrainSettings
from triage.predictions import Predictions
from triage.systems.bundle import load_system
from triage.systems.photographs.system import System
from triage.uncertainty.observations import Observations

METHODS = "combination,gen@hod,gram,outlier_mass@hod,vector,temperature,density_aware,lac,aps"
SEEDS = (0, 1)


@pytest.fixture(scope="module")
def plain(protocol: Protocol) -> Protocol:
    return replace(protocol, shifts=())


@pytest.fixture(scope="module")
def benched(
    plain: Protocol, session_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Measured:
    return measure(plain, tmp_path_factory.mktemp("bench"), session_cache, METHODS)


def write(plain: Protocol, folder: Path, seeds: list[int], out: Path) -> str:
    records = Records(folder, plain.fingerprint())
    recommend(plain, records, seeds, parse_methods(METHODS), out, n_resamples=40)
    return out.read_text()


def test_the_file_is_settings_and_says_how_they_were_chosen(
    plain: Protocol, benched: Measured, phantom_spec: DataSpec, tmp_path: Path
) -> None:
    seeds = benched.result.seeds
    text = write(plain, benched.folder, seeds, tmp_path / "best.yaml")
    found = settings_for(phantom_spec, plain.settings.backbones, tmp_path / "best.yaml")
    assert isinstance(found, TrainSettings)
    assert (found.members, found.hidden, found.fit) == (2, 16, plain.settings.fit)
    comments = " ".join(line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
    for words in (
        "no test case of any draw was read",
        f"Seeds of the draws: {', '.join(map(str, seeds))}",
        "combination@hod",
        "Not possible in a bundle: gram@softmax: ",
        "feature maps",
        "density_aware",
        "log loss",
    ):
        assert words in comments, words
    content = yaml.safe_load(text)
    assert "backbones" not in content
    # By hand, from the records: the mean validation AUROC of the combination.
    assert f"{content['score']}@hod" in comments


def test_test_cases_have_no_part_in_it(plain: Protocol, benched: Measured, tmp_path: Path) -> None:
    seeds = benched.result.seeds
    before = write(plain, benched.folder, seeds, tmp_path / "before.yaml")
    spoilt = tmp_path / "spoilt"
    shutil.copytree(benched.folder, spoilt)
    changed = 0
    for path in sorted(spoilt.glob("records/*/*.safetensors")):
        found = load_arrays(path)
        assert found is not None
        arrays, header = found
        for name, values in arrays.items():
            if VALIDATION not in name:
                arrays[name] = np.zeros_like(values)
                changed += 1
        save_arrays(path, arrays, header)
    assert changed > 10
    assert write(plain, spoilt, seeds, tmp_path / "after.yaml") == before


def draws(gain: float, n: int = 400) -> list[ValidationDraw]:
    """Two scores on made-up cases; the second separates outliers better by `gain`."""
    found = []
    for seed in SEEDS:
        chance = np.random.default_rng(seed)
        truth = np.where(np.arange(n) % 2 == 0, -1, chance.integers(0, 2, n))
        base = chance.normal(size=n)
        found.append(
            ValidationDraw(
                seed=seed,
                n_inliers=2,
                truth=truth,
                clusters=np.arange(n, dtype=np.int64) + 10 * seed,
                fresh=np.ones(n, dtype=np.bool_),
                probabilities={"hod": chance.dirichlet(np.ones(3), size=n)},
                scores={
                    "default": base + (truth < 0),
                    "other": base + chance.normal(size=n) * 0.05 + (1 + gain) * (truth < 0),
                },
            )
        )
    return found


def score_of(name: str) -> Callable[[ValidationDraw], np.ndarray]:
    return lambda draw: draw.scores[name]


@pytest.mark.parametrize(("gain", "better"), [(0.0, False), (2.0, True), (-2.0, False)])
def test_only_a_difference_beyond_noise_counts(gain: float, better: bool) -> None:
    made = draws(gain)
    resamples = CrossedResamples([one.clusters for one in made], n_resamples=200, seed=0)
    names = {name: score_of(name) for name in ("default", "other")}
    rows = {row.name: row for row in compare_aurocs(made, names, "default", resamples)}
    assert rows["other"].is_better is better
    assert rows["other"].is_worse is (gain < 0)
    assert not rows["default"].is_better
    means = {
        name: (lambda draw, name=name: np.where(draw.truth < 0, np.nan, draw.scores[name]))
        for name in names
    }
    (first, _) = compare_means(made, means, "default", resamples, larger_is_better=True)
    by_hand = {
        name: np.mean([one.scores[name][one.truth >= 0].mean() for one in made]) for name in names
    }
    assert first.value == pytest.approx(max(by_hand.values()))


@pytest.mark.parametrize("alpha", [0.1, 0.4])
def test_sets_are_compared_at_the_coverage_of_the_settings(alpha: float) -> None:
    made = draws(0.0)
    resamples = CrossedResamples([one.clusters for one in made], n_resamples=40, seed=0)
    methods = [Method("conformal", key, "hod") for key in ("lac", "aps")]
    _, choice = _sets(made, methods, "hod", resamples, alpha)
    assert f"with {100 * (1 - alpha):.4g} % coverage" in choice.by
    sizes = {row.name: row.value for row in choice.rows}
    for key in ("lac", "aps"):
        by_hand = [np.nanmean(sets_of(one, "hod", key, alpha)[0]) for one in made]
        assert sizes[key] == pytest.approx(np.mean(by_hand))


def test_volumes_are_refused(oct_spec: DataSpec, plain: Protocol, tmp_path: Path) -> None:
    class Volumes:
        of_volumes = True

    with pytest.raises(UsageError, match="--recommend"):
        recommend(Volumes(), None, [], [], tmp_path / "x.yaml", n_resamples=2)  # type: ignore[arg-type]


def bundle_of(
    plain: Protocol, seed: int, folder: Path, cache: Path, **settings: object
) -> tuple[System, Predictions, np.ndarray]:
    """A bundle of the draw's data, scored from disk: validation and test cases, and its sets."""
    dataset = plain.dataset(seed)
    (backbone,) = plain.settings.backbones
    given = tiny_settings(backbone, **settings)
    train(dataset, given, folder, cache_folder=cache)
    system, _ = load_system(folder)
    assert isinstance(system, System)
    validation, test = dataset.of_split(VALIDATION), dataset.of_split("test")
    table = system.score([*validation, *test], cache).predictions
    return system, table, np.arange(len(table)) < len(validation)


def test_a_bundle_has_the_benchmarks_numbers(
    plain: Protocol, benched: Measured, session_cache: Path, tmp_path: Path
) -> None:
    """The same draw and settings: scores, calibrated probabilities and sets are the recorded."""
    seed = benched.result.seeds[0]
    records = Records(benched.folder, plain.fingerprint())

    def recorded(name: str) -> dict[str, np.ndarray]:
        found = records.load(seed, name)
        assert found is not None
        return found[0]

    system, table, seen = bundle_of(
        plain,
        seed,
        tmp_path / "a",
        session_cache,
        calibrator="vector",
        prediction_set={"method": "aps", "by": "condition"},
    )
    assert table.decisions is not None
    scores = table.decisions["ood_score"].to_numpy()
    for name, where in ((VALIDATION, seen), ("test", ~seen)):
        np.testing.assert_allclose(
            scores[where], recorded("combination@hod")[name], rtol=1e-4, atol=1e-6
        )
    calibrated = system.policy.calibrated(table)
    np.testing.assert_allclose(calibrated[~seen], recorded("vector@hod")["test"], atol=1e-5)
    sets = np.array(
        [[n in text for n in table.inliers] for text in table.decisions["prediction_set"]]
    )
    same = sets[~seen] == recorded("aps@hod")["condition"].astype(bool)
    assert same.mean() > 0.99  # a case at the very quantile may fall to either side by rounding
    fixed, again, _ = bundle_of(
        plain,
        seed,
        tmp_path / "b",
        session_cache,
        score="gen",
        prediction_set=None,
        guaranteed={"alpha": 0.3},
    )
    assert fixed.combination is not None
    assert fixed.combination.summary.shares == {"gen": 1.0}
    (gen,) = fixed.combination.scores
    raw = gen.score(Observations.of_predictions(again))
    np.testing.assert_allclose(raw[~seen], recorded("gen@hod")["test"], rtol=1e-4, atol=1e-6)
    assert again.decisions is not None
    order = np.argsort(raw, kind="stable")
    assert (np.diff(again.decisions["ood_score"].to_numpy()[order]) >= -1e-12).all()
    assert fixed.policy.guaranteed is not None
    assert again.decisions["set_coverage"].isna().all()


def test_methods_name_what_a_bundle_decides_by() -> None:
    assert Method("score", "combination", "hod") in parse_methods(METHODS)
