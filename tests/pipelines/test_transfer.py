import json
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import TinyOctBundle
from triage.data.dataset import Dataset, load_dataset
from triage.data.spec import DataSpec
from triage.errors import UsageError
from triage.learning.transfer import Transfer, save_transfer, transfer
from triage.systems.bundle import load_policy, load_system
from triage.systems.oct.networks import weights_digest
from triage.systems.oct.system import OctSystem
from triage.uncertainty.auroc import auroc


@pytest.fixture(scope="module")
def new_device(oct_spec: DataSpec, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    from triage.phantoms.oct import write_oct_phantoms

    folder = tmp_path_factory.mktemp("device_b")
    write_oct_phantoms(folder, 90, 0, device="B", size=(6, 32, 32), rare_fraction=0.4)
    return load_dataset(oct_spec, folder)


@pytest.fixture(scope="module")
def found(
    oct_data: Dataset,
    new_device: Dataset,
    tiny_oct_bundle: TinyOctBundle,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Transfer, Path]:
    folder = tmp_path_factory.mktemp("transfer")
    done = transfer(
        oct_data,
        new_device,
        tiny_oct_bundle.settings,
        folder,
        bundle=tiny_oct_bundle.folder,
        share=0.2,
        n_resamples=50,
    )
    return done, folder


def test_only_stage_one_learns_the_new_device(
    found: tuple[Transfer, Path], tiny_oct_bundle: TinyOctBundle
) -> None:
    before, _ = load_system(tiny_oct_bundle.folder)
    after, manifest = load_system(found[1] / "adapted")
    assert isinstance(before, OctSystem)
    assert isinstance(after, OctSystem)
    for name, network in before.segmenters.items():
        assert weights_digest(network) != weights_digest(after.segmenters[name])
    for name, network in before.referrers.items():
        assert weights_digest(network) == weights_digest(after.referrers[name])
    assert load_policy(found[1] / "adapted") == load_policy(tiny_oct_bundle.folder)
    assert before.shift != after.shift
    assert "adapted to another device" in manifest.notes[-1]


def test_the_share_is_of_the_old_devices_annotations(
    found: tuple[Transfer, Path], oct_data: Dataset
) -> None:
    train = [case for case in oct_data.of_split("train") if case.condition in oct_data.draw.classes]
    assert found[0].old_volumes == len(train)
    assert found[0].volumes == int(0.2 * len(train))


def test_the_new_device_is_told_from_the_old_one(found: tuple[Transfer, Path]) -> None:
    done = found[0]
    old, new = (
        done.runs[name].findings["device_distance"].to_numpy()  # type: ignore[index]
        for name in ("old device", "new device, before")
    )
    is_new = np.arange(len(old) + len(new)) >= len(old)
    assert done.unseen_auroc == auroc(np.concatenate([old, new]), is_new)
    assert done.unseen_auroc > 0.95
    assert done.unseen_share > 0.8
    adapted, _ = load_system(found[1] / "adapted")
    assert isinstance(adapted, OctSystem)
    after = done.runs["new device, after"].findings["device_distance"]  # type: ignore[index]
    assert (after > adapted.shift.limit).mean() < 0.3


def test_the_table_is_written(found: tuple[Transfer, Path]) -> None:
    done, folder = found
    save_transfer(done, folder)
    reported = json.loads((folder / "transfer.json").read_text())
    assert [row["stage"] for row in reported["stages"]] == list(done.runs)
    referral = done.runs["new device, before"].referral
    assert referral is not None
    assert reported["stages"][1]["error"]["value"] == referral.error.value


def test_too_small_a_share_is_refused(
    oct_data: Dataset, new_device: Dataset, tiny_oct_bundle: TinyOctBundle, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="too few"):
        transfer(
            oct_data,
            new_device,
            tiny_oct_bundle.settings,
            tmp_path,
            bundle=tiny_oct_bundle.folder,
            share=0.001,
        )
    assert not (tmp_path / "adapted").exists()
