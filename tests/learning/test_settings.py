from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.data.make import make_spec
from triage.data.spec import DataSpec
from triage.errors import SpecError, UsageError
from triage.imaging.views import Views
from triage.learning.settings import (
    benchmark_settings,
    oct_settings,
    read_oct_settings,
    settings_for,
)
from triage.models.oct.settings import OctSettings
from triage.models.settings import FROM_SCRATCH, TrainSettings, default_settings

SPEC_FOLDER = Path(__file__).parents[2] / "data_specs" / "training"


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text)
    return path


def test_photographs_have_the_settings_of_their_backbones(tmp_path: Path) -> None:
    found = settings_for(make_spec(), ("monai:resnet10_narrow",), members=2, mode=None)
    assert isinstance(found, TrainSettings)
    assert (found.mode, found.members, found.fit) == ("finetune", 2, FROM_SCRATCH)
    # What a file leaves open is as it would be without the file.
    read = settings_for(make_spec(), found.backbones, write(tmp_path, "members: 2"))
    assert read == found


def test_a_file_sets_everything_that_trains_heads(tmp_path: Path) -> None:
    text = "{head: sngp, criterion: focal, mixing: regmixup, posterior: swag, samples: 6, ood: own}"
    found = settings_for(make_spec(), ("hf:any",), write(tmp_path, text), members=3)
    assert isinstance(found, TrainSettings)
    assert (found.head, found.criterion, found.mixing) == ("sngp", "focal", "regmixup")
    assert (found.posterior, found.samples, found.ood) == ("swag", 6, "own")
    assert found.members == 3
    # An option stands above the file.
    again = settings_for(make_spec(), ("hf:any",), write(tmp_path, text), head="hod")
    assert isinstance(again, TrainSettings)
    assert (again.head, again.criterion) == ("hod", "focal")


def test_a_file_sets_what_decides(tmp_path: Path) -> None:
    text = """
score: {outlier_mass: 0.25, knn: 0.75}
calibrator: dirichlet
prediction_set: {method: raps, by: condition}
guaranteed: {alpha: 0.05}
selective: {rule: target_error, error: 0.2}
"""
    found = settings_for(make_spec(), ("hf:any",), write(tmp_path, text))
    assert isinstance(found, TrainSettings)
    assert found.fixed_shares == {"outlier_mass": 0.25, "knn": 0.75}
    assert found.calibrator == "dirichlet"
    assert found.prediction_set is not None
    assert (found.prediction_set.method, found.prediction_set.alpha) == ("raps", 0.1)
    assert found.guaranteed is not None
    assert (found.guaranteed.alpha, found.guaranteed.delta) == (0.05, 0.1)
    assert (found.selective.rule, found.selective.error) == ("target_error", 0.2)
    assert TrainSettings.model_validate_json(found.model_dump_json()) == found
    none = settings_for(make_spec(), ("hf:any",), write(tmp_path, "prediction_set: null"))
    assert isinstance(none, TrainSettings)
    assert none.prediction_set is None


@pytest.mark.parametrize(
    ("text", "chosen", "of_policy", "shares"),
    [
        ("{}", "combination", None, None),
        ("ood: combined", "combination", None, None),
        ("ood: own", "own", None, None),
        ("score: own", "own", None, None),
        ("score: max_softmax", "max_softmax", "max_softmax", None),
        ("score: knn", "knn", None, {"knn": 1.0}),
    ],
)
def test_the_score_that_decides(
    text: str, chosen: str, of_policy: str | None, shares: dict[str, float] | None, tmp_path: Path
) -> None:
    found = settings_for(make_spec(), ("hf:any",), write(tmp_path, text))
    assert isinstance(found, TrainSettings)
    assert (found.chosen_score, found.score_of_policy) == (chosen, of_policy)
    assert found.fixed_shares == shares


