from __future__ import annotations

import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import entropy

from tests.tiny import TinyOctBundle
from triage.data.dataset import Dataset
from triage.errors import BundleError
from triage.measurements.tissue_measurements import Measured, measure
from triage.models.oct.settings import OctSettings
from triage.oct_imaging.volume import Flag
from triage.oct_reading import OctReading
from triage.systems.bundle import load_system
from triage.systems.oct.opening import OpenVolume, open_volume
from triage.systems.oct.system import OctSystem, _flags
from triage.systems.scored import Scored
from triage.uncertainty.acquisition_shift import AcquisitionShift
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.diagnoses import DIAGNOSES


@pytest.fixture(scope="module")
def system(tiny_oct_bundle: TinyOctBundle) -> OctSystem:
    loaded, _ = load_system(tiny_oct_bundle.folder)
    assert isinstance(loaded, OctSystem)
    return loaded


@pytest.fixture(scope="module")
def cases(oct_data: Dataset) -> list:
    return oct_data.of_split("test")[:6]


@pytest.fixture(scope="module")
def scored(system: OctSystem, cases: list, tmp_path_factory: pytest.TempPathFactory) -> Scored:
    return system.score(cases, readings=tmp_path_factory.mktemp("readings"))


def test_every_pair_of_instances_is_a_member(system: OctSystem, scored: Scored) -> None:
    table = scored.predictions
    assert table.members == ("s0-r0", "s0-r1", "s1-r0", "s1-r1")
    assert table.probabilities.shape == (6, 4, len(system.classes))
    assert table.probabilities.sum(axis=2) == pytest.approx(1, abs=1e-5)
    assert table.decisions is not None
    assert len(table.decisions) == 6
    shown = system.policy.calibrated(table)
    parts = table.decisions[["aleatoric", "epistemic"]]
    assert (parts >= 0).all(axis=None)
    assert parts.sum(axis=1).to_numpy() == pytest.approx(entropy(shown, axis=1), abs=1e-6)


def test_a_reading_agrees_with_the_table(
    system: OctSystem, cases: list, scored: Scored, oct_data: Dataset
) -> None:
    assert scored.findings is not None
    findings = scored.findings.set_index("case_id")
    for row, case in enumerate(cases):
        reading = OctReading.load(scored.readings[case.case_id])
        pairs = scored.predictions.probabilities[row]
        assert reading.referral.reshape(pairs.shape) == pytest.approx(pairs)
        mean = reading.diagnoses.mean(axis=(0, 1))
        told = findings.loc[case.case_id, [f"p_{name}" for name in DIAGNOSES]]
        assert told.to_numpy(dtype=float) == pytest.approx(mean, abs=1e-6)
        for measurement in reading.facts.measurements:
            value = findings.loc[case.case_id, f"{measurement.name} ({measurement.unit})"]
            assert value == pytest.approx(measurement.value) or measurement.value is None
        assert reading.facts.volume_sha256 == scored.files[case.images[0]].sha256
        assert reading.facts.bundle == system.provenance["bundle"]
        assert scored.predictions.decisions is not None
        p_outlier = scored.predictions.decisions["p_outlier"].iloc[row]
        assert reading.facts.p_unfamiliar == pytest.approx(p_outlier)
        # Measurements are those of the maps that are shown.
        again = measure(reading.hypotheses, reading.facts.spacing, reading.facts.laterality)
        assert again.fovea == reading.facts.fovea
        assert reading.thickness == pytest.approx(again.thickness, nan_ok=True)


def test_the_order_of_cases_does_not_matter(system: OctSystem, cases: list, scored: Scored) -> None:
    turned = system.score(cases[::-1]).predictions
    assert turned.probabilities[::-1] == pytest.approx(scored.predictions.probabilities, abs=1e-6)


def test_no_case_at_all(system: OctSystem) -> None:
    found = system.score([])
    assert len(found.predictions) == 0
    assert found.files == found.readings == {}


def test_progress_ends_at_the_number_of_files(system: OctSystem, cases: list) -> None:
    told: list[int] = []
    bad = replace(cases[0], case_id="two", images=(cases[0].images[0], cases[1].images[0]))
    found = system.score([*cases[:2], bad], progress=told.append)
    assert sum(told) == 4
    assert set(found.rejected) == {"two"}


def test_memory_does_not_grow_with_volumes(system: OctSystem, cases: list) -> None:
    def kept(count: int) -> int:
        tracemalloc.start()
        try:
            found = system.score([replace(cases[0], case_id=str(n)) for n in range(count)])
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
            del found

    volume = np.prod((6, 32, 32)) * 15
    kept(1)
    assert kept(9) - kept(3) < volume, "less than one volume's probabilities for six volumes"


