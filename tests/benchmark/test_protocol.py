from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import triage.learning.find_duplicates
from triage.benchmark.protocol import Protocol, parse_shift, parse_shifts
from triage.errors import SpecError, UsageError
from triage.imaging.corruptions import Corruption
from triage.systems.near_duplicates import Alike


def quiet(*_: Any) -> None:
    pass


def test_repeats_deal_roles_and_splits_anew(protocol: Protocol) -> None:
    first, second = (protocol.dataset(seed) for seed in protocol.seeds(2))
    assert first.draw != second.draw
    inliers = [case.condition in first.draw.inliers for case in first.cases]
    pairs = zip(first.splits, second.splits, inliers, strict=True)
    assert any(a != b for a, b, inlier in pairs if inlier)
    assert protocol.dataset(0).splits == first.splits


def test_seeds_whose_splits_lack_a_condition_are_passed_over(protocol: Protocol) -> None:
    few, many = protocol.seeds(2), protocol.seeds(6)
    assert many[:2] == few
    assert len(set(many)) == 6
    passed_over = set(range(max(many) + 1)) - set(many)
    for seed in passed_over:
        with pytest.raises(SpecError):
            protocol.dataset(seed)


def test_the_first_draw_may_be_a_later_one(protocol: Protocol) -> None:
    """What was chosen on some draws can be measured on others."""
    seeds = protocol.seeds(4)
    assert replace(protocol, first_draw=seeds[2]).seeds(2) == seeds[2:]
    later = replace(protocol, spec=protocol.spec.model_copy(deep=True), first_draw=seeds[2])
    assert later.dataset(seeds[2]).splits == protocol.dataset(seeds[2]).splits


def test_shifts() -> None:
    assert parse_shift("jpeg:2").corruption == Corruption("jpeg", 2)
    assert parse_shift("site = arm").held_out == ("site", "arm")


def test_several_shifts_or_none() -> None:
    assert parse_shifts(["jpeg:2", "site=arm"]) == (parse_shift("jpeg:2"), parse_shift("site=arm"))
    assert parse_shifts(["none"]) == ()
    for texts in (["none", "jpeg:2"], ["jpeg:2", "none"], ["none", "none"]):
        with pytest.raises(UsageError, match=r"--shift: 'none' .* Leave out 'none', or the others"):
            parse_shifts(texts)
    with pytest.raises(UsageError, match="there is no corruption 'None'"):
        parse_shifts(["None"])


def test_near_duplicates_are_kept_in_one_split(
    protocol: Protocol, session_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = protocol.dataset(0).cases
    a, b = cases[0], next(case for case in cases if case.cluster != cases[0].cluster)

    def found(cases: Sequence[Any], *_: Any) -> list[Alike]:
        return [Alike(a.cluster, b.cluster, a.case_id, b.case_id, 0.9)]

    monkeypatch.setattr(triage.learning.find_duplicates, "near_duplicates", found)
    joined = replace(protocol, similar=0.7).with_near_duplicates(session_cache, quiet)
    assert joined.joined == ((a.cluster, b.cluster),)
    for seed in joined.seeds(4):
        data = joined.dataset(seed)
        clusters = {case.case_id: case.cluster for case in data.cases}
        assert clusters[a.case_id] == clusters[b.case_id]
    assert joined.fingerprint() != protocol.fingerprint()


def test_a_chain_of_mere_likeness_joins_nothing(protocol: Protocol, session_cache: Path) -> None:
    """To a network of random weights most phantoms are alike."""
    found = replace(protocol, similar=0.3).with_near_duplicates(session_cache, quiet)
    assert found.indistinct
    assert found.joined == ()


def test_it_can_be_turned_off(protocol: Protocol, session_cache: Path) -> None:
    assert replace(protocol, similar=1.0).with_near_duplicates(session_cache, quiet).joined == ()


def test_no_draw_has_a_case_of_the_gate(protocol: Protocol) -> None:
    own = protocol.spec.split
    shares = {"test": own.test * 0.6, "gate": own.test * 0.4}
    gated = replace(
        protocol,
        spec=protocol.spec.model_copy(update={"split": own.model_copy(update=shares)}),
        shifts=(),
    )
    kept = None
    for seed in gated.seeds(3):
        drawn = gated.dataset(seed)
        names = {case.case_id for case in drawn.of_split("gate")}
        kept = kept or names
        assert names == kept
        clusters = {case.cluster for case in drawn.of_split("gate")}
        for split in ("train", "validation", "test"):
            assert clusters.isdisjoint(case.cluster for case in drawn.of_split(split))
    assert kept
