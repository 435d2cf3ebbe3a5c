"""What holds of every registry: one contract for all kinds of plug-ins."""

from __future__ import annotations

import pytest

from pipelines.cli.list import REGISTRIES, registry
from tests.pages import text_of
from tests.plugin_tables import PAGES
from triage.errors import UsageError
from triage.heads import HEADS, HeadKind
from triage.registry import Registry

NUMBERS = {
    "heads": 14,
    "losses": 7,
    "mixings": 4,
    "posteriors": 8,
    "scores": 23,
    "calibrators": 8,
    "conformal": 3,
    "corruptions": 10,
    "strategies": 7,
    "backbones": 6,
}
NEEDS = {
    ("heads", "training outliers"): {
        "reject", "hod", "outlier_exposure", "energy_bounded", "binary",
    },
    ("posteriors", "dropout above 0"): {"mc_dropout"},
    ("posteriors", "a head that is a plain perceptron"): {
        "mc_dropout", "batch_ensemble", "rank_one", "mimo", "laplace",
    },
    ("scores", "a head trained with outliers"): {"outlier_mass"},
    ("scores", "gradients"): {"odin"},
    ("scores", "logits"): {"max_logit", "energy"},
    ("scores", "feature maps"): {"gram"},
    ("scores", "image-text model"): {"image_text"},
    ("strategies", "an ensemble of at least two members"): {"bald", "batchbald"},
    ("strategies", "a system with the head `introspective`"): {"introspective"},
    ("strategies", "the expected clinical cost of each case and its reading time"): {"cost"},
    ("calibrators", "each case's distance from the training data"): {"density_aware"},
}  # fmt: skip

every = pytest.mark.parametrize("kind", REGISTRIES)


def test_every_kind_is_a_registry() -> None:
    found = {kind: registry(kind) for kind in REGISTRIES}
    assert all(type(each) is Registry for each in found.values())
    assert {kind: len(each) for kind, each in found.items()} == NUMBERS
    assert len({each.kind for each in found.values()}) == len(found)


@every
def test_every_plugin_is_found_by_the_key_of_its_description(kind: str) -> None:
    plugins = registry(kind)
    assert [info.key for info in plugins.infos()] == list(plugins)
    assert len({info.title for info in plugins.infos()}) == len(plugins)


@every
def test_a_misspelt_key_is_answered_with_the_nearest(kind: str) -> None:
    plugins = registry(kind)
    for key in plugins:
        with pytest.raises(UsageError, match=rf"there is no {plugins.kind} .* mean {key}\?"):
            plugins.lookup(f"{key}_")


@every
def test_every_table_is_in_the_documentation(kind: str) -> None:
    (page,) = (page for page, kinds in PAGES.items() if kind in kinds)
    table = registry(kind).markdown()
    assert len({line.count(" | ") for line in table.splitlines()}) == 1
    assert all(cell.strip() for row in registry(kind).table() for cell in row)
    assert table in text_of(page), "`python -m tests.plugin_tables` renews the page"


@pytest.mark.parametrize(("kind", "need"), NEEDS)
def test_who_needs_what(kind: str, need: str) -> None:
    found = {info.key for info in registry(kind).infos() if need in info.needs}
    assert found == NEEDS[kind, need]


def test_every_need_is_named_here_or_a_score_reads_it() -> None:
    known = {need for _, need in NEEDS}
    reads = {"probabilities", "embeddings", "features and last layer"}
    found = {
        need for kind in NUMBERS if kind != "backbones" for i in registry(kind).infos()
        for need in i.needs
    }  # fmt: skip
    assert found == known | reads


def test_settings_take_the_heads_of_the_registry() -> None:
    assert list(HEADS) == [kind.value for kind in HeadKind]
