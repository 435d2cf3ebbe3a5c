"""A synthetic macular scan, its reading, and a database of such cases, for the pages."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from tests.store.make import abstention, bundle, case, opinion, ranked
from tests.ui.make_cases import SITE, let_decide_at_once
from triage.decision import Decision
from triage.decoding.read_volume import read_volume
from triage.hashing import hash_file
from triage.measurements.signal import bscan_signal
from triage.measurements.tissue_measurements import measure
from triage.oct_reading import OctReading, ReadingFacts
from triage.store import (
    ImageRecord,
    Modality,
    ReadingRecord,
    add_case,
    add_prediction,
    open_store,
    register_bundle,
    set_champion,
)
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.diagnoses import DIAGNOSES
from triage.vocabulary.tissues import Tissue

SMALL, FULL = (12, 96, 128), (49, 496, 512)
FIELD = 6.0
"""mm on a side."""
DEPTH = 1.92
"""mm from top to bottom."""
SECRETS = (
    "AISECRETACTION",
    "AISECRETREASON",
    "subretinal fluid",
    "about 80 of 100",
    "oct_reading",
    "None it knows",
    "Doubt",
    "models disagree",
)
"""Parts of the AI's output that must not reach the browser before the first read."""

_BRIGHTNESS = {
    Tissue.VITREOUS: 16,
    Tissue.NEUROSENSORY_RETINA: 105,
    Tissue.INTRARETINAL_FLUID: 26,
    Tissue.SUBRETINAL_FLUID: 20,
    Tissue.RPE: 205,
    Tissue.FIBROVASCULAR_PED: 120,
    Tissue.CHOROID: 92,
}


def tissue_map(shape: tuple[int, int, int], grow: float = 1.0) -> NDArray[np.uint8]:
    """Draw a fovea over subretinal fluid and a fibrovascular PED, with cysts beside it."""
    count, height, width = shape
    y = np.linspace(-FIELD / 2, FIELD / 2, count)[:, None]
    x = np.linspace(-FIELD / 2, FIELD / 2, width)[None]
    depth = np.linspace(0, DEPTH, height)[None, :, None]

    def hill(x0: float, y0: float, wide: float) -> NDArray[np.float64]:
        return np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * wide**2))

    fluid = 0.22 * grow * np.clip(hill(-0.3, 0.2, 0.75) - 0.25, 0, None)
    detachment = 0.2 * np.clip(hill(0.7, 0.3, 0.45) - 0.2, 0, None)
    base = 1.15 + 0.03 * (x**2 + y**2) / 9 + 0 * y
    pigment = base - detachment
    outer = pigment - fluid
    inner = outer - 0.31 + 0.15 * hill(0, 0, 0.42) - 0.03 * grow * hill(1.0, 0, 1.0)
    labels = np.full(shape, Tissue.VITREOUS, np.uint8)
    for tissue, top in (
        (Tissue.NEUROSENSORY_RETINA, inner),
        (Tissue.SUBRETINAL_FLUID, outer),
        (Tissue.RPE, pigment),
        (Tissue.FIBROVASCULAR_PED, pigment + 0.03),
        (Tissue.CHOROID, np.maximum(base, pigment + 0.03)),
    ):
        labels[depth >= top[:, None, :]] = tissue
    for x0, y0, size in ((1.1, 0.1, 0.16), (1.5, -0.4, 0.12), (-1.2, 0.6, 0.13)):
        centre = (outer - 0.17)[:, None, :]
        cyst = ((x - x0) ** 2 + (y - y0) ** 2)[:, None, :] / (size * grow) ** 2
        cyst = cyst + ((depth - centre) / (0.07 * grow)) ** 2
        labels[(cyst < 1) & (labels == Tissue.NEUROSENSORY_RETINA)] = Tissue.INTRARETINAL_FLUID
    return labels


