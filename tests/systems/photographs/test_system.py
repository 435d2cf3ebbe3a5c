from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny import TinyBundle, draw_case, noise, noisy_cases
from triage.data.manifest import Case
from triage.errors import RejectReason
from triage.predictions import DECISION_COLUMNS, Predictions
from triage.systems.bundle import load_system
from triage.systems.photographs.system import System
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import NO_AI_OPINION


@pytest.fixture(scope="module")
def system(tiny_bundle: TinyBundle) -> System:
    return load_system(tiny_bundle.folder)[0]


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    return noisy_cases(tmp_path, [1, 2, 1, 3])


def test_members_by_hand(system: System, cases: list[Case]) -> None:
    """Softmax of each head on the shared embedding; rows and members in order."""
    table = system.score(cases).predictions
    assert table.probabilities.shape == (4, 2, len(system.classes))
    assert table.members == ("tiny_resnet-seed0", "tiny_resnet-seed1")
    for place, member in enumerate(system.members):
        with torch.inference_mode():
            logits = member.head.eval()(torch.from_numpy(table.embedding)).double().numpy()
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        expected = powers / powers.sum(axis=1, keepdims=True)
        assert np.allclose(table.probabilities[:, place], expected, atol=1e-6)


def test_a_member_listed_twice_counts_twice(system: System, cases: list[Case]) -> None:
    one, two = system.members
    weighted = System(
        system.backbones,
        [one, one, two],
        kind=system.kind,
        classes=system.classes,
        n_inliers=system.n_inliers,
        policy=system.policy,
        provenance={},
        combination=system.combination,
    )
    both = system.score(cases).predictions.probabilities.astype(float)
    found = weighted.score(cases).predictions.mean_probabilities()
    assert np.allclose(found, (2 * both[:, 0] + both[:, 1]) / 3)


def test_every_case_is_scored_or_rejected(system: System, cases: list[Case]) -> None:
    cases[1].images[0].write_bytes(b"")
    black = draw_case(cases[0].images[0].parent, "black", np.zeros((40, 40, 3), np.uint8))
    scored = system.score([*cases, black])
    assert list(scored.predictions.cases["case_id"]) == ["c0", "c2", "c3", "black"]
    assert {name: e.reason for name, e in scored.rejected.items()} == {"c1": RejectReason.EMPTY}
    assert list(scored.quality) == ["black"]
    decisions = scored.predictions.decisions
    assert decisions is not None
    assert tuple(decisions.columns) == DECISION_COLUMNS
    assert decisions.iloc[-1]["reason_code"] == AbstainReason.QUALITY
    assert decisions.iloc[-1]["recommendation"] == NO_AI_OPINION


def test_no_case_left(system: System, tmp_path: Path) -> None:
    absent = Case("c", "p", "patient:p", (tmp_path / "absent.png",), None)
    scored = system.score([absent])
    assert len(scored.predictions) == 0
    scored.predictions.save(tmp_path / "p.parquet")
    assert len(Predictions.load(tmp_path / "p.parquet")) == 0


def test_scores_do_not_depend_on_the_company(system: System, cases: list[Case]) -> None:
    together = system.score(cases).predictions.probabilities
    alone = np.concatenate([system.score([case]).predictions.probabilities for case in cases])
    assert np.allclose(together, alone, atol=1e-5)


def test_subgroups_and_labels_travel(system: System, tmp_path: Path) -> None:
    plain = draw_case(tmp_path, "a", noise(1))
    known = Case("b", "q", "patient:q", plain.images, "acne", {"sex": "female"})
    table = system.score([plain, known]).predictions.cases
    assert list(table["sex"]) == ["unknown", "female"]
    assert list(table["label"]) == [None, "acne"]
    assert list(table["patient_id"]) == ["p-a", "q"]
    assert list(table["cluster"]) == ["patient:p-a", "patient:q"]
