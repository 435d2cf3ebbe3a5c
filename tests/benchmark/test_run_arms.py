"""The benchmark end to end with arms that are more than a head, and with `combination`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from triage.benchmark.methods import parse_methods
from triage.benchmark.protocol import Protocol
from triage.benchmark.run import benchmark


def test_arms_have_rows_of_their_own(
    protocol: Protocol, session_cache: Path, tmp_path: Path
) -> None:
    text = (
        "outlier_mass@hod+mixup,combination@hod,energy@hod,max_softmax@softmax+focal+swag,"
        "outlier_mass@sngp"
    )
    found = benchmark(
        replace(protocol, shifts=()),
        parse_methods(text),
        1,
        tmp_path,
        cache_folder=session_cache,
        n_resamples=20,
    )
    assert not found.skipped
    rows = {row.key: row for row in found.scores}
    assert rows.keys() == {
        "outlier_mass@hod+mixup",
        "combination@hod",
        "energy@hod",
        "max_softmax@softmax+focal+swag",
        "outlier_mass@sngp",
    }
    arms = {"hod+mixup", "hod", "softmax+focal+swag", "sngp"}
    assert {row.head for row in found.heads} == arms
    for row in rows.values():
        assert 0 <= (row.near["ood_auroc"].value or -1) <= 1
    assert not rows["energy@hod"].baseline  # outliers trained what it reads
    # Only what no training outlier went into is a baseline of those that learn outliers.
    assert found.best_baseline in {"max_softmax@softmax+focal+swag", "outlier_mass@sngp"}