def bscans(labels: NDArray[np.uint8], seed: int = 0) -> NDArray[np.uint8]:
    """Paint a tissue map as a scanner would: layers, vessels' shadows, speckle."""
    chance = np.random.default_rng(seed)
    bright = np.zeros(256)
    bright[[*_BRIGHTNESS]] = [*_BRIGHTNESS.values()]
    picture = bright[labels]
    rows = np.arange(labels.shape[1])[None, :, None]
    retina = labels == Tissue.NEUROSENSORY_RETINA
    top = retina.argmax(axis=1)[:, None]
    share = np.clip((rows - top) * DEPTH / labels.shape[1] / 0.31, 0, 1)
    picture = np.where(retina, picture * (1.25 - 0.5 * share + 0.22 * np.sin(19 * share)), picture)
    deep = np.clip((rows * DEPTH / labels.shape[1] - 1.2) / 0.5, 0, 1)
    picture = np.where(labels == Tissue.CHOROID, picture * (1 - 0.8 * deep), picture)
    shadow = np.ones(labels.shape[2])
    for place in chance.uniform(0, 1, 7):
        column = np.arange(len(shadow)) / len(shadow)
        shadow -= 0.3 * np.exp(-(((column - place) / 0.008) ** 2))
    below = retina.cumsum(axis=1) > 0.5 * np.maximum(retina.sum(axis=1, keepdims=True), 1)
    picture = np.where(below, picture * shadow, picture)
    speckle = gaussian_filter(chance.gamma(3.0, 1 / 3.0, labels.shape), (0, 0.6, 0.6))
    return np.clip(picture * speckle + chance.normal(6, 5, labels.shape), 0, 255).astype(np.uint8)


