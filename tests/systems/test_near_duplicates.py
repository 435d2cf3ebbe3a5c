from __future__ import annotations

import numpy as np

from triage.data.manifest import Case
from triage.systems.near_duplicates import near_duplicates


def cases_of(clusters: list[str]) -> list[Case]:
    return [
        Case(f"c{number}", f"p{number}", cluster, (), None)
        for number, cluster in enumerate(clusters)
    ]


def test_finds_the_pairs_that_a_double_loop_finds() -> None:
    generator = np.random.default_rng(0)
    base = generator.normal(size=(60, 32)).astype(np.float32)
    base[7] = base[3] + 0.1 * generator.normal(size=32)
    base[50] = base[20] + 0.1 * generator.normal(size=32)
    embedded = {"a": base, "b": base[:, ::2].copy()}
    clusters = [f"k{number:02}" for number in range(60)]
    standard = {}
    for key, matrix in embedded.items():
        z = (matrix - matrix.mean(0)) / matrix.std(0)
        standard[key] = z / np.linalg.norm(z, axis=1, keepdims=True)
    expected = [
        (clusters[i], clusters[j])
        for i in range(60)
        for j in range(i + 1, 60)
        if np.mean([float(z[i] @ z[j]) for z in standard.values()]) > 0.8
    ]
    assert ("k03", "k07") in expected
    assert near_duplicates(cases_of(clusters), embedded, 0.8) == expected


def test_cases_of_one_cluster_are_no_finding() -> None:
    matrix = np.random.default_rng(1).normal(size=(6, 8)).astype(np.float32)
    matrix[1] = matrix[0]
    same = cases_of(["k", "k", "a", "b", "c", "d"])
    assert near_duplicates(same, {"x": matrix}, 0.99) == []


def test_constant_embeddings_are_no_error() -> None:
    assert near_duplicates(cases_of(["a", "b"]), {"x": np.ones((2, 4), np.float32)}) == []
