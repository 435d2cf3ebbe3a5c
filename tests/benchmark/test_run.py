"""The benchmark end to end on phantoms: right, repeatable, resumable, and clear when it cannot."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from pipelines.terminal.benchmark_tables import tables
from tests.tiny import tiny_settings
from triage.benchmark import draw_job
from triage.benchmark.methods import parse_methods
from triage.benchmark.protocol import Protocol, parse_shift
from triage.benchmark.records import Records
from triage.benchmark.results import BenchmarkResult
from triage.benchmark.run import JSON, PAGE, benchmark
from triage.data.spec import DataSpec
from triage.decisions.cost_matrix import largest_cost
from triage.errors import UsageError
from triage.models.settings import FitSettings
from triage.vocabulary.clinical import Risk

METHODS = "max_softmax,energy,knn,outlier_mass,none,temperature,density_aware,lac"


@dataclass(frozen=True)
class Measured:
    folder: Path
    result: BenchmarkResult
    cache: Path


def measure(protocol: Protocol, folder: Path, cache: Path, methods: str = METHODS) -> Measured:
    result = benchmark(
        protocol, parse_methods(methods), 2, folder, cache_folder=cache, n_resamples=60
    )
    return Measured(folder, result, cache)


@pytest.fixture(scope="session")
def measured(
    protocol: Protocol, session_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Measured:
    return measure(protocol, tmp_path_factory.mktemp("bench"), session_cache)


def without_times(result: BenchmarkResult) -> Any:
    content = json.loads(result.to_json())
    content["created_at"] = ""
    for row in (*content["scores"], *content["calibrators"]):
        row["cost"] = None
    return content


def test_the_tables_hold_what_was_asked_for(measured: Measured) -> None:
    result = measured.result
    assert {row.key for row in result.scores} == {
        "max_softmax@softmax",
        "energy@softmax",
        "knn@softmax",
        "outlier_mass@reject",
        "outlier_mass@hod",
    }
    assert {row.key for row in result.calibrators} == {
        "none@hod",
        "temperature@hod",
        "density_aware@hod",
    }
    assert {row.by for row in result.conformal} >= {"all", "condition", "gate"}
    assert {row.head for row in result.heads} == {"softmax", "reject", "hod"}
    # Each head has its own probabilities, and so its own guaranteed thresholds.
    named = {
        head
        for row in result.guarantees
        for head in ("softmax", "reject", "hod")
        if f"({head})" in row.title
    }
    assert named == {"softmax", "reject", "hod"}
    assert result.best_baseline in {"max_softmax@softmax", "energy@softmax", "knn@softmax"}
    assert result.seeds == [0, 1]
    assert not result.skipped
    for row in result.scores:
        number = row.near["ood_auroc"]
        assert number.low is not None
        assert number.high is not None
        assert 0 <= number.low <= (number.value or 0) <= number.high <= 1
        assert (row.difference is None) == (row.key == result.best_baseline)
        assert set(row.shifted) == {"gaussian_blur:3"}
        assert row.cost.memory_mib is not None


def test_joint_log_likelihoods_are_of_the_recorded_members(measured: Measured) -> None:
    for row in measured.result.heads:
        assert row.members == 2
        joint, marginal, gain = (row.joint[key].value for key in ("joint", "marginal", "gain"))
        assert joint < 0
        assert joint - marginal == pytest.approx(gain)
        assert row.joint["joint"].low < joint < row.joint["joint"].high
        protocol = json.loads((measured.folder / "protocol.json").read_text())
        own, _ = Records(measured.folder, protocol).load(0, f"members-{row.head}") or ({}, {})
        assert own["test"].shape[1] == 2
        assert ((own["test"] > 0) & (own["test"] <= 1)).all()
    assert any("Joint log-likelihood" in str(each.title) for each in tables(measured.result))


def test_records_of_before_members_were_kept_still_load(
    measured: Measured, protocol: Protocol, tmp_path: Path
) -> None:
    shutil.copytree(measured.folder, tmp_path / "old")
    for path in (tmp_path / "old" / "records").rglob("members-*"):
        path.unlink()
    found = measure(protocol, tmp_path / "old", measured.cache).result
    assert all(row.joint == {} for row in found.heads)
    assert not list((tmp_path / "old" / "records").rglob("members-*"))  # nothing was run again
    expected = without_times(measured.result)
    for row in expected["heads"]:
        row |= {"joint": {}, "members": None}
    assert without_times(found) == expected
    assert "records do not hold what each member said" in (tmp_path / "old" / PAGE).read_text()


def test_near_and_far_are_what_scikit_learn_finds_in_the_records(measured: Measured) -> None:
    protocol = json.loads((measured.folder / "protocol.json").read_text())
    records = Records(measured.folder, protocol)
    for row in measured.result.scores:
        near, far = [], []
        for seed in measured.result.seeds:
            draw, _ = records.load(seed, "draw") or ({}, {})
            recorded, _ = records.load(seed, row.key) or ({}, {})
            outlier = draw["truth/test"] < 0
            near.append(roc_auc_score(outlier, recorded["test"]))
            inliers = recorded["test"][~outlier]
            both = np.concatenate([inliers, recorded["far"]])
            far.append(roc_auc_score(np.arange(len(both)) >= len(inliers), both))
        assert row.near["ood_auroc"].value == pytest.approx(np.mean(near))
        assert row.near_auroc_by_draw == pytest.approx(near)
        assert row.far.value == pytest.approx(np.mean(far))


def test_what_depends_on_the_outliers_is_at_the_specs_prevalence_and_at_the_splits(
    measured: Measured, protocol: Protocol
) -> None:
    records = Records(measured.folder, json.loads((measured.folder / "protocol.json").read_text()))
    result = measured.result
    outliers = [
        (records.load(seed, "draw") or ({}, {}))[0]["truth/test"] < 0 for seed in result.seeds
    ]
    assert result.outlier_share == pytest.approx(np.mean([one.mean() for one in outliers]))
    stated = protocol.spec.outlier_prevalence
    for row in result.scores:
        areas = []
        for seed, outlier in zip(result.seeds, outliers, strict=True):
            score = (records.load(seed, row.key) or ({}, {}))[0]["test"]
            share = outlier.mean()
            weights = np.where(outlier, stated / share, (1 - stated) / (1 - share))
            areas.append(
                [
                    average_precision_score(outlier, score, sample_weight=given)
                    for given in (weights, None)
                ]
            )
        found = row.near["ood_aupr"]
        assert (found.value, found.at_split_share) == pytest.approx(tuple(np.mean(areas, axis=0)))
        assert row.near["ood_auroc"].at_split_share is None
    costs = protocol.spec.costs.outcomes
    rules = {row.key: row for row in result.rejection}
    never, always = rules["never abstain@hod"], rules["always abstain@hod"]
    expected = [
        share * costs.abstain_outlier + (1 - share) * costs.abstain_inlier
        for share in (stated, result.outlier_share or 0.0)
    ]
    # to the cost of abstaining, that of the queues is added
    for found, least in zip((always.cost.value, always.cost.at_split_share), expected, strict=True):
        assert found is not None
        assert least < found <= largest_cost(protocol.spec)
    for row in result.scores:
        by_outcome = row.near["outcome_cost"].value
        assert by_outcome is not None
        assert 0 <= by_outcome <= max(costs.model_dump().values())
    assert (never.abstained.value, never.abstained.at_split_share) == (0, 0)
    for row in result.rejection:
        for number in (row.cost, row.abstained, row.difference):
            if number is not None:
                assert number.low is not None
                assert number.high is not None
                assert number.high - number.low > 1e-3
                assert number.at_split_share is not None
    for curve in result.curves:
        assert len(curve.at_split_share) == len(curve.risk) == len(curve.coverage)
        assert curve.at_split_share[-1] != pytest.approx(curve.risk[-1])
    (near, *_, rejection) = tables(result)
    for table in (near, rejection):
        assert f"a at {stated:.0%} outliers, as the spec states" in str(table.caption)
        assert f"b at the split's own {result.outlier_share:.0%}" in str(table.caption)
    cells = [cell for column in rejection.columns for cell in column.cells]
    assert f"{always.cost.value:.3f} [" in " ".join(map(str, cells))
    assert f"/ {always.cost.at_split_share:.3f}" in " ".join(map(str, cells))


def test_hod_and_the_reject_bucket_are_compared(measured: Measured, protocol: Protocol) -> None:
    """By the conditions that the spec gives a risk, as the records keep them."""
    (pair,) = measured.result.pairs
    assert (pair.a, pair.b) == ("outlier_mass@hod", "outlier_mass@reject")
    records = Records(measured.folder, json.loads((measured.folder / "protocol.json").read_text()))
    near = {row.key: row.near["ood_auroc"] for row in measured.result.scores}
    parts = {(part.axis, part.level): part for part in pair.parts}
    overall = parts["overall", "all"]
    assert overall.a == near[pair.a]
    assert overall.b == near[pair.b]
    assert overall.difference.value == pytest.approx(
        (near[pair.a].value or 0) - (near[pair.b].value or 0)
    )
    axes = {axis.column for axis in protocol.spec.subgroups}
    assert {axis for axis, _ in parts} == {"overall", "risk"} | axes
    risky = [one.name for one in protocol.spec.conditions if one.risk is Risk.HIGH]
    differences = []
    for seed in measured.result.seeds:
        draw, header = records.load(seed, "draw") or ({}, {})
        names = np.array(header["outliers"])
        assert np.array_equal(names == "", draw["truth/test"] >= 0)
        kept = np.isin(names, ["", *risky])
        if np.unique(draw["cluster/test"][kept & (names != "")]).size < 10:
            continue
        a, b = (
            roc_auc_score(names[kept] != "", (records.load(seed, key) or ({}, {}))[0]["test"][kept])
            for key in (pair.a, pair.b)
        )
        differences.append(a - b)
    high = parts["risk", "high"]
    assert high.draws == len(differences)
    if not high.reason:
        assert high.difference.value == pytest.approx(np.mean(differences))


def test_the_gate_is_placed_by_validation_outliers_alone(measured: Measured) -> None:
    protocol = json.loads((measured.folder / "protocol.json").read_text())
    records = Records(measured.folder, protocol)
    (row,) = [row for row in measured.result.conformal if row.by == "gate"]
    inliers, outliers = [], []
    for seed in measured.result.seeds:
        draw, _ = records.load(seed, "draw") or ({}, {})
        head, _ = records.load(seed, "head-hod") or ({}, {})
        recorded, _ = records.load(seed, "lac@hod") or ({}, {})
        n_inliers = recorded["all"].shape[1]
        mass = {name: head[name][:, n_inliers:].sum(axis=1) for name in ("validation", "test")}
        gate = np.quantile(mass["validation"][draw["truth/validation"] < 0], 0.2)
        answered = mass["test"] <= gate
        assert np.array_equal(recorded["gate answered"].astype(bool), answered)
        assert not recorded["gate"][~answered].any()
        inliers.append(answered[draw["truth/test"] >= 0])
        outliers.append(answered[draw["truth/test"] < 0])
    assert row.answered == pytest.approx(np.concatenate(inliers).mean())
    assert row.outliers_answered == pytest.approx(np.concatenate(outliers).mean())
    assert row.rows[0].n_cases == np.concatenate(inliers).sum()
    (plain,) = [row for row in measured.result.conformal if row.by == "all"]
    assert (plain.answered, plain.outliers_answered) == (1.0, 1.0)


def test_files_are_written_and_read_back(measured: Measured) -> None:
    text = (measured.folder / JSON).read_text(encoding="utf-8")
    assert BenchmarkResult.model_validate_json(text) == measured.result
    assert (measured.folder / PAGE).stat().st_size > 1000
    assert not (measured.folder / "checkpoints" / "draw-0").exists()


def test_the_same_seeds_give_the_same_numbers(
    measured: Measured, protocol: Protocol, tmp_path: Path
) -> None:
    again = measure(protocol, tmp_path / "again", measured.cache)
    assert without_times(again.result) == without_times(measured.result)


def test_an_interrupted_benchmark_goes_on_where_it_was(
    measured: Measured, protocol: Protocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = draw_job.run_method
    calls: list[str] = []

    def stops_at_the_fourth(method: Any, draw: Any, *, trace_memory: bool) -> Any:
        calls.append(f"{draw.seed} {method.name}")
        if len(calls) == 4:
            raise KeyboardInterrupt
        return whole(method, draw, trace_memory=trace_memory)

    monkeypatch.setattr(draw_job, "run_method", stops_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        measure(protocol, tmp_path, measured.cache)
    done = calls[:3]
    found = measure(protocol, tmp_path, measured.cache)
    assert not set(done) & set(calls[4:])
    assert sorted({*done, *calls[4:]}) == sorted(
        f"{seed} {method.name}" for seed in (0, 1) for method in parse_methods(METHODS)
    )
    assert without_times(found.result) == without_times(measured.result)


def test_more_methods_keep_what_was_measured(
    measured: Measured, protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = draw_job.run_method
    calls: list[str] = []

    def noted(method: Any, draw: Any, *, trace_memory: bool) -> Any:
        calls.append(method.name)
        return whole(method, draw, trace_memory=trace_memory)

    monkeypatch.setattr(draw_job, "run_method", noted)
    more = measure(protocol, measured.folder, measured.cache, f"{METHODS},entropy")
    assert set(calls) == {"entropy@softmax"}
    before = {row.key: row.near for row in measured.result.scores}
    assert {row.key: row.near for row in more.result.scores if row.key in before} == before
    measure(protocol, measured.folder, measured.cache)  # as the other tests know it


def test_another_protocol_is_refused(measured: Measured, protocol: Protocol) -> None:
    other = replace(protocol, shifts=(parse_shift("jpeg:2"),))
    with pytest.raises(UsageError, match="other shifts"):
        measure(other, measured.folder, measured.cache)


def test_without_an_image_text_model_the_rest_runs(
    protocol: Protocol, session_cache: Path, tmp_path: Path
) -> None:
    found = benchmark(
        protocol,
        parse_methods("max_softmax,image_text"),
        1,
        tmp_path,
        cache_folder=session_cache,
        n_resamples=20,
    )
    (skipped,) = found.skipped
    assert skipped.key == "image_text@softmax"
    assert "--image-text" in skipped.reason
    assert [row.key for row in found.scores] == ["max_softmax@softmax"]


def test_a_spec_without_outliers_has_far_and_shifted_sets(
    protocol: Protocol, session_cache: Path, tmp_path: Path
) -> None:
    content = protocol.spec.model_dump(mode="json")
    content["conditions"] = [
        condition for condition in content["conditions"] if condition["role"] == "inlier"
    ]
    content["rows"]["unlisted_conditions"] = "ignore"
    content["roles"] = {}
    bare = replace(protocol, spec=DataSpec.model_validate(content))
    found = benchmark(
        bare,
        parse_methods("max_softmax,outlier_mass,temperature"),
        1,
        tmp_path,
        cache_folder=session_cache,
        n_resamples=20,
    )
    assert {one.key for one in found.skipped} == {"outlier_mass@reject", "outlier_mass@hod"}
    assert all("the spec has none" in one.reason for one in found.skipped)
    (row,) = found.scores
    assert row.near["ood_auroc"].value is None
    assert row.far.value is not None
    assert [one.key for one in found.calibrators] == ["temperature@softmax"]
    assert any("no test outliers" in note for note in found.notes)


def test_a_held_out_level_is_a_shift(
    protocol: Protocol, session_cache: Path, tmp_path: Path
) -> None:
    axis = protocol.spec.subgroups[0].column
    level = protocol.dataset(0).cases[0].subgroups[axis]
    name = f"{axis}={level}"
    shifted = replace(protocol, shifts=(parse_shift(name),))
    found = benchmark(
        shifted,
        parse_methods("knn"),
        1,
        tmp_path,
        cache_folder=session_cache,
        n_resamples=20,
    )
    assert found.counts[name] > 0
    assert found.scores[0].shifted[name].value is not None


def test_far_images_of_a_folder(protocol: Protocol, session_cache: Path, tmp_path: Path) -> None:
    from PIL import Image

    from tests.tiny import noise

    folder = tmp_path / "other"
    folder.mkdir()
    for number in range(7):
        Image.fromarray(noise(number)).save(folder / f"{number}.png")
    far = replace(protocol, far=folder)
    found = benchmark(
        far, parse_methods("knn"), 1, tmp_path / "out", cache_folder=session_cache, n_resamples=20
    )
    assert found.counts["far"] == 7
    with pytest.raises(UsageError, match="holds no image"):
        replace(protocol, far=tmp_path / "out").far_cases()


def test_what_only_some_methods_read(
    protocol: Protocol, session_cache: Path, tmp_path: Path
) -> None:
    """Feature maps, gradients, and an image-text model with sentences of what is out."""
    from tests.backbones.test_image_text import write_clip

    model = f"hf:{write_clip(tmp_path / 'clip')}"
    reported = replace(protocol, image_text=model, unknown_texts=("a cat", "a map"))
    found = benchmark(
        reported,
        parse_methods("gram,odin,image_text"),
        1,
        tmp_path / "out",
        cache_folder=session_cache,
        n_resamples=20,
    )
    assert not found.skipped
    near = {row.score: row.near["ood_auroc"].value for row in found.scores}
    assert near.keys() == {"gram", "odin", "image_text"}
    assert all(value is not None for value in near.values())


def test_networks_trained_end_to_end(
    protocol: Protocol, session_cache: Path, tmp_path: Path
) -> None:
    settings = tiny_settings(
        "monai:resnet10_narrow@32", mode="finetune", hidden=0, members=1
    ).model_copy(update={"fit": FitSettings(epochs=1, patience=1, batch_size=32)})
    found = benchmark(
        replace(protocol, settings=settings, similar=0.7),
        parse_methods("energy,vim,mahalanobis,outlier_mass@hod"),
        1,
        tmp_path,
        cache_folder=session_cache,
        n_resamples=20,
    )
    assert {row.head for row in found.heads} == {"softmax", "hod"}
    assert len(found.scores) == 4


def test_an_arm_that_cannot_be_trained_is_refused_before_anything_is(
    protocol: Protocol, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="laplace"):
        measure(protocol, tmp_path / "out", tmp_path / "cache", "energy,outlier_mass@sngp+laplace")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "cache").exists()
