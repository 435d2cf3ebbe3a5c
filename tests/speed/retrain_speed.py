"""Seconds of a retraining of the photograph system on cached cases, step by step.

`python -m tests.speed.retrain_speed [CASES [MEMBERS [BACKBONE]]]`; by default 5,000 cases and 9
members. The pictures are noise, with patients, conditions and groups like those of phantoms; their
embeddings are put into the cache, as wide as the default recipe makes them, so that what is timed
is what a clinic's second and later retraining takes: hashing, heads, scoring, intervals, the gate,
and a second champion of another seed. Processor seconds are of this process and its threads; on a
busy machine they say more than the others.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from tests.tiny import draw_case, noise
from triage.data.dataset import load_dataset
from triage.data.spec import DataSpec
from triage.data.spec_files import load_spec, shipped_spec
from triage.gating.policy import load_gate_policy
from triage.hashing import hash_file, hash_json
from triage.intake.case_table import read_unlabelled
from triage.intake.ingest import ingest
from triage.intake.score import score_cases
from triage.learning.retraining.pipeline import retrain
from triage.learning.retraining.request import RetrainRequest
from triage.learning.retraining.result_lines import text_lines
from triage.learning.train import train
from triage.models.embedding_cache import EmbeddingCache
from triage.models.settings import TrainSettings, default_settings
from triage.phantoms.skin import write_phantoms
from triage.store import LabelSource, add_label, find_case, open_store
from triage.systems.bundle import load_system
from triage.systems.photographs.frozen_backbones import load_backbones
from triage.systems.photographs.system import embed_with, open_caches

REVIEWED = 100
SIDE = 24
SPREAD = 3.0
"""Distance between conditions, in standard deviations of a single number of the embedding."""


def write_cases(folder: Path, rows: pd.DataFrame, start: int, count: int, labelled: bool) -> None:
    """Write pictures of noise and a manifest with rows drawn from those of phantoms."""
    rng = np.random.default_rng(start)
    drawn = rows.iloc[rng.integers(0, len(rows), count)].reset_index(drop=True)
    (folder / "images").mkdir(parents=True)
    names = [f"images/{start + n}.png" for n in range(count)]
    for number, name in enumerate(names):
        Image.fromarray(noise(start + number, SIDE)).save(folder / name, compress_level=1)
    drawn["image"] = names
    drawn["case_id"] = [f"case-{start + n}" for n in range(count)]
    drawn["patient_id"] = [f"patient-{start + n // 2}" for n in range(count)]
    drawn[["case_id", "condition"]].to_csv(folder / "truth.csv", index=False)
    drawn.drop(columns=[] if labelled else ["condition"]).to_csv(
        folder / "manifest.csv", index=False
    )


def fill_cache(cache: Path, settings: TrainSettings, folders: list[Path], sample: Path) -> None:
    """Put embeddings of every picture into the cache: a centre for each condition, and noise."""
    backbones = load_backbones(settings)
    by_key = {network.name: network for network in backbones.values()}
    caches = open_caches(by_key, cache)
    case = pd.read_csv(sample / "manifest.csv")["image"].iloc[0]
    probe = draw_case(sample, "probe", np.asarray(Image.open(sample / case)))
    found, _ = embed_with(by_key, [probe], None, by_view=True, statistics=True)
    rng = np.random.default_rng(0)
    stored = open_caches(by_key, None)
    embed_with(by_key, [probe], None, caches=stored, statistics=True)
    statistics_key = next(key for key in caches if key not in by_key)
    kept = stored[statistics_key].get(hash_file(probe.images[0]))
    assert kept is not None
    centres: dict[tuple[str, str], np.ndarray] = {}
    views = {
        key: EmbeddingCache(cache, hash_json([caches[key].digest, "by view"]))
        for key, one in by_key.items()
        if one.preprocessing.n_views > 1
    }
    for folder in folders:
        table = pd.read_csv(folder / "manifest.csv")
        truth = pd.read_csv(folder / "truth.csv")["condition"]
        for name, condition in zip(table["image"], truth, strict=True):
            digest = hash_file(folder / name)
            jitter = kept.vector * rng.normal(1, 0.05, kept.vector.shape)
            caches[statistics_key].put(digest, jitter.astype(np.float32), "")
            for key in by_key:
                shape = found[key].shape[1:]
                centre = centres.setdefault(
                    (key, condition),
                    rng.normal(0, SPREAD / np.sqrt(shape[-1]), shape[-1]),
                )
                vector = (centre + rng.normal(0, 1, shape)).astype(np.float32)
                if key in views:
                    views[key].put(digest, vector, "")
                    vector = vector.mean(axis=0)
                caches[key].put(digest, vector, "")
    for one in (*caches.values(), *views.values()):
        one.flush()


def main(count: int = 5_000, members: int = 9, backbone: str = "lite:0@128") -> None:
    """Print the seconds of each step, and the sum."""
    spec = load_spec(shipped_spec("derm_phantoms"))
    settings = default_settings((backbone,), members=members)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        write_phantoms(work / "sample", 150, 0, size=48)
        rows = pd.read_csv(work / "sample" / "manifest.csv")
        rows = rows.drop_duplicates("case_id")
        write_cases(work / "data", rows, 0, count - REVIEWED, labelled=True)
        write_cases(work / "clinic", rows, 1_000_000, REVIEWED, labelled=False)
        cache = work / "cache"
        fill_cache(cache, settings, [work / "data", work / "clinic"], work / "sample")
        began = time.perf_counter()
        train(load_dataset(spec, work / "data"), settings, work / "first", cache_folder=cache)
        print(f"training the champion: {time.perf_counter() - began:.1f} s", flush=True)
        review(work, spec, cache)
        store = open_store(f"sqlite:///{work / 'cases.db'}")
        request = RetrainRequest(
            spec=spec,
            root=work / "data",
            policy=load_gate_policy(shipped_spec("retrain_policy")),
            out=work / "second",
            bundle=work / "first",
            cache_folder=cache,
        )
        began, used = time.perf_counter(), time.process_time()
        stamps: list[tuple[str, float, float]] = []

        def report(stage: str, done: int, total: int) -> None:
            if not stamps or stamps[-1][0] != stage:
                stamps.append((stage, time.perf_counter(), time.process_time()))

        result = retrain(request, store, report=report)
        spent, worked = time.perf_counter() - began, time.process_time() - used
        stamps.append(("", time.perf_counter(), time.process_time()))
        for (stage, at, cpu), (_, end, cpu_end) in pairwise(stamps):
            print(f"  {stage}: {end - at:.1f} s, {cpu_end - cpu:.1f} s of the processor")
        print("\n".join(text_lines(result)))
        store.close()
        print(f"{count} cases, {members} members, {os.cpu_count()} cores, load {os.getloadavg()}")
        print(f"retraining with the gate: {spent:.1f} s, {worked:.1f} s of the processor")


def review(work: Path, spec: DataSpec, cache: Path) -> None:
    """Store the clinic's cases, each with a finding of histology."""
    system, manifest = load_system(work / "first")
    clinic = work / "clinic"
    cases = read_unlabelled(clinic / "manifest.csv", clinic, spec)
    scored = score_cases(system, cases, cache, lambda *_: None)
    store = open_store(f"sqlite:///{work / 'cases.db'}", create=True)
    ingest(store, cases, scored, manifest, bundle=work / "first", root=clinic, source="clinic")
    truth = dict(pd.read_csv(clinic / "truth.csv").itertuples(index=False))
    with store.transaction() as session:
        for case, condition in truth.items():
            number = find_case(session, "clinic", case)
            assert number is not None
            add_label(
                session, number, condition, LabelSource.HISTOLOGY, given_by="lab", ai_visible=False
            )
    store.close()


if __name__ == "__main__":
    given = sys.argv[1:]
    main(*(int(one) for one in given[:2]), *given[2:])
