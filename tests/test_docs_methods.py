"""The documentation of methods matches their registries and code."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import oct_tables
from tests.data.make import make_spec
from tests.decisions.make import CLASSES, CONDITIONS, make_predictions, random_probabilities
from tests.pages import blocks, rows, section, text_of
from triage.benchmark.methods import parse_methods
from triage.errors import RejectReason
from triage.heads import HEADS
from triage.learning.settings import settings_for
from triage.measurements import measure
from triage.oct_imaging import vendors
from triage.posteriors import POSTERIORS, TrainedTogether
from triage.uncertainty.combination.combination import EVIDENCE
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.diagnoses import DIAGNOSES
from triage.vocabulary.tissues import Tissue

# The benchmark


def test_every_method_of_the_benchmark_is_named() -> None:
    text = section("benchmark", "Methods")
    keys = {method.key for method in parse_methods("all")}
    assert [key for key in keys if f"`{key}`" not in text] == []
    (weighed,) = re.findall(r"`combination` weighs up to three of these, (.+?), as one", text)
    assert tuple(re.findall(r"`(\w+)`", weighed)) == EVIDENCE


def test_the_example_of_the_benchmark_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    for name, count in (("known", 80), ("new", 30)):
        p = random_probabilities(count, count)
        labels = [CLASSES[number % len(CONDITIONS)] for number in range(count)]
        embedding = generator.normal(size=(count, 6)).astype(np.float32)
        make_predictions(p, labels, embedding=embedding).save(tmp_path / f"{name}.parquet")
    (example,) = blocks(text_of("benchmark"), "python")
    found: dict[str, Any] = {}
    exec(compile(example, "benchmark.md", "exec"), found)
    assert found["unlike"].shape == (30,)
    assert found["sets"].shape == (30, len(CONDITIONS))
    assert not found["sets"][~found["answered"]].any()


# Training


def test_the_shown_settings_are_valid(tmp_path: Path) -> None:
    (shown,) = blocks(text_of("training"), "yaml")
    path = tmp_path / "training.yaml"
    path.write_text(shown, encoding="utf-8")
    assert settings_for(make_spec(), ("hf:any",), path) != settings_for(make_spec(), ("hf:any",))


def test_which_posteriors_need_which_heads() -> None:
    text = " ".join(text_of("training").split())
    (sentence,) = re.findall(r"- (`mc_dropout`[^.]+ need a plain perceptron: [^.]+)\.", text)
    together = {key for key, kind in POSTERIORS.items() if issubclass(kind, TrainedTogether)}
    named, heads = (set(re.findall(r"`(\w+)`", part)) for part in sentence.split("need"))
    assert "trained together" in sentence
    assert named | together == {k for k, kind in POSTERIORS.items() if kind.info.needs_perceptron}
    assert heads == {kind for kind, head in HEADS.items() if head.info.perceptron}


def test_arms_and_evidence_of_training_exist() -> None:
    text = text_of("training")
    named = re.findall(r"--methods (\S+)", "\n".join(blocks(text, "bash")))
    assert [method.name for words in named for method in parse_methods(words)]
    scores = {row[1].split("`")[0] for row in rows(section("training", "One score of several"))}
    assert scores - {"score"} == {*EVIDENCE}


# OCT


@pytest.mark.parametrize("table", oct_tables.TABLES)
def test_tables_of_oct_are_those_of_the_code(table: Callable[[], str]) -> None:
    assert table() in text_of("oct"), "`python -m tests.oct_tables` renews the page"


def test_tissues_diagnoses_and_formats_of_oct() -> None:
    text = " ".join(text_of("oct").split())
    assert ", ".join(f"{tissue.value} {tissue.title}" for tissue in Tissue) in text
    assert ", ".join(f"`{name}`" for name in DIAGNOSES) in text
    suffixes = re.findall(r"`(\.\w+)`", (vendors.__doc__ or "") + "`.npz`")
    assert [suffix for suffix in suffixes if f"`{suffix}`" not in text] == []


def test_the_ways_not_to_know_name_their_codes() -> None:
    table = {row[0] for row in rows(section("oct", "When it gives no opinion"))}
    assert table - {"code"} == {
        AbstainReason.QUALITY, AbstainReason.UNSEEN_DEVICE, AbstainReason.UNFAMILIAR,
    }  # fmt: skip


def test_reasons_of_refused_volumes_exist() -> None:
    answers = re.findall(r"`(\w+)`", section("oct", "Files").split("### Bad input")[1])
    assert {*answers} - {*RejectReason} == set()


def test_every_measurement_is_defined() -> None:
    nothing = measure(np.zeros((1, 2, 4, 4), dtype=np.uint8), None, "R")
    text = section("oct", "Measurements").lower()
    words = {word for each in nothing.measurements for word in re.findall(r"\w+", each.name)}
    fields = {"superior", "inferior", "nasal", "temporal", "inner", "outer", "field", "volume"}
    assert {word.lower() for word in words} - fields - {*re.findall(r"\w+", text)} == set()