def test_an_unseen_device_and_a_turned_scan_give_no_opinion(
    system: OctSystem, cases: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlike(case: object, settings: object) -> OpenVolume:
        opened = open_volume(case, settings)
        if case is cases[0]:
            return replace(opened, acquisition=opened.acquisition + 100)
        if case is cases[1]:
            return replace(opened, flags=(str(Flag.UPSIDE_DOWN),))
        if case is cases[2]:
            return replace(opened, flags=(str(Flag.NOT_MACULAR),))
        return opened

    monkeypatch.setattr("triage.systems.oct.system.open_volume", unlike)
    # Networks of two epochs may take any scan for ungradable.
    monkeypatch.setattr("triage.systems.oct.system.ungradable", lambda *_: "")
    found = system.score(cases[:3])
    assert found.predictions.decisions is not None
    rows = found.predictions.decisions
    assert list(rows["reason_code"]) == [
        AbstainReason.UNSEEN_DEVICE, AbstainReason.QUALITY, AbstainReason.QUALITY,
    ]  # fmt: skip
    assert "training scans" in rows["reason"][0]
    assert Flag.UPSIDE_DOWN.sentence in rows["reason"][1]
    assert Flag.NOT_MACULAR.sentence in rows["reason"][2]


# The other eye, by the shape of the retina


def shaped(right_thicker: float) -> Measured:
    """Thickness that rises from left to right by a share of its mean."""
    slope = np.linspace(-right_thicker / 2, right_thicker / 2, 64, dtype=np.float32)
    thickness = np.tile(300 * (1 + slope), (25, 1)).astype(np.float32)
    return Measured((), thickness, np.zeros_like(thickness), (12, 31.5))


@pytest.mark.parametrize(
    ("claimed", "slope", "flagged"),
    [
        ("L", 0.4, True),
        ("R", 0.4, False),
        ("R", -0.4, True),
        ("L", -0.4, False),
        ("L", 0.03, False),
        (None, 0.4, False),
    ],
)
def test_a_retina_that_looks_like_the_other_eye(
    claimed: str | None, slope: float, flagged: bool
) -> None:
    opened = OpenVolume(
        bscans=np.zeros((25, 32, 64), np.uint8),
        spacing=(0.24, 0.04, 6 / 64),
        laterality=claimed,  # type: ignore[arg-type]
        superior_first=True,
        acquisition=np.zeros(3),
        signal=np.ones(25, np.float32),
        flags=("spacing_conflict",),
        sha256="",
    )
    flags = _flags(opened, shaped(slope))
    assert flags[0] == "spacing_conflict"
    assert (str(Flag.LATERALITY_UNLIKELY) in flags) is flagged


# On disk


def test_a_bundle_gives_the_same_again(
    tiny_oct_bundle: TinyOctBundle, cases: list, scored: Scored, tmp_path: Path
) -> None:
    copy = shutil.copytree(tiny_oct_bundle.folder, tmp_path / "copy")
    other, manifest = load_system(copy)
    assert isinstance(manifest.settings, OctSettings)
    found = other.score(cases).predictions
    assert np.array_equal(found.probabilities, scored.predictions.probabilities)
    assert found.provenance == scored.predictions.provenance


def test_an_altered_network_is_refused(tiny_oct_bundle: TinyOctBundle, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_oct_bundle.folder, tmp_path / "copy")
    weights = copy / "segmentation" / "s0.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    with pytest.raises(BundleError, match=r"segmentation/s0\.safetensors"):
        load_system(copy)


def test_the_training_device_is_remembered(
    system: OctSystem, tiny_oct_bundle: TinyOctBundle, oct_data: Dataset
) -> None:
    text = (tiny_oct_bundle.folder / "acquisition.json").read_text()
    assert AcquisitionShift.model_validate_json(text) == system.shift
    opened = [
        open_volume(case, system.settings.segmentation) for case in oct_data.of_split("train")
    ]
    distances = system.shift.distance(np.stack([one.acquisition for one in opened]))
    assert (distances <= system.shift.limit).mean() > 0.9


def test_a_volume_has_one_vector_of_the_referral_instances(
    system: OctSystem, cases: list, scored: Scored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the two instances counts the same: the cosine is the mean of their cosines."""
    table = scored.predictions.cases["case_id"]
    assert set(scored.features) == set(table) - set(scored.quality)
    # The networks are hardly trained, so scans count as ungradable: that is put aside.
    monkeypatch.setattr("triage.systems.oct.system._problem", lambda *_: "")
    graded = system.score(cases[:2])
    one, other = graded.predictions.embedding
    half = len(one) // 2
    assert len(system.referrers) == 2
    cosines = [
        float(one[part] @ other[part])
        / float(np.linalg.norm(one[part]) * np.linalg.norm(other[part]))
        for part in (slice(0, half), slice(half, None))
    ]
    first, second = (graded.features[case.case_id] for case in cases[:2])
    assert float(first @ second) == pytest.approx(sum(cosines) / 2, abs=1e-5)
    assert system.score([]).features == {}
