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
    found = near_duplicates(cases_of(clusters), embedded, 0.8)
    assert [(one.cluster_a, one.cluster_b) for one in found] == expected
    first = found[expected.index(("k03", "k07"))]
    assert (first.case_a, first.case_b) == ("c3", "c7")
    assert 0.8 < first.likeness <= 1.0 + 1e-6


def test_a_pair_of_clusters_is_told_by_its_most_similar_cases() -> None:
    generator = np.random.default_rng(2)
    matrix = generator.normal(size=(8, 16)).astype(np.float32)
    matrix[4] = matrix[1]
    matrix[5] = matrix[1] + 0.2 * generator.normal(size=16)
    (found,) = near_duplicates(cases_of(["a", "a", "x", "y", "b", "b", "z", "w"]), {"e": matrix})
    assert (found.case_a, found.case_b) == ("c1", "c4")


def test_cases_of_one_cluster_are_no_finding() -> None:
    matrix = np.random.default_rng(1).normal(size=(6, 8)).astype(np.float32)
    matrix[1] = matrix[0]
    same = cases_of(["k", "k", "a", "b", "c", "d"])
    assert near_duplicates(same, {"x": matrix}, 0.99) == []


def test_constant_embeddings_are_no_error() -> None:
    assert near_duplicates(cases_of(["a", "b"]), {"x": np.ones((2, 4), np.float32)}) == []