def write_volume(path: Path, shape: tuple[int, int, int] = SMALL, seed: int = 0) -> ImageRecord:
    """Write a synthetic scan of a right eye as an archive and return its record."""
    count, _, width = shape
    pixels = bscans(tissue_map(shape), seed)
    side = 384
    chance = np.random.default_rng(seed)
    rows, columns = np.mgrid[-1 : 1 : 1j * side, -1 : 1 : 1j * side]
    fundus = 140 - 60 * np.exp(-(rows**2 + columns**2) / 0.05) - 30 * (rows**2 + columns**2)
    fundus += 95 * np.exp(-((columns - 0.86) ** 2 + rows**2) / 0.012)
    for bend in (0.5, 0.75, -0.5, -0.75):
        course = bend * np.sqrt(np.clip(0.9 - columns, 0, None))
        fundus -= 55 * np.exp(-((rows - course) ** 2) / 0.0006) * (columns < 0.86)
    fundus += chance.normal(0, 7, fundus.shape)
    # Spectralis begins below; a raster of 6 mm in the middle of 9 mm
    heights = np.linspace(7.5, 1.5, count)
    meta = {
        "laterality": "R",
        "fixation": "macula",
        "manufacturer": "Made",
        "model": "Scanner 1",
        "bscan_spacing_mm": FIELD / (count - 1),
        "depth_spacing_mm": DEPTH / shape[1],
        "column_spacing_mm": FIELD / width,
        "localizer_spacing_mm": 9.0 / side,
        "starts": [[1.5, height] for height in heights],
        "ends": [[7.5, height] for height in heights],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        np.savez(
            stream,
            volume=pixels,
            slo=np.clip(fundus, 0, 255).astype(np.uint8),
            meta=np.array(json.dumps(meta)),
        )
    return ImageRecord(path.name, str(path.parent), read_volume(path).sha256)


def reading_of(
    image: ImageRecord, shape: tuple[int, int, int], instances: int = 5, **facts: Any
) -> OctReading:
    """Make a reading of a synthetic scan, by instances that see more and less fluid."""
    maps = np.stack([tissue_map(shape, grow) for grow in np.linspace(0.45, 1.5, instances)])
    tissue = tissue_map(shape)
    spacing = (FIELD / (shape[0] - 1), DEPTH / shape[1], FIELD / shape[2])
    measured = measure(maps, spacing, "R", superior_first=False)
    chance = np.random.default_rng(1)
    logits = np.array([2.6, 0.6, -0.6, -1.6, -1.2, -2.0]) + chance.normal(0, 0.7, (instances, 5, 6))
    referral = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    places = np.array([-6, 2.4, 0.4, -6, -5, -1.4, -4, -4.5, -0.6, -3.2])
    diagnoses = 1 / (1 + np.exp(-(places + chance.normal(0, 0.6, (instances, 5, 10)))))
    path = Path(image.root) / image.path
    stated: dict[str, Any] = {
        "classes": (*Urgency, "macroaneurysm", "vitelliform lesion"),
        "n_inliers": 4,
        "diagnoses": tuple(DIAGNOSES),
        "spacing": spacing,
        "laterality": "R",
        "measurements": measured.measurements,
        "p_unfamiliar": 0.04,
        "device_distance": 0.8,
        "device_limit": 2.0,
        "volume_sha256": image.sha256,
        "bundle": "d" * 64,
    }
    return OctReading(
        facts=ReadingFacts(**{**stated, **facts}),
        tissue=tissue,
        hypotheses=maps,
        disagreement=((maps != tissue).mean(axis=0) * 255).astype(np.uint8),
        referral=referral.astype(np.float32),
        diagnoses=diagnoses.astype(np.float32),
        thickness=measured.thickness,
        thickness_spread=measured.thickness_spread,
        signal=bscan_signal(read_volume(path).bscans),
    )


def write_reading(path: Path, reading: OctReading) -> ReadingRecord:
    """Save a reading and return its record."""
    path.parent.mkdir(parents=True, exist_ok=True)
    reading.save(path)
    return ReadingRecord(str(path), hash_file(path))


def oct_opinion(**changes: Any) -> Decision:
    """The decision on a volume, whose differential names the diagnoses by their titles."""
    names = ("cnv", "mro", "drusen", "csr", "erm")
    shares = (0.83, 0.6, 0.35, 0.2, 0.04)
    titles = [DIAGNOSES[name] for name in names]
    given: dict[str, Any] = {
        "condition": titles[0],
        "p_condition": 0.83,
        "p_outlier": 0.04,
        "differential": ranked(*zip(titles, shares, strict=True)),
        "reason": "AISECRETREASON",
        "next_action": "AISECRETACTION",
    }
    return opinion(Urgency.URGENT, **{**given, **changes})


def fill_oct(folder: Path, shape: tuple[int, int, int] = SMALL) -> tuple[str, dict[str, int]]:
    """Make a database of one volume with an opinion and one abstained on."""
    url = f"sqlite:///{folder / 'cases.db'}"
    store = open_store(url, create=True)
    numbers = {}
    unfamiliar = abstention(
        AbstainReason.UNFAMILIAR, reason="AISECRETREASON", next_action="AISECRETACTION"
    )
    with store.transaction() as session:
        titles = tuple(DIAGNOSES.values())
        system = register_bundle(session, bundle(name="Demo OCT system", conditions=titles))
        set_champion(session, system)
        decisions = {"V-2001": oct_opinion(), "V-2002": unfamiliar}
        for seed, (name, decision) in enumerate(decisions.items()):
            image = write_volume(folder / "volumes" / f"{name}.npz", shape, seed)
            reading = reading_of(image, shape)
            place = write_reading(folder / "readings" / f"{name}.oct_reading.safetensors", reading)
            record = case(
                name,
                source=SITE,
                images=(image,),
                modality=Modality.OCT_VOLUMES,
                groups={"age_band": "70-79", "sex": "F"},
                received_at=datetime.now(UTC) - timedelta(hours=20 + seed),
            )
            numbers[name] = add_case(session, record)
            add_prediction(session, numbers[name], system, decision, place)
    let_decide_at_once(store)
    store.close()
    return url, numbers