def test_a_part_of_a_section_leaves_the_rest_as_it_would_be(tmp_path: Path) -> None:
    path = write(tmp_path, "fit: {epochs: 5}")
    found = settings_for(make_spec(), ("monai:resnet10_narrow",), path)
    assert isinstance(found, TrainSettings)
    assert found.fit == FROM_SCRATCH.model_copy(update={"epochs": 5})


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("criterion: fokal", "there is no criterion 'fokal'. Did you mean focal?"),
        ("posterior: swagg", "there is no posterior 'swagg'. Did you mean swag?"),
        ("head: sngpp", "'sngp'"),
        ("{head: duq, criterion: focal}", "a loss of its own"),
        ("{mode: finetune, mixing: mixup}", "frozen embeddings"),
        ("{head: sngp, posterior: laplace}", "needs a plain perceptron"),
        ("{posterior: mc_dropout, dropout: 0}", "needs dropout above 0"),
        ("backbones: [hf:other]", "--backbone"),
        ("loss: focal", "Did you mean criterion?"),
        (
            "calibrator: temprature",
            "there is no calibrator 'temprature'. Did you mean temperature?",
        ),
        ("calibrator: density_aware", "distance from the training data, which is not among"),
        ("score: combinatoin", "there is no score 'combinatoin'. Did you mean combination?"),
        ("score: gram", "gram needs feature maps of a backbone, which a bundle does not compute"),
        ("score: image_text", "image_text needs vectors of an image-text model"),
        ("{head: sngp, score: energy}", "plain perceptron, which the head sngp is not"),
        ("{head: softmax, score: outlier_mass}", "needs a head with classes for outliers"),
        ("score: {knn: 0.5, gen: 0.6}", "the shares sum to 1.1, not to 1"),
        ("score: {knn: -0.5, gen: 1.5}", "the share of knn is -0.5, not 0 or more"),
        ("score: {knnn: 1}", "there is no score 'knnn'. Did you mean knn?"),
        ("score: {}", "names no score"),
        ("{ood: own, score: knn}", "ood is an earlier name of score"),
        ("prediction_set: {method: lak}", "there is no conformal set 'lak'. Did you mean lac?"),
        ("prediction_set: {alpha: 1}", "prediction_set.alpha: Input should be less than 1"),
        ("guaranteed: {delta: 0}", "guaranteed.delta: Input should be greater than 0"),
        ("selective: {rule: chew}", "Did you mean chow?"),
        ("selective: {rule: target_error}", "target_error needs an error"),
    ],
)
def test_a_file_that_cannot_train_heads(text: str, reported: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        settings_for(make_spec(), ("hf:any",), write(tmp_path, text))
    assert reported in str(caught.value)
    assert "settings.yaml" in str(caught.value)


def test_a_file_sets_what_is_embedded(tmp_path: Path) -> None:
    usual = settings_for(make_spec(), ("hf:any",))
    plain = settings_for(make_spec(), ("hf:any",), write(tmp_path, "{stages: 1, views: whole}"))
    assert isinstance(usual, TrainSettings)
    assert isinstance(plain, TrainSettings)
    assert (usual.stages, usual.views) == (2, Views.CROPS)
    assert (plain.stages, plain.views) == (1, Views.WHOLE)
    with pytest.raises(SpecError, match=r"views: .*'whole' or 'crops'"):
        settings_for(make_spec(), ("hf:any",), write(tmp_path, "views: corners"))
    with pytest.raises(UsageError, match="stages and views are for frozen"):
        settings_for(make_spec(), ("monai:resnet10",), write(tmp_path, "stages: 2"))


def test_settings_of_a_benchmark(oct_spec: DataSpec, tmp_path: Path) -> None:
    path = write(tmp_path, "{views: whole, fit: {epochs: 3}, members: 4}")
    spec, given = make_spec(), ["hf:any"]
    assert benchmark_settings(spec, given, None, None) == default_settings(("hf:any",))
    read = benchmark_settings(spec, given, path, None)
    assert read == settings_for(spec, given, path)
    assert (read.stages, read.views, read.fit.epochs, read.members) == (2, Views.WHOLE, 3, 4)
    assert benchmark_settings(spec, given, path, 2) == read.model_copy(update={"members": 2})
    of_volumes = benchmark_settings(oct_spec, ["oct:any"], None, 2)
    assert of_volumes == default_settings(("oct:any",), members=2)
    with pytest.raises(UsageError, match=r"--config: volumes are compared .* Leave it out"):
        benchmark_settings(oct_spec, ["oct:any"], path, None)


def test_what_does_not_suit_the_backbones(tmp_path: Path) -> None:
    path = write(tmp_path, "mixing: mixup")
    with pytest.raises(UsageError, match="settings: mixing and posterior are for frozen"):
        settings_for(make_spec(), ("monai:resnet10_narrow",), path)


def test_volumes_have_two_stages(oct_spec: DataSpec, tmp_path: Path) -> None:
    assert settings_for(oct_spec, ("monai:resnet10_narrow",)) == OctSettings()
    path = write(tmp_path, "{instances: 3, seed: 5, segmentation: {rows: 64}}")
    found = settings_for(oct_spec, (), path, members=2, head=None)
    assert isinstance(found, OctSettings)
    assert (found.instances, found.seed, found.segmentation.rows) == (2, 5, 64)
    assert found.segmentation.columns == OctSettings().segmentation.columns


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("rows: 64", "rows: there is no such key"),
        ("{segmentation: {rows: 65}, instances: 0}", "instances: "),
        ("{segmentation: {rows: 65}}", "multiples of"),
        ("{segmentation: {context: 2}}", "odd"),
        ("head: hod", "head: there is no such key"),
        ("- a", "is not a mapping"),
        ("a: [", "is not YAML"),
        ("1: 2", "1: "),
    ],
)
def test_a_file_of_other_settings(
    text: str, reported: str, oct_spec: DataSpec, tmp_path: Path
) -> None:
    with pytest.raises(SpecError) as caught:
        settings_for(oct_spec, (), write(tmp_path, text))
    assert reported in str(caught.value)
    assert "settings.yaml" in str(caught.value)


def test_a_file_for_volumes_does_not_suit_photographs(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="does not hold settings for photographs"):
        settings_for(make_spec(), ("monai:resnet10_narrow",), write(tmp_path, "instances: 2"))
    with pytest.raises(SpecError, match="there is no such settings file"):
        settings_for(make_spec(), ("monai:resnet10_narrow",), tmp_path / "none.yaml")


def test_options_of_the_other_kind(oct_spec: DataSpec) -> None:
    with pytest.raises(UsageError, match="--selection: is no setting for oct_volumes"):
        settings_for(oct_spec, (), selection="diverse")
    with pytest.raises(UsageError, match="--instances"):
        settings_for(oct_spec, (), members=0)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no GPU"):
        oct_settings(write(tmp_path, "device: cuda"))


@pytest.mark.parametrize("path", sorted(SPEC_FOLDER.glob("oct_*.yaml")), ids=lambda path: path.stem)
def test_shipped_settings_of_volumes(path: Path) -> None:
    assert read_oct_settings(path) != OctSettings()


def test_shipped_settings_of_whole_pictures(phantom_spec: DataSpec) -> None:
    path = SPEC_FOLDER / "whole_pictures.yaml"
    found = settings_for(phantom_spec, ["hf:a"], path)
    usual = settings_for(phantom_spec, ["hf:a"])
    assert usual != found == usual.model_copy(update={"stages": 1, "views": Views.WHOLE})
